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
  readonly cause?: Cause;
}

type StateOf<N extends ConnectionState['name']> = Extract<ConnectionState, { name: N }>;
type Unopened = StateOf<'acquiring' | 'dialing' | 'refused'>;

interface Moment {
  readonly now: number;
  readonly random: () => number;
}

/** Codes of a foreign Close that end an open socket only for a while: going away, no status, no Close, server errors. */
const LOST_CODES = [1001, 1005, 1006, 1011, 1012, 1013, 1014];
const NO_CLOSE: ReceivedClose = { code: 1006, reason: '' };
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
export function wakeAt(machine: Machine): number | null {
  return 'until' in machine.state ? machine.state.until : null;
}

/**
 * Tells the machine one thing. Does no I/O, reads no clock, changes nothing: the answer holds the next machine.
 *
 * @param now milliseconds, never running backwards
 * @param random numbers in [0, 1); called once for each backoff
 */
export function advance(machine: Machine, input: Input, now: number, random: () => number): Step {
  const { state } = machine;
  const moment = { now, random };
  if ('attempt' in input && !('attempt' in state && state.attempt === input.attempt)) return stay(machine);
  switch (input.type) {
    case 'connect':
      return state.name === 'idle' || state.name === 'closed'
        ? begin({ ...machine, retries: 0 }, now)
        : stay(machine);
    case 'acquired':
      return state.name === 'acquiring' ? dial(machine, state, now) : stay(machine);
    case 'acquire_failed':
      return state.name === 'acquiring' ? failedWith(machine, state, input.error, moment) : stay(machine);
    case 'dial_failed':
      return dialFailed(machine, input.error, moment);
    case 'opened':
      return state.name === 'dialing' ? opened(machine, state, input.selected, now) : stay(machine);
    case 'closed':
      return ended(machine, input, moment);
    case 'close':
      return close(machine, input, now);
    case 'wake':
      return state.name === 'waiting' ? wake(machine, state, moment) : stay(machine);
    case 'login_changed':
      return stay(machine, isRenewable(state) ? [{ type: 'renew', attempt: state.attempt }] : []);
    case 'timeout':
      return 'until' in state && now >= state.until ? timedOut(machine, state, moment) : stay(machine);
  }
}

/** Of a connection by JWT, nobody told the handle that a renewal needs. */
function isRenewable(state: ConnectionState): state is StateOf<'open'> {
  return state.name === 'open' && state.credential === 'ticket';
}

/** Begins an attempt with the credential that is preferred now. */
function begin(machine: Machine, now: number): Step {
  const { tickets, fallback } = machine.options;
  if (!tickets && fallback === 'none') return enter(machine, closed({ code: 'tickets_disabled' }));
  return acquire(machine, tickets ? 'ticket' : 'jwt', now);
}

function acquire(machine: Machine, credential: CredentialKind, now: number): Step {
  const attempt = machine.attempts + 1;
  const until = now + machine.options.acquireTimeoutMs;
  return enter({ ...machine, attempts: attempt }, { name: 'acquiring', attempt, credential, until }, [
    { type: 'acquire', attempt, credential },
  ]);
}

function dial(machine: Machine, { attempt, credential }: Attempting, now: number): Step {
  const until = now + machine.options.openTimeoutMs;
  return enter(machine, { name: 'dialing', attempt, credential, until }, [
    { type: 'dial', attempt, credential },
  ]);
}

function failedWith(machine: Machine, tried: Unopened, error: AttemptError, moment: Moment): Step {
  const { code, retryAfterMs } = error;
  return failed(machine, tried, { code }, !isFinal(code), moment, retryAfterMs);
}

function dialFailed(machine: Machine, error: AttemptError, moment: Moment): Step {
  const { state } = machine;
  if (state.name === 'closing') return ended(machine, NO_CLOSE, moment);
  return state.name === 'dialing' ? failedWith(machine, state, error, moment) : stay(machine);
}

/** Ends an attempt that did not open. */
function failed(
  machine: Machine,
  tried: Unopened,
  cause: Cause,
  again: boolean,
  moment: Moment,
  retryAfterMs?: number,
): Step {
  const codes = tried.name === 'acquiring' ? MINT_FALLS_BACK : DIAL_FALLS_BACK;
  if (machine.options.fallback === 'jwt' && tried.credential === 'ticket' && codes.includes(cause.code))
    return { ...acquire(machine, 'jwt', moment.now), cause };
  return again ? retry(machine, cause, moment, retryAfterMs) : enter(machine, closed(cause));
}

function opened(machine: Machine, state: StateOf<'dialing'>, selected: string, now: number): Step {
  if (selected === REFUSED_MARKER) return enter(machine, { ...state, name: 'refused' });
  const { attempt, credential } = state;
  return enter(machine, { name: 'open', attempt, credential, since: now });
}

function ended(machine: Machine, received: ReceivedClose, moment: Moment): Step {
  const { state } = machine;
  switch (state.name) {
    case 'dialing':
    case 'refused':
      return endedUnopened(machine, state, received, moment);
    case 'open':
      return endedOpen(machine, state, received, moment);
    case 'closing':
      return enter(machine, closed(causeOf('closed_by_application', received)));
    default:
      return stay(machine);
  }
}

function endedUnopened(machine: Machine, tried: Unopened, received: ReceivedClose, moment: Moment): Step {
  const ours = readClose(received.code, received.reason);
  const cause = causeOf(ours?.name ?? 'connection_failed', received);
  return failed(machine, tried, cause, ours?.next !== 'stop', moment);
}

function endedOpen(
  machine: Machine,
  { since }: StateOf<'open'>,
  received: ReceivedClose,
  moment: Moment,
): Step {
  const stable = moment.now - since >= machine.options.stableAfterMs;
  const counted = stable ? { ...machine, retries: 0 } : machine;
  const ours = readClose(received.code, received.reason);
  const again = ours ? ours.next === 'mint_again' : isLost(machine, received.code);
  const cause = causeOf(ours?.name ?? (again ? 'connection_lost' : 'closed_by_upstream'), received);
  const step = again ? retry(counted, cause, moment) : enter(counted, closed(cause));
  return ours?.name === 'draining' ? prefetching(step) : step;
}

function close(machine: Machine, asked: AskedClose, now: number): Step {
  const { state } = machine;
  switch (state.name) {
    case 'acquiring':
      return enter(machine, closed({ code: 'closed_by_application' }), [abandon(state.attempt)]);
    case 'waiting':
      return enter(machine, closed({ code: 'closed_by_application' }));
    case 'dialing':
    case 'refused':
    case 'open': {
      const until = now + machine.options.closeTimeoutMs;
      return enter(machine, { name: 'closing', attempt: state.attempt, until }, [
        hangUp(state.attempt, asked),
      ]);
    }
    default:
      return stay(machine);
  }
}

/** Ends a wait soon, yet not for all at the same moment: what woke this client may have woken many. */
function wake(machine: Machine, state: StateOf<'waiting'>, { now, random }: Moment): Step {
  if (now < (state.notBefore ?? now)) return stay(machine);
  const until = Math.min(state.until, now + Math.floor(random() * machine.options.retryBaseMs));
  return prefetching(enter(machine, { ...state, until }));
}

function timedOut(
  machine: Machine,
  state: Extract<ConnectionState, { until: number }>,
  moment: Moment,
): Step {
  switch (state.name) {
    case 'acquiring':
      return after(abandon(state.attempt), failed(machine, state, { code: 'timeout' }, true, moment));
    case 'dialing':
    case 'refused':
      return after(hangUp(state.attempt), endedUnopened(machine, state, NO_CLOSE, moment));
    case 'waiting':
      return begin(machine, moment.now);
    case 'closing':
      return enter(machine, closed({ code: 'closed_by_application' }));
  }
}

function retry(machine: Machine, cause: Cause, { now, random }: Moment, retryAfterMs?: number): Step {
  const { maxRetries, retryBaseMs, retryCapMs } = machine.options;
  const count = machine.retries + 1;
  if (count > maxRetries) return enter(machine, closed({ ...cause, gaveUp: true }));
  const until = now + backoffMs(count, retryBaseMs, retryCapMs, random, retryAfterMs);
  const asked = retryAfterMs === undefined ? {} : { notBefore: now + retryAfterMs };
  return enter({ ...machine, retries: count }, { name: 'waiting', retry: count, until, cause, ...asked });
}

function isLost(machine: Machine, code: number): boolean {
  return LOST_CODES.includes(code) || machine.options.retryCodes.includes(code);
}

function causeOf(code: Cause['code'], { code: closeCode, reason }: ReceivedClose): Cause {
  return closeCode === NO_CLOSE.code ? { code } : { code, close: { code: closeCode, reason } };
}

function closed(cause: Cause): ConnectionState {
  return { name: 'closed', cause };
}

function abandon(attempt: number): Action {
  return { type: 'abandon', attempt };
}

function hangUp(attempt: number, asked?: AskedClose): Action {
  return { ...asked, type: 'hang_up', attempt };
}

function stay(machine: Machine, actions: readonly Action[] = []): Step {
  return { machine, actions };
}

function enter(machine: Machine, state: ConnectionState, actions: readonly Action[] = []): Step {
  return { machine: { ...machine, state }, actions };
}

/** What the next attempt needs, minted while it waits. */
function prefetching(step: Step): Step {
  const { tickets } = step.machine.options;
  return tickets ? { ...step, actions: [{ type: 'prefetch' }] } : step;
}

function after(action: Action, step: Step): Step {
  return { ...step, actions: [action, ...step.actions] };
}
