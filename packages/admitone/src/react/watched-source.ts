import { AdmitError, type TicketSource, type TicketStats } from '../index.js';

/** What a page can show of its tickets. */
export interface TicketStatus {
  /** Whether the gateway is being asked for something. */
  readonly busy: boolean;
  /** Why the latest request failed; nothing once one succeeded. */
  readonly error: AdmitError | undefined;
  /** How often what was done. */
  readonly stats: Readonly<TicketStats>;
}

/** A source that tells when its status is another. */
export interface WatchedSource extends TicketSource {
  subscribe(listener: () => void): () => void;
  /** The same object until it changes. */
  status(): TicketStatus;
}

/** Before anything was asked; a server renders it. */
export const UNASKED: TicketStatus = {
  busy: false,
  error: undefined,
  stats: { mints: 0, failures: 0, retries: 0, prefetched: 0 },
};

/** @param make called when the source is first used, and so never by a server that only renders */
export function watchSource(make: () => TicketSource): WatchedSource {
  const listeners = new Set<() => void>();
  let made: TicketSource | undefined;
  let status = UNASKED;
  let underWay = 0;

  function source(): TicketSource {
    made ??= make();
    return made;
  }

  function tell(change: number, error: AdmitError | undefined): void {
    underWay += change;
    status = { busy: underWay > 0, error, stats: { ...UNASKED.stats, ...made?.stats } };
    for (const listener of listeners) listener();
  }

  async function asking<T>(ask: (source: TicketSource) => Promise<T>): Promise<T> {
    tell(1, status.error);
    try {
      const answer = await ask(source());
      tell(-1, undefined);
      return answer;
    } catch (thrown) {
      // Whoever aborts knows it.
      tell(-1, thrown instanceof AdmitError && thrown.code !== 'aborted' ? thrown : status.error);
      throw thrown;
    }
  }

  return {
    acquire: (options) => asking((inner) => inner.acquire(options)),
    prefetch: (route) => asking((inner) => inner.prefetch(route)),
    renew: (sessionId, options) => asking((inner) => inner.renew(sessionId, options)),
    revoke: (ticket, options) => asking((inner) => inner.revoke(ticket, options)),
    clear: () => made?.clear(),
    token: async () => source().token(),
    get enabled() {
      return source().enabled !== false;
    },
    get stats() {
      return made?.stats ?? UNASKED.stats;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    status: () => status,
  };
}
