// A thousand clients of one address lose their gateway at the same moment.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import { AdmitConnection } from '../packages/admitone/src/index.js';
import { greetingServer, type RunningServer } from './library-servers.js';
import { RestartableGateway } from './restartable-gateway.js';

const CLIENTS = 1000;
/**
 * At first, after the kill, ahead after the drain's Close, and again since a gateway without Redis knows no ticket from before
 * its start; and no more than one in ten beside it. The limit itself is the default one.
 */
const MOST_MINTS = CLIENTS * 4.4;
const LIMITS = `[limits]
connections_per_address = ${3 * CLIENTS}
`;

let upstream: RunningServer;
let gateway: RestartableGateway;
let connections: AdmitConnection[] = [];
/** How often each status was the answer to a mint. */
const answers = new Map<number, number>();

beforeAll(async () => {
  upstream = await greetingServer();
  gateway = await RestartableGateway.serve(
    { '/chat': upstream.url },
    { server: 'drain_seconds = 2', tables: LIMITS },
  );
});

afterAll(async () => {
  for (const connection of connections) connection.close();
  await gateway?.kill();
  await upstream?.stop();
});

const counting: typeof fetch = async (...request) => {
  const answer = await fetch(...request);
  answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
  return answer;
};

function connect(person: number): AdmitConnection {
  const login = gateway.logIn(`person-${person}`);
  return new AdmitConnection({
    gateway: gateway.url,
    token: () => login,
    fetch: counting,
    url: gateway.socket('/chat'),
    WebSocket: NodeWebSocket,
  });
}

const open = () => connections.filter(({ state }) => state.name === 'open').length;
const allAreOpen = () => expect.poll(open, { timeout: 50_000, interval: 100 }).toBe(CLIENTS);

test('after a kill and after a drain all are back, and none of them was over the mint limit', async () => {
  connections = Array.from({ length: CLIENTS }, (_, person) => connect(person));
  await allAreOpen();
  await gateway.kill();
  await expect.poll(open, { timeout: 20_000 }).toBe(0);
  await gateway.start();
  await allAreOpen();
  const drained: unknown[] = [];
  for (const connection of connections)
    connection.addEventListener('close', ({ detail }) => drained.push(detail.close?.code), { once: true });
  await gateway.drain();
  await gateway.start();
  await allAreOpen();
  expect(drained).toEqual(Array(CLIENTS).fill(1012));
  expect(answers.get(429)).toBeUndefined();
  expect(answers.get(201)).toBeLessThanOrEqual(MOST_MINTS);
}, 240_000);
