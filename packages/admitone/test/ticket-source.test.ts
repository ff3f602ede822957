import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdmitError } from '../src/errors.js';
import { createTicketSource, type TicketSourceOptions } from '../src/ticket-source.js';
import { mintAnswer, problem, TICKET } from './gateway-answers.js';

type Fetch = typeof fetch;

function source(answers: (() => Response | Promise<Response>)[], options: Partial<TicketSourceOptions> = {}) {
  const fetch = vi.fn<Fetch>(async () => {
    const next = answers.length > 1 ? answers.shift() : answers[0];
    return (next as () => Response | Promise<Response>)();
  });
  const made = createTicketSource({
    gateway: 'https://gw.example',
    token: () => 'jwt-of-ada',
    fetch,
    ...options,
  });
  return { ...made, fetch };
}

async function failure(promise: Promise<unknown>): Promise<AdmitError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AdmitError);
  return error as AdmitError;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  expect(vi.getTimerCount(), 'no timer is left behind').toBe(0);
  vi.useRealTimers();
});

describe('a mint', () => {
  it('posts the login as bearer, and only the fields that were given', async () => {
    const { acquire, fetch } = source([() => mintAnswer()], {
      route: '/chat',
      ttlSeconds: 30,
      permissions: [],
    });
    await acquire();
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect(String(url)).toBe('https://gw.example/auth/ticket');
    expect(init).toMatchObject({ method: 'POST', redirect: 'error' });
    // See e2e/timing.test.ts: it would cost a round trip.
    expect(init).not.toHaveProperty('cache');
    expect(init?.headers).toMatchObject({
      authorization: 'Bearer jwt-of-ada',
      'content-type': 'application/json',
    });
    expect(JSON.parse(String(init?.body))).toEqual({ route: '/chat', ttl_seconds: 30, permissions: [] });
  });

  it.each([
    ['https://gw.example/', 'https://gw.example/auth/ticket'],
    ['https://gw.example/edge/?x=1#y', 'https://gw.example/edge/auth/ticket'],
    [new URL('http://localhost:8080'), 'http://localhost:8080/auth/ticket'],
  ])('finds the endpoint of %s', async (gateway, endpoint) => {
    const { acquire, fetch } = source([() => mintAnswer()], { gateway });
    await acquire();
    expect(String(fetch.mock.calls[0]?.[0])).toBe(endpoint);
  });

  it.each(['', 'gw.example', 'wss://gw.example', 'ftp://gw.example'])(
    'refuses the gateway "%s"',
    (gateway) => {
      expect(() => source([], { gateway })).toThrow(expect.objectContaining({ code: 'invalid_options' }));
    },
  );

  it('reads the answer and ignores fields it does not know', async () => {
    const minted = await source([() => mintAnswer({ later: true })]).acquire();
    expect(minted.ticket).toBe(TICKET);
    expect(minted.protocols.at(-1)).toBe(`admitone.ticket.${TICKET}`);
    expect({ ...minted }).toEqual({
      sessionId: 's-1',
      createdAt: 1_700_000_000,
      expiresAt: 1_700_000_060,
      expiresIn: 60,
      ttlSeconds: 60,
      singleUse: true,
      websocketUrl: 'wss://gw.example/chat',
    });
  });

  it('never prints its secret [S28]', async () => {
    const minted = await source([() => mintAnswer()]).acquire();
    const deep = { depth: 9, showHidden: true };
    for (const shown of [JSON.stringify({ minted }), inspect({ minted }, deep), String(minted)]) {
      expect(shown).not.toContain(TICKET);
    }
    expect(JSON.parse(JSON.stringify(minted))).toEqual({ ...minted });
    expect(minted).toMatchObject({ sessionId: 's-1' });
  });

  it('mints one ticket for each call, also at the same time', async () => {
    let count = 0;
    const answer = () => {
      count += 1;
      return mintAnswer({ ticket: `adm1_${String(count).padStart(72, 'A')}` });
    };
    const { acquire, stats } = source([answer]);
    const minted = await Promise.all([acquire(), acquire(), acquire()]);
    expect(new Set(minted.map(({ ticket }) => ticket)).size).toBe(3);
    expect(stats).toEqual({ mints: 3, failures: 0, retries: 0, prefetched: 0 });
  });

  it('asks for the token at every try', async () => {
    const token = vi.fn(async () => 'jwt');
    const { acquire } = source([() => problem(503, 'store_unavailable'), () => mintAnswer()], { token });
    const minted = acquire();
    await vi.runAllTimersAsync();
    await minted;
    expect(token).toHaveBeenCalledTimes(2);
  });
});

describe('a refusal', () => {
  it.each([
    [401, 'not_logged_in'],
    [403, 'forbidden'],
    [403, 'origin_not_allowed'],
    [404, 'tickets_disabled'],
    [404, 'not_found'],
    [400, 'invalid_request'],
    [422, 'invalid_body'],
  ])('%i %s is final', async (status, code) => {
    const { acquire, fetch, stats } = source([() => problem(status, code, { detail: 'what and why' })]);
    const error = await failure(acquire());
    expect(error).toMatchObject({
      code,
      status,
      problemCode: code,
      problem: { title: code, detail: 'what and why' },
    });
    expect(error.message).toContain('what and why');
    expect(error.retryable()).toBe(false);
    expect(error.requiresLogin()).toBe(code === 'not_logged_in');
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(stats).toEqual({ mints: 0, failures: 1, retries: 0, prefetched: 0 });
  });

  it.each([
    [400, 'ambiguous_credential', 'invalid_request'],
    [400, 'query_token_not_allowed', 'invalid_request'],
    [400, 'unavailable', 'invalid_request'],
    [401, 'token_expired', 'not_logged_in'],
    [403, 'not_paid', 'forbidden'],
    [405, 'method_not_allowed', 'invalid_request'],
    [409, 'over_limit', 'invalid_request'],
    [413, 'body_too_large', 'invalid_request'],
    [415, 'unsupported_media_type', 'invalid_request'],
    [418, 'teapot', 'invalid_request'],
  ])('%i %s can never succeed: it is %s, and final', async (status, problemCode, code) => {
    const { acquire, fetch } = source([() => problem(status, problemCode)]);
    const error = await failure(acquire());
    expect(error).toMatchObject({ code, status, problemCode });
    expect(error.message).toContain(problemCode);
    expect(error.retryable()).toBe(false);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it.each([
    [408, 'request_timeout', 'unavailable'],
    [425, 'too_early', 'unavailable'],
    [429, 'slow_down', 'over_limit'],
    [500, 'internal', 'unavailable'],
  ])('%i %s may pass: it is %s, and retried', async (status, problemCode, code) => {
    const { acquire, fetch } = source([() => problem(status, problemCode)], { maxRetries: 2 });
    const failed = failure(acquire());
    await vi.runAllTimersAsync();
    expect(await failed).toMatchObject({ code, status, problemCode });
    expect(fetch).toHaveBeenCalledTimes(3);
  });

  it.each([
    [401, 'not_logged_in'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [422, 'invalid_body'],
    [400, 'invalid_request'],
    [413, 'invalid_request'],
    [408, 'unavailable'],
    [425, 'unavailable'],
    [429, 'over_limit'],
    [500, 'unavailable'],
    [502, 'unavailable'],
    [503, 'unavailable'],
  ])('%i without a problem goes by its status: %s', async (status, code) => {
    const error = await failure(
      source([() => new Response('<h1>no</h1>', { status })], { maxRetries: 0 }).acquire(),
    );
    expect(error).toMatchObject({ code, status, problemCode: undefined });
  });

  it.each(['store_unavailable', 'overloaded', 'draining'])(
    '503 %s is unavailable, and says which',
    async (code) => {
      const error = await failure(source([() => problem(503, code)], { maxRetries: 0 }).acquire());
      expect(error).toMatchObject({ code: 'unavailable', problemCode: code });
    },
  );

  it('a problem that is not JSON goes by its status', async () => {
    const headers = { 'content-type': 'application/problem+json' };
    const error = await failure(source([() => new Response('{', { status: 403, headers })]).acquire());
    expect(error.code).toBe('forbidden');
  });

  it('a code that no gateway of ours would send goes by its status', async () => {
    const error = await failure(source([() => problem(404, 'Tickets Disabled!')]).acquire());
    expect(error.code).toBe('not_found');
  });
});

describe('a retry', () => {
  it('pauses twice as long each time, with full jitter, then gives the last error', async () => {
    const { acquire, fetch, stats } = source([() => problem(503, 'overloaded')]);
    const failed = failure(acquire());
    for (const [ms, calls] of [
      [499, 1],
      [1, 2],
      [999, 2],
      [1, 3],
      [1_999, 3],
      [1, 4],
    ] as const) {
      await vi.advanceTimersByTimeAsync(ms);
      expect(fetch).toHaveBeenCalledTimes(calls);
    }
    expect((await failed).problemCode).toBe('overloaded');
    expect(stats).toEqual({ mints: 0, failures: 1, retries: 3, prefetched: 0 });
  });

  it('waits out a Retry-After, and jitters on top', async () => {
    const { acquire, fetch } = source([
      () => problem(429, 'over_limit', {}, { 'retry-after': '3' }),
      () => mintAnswer(),
    ]);
    const minted = acquire();
    await vi.advanceTimersByTimeAsync(3_499);
    expect(fetch).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect((await minted).ticket).toBe(TICKET);
  });

  it.each(['soon', '-1', '1e9', '', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Tue, 01 Jan 2097 00:00:00 GMT'])(
    'ignores a Retry-After that is no number of seconds: "%s"',
    async (value) => {
      const error = await failure(
        source([() => problem(429, 'over_limit', {}, { 'retry-after': value })], { maxRetries: 0 }).acquire(),
      );
      expect(error.retryAfterMs).toBeUndefined();
    },
  );

  it('follows a failure of the network', async () => {
    const { acquire, stats } = source([
      () => Promise.reject(new TypeError('fetch failed')),
      () => mintAnswer(),
    ]);
    const minted = acquire();
    await vi.runAllTimersAsync();
    expect((await minted).ticket).toBe(TICKET);
    expect(stats).toEqual({ mints: 1, failures: 0, retries: 1, prefetched: 0 });
  });
});

describe('an answer that is no ticket', () => {
  it.each([
    ['HTML', () => new Response(`<html>${TICKET}</html>`)],
    ['nothing', () => new Response('')],
    ['null', () => new Response('null')],
    ['an empty ticket', () => mintAnswer({ ticket: '' })],
    ['a ticket with a comma', () => mintAnswer({ ticket: `${TICKET},admitone.v1` })],
    ['a session id of another type', () => mintAnswer({ session_id: 7 })],
    ['a time as a string', () => mintAnswer({ expires_at: '1700000060' })],
    ['no time', () => mintAnswer({ expires_in: undefined })],
    ['a flag as a number', () => mintAnswer({ single_use: 1 })],
    ['a URL that is none', () => mintAnswer({ websocket_url: 'https://gw.example' })],
    ['protocols as a string', () => mintAnswer({ protocols: 'admitone.v1' })],
  ])('%s is bad_answer, final and without the secret', async (_, answer) => {
    const { acquire, fetch } = source([answer]);
    const error = await failure(acquire());
    expect(error).toMatchObject({ code: 'bad_answer' });
    expect(inspect(error)).not.toContain(TICKET);
    expect(fetch).toHaveBeenCalledTimes(1);
  });
});

describe('a source that is turned off', () => {
  it('F25: asks the gateway for nothing, and says so', async () => {
    const { acquire, prefetch, fetch } = source([() => mintAnswer()], { enabled: false });
    await prefetch();
    expect(await failure(acquire())).toMatchObject({ code: 'tickets_disabled' });
    expect(fetch).not.toHaveBeenCalled();
  });

  it('is asked before every ticket, and a flag that throws is on', async () => {
    const enabled = vi.fn(() => true);
    const { acquire } = source([() => mintAnswer()], { enabled });
    await acquire();
    enabled.mockReturnValue(false);
    expect(await failure(acquire())).toMatchObject({ code: 'tickets_disabled' });
    enabled.mockImplementation(() => {
      throw new Error('no flags today');
    });
    await acquire();
  });
});

describe('a token', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no login');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no login'))],
    ['is empty', () => ''],
    ['is no string', () => undefined as unknown as string],
    ['would break the header', () => 'a\r\nx: y'],
  ])('that %s is token_failed, and nothing is sent', async (_, token) => {
    const { acquire, token: read, fetch } = source([() => mintAnswer()], { token });
    expect((await failure(acquire())).code).toBe('token_failed');
    expect((await failure(read())).code).toBe('token_failed');
    expect(fetch).not.toHaveBeenCalled();
  });

  it('is given for the fallback', async () => {
    expect(await source([]).token()).toBe('jwt-of-ada');
  });
});

describe('time and abort', () => {
  const never = () => new Promise<never>(() => {});

  it('gives up an answer that does not come', async () => {
    const { acquire, fetch } = source([never], { timeoutMs: 50, maxRetries: 0 });
    const failed = failure(acquire());
    await vi.advanceTimersByTimeAsync(50);
    expect((await failed).code).toBe('timeout');
    expect(fetch.mock.calls[0]?.[1]?.signal?.aborted).toBe(true);
  });

  it('gives up a token that does not come, and sends nothing when it comes late', async () => {
    let late = (_: string) => {};
    const token = () =>
      new Promise<string>((resolve) => {
        late = resolve;
      });
    const { acquire, fetch } = source([() => mintAnswer()], { token, timeoutMs: 50, maxRetries: 0 });
    const failed = failure(acquire());
    await vi.advanceTimersByTimeAsync(50);
    expect((await failed).code).toBe('timeout');
    late('jwt');
    await vi.advanceTimersByTimeAsync(0);
    expect(fetch).not.toHaveBeenCalled();
  });

  it.each([
    ['before it begins', 0],
    ['while it is under way', 1],
  ])('ends when aborted %s', async (_, afterMs) => {
    const controller = new AbortController();
    if (afterMs === 0) controller.abort();
    const failed = failure(source([never]).acquire({ signal: controller.signal }));
    await vi.advanceTimersByTimeAsync(afterMs);
    controller.abort();
    expect((await failed).code).toBe('aborted');
  });

  it('ends when aborted in a pause', async () => {
    const controller = new AbortController();
    const { acquire, stats } = source([() => problem(503, 'draining')]);
    const failed = failure(acquire({ signal: controller.signal }));
    await vi.advanceTimersByTimeAsync(10);
    controller.abort();
    expect((await failed).code).toBe('aborted');
    expect(stats).toEqual({ mints: 0, failures: 1, retries: 1, prefetched: 0 });
  });
});
