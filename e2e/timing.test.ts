// How long from a click to an open socket: bare ones and ours take turns in the same page.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChatPlace } from './chat-place.js';
import { REAL_BROWSERS, type RealBrowser } from './real-browsers.js';
import { Wire } from './wire.js';

let place: ChatPlace;

beforeAll(async () => {
  place = await ChatPlace.open();
});
afterAll(() => place?.close());

describe.each(REAL_BROWSERS)('in %s', (name, launch) => {
  let browser: RealBrowser;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  /** Medians in milliseconds, by way. */
  async function measure(gateway: string, rounds: number) {
    const page = await browser.visit(place.page);
    await page.waitForFunction(() => window.admitone);
    const token = place.gateway.logIn(`${name}-${rounds}`);
    const medians = await page.evaluate(timeToOpen, { direct: place.direct, gateway, token, rounds });
    const told = Object.entries(medians).map(([way, ms]) => `${way} ${ms.toFixed(1)} ms`);
    process.stdout.write(`${name}, ${rounds} rounds to ${gateway}, median to open: ${told.join(', ')}\n`);
    return medians;
  }

  test('with a ticket minted ahead a socket opens about as soon as a bare one through the same gateway', async () => {
    const { bare, prefetched } = await measure(place.gateway.url, 25);
    expect(prefetched).toBeLessThan(2 * bare + 5);
  });

  test('F26: a ticket minted ahead costs no round trip, and minting first costs one', async () => {
    const wire = await Wire.to(place.gateway.url);
    wire.delayMs = 100;
    const roundTrip = 2 * wire.delayMs;
    const { bare, prefetched, minting } = await measure(`http://${wire.host}`, 7);
    wire.close();
    expect(bare).toBeGreaterThanOrEqual(roundTrip);
    expect(prefetched - bare).toBeLessThan(roundTrip / 2);
    expect(minting - bare).toBeGreaterThan(roundTrip / 2);
    expect(minting - bare).toBeLessThan(roundTrip * 1.5);
  });
});

interface Given {
  readonly direct: string;
  readonly gateway: string;
  readonly token: string;
  readonly rounds: number;
}

type Way = 'direct' | 'bare' | 'prefetched' | 'minting';

/** Runs in the page. */
async function timeToOpen({ direct, gateway, token, rounds }: Given): Promise<Record<Way, number>> {
  const source = window.admitone.createTicketSource({ gateway, token: () => token, route: '/chat' });
  const Socket = window.admitone.admitSocket({ source });
  const url = `${gateway.replace(/^http/, 'ws')}/chat`;
  const ways: Record<Way, () => WebSocket> = {
    direct: () => new WebSocket(direct),
    bare: () => new WebSocket(url, ['admitone.v1', `bearer.${token}`]),
    prefetched: () => new Socket(url),
    minting: () => new Socket(url),
  };
  const times: Record<Way, number[]> = { direct: [], bare: [], prefetched: [], minting: [] };
  // The first round is not counted: the browser asks the gateway whether it may ask.
  for (let round = 0; round <= rounds; round += 1)
    for (const [way, make] of Object.entries(ways) as [Way, () => WebSocket][]) {
      if (way === 'prefetched') await source.prefetch();
      const begun = performance.now();
      const socket = make();
      await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onclose = ({ code }) => reject(new Error(`${way} ended with ${code}`));
      });
      if (round > 0) times[way].push(performance.now() - begun);
      await new Promise((resolve) => {
        socket.onclose = resolve;
        socket.close();
      });
    }
  const median = (list: number[]) => list.sort((one, other) => one - other)[list.length >> 1] ?? Number.NaN;
  return {
    direct: median(times.direct),
    bare: median(times.bare),
    prefetched: median(times.prefetched),
    minting: median(times.minting),
  };
}
