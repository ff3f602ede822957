import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTicketSource, type TicketSourceOptions } from '../src/ticket-source.js';
import { mintAnswer, numberedMints, problem } from './gateway-answers.js';

const DAY_MS = 24 * 3600 * 1000;
let login = 'jwt-of-ada';

/** A source, and the mints it asked for: each waits until the test lets it go. */
function source(options: Partial<TicketSourceOptions> = {}) {
  const mint = numberedMints();
  const held: (() => void)[] = [];
  const fetch = vi.fn<typeof globalThis.fetch>(
    (_, init) =>
      new Promise((resolve, reject) => {
        held.push(() => void mint().then(resolve));
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      }),
  );
  const made = createTicketSource({ gateway: 'https://gw.example', token: () => login, fetch, ...options });
  const answer = async () => {
    for (const go of held.splice(0)) go();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { ...made, fetch, answer };
}

const settle = () => vi.advanceTimersByTimeAsync(0);
const numberOf = (ticket: { ticket: string }) => Number(ticket.ticket.replace('adm1_', ''));

/** A source that holds ticket 1. */
async function holding(options: Partial<TicketSourceOptions> = {}) {
  const made = source(options);
  const fetched = made.prefetch();
  await settle();
  await made.answer();
  await fetched;
  return made;
}

async function acquired({ acquire, answer }: ReturnType<typeof source>) {
  const minted = acquire();
  await settle();
  await answer();
  return numberOf(await minted);
}

beforeEach(() => {
  login = 'jwt-of-ada';
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount(), 'no timer is left behind').toBe(0);
  vi.useRealTimers();
});

describe('a ticket minted ahead', () => {
  it('is given once, without asking again, and the next one is fresh', async () => {
    const made = await holding();
    expect(numberOf(await made.acquire())).toBe(1);
    expect(made.fetch).toHaveBeenCalledTimes(1);
    expect(await acquired(made)).toBe(2);
    expect(made.stats).toEqual({ mints: 2, failures: 0, retries: 0, prefetched: 1 });
  });

  it('is one at most: prefetches share a request, and while it serves ask for nothing', async () => {
    const { prefetch, fetch, answer } = source();
    const both = [prefetch(), prefetch()];
    await settle();
    expect(fetch).toHaveBeenCalledTimes(1);
    await answer();
    await Promise.all(both);
    await prefetch();
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('is waited for where it is under way, by one acquisition; another mints for itself', async () => {
    const { prefetch, acquire, fetch, answer } = source();
    void prefetch();
    const both = [acquire(), acquire()];
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
    await answer();
    expect((await Promise.all(both)).map(numberOf)).toEqual([1, 2]);
  });

  it('of many acquisitions at once goes to one: no ticket twice', async () => {
    const made = await holding();
    const all = Promise.all(Array.from({ length: 20 }, () => made.acquire()));
    await settle();
    await made.answer();
    expect(new Set((await all).map(numberOf)).size).toBe(20);
  });

  it('is never minted by a timer', async () => {
    const { fetch } = await holding();
    await vi.advanceTimersByTimeAsync(DAY_MS);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it.each<[string, number, Partial<TicketSourceOptions>, number]>([
    ['before the threshold it is given', 29_999, {}, 1],
    ['at the threshold it is discarded', 30_000, {}, 2],
    ['with a lower threshold it lives longer', 54_999, { refreshThresholdMs: 5_000 }, 1],
    ['a threshold above the lifetime counts as half of it', 29_999, { refreshThresholdMs: 600_000 }, 1],
    ['a threshold of zero gives it to the end', 59_999, { refreshThresholdMs: 0 }, 1],
    ['never after its end', 60_000, { refreshThresholdMs: 0 }, 2],
  ])('%s', async (_, ms, options, expected) => {
    const made = await holding(options);
    await vi.advanceTimersByTimeAsync(ms);
    expect(await acquired(made)).toBe(expected);
  });

  it.each([-DAY_MS, DAY_MS])('lives as long with a clock that is wrong by %i ms', async (wrong) => {
    vi.setSystemTime(1_700_000_000_000 + wrong);
    const made = await holding();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(numberOf(await made.acquire())).toBe(1);
  });

  it('is discarded when the clock that counts sleep has gone on alone', async () => {
    const made = await holding();
    vi.setSystemTime(Date.now() + 120_000);
    expect(await acquired(made)).toBe(2);
  });

  it('survives a clock that is set back', async () => {
    const made = await holding();
    vi.setSystemTime(Date.now() - DAY_MS);
    expect(await acquired(made)).toBe(1);
  });

  it('counts its age from before the request', async () => {
    const { prefetch, acquire, answer } = source();
    const fetched = prefetch();
    await vi.advanceTimersByTimeAsync(9_000);
    await answer();
    await fetched;
    await vi.advanceTimersByTimeAsync(21_000);
    const minted = acquire();
    await settle();
    await answer();
    expect(numberOf(await minted)).toBe(2);
  });

  it('is replaced by a prefetch once it does not serve any more', async () => {
    const made = await holding();
    await vi.advanceTimersByTimeAsync(30_000);
    const fetched = made.prefetch();
    await settle();
    await made.answer();
    await fetched;
    expect(numberOf(await made.acquire())).toBe(2);
  });

  it('is for its route alone', async () => {
    const made = source();
    const fetched = made.prefetch('/chat');
    await settle();
    await made.answer();
    await fetched;
    const other = made.acquire({ route: '/news' });
    await settle();
    await made.answer();
    expect(numberOf(await other)).toBe(2);
    expect(numberOf(await made.acquire({ route: '/chat' }))).toBe(1);
    expect(made.fetch.mock.calls.map(([, init]) => init?.body)).toEqual([
      '{"route":"/chat"}',
      '{"route":"/news"}',
    ]);
  });
});

it('of a source with a route is for that one, whatever is asked', async () => {
  const { prefetch, acquire, fetch, answer } = source({ route: '/chat' });
  const fetched = prefetch();
  await settle();
  await answer();
  await fetched;
  expect(numberOf(await acquire({ route: '/news' }))).toBe(1);
  expect(fetch.mock.calls[0]?.[1]?.body).toBe('{"route":"/chat"}');
});

describe('a login', () => {
  it('that changed discards the ticket of the former one, though nobody said so', async () => {
    const made = await holding();
    login = 'jwt-of-grace';
    expect(await acquired(made)).toBe(2);
    expect(made.fetch.mock.calls[1]?.[1]?.headers).toMatchObject({ authorization: 'Bearer jwt-of-grace' });
  });

  it('that is over gives the waiting ticket to nobody', async () => {
    const token = vi.fn(() => login);
    const made = await holding({ token });
    token.mockImplementation(() => {
      throw new Error('logged out');
    });
    await expect(made.acquire()).rejects.toMatchObject({ code: 'token_failed' });
  });

  it('cleared discards the ticket that waits', async () => {
    const made = await holding();
    made.clear();
    expect(await acquired(made)).toBe(2);
  });

  it('cleared ends a prefetch under way', async () => {
    const { prefetch, clear, fetch, stats } = source();
    const fetched = prefetch();
    await settle();
    clear();
    await fetched;
    expect(fetch.mock.calls[0]?.[1]?.signal?.aborted).toBe(true);
    expect(stats.failures).toBe(1);
  });

  it('cleared while a ticket is being minted makes that acquisition mint another', async () => {
    const { acquire, clear, answer } = source();
    const minted = acquire();
    await settle();
    clear();
    await answer();
    await answer();
    expect(numberOf(await minted)).toBe(2);
  });

  it('that is not accepted clears by itself', async () => {
    const made = await holding();
    made.fetch.mockResolvedValueOnce(problem(401, 'not_logged_in'));
    await expect(made.acquire({ route: '/news' })).rejects.toMatchObject({ code: 'not_logged_in' });
    expect(await acquired(made)).toBe(2);
  });
});

describe('a prefetch that fails', () => {
  it('is counted and told nobody; the next acquisition mints for itself', async () => {
    const made = source();
    made.fetch.mockResolvedValueOnce(problem(503, 'overloaded'));
    await made.prefetch();
    expect(made.stats).toMatchObject({ failures: 1, mints: 0, retries: 0 });
    expect(await acquired(made)).toBe(1);
  });

  it('while an acquisition waits for it makes that one mint', async () => {
    const made = source();
    made.fetch.mockResolvedValueOnce(problem(503, 'overloaded'));
    void made.prefetch();
    expect(await acquired(made)).toBe(1);
  });

  it('can be repeated', async () => {
    const made = source();
    made.fetch.mockResolvedValueOnce(mintAnswer({ ticket: '' }));
    await made.prefetch();
    void made.prefetch();
    await settle();
    await made.answer();
    expect(numberOf(await made.acquire())).toBe(1);
  });
});

describe('an acquisition that was aborted', () => {
  it('while it waited for a prefetch leaves the ticket to the next', async () => {
    const made = source();
    void made.prefetch();
    const controller = new AbortController();
    const minted = made.acquire({ signal: controller.signal });
    await settle();
    controller.abort();
    await expect(minted).rejects.toMatchObject({ code: 'aborted' });
    await made.answer();
    expect(numberOf(await made.acquire())).toBe(1);
    expect(made.fetch).toHaveBeenCalledTimes(1);
  });

  it('and cleared meanwhile leaves nothing', async () => {
    const made = await holding();
    const controller = new AbortController();
    const minted = made.acquire({ signal: controller.signal });
    controller.abort();
    made.clear();
    await expect(minted).rejects.toMatchObject({ code: 'aborted' });
    expect(await acquired(made)).toBe(2);
  });
});

describe('a renewal', () => {
  const renewed = { session_id: 's-1', expires_at: 1_700_003_600, expires_in: 3_600, later: true };

  it('posts the fresh login to the session', async () => {
    const made = source();
    made.fetch.mockResolvedValueOnce(Response.json(renewed));
    expect(await made.renew('s/1')).toEqual({ sessionId: 's-1', expiresAt: 1_700_003_600, expiresIn: 3_600 });
    const [url, init] = made.fetch.mock.calls[0] ?? [];
    expect(url).toBe('https://gw.example/auth/session/s%2F1/renew');
    expect(init).toMatchObject({ method: 'POST', body: '{}', redirect: 'error' });
    expect(init?.headers).toMatchObject({ authorization: 'Bearer jwt-of-ada' });
  });

  it('is repeated after what may pass', async () => {
    const made = source();
    made.fetch.mockResolvedValueOnce(problem(503, 'draining')).mockResolvedValueOnce(Response.json(renewed));
    const done = made.renew('s-1');
    await vi.runAllTimersAsync();
    expect((await done).expiresIn).toBe(3_600);
    expect(made.stats.retries).toBe(1);
  });

  it.each([
    ['401', () => problem(401, 'not_logged_in'), 'not_logged_in'],
    ['403', () => problem(403, 'forbidden'), 'forbidden'],
    ['404', () => problem(404, 'not_found'), 'not_found'],
    ['HTML', () => new Response('<p>'), 'bad_answer'],
    ['a time as text', () => Response.json({ ...renewed, expires_in: '9' }), 'bad_answer'],
  ])('that ends in %s is an error, and final', async (_, answer, code) => {
    const made = source();
    made.fetch.mockResolvedValueOnce(answer());
    await expect(made.renew('s-1')).rejects.toMatchObject({ code });
    expect(made.fetch).toHaveBeenCalledTimes(1);
  });
});
