// Existing client libraries, unmodified, as the package's README shows them. Their back-off is their own.
import { createClient } from 'graphql-ws';
import { WebSocket as PartySocket } from 'partysocket';
import ReconnectingWebSocket from 'reconnecting-websocket';
import { EMPTY, repeat, retry, timer } from 'rxjs';
import { webSocket } from 'rxjs/webSocket';
import { io, WebSocket as SocketIoTransport } from 'socket.io-client';
import {
  AdmitConnection,
  isOver,
  type SocketConstructor,
  type TicketSource,
} from '../packages/admitone/src/index.js';

/** What the test is told. */
export interface Hears {
  greeted(): void;
  /** The library has given up for good. */
  ended(code: number): void;
}

export interface Library {
  readonly name: string;
  readonly server: 'graphql' | 'socketIo' | 'greeting';
  /** Lets the library connect, and gives what ends it. */
  connect(url: string, Socket: typeof WebSocket, hears: Hears): () => unknown;
}

export const LIBRARIES: readonly Library[] = [
  {
    name: 'graphql-ws',
    server: 'graphql',
    connect(url, Socket, { greeted, ended }) {
      const client = createClient({
        url,
        webSocketImpl: Socket,
        shouldRetry: (event) => !isOver(event),
      });
      client.subscribe(
        { query: 'subscription { greetings }' },
        { next: greeted, error: (event) => ended((event as CloseEvent).code), complete: () => {} },
      );
      // Rejects where there is no socket to close.
      return () => Promise.resolve(client.dispose()).catch(() => {});
    },
  },
  {
    name: 'socket.io-client',
    server: 'socketIo',
    connect(url, Socket, { greeted, ended }) {
      class Transport extends SocketIoTransport {
        override createSocket(uri: string, protocols?: string | string[]) {
          return new Socket(uri, protocols);
        }
      }
      const socket = io(new URL(url).origin, { transports: [Transport], forceNew: true });
      socket.on('greeting', greeted);
      socket.on('disconnect', (_, details) => {
        const { context } = Object(details);
        if (!isOver(context)) return;
        socket.disconnect();
        ended(context.code);
      });
      return () => socket.disconnect();
    },
  },
  {
    name: 'reconnecting-websocket',
    server: 'greeting',
    connect(url, Socket, { greeted, ended }) {
      const socket = new ReconnectingWebSocket(url, [], { WebSocket: Socket });
      socket.addEventListener('message', greeted);
      socket.addEventListener('close', (event) => {
        if (!isOver(event)) return;
        socket.close();
        ended(event.code);
      });
      return () => socket.close();
    },
  },
  {
    name: 'partysocket',
    server: 'greeting',
    connect(url, Socket, { greeted, ended }) {
      const socket = new PartySocket(url, [], {
        WebSocket: Socket,
        shouldReconnectOnClose: (event) => !isOver(event),
      });
      socket.addEventListener('message', greeted);
      socket.addEventListener('close', (event) => {
        if (!socket.shouldReconnect) ended(event.code);
      });
      return () => socket.close();
    },
  },
  {
    name: 'rxjs/webSocket',
    server: 'greeting',
    connect(url, Socket, { greeted, ended }) {
      let last: CloseEvent | undefined;
      const closeObserver = {
        next: (event: CloseEvent) => {
          last = event;
        },
      };
      const subject = webSocket({
        url,
        WebSocketCtor: Socket,
        closeObserver,
        deserializer: ({ data }) => data,
      });
      const pause = (event: unknown, count: number) =>
        isOver(event) ? EMPTY : timer(Math.min(10_000, 500 * 2 ** count));
      // A clean Close completes the stream, whatever its code.
      const kept = subject.pipe(retry({ delay: pause }), repeat({ delay: (count) => pause(last, count) }));
      const subscription = kept.subscribe({ next: greeted, complete: () => ended(last?.code ?? 0) });
      return () => subscription.unsubscribe();
    },
  },
];

/** Constructors of Node beneath our own reconnection: they have none. */
export function connectInNode(
  url: string,
  source: TicketSource,
  Socket: SocketConstructor,
  { greeted, ended }: Hears,
): () => void {
  const connection = new AdmitConnection({ source, url, WebSocket: Socket });
  connection.addEventListener('message', greeted);
  connection.addEventListener('close', ({ detail: { retrying, close } }) => {
    if (!retrying) ended(close?.code ?? 0);
  });
  return () => connection.close();
}
