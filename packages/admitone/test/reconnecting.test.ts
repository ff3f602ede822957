import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTicketSource, type MintedTicket, type TicketSource } from '../src/index.js';
import { beginAnew, connect, dialing, JWT, open, settle, URL_OF_CHAT } from './connecting.js';
import { FakeSocket } from './fake-socket.js';
import { mintAnswer, problem, TICKET } from './gateway-answers.js';

beforeEach(beginAnew);
afterEach(() => {
  vi.useRealTimers();
});

describe('reconnecting', () => {
  it('gives every socket a ticket of its own', async () => {
    let minted = 0;
    const fetch = async () => {
      minted += 1;
      return mintAnswer({ ticket: `adm1_${String(minted).padStart(72, '0')}` });
    };
    const { socket } = await open({ fetch });
    socket.end(1012, 'admitone:draining');
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.latest().end();
    await vi.advanceTimersByTimeAsync(1_000);
    const carriers = FakeSocket.all.map(({ offered }) => offered.at(-1));
    expect(new Set(carriers).size).toBe(3);
  });

  it('waits as long as the mint asks, beyond what a timer can hold', async () => {
    const days = 40 * 24 * 3600;
    const { connection } = connect({
      fetch: vi.fn(async () => problem(429, 'over_limit', {}, { 'retry-after': String(days) })),
    });
    await settle();
    expect(connection.state).toMatchObject({ name: 'waiting', retry: 1 });
    await vi.advanceTimersByTimeAsync(days * 1000);
    expect(connection.state.name).toBe('waiting');
    await vi.advanceTimersByTimeAsync(600);
    expect(connection.state).toMatchObject({ name: 'waiting', retry: 2 });

    connection.close();
  });

  it('gives up with the error of the mint', async () => {
    const { closes } = connect({ maxRetries: 2, fetch: async () => problem(503, 'store_unavailable') });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(closes.map(({ code, retrying, gaveUp }) => [code, retrying, gaveUp])).toEqual([
      ['unavailable', true, undefined],
      ['unavailable', true, undefined],
      ['unavailable', false, true],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('reads nothing more from an attempt that is over', async () => {
    const { connection, seen, socket } = await dialing({ openTimeoutMs: 50 });
    const { onopen, onmessage, onclose } = socket;
    await vi.advanceTimersByTimeAsync(50);
    expect(socket.closeCalls).toEqual([[]]);
    const before = [...seen];
    socket.accept();
    onopen?.();
    onmessage?.(new MessageEvent('message', { data: 'late' }));
    onclose?.({ code: 4901, reason: 'admitone:not_logged_in' });
    expect(seen).toEqual(before);
    expect(connection.state.name).toBe('waiting');
    expect(socket.onmessage).toBeNull();
  });
});

describe('the fallback', () => {
  const jwt = { fallback: 'jwt', url: URL_OF_CHAT } as const;

  it('connects with the JWT where tickets are off for the subject [F25]', async () => {
    const { connection, seen, socket } = await dialing({
      ...jwt,
      fetch: async () => problem(404, 'tickets_disabled'),
    });
    expect(socket.offered.at(-1)).toBe(`bearer.${JWT}`);
    socket.accept();
    expect(seen).toEqual(['acquiring', 'acquiring', '!error tickets_disabled', 'dialing', 'open', '!open']);
    expect(connection.method).toBe('jwt');
    expect(connection.handshake?.offered.at(-1)).toBe('bearer.…');
    expect(connection.handshake?.sessionId).toBeUndefined();
  });

  it.each([
    ['refused', (socket: FakeSocket) => socket.end(4804, 'admitone:store_unavailable'), 'store_unavailable'],
    ['failed', (socket: FakeSocket) => socket.end(), 'connection_failed'],
  ])('follows a ticket that was %s, and reports it', async (_, end, code) => {
    const { seen, socket } = await dialing(jwt);
    end(socket);
    await settle();
    expect(seen).toEqual(['acquiring', 'dialing', 'acquiring', `!error ${code}`, 'dialing']);
    expect(FakeSocket.latest().offered.at(-1)).toBe(`bearer.${JWT}`);
  });

  it('is the first choice with enabled: false', async () => {
    const { fetch, socket } = await dialing({ ...jwt, enabled: false });
    expect(fetch).not.toHaveBeenCalled();
    expect(socket.offered.at(-1)).toBe(`bearer.${JWT}`);
  });

  it('F25: is the first choice where the source is turned off, and nothing fails before', async () => {
    const enabled = vi.fn(() => false);
    const source = createTicketSource({ gateway: 'https://gw.example', token: () => JWT, enabled });
    const { connection, seen, socket } = await dialing({ ...jwt, source } as Parameters<typeof dialing>[0]);
    expect(seen).toEqual(['acquiring', 'dialing']);
    expect([socket.offered.at(-1), connection.fallbackReason]).toEqual([`bearer.${JWT}`, 'tickets_off']);
  });

  it('ends where there is no token', async () => {
    const token = () => Promise.reject(new Error('logged out'));
    const { seen } = connect({ ...jwt, enabled: false, token });
    await settle();
    expect(seen).toEqual(['acquiring', 'closed', '!error token_failed', '!close token_failed']);
  });
});

describe('a dial that cannot begin', () => {
  const source = (changes: Partial<MintedTicket>): TicketSource => ({
    acquire: async () => ({ ticket: TICKET, websocketUrl: URL_OF_CHAT, ...changes }) as MintedTicket,
    token: async () => JWT,
    prefetch: async () => {},
    clear: () => {},
    renew: () => Promise.reject(),
    revoke: () => Promise.reject(),
    stats: { mints: 0, failures: 0, retries: 0, prefetched: 0 },
  });

  it.each([
    ['a URL that is none', new SyntaxError(TICKET), 'invalid_url'],
    ['a fragment', new DOMException(TICKET, 'SyntaxError'), 'invalid_url'],
    ['mixed content', new DOMException(TICKET, 'SecurityError'), 'invalid_url'],
  ])('for %s is final, names the cause, and never quotes its message', async (_, thrown, code) => {
    FakeSocket.refuseToConstruct = thrown;
    const { seen, errors } = connect();
    await settle();
    expect(seen).toEqual(['acquiring', 'dialing', 'closed', `!error ${code}`, `!close ${code}`]);
    expect(errors[0]?.message).toContain(thrown.name);
    expect(errors[0]?.retryable()).toBe(false);
    expect(inspect(errors, { depth: 9, showHidden: true })).not.toContain(TICKET);
  });

  it.each([[new TypeError(TICKET)], [TICKET], [undefined]])(
    'for anything else is retried',
    async (thrown) => {
      FakeSocket.refuseToConstruct = { thrown };
      const { seen, errors } = connect();
      await settle();
      expect(seen).toEqual([
        'acquiring',
        'dialing',
        'waiting',
        '!error connection_failed',
        '!close connection_failed, retrying',
      ]);
      expect(inspect(errors, { depth: 9, showHidden: true })).not.toContain(TICKET);
    },
  );

  it.each([
    ['is no token', { ticket: 'spaced out' }],
    ['is empty', { ticket: '' }],
    ['is missing', { ticket: undefined as unknown as string }],
  ])('since the ticket of a source %s, is final with or without fallback', async (_, minted) => {
    for (const options of [{}, { fallback: 'jwt', url: URL_OF_CHAT } as const]) {
      const { seen, errors } = connect({ source: source(minted), ...options });
      await settle();
      expect(seen.slice(2)).toEqual(['closed', '!error invalid_credential', '!close invalid_credential']);
      expect(errors[0]?.message).not.toContain('spaced out');
    }
    expect(FakeSocket.all).toEqual([]);
  });

  it.each([undefined, ''])(
    'since a source gave the websocketUrl %s, never goes to the page',
    async (given) => {
      const { seen } = connect({ source: source({ websocketUrl: given as string }) });
      await settle();
      expect(seen).toEqual(['acquiring', 'closed', '!error invalid_url', '!close invalid_url']);
      expect(FakeSocket.all).toEqual([]);
    },
  );
});
