import type { Handshake } from './attempt.js';
import type { CredentialKind } from './carriers.js';
import { faultOfClose } from './close.js';
import { Driver, type FallbackReason } from './driver.js';
import { AdmitError } from './errors.js';
import { AdmitEventTarget } from './events.js';
import type { ConnectionState } from './machine.js';
import { type AdmitConnectionOptions, readOptions } from './options.js';

/**
 * A WebSocket that mints a fresh ticket for every attempt, reconnects by itself and says why it ended. Times in its
 * {@link state} are on the clock of `performance.now()`.
 *
 * ```ts
 * const chat = new AdmitConnection({ gateway: 'https://gw.example.com', token: () => login.accessToken() });
 * chat.addEventListener('message', ({ data }) => show(data));
 * chat.addEventListener('error', ({ detail }) => detail.requiresLogin() && login.start());
 * ```
 */
export class AdmitConnection extends AdmitEventTarget {
  readonly #source;
  readonly #driver: Driver<WebSocket>;
  #binaryType: BinaryType;

  /** @throws AdmitError `invalid_options` or `invalid_protocol`, naming the option and the mend */
  constructor(options: AdmitConnectionOptions) {
    super();
    const settings = readOptions(options);
    this.#source = settings.source;
    this.#binaryType = options.binaryType ?? 'blob';
    this.#driver = new Driver(settings, {
      changed: (...change) => this.#announce(...change),
      message: ({ data, origin }) => this.dispatchEvent(new MessageEvent('message', { data, origin })),
      dialed: (socket) => {
        socket.binaryType = this.#binaryType;
      },
      renew: (...session) => void this.#renew(...session),
      endsOnLeave: true,
    });
    if (options.autoConnect ?? true) this.connect();
  }

  /** What the connection is doing. */
  get state(): ConnectionState {
    return this.#driver.state;
  }

  /** What the attempt under way, or the open socket, was admitted with. */
  get method(): CredentialKind | undefined {
    return this.#driver.method;
  }

  /** While `method` is `'jwt'`, why: `tickets_off` where `enabled` says so, else what failed with the ticket. */
  get fallbackReason(): FallbackReason | undefined {
    return this.method && this.#driver.fallbackReason;
  }

  /** What the latest handshake carried, without secrets. */
  get handshake(): Handshake | undefined {
    return this.#driver.attempt?.handshake;
  }

  /** The application's own subprotocol that the upstream selected, or `''`. */
  get protocol(): string {
    return this.state.name === 'open' ? (this.#driver.attempt?.protocol ?? '') : '';
  }

  /** Bytes that were sent and have not left yet. */
  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** As what binary messages arrive. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(binaryType: BinaryType) {
    this.#binaryType = binaryType;
    if (this.#socket) this.#socket.binaryType = binaryType;
  }

  /** Connects. Does nothing unless the connection is idle or closed. */
  connect(): void {
    this.#driver.feed({ type: 'connect' });
  }

  /**
   * Tells that `token` gives a fresh login of the same person from now on: an open session is renewed with it, without a
   * reconnect, and `renewed` or `error` follows. For another person, `close()` and `connect()`.
   */
  loginChanged(): void {
    this.#source.clear();
    this.#driver.feed({ type: 'login_changed' });
  }

  /**
   * Sends as `WebSocket.send` does.
   *
   * @throws AdmitError `not_open`: nothing is kept for later, since a reconnect is another session
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
    if (this.state.name !== 'open' || this.#socket?.readyState !== 1) {
      throw new AdmitError('not_open', `cannot send while ${this.state.name}`);
    }
    this.#socket.send(data as string);
  }

  /**
   * Ends the connection, whatever it is doing, and does not reconnect.
   *
   * @param code 1000 or 3000–4999
   * @param reason at most 123 bytes of UTF-8
   * @throws AdmitError `invalid_close`
   */
  close(code?: number, reason?: string): void {
    const fault = faultOfClose(code, reason);
    if (fault) throw new AdmitError('invalid_close', fault);
    this.#driver.close(code, reason);
  }

  get #socket(): WebSocket | undefined {
    return this.#driver.attempt?.link;
  }

  async #renew(sessionId: string, signal: AbortSignal): Promise<void> {
    const event = await this.#source.renew(sessionId, { signal }).then(
      (detail) => new CustomEvent('renewed', { detail }),
      (detail) => new CustomEvent('error', { detail }),
    );
    if (!signal.aborted) this.#driver.tell(() => this.dispatchEvent(event));
  }

  #announce(state: ConnectionState, previous: ConnectionState, error: AdmitError | undefined): void {
    const tell = (type: string, detail: unknown) => this.dispatchEvent(new CustomEvent(type, { detail }));
    tell('statechange', { state, previous });
    if (state.name === 'open') this.dispatchEvent(new Event('open'));
    if (error) tell('error', error);
    if (state.name === 'waiting' || state.name === 'closed')
      tell('close', { ...state.cause, retrying: state.name === 'waiting' });
  }
}
