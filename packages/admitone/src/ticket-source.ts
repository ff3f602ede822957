import { AdmitError } from './errors.js';
import { type MintedTicket, readMinted } from './minted-ticket.js';
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
 * @throws AdmitError `invalid_options` when `gateway` is no http(s) URL
 */
export function createTicketSource(options: TicketSourceOptions): TicketSource {
  const endpoint = endpointOf(options.gateway);
  const body = JSON.stringify({
    route: options.route,
    ttl_seconds: options.ttlSeconds,
    permissions: options.permissions,
    metadata: options.metadata,
  });
  const stats: TicketStats = { mints: 0, failures: 0, retries: 0 };
  const token = () => readToken(options.token);
  const mint = (signal: AbortSignal) => mintOnce(endpoint, body, token, options.fetch ?? fetch, signal);

  async function acquire({ signal, maxRetries = options.maxRetries ?? 3 }: AcquireOptions = {}) {
    for (let tries = 0; ; tries += 1) {
      try {
        const minted = await withTime(mint, options.timeoutMs ?? 10_000, signal);
        stats.mints += 1;
        return minted;
      } catch (thrown) {
        const error = thrown as AdmitError;
        if (!error.retryable() || tries >= maxRetries) {
          stats.failures += 1;
          throw error;
        }
        stats.retries += 1;
        await pause(pauseMs(tries, options.retryDelayMs ?? 1_000, error.retryAfterMs), signal).catch(
          (aborted) => {
            stats.failures += 1;
            throw aborted;
          },
        );
      }
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
  if (typeof token !== 'string' || token === '') {
    throw new AdmitError('token_failed', 'the token callback gave no token: return a non-empty string');
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new AdmitError('token_failed', 'the token has characters that no header can carry');
  }
  return token;
}

/** Runs one try under a time limit and the caller's signal; whichever ends it first gives the error. */
async function withTime<T>(
  run: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
  outer: AbortSignal | undefined,
): Promise<T> {
  const controller = new AbortController();
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    const end = (error: AdmitError) => {
      reject(error);
      controller.abort(error);
    };
    const onAbort = () => end(abortedError());
    const timer = setTimeout(
      () => end(new AdmitError('timeout', `the gateway gave no ticket within ${timeoutMs} ms`)),
      timeoutMs,
    );
    stop = () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
    };
    if (outer?.aborted) onAbort();
    else outer?.addEventListener('abort', onAbort);
  });
  stopped.catch(() => {});
  try {
    return await Promise.race([outer?.aborted ? stopped : run(controller.signal), stopped]);
  } finally {
    stop();
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(abortedError());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function pauseMs(tries: number, baseMs: number, retryAfterMs = 0): number {
  return retryAfterMs + Math.floor(Math.random() * Math.min(RETRY_CAP_MS, baseMs * 2 ** tries));
}

function abortedError(): AdmitError {
  return new AdmitError('aborted', 'the acquisition was ended by its caller');
}

function endpointOf(gateway: string | URL): URL {
  let url: URL | undefined;
  try {
    url = new URL(gateway, globalThis.location?.href);
  } catch {
    // Said below, with what to write instead.
  }
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new AdmitError('invalid_options', 'gateway is no http(s) URL, such as "https://gw.example.com"');
  }
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/auth/ticket`;
  url.search = '';
  url.hash = '';
  return url;
}
