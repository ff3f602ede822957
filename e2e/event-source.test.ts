// Ticketed event streams in the browsers that people have.
import { once } from 'node:events';
import { createServer, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, firefox, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { AdmitErrorEvent, AdmitEventSource } from '../packages/admitone/src/index.js';
import { CHROMIUM, FIREFOX } from './chromium.mjs';
import { RestartableGateway } from './restartable-gateway.js';
import { SdkPages } from './sdk-page.js';

interface Asked {
  readonly lastEventId: string | undefined;
  readonly subject: string | undefined;
  readonly url: string | undefined;
  readonly stream: ServerResponse;
}

let pages: SdkPages;
let news: Server;
let site: Server;
let gateway: RestartableGateway;
let asked: Asked[];

beforeAll(async () => {
  pages = await SdkPages.serve();
  news = createServer(({ headers, url }, stream) => {
    stream.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    const [lastEventId, subject] = [headers['last-event-id'], headers['x-admitone-subject']] as string[];
    asked.push({ lastEventId, subject, url, stream });
  });
  // What many applications are: one origin for their pages and, behind it, everything else.
  site = createServer((incoming, outgoing) => {
    const { url = '/', method, headers } = incoming;
    const base = /^\/(auth|news)/.test(url) ? gateway.url : pages.origin;
    const onward = request(new URL(url, base), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    outgoing.on('close', () => onward.destroy());
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  for (const server of [news, site]) await once(server.listen(0, '127.0.0.1'), 'listening');
  gateway = await RestartableGateway.serve(
    { '/news': `ws://127.0.0.1:${portOf(news)}/latest` },
    {
      origins: [pages.origin, siteOrigin()],
      server: `public_url = "${siteOrigin()}"`,
      route: 'event_streams = true\nticket_carriers = ["authorization", "query"]',
    },
  );
});

beforeEach(() => {
  asked = [];
});

afterAll(async () => {
  await gateway?.kill();
  for (const server of [news, site]) {
    server?.closeAllConnections();
    server?.close();
  }
  pages?.stop();
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function siteOrigin(): string {
  return `http://127.0.0.1:${portOf(site)}`;
}

/** The request number `count` that the upstream got. */
async function nthRequest(count: number): Promise<Asked> {
  await expect.poll(() => asked.length, { timeout: 15_000 }).toBe(count);
  return asked[count - 1] as Asked;
}

const BROWSERS = { Chromium: () => chromium.launch(CHROMIUM), Firefox: () => firefox.launch(FIREFOX) };

describe.each(Object.entries(BROWSERS))('in %s', (_, launch) => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  async function visit(origin: string): Promise<Page> {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(`${origin}/`);
    await page.waitForFunction(() => window.admitone);
    return page;
  }

  test('S5: a page of another origin reads a stream, comes back with the last event, and hears of its logout', async () => {
    const page = await visit(pages.origin);
    const login = gateway.logIn('ada');
    await page.evaluate(listen, { gateway: gateway.url, url: `${gateway.url}/news`, token: login });
    const first = await nthRequest(1);
    expect([first.lastEventId, first.subject, first.url]).toEqual([undefined, 'ada', '/latest']);
    first.stream.write('id: 7\ndata: one\ndata: more\n\n');
    await page.waitForFunction(() => window.heard.length === 1);
    first.stream.end();
    const second = await nthRequest(2);
    expect(second.lastEventId).toBe('7');
    second.stream.write('data: two\n\n');
    await page.waitForFunction(() => window.heard.length === 2);
    await gateway.logOut(login);
    await page.waitForFunction(() => window.news.readyState === 2);
    expect(await page.evaluate(() => [window.heard, window.troubles])).toEqual([
      ['one\nmore (7)', 'two (7)'],
      ['connection_lost', 'revoked'],
    ]);
    await expect.poll(() => second.stream.closed, { timeout: 15_000 }).toBe(true);
    expect(asked).toHaveLength(2);
  });

  test('S2: a page of the same origin needs no Origin: by fetch, and by its own EventSource with the ticket in the query', async () => {
    const page = await visit(siteOrigin());
    const login = gateway.logIn('grace');
    await page.evaluate(listen, { gateway: siteOrigin(), url: `${siteOrigin()}/news`, token: login });
    (await nthRequest(1)).stream.write('data: by fetch\n\n');
    await page.waitForFunction(() => window.heard.length === 1);
    const own = page.evaluate(async () => {
      const { ticket } = await window.source.acquire({ route: '/news' });
      const bare = new EventSource(`/news?ticket=${ticket}&topic=a`);
      const { data } = await new Promise<MessageEvent>((resolve) => {
        bare.onmessage = resolve;
      });
      bare.close();
      return data;
    });
    const bare = await nthRequest(2);
    expect([bare.subject, bare.url]).toEqual(['grace', '/latest?topic=a']);
    bare.stream.write('data: by itself\n\n');
    expect(await own).toBe('by itself');
    expect(await page.evaluate(() => window.troubles)).toEqual([]);
  });
});

declare global {
  interface Window {
    news: AdmitEventSource;
    heard: string[];
    troubles: string[];
  }
}

/** Runs in the page. */
function listen({ gateway, url, token }: { gateway: string; url: string; token: string }): void {
  const { AdmitEventSource, createTicketSource } = window.admitone;
  window.heard = [];
  window.troubles = [];
  window.source = createTicketSource({ gateway, token: () => token });
  window.news = new AdmitEventSource(url, { source: window.source });
  window.news.onmessage = (event) => {
    const { data, lastEventId } = event as MessageEvent;
    window.heard.push(`${data}${lastEventId && ` (${lastEventId})`}`);
  };
  window.news.onerror = (event) => window.troubles.push((event as AdmitErrorEvent).error.code);
}
