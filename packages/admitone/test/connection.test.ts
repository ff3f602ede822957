import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdmitConnection, type AdmitConnectionOptions, AdmitError, type CloseDetail } from '../src/index.js';
import { FakeSocket, FakeWebSocket } from './fake-socket.js';
import { mintAnswer, problem, TICKET } from './gateway-answers.js';

const JWT = 'e30.e30.c2ln';
const URL_OF_CHAT = 'wss://gw.example/chat';

/** A connection, everything it dispatches as text, and the mint it asks. */
function connect(options: Partial<AdmitConnectionOptions> = {}) {
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

const settle = () => vi.advanceTimersByTimeAsync(0);

async function dialing(options: Partial<AdmitConnectionOptions> = {}) {
  const made = connect(options);
  await settle();
  return { ...made, socket: FakeSocket.latest() };
}

async function open(options: Partial<AdmitConnectionOptions> = {}) {
  const made = await dialing(options);
  made.socket.accept();
  return made;
}

beforeEach(() => {
  FakeSocket.reset();
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a connection', () => {
  it('mints, dials with the ticket as subprotocol, and opens', async () => {
    const { connection, seen, socket } = await open({ protocols: 'chat' });
    expect(seen).toEqual(['acquiring', 'dialing', 'open', '!open']);
    expect(socket.url).toBe(URL_OF_CHAT);
    expect(socket.offered).toEqual(['chat', 'admitone.v1', 'admitone.refused', `admitone.ticket.${TICKET}`]);
    expect(connection.method).toBe('ticket');
    expect(connection.state).toMatchObject({ name: 'open', attempt: 1 });
  });

  it('tells its events after the constructor, so that nothing is missed', async () => {
    const { seen } = connect({ enabled: false });
    expect(seen).toEqual([]);
    await settle();
    expect(seen).toEqual(['closed', '!error tickets_disabled', '!close tickets_disabled']);
  });

  it('waits for connect() where it is told to', async () => {
    const { connection, fetch } = connect({ autoConnect: false });
    await settle();
    expect(connection.state).toEqual({ name: 'idle' });
    expect(fetch).not.toHaveBeenCalled();
    connection.connect();
    await settle();
    expect(connection.state.name).toBe('dialing');
  });

  it('prefers the url it was given', async () => {
    const { socket } = await dialing({ url: 'https://elsewhere.example/chat?room=1#x' });
    expect(socket.url).toBe('wss://elsewhere.example/chat?room=1');
  });

  it('shows the handshake without its secret [S24, S28]', async () => {
    const { connection, socket } = await dialing({ protocols: ['chat'] });
    socket.accept('chat');
    expect(connection.handshake).toEqual({
      attempt: 1,
      url: URL_OF_CHAT,
      offered: ['chat', 'admitone.v1', 'admitone.refused', 'admitone.ticket.adm1_…'],
      selected: 'chat',
      sessionId: 's-1',
    });
    expect(connection.protocol).toBe('chat');
    expect(inspect(connection, { depth: 9, showHidden: true })).not.toContain(TICKET);
  });

  it.each(['admitone.v1', '', `admitone.ticket.${TICKET}`])(
    'shows no protocol for "%s"',
    async (selected) => {
      const { connection, socket } = await dialing({ protocols: ['chat'] });
      socket.accept(selected);
      expect(connection.state.name).toBe('open');
      expect(connection.protocol).toBe('');
      expect(JSON.stringify(connection.handshake)).not.toContain(TICKET);
    },
  );

  it('passes messages on, both ways', async () => {
    const { connection, seen, socket } = await open();
    socket.receive('hello');
    expect(seen.at(-1)).toBe('!message hello');
    connection.send('hi');
    expect(socket.sent).toEqual(['hi']);
  });

  it('sets the binary type on the present and the next socket', async () => {
    const { connection, socket } = await open({ binaryType: 'arraybuffer' });
    expect(socket.binaryType).toBe('arraybuffer');
    connection.binaryType = 'blob';
    expect(socket.binaryType).toBe('blob');
    socket.bufferedAmount = 7;
    expect(connection.bufferedAmount).toBe(7);
    socket.end();
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.latest().binaryType).toBe('blob');
  });

  it('sends only while open', async () => {
    const { connection, socket } = await dialing();
    const send = () => connection.send('early');
    expect(send).toThrow(expect.objectContaining({ code: 'not_open' }));
    socket.accept();
    socket.readyState = 2;
    expect(send).toThrow(AdmitError);
    expect(socket.sent).toEqual([]);
  });
});

describe('a refusal', () => {
  it('never opens, drops what comes before its Close, and says why', async () => {
    const { seen, errors, closes, socket } = await dialing();
    socket.accept('admitone.refused');
    socket.receive('{"type":"error","error_code":"AUTH_FAILED"}');
    socket.end(4901, 'admitone:not_logged_in');
    expect(seen).toEqual([
      'acquiring',
      'dialing',
      'refused',
      'closed',
      '!error not_logged_in',
      '!close not_logged_in',
    ]);
    expect(errors[0]?.requiresLogin()).toBe(true);
    expect(errors[0]?.close).toEqual({ code: 4901, reason: 'admitone:not_logged_in' });
    expect(closes[0]).toEqual({
      code: 'not_logged_in',
      close: { code: 4901, reason: 'admitone:not_logged_in' },
      retrying: false,
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('of a spent ticket mints a fresh one [F26]', async () => {
    const { seen, fetch, socket } = await dialing();
    socket.accept('admitone.refused');
    socket.end(4801, 'admitone:ticket_not_accepted');
    expect(seen.slice(-3)).toEqual([
      'waiting',
      '!error ticket_not_accepted',
      '!close ticket_not_accepted, retrying',
    ]);
    await vi.advanceTimersByTimeAsync(500);
    expect(fetch).toHaveBeenCalledTimes(2);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('at the mint is told with what the gateway said', async () => {
    const { seen, errors } = connect({
      fetch: async () => problem(403, 'forbidden', { detail: 'not this room' }),
    });
    await settle();
    expect(seen).toEqual(['acquiring', 'closed', '!error forbidden', '!close forbidden']);
    expect(errors[0]).toMatchObject({ status: 403, problem: { detail: 'not this room' } });
    expect(FakeSocket.all).toEqual([]);
  });
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

  it('treats a socket that cannot be constructed as one that failed, and never quotes its message', async () => {
    FakeSocket.refuseToConstruct = new SyntaxError(`The subprotocol 'admitone.ticket.${TICKET}' is invalid.`);
    const { seen, errors } = connect();
    await settle();
    expect(seen).toEqual([
      'acquiring',
      'dialing',
      'waiting',
      '!error connection_failed',
      '!close connection_failed, retrying',
    ]);
    expect(inspect(errors, { depth: 9 })).not.toContain(TICKET);
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

  it('ends where there is no token', async () => {
    const token = () => Promise.reject(new Error('logged out'));
    const { seen } = connect({ ...jwt, enabled: false, token });
    await settle();
    expect(seen).toEqual(['acquiring', 'closed', '!error token_failed', '!close token_failed']);
  });
});

describe('close()', () => {
  it('while acquiring aborts the mint, and no socket opens later', async () => {
    let answer = (_: Response) => {};
    let signal: AbortSignal | null | undefined;
    const fetch = (_: unknown, init?: RequestInit) => {
      signal = init?.signal;
      return new Promise<Response>((resolve) => {
        answer = resolve;
      });
    };
    const { connection, seen } = connect({ fetch });
    await settle();
    connection.close();
    await settle();
    expect(signal?.aborted).toBe(true);
    answer(mintAnswer());
    await settle();
    expect(seen).toEqual(['acquiring', 'closed', '!close closed_by_application']);
    expect(FakeSocket.all).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('in the turn of the constructor ends what it began', async () => {
    const { connection, seen } = connect();
    connection.close();
    await settle();
    expect(seen).toEqual(['acquiring', 'closed', '!close closed_by_application']);
  });

  it('while open passes code and reason on and waits for the end', async () => {
    const { connection, seen, closes, socket } = await open();
    connection.close(4000, 'bye');
    expect(socket.closeCalls).toEqual([[4000, 'bye']]);
    socket.receive('late');
    socket.end(4000, 'bye');
    expect(seen.slice(-3)).toEqual(['closing', 'closed', '!close closed_by_application']);
    expect(closes[0]?.close).toEqual({ code: 4000, reason: 'bye' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not wait for ever', async () => {
    const { connection, socket } = await open();
    connection.close();
    expect(socket.closeCalls).toEqual([[]]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(connection.state).toEqual({ name: 'closed', cause: { code: 'closed_by_application' } });
    expect(socket.onclose).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('while waiting leaves no timer', async () => {
    const { connection, socket } = await open();
    socket.end();
    connection.close();
    expect(connection.state.name).toBe('closed');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('in a listener keeps the order of events', async () => {
    const { connection, seen, socket } = await dialing();
    connection.addEventListener(
      'statechange',
      ({ detail }) => detail.state.name === 'open' && connection.close(),
    );
    socket.accept();
    expect(seen.slice(-3)).toEqual(['open', '!open', 'closing']);
  });

  it.each([[1001], [999], [5000], [3000.5], [Number.NaN]])('refuses the code %d', async (code) => {
    const { connection } = await open();
    expect(() => connection.close(code)).toThrow(expect.objectContaining({ code: 'invalid_close' }));
    expect(connection.state.name).toBe('open');
  });

  it('refuses a reason above 123 bytes, counted as UTF-8', async () => {
    const { connection, socket } = await open();
    expect(() => connection.close(1000, 'é'.repeat(62))).toThrow(
      expect.objectContaining({ code: 'invalid_close' }),
    );
    connection.close(undefined, 'e'.repeat(123));
    expect(socket.closeCalls).toEqual([[1000, 'e'.repeat(123)]]);
  });
});

describe('options that cannot work', () => {
  it.each<[string, Partial<AdmitConnectionOptions>, string]>([
    ['a fallback without url', { fallback: 'jwt' }, 'invalid_options'],
    ['a url of another scheme', { url: 'ftp://gw.example' }, 'invalid_options'],
    ['a url that is none', { url: 'chat' }, 'invalid_options'],
    ['a gateway that is none', { gateway: 'gw.example' }, 'invalid_options'],
    ['a negative time', { openTimeoutMs: -1 }, 'invalid_options'],
    ['a count that is no number', { maxRetries: Number.NaN }, 'invalid_options'],
    ['no WebSocket', { WebSocket: {} as typeof WebSocket }, 'invalid_options'],
    ['a reserved protocol', { protocols: ['admitone.v1'] }, 'invalid_protocol'],
  ])('%s are refused up front', (_, options, code) => {
    expect(() => connect(options)).toThrow(expect.objectContaining({ code }));
  });
});

it('never logs [S28]', async () => {
  const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
  const { connection, socket } = await open();
  socket.end();
  await vi.advanceTimersByTimeAsync(500);
  FakeSocket.latest().accept('admitone.refused');
  FakeSocket.latest().end(4900, 'admitone:revoked');
  connection.close();
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});
