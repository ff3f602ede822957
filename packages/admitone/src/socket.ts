import type { Handshake } from './attempt.js';
import { faultOfClose } from './close.js';
import { closeCodeOf } from './close-codes.js';
import { Driver, type FallbackReason } from './driver.js';
import { type AdmitError, isFinal } from './errors.js';
import { type Handler, Handlers } from './handlers.js';
import type { Cause, ConnectionState, ReceivedClose } from './machine.js';
import {
  type AdmitConnectionOptions,
  type ConnectionOptions,
  readOptions,
  readSource,
  type Settings,
  type SourceOptions,
} from './options.js';
import { onReturn } from './returns.js';
import type { TicketSource } from './ticket-source.js';

/** The options of {@link admitSocket}: those of a connection that do not speak of reconnecting. */
export type AdmitSocketOptions = Pick<
  ConnectionOptions,
  'url' | 'fallback' | 'enabled' | 'WebSocket' | 'acquireTimeoutMs' | 'openTimeoutMs' | 'closeTimeoutMs'
> &
  SourceOptions;

/** A `WebSocket` that was admitted with a ticket. */
export interface AdmitSocket extends WebSocket {
  /** What the handshake carried, without secrets. */
  readonly handshake: Handshake | undefined;
  /** What the socket is admitted with. */
  readonly method: 'ticket' | 'jwt' | undefined;
  /** While `method` is `'jwt'`, why. */
  readonly fallbackReason: FallbackReason | undefined;
}

/** The event `error` of an {@link AdmitSocket}. */
export interface AdmitErrorEvent extends Event {
  /** Why the socket did not open. */
  readonly error: AdmitError;
}

/** Takes the place of the global `WebSocket`. */
export interface AdmitSocketConstructor {
  readonly prototype: AdmitSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  /** @param url by default that of the options, else the one the mint answers */
  new (url?: string | URL, protocols?: string | string[]): AdmitSocket;
}

/** What the sockets of one constructor share. */
interface Shared {
  readonly options: AdmitSocketOptions;
  readonly source: TicketSource;
  /** Ends the wait for the person's return that the last socket left behind. */
  returned: AbortController;
}

/**
 * A drop-in for the `WebSocket` constructor, for libraries that reconnect by themselves: each socket mints a ticket of its own
 * (or takes the one that was minted ahead), connects, falls back to the JWT where that is allowed, and never reopens. A refusal is
 * an `error` with the {@link AdmitError} as `error`, and a `close` with code and reason; never an `open`.
 *
 * ```ts
 * createClient({ url: 'wss://gw.example.com/graphql', webSocketImpl: admitSocket({ gateway, token }) });
 * ```
 *
 * @throws AdmitError `invalid_options`, naming the option and the mend
 */
export function admitSocket(options: AdmitSocketOptions): AdmitSocketConstructor {
  const source = readSource(options, 'WebSocket');
  const shared = { options, source, returned: new AbortController() };
  // So that `instanceof WebSocket` holds. Everything that the native prototype has is overridden.
  const native = (globalThis.WebSocket ?? EventTarget).prototype;
  Object.setPrototypeOf(Socket.prototype, native);
  class AdmittedSocket extends Socket {
    constructor(url?: string | URL, protocols?: string | string[]) {
      super(shared, url, protocols);
    }
  }
  return AdmittedSocket as unknown as AdmitSocketConstructor;
}

class Socket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly #shared: Shared;
  readonly #settings: Settings<WebSocket>;
  readonly #driver: Driver<WebSocket>;
  readonly #handlers = new Handlers(this);
  #readyState = 0;
  #hasOpened = false;
  #binaryType: BinaryType = 'blob';
  /** Bytes that were sent after the end. */
  #unsent = 0;

  constructor(shared: Shared, url: string | URL | undefined, protocols: string | string[] = []) {
    super();
    this.#shared = shared;
    this.#settings = readSocketOptions(shared, url, protocols);
    this.#driver = new Driver(this.#settings, {
      changed: (state, _, error) => this.#changed(state, error),
      message: ({ data, origin }) => this.dispatchEvent(new MessageEvent('message', { data, origin })),
      dialed: (socket) => {
        socket.binaryType = this.#binaryType;
      },
    });
    shared.returned.abort();
    this.#driver.feed({ type: 'connect' });
  }

  get url(): string {
    return this.#settings.url ?? this.handshake?.url ?? '';
  }

  get readyState(): number {
    return this.#readyState;
  }

  get protocol(): string {
    return this.#driver.attempt?.protocol ?? '';
  }

  get extensions(): string {
    return this.#link?.extensions ?? '';
  }

  get bufferedAmount(): number {
    return (this.#link?.bufferedAmount ?? 0) + this.#unsent;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(binaryType: BinaryType) {
    if (binaryType !== 'blob' && binaryType !== 'arraybuffer') return;
    this.#binaryType = binaryType;
    if (this.#link) this.#link.binaryType = binaryType;
  }

  get onopen(): Handler {
    return this.#handlers.get('open');
  }

  set onopen(handler: Handler) {
    this.#handlers.set('open', handler);
  }

  get onmessage(): Handler {
    return this.#handlers.get('message');
  }

  set onmessage(handler: Handler) {
    this.#handlers.set('message', handler);
  }

  get onerror(): Handler {
    return this.#handlers.get('error');
  }

  set onerror(handler: Handler) {
    this.#handlers.set('error', handler);
  }

  get onclose(): Handler {
    return this.#handlers.get('close');
  }

  set onclose(handler: Handler) {
    this.#handlers.set('close', handler);
  }

  get handshake(): Handshake | undefined {
    return this.#driver.attempt?.handshake;
  }

  get method(): AdmitSocket['method'] {
    return this.#driver.method;
  }

  get fallbackReason(): FallbackReason | undefined {
    return this.#driver.fallbackReason;
  }

  send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
    if (this.#readyState === 0) throw new DOMException('not open yet', 'InvalidStateError');
    if (this.#readyState === 1) this.#link?.send(data as string);
    else this.#unsent += new Blob([data as string]).size;
  }

  close(code?: number, reason?: string): void {
    const fault = faultOfClose(code, reason);
    if (fault) throw new DOMException(fault, /^the/.test(fault) ? 'SyntaxError' : 'InvalidAccessError');
    if (this.#readyState > 1) return;
    this.#readyState = 2;
    this.#driver.close(code, reason);
  }

  get #link(): WebSocket | undefined {
    return this.#driver.attempt?.link;
  }

  #changed(state: ConnectionState, error: AdmitError | undefined): void {
    if (state.name === 'open' && this.#readyState === 0) {
      this.#readyState = 1;
      this.#hasOpened = true;
      this.dispatchEvent(new Event('open'));
    }
    // Not within the call of close() that led here.
    if (state.name === 'closed') queueMicrotask(() => this.#ended(state.cause, error));
  }

  #ended(cause: Cause, error: AdmitError | undefined): void {
    this.#readyState = 3;
    if (cause.code !== 'closed_by_application' && !isFinal(cause.code)) this.#awaitReturn();
    if (!this.#hasOpened) this.dispatchEvent(Object.assign(new Event('error'), { error }));
    this.dispatchEvent(closeEvent(cause));
  }

  /** Whoever reconnects when the person is back finds a ticket. */
  #awaitReturn(): void {
    const { source, route, enabled } = this.#settings;
    const returned = new AbortController();
    this.#shared.returned = returned;
    onReturn(() => {
      returned.abort();
      if (enabled()) void source.prefetch(route);
    }, returned.signal);
  }
}

/** @throws DOMException `SyntaxError`, as the native constructor does */
function readSocketOptions(
  { options, source }: Shared,
  url: string | URL | undefined,
  protocols: string | string[],
): Settings<WebSocket> {
  try {
    const target = url ?? options.url;
    const given = { ...options, source, protocols, ...(target === undefined ? {} : { url: target }) };
    const settings = readOptions(given as AdmitConnectionOptions);
    return { ...settings, machine: { ...settings.machine, maxRetries: 0 } };
  } catch (error) {
    throw new DOMException((error as Error).message, 'SyntaxError');
  }
}

function closeEvent({ code, close }: Cause): Event {
  const said = { ...(close ?? closeOf(code)), wasClean: close !== undefined };
  // Node has none before 23.
  const { CloseEvent } = globalThis;
  return CloseEvent ? new CloseEvent('close', said) : Object.assign(new Event('close'), said);
}

/** The Close that stands for what no server said: that of the table, or one of the band that means the same. */
function closeOf(cause: Cause['code']): ReceivedClose {
  const code = closeCodeOf(cause) ?? (isFinal(cause) ? 4999 : 1006);
  return { code, reason: code === 1006 ? '' : `admitone:${cause}` };
}
