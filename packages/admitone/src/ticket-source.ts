import { readText } from './answer.js';
import { backoffMs } from './backoff.js';
import { AdmitError } from './errors.js';
import { type MintedTicket, type RenewedSession, readMinted, readRenewed } from './minted-ticket.js';
import { checkOptions, isOn, parseUrl } from './option-rules.js';
import { problemOf } from './problem.js';
import { pause, stopwatch, within } from './time.js';

/** How a page mints tickets. */
export interface TicketSourceOptions {
  /** Base URL of the gateway, such as `https://gw.example.com`; relative ones count from the page. */
  readonly gateway: string | URL;
  /** The login that the page already has: asked for at every acquisition, so that it may be renewed meanwhile. */
  readonly token: () => string | Promise<string>;
  /** Which route the tickets are for: a path or socket URL. Default: that of the socket, where there is one, else the gateway's. */
  readonly route?: string;
  /**
   * Whether to mint: your build-time flag, or a function that is asked before every ticket (one that throws means `true`).
   * Where it is off, `acquire` throws `tickets_disabled`, and connections use their fallback at once. Default `true`.
   */
  readonly enabled?: boolean | (() => boolean);
  /** 5–3600 seconds. Default: the gateway's. */
  readonly ttlSeconds?: number;
  /** A subset of the login's permissions. Default: all of them. */
  readonly permissions?: readonly string[];
  /** The application's own, kept with the grant until the ticket is redeemed; at most 2 KiB as JSON. Default: none. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** What asks the gateway. Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Milliseconds for the token and the answer together, of each try. Default 10000. */
  readonly timeoutMs?: number;
  /** Further tries after a failure that may pass. Default 3. */
  readonly maxRetries?: number;
  /** Milliseconds: the first pause's upper bound; it doubles, up to 10 s, and each pause is random within it. Default 1000. */
  readonly retryDelayMs?: number;
  /** Milliseconds: a prefetched ticket with less time left is discarded. Default 30000, and never more than half of its lifetime. */
  readonly refreshThresholdMs?: number;
}

/** How long one call may go on. */
export interface RetryOptions {
  /** Ends it with `aborted`. */
  readonly signal?: AbortSignal;
  /** Further tries after a failure that may pass. Default: the source's. */
  readonly maxRetries?: number;
}

/** What one acquisition is for. */
export interface AcquireOptions extends RetryOptions {
  /** A path or socket URL, where the source was given no route. Default: the gateway's. */
  readonly route?: string | undefined;
}

/** Mints tickets for one login. Every ticket admits one connection, so no two calls are given the same. */
export interface TicketSource {
  /**
   * A ticket that nobody else was given: the prefetched one if it still serves, or a fresh one.
   *
   * @throws AdmitError with the gateway's problem code, or `network`, `timeout`, `aborted`, `bad_answer`, `token_failed`, `tickets_disabled`
   */
  acquire(options?: AcquireOptions): Promise<MintedTicket>;
  /**
   * Mints ahead what the next `acquire` takes. One ticket waits at most: calls meanwhile share it. Resolves when the mint has
   * ended; a failure is only counted, since the next `acquire` mints by itself.
   */
  prefetch(route?: string): Promise<void>;
  /**
   * Extends a live session with the login that `token` gives now.
   *
   * @throws AdmitError as `acquire` does; the session is as it was
   */
  renew(sessionId: string, options?: RetryOptions): Promise<RenewedSession>;
  /**
   * Has the gateway forget a ticket of this login that will not be used.
   *
   * @throws AdmitError `not_found` where it is spent, expired or revoked already; else as `acquire` does
   */
  revoke(ticket: string, options?: RetryOptions): Promise<void>;
  /** The login has changed, or was not accepted: a ticket that was minted with the former one reaches nobody. */
  clear(): void;
  /**
   * The login itself, for the fallback.
   *
   * @throws AdmitError `token_failed`
   */
  token(): Promise<string>;
  /** Whether tickets are on, where the source knows. */
  readonly enabled?: boolean;
  /** How often what was done. */
  readonly stats: Readonly<TicketStats>;
}

/** Counts since the source was created. */
export interface TicketStats {
  /** Tickets that the gateway minted. */
  mints: number;
  /** Acquisitions and prefetches that failed for good. */
  failures: number;
  /** Tries that were repeated. */
  retries: number;
  /** Acquisitions that took a prefetched ticket. */
  prefetched: number;
}

interface Answered<T> {
  readonly read: T;
  /** The token that was sent. */
  readonly login: string;
  readonly ageMs: () => number;
}

type Minted = Answered<MintedTicket>;

/** The one ticket that is minted ahead, or will be. */
interface Ahead {
  readonly route: string | undefined;
  readonly epoch: number;
  /** Nothing where it failed. */
  readonly minting: Promise<Minted | undefined>;
  minted?: Minted;
}

const RETRY_CAP_MS = 10_000;

/**
 * A source of tickets for one person. It sets no timer but for a request that is under way.
 *
 * @throws AdmitError `invalid_options`, naming the option
 */
export function createTicketSource(options: TicketSourceOptions): TicketSource {
  checkOptions(options, 'gateway', 'token');
  const { timeoutMs = 10_000, retryDelayMs = 1_000, refreshThresholdMs = 30_000 } = options;
  const gateway = baseOf(options.gateway);
  const fields = {
    ttl_seconds: options.ttlSeconds,
    permissions: options.permissions,
    metadata: options.metadata,
  };
  const stats = { mints: 0, failures: 0, retries: 0, prefetched: 0 };
  const token = () => readToken(options.token);
  /** Counts the logins. */
  let epoch = 0;
  let loggedIn = new AbortController();
  let ahead: Ahead | undefined;

  /** Posts with the login, and again after what may pass. */
  async function ask<T>(
    path: string,
    body: object,
    read: (text: string) => T,
    { signal, maxRetries = options.maxRetries ?? 3 }: RetryOptions,
  ): Promise<Answered<T>> {
    for (let retry = 1; ; retry += 1) {
      try {
        return await within(timeoutMs, signal, async (inner) => {
          const login = await token();
          inner.throwIfAborted();
          const ageMs = stopwatch();
          const text = await post(gateway + path, login, JSON.stringify(body), options.fetch ?? fetch, inner);
          return { read: read(text), login, ageMs };
        });
      } catch (thrown) {
        const error = thrown as AdmitError;
        if (!error.retryable() || retry > maxRetries) throw error;
        stats.retries += 1;
        await pause(backoffMs(retry, retryDelayMs, RETRY_CAP_MS, Math.random, error.retryAfterMs), signal);
      }
    }
  }

  async function mint({ route, ...retrying }: AcquireOptions): Promise<Minted> {
    const minted = await ask('/auth/ticket', { route, ...fields }, readMinted, retrying);
    stats.mints += 1;
    return minted;
  }

  async function renew(sessionId: string, retrying: RetryOptions = {}): Promise<RenewedSession> {
    return (await ask(`/auth/session/${encodeURIComponent(sessionId)}/renew`, {}, readRenewed, retrying))
      .read;
  }

  async function revoke(ticket: string, retrying: RetryOptions = {}): Promise<void> {
    await ask('/auth/ticket/revoke', { ticket }, () => {}, retrying);
  }

  function serves({ read: ticket, ageMs }: Minted): boolean {
    const lifetimeMs = ticket.expiresIn * 1000;
    return lifetimeMs - ageMs() > Math.min(refreshThresholdMs, lifetimeMs / 2);
  }

  async function takeAhead({ route, signal }: AcquireOptions): Promise<Minted | undefined> {
    const taken = ahead;
    if (!taken || taken.route !== route) return undefined;
    ahead = undefined;
    try {
      return await within(timeoutMs, signal, async () => {
        const minted = await taken.minting;
        return minted && serves(minted) && (await token()) === minted.login ? minted : undefined;
      });
    } catch (error) {
      if ((error as AdmitError).code === 'aborted' && taken.epoch === epoch) ahead ??= taken;
      throw error;
    }
  }

  async function acquire(given: AcquireOptions = {}): Promise<MintedTicket> {
    const asked = { ...given, route: options.route ?? given.route };
    try {
      if (!isOn(options.enabled)) throw new AdmitError('tickets_disabled', 'option enabled is off');
      for (;;) {
        const begun = epoch;
        const waited = await takeAhead(asked);
        const minted = waited ?? (await mint(asked));
        if (begun !== epoch) continue;
        if (waited) stats.prefetched += 1;
        return minted.read;
      }
    } catch (error) {
      stats.failures += 1;
      if ((error as AdmitError).requiresLogin?.()) clear();
      throw error;
    }
  }

  async function prefetch(given?: string): Promise<void> {
    const route = options.route ?? given;
    if (!isOn(options.enabled)) return;
    if (ahead?.route !== route || (ahead?.minted && !serves(ahead.minted))) ahead = undefined;
    ahead ??= mintAhead(route);
    await ahead.minting;
  }

  function mintAhead(route: string | undefined): Ahead {
    const minting = mint({ route, maxRetries: 0, signal: loggedIn.signal }).then(
      (minted) => {
        mine.minted = minted;
        return minted;
      },
      () => {
        stats.failures += 1;
        if (ahead === mine) ahead = undefined;
        return undefined;
      },
    );
    const mine: Ahead = { route, epoch, minting };
    return mine;
  }

  function clear(): void {
    epoch += 1;
    ahead = undefined;
    loggedIn.abort();
    loggedIn = new AbortController();
  }

  return {
    acquire,
    prefetch,
    renew,
    revoke,
    clear,
    token,
    stats,
    get enabled() {
      return isOn(options.enabled);
    },
  };
}

async function post(
  url: string,
  login: string,
  body: string,
  send: typeof fetch,
  signal: AbortSignal,
): Promise<string> {
  const headers = {
    authorization: `Bearer ${login}`,
    'content-type': 'application/json',
    accept: 'application/json',
  };
  let response: Response;
  let text: string;
  try {
    // No `cache: 'no-store'`: a browser would ask anew, each time, whether it may post (CORS). A POST is not cached anyway.
    const init = { method: 'POST', headers, body, redirect: 'error', signal } as const;
    response = await send(url, init);
    text = await readText(response);
  } catch (cause) {
    throw new AdmitError('network', 'the gateway was not reached, or redirects', { cause });
  }
  if (response.ok) return text;
  throw problemOf(response, text);
}

async function readToken(ask: () => string | Promise<string>): Promise<string> {
  try {
    const token: unknown = await ask();
    if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token;
  } catch (cause) {
    throw new AdmitError('token_failed', 'the token callback failed', { cause });
  }
  throw new AdmitError('token_failed', 'the token is no string of visible ASCII');
}

function baseOf(gateway: string | URL): string {
  const { origin, pathname } = parseUrl(gateway) as URL;
  return origin + pathname.replace(/\/+$/, '');
}
