// A person leaves a page and returns: to another tab or page, off the network, with the machine asleep; or for good.
import { once } from 'node:events';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WebSocket as UpstreamSocket } from 'ws';
import { ChatPlace } from './chat-place.js';
import { REAL_BROWSERS, type RealBrowser } from './real-browsers.js';

const TTL_SECONDS = 5;

let place: ChatPlace;

beforeAll(async () => {
  place = await ChatPlace.open();
});
afterAll(() => place?.close());

describe.each(REAL_BROWSERS)('in %s', (name, launch) => {
  let browser: RealBrowser;
  let page: Page;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    page = await browser.visit(place.page);
    // Long pauses, which a return ends.
    await place.connect(page, { ttlSeconds: TTL_SECONDS }, { maxRetries: 1000, retryCapMs: 20_000 });
    await isOpen();
  });

  const isOpen = () =>
    page.waitForFunction(() => window.chat.state.name === 'open', undefined, { polling: 50 });
  const prefetched = () => page.evaluate(() => window.source.stats.prefetched);
  const seen = () => page.evaluate(() => window.seen);

  /** The gateway is gone, and the next retry is so far away that it does not come before a return. */
  async function loseTheGateway(): Promise<void> {
    await place.gateway.kill();
    await page.waitForFunction(
      () => {
        const { state } = window.chat;
        return state.name === 'waiting' && state.until - performance.now() > 4_000;
      },
      undefined,
      { polling: 20 },
    );
  }

  test('a page out of the back/forward cache reconnects at once, with a ticket minted ahead', async () => {
    await loseTheGateway();
    await page.goto(`${place.page}elsewhere`);
    await place.gateway.start();
    await goBack(page);
    await expect.poll(() => seen().catch(() => []), { timeout: 15_000 }).toContain('pageshow, persisted');
    await isOpen();
    expect(await prefetched()).toBe(1);
  });

  // Firefox keeps no page that has an open socket.
  if (name === 'Chromium')
    test('one that went there with an open socket reconnects as well', async () => {
      await page.goto(`${place.page}elsewhere`);
      await goBack(page);
      await expect.poll(() => seen().catch(() => []), { timeout: 15_000 }).toContain('pageshow, persisted');
      await page.waitForFunction(() => window.seen.at(-1) === 'open', undefined, { polling: 50 });
      expect((await seen()).filter((what) => what === 'open')).toHaveLength(2);
    });

  test('a page whose network is back reconnects at once, with a ticket minted ahead', async () => {
    await place.gateway.kill();
    await page.waitForFunction(() => window.chat.state.name === 'waiting');
    await browser.context.setOffline(true);
    await place.gateway.start();
    await page.waitForFunction(() => {
      const { state } = window.chat;
      return state.name === 'waiting' && state.until - performance.now() > 4_000;
    });
    expect(await seen()).toContain('offline');
    await browser.context.setOffline(false);
    await isOpen();
    expect(await seen()).toContain('online');
    expect(await prefetched()).toBe(1);
  });

  test('a tab that is in front again reconnects at once, with a ticket minted ahead', async () => {
    const front = await browser.hide(page, 'Another tab');
    await loseTheGateway();
    await place.gateway.start();
    await front.close();
    await isOpen();
    expect(await seen()).toContain('visible');
    expect(await prefetched()).toBe(1);
  });

  test('a hidden tab, whose timers are slow, reconnects all the same', async () => {
    await browser.hide(page, 'Another tab');
    // As many as there are in two seconds: a tab in front has hundreds.
    expect(await page.evaluate(countTimers)).toBeLessThan(20);
    await place.gateway.kill();
    await page.waitForFunction(() => window.chat.state.name === 'waiting', undefined, { polling: 100 });
    await place.gateway.start();
    await page.waitForFunction(() => window.chat.state.name === 'open', undefined, { polling: 100 });
    expect(await page.evaluate(() => document.visibilityState)).toBe('hidden');
  });

  test('a machine that slept for longer than a ticket lasts wakes to a fresh one', async () => {
    await page.evaluate(() => window.source.prefetch('/chat'));
    browser.sleep();
    await place.gateway.kill();
    await place.gateway.start();
    await new Promise((resolve) => setTimeout(resolve, TTL_SECONDS * 1000));
    browser.wake();
    await page.waitForFunction(() => window.seen.filter((what) => what === 'open').length === 2);
    expect(await seen()).not.toContain('ticket_not_accepted');
    expect(await page.evaluate(() => window.source.stats)).toMatchObject({ prefetched: 0, mints: 3 });
  });

  test('a page that is left takes its socket along at once, wherever the browser keeps the page', async () => {
    const ended = once([...place.upstream.clients].at(-1) as UpstreamSocket, 'close');
    await page.goto('about:blank');
    await ended;
  });
});

async function goBack(page: Page): Promise<void> {
  // Playwright waits for a load, which a page out of the cache does not have.
  await page.evaluate(() => history.back()).catch(() => {});
}

function countTimers(): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve) => {
    let count = 0;
    const again = () => {
      count += 1;
      if (performance.now() - begun > 2_000) resolve(count);
      else setTimeout(again);
    };
    again();
  });
}
