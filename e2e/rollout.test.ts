// What pages notice of a rollout: nothing but the credential that they connect with.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket as NodeWebSocket, WebSocketServer } from 'ws';
import { AdmitConnection, admitSocket } from '../packages/admitone/src/index.js';
import { RestartableGateway } from './restartable-gateway.js';

let upstream: WebSocketServer;
let gateway: RestartableGateway;

beforeAll(async () => {
  upstream = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(upstream, 'listening');
  upstream.on('connection', (socket, { headers }) => {
    socket.send(String(headers['x-admitone-method']));
    socket.on('message', (data) => socket.send(data.toString()));
  });
  const { port } = upstream.address() as AddressInfo;
  gateway = await RestartableGateway.serve(
    { '/chat': `ws://127.0.0.1:${port}/` },
    { route: 'jwt_fallback = "allow"\n[routes.rollout]\npercent = 0', operated: true },
  );
});

afterAll(async () => {
  await gateway?.kill();
  upstream?.close();
});

function connect(fallback: 'jwt' | 'none'): AdmitConnection {
  const token = gateway.logIn('ada');
  const connection = new AdmitConnection({
    gateway: gateway.url,
    url: gateway.socket('/chat'),
    token: () => token,
    fallback,
    WebSocket: NodeWebSocket,
  });
  connection.connect();
  return connection;
}

async function message(target: EventTarget): Promise<string> {
  const [event] = (await once(target, 'message')) as [MessageEvent];
  return event.data;
}

test('F25: from 0 to 100 percent and back, pages connect throughout, and nobody who is connected is disturbed', async () => {
  const live: AdmitConnection[] = [];
  for (const [percent, method] of [
    [0, 'jwt'],
    [100, 'ticket'],
    [0, 'jwt'],
  ] as const) {
    await gateway.rollOut(percent, '/chat');
    const connection = connect('jwt');
    expect(await message(connection)).toBe(method);
    expect(connection.method).toBe(method);
    expect(connection.fallbackReason).toBe(method === 'jwt' ? 'tickets_disabled' : undefined);
    live.push(connection);
    for (const [index, open] of live.entries()) {
      open.send(`${percent}: ${index}`);
      expect(await message(open)).toBe(`${percent}: ${index}`);
    }
  }
  for (const connection of live) connection.close();
});

test('F25: admitSocket falls back as well, and where it may not, it says why and does not ask again', async () => {
  await gateway.rollOut(0, '/chat');
  const token = gateway.logIn('ada');
  let asked = 0;
  const counting: typeof fetch = (...request) => {
    asked += 1;
    return fetch(...request);
  };
  const options = { gateway: gateway.url, token: () => token, fetch: counting, WebSocket: NodeWebSocket };
  const socket = new (admitSocket({ ...options, fallback: 'jwt' }))(gateway.socket('/chat'));
  expect(await message(socket)).toBe('jwt');
  socket.close();
  const refused = new (admitSocket(options))(gateway.socket('/chat'));
  const [close] = (await once(refused, 'close')) as [CloseEvent];
  expect([close.code, close.reason]).toEqual([4999, 'admitone:tickets_disabled']);
  expect(asked).toBe(2);
});
