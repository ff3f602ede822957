import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type AdmitError,
  type AdmitErrorEvent,
  AdmitEventSource,
  type AdmitEventSourceOptions,
} from '../src/index.js';
import { beginAnew, JWT, settle } from './connecting.js';
import { numberedMints, problem } from './gateway-answers.js';
import { comeBack, withPage } from './page.js';

const URL_OF_NEWS = 'https://gw.example/news?since=1';

/** An answer that goes on until the test ends it. */
class Stream {
  readonly response: Response;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(init: ResponseInit = {}) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    this.response = new Response(body, { headers: { 'content-type': 'text/event-stream' }, ...init });
  }

  write(text: string): Promise<unknown> {
    this.#controller?.enqueue(new TextEncoder().encode(text));
    return settle();
  }

  end(): Promise<unknown> {
    this.#controller?.close();
    return settle();
  }

  cut(): Promise<unknown> {
    this.#controller?.error(new TypeError('cut'));
    return settle();
  }
}

const sources: AdmitEventSource[] = [];

beforeEach(beginAnew);
afterEach(() => {
  for (const source of sources.splice(0)) source.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A source whose requests are answered in turn, the last one again and again. */
async function streaming(
  answers: (() => Response | Promise<Response>)[],
  options: Partial<AdmitEventSourceOptions> = {},
) {
  const mint = numberedMints();
  const requests: { url: string; headers: Record<string, string>; signal: AbortSignal | null | undefined }[] =
    [];
  const fetch = vi.fn(async (url: string | URL | Request, init: RequestInit = {}) => {
    if (String(url).endsWith('/auth/ticket')) return mint();
    requests.push({ url: String(url), headers: init.headers as Record<string, string>, signal: init.signal });
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) as () => Response;
    return answer();
  });
  const given = { gateway: 'https://gw.example', token: () => JWT, fetch, ...options };
  const source = new AdmitEventSource(URL_OF_NEWS, given as AdmitEventSourceOptions);
  sources.push(source);
  const seen: string[] = [];
  const errors: AdmitError[] = [];
  source.addEventListener('open', () => seen.push(`open ${source.readyState}`));
  source.addEventListener('error', (event) => {
    errors.push((event as AdmitErrorEvent).error);
    seen.push(`error ${source.readyState}`);
  });
  source.onmessage = ({ data, lastEventId }) => seen.push(`message ${data} (${lastEventId})`);
  await settle();
  return { source, seen, errors, requests, fetch };
}

describe('an event source', () => {
  it('asks with a ticket in Authorization, and gives what comes', async () => {
    const stream = new Stream();
    const { source, seen, requests } = await streaming([() => stream.response]);
    const named = vi.fn();
    source.addEventListener('agent', named);
    await stream.write('id: 7\ndata: one\ndata: two\n\nevent: agent\ndata: x\n\n');
    expect(requests).toEqual([
      {
        url: URL_OF_NEWS,
        headers: { accept: 'text/event-stream', authorization: expect.stringMatching(/^Ticket adm1_0+1$/) },
        signal: expect.any(AbortSignal),
      },
    ]);
    expect(seen).toEqual(['open 1', 'message one\ntwo (7)']);
    expect(named.mock.calls[0]?.[0]).toMatchObject({
      data: 'x',
      lastEventId: '7',
      origin: 'https://gw.example',
    });
    expect([source.url, source.method, source.handshake?.sessionId]).toEqual([URL_OF_NEWS, 'ticket', 's-1']);
  });

  it('has the constants', async () => {
    const { source } = await streaming([() => new Stream().response]);
    for (const holder of [AdmitEventSource, source])
      expect([holder.CONNECTING, holder.OPEN, holder.CLOSED]).toEqual([0, 1, 2]);
  });

  it.each(['end', 'cut'] as const)(
    'F26: reconnects after an %s with a fresh ticket and Last-Event-ID',
    async (how) => {
      const [first, second] = [new Stream(), new Stream()];
      const { source, seen, requests } = await streaming([() => first.response, () => second.response]);
      await first.write('id: é1\ndata: x\n\nid: unfinished\n');
      await first[how]();
      expect([source.readyState, seen.at(-1)]).toEqual([0, 'error 0']);
      await vi.advanceTimersByTimeAsync(500);
      expect(source.readyState).toBe(1);
      expect(requests[1]?.headers.authorization).toMatch(/^Ticket adm1_0+2$/);
      expect(requests[1]?.headers['last-event-id']).toBe('Ã©1');
    },
  );

  it('S5: stops where the gateway says that it has ended the stream for good', async () => {
    const stream = new Stream();
    const { source, errors, requests } = await streaming([() => stream.response]);
    await stream.write('data: x\n\n:admitone:revoked\n');
    await stream.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([source.readyState, requests.length]).toEqual([2, 1]);
    expect(errors).toEqual([
      expect.objectContaining({ code: 'revoked', close: { code: 4900, reason: 'admitone:revoked' } }),
    ]);
  });

  it.each([
    [':admitone:draining\n', 'draining'],
    [':admitone:session_expired\n', 'session_expired'],
    [': ping\n', 'connection_lost'],
    [':admitone:unheard_of\n', 'connection_lost'],
    [':admitone:revoked\n\n', 'connection_lost'],
    ['data: admitone:revoked\n', 'connection_lost'],
  ])('F26: comes back after an end with %j', async (last, code) => {
    const [first, second] = [new Stream(), new Stream()];
    const { source, errors } = await streaming([() => first.response, () => second.response]);
    await first.write(`data: x\n\n${last}`);
    await first.end();
    expect([source.readyState, errors[0]?.code]).toEqual([0, code]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(source.readyState).toBe(1);
  });

  it('waits as the stream asks', async () => {
    const stream = new Stream();
    const { requests } = await streaming([() => stream.response, () => new Stream().response]);
    await stream.write('retry: 60000\n\n');
    await stream.end();
    await vi.advanceTimersByTimeAsync(29_999);
    expect(requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(requests).toHaveLength(2);
  });

  it('close() ends the request, and nothing is dispatched', async () => {
    const stream = new Stream();
    const { source, seen, requests } = await streaming([() => stream.response]);
    source.close();
    expect(source.readyState).toBe(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(requests[0]?.signal?.aborted).toBe(true);
    expect(seen).toEqual(['open 1']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('F26: close() before the ticket has come asks for no stream', async () => {
    const { source, requests } = await streaming([() => new Stream().response], {
      token: () => new Promise(() => {}),
    });
    source.close();
    await vi.advanceTimersByTimeAsync(20_000);
    expect([requests, source.readyState, vi.getTimerCount()]).toEqual([[], 2, 0]);
  });

  it('hurries a retry when the page is back', async () => {
    withPage();
    const { source } = await streaming(
      [() => Promise.reject(new TypeError('offline')), () => new Stream().response],
      {
        retryBaseMs: 8_000,
      },
    );
    vi.mocked(Math.random).mockReturnValue(0.01);
    comeBack('online');
    await vi.advanceTimersByTimeAsync(80);
    expect(source.readyState).toBe(1);
  });
});

describe('an answer that is no stream', () => {
  it.each<[string, () => Response, string]>([
    ['204', () => new Response(null, { status: 204 }), 'closed_by_upstream'],
    ['HTML', () => new Response('<p>', { headers: { 'content-type': 'text/html' } }), 'bad_answer'],
    ['403', () => problem(403, 'forbidden'), 'forbidden'],
    ['404', () => problem(404, 'not_found'), 'not_found'],
  ])('%s is final', async (_, answer, code) => {
    const { source, seen, errors, requests } = await streaming([answer]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([source.readyState, seen]).toEqual([2, ['error 2']]);
    expect(errors[0]?.code).toBe(code);
    expect(requests).toHaveLength(1);
  });

  it.each<[number, string]>([
    [401, 'ticket_not_accepted'],
    [502, 'upstream_unavailable'],
    [503, 'draining'],
  ])('F26: %i %s is retried with a fresh ticket, and keeps its name', async (status, code) => {
    const { source, errors, requests } = await streaming([
      () => problem(status, code),
      () => new Stream().response,
    ]);
    expect([source.readyState, errors[0]?.code]).toEqual([0, code]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(source.readyState).toBe(1);
    expect(new Set(requests.map(({ headers }) => headers.authorization)).size).toBe(2);
  });

  it('F26: after ten retries it is over', async () => {
    const { source, requests, errors } = await streaming([() => problem(502, 'upstream_unavailable')]);
    await vi.advanceTimersByTimeAsync(200_000);
    expect([source.readyState, requests.length, errors.length]).toEqual([2, 11, 11]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('one event without an end is the end', async () => {
    const stream = new Stream();
    const { source } = await streaming([() => stream.response]);
    await stream.write(`data: ${'x'.repeat(2 ** 20)}`);
    expect(source.readyState).toBe(2);
  });
});

it('F25: falls back to the JWT where tickets are off', async () => {
  const stream = new Stream();
  const fetch = async (url: string | URL | Request, init?: RequestInit) => {
    if (String(url).endsWith('/auth/ticket')) return problem(404, 'tickets_disabled');
    expect(init?.headers).toMatchObject({ authorization: `Bearer ${JWT}` });
    return stream.response;
  };
  const { source } = await streaming([], { fetch: fetch as typeof globalThis.fetch, fallback: 'jwt' });
  expect([source.readyState, source.method, source.fallbackReason]).toEqual([1, 'jwt', 'tickets_disabled']);
});

it.each([undefined, '', 'ftp://gw.example'])('refuses the URL %s', (url) => {
  const make = () => new AdmitEventSource(url as string, { gateway: 'https://gw.example', token: () => JWT });
  expect(make).toThrow(expect.objectContaining({ code: 'invalid_options' }));
});
