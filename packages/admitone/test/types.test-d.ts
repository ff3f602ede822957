// Checked by `npm run types`, never run: what the compiler has to accept, and what it must not.
import { WebSocket as UndiciWebSocket } from 'undici';
import { WebSocket as NodeWebSocket } from 'ws';
import {
  AdmitConnection,
  type AdmitConnectionOptions,
  type AdmitError,
  type AdmitErrorEvent,
  AdmitEventSource,
  type AdmitSocket,
  admitSocket,
  type CloseDetail,
  type ConnectionState,
  createTicketSource,
  type FallbackReason,
  type MintedTicket,
  offerProtocols,
  type RenewedSession,
  type TicketSource,
} from '../src/index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_ extends true>(): void => {};

const gateway = 'https://gw.example';
const token = () => 'jwt';
const source: TicketSource = createTicketSource({ gateway, token: async () => 'jwt', ttlSeconds: 30 });

export const connections = [
  new AdmitConnection({ gateway, token }),
  new AdmitConnection({ gateway: new URL(gateway), token, route: '/chat', retryCodes: [4000] }),
  new AdmitConnection({ source, url: 'wss://gw.example/chat', fallback: 'jwt', protocols: 'chat' }),
  new AdmitConnection({ source, enabled: () => true }),
  new AdmitConnection({ source, WebSocket }),
  new AdmitConnection({ source, WebSocket: NodeWebSocket }),
  new AdmitConnection({ source, WebSocket: UndiciWebSocket }),
];

export const refused = [
  // @ts-expect-error neither a source nor a gateway
  new AdmitConnection({}),
  // @ts-expect-error a gateway without a token
  new AdmitConnection({ gateway }),
  // @ts-expect-error a source that is undefined
  new AdmitConnection({ source: undefined }),
  // @ts-expect-error both
  new AdmitConnection({ source, gateway, token }),
  // @ts-expect-error another fallback
  new AdmitConnection({ gateway, token, fallback: 'JWT' }),
  // @ts-expect-error a flag as text
  new AdmitConnection({ gateway, token, enabled: 'false' }),
  // @ts-expect-error a time as text
  new AdmitConnection({ gateway, token, openTimeoutMs: '10s' }),
  // @ts-expect-error codes as text
  new AdmitConnection({ gateway, token, retryCodes: ['4000'] }),
  // @ts-expect-error no constructor of sockets
  new AdmitConnection({ gateway, token, WebSocket: EventSource }),
  // @ts-expect-error an option that does not exist
  new AdmitConnection({ gateway, token, retries: 3 }),
  // @ts-expect-error another kind of credential
  offerProtocols({ kind: 'cookie', value: '' }),
];

export function events(chat: AdmitConnection): void {
  chat.addEventListener('statechange', ({ detail }) => {
    holds<Same<typeof detail.state, ConnectionState>>();
    holds<Same<typeof detail.previous, ConnectionState>>();
  });
  chat.addEventListener('open', (event) => holds<Same<typeof event, Event>>());
  chat.addEventListener('message', (event) => holds<Same<typeof event, MessageEvent>>());
  chat.addEventListener('error', ({ detail }) => holds<Same<typeof detail, AdmitError>>());
  chat.addEventListener('close', ({ detail }) => holds<Same<typeof detail, CloseDetail>>(), { once: true });
  chat.addEventListener('anything', (event) => holds<Same<typeof event, Event>>());
  chat.removeEventListener('open', null);
}

export function states({ state, method }: AdmitConnection): number | undefined {
  holds<Same<typeof method, 'ticket' | 'jwt' | undefined>>();
  // @ts-expect-error only some states have an end
  void state.until;
  switch (state.name) {
    case 'acquiring':
    case 'dialing':
    case 'refused':
    case 'closing':
      return state.until;
    case 'waiting':
      return state.cause.close?.code ?? state.until;
    case 'open':
      return state.since;
    case 'closed':
      holds<Same<typeof state.cause.gaveUp, true | undefined>>();
      return undefined;
    case 'idle':
      return undefined;
    default:
      return state satisfies never;
  }
}

export function tickets(minted: MintedTicket, error: AdmitError, options: AdmitConnectionOptions): void {
  holds<Same<typeof minted.expiresIn, number>>();
  holds<Same<typeof error.retryAfterMs, number | undefined>>();
  holds<Same<ReturnType<typeof error.requiresLogin>, boolean>>();
  // @ts-expect-error a ticket does not change
  minted.ticket = '';
  // @ts-expect-error nor do options
  options.url = '';
}

export function renewals(chat: AdmitConnection): void {
  chat.addEventListener('renewed', ({ detail }) => holds<Same<typeof detail, RenewedSession>>());
  holds<Same<typeof chat.fallbackReason, FallbackReason | undefined>>();
  holds<Same<ReturnType<typeof chat.loginChanged>, void>>();
}

export function sockets(): void {
  const Socket = admitSocket({ gateway, token });
  // What libraries ask for.
  const asGlobal: typeof WebSocket = Socket;
  const asConstructor: new (url: string, protocols?: string | string[]) => WebSocket = Socket;
  const socket = new Socket();
  holds<Same<typeof socket, AdmitSocket>>();
  holds<Same<typeof Socket.CLOSED, 3>>();
  socket.addEventListener('close', ({ code }) => holds<Same<typeof code, number>>());
  socket.addEventListener('error', (event) => (event as AdmitErrorEvent).error.requiresLogin());
  // @ts-expect-error a socket does not reconnect
  admitSocket({ gateway, token, maxRetries: 3 });
  // @ts-expect-error its protocols come with each socket
  admitSocket({ gateway, token, protocols: 'chat' });
  void [asGlobal, asConstructor];
}

export function streams(): void {
  const news = new AdmitEventSource('/news', { source, maxRetries: 3 });
  const asNative: Pick<EventSource, 'url' | 'readyState' | 'onmessage' | 'onerror' | 'onopen' | 'close'> =
    news;
  // @ts-expect-error a stream has a URL
  new AdmitEventSource({ source });
  // @ts-expect-error and no subprotocols
  new AdmitEventSource('/news', { source, protocols: 'chat' });
  void asNative;
}
