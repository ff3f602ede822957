// The real servers of the client libraries. Each greets every connection.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { Server as SocketIoServer } from 'socket.io';
import { WebSocketServer } from 'ws';

export interface RunningServer {
  readonly url: string;
  /** How many connections there have been. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** Plain text frames. */
export async function greetingServer(): Promise<RunningServer> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  sockets.on('connection', (socket) => {
    socket.send('hello');
    socket.on('message', (text) => socket.send(`${text}`));
  });
  return running(sockets);
}

/** `subscription { greetings }` greets once, and stays. */
export async function graphqlServer(): Promise<RunningServer> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const schema = buildSchema('type Query { name: String } type Subscription { greetings: String }');
  useServer({ schema, roots: { subscription: { greetings } } }, sockets);
  return running(sockets);
}

async function* greetings(): AsyncGenerator<{ greetings: string }> {
  yield { greetings: 'hello' };
  await new Promise(() => {});
}

/** Emits `greeting`. Without long polling: a ticket is for one connection. */
export async function socketIoServer(): Promise<RunningServer> {
  const http = createServer();
  const io = new SocketIoServer(http, { transports: ['websocket'] });
  io.on('connection', (socket) => socket.emit('greeting', 'hello'));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  let connections = 0;
  io.on('connection', () => {
    connections += 1;
  });
  return {
    url: `ws://127.0.0.1:${port}/socket.io/`,
    get connections() {
      return connections;
    },
    stop: () => io.close(),
  };
}

async function running(sockets: WebSocketServer): Promise<RunningServer> {
  let connections = 0;
  sockets.on('connection', () => {
    connections += 1;
  });
  await once(sockets, 'listening');
  const { port } = sockets.address() as AddressInfo;
  const stop = async () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    await once(sockets, 'close');
  };
  return {
    url: `ws://127.0.0.1:${port}/`,
    get connections() {
      return connections;
    },
    stop,
  };
}
