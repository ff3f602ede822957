import { checkProtocols } from './carriers.js';
import { AdmitError } from './errors.js';
import { type Dial, type Link, type SocketConstructor, socketDial } from './link.js';
import { MACHINE_DEFAULTS, type MachineOptions } from './machine.js';
import { checkOptions, isOn, parseUrl } from './option-rules.js';
import { createTicketSource, type TicketSource, type TicketSourceOptions } from './ticket-source.js';

/** How a connection opens and reconnects. Times are milliseconds. */
export interface ConnectionOptions {
  /** The socket's URL. Default: the one in the mint's answer. Its path is the default `route`. Needed with `fallback: 'jwt'`, which mints nothing. */
  readonly url?: string | URL;
  /** The application's own subprotocols. Default: none. */
  readonly protocols?: string | readonly string[];
  /** `'jwt'`: where tickets are off or fail, connect with the login itself. Default `'none'`. */
  readonly fallback?: 'none' | 'jwt';
  /** Whether to use tickets: your build-time flag, or a function that is asked before every attempt (one that throws means `true`). Default `true`. */
  readonly enabled?: boolean | (() => boolean);
  /** As what binary messages arrive. Default `'blob'`, as for `WebSocket`. */
  readonly binaryType?: BinaryType;
  /** The constructor of sockets, such as that of `ws` or `undici` in Node. Default: the global one. */
  readonly WebSocket?: SocketConstructor;
  /** Connect at once. Default `true`. */
  readonly autoConnect?: boolean;
  /** How long getting the ticket, or the login for the fallback, may take. Default 10000. */
  readonly acquireTimeoutMs?: number;
  /** How long the handshake may take. Default 10000. */
  readonly openTimeoutMs?: number;
  /** How long the peer has to answer a Close. Default 3000. */
  readonly closeTimeoutMs?: number;
  /** The first pause's upper bound; it doubles up to `retryCapMs`, and each pause is random within it. Default 1000. */
  readonly retryBaseMs?: number;
  /** No pause is longer than this, but for what `Retry-After` asks on top. Default 10000. */
  readonly retryCapMs?: number;
  /** Retries in a row, after which the connection is closed with `gaveUp`. Default 10. */
  readonly maxRetries?: number;
  /** A socket open for so long resets the count of retries. Default 10000. */
  readonly stableAfterMs?: number;
  /** The application's own close codes after which to reconnect. Default: none. */
  readonly retryCodes?: readonly number[];
}

/** Where tickets come from: a source, or what it takes to make one. */
export type SourceOptions =
  | { readonly source: TicketSource; readonly gateway?: undefined }
  | ({ readonly source?: undefined } & Pick<
      TicketSourceOptions,
      | 'gateway'
      | 'token'
      | 'route'
      | 'ttlSeconds'
      | 'permissions'
      | 'metadata'
      | 'refreshThresholdMs'
      | 'fetch'
    >);

/** The options of an `AdmitConnection`. */
export type AdmitConnectionOptions = ConnectionOptions & SourceOptions;

/** Options that cannot be wrong any more. */
export interface Settings<L extends Link> {
  readonly source: TicketSource;
  readonly url: string | undefined;
  /** Of the tickets, where the source has none. */
  readonly route: string | undefined;
  readonly dial: Dial<L>;
  readonly machine: Partial<MachineOptions>;
  readonly enabled: () => boolean;
}

/** @throws AdmitError `invalid_options` or `invalid_protocol`, naming the option and the mend */
export function readOptions(options: AdmitConnectionOptions): Settings<WebSocket> {
  const source = readSource(options, 'WebSocket');
  const protocols = [options.protocols ?? []].flat();
  checkProtocols(protocols);
  const Socket = options.WebSocket ?? globalThis.WebSocket;
  return { ...readTarget(options, source), dial: socketDial(Socket, protocols) };
}

/** @throws AdmitError `invalid_options`, naming the option and the mend */
export function readSource(options: AdmitConnectionOptions, ...required: string[]): TicketSource {
  const given = { ...options, WebSocket: options?.WebSocket ?? globalThis.WebSocket };
  checkOptions(given, ...required, ...(options?.gateway === undefined ? ['source'] : []));
  if (options.source) return options.source;
  const timeoutMs = options.acquireTimeoutMs ?? MACHINE_DEFAULTS.acquireTimeoutMs;
  return createTicketSource({ ...options, enabled: true, maxRetries: 3, timeoutMs } as TicketSourceOptions);
}

/** @throws AdmitError `invalid_options`, naming the option and the mend */
export function readTarget(options: ConnectionOptions, source: TicketSource): Omit<Settings<Link>, 'dial'> {
  const url = parseUrl(options.url);
  if (options.fallback === 'jwt' && !url)
    throw new AdmitError('invalid_options', "option url: fallback 'jwt' needs it");
  const given = Object.entries(options).filter(
    ([key, value]) => key in MACHINE_DEFAULTS && value !== undefined,
  );
  return {
    source,
    url: url?.href.replace(/#.*/, '').replace(/^http/, 'ws'),
    route: url?.pathname,
    machine: Object.fromEntries(given),
    enabled: () => source.enabled !== false && isOn(options.enabled),
  };
}
