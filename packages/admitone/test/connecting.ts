import { vi } from 'vitest';
import {
  AdmitConnection,
  type AdmitConnectionOptions,
  type AdmitError,
  type CloseDetail,
} from '../src/index.js';
import { FakeSocket, FakeWebSocket } from './fake-socket.js';
import { mintAnswer } from './gateway-answers.js';

export const JWT = 'e30.e30.c2ln';
export const URL_OF_CHAT = 'wss://gw.example/chat';

/** A connection, everything it dispatches as text, and the mint it asks. */
export function connect(options: Partial<AdmitConnectionOptions> = {}) {
  const fetch = vi.fn<typeof globalThis.fetch>(async () => mintAnswer());
  const connection = new AdmitConnection({
    gateway: 'https://gw.example',
    token: () => JWT,
    fetch,
    WebSocket: FakeWebSocket,
    ...options,
  } as AdmitConnectionOptions);
  const seen: string[] = [];
  const errors: AdmitError[] = [];
  const closes: CloseDetail[] = [];
  connection.addEventListener('statechange', ({ detail }) => seen.push(detail.state.name));
  connection.addEventListener('open', () => seen.push('!open'));
  connection.addEventListener('message', ({ data }) => seen.push(`!message ${data}`));
  connection.addEventListener('error', ({ detail }) => {
    seen.push(`!error ${detail.code}`);
    errors.push(detail);
  });
  connection.addEventListener('close', ({ detail }) => {
    seen.push(`!close ${detail.code}${detail.retrying ? ', retrying' : ''}`);
    closes.push(detail);
  });
  return { connection, seen, errors, closes, fetch };
}

export const settle = () => vi.advanceTimersByTimeAsync(0);

export async function dialing(options: Partial<AdmitConnectionOptions> = {}) {
  const made = connect(options);
  await settle();
  return { ...made, socket: FakeSocket.latest() };
}

export async function open(options: Partial<AdmitConnectionOptions> = {}) {
  const made = await dialing(options);
  made.socket.accept();
  return made;
}

/** Fake time, no jitter, and no socket of another test. */
export function beginAnew(): void {
  FakeSocket.reset();
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
}
