// A network that is slow, cut or silent between the page and the gateway.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ChatPlace } from './chat-place.js';
import { REAL_BROWSERS, type RealBrowser } from './real-browsers.js';
import { Wire } from './wire.js';

let place: ChatPlace;

beforeAll(async () => {
  place = await ChatPlace.open();
});
afterAll(() => place?.close());

describe.each(REAL_BROWSERS)('in %s', (_, launch) => {
  let browser: RealBrowser;
  let wire: Wire;
  let page: Page;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    wire = await Wire.to(place.gateway.url);
    page = await browser.visit(place.page);
  });
  afterEach(() => wire?.close());

  const connect = (options: Parameters<ChatPlace['connect']>[2] = {}) =>
    place.connect(page, { gateway: `http://${wire.host}` }, options);
  const isOpen = () => page.waitForFunction(() => window.chat.state.name === 'open');
  const sees = (what: string) => page.waitForFunction((what) => window.seen.includes(what), what);
  const stats = () => page.evaluate(() => window.source.stats);
  const session = () => page.evaluate(() => window.chat.handshake?.sessionId);

  test('a slow network takes its time, and nothing is asked for twice', async () => {
    wire.delayMs = 400;
    await connect();
    await isOpen();
    await page.evaluate(() => window.chat.send('hello'));
    await sees('message hello');
    expect(await page.evaluate(() => window.seen)).toEqual(['open', 'message hello']);
    expect(await stats()).toMatchObject({ mints: 1, retries: 0, failures: 0 });
  });

  test.each([
    ['a ticket is minted', /^(OPTIONS|POST) /, 'network', 1],
    ['the socket is opened', /^GET \/chat/, 'connection_failed', 2],
  ])('one that is cut while %s: told, and tried again when it is mended', async (_, at, code, mints) => {
    wire.cutsAt = at;
    await connect();
    await sees(code);
    wire.cutsAt = undefined;
    await isOpen();
    expect((await stats()).mints).toBeGreaterThanOrEqual(mints);
  });

  test('one that is cut under an open socket: another one, of another ticket', async () => {
    await connect();
    await isOpen();
    const first = await session();
    wire.cut();
    await sees('connection_lost');
    wire.mend();
    await isOpen();
    expect(await session()).not.toBe(first);
  });

  test.each([
    ['a ticket is minted', /^(OPTIONS|POST) /, 'timeout'],
    ['the socket is opened', /^GET \/chat/, 'connection_failed'],
  ])('one that falls silent while %s: given up after a while, and tried again', async (_, at, code) => {
    wire.isSilentAt = at;
    await connect({ acquireTimeoutMs: 1_000, openTimeoutMs: 1_000 });
    await sees(code);
    wire.isSilentAt = undefined;
    await isOpen();
  });
});
