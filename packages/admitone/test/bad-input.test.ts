// What a page, a network and a gateway can do wrong: each ends in a typed error or a right state, and leaves nothing behind.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type AdmitConnectionOptions,
  AdmitError,
  createTicketSource,
  type MintedTicket,
  type TicketSourceOptions,
} from '../src/index.js';
import { beginAnew, connect, JWT, settle } from './connecting.js';
import { FakeSocket } from './fake-socket.js';
import { mintAnswer, problem } from './gateway-answers.js';

const DAY_MS = 24 * 3600 * 1000;

beforeEach(beginAnew);
afterEach(() => {
  expect(vi.getTimerCount(), 'no timer is left behind').toBe(0);
  vi.useRealTimers();
});

function acquire(fetch: typeof globalThis.fetch, options: Partial<TicketSourceOptions> = {}) {
  const source = createTicketSource({ gateway: 'https://gw.example', token: () => JWT, fetch, ...options });
  return source.acquire({ maxRetries: 0 }).catch((error: unknown) => error);
}

/** A body in pieces of 1 KiB, without an end. */
function endless() {
  const counts = { pulled: 0 };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      counts.pulled += 1;
      controller.enqueue(new TextEncoder().encode('x'.repeat(1024)));
    },
  });
  return { stream, counts };
}

describe('F26: every status a mint can answer', () => {
  const RETRIED = [408, 425, 429];

  it.each(Array.from({ length: 400 }, (_, index) => index + 200))(
    '%i is a ticket, or an error with a code',
    async (status) => {
      const bare = [204, 205, 304].includes(status);
      const outcome = await acquire(async () => new Response(bare ? null : '<h1>no</h1>', { status }));
      expect(outcome).toBeInstanceOf(AdmitError);
      const error = outcome as AdmitError;
      expect(error.code).toMatch(/^[a-z_]+$/);
      expect(error.retryable()).toBe(status >= 500 || RETRIED.includes(status));
      if (status < 300) expect(error.code).toBe('bad_answer');
    },
  );
});

describe('F26: a body', () => {
  it.each([
    ['without an end is cut off', 201, 'bad_answer'],
    ['without an end of an error goes by its status', 503, 'unavailable'],
  ])('%s', async (_, status, code) => {
    const { stream, counts } = endless();
    const fetch = vi.fn<typeof globalThis.fetch>(async () => new Response(stream, { status }));
    expect(await acquire(fetch)).toMatchObject({ code });
    expect(counts.pulled).toBeLessThan(80);
    expect(fetch.mock.calls[0]?.[1]?.signal?.aborted).toBe(true);
  });

  it('that stops in the middle is a timeout', async () => {
    const stalled = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"ticket":')),
    });
    const error = acquire(async () => new Response(stalled, { status: 201 }));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await error).toMatchObject({ code: 'timeout' });
  });

  it('that breaks off is a failure of the network', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new TypeError('reset')),
    });
    expect(await acquire(async () => new Response(broken, { status: 201 }))).toMatchObject({
      code: 'network',
    });
  });

  it.each([
    ['a number', '7'],
    ['a list', '[]'],
    ['text', '"adm1_"'],
    ['half of JSON', '{"ticket": "adm1'],
    ['a prototype', '{"__proto__": {"ticket": "adm1_x"}}'],
    ['endless nesting', '['.repeat(60_000)],
    ['UTF-16', '\ufeff{"ticket"'],
  ])('that is %s is bad_answer', async (_, text) => {
    expect(await acquire(async () => new Response(text, { status: 201 }))).toMatchObject({
      code: 'bad_answer',
    });
  });
});

describe('F26: a token callback', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    [
      'throws what is no error',
      () => {
        throw undefined;
      },
    ],
    ['gives null', () => null as unknown as string],
    ['gives a line break', () => 'a\nb'],
  ])('that %s ends the connection with token_failed, and no mint', async (_, token) => {
    const { connection, errors, fetch } = connect({ token });
    await settle();
    expect(connection.state).toMatchObject({ name: 'closed', cause: { code: 'token_failed' } });
    expect(errors).toHaveLength(1);
    expect(fetch).not.toHaveBeenCalled();
  });

  it('that never resolves is given up, again and again, and close() ends it', async () => {
    const token = vi.fn(() => new Promise<string>(() => {}));
    const { connection, errors, fetch } = connect({ token });
    await vi.advanceTimersByTimeAsync(25_000);
    expect(errors.map(({ code }) => code)).toEqual(['timeout', 'timeout']);
    connection.close();
    await vi.advanceTimersByTimeAsync(DAY_MS);
    expect(connection.state.name).toBe('closed');
    expect(token).toHaveBeenCalledTimes(3);
    expect(fetch).not.toHaveBeenCalled();
  });

  it('that never resolves for the fallback is given up as well', async () => {
    const { connection, closes } = connect({
      token: () => new Promise<string>(() => {}),
      enabled: false,
      fallback: 'jwt',
      url: 'wss://gw.example/chat',
      maxRetries: 1,
    });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(connection.state.name).toBe('closed');
    expect(closes.at(-1)).toEqual({ code: 'timeout', gaveUp: true, retrying: false });
  });
});

it('F26: a ticket that a source gives after close() all the same is not kept', async () => {
  let give = (_: MintedTicket) => {};
  const source = {
    ...createTicketSource({ gateway: 'https://gw.example', token: () => JWT }),
    acquire: () => new Promise<MintedTicket>((resolve) => (give = resolve)),
  };
  const { connection, seen } = connect({ source, gateway: undefined } as Partial<AdmitConnectionOptions>);
  connection.close();
  give({ ticket: 'adm1_late', websocketUrl: 'wss://gw.example/chat' } as MintedTicket);
  await settle();
  expect(seen).toEqual(['acquiring', 'closed', '!close closed_by_application']);
  expect(connection.handshake).toBeUndefined();
  expect(FakeSocket.all).toEqual([]);
});

describe('F26: a clock that is wrong by a day', () => {
  it.each([-DAY_MS, DAY_MS])('(%i ms) changes nothing', async (wrong) => {
    vi.setSystemTime(1_700_000_000_000 + wrong);
    const { connection, seen } = connect();
    await settle();
    FakeSocket.latest().accept();
    expect(seen).toEqual(['acquiring', 'dialing', 'open', '!open']);
    connection.close();
    FakeSocket.latest().end();
  });

  it.each([-DAY_MS, DAY_MS])('(%i ms) waits no longer for a Retry-After in form of a date', async (wrong) => {
    vi.setSystemTime(1_700_000_000_000 + wrong);
    const asked = new Date(1_700_000_005_000).toUTCString();
    const error = await acquire(async () => problem(503, 'draining', {}, { 'retry-after': asked }));
    expect(error).toMatchObject({ code: 'unavailable', retryAfterMs: undefined });
  });

  it('jumping while a retry waits neither hurries nor delays it', async () => {
    const answers = [() => problem(503, 'draining'), () => mintAnswer()];
    const { connection } = connect({ fetch: async () => (answers.shift() ?? mintAnswer)() });
    await settle();
    vi.setSystemTime(Date.now() + DAY_MS);
    await vi.advanceTimersByTimeAsync(499);
    expect(connection.state.name).toBe('waiting');
    await vi.advanceTimersByTimeAsync(1);
    expect(connection.state.name).toBe('dialing');
    connection.close();
    await vi.advanceTimersByTimeAsync(3_000);
  });
});

describe('F26: no loop', () => {
  it('of tickets that are refused goes on for more than ten retries', async () => {
    const { connection, fetch, closes } = connect();
    for (let count = 0; count < 40; count += 1) {
      await vi.advanceTimersByTimeAsync(10_000);
      const socket = FakeSocket.latest();
      if (socket.readyState !== 0) continue;
      socket.accept('admitone.refused');
      socket.end(4801, 'admitone:ticket_not_accepted');
    }
    expect(connection.state).toMatchObject({
      name: 'closed',
      cause: { code: 'ticket_not_accepted', gaveUp: true },
    });
    expect(fetch).toHaveBeenCalledTimes(11);
    expect(closes).toHaveLength(11);
  });

  it('follows a login that is not accepted: one mint, one error', async () => {
    const { fetch, errors } = connect({ fetch: vi.fn(async () => problem(401, 'not_logged_in')) });
    await vi.advanceTimersByTimeAsync(DAY_MS);
    expect(errors).toHaveLength(1);
    expect(fetch).not.toHaveBeenCalled();
  });
});

describe('F26: a flag that is a function', () => {
  it('is asked before every attempt', async () => {
    const enabled = vi.fn(() => true);
    const { connection, fetch } = connect({ enabled, fallback: 'jwt', url: 'wss://gw.example/chat' });
    await settle();
    FakeSocket.latest().accept();
    expect([connection.method, connection.fallbackReason]).toEqual(['ticket', undefined]);
    enabled.mockReturnValue(false);
    FakeSocket.latest().end();
    await vi.advanceTimersByTimeAsync(500);
    expect([connection.method, connection.fallbackReason]).toEqual(['jwt', 'tickets_off']);
    expect(fetch).toHaveBeenCalledTimes(1);
    connection.close();
    await vi.advanceTimersByTimeAsync(3_000);
  });

  it('turned off without a fallback ends the connection and says so; never a JWT that was not allowed', async () => {
    const enabled = vi.fn(() => true);
    const { connection, closes } = connect({ enabled });
    await settle();
    FakeSocket.latest().accept();
    enabled.mockReturnValue(false);
    FakeSocket.latest().end();
    await vi.advanceTimersByTimeAsync(500);
    expect(connection.state).toEqual({ name: 'closed', cause: { code: 'tickets_disabled' } });
    expect(closes.at(-1)).toEqual({ code: 'tickets_disabled', retrying: false });
  });

  it('that throws leaves tickets on, at first and in a retry', async () => {
    const enabled = () => {
      throw new Error('the flag service is down');
    };
    const { connection } = connect({ enabled });
    await settle();
    FakeSocket.latest().end();
    await vi.advanceTimersByTimeAsync(500);
    expect([connection.state.name, connection.method]).toEqual(['dialing', 'ticket']);
    connection.close();
    await vi.advanceTimersByTimeAsync(3_000);
  });
});
