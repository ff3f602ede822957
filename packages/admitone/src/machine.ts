import { backoffMs } from './backoff.js';
import { type CredentialKind, REFUSED_MARKER } from './carriers.js';
import { readClose } from './close-codes.js';
import { type AdmitErrorCode, isFinal } from './errors.js';

/** A Close that was received. */
export interface ReceivedClose {
  readonly code: number;
  readonly reason: string;
}

/** Why a connection waits or has ended. */
export interface Cause {
  readonly code: AdmitErrorCode | 'closed_by_application';
  readonly close?: ReceivedClose;
  /** Present after the last retry. */
  readonly gaveUp?: true;
}

interface Attempting {
  readonly attempt: number;
  readonly credential: CredentialKind;
}

/** The state of a connection. Times are milliseconds on the clock that the machine is driven by. */
export type ConnectionState =
  | { readonly name: 'idle' }
  | (Attempting & { readonly name: 'acquiring'; readonly until: number })
  | (Attempting & { readonly name: 'dialing'; readonly until: number })
  | (Attempting & { readonly name: 'refused'; readonly until: number })
  | (Attempting & { readonly name: 'open'; readonly since: number })
  | {
      readonly name: 'waiting';
      readonly retry: number;
      readonly until: number;
      readonly cause: Cause;
      /** What the gateway asked for: nothing makes the wait shorter. Only where it did. */
      readonly notBefore?: number;
    }
  | { readonly name: 'closing'; readonly attempt: number; readonly until: number }
  | { readonly name: 'closed'; readonly cause: Cause };

/** Why an acquisition or a dial failed. */
export interface AttemptError {
  readonly code: AdmitErrorCode;
  readonly retryAfterMs?: number | undefined;
}

/** The Close that the application asks for. */
export interface AskedClose {
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
}

/** What the machine is told. */
export type Input =
  | { readonly type: 'connect' }
  | { readonly type: 'acquired'; readonly attempt: number }
  | { readonly type: 'acquire_failed'; readonly attempt: number; readonly error: AttemptError }
  | { readonly type: 'dial_failed'; readonly attempt: number; readonly error: AttemptError }
  | { readonly type: 'opened'; readonly attempt: number; readonly selected: string }
  | ({ readonly type: 'closed'; readonly attempt: number } & ReceivedClose)
  | ({ readonly type: 'close' } & AskedClose)
  | { readonly type: 'wake' }
  | { readonly type: 'login_changed' }
  | { readonly type: 'timeout' };

/** What the machine asks of its driver. */
export type Action =
  | (Attempting & { readonly type: 'acquire' })
  | { readonly type: 'abandon'; readonly attempt: number }
  | (Attempting & { readonly type: 'dial' })
  | ({ readonly type: 'hang_up'; readonly attempt: number } & AskedClose)
  | { readonly type: 'prefetch' }
  | { readonly type: 'renew'; readonly attempt: number };

/** Times are milliseconds. */
export interface MachineOptions {
  readonly fallback: 'none' | 'jwt';
  readonly tickets: boolean;
  readonly acquireTimeoutMs: number;
  readonly openTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  readonly maxRetries: number;
  readonly stableAfterMs: number;
  readonly retryCodes: readonly number[];
}

export const MACHINE_DEFAULTS: MachineOptions = {
  fallback: 'none',
  tickets: true,
  acquireTimeoutMs: 10_000,
  openTimeoutMs: 10_000,
  closeTimeoutMs: 3_000,
  retryBaseMs: 1_000,
  retryCapMs: 10_000,
  maxRetries: 10,
  stableAfterMs: 10_000,
  retryCodes: [],
};

/** A connection without its sockets: what it is, and the two counts that outlive a state. */
export interface Machine {
  readonly options: MachineOptions;
  readonly state: ConnectionState;
  /** How many attempts were begun; the number of the latest. */
  readonly attempts: number;
  /** How many retries in a row. */
  readonly retries: number;
}

/** What one input led to. */
export interface Step {
  readonly machine: Machine;
  readonly actions: readonly Action[];
  /** Why an attempt ended that the fallback follows at once. No state holds it. */
  readonly cause?: Cause | undefined;
}

type StateOf<N extends ConnectionState['name']> = Extract<ConnectionState, { name: N }>;
type Unopened = StateOf<'acquiring' | 'dialing' | 'refused'>;

/** One input, the state it meets and when; and what becomes of the machine. */
interface Turn<S = unknown, I = unknown> {
  readonly options: MachineOptions;
  readonly met: S;
  readonly input: I;
  readonly now: number;
  readonly random: () => number;
  readonly actions: Action[];
  state: ConnectionState;
  attempts: number;
  retries: number;
  cause?: Cause;
}

type Transitions = {
  readonly [T in Input['type']]: {
    readonly [N in ConnectionState['name']]?: (turn: Turn<StateOf<N>, Extract<Input, { type: T }>>) => void;
  };
};

/** What each input does in each state. Where there is nothing, it changes nothing. */
const TRANSITIONS: Transitions = {
  connect: { idle: restart, closed: restart },
  acquired: { acquiring: dial },
  acquire_failed: { acquiring: failed },
  dial_failed: { dialing: failed, closing: hungUp },
  opened: { dialing: opened },
  closed: { dialing: endedUnopened, refused: endedUnopened, open: endedOpen, closing: endedClosing },
  close: { acquiring: abandoned, waiting: hungUp, dialing: hangUp, refused: hangUp, open: hangUp },
  wake: { waiting: wake },
  login_changed: { open: renew },
  timeout: {
    acquiring: acquiringTooLong,
    dialing: dialingTooLong,
    refused: dialingTooLong,
    waiting: begin,
    closing: hungUp,
  },
};

/** Codes of a foreign Close that end an open socket only for a while: going away, no status, no Close, server errors. */
const LOST_CODES = [1001, 1005, 1006, 1011, 1012, 1013, 1014];
/** No Close came. */
const LOST = 1006;
const MINT_FALLS_BACK = ['tickets_disabled', 'unavailable', 'network', 'timeout'];
const DIAL_FALLS_BACK = ['ticket_not_accepted', 'store_unavailable', 'connection_failed'];

/** A machine that has not been told anything yet. */
export function newMachine(options: Partial<MachineOptions> = {}): Machine {
  return {
    options: { ...MACHINE_DEFAULTS, ...options },
    state: { name: 'idle' },
    attempts: 0,
    retries: 0,
  };
}

/** When the machine wants the input `timeout`, if ever. */
export function wakeAt({ state }: Machine): number | null {
  return 'until' in state ? state.until : null;
}

/**
 * Tells the machine one thing. Does no I/O, reads no clock, changes nothing: the answer holds the next machine.
 *
 * @param now milliseconds, never running backwards
 * @param random numbers in [0, 1); called once for each backoff
 */
export function advance(machine: Machine, input: Input, now: number, random: () => number): Step {
  const transition = TRANSITIONS[input.type][machine.state.name] as ((turn: Turn) => void) | undefined;
  const isOfAnother = 'attempt' in input && input.attempt !== machine.attempts;
  const isEarly = input.type === 'timeout' && now < (wakeAt(machine) ?? now);
  if (!transition || isOfAnother || isEarly) return { machine, actions: [] };
  const turn: Turn = { ...machine, met: machine.state, input, now, random, actions: [] };
  transition(turn);
  const { options, state, attempts, retries, actions, cause } = turn;
  return { machine: { options, state, attempts, retries }, actions, cause };
}

function restart(turn: Turn): void {
  turn.retries = 0;
  begin(turn);
}

/** Begins an attempt with the credential that is preferred now. */
function begin(turn: Turn): void {
  const { tickets, fallback } = turn.options;
  if (tickets || fallback === 'jwt') acquire(turn, tickets ? 'ticket' : 'jwt');
  else close(turn, { code: 'tickets_disabled' });
}

function acquire(turn: Turn, credential: CredentialKind): void {
  turn.attempts += 1;
  ask(turn, 'acquire', { credential });
  enter(turn, 'acquiring', turn.options.acquireTimeoutMs, { credential });
}

function dial(turn: Turn<StateOf<'acquiring'>>): void {
  const { credential } = turn.met;
  ask(turn, 'dial', { credential });
  enter(turn, 'dialing', turn.options.openTimeoutMs, { credential });
}

function failed(turn: Turn<Unopened, { readonly error: AttemptError }>): void {
  const { code, retryAfterMs } = turn.input.error;
  fail(turn, { code }, !isFinal(code), retryAfterMs);
}

/** An attempt did not open. */
function fail(turn: Turn<Unopened>, cause: Cause, again: boolean, retryAfterMs?: number): void {
  const { options, met } = turn;
  const codes = met.name === 'acquiring' ? MINT_FALLS_BACK : DIAL_FALLS_BACK;
  if (options.fallback === 'jwt' && met.credential === 'ticket' && codes.includes(cause.code)) {
    turn.cause = cause;
    acquire(turn, 'jwt');
  } else end(turn, cause, again, retryAfterMs);
}

function opened(turn: Turn<StateOf<'dialing'>, { readonly selected: string }>): void {
  const { until, ...attempting } = turn.met;
  const isRefused = turn.input.selected === REFUSED_MARKER;
  turn.state = isRefused
    ? { ...attempting, name: 'refused', until }
    : { ...attempting, name: 'open', since: turn.now };
}

function endedUnopened(turn: Turn<Unopened, ReceivedClose>): void {
  const ours = readClose(turn.input.code, turn.input.reason);
  fail(turn, causeOf(ours?.name ?? 'connection_failed', turn.input), ours?.next !== 'stop');
}

function endedOpen(turn: Turn<StateOf<'open'>, ReceivedClose>): void {
  const { met, input, now } = turn;
  const { stableAfterMs, retryCodes, tickets } = turn.options;
  if (now - met.since >= stableAfterMs) turn.retries = 0;
  const ours = readClose(input.code, input.reason);
  const again = ours ? ours.next === 'mint_again' : [...LOST_CODES, ...retryCodes].includes(input.code);
  if (tickets && ours?.name === 'draining') turn.actions.push({ type: 'prefetch' });
  end(turn, causeOf(ours?.name ?? (again ? 'connection_lost' : 'closed_by_upstream'), input), again);
}

/** By the application, and the socket's end was awaited. */
function endedClosing(turn: Turn<unknown, ReceivedClose>): void {
  close(turn, causeOf('closed_by_application', turn.input));
}

/** By the application, with nothing that is to be waited for. */
function hungUp(turn: Turn): void {
  close(turn, { code: 'closed_by_application' });
}

function abandoned(turn: Turn): void {
  ask(turn, 'abandon');
  hungUp(turn);
}

function hangUp(turn: Turn<unknown, AskedClose>): void {
  ask(turn, 'hang_up', turn.input);
  enter(turn, 'closing', turn.options.closeTimeoutMs);
}

/** Ends a wait soon, yet not for all at the same moment: what woke this client may have woken many. */
function wake(turn: Turn<StateOf<'waiting'>>): void {
  const { met, now, random } = turn;
  const { tickets, retryBaseMs } = turn.options;
  if (now < (met.notBefore ?? now)) return;
  if (tickets) turn.actions.push({ type: 'prefetch' });
  turn.state = { ...met, until: Math.min(met.until, now + Math.floor(random() * retryBaseMs)) };
}

/** Of a connection by JWT, nobody told the handle that a renewal needs. */
function renew(turn: Turn<StateOf<'open'>>): void {
  if (turn.met.credential === 'ticket') ask(turn, 'renew');
}

function acquiringTooLong(turn: Turn<StateOf<'acquiring'>>): void {
  ask(turn, 'abandon');
  fail(turn, { code: 'timeout' }, true);
}

function dialingTooLong(turn: Turn<Unopened>): void {
  ask(turn, 'hang_up');
  fail(turn, { code: 'connection_failed' }, true);
}

/** An attempt or a socket has ended: waits for the next attempt, if there is to be one. */
function end(turn: Turn, cause: Cause, again: boolean, retryAfterMs?: number): void {
  const { maxRetries, retryBaseMs, retryCapMs } = turn.options;
  if (!again) close(turn, cause);
  else if (turn.retries >= maxRetries) close(turn, { ...cause, gaveUp: true });
  else {
    turn.retries += 1;
    const until = turn.now + backoffMs(turn.retries, retryBaseMs, retryCapMs, turn.random, retryAfterMs);
    const asked = retryAfterMs === undefined ? {} : { notBefore: turn.now + retryAfterMs };
    turn.state = { name: 'waiting', retry: turn.retries, until, cause, ...asked };
  }
}

function close(turn: Turn, cause: Cause): void {
  turn.state = { name: 'closed', cause };
}

function causeOf(code: Cause['code'], { code: received, reason }: ReceivedClose): Cause {
  return received === LOST ? { code } : { code, close: { code: received, reason } };
}

/** A state of the latest attempt that lasts so long at most. */
function enter(turn: Turn, name: Unopened['name'] | 'closing', ms: number, more?: object): void {
  turn.state = { name, attempt: turn.attempts, until: turn.now + ms, ...more } as ConnectionState;
}

/** Asks for something about the latest attempt. */
function ask(turn: Turn, type: Action['type'], more?: object): void {
  turn.actions.push({ ...more, type, attempt: turn.attempts } as Action);
}
