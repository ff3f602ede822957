import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTicketSource } from '../src/index.js';
import { beginAnew, open, settle, URL_OF_CHAT } from './connecting.js';
import { FakeSocket } from './fake-socket.js';
import { mintAnswer, numberedMints, problem } from './gateway-answers.js';
import { comeBack, leave, withPage } from './page.js';

beforeEach(beginAnew);
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const RENEWED = { session_id: 's-1', expires_at: 1_700_003_600, expires_in: 3_600 };

/** An open connection whose gateway renews with this answer, and what it dispatched since. */
async function renewing(answer: () => Response, options: Parameters<typeof open>[0] = {}) {
  const fetch = vi.fn(async (url: string | URL | Request) =>
    /renew$/.test(String(url)) ? answer() : mintAnswer(),
  );
  const made = await open({ fetch, ...options });
  made.connection.addEventListener('renewed', ({ detail }) => made.seen.push(`!renewed ${detail.expiresIn}`));
  made.seen.length = 0;
  return { ...made, fetch };
}

describe('a login that was refreshed', () => {
  it('renews the open session with the fresh token, and the socket does not notice', async () => {
    let token = 'first';
    const { connection, seen, fetch, socket } = await renewing(() => Response.json(RENEWED), {
      token: () => token,
    });
    token = 'second';
    connection.loginChanged();
    await settle();
    expect(seen).toEqual(['!renewed 3600']);
    const [url, init] = (fetch.mock.calls as unknown as [string, RequestInit][])[1] ?? [];
    expect(url).toBe('https://gw.example/auth/session/s-1/renew');
    expect(init?.headers).toMatchObject({ authorization: 'Bearer second' });
    expect(socket.closeCalls).toEqual([]);
  });

  it.each([
    [403, 'forbidden'],
    [404, 'not_found'],
    [401, 'not_logged_in'],
  ])('and is refused (%i) is an error, and the socket stays', async (status, code) => {
    const { connection, seen } = await renewing(() => problem(status, code));
    connection.loginChanged();
    await settle();
    expect(seen).toEqual([`!error ${code}`]);
    expect(connection.state.name).toBe('open');
  });

  it('and fails for a while is tried again', async () => {
    const answers = [() => problem(503, 'draining'), () => Response.json(RENEWED)];
    const { connection, seen } = await renewing(() => (answers.shift() as () => Response)());
    connection.loginChanged();
    await vi.advanceTimersByTimeAsync(500);
    expect(seen).toEqual(['!renewed 3600']);
  });

  it('says nothing of a socket that has ended meanwhile', async () => {
    const { connection, seen, socket } = await renewing(() => Response.json(RENEWED));
    connection.loginChanged();
    socket.end(4900, 'admitone:revoked');
    await settle();
    expect(seen).toEqual(['closed', '!error revoked', '!close revoked']);
  });

  it('renews nothing where the JWT opened the socket', async () => {
    const { connection, fetch } = await renewing(() => Response.json(RENEWED), {
      enabled: false,
      fallback: 'jwt',
      url: URL_OF_CHAT,
    });
    connection.loginChanged();
    await settle();
    expect(fetch).not.toHaveBeenCalled();
  });
});

it.each([
  [4801, 'ticket_not_accepted', 1],
  [1006, '', 0],
])(
  'F26: after a Close %i %s, %i more mints: what speaks against the login is not trusted ahead',
  async (code, name, more) => {
    const fetch = vi.fn(numberedMints());
    const source = createTicketSource({ gateway: 'https://gw.example', token: () => 'jwt', fetch });
    const { socket } = await open({ source } as Parameters<typeof open>[0]);
    await source.prefetch();
    expect(fetch).toHaveBeenCalledTimes(2);
    socket.end(code, name && `admitone:${name}`);
    await vi.advanceTimersByTimeAsync(500);
    expect(fetch).toHaveBeenCalledTimes(2 + more);
    expect(FakeSocket.all).toHaveLength(2);
  },
);

describe('the person’s return', () => {
  it.each(['online', 'visible', 'restored'] as const)(
    '(%s) hurries a retry, and the ticket is there before it',
    async (how) => {
      withPage();
      const { connection, fetch, socket } = await renewing(() => Response.json(RENEWED), {
        retryBaseMs: 8_000,
      });
      socket.end();
      vi.mocked(Math.random).mockReturnValue(0.01);
      comeBack(how);
      await settle();
      expect(connection.state.name).toBe('waiting');
      expect(fetch).toHaveBeenCalledTimes(2);
      await vi.advanceTimersByTimeAsync(80);
      expect(connection.state.name).toBe('dialing');
      expect(fetch).toHaveBeenCalledTimes(2);
      comeBack(how);
      await settle();
      expect(fetch).toHaveBeenCalledTimes(2);
      connection.close();
    },
  );

  it('is listened for by the wait under way alone', async () => {
    withPage();
    const { connection, socket } = await renewing(() => Response.json(RENEWED));
    socket.end();
    connection.close();
    connection.connect();
    await settle();
    FakeSocket.latest().end();
    vi.mocked(Math.random).mockClear();
    comeBack('online');
    expect(Math.random).toHaveBeenCalledTimes(1);
    connection.close();
    comeBack('online');
    expect(Math.random).toHaveBeenCalledTimes(1);
  });

  it('means nothing while the socket is open, or when it is over', async () => {
    withPage();
    const { connection, fetch, socket } = await renewing(() => Response.json(RENEWED));
    comeBack('online');
    socket.end(4900, 'admitone:revoked');
    comeBack('online');
    await settle();
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(connection.state.name).toBe('closed');
  });
});

it('a page that is left closes its open socket, once, and opens another when it comes back', async () => {
  withPage();
  const { connection, seen, socket } = await renewing(() => Response.json(RENEWED));
  leave();
  socket.end(1005);
  leave();
  expect(socket.closeCalls).toHaveLength(1);
  expect(seen).toEqual(['waiting', '!error connection_lost', '!close connection_lost, retrying']);
  comeBack('restored');
  await vi.advanceTimersByTimeAsync(500);
  FakeSocket.latest().accept();
  expect([connection.state.name, FakeSocket.all.length]).toEqual(['open', 2]);
});

it('F26: a drain is met with the ticket that was minted at once, in no more round trips', async () => {
  const { connection, fetch, socket } = await renewing(() => Response.json(RENEWED));
  socket.end(1012, 'admitone:draining');
  await settle();
  expect([connection.state.name, fetch.mock.calls.length]).toEqual(['waiting', 2]);
  await vi.advanceTimersByTimeAsync(500);
  FakeSocket.latest().accept();
  expect([connection.state.name, fetch.mock.calls.length]).toEqual(['open', 2]);
});
