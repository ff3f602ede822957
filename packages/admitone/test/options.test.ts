import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  AdmitConnection,
  type AdmitConnectionOptions,
  admitSocket,
  createTicketSource,
} from '../src/index.js';
import { beginAnew, connect, settle } from './connecting.js';
import { FakeSocket, FakeWebSocket } from './fake-socket.js';
import { mintAnswer } from './gateway-answers.js';

beforeEach(beginAnew);
afterEach(() => {
  vi.useRealTimers();
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

describe('an option of a wrong type', () => {
  const NUMBER = 'a number from 0 on';

  it.each<[string, unknown, string, string]>([
    ['fallback', 'JWT', "'none' or 'jwt'", 'string'],
    ['fallback', true, "'none' or 'jwt'", 'boolean'],
    ['enabled', 'false', 'a boolean or a function', 'string'],
    ['autoConnect', 0, 'a boolean', 'number'],
    ['maxRetries', '3', NUMBER, 'string'],
    ['maxRetries', Number.POSITIVE_INFINITY, NUMBER, 'number'],
    ['openTimeoutMs', Number.NaN, NUMBER, 'number'],
    ['acquireTimeoutMs', null, NUMBER, 'object'],
    ['closeTimeoutMs', -1, NUMBER, 'number'],
    ['retryBaseMs', [], NUMBER, 'object'],
    ['retryCapMs', {}, NUMBER, 'object'],
    ['stableAfterMs', '10s', NUMBER, 'string'],
    ['retryCodes', 4000, 'integers', 'number'],
    ['retryCodes', ['4000'], 'integers', 'object'],
    ['retryCodes', [4000.5], 'integers', 'object'],
    ['protocols', 7, 'strings', 'number'],
    ['protocols', ['chat', null], 'strings', 'object'],
    ['url', null, 'a ws(s) or http(s) URL', 'object'],
    ['source', null, 'a TicketSource', 'object'],
    ['source', { acquire: () => {} }, 'a TicketSource', 'object'],
    ['gateway', undefined, 'a TicketSource, or gateway and token', 'undefined'],
    ['gateway', 7, 'an http(s) URL', 'number'],
    ['token', 'eyJhbGciOi', 'a function', 'string'],
    ['token', undefined, 'a function', 'undefined'],
    ['fetch', {}, 'a function', 'object'],
    ['metadata', 'text', 'an object of JSON', 'string'],
    ['metadata', { toJSON: () => 'text' }, 'an object of JSON', 'object'],
    ['metadata', [1], 'an object of JSON', 'object'],
    ['refreshThresholdMs', -1, NUMBER, 'number'],
    ['WebSocket', 'ws', 'a function', 'string'],
  ])('%s: %j is named, with what is allowed', (name, given, allowed, type) => {
    const refused = expect.objectContaining({
      code: 'invalid_options',
      message: expect.stringMatching(
        new RegExp(
          `^option ${name === 'gateway' && type === 'undefined' ? 'source' : name}: expected .*, got ${type}$`,
        ),
      ),
    });
    expect(() => connect({ [name]: given })).toThrow(refused);
    expect(() => connect({ [name]: given })).toThrow(allowed);
  });

  it.each([undefined, null, 'https://gw.example'])('options that are %s say what they need', (options) => {
    expect(() => new AdmitConnection(options as unknown as AdmitConnectionOptions)).toThrow(
      expect.objectContaining({ code: 'invalid_options' }),
    );
  });

  it.each(['timeoutMs', 'maxRetries', 'retryDelayMs'])('of a ticket source is named too: %s', (name) => {
    const options = { gateway: 'https://gw.example', token: () => '', [name]: Number.NaN };
    expect(() => createTicketSource(options)).toThrow(`option ${name}: expected ${NUMBER}, got number`);
  });

  it('never shows its value', () => {
    expect(() => connect({ token: 'eyJhbGciOi' as unknown as () => string })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('eyJ') }),
    );
  });
});

describe('options that are undefined', () => {
  it('are as good as absent', async () => {
    const { connection } = connect({
      source: undefined,
      url: undefined,
      fallback: undefined,
      maxRetries: undefined,
      retryCodes: undefined,
      protocols: undefined,
    } as unknown as Partial<AdmitConnectionOptions>);
    await settle();
    expect(connection.state.name).toBe('dialing');
  });
});

describe('the route of an inline source', () => {
  it.each<[string, Partial<AdmitConnectionOptions>, string | undefined]>([
    ['is the path of url', { url: 'wss://gw.example/rooms/chat?room=1#x' }, '/rooms/chat'],
    ['is its own where it is given', { url: 'wss://gw.example/chat', route: '/other' }, '/other'],
    ['is left to the gateway without url', {}, undefined],
  ])('%s', async (_, options, route) => {
    const { fetch } = connect(options);
    await settle();
    expect(JSON.parse(String(fetch.mock.calls[0]?.[1]?.body)).route).toBe(route);
  });
});

describe('in a page, where URLs may be relative', () => {
  beforeEach(() => void vi.stubGlobal('location', { href: 'https://page.example/app/' }));
  afterEach(() => void vi.unstubAllGlobals());

  it.each<[string, Partial<AdmitConnectionOptions>, string, string | undefined]>([
    ['no url is none', {}, 'wss://gw.example/chat', undefined],
    ['an undefined one is none', { url: undefined as unknown as string }, 'wss://gw.example/chat', undefined],
    ['a relative one counts from the page', { url: '/chat' }, 'wss://page.example/chat', '/chat'],
  ])('%s', async (_, options, url, route) => {
    const { fetch } = connect(options);
    await settle();
    expect(FakeSocket.latest().url).toBe(url);
    expect(JSON.parse(String(fetch.mock.calls[0]?.[1]?.body)).route).toBe(route);
  });

  it.each([null, 7, {}, []])('an url that is %j is still refused', (url) => {
    expect(() => connect({ url: url as unknown as string })).toThrow('option url: expected');
  });

  it('a relative gateway counts from the page', async () => {
    const { fetch } = connect({ gateway: '/edge' });
    await settle();
    expect(fetch.mock.calls[0]?.[0]).toBe('https://page.example/edge/auth/ticket');
  });

  it('admitSocket takes relative URLs, too, and none', async () => {
    const Socket = admitSocket({
      gateway: 'https://gw.example',
      token: () => 'jwt',
      fetch: async () => mintAnswer(),
      WebSocket: FakeWebSocket,
    });
    for (const socket of [new Socket('/chat'), new Socket()]) {
      await settle();
      socket.close();
    }
    expect(FakeSocket.all.map(({ url }) => url)).toEqual([
      'wss://page.example/chat',
      'wss://gw.example/chat',
    ]);
  });
});
