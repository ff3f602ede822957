import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type AdmitErrorEvent,
  type AdmitSocketOptions,
  admitSocket,
  createTicketSource,
  readClose,
} from '../src/index.js';
import { beginAnew, JWT, settle, URL_OF_CHAT } from './connecting.js';
import { FakeSocket, FakeWebSocket } from './fake-socket.js';
import { mintAnswer, numberedMints, problem, TICKET } from './gateway-answers.js';
import { comeBack, leave, withPage } from './page.js';

beforeEach(beginAnew);
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A constructor, everything its sockets dispatch as text, and the mint it asks. */
function constructing(options: Partial<AdmitSocketOptions> = {}) {
  const fetch = vi.fn<typeof globalThis.fetch>(numberedMints());
  const Socket = admitSocket({
    gateway: 'https://gw.example',
    token: () => JWT,
    fetch,
    WebSocket: FakeWebSocket,
    ...options,
  } as AdmitSocketOptions);
  const seen: string[] = [];
  const errors: (AdmitErrorEvent['error'] | undefined)[] = [];
  const open = (url: string | undefined = URL_OF_CHAT, protocols?: string | string[]) => {
    const socket = new Socket(url, protocols);
    socket.addEventListener('open', () => seen.push('open'));
    socket.addEventListener('message', ({ data }) => seen.push(`message ${data}`));
    socket.addEventListener('error', (event) => {
      errors.push((event as AdmitErrorEvent).error);
      seen.push('error');
    });
    socket.addEventListener('close', ({ code, reason, wasClean }) =>
      seen.push(`close ${code} ${reason}${wasClean ? ', clean' : ''}`),
    );
    return socket;
  };
  return { Socket, open, seen, errors, fetch };
}

async function dialing(options: Partial<AdmitSocketOptions> = {}) {
  const made = constructing(options);
  const socket = made.open();
  await settle();
  return { ...made, socket, dialed: FakeSocket.latest() };
}

describe('a socket', () => {
  it('mints for the path of its URL and carries the ticket as subprotocol alone', async () => {
    const { open, fetch } = constructing();
    const socket = open('wss://gw.example/rooms/chat?room=1', 'chat');
    await settle();
    expect(JSON.parse(String(fetch.mock.calls[0]?.[1]?.body))).toEqual({ route: '/rooms/chat' });
    const dialed = FakeSocket.latest();
    expect(dialed.url).toBe('wss://gw.example/rooms/chat?room=1');
    expect(dialed.offered.slice(0, 3)).toEqual(['chat', 'admitone.v1', 'admitone.refused']);
    expect(socket.url).toBe(dialed.url);
    expect(inspect(socket, { depth: 9, showHidden: true })).not.toContain('adm1_0');
  });

  it('goes where the mint says without a URL', async () => {
    const { Socket } = constructing();
    const socket = new Socket();
    expect(socket.url).toBe('');
    await settle();
    expect(socket.url).toBe(URL_OF_CHAT);
  });

  it.each(['admitone.v1', '', `admitone.ticket.${TICKET}`])(
    'never shows "%s" as protocol',
    async (selected) => {
      const { socket, dialed, seen } = await dialing();
      dialed.accept(selected);
      expect(seen).toEqual(['open']);
      expect(socket.protocol).toBe('');
    },
  );

  it('is a WebSocket wherever there is one', () => {
    class Native extends EventTarget {}
    vi.stubGlobal('WebSocket', Native);
    const { open, Socket } = constructing();
    const socket = open();
    expect(socket).toBeInstanceOf(Native);
    expect(socket).toBeInstanceOf(Socket);
    expect(socket).toBeInstanceOf(EventTarget);
    socket.close();
  });

  it('dispatches a CloseEvent wherever there is one', async () => {
    class Close extends Event {
      constructor(type: string, init: CloseEventInit) {
        super(type);
        Object.assign(this, init);
      }
    }
    vi.stubGlobal('CloseEvent', Close);
    const { socket, dialed } = await dialing();
    const closed = vi.fn();
    socket.onclose = closed;
    dialed.accept();
    dialed.end(4000, 'bye');
    await settle();
    expect(closed.mock.calls[0]?.[0]).toBeInstanceOf(Close);
    expect(closed.mock.calls[0]?.[0]).toMatchObject({ code: 4000, reason: 'bye', wasClean: true });
  });

  it('says how it was admitted', async () => {
    const { socket, dialed } = await dialing();
    dialed.accept();
    expect([socket.method, socket.fallbackReason]).toEqual(['ticket', undefined]);
    expect(socket.handshake).toMatchObject({
      sessionId: 's-1',
      offered: expect.arrayContaining(['admitone.ticket.adm1_…']),
    });
  });

  it.each(['blob', 'arraybuffer', 'nonsense'])(
    'takes the binary type %s before it is dialled',
    async (type) => {
      const { open } = constructing();
      const socket = open();
      socket.binaryType = 'arraybuffer';
      socket.binaryType = type as BinaryType;
      await settle();
      const expected = type === 'nonsense' ? 'arraybuffer' : type;
      expect([socket.binaryType, FakeSocket.latest().binaryType]).toEqual([expected, expected]);
    },
  );

  it.each([
    [999, undefined, 'InvalidAccessError'],
    [1001, undefined, 'InvalidAccessError'],
    [5000, undefined, 'InvalidAccessError'],
    [1000, 'é'.repeat(62), 'SyntaxError'],
  ])('refuses close(%s, %s) with %s', async (code, reason, name) => {
    const { socket, dialed } = await dialing();
    dialed.accept();
    expect(() => socket.close(code, reason)).toThrow(expect.objectContaining({ name }));
    expect(socket.readyState).toBe(1);
  });

  it('before it is open throws InvalidStateError from send', () => {
    expect(() => constructing().open().send('')).toThrow(
      expect.objectContaining({ name: 'InvalidStateError' }),
    );
  });

  it('never reopens', async () => {
    const { dialed, fetch } = await dialing();
    dialed.accept();
    dialed.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(FakeSocket.all).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('dispatches nothing in the turn of its constructor', async () => {
    const { open, seen } = constructing({ enabled: false });
    const socket = open();
    expect([seen, socket.readyState]).toEqual([[], 0]);
    await settle();
    expect(seen).toEqual(['error', 'close 4999 admitone:tickets_disabled']);
  });
});

describe('a refusal', () => {
  it.each([
    [4801, 'ticket_not_accepted', 'mint_again'],
    [4900, 'revoked', 'stop'],
    [4902, 'forbidden', 'stop'],
  ])('after 101 with %i never opens', async (code, name, next) => {
    const { dialed, seen, errors, socket } = await dialing();
    dialed.accept('admitone.refused');
    dialed.receive('{"type":"error","error_code":"AUTH_FAILED"}');
    expect(socket.readyState).toBe(0);
    dialed.end(code, `admitone:${name}`);
    await settle();
    expect(seen).toEqual(['error', `close ${code} admitone:${name}, clean`]);
    expect(errors[0]).toMatchObject({ code: name });
    expect(readClose(code, `admitone:${name}`)?.next).toBe(next);
  });

  it.each([
    [401, 'not_logged_in', 'close 4901 admitone:not_logged_in'],
    [403, 'forbidden', 'close 4902 admitone:forbidden'],
    [403, 'origin_not_allowed', 'close 4999 admitone:origin_not_allowed'],
    [404, 'tickets_disabled', 'close 4999 admitone:tickets_disabled'],
    [422, 'invalid_body', 'close 4999 admitone:invalid_body'],
    [429, 'over_limit', 'close 4803 admitone:over_limit'],
    [503, 'store_unavailable', 'close 1006 '],
  ])(
    'F26: of the mint by %i %s is an error with its cause, and a Close whose band says what to do',
    async (status, code, close) => {
      const { open, seen, errors } = constructing({ fetch: async () => problem(status, code) });
      open();
      await settle();
      expect(seen).toEqual(['error', close]);
      expect(errors[0]).toMatchObject({ status, problemCode: code });
      expect(FakeSocket.all).toEqual([]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('F26: of the upgrade is a plain 1006, and the next socket has a fresh ticket', async () => {
    const { dialed, seen, open } = await dialing();
    dialed.end();
    await settle();
    expect(seen).toEqual(['error', 'close 1006 ']);
    open();
    await settle();
    expect(new Set(FakeSocket.all.map(({ offered }) => offered.at(-1))).size).toBe(2);
  });
});

describe('close()', () => {
  it('F26: before the ticket has come leaves nothing behind, and the late ticket opens nothing', async () => {
    let answer = (_: Response) => {};
    const fetch = () => new Promise<Response>((resolve) => (answer = resolve));
    const { open, seen } = constructing({ fetch });
    const socket = open();
    await settle();
    socket.close();
    expect([socket.readyState, seen]).toEqual([2, []]);
    answer(mintAnswer());
    await settle();
    expect(seen).toEqual(['error', 'close 1006 ']);
    expect(FakeSocket.all).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not wait for ever for the answer', async () => {
    const { socket, dialed, seen } = await dialing();
    dialed.accept();
    socket.close();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(seen).toEqual(['open', 'close 1006 ']);
  });
});

describe('the fallback', () => {
  it('F25: is the JWT where tickets are off, and says why', async () => {
    const { socket, dialed, seen } = await dialing({
      fallback: 'jwt',
      fetch: async () => problem(404, 'tickets_disabled'),
    });
    expect(dialed.offered.at(-1)).toBe(`bearer.${JWT}`);
    dialed.accept();
    expect(seen).toEqual(['open']);
    expect([socket.method, socket.fallbackReason]).toEqual(['jwt', 'tickets_disabled']);
  });

  it('needs a URL: the mint that fails names none', () => {
    const { Socket } = constructing({ fallback: 'jwt' });
    expect(() => new Socket()).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
  });
});

describe('a ticket minted ahead', () => {
  it('F26: after a drain is there before the library reconnects', async () => {
    const { dialed, fetch, open } = await dialing();
    dialed.accept();
    dialed.end(1012, 'admitone:draining');
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
    open();
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
    expect(FakeSocket.all[1]?.offered.at(-1)).not.toBe(FakeSocket.all[0]?.offered.at(-1));
  });

  it.each(['online', 'visible', 'restored'] as const)(
    'is minted when the page is back (%s) after an end, once',
    async (how) => {
      withPage();
      const { dialed, fetch } = await dialing();
      dialed.accept();
      comeBack(how);
      await settle();
      expect(fetch).toHaveBeenCalledTimes(1);
      dialed.end();
      await settle();
      comeBack(how);
      comeBack(how);
      await settle();
      expect(fetch).toHaveBeenCalledTimes(2);
    },
  );

  it.each([
    ['it was ended for good', 4900, 'admitone:revoked'],
    ['a new socket is there', 1006, ''],
  ])('is not minted when the page is back and %s', async (_, code, reason) => {
    withPage();
    const { dialed, fetch, open } = await dialing();
    dialed.accept();
    dialed.end(code, reason);
    await settle();
    if (code === 1006) open();
    await settle();
    fetch.mockClear();
    comeBack('online');
    await settle();
    expect(fetch).not.toHaveBeenCalled();
  });
});

it('leaves a socket to its library when the page is left', async () => {
  withPage();
  const { dialed } = await dialing();
  dialed.accept();
  leave();
  expect(dialed.closeCalls).toEqual([]);
});

it('takes a source, which several constructors may share', async () => {
  const fetch = vi.fn<typeof globalThis.fetch>(numberedMints());
  const source = createTicketSource({ gateway: 'https://gw.example', token: () => JWT, fetch });
  const [one, two] = [0, 1].map(() => admitSocket({ source, WebSocket: FakeWebSocket }));
  if (one && two) for (const Socket of [one, two]) new Socket(URL_OF_CHAT);
  await settle();
  expect(new Set(FakeSocket.all.map(({ offered }) => offered.at(-1))).size).toBe(2);
});

it.each([
  ['neither source nor gateway', { gateway: undefined }],
  ['a token that is none', { token: 'ey' }],
  ['no WebSocket', { WebSocket: 7 }],
])('refuses %s when it is made', (_, options) => {
  expect(() => constructing(options as unknown as Partial<AdmitSocketOptions>)).toThrow(
    expect.objectContaining({ code: 'invalid_options' }),
  );
});
