import { Attempt } from './attempt.js';
import type { CredentialKind } from './carriers.js';
import { AdmitError, type AdmitErrorCode } from './errors.js';
import type { Link } from './link.js';
import {
  type Action,
  advance,
  type Cause,
  type ConnectionState,
  type Input,
  newMachine,
  wakeAt,
} from './machine.js';
import type { Settings } from './options.js';
import { onLeave, onReturn } from './returns.js';
import { after } from './time.js';

/** What shows a machine to an application. */
export interface Face<L extends Link> {
  /** What became of an input, and the error where an attempt ended by it. */
  changed(state: ConnectionState, previous: ConnectionState, error: AdmitError | undefined): void;
  /** Only while open. */
  message(event: MessageEvent): void;
  /** A link that nothing has come from yet. */
  dialed?(link: L): void;
  /** The session is to be renewed; the signal ends with it. */
  renew?(sessionId: string, signal: AbortSignal): void;
  /** Whether a link ends when the person leaves the page. It is opened again for the page that comes back. */
  readonly endsOnLeave?: boolean;
}

/** Why the login is in use in place of a ticket: the option, or what failed. */
export type FallbackReason = AdmitErrorCode | 'tickets_off';

/** Codes that speak against the login, and so against a ticket that it minted ahead. */
const AGAINST_LOGIN = ['ticket_not_accepted', 'not_logged_in', 'forbidden', 'revoked'];

/**
 * A machine with clock, timer, and the one attempt that is under way.
 *
 * What it tells its face waits for the end of the turn in which it was made, so that a constructor's caller can listen first,
 * and then comes in the order it arose, even when a listener causes more of it.
 */
export class Driver<L extends Link> {
  attempt: Attempt<L> | undefined;
  fallbackReason: FallbackReason | undefined;
  machine;
  readonly #settings: Settings<L>;
  readonly #face: Face<L>;
  readonly #untold: (() => void)[] = [];
  #telling = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends with the state. */
  #during = new AbortController();

  constructor(settings: Settings<L>, face: Face<L>) {
    this.#settings = settings;
    this.#face = face;
    this.machine = newMachine(settings.machine);
    queueMicrotask(() => {
      this.#telling = false;
      this.tell();
    });
  }

  get state(): ConnectionState {
    return this.machine.state;
  }

  /** What the attempt under way, or the open link, was admitted with. */
  get method(): CredentialKind | undefined {
    return 'credential' in this.state ? this.state.credential : undefined;
  }

  /** Changes what the machine goes by from now on. */
  set(options: Settings<L>['machine']): void {
    this.machine = { ...this.machine, options: { ...this.machine.options, ...options } };
  }

  feed(input: Input, error?: AdmitError): void {
    const previous = this.state;
    if (input.type === 'connect' || input.type === 'timeout') this.set({ tickets: this.#settings.enabled() });
    const { machine, actions, cause } = advance(this.machine, input, performance.now(), Math.random);
    this.machine = machine;
    this.#setTimer();
    if (machine.state !== previous) this.#changed(previous, cause, error);
    for (const action of actions) this.#perform(action, cause);
    if (!('attempt' in this.state)) this.attempt?.release();
    this.tell();
  }

  /** @param code 1000 where there is a reason alone, as for a `WebSocket` */
  close(code?: number, reason?: string): void {
    this.feed({ type: 'close', code: reason === undefined ? code : (code ?? 1000), reason });
  }

  /** Calls when what came before has been told. */
  tell(...calls: (() => void)[]): void {
    this.#untold.push(...calls);
    if (this.#telling) return;
    this.#telling = true;
    for (let call = this.#untold.shift(); call; call = this.#untold.shift()) call();
    this.#telling = false;
  }

  #changed(previous: ConnectionState, jumped: Cause | undefined, error: AdmitError | undefined): void {
    const { state } = this;
    const cause = jumped ?? ('cause' in state ? state.cause : undefined);
    if (cause && AGAINST_LOGIN.includes(cause.code)) this.#settings.source.clear();
    this.#during.abort();
    this.#during = new AbortController();
    const { signal } = this.#during;
    if (state.name === 'waiting') onReturn(() => this.feed({ type: 'wake' }), signal);
    // Without a code, it is a connection that was lost.
    if (state.name === 'open' && this.#face.endsOnLeave) onLeave(() => this.attempt?.link?.close(), signal);
    this.#untold.push(() => this.#face.changed(state, previous, error ?? failureOf(previous, cause)));
  }

  #perform(action: Action, cause: Cause | undefined): void {
    const { attempt } = this;
    const { source, route } = this.#settings;
    switch (action.type) {
      case 'acquire':
        attempt?.release();
        this.fallbackReason = action.credential === 'jwt' ? (cause?.code ?? 'tickets_off') : undefined;
        this.attempt = new Attempt(action.attempt, this.#settings, {
          input: (input, error) => this.feed(input, error),
          message: (event) => {
            if (this.state.name === 'open') this.tell(() => this.#face.message(event));
          },
        });
        void this.attempt.acquire(action.credential);
        break;
      case 'dial':
        attempt?.dial((link) => this.#face.dialed?.(link));
        break;
      case 'hang_up':
        if (action.code === undefined) attempt?.link?.close();
        else attempt?.link?.close(action.code, action.reason);
        break;
      case 'abandon':
        attempt?.release();
        break;
      case 'prefetch':
        void source.prefetch(route);
        break;
      case 'renew':
        if (attempt?.handshake?.sessionId) this.#face.renew?.(attempt.handshake.sessionId, attempt.signal);
    }
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const wake = wakeAt(this.machine);
    if (wake === null) return;
    this.#timer = after(Math.max(0, wake - performance.now()), () => this.feed({ type: 'timeout' }));
  }
}

/** The error to report for what ended an attempt; none where the application or a plain Close ended it. */
function failureOf(previous: ConnectionState, cause: Cause | undefined): AdmitError | undefined {
  const { code, close } = cause ?? {};
  if (!code || code === 'closed_by_application' || code === 'closed_by_upstream') return undefined;
  const reason = close ? ` (${close.code} ${close.reason})` : '';
  return new AdmitError(code, `${previous.name}, then ${code}${reason}`, { close });
}
