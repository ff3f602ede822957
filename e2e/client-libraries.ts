// Existing client libraries, unmodified, as the package's README shows them. Their back-off is their own.
import { createClient } from 'graphql-ws';
import { WebSocket as PartySocket } from 'partysocket';
import ReconnectingWebSocket from 'reconnecting-websocket';
import { EMPTY, repeat, retry, timer } from 'rxjs';
import { webSocket } from 'rxjs/webSocket';
import { io, WebSocket as SocketIoTransport } from 'socket.io-client';
import {
  AdmitConnection,
  AdmitError,
  type AdmitErrorEvent,
  readClose,
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

/** An `error` or a `close` of a socket. */
type Ended = CloseEvent & Partial<Pick<AdmitErrorEvent, 'error'>>;

/** Whether it would only happen again. */
const isOver = ({ code, reason, error }: Ended) =>
  error instanceof AdmitError ? !error.retryable() : readClose(code, reason)?.next === 'stop';

export const LIBRARIES: readonly Library[] = [
  {
    name: 'graphql-ws',
    server: 'graphql',
    connect(url, Socket, { greeted, ended }) {
      const client = createClient({
        url,
        webSocketImpl: Socket,
        retryAttempts: 10,
        shouldRetry: (event) => !isOver(event as Ended),
      });
      client.subscribe(
        { query: 'subscription { greetings }' },
        { next: greeted, error: (event) => ended((event as Ended).code), complete: () => {} },
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
        const close = (details as { context?: Ended } | undefined)?.context;
        if (!close || !isOver(close)) return;
        socket.disconnect();
        ended(close.code);
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
        if (!isOver(event as Ended)) return;
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
      const shouldReconnectOnClose = (event: Ended) => !isOver(event);
      const socket = new PartySocket(url, [], { WebSocket: Socket, shouldReconnectOnClose });
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
      let last: Ended | undefined;
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
      const pause = (event: Ended | undefined, count: number) =>
        event && isOver(event) ? EMPTY : timer(Math.min(10_000, 500 * 2 ** count));
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
  Socket: typeof WebSocket,
  { greeted, ended }: Hears,
): () => void {
  const connection = new AdmitConnection({ source, url, WebSocket: Socket });
  connection.addEventListener('message', greeted);
  connection.addEventListener('close', ({ detail: { retrying, close } }) => {
    if (!retrying) ended(close?.code ?? 0);
  });
  return () => connection.close();
}
