import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdmitError } from '../src/index.js';
import { beginAnew, connect, dialing, open, settle, URL_OF_CHAT } from './connecting.js';
import { FakeSocket } from './fake-socket.js';
import { mintAnswer, problem, TICKET } from './gateway-answers.js';

beforeEach(beginAnew);
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
