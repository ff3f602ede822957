// What people already use, against its real server, through the real gateway.
import { WebSocket as UndiciWebSocket } from 'undici';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import {
  admitSocket,
  createTicketSource,
  type SocketConstructor,
  type TicketSource,
} from '../packages/admitone/src/index.js';
import { connectInNode, type Hears, LIBRARIES, type Library } from './client-libraries.js';
import { graphqlServer, greetingServer, type RunningServer, socketIoServer } from './library-servers.js';
import { RestartableGateway } from './restartable-gateway.js';

const PATHS = { graphql: '/graphql', socketIo: '/socket.io/', greeting: '/greeting' } as const;
/** Longer than any of these libraries' first pause, by which an attempt after the end would show. */
const QUIET_MS = 5_500;

let servers: Readonly<Record<Library['server'], RunningServer>>;

beforeAll(async () => {
  const [graphql, socketIo, greeting] = await Promise.all([
    graphqlServer(),
    socketIoServer(),
    greetingServer(),
  ]);
  servers = { graphql, socketIo, greeting };
});

afterAll(() => Promise.all(Object.values(servers).map((server) => server.stop())));

/** Ends what a test began. Of the test's own: the global one knows only one test at a time. */
type Finish = TestContext['onTestFinished'];

async function gatewayOf(
  server: Library['server'],
  onTestFinished: Finish,
): Promise<[RestartableGateway, string]> {
  const gateway = await RestartableGateway.serve({ [PATHS[server]]: servers[server].url });
  onTestFinished(() => gateway.kill());
  return [gateway, gateway.socket(PATHS[server])];
}

/** A source that remembers what it gave, and how often it was asked. */
function watched(gateway: RestartableGateway, token: string) {
  const inner = createTicketSource({ gateway: gateway.url, token: () => token });
  const tickets: string[] = [];
  const seen = { asked: 0, tickets };
  const acquire: TicketSource['acquire'] = async (options) => {
    seen.asked += 1;
    const minted = await inner.acquire(options);
    tickets.push(minted.ticket);
    return minted;
  };
  return { seen, source: { ...inner, acquire } };
}

type Connect = (url: string, source: TicketSource, hears: Hears) => () => unknown;

/** Greeted; the gateway dies and comes back; greeted again over another ticket; logged out, which is the end. */
async function live(server: Library['server'], onTestFinished: Finish, connect: Connect): Promise<void> {
  const [gateway, url] = await gatewayOf(server, onTestFinished);
  const token = gateway.logIn('ada');
  const { source, seen } = watched(gateway, token);
  const greetings = new Counter();
  const ended = new Promise<number>((resolve) => {
    const hears = { greeted: () => greetings.count(), ended: resolve };
    const stop = connect(url, source, hears);
    onTestFinished(async () => void (await stop()));
  });
  await greetings.reach(1);
  await gateway.kill();
  await gateway.start();
  await greetings.reach(2);
  expect(seen.tickets).toHaveLength(2);
  expect(new Set(seen.tickets).size).toBe(2);
  await gateway.logOut(token);
  expect(await ended).toBe(4900);
  const { asked } = seen;
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  expect(seen.asked).toBe(asked);
}

describe.concurrent('through a restart with another ticket, and to its end after a logout', () => {
  for (const library of LIBRARIES)
    test(library.name, ({ onTestFinished }) =>
      live(library.server, onTestFinished, (url, source, hears) =>
        library.connect(url, socketOf(source, NodeWebSocket), hears),
      ),
    );

  for (const [name, Socket] of Object.entries({ undici: UndiciWebSocket, ws: NodeWebSocket }))
    test(`AdmitConnection over the WebSocket of ${name}`, ({ onTestFinished }) =>
      live('greeting', onTestFinished, (url, source, hears) => connectInNode(url, source, Socket, hears)));

  test("a library over undici's WebSocket", ({ onTestFinished }) =>
    live('greeting', onTestFinished, (url, source, hears) => {
      const [library] = LIBRARIES.filter(({ name }) => name === 'partysocket');
      const Socket = socketOf(source, UndiciWebSocket);
      return library?.connect(url, Socket, hears) ?? (() => {});
    }));
});

function socketOf(source: TicketSource, Socket: SocketConstructor): typeof WebSocket {
  return admitSocket({ source, WebSocket: Socket });
}

describe.concurrent('a bare socket in its place is refused, so the tests above prove the ticket', () => {
  for (const library of LIBRARIES)
    test(library.name, async ({ onTestFinished }) => {
      const [, url] = await gatewayOf(library.server, onTestFinished);
      const greetings = new Counter();
      await new Promise<void>((resolve) => {
        class Bare extends NodeWebSocket {
          constructor(...given: ConstructorParameters<typeof NodeWebSocket>) {
            super(...given);
            this.on('error', () => resolve());
          }
        }
        const hears = { greeted: () => greetings.count(), ended: () => {} };
        const stop = library.connect(url, Bare as unknown as typeof WebSocket, hears);
        onTestFinished(async () => void (await stop()));
      });
      expect(greetings.counted).toBe(0);
    });

  for (const [name, Socket] of Object.entries({ undici: UndiciWebSocket, ws: NodeWebSocket }))
    test(name, async ({ onTestFinished }) => {
      const [, url] = await gatewayOf('greeting', onTestFinished);
      const socket = new Socket(url) as unknown as WebSocket;
      const ended = new Promise<string>((resolve) => {
        for (const type of ['open', 'error']) socket.addEventListener(type, () => resolve(type));
      });
      expect(await ended).toBe('error');
    });
});

class Counter {
  counted = 0;
  #waiting: (() => void) | undefined;

  count(): void {
    this.counted += 1;
    this.#waiting?.();
  }

  reach(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = () => this.counted >= count && resolve();
      this.#waiting();
    });
  }
}
