import { backoffMs } from './backoff.js';
import { AdmitError } from './errors.js';
import { type MintedTicket, readMinted } from './minted-ticket.js';
import { checkOptions, parseUrl } from './option-rules.js';
import { problemOf } from './problem.js';

/** How a page mints tickets. */
export interface TicketSourceOptions {
  /** Base URL of the gateway, such as `https://gw.example.com`; relative ones count from the page. */
  readonly gateway: string | URL;
  /** The login that the page already has: asked for at every mint, so that it may be renewed meanwhile. */
  readonly token: () => string | Promise<string>;
  /** Which route the ticket is for: a path or socket URL. Default: the gateway's. */
  readonly route?: string;
  /** 5–3600 seconds. Default: the gateway's. */
  readonly ttlSeconds?: number;
  /** A subset of the login's permissions. Default: all of them. */
  readonly permissions?: readonly string[];
  /** The application's own, kept with the grant until the ticket is redeemed; at most 2 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly fetch?: typeof fetch;
  /** Time for the token and the answer together, of each try. Default 10000. */
  readonly timeoutMs?: number;
  /** Further tries after a failure that may pass. Default 3. */
  readonly maxRetries?: number;
  /** The first pause's upper bound; it doubles, up to 10 s, and each pause is random within it. Default 1000. */
  readonly retryDelayMs?: number;
}

export interface AcquireOptions {
  /** Ends the acquisition with `aborted`. */
  readonly signal?: AbortSignal;
  /** In place of the source's own. */
  readonly maxRetries?: number;
}

/** Mints tickets. Every ticket admits one connection, so every call mints one of its own. */
export interface TicketSource {
  /**
   * A fresh ticket that nobody else was given.
   *
   * @throws AdmitError with the gateway's problem code, or `network`, `timeout`, `aborted`, `bad_answer`, `token_failed`
   */
  acquire(options?: AcquireOptions): Promise<MintedTicket>;
  /**
   * The login itself, for the fallback.
   *
   * @throws AdmitError `token_failed`
   */
  token(): Promise<string>;
  /** Counts since the source was created: tickets, acquisitions that failed for good, and tries that were repeated. */
  readonly stats: Readonly<TicketStats>;
}

export interface TicketStats {
  mints: number;
  failures: number;
  retries: number;
}

const RETRY_CAP_MS = 10_000;

/**
 * A source of tickets for one login and route.
 *
 * @throws AdmitError `invalid_options`, naming the option
 */
export function createTicketSource(options: TicketSourceOptions): TicketSource {
  checkOptions(options, 'gateway', 'token');
  const endpoint = endpointOf(options.gateway);
  const body = JSON.stringify({
    route: options.route,
    ttl_seconds: options.ttlSeconds,
    permissions: options.permissions,
    metadata: options.metadata,
  });
  const { timeoutMs = 10_000, retryDelayMs = 1_000 } = options;
  const stats: TicketStats = { mints: 0, failures: 0, retries: 0 };
  const token = () => readToken(options.token);
  const mint = (signal: AbortSignal) => mintOnce(endpoint, body, token, options.fetch ?? fetch, signal);
  const late = () => new AdmitError('timeout', `the gateway gave no ticket within ${timeoutMs} ms`);

  async function mintRepeatedly(maxRetries: number, signal: AbortSignal | undefined) {
    for (let retry = 1; ; retry += 1) {
      try {
        return await within(timeoutMs, signal, mint, () => Promise.reject(late()));
      } catch (thrown) {
        const error = thrown as AdmitError;
        if (!error.retryable() || retry > maxRetries) throw error;
        stats.retries += 1;
        await pause(backoffMs(retry, retryDelayMs, RETRY_CAP_MS, Math.random, error.retryAfterMs), signal);
      }
    }
  }

  async function acquire({ signal, maxRetries = options.maxRetries ?? 3 }: AcquireOptions = {}) {
    try {
      const minted = await mintRepeatedly(maxRetries, signal);
      stats.mints += 1;
      return minted;
    } catch (error) {
      stats.failures += 1;
      throw error;
    }
  }

  return { acquire, token, stats };
}

async function mintOnce(
  endpoint: URL,
  body: string,
  token: () => Promise<string>,
  send: typeof fetch,
  signal: AbortSignal,
): Promise<MintedTicket> {
  const authorization = `Bearer ${await token()}`;
  signal.throwIfAborted();
  const { response, text } = await answerOf(() =>
    send(endpoint, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', accept: 'application/json' },
      body,
      cache: 'no-store',
      redirect: 'error',
      signal,
    }),
  );
  if (!response.ok) throw problemOf(response, text);
  return readMinted(text);
}

async function answerOf(send: () => Promise<Response>): Promise<{ response: Response; text: string }> {
  try {
    const response = await send();
    return { response, text: await response.text() };
  } catch (cause) {
    throw new AdmitError('network', 'the gateway could not be reached, or redirected the request', { cause });
  }
}

async function readToken(ask: () => string | Promise<string>): Promise<string> {
  let token: unknown;
  try {
    token = await ask();
  } catch (cause) {
    throw new AdmitError('token_failed', 'the token callback failed', { cause });
  }
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new AdmitError('token_failed', 'the token callback has to return a string of visible ASCII');
  }
  return token;
}

/** Runs until it ends, or the time is over and `late` decides, or the caller's signal aborts. */
function within<T>(
  ms: number,
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
  late: () => Promise<T>,
): Promise<T> {
  return new Promise((resolve) => {
    const controller = new AbortController();
    const settle = (outcome: Promise<T>) => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
      resolve(outcome);
      controller.abort();
    };
    const onAbort = () =>
      settle(Promise.reject(new AdmitError('aborted', 'the acquisition was ended by its caller')));
    const timer = setTimeout(() => settle(late()), ms);
    outer?.addEventListener('abort', onAbort);
    if (outer?.aborted) return onAbort();
    const running = run(controller.signal);
    const ended = () => settle(running);
    running.then(ended, ended);
  });
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return within<void>(
    ms,
    signal,
    () => new Promise(() => {}),
    () => Promise.resolve(),
  );
}

function endpointOf(gateway: string | URL): URL {
  const url = parseUrl(gateway) as URL;
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/auth/ticket`;
  url.search = url.hash = '';
  return url;
}
