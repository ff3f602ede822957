import { act, type ReactNode } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, vi } from 'vitest';
import {
  AdmitProvider,
  type AdmitProviderProps,
  type ConnectionHook,
  type TicketSourceHook,
  type UseConnectionOptions,
  useConnection,
  useTicketSource,
} from '../src/react/index.js';
import { FakeSocket, FakeWebSocket } from './fake-socket.js';
import { numberedMints } from './gateway-answers.js';

/** What the mint is asked. */
export const fetch = vi.fn<typeof globalThis.fetch>();
/** Who is logged in. */
export const login = { token: '' };
export let root: Root;
export let page: HTMLElement;
/** What the hooks gave in the latest render. */
export let chat: ConnectionHook;
export let tickets: TicketSourceHook;

beforeEach(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  FakeSocket.reset();
  fetch.mockReset().mockImplementation(numberedMints());
  login.token = 'jwt-of-ada';
  page = document.createElement('main');
  root = createRoot(page);
});

afterEach(async () => {
  await act(async () => root.unmount());
  vi.unstubAllGlobals();
});

export function Chat(options: UseConnectionOptions): ReactNode {
  chat = useConnection({ WebSocket: FakeWebSocket, url: 'wss://gw.example/chat', ...options });
  return chat.state.name;
}

export function Tickets(): ReactNode {
  tickets = useTicketSource();
  return `${tickets.status.busy} ${tickets.status.error?.code} ${tickets.status.stats.mints}`;
}

export function Provided(props: Partial<AdmitProviderProps>): ReactNode {
  return (
    <AdmitProvider
      {...({
        gateway: 'https://gw.example',
        token: () => login.token,
        fetch,
        ...props,
      } as AdmitProviderProps)}
    />
  );
}

export const render = (node: ReactNode) => act(async () => root.render(node));

export async function open(node: ReactNode): Promise<FakeSocket> {
  await render(node);
  await act(async () => FakeSocket.latest().accept());
  return FakeSocket.latest();
}

/** The tokens that minted. */
export function loginsUsed(): unknown[] {
  return fetch.mock.calls.map(([, init]) => new Headers(init?.headers).get('authorization'));
}
