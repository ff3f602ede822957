// What a page may rely on with the native constructor holds with ours: each test runs on a bare socket, too.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import { admitSocket } from '../src/index.js';
import { Gateway } from './gateway.js';

const Bare = NodeWebSocket as unknown as typeof WebSocket;
let gateway: Gateway;

beforeEach(async () => {
  gateway = new Gateway();
  await gateway.start();
});
afterEach(() => gateway.stop());

const CONSTRUCTORS: [string, () => typeof WebSocket][] = [
  [
    'a bare WebSocket',
    () => {
      gateway.isOpenToAll = true;
      return Bare;
    },
  ],
  ['admitSocket', () => admitSocket({ gateway: gateway.origin, token: () => 'jwt-of-ada', WebSocket: Bare })],
];

function next(socket: WebSocket, type: string): Promise<Event> {
  return new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
}

/** Every event of a socket as text, with the state it was dispatched in. */
function record(socket: WebSocket): string[] {
  const seen: string[] = [];
  for (const type of ['open', 'message', 'error', 'close'])
    socket.addEventListener(type, () => seen.push(`${type} ${socket.readyState}`));
  return seen;
}

describe.each(CONSTRUCTORS)('%s', (_, make) => {
  const open = async (protocols: string | string[] = []) => {
    const Socket = make();
    const socket = new Socket(gateway.socketUrl, protocols);
    await next(socket, 'open');
    return socket;
  };

  it('has the constants, on itself and on its sockets', async () => {
    const Socket = make();
    const socket = new Socket(gateway.socketUrl);
    for (const holder of [Socket, socket])
      expect([holder.CONNECTING, holder.OPEN, holder.CLOSING, holder.CLOSED]).toEqual([0, 1, 2, 3]);
    await next(socket, 'open');
    socket.close();
    await next(socket, 'close');
  });

  it('begins connecting, with everything empty', async () => {
    const Socket = make();
    const socket = new Socket(gateway.socketUrl);
    const { readyState, url, protocol, extensions, bufferedAmount } = socket;
    expect({ readyState, url, protocol, extensions, bufferedAmount }).toEqual({
      readyState: 0,
      url: gateway.socketUrl,
      protocol: '',
      extensions: '',
      bufferedAmount: 0,
    });
    expect([socket.onopen, socket.onmessage, socket.onerror, socket.onclose]).toEqual([
      null,
      null,
      null,
      null,
    ]);
    await next(socket, 'open');
    socket.close();
    await next(socket, 'close');
  });

  it('is made by `new` alone', () => {
    const Socket = make() as unknown as () => unknown;
    expect(() => Socket()).toThrow(TypeError);
  });

  it.each(['http:', 'not a url', 'ftp://gw.example'])('refuses the URL "%s" with a SyntaxError', (url) => {
    const Socket = make();
    expect(() => new Socket(url)).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
  });

  it.each([[['chat', 'chat']], ['a b'], [['']]])(
    'refuses the protocols %j with a SyntaxError',
    (protocols) => {
      const Socket = make();
      expect(() => new Socket(gateway.socketUrl, protocols as string[])).toThrow(
        expect.objectContaining({ name: 'SyntaxError' }),
      );
    },
  );

  it('opens, echoes and closes, in this order and these states', async () => {
    const Socket = make();
    const socket = new Socket(gateway.socketUrl);
    const seen = record(socket);
    await next(socket, 'open');
    socket.send('one');
    await next(socket, 'message');
    socket.close(1000, 'done');
    expect(socket.readyState).toBe(2);
    const close = await next(socket, 'close');
    expect(seen).toEqual(['open 1', 'message 1', 'close 3']);
    expect(close).toMatchObject({ type: 'close', code: 1000, reason: 'done', wasClean: true });
    expect(close.target).toBe(socket);
  });

  it('shows the protocol that was selected', async () => {
    const socket = await open(['chat', 'other']);
    expect(socket.protocol).toBe('chat');
    socket.close();
    await next(socket, 'close');
    expect(socket.protocol).toBe('chat');
  });

  it('gives text as string and binary as asked', async () => {
    const socket = await open();
    socket.binaryType = 'arraybuffer';
    expect(socket.binaryType).toBe('arraybuffer');
    socket.send('text');
    expect(((await next(socket, 'message')) as MessageEvent).data).toBe('echo text');
    gateway.sockets[0]?.send(new Uint8Array([1, 2, 3]));
    const { data } = (await next(socket, 'message')) as MessageEvent;
    expect(data).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(data)]).toEqual([1, 2, 3]);
    socket.close();
    await next(socket, 'close');
  });

  it.each<[string, () => string | ArrayBuffer | ArrayBufferView<ArrayBuffer>]>([
    ['a string', () => 'abc'],
    ['an ArrayBuffer', () => new TextEncoder().encode('abc').buffer],
    ['a view', () => new TextEncoder().encode('xabc').subarray(1)],
    ['nothing much', () => ''],
  ])('sends %s', async (_, data) => {
    const socket = await open();
    socket.send(data());
    const sent = typeof data() === 'string' ? data() : 'abc';
    expect(((await next(socket, 'message')) as MessageEvent).data).toBe(`echo ${sent}`);
    socket.close();
    await next(socket, 'close');
  });

  it('throws when it sends before it is open', async () => {
    const Socket = make();
    const socket = new Socket(gateway.socketUrl);
    expect(() => socket.send('early')).toThrow();
    await next(socket, 'open');
    socket.close();
    await next(socket, 'close');
  });

  it('counts what is sent too late, and throws nothing', async () => {
    const socket = await open();
    socket.close();
    socket.send('abc');
    await next(socket, 'close');
    socket.send(new Uint8Array(4));
    socket.send('é');
    expect(socket.bufferedAmount).toBe(9);
  });

  it('closed while it connects, fails: closing at once, then error and close 1006', async () => {
    const Socket = make();
    const socket = new Socket(gateway.socketUrl);
    const seen = record(socket);
    socket.close();
    expect(socket.readyState).toBe(2);
    expect(seen).toEqual([]);
    const close = await next(socket, 'close');
    expect(seen.map((text) => text.split(' ')[0])).toEqual(['error', 'close']);
    expect(close).toMatchObject({ code: 1006, reason: '', wasClean: false });
    expect(socket.readyState).toBe(3);
  });

  it('ignores a second close', async () => {
    const socket = await open();
    const seen = record(socket);
    socket.close(1000, 'first');
    socket.close(4000, 'second');
    expect(await next(socket, 'close')).toMatchObject({ code: 1000, reason: 'first' });
    socket.close();
    expect(socket.readyState).toBe(3);
    expect(seen).toEqual(['close 3']);
  });

  it.each([
    [1000, 'bye'],
    [4321, 'of the application'],
    [1011, ''],
  ])('tells the Close of the server: %i %s', async (code, reason) => {
    const socket = await open();
    gateway.sockets[0]?.close(code, reason);
    expect(await next(socket, 'close')).toMatchObject({ code, reason, wasClean: true });
  });

  it('tells a Close without a code as 1005', async () => {
    const socket = await open();
    gateway.sockets[0]?.close();
    expect(await next(socket, 'close')).toMatchObject({ code: 1005, reason: '' });
  });

  it('tells a cut network as 1006, not clean', async () => {
    const socket = await open();
    gateway.sockets[0]?.terminate();
    expect(await next(socket, 'close')).toMatchObject({ code: 1006, reason: '', wasClean: false });
  });

  it('calls on… handlers with the socket as this', async () => {
    const Socket = make();
    const socket = new Socket(gateway.socketUrl);
    const calls: unknown[] = [];
    socket.onopen = function () {
      calls.push(['open', this]);
    };
    socket.onclose = function ({ type }) {
      calls.push([type, this]);
    };
    await next(socket, 'open');
    socket.close();
    await next(socket, 'close');
    expect(calls).toEqual([
      ['open', socket],
      ['close', socket],
    ]);
  });

  it('replaces and removes an on… handler', async () => {
    const socket = await open();
    const seen: string[] = [];
    socket.onmessage = () => seen.push('first');
    const second = () => seen.push('second');
    socket.onmessage = second;
    expect(socket.onmessage).toBe(second);
    socket.send('1');
    await next(socket, 'message');
    socket.onmessage = null;
    expect(socket.onmessage).toBeNull();
    socket.send('2');
    await next(socket, 'message');
    expect(seen).toEqual(['second']);
    socket.close();
    await next(socket, 'close');
  });

  it('takes and removes listeners, and calls each once', async () => {
    const socket = await open();
    const seen: string[] = [];
    const listener = () => seen.push('listener');
    socket.addEventListener('message', listener);
    socket.addEventListener('message', listener);
    socket.send('1');
    await next(socket, 'message');
    socket.removeEventListener('message', listener);
    socket.send('2');
    await next(socket, 'message');
    expect(seen).toEqual(['listener']);
    socket.close();
    await next(socket, 'close');
  });
});
