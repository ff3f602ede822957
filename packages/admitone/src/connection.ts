import { Attempt, type Handshake } from './attempt.js';
import type { CredentialKind } from './carriers.js';
import { AdmitError } from './errors.js';
import { AdmitEventTarget, EventQueue } from './events.js';
import {
  type Action,
  advance,
  type Cause,
  type ConnectionState,
  type Input,
  newMachine,
  wakeAt,
} from './machine.js';
import { type AdmitConnectionOptions, readOptions, type Settings } from './options.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A WebSocket that mints a fresh ticket for every attempt, reconnects by itself and says why it ended. Times in its
 * {@link state} are on the clock of `performance.now()`.
 *
 * ```ts
 * const chat = new AdmitConnection({ gateway: 'https://gw.example.com', token: () => login.accessToken });
 * chat.addEventListener('message', ({ data }) => show(data));
 * chat.addEventListener('error', ({ detail }) => detail.requiresLogin() && login.start());
 * ```
 */
export class AdmitConnection extends AdmitEventTarget {
  readonly #settings: Settings;
  readonly #events = new EventQueue(this);
  #machine;
  #attempt: Attempt | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #binaryType: BinaryType;

  /** @throws AdmitError `invalid_options` or `invalid_protocol`, naming the option and the mend */
  constructor(options: AdmitConnectionOptions) {
    super();
    this.#settings = readOptions(options);
    this.#machine = newMachine(this.#settings.machine);
    this.#binaryType = options.binaryType ?? 'blob';
    if (options.autoConnect ?? true) this.connect();
  }

  get state(): ConnectionState {
    return this.#machine.state;
  }

  /** What the attempt under way, or the open socket, was admitted with. */
  get method(): CredentialKind | undefined {
    return 'credential' in this.state ? this.state.credential : undefined;
  }

  /** What the latest handshake carried, without secrets. */
  get handshake(): Handshake | undefined {
    return this.#attempt?.handshake;
  }

  /** The application's own subprotocol that the upstream selected, or `''`. */
  get protocol(): string {
    return this.state.name === 'open' ? (this.#attempt?.protocol ?? '') : '';
  }

  get bufferedAmount(): number {
    return this.#attempt?.socket?.bufferedAmount ?? 0;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(binaryType: BinaryType) {
    this.#binaryType = binaryType;
    if (this.#attempt?.socket) this.#attempt.socket.binaryType = binaryType;
  }

  /** Connects. Does nothing unless the connection is idle or closed. */
  connect(): void {
    this.#feed({ type: 'connect' });
  }

  /**
   * Sends as `WebSocket.send` does.
   *
   * @throws AdmitError `not_open`: nothing is kept for later, since a reconnect is another session
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
    const socket = this.#attempt?.socket;
    if (this.state.name !== 'open' || socket?.readyState !== 1) {
      throw new AdmitError('not_open', `cannot send while the connection is ${this.state.name}`);
    }
    socket.send(data as string);
  }

  /**
   * Ends the connection, whatever it is doing, and does not reconnect.
   *
   * @param code 1000 or 3000–4999
   * @param reason at most 123 bytes of UTF-8
   * @throws AdmitError `invalid_close`
   */
  close(code?: number, reason?: string): void {
    checkClose(code, reason);
    this.#feed({ type: 'close', code: reason === undefined ? code : (code ?? 1000), reason });
  }

  #feed(input: Input, error?: AdmitError): void {
    const previous = this.state;
    const { machine, actions, cause } = advance(this.#machine, input, performance.now(), Math.random);
    this.#machine = machine;
    this.#setTimer();
    if (machine.state !== previous)
      this.#announce(previous, error ?? failureOf(previous, machine.state, cause));
    for (const action of actions) this.#perform(action);
    if (!('attempt' in this.state)) this.#attempt?.release();
    this.#events.flush();
  }

  #perform(action: Action): void {
    switch (action.type) {
      case 'acquire':
        this.#attempt?.release();
        this.#attempt = new Attempt(action.attempt, this.#settings, {
          input: (input, error) => this.#feed(input, error),
          message: (event) => this.#pass(event),
        });
        void this.#attempt.acquire(action.credential);
        break;
      case 'dial':
        this.#attempt?.dial(this.#binaryType);
        break;
      case 'hang_up':
        this.#attempt?.hangUp(action.code, action.reason);
        break;
      case 'abandon':
        this.#attempt?.release();
    }
  }

  #pass({ data, origin }: MessageEvent): void {
    if (this.state.name !== 'open') return;
    this.#events.push(new MessageEvent('message', { data, origin }));
    this.#events.flush();
  }

  #announce(previous: ConnectionState, error: AdmitError | undefined): void {
    const { state } = this;
    this.#events.push(new CustomEvent('statechange', { detail: { state, previous } }));
    if (state.name === 'open') this.#events.push(new Event('open'));
    if (error) this.#events.push(new CustomEvent('error', { detail: error }));
    if (state.name === 'waiting' || state.name === 'closed') {
      const detail = { ...state.cause, retrying: state.name === 'waiting' };
      this.#events.push(new CustomEvent('close', { detail }));
    }
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const wake = wakeAt(this.#machine);
    if (wake === null) return;
    const delay = Math.min(Math.max(0, wake - performance.now()), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.#feed({ type: 'timeout' }), delay);
  }
}

/** The error to report for a step that ended an attempt; none where the application or a plain Close ended it. */
function failureOf(
  previous: ConnectionState,
  state: ConnectionState,
  jumped?: Cause,
): AdmitError | undefined {
  const { code, close } = jumped ?? ('cause' in state ? state.cause : {});
  if (!code || code === 'closed_by_application' || code === 'closed_by_upstream') return undefined;
  const reason = close ? ` (${close.code} ${close.reason})` : '';
  return new AdmitError(code, `${previous.name}, then ${code}${reason}`, { close });
}

function checkClose(code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
    throw new AdmitError('invalid_close', `close code ${code} is neither 1000 nor 3000–4999`);
  }
  const bytes = reason === undefined ? 0 : new TextEncoder().encode(reason).length;
  if (bytes > 123) throw new AdmitError('invalid_close', `the close reason has ${bytes} bytes, 123 at most`);
}
