import { checkProtocols } from './carriers.js';
import { AdmitError } from './errors.js';
import { MACHINE_DEFAULTS, type MachineOptions } from './machine.js';
import { checkOptions, parseUrl } from './option-rules.js';
import { createTicketSource, type TicketSource, type TicketSourceOptions } from './ticket-source.js';

/** How a connection opens and reconnects. Times are milliseconds. */
export interface ConnectionOptions {
  /** The socket's URL. Default: the one in the mint's answer. Its path is the default `route`. Needed with `fallback: 'jwt'`, which mints nothing. */
  readonly url?: string | URL;
  /** The application's own subprotocols. */
  readonly protocols?: string | readonly string[];
  /** `'jwt'`: where tickets are off or fail, connect with the login itself. Default `'none'`. */
  readonly fallback?: 'none' | 'jwt';
  /** Whether to use tickets: read your build-time flag here. Default `true`. */
  readonly enabled?: boolean;
  /** Default `'blob'`, as for `WebSocket`. */
  readonly binaryType?: BinaryType;
  /** In place of the global one. */
  readonly WebSocket?: typeof WebSocket;
  /** Connect at once. Default `true`. */
  readonly autoConnect?: boolean;
  /** Default 10000. */
  readonly acquireTimeoutMs?: number;
  /** Default 10000. */
  readonly openTimeoutMs?: number;
  /** How long the peer has to answer a Close. Default 3000. */
  readonly closeTimeoutMs?: number;
  /** The first pause's upper bound; it doubles up to `retryCapMs`, and each pause is random within it. Default 1000. */
  readonly retryBaseMs?: number;
  /** Default 10000. */
  readonly retryCapMs?: number;
  /** Retries in a row. Default 10. */
  readonly maxRetries?: number;
  /** A socket open for so long resets the count of retries. Default 10000. */
  readonly stableAfterMs?: number;
  /** The application's own close codes after which to reconnect. */
  readonly retryCodes?: readonly number[];
}

/** Where tickets come from: a source, or what it takes to make one. */
export type SourceOptions =
  | { readonly source: TicketSource; readonly gateway?: undefined }
  | ({ readonly source?: undefined } & Pick<
      TicketSourceOptions,
      'gateway' | 'token' | 'route' | 'ttlSeconds' | 'permissions' | 'metadata' | 'fetch'
    >);

/** The options of an `AdmitConnection`. */
export type AdmitConnectionOptions = ConnectionOptions & SourceOptions;

/** Options that cannot be wrong any more. */
export interface Settings {
  readonly source: TicketSource;
  readonly url: string | undefined;
  readonly protocols: readonly string[];
  readonly WebSocket: typeof WebSocket;
  readonly machine: Partial<MachineOptions>;
}

/** @throws AdmitError `invalid_options` or `invalid_protocol`, naming the option and the mend */
export function readOptions(options: AdmitConnectionOptions): Settings {
  const withSocket = { ...options, WebSocket: options?.WebSocket ?? globalThis.WebSocket };
  checkOptions(withSocket, 'WebSocket', ...(options?.gateway === undefined ? ['source'] : []));
  const protocols = [options.protocols ?? []].flat();
  checkProtocols(protocols);
  const url = parseUrl(options.url);
  if (options.fallback === 'jwt' && !url) {
    throw new AdmitError('invalid_options', "fallback 'jwt' needs url: nothing is minted that could name it");
  }
  return {
    source: options.source ?? createTicketSource(sourceOptions(options, url)),
    url: url && socketUrl(url),
    protocols,
    WebSocket: withSocket.WebSocket,
    machine: machineOptions(options),
  };
}

/** The connection does the retrying, and its time for an acquisition is the mint's. The ticket is for the URL that is dialled. */
function sourceOptions(
  options: ConnectionOptions & TicketSourceOptions,
  url: URL | undefined,
): TicketSourceOptions {
  const route = options.route ?? url?.pathname;
  return {
    ...options,
    ...(route === undefined ? {} : { route }),
    maxRetries: 0,
    timeoutMs: options.acquireTimeoutMs ?? MACHINE_DEFAULTS.acquireTimeoutMs,
  };
}

function machineOptions(options: ConnectionOptions): Partial<MachineOptions> {
  const given = Object.entries(options).filter(
    ([key, value]) => key in MACHINE_DEFAULTS && value !== undefined,
  );
  return { ...Object.fromEntries(given), tickets: options.enabled ?? true };
}

/** Without a fragment, which no socket URL may have. */
function socketUrl({ href }: URL): string {
  return href.replace(/#.*/, '').replace(/^http/, 'ws');
}
