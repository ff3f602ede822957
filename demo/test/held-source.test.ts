import type { MintedTicket, TicketSource } from 'admitone';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HeldSource, type MintWatcher } from '../page/held-source.js';

const LIFETIME_S = 60;

/** A source whose tickets are numbered, and which fails when told to. */
class NumberedSource implements TicketSource {
  stats = { mints: 0, failures: 0, retries: 0, prefetched: 0 };
  failing = false;

  async acquire(): Promise<MintedTicket> {
    if (this.failing) throw new Error('no ticket');
    this.stats.mints += 1;
    return {
      ticket: `ticket ${this.stats.mints}`,
      sessionId: 's',
      createdAt: 0,
      expiresAt: LIFETIME_S,
      expiresIn: LIFETIME_S,
      ttlSeconds: LIFETIME_S,
      singleUse: true,
      loginExpiresAt: undefined,
      websocketUrl: 'ws://localhost/chat',
      protocols: [],
    };
  }

  async prefetch(): Promise<void> {}

  clear(): void {}

  async renew(): Promise<never> {
    throw new Error('no session');
  }

  async revoke(): Promise<void> {}

  async token(): Promise<string> {
    return 'token';
  }
}

function watching(told: string[]): MintWatcher {
  return {
    minting: () => told.push('minting'),
    minted: ({ ticket }) => told.push(`minted ${ticket}`),
    mintFailed: () => told.push('failed'),
  };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('without a ticket that waits, acquiring mints', async () => {
  const told: string[] = [];
  const held = new HeldSource(new NumberedSource(), watching(told));
  expect((await held.acquire()).ticket).toBe('ticket 1');
  expect(held.given?.ticket).toBe('ticket 1');
  expect(told).toEqual(['minting', 'minted ticket 1']);
});

test('a ticket minted ahead is given once, and the next one is new', async () => {
  const held = new HeldSource(new NumberedSource(), watching([]));
  await held.prefetch();
  expect(held.given).toBeUndefined();
  expect((await held.acquire()).ticket).toBe('ticket 1');
  expect((await held.acquire()).ticket).toBe('ticket 2');
});

test('a ticket that expired while it waited is not given', async () => {
  const held = new HeldSource(new NumberedSource(), watching([]));
  await held.prefetch();
  vi.advanceTimersByTime(LIFETIME_S * 1000);
  expect((await held.acquire()).ticket).toBe('ticket 2');
});

test('a discarded ticket is not given', async () => {
  const held = new HeldSource(new NumberedSource(), watching([]));
  await held.prefetch();
  held.clear();
  expect((await held.acquire()).ticket).toBe('ticket 2');
});

test('minting ahead tells a failure and throws nothing', async () => {
  const told: string[] = [];
  const source = new NumberedSource();
  source.failing = true;
  await new HeldSource(source, watching(told)).prefetch();
  expect(told).toEqual(['minting', 'failed']);
});

test('a failure is told and thrown, and the ticket given before it stays known', async () => {
  const told: string[] = [];
  const source = new NumberedSource();
  const held = new HeldSource(source, watching(told));
  await held.acquire();
  source.failing = true;
  await expect(held.acquire()).rejects.toThrow('no ticket');
  expect(told.slice(2)).toEqual(['minting', 'failed']);
  expect(held.given?.ticket).toBe('ticket 1');
});
