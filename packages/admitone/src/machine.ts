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

/** One input, the state that it meets, and when. */
interface Turn<S = ConnectionState, I = Input> {
  readonly machine: Machine;
  readonly state: S;
  readonly input: I;
  readonly now: number;
  readonly random: () => number;
}

type Transitions = {
  readonly [T in Input['type']]: {
    readonly [N in ConnectionState['name']]?: (turn: Turn<StateOf<N>, Extract<Input, { type: T }>>) => Step;
  };
};

/** What each input does in each state. Where there is nothing, it changes nothing. */
const TRANSITIONS: Transitions = {
  connect: { idle: restart, closed: restart },
  acquired: { acquiring: dial },
  acquire_failed: { acquiring: failedWith },
  dial_failed: { dialing: failedWith, closing: hungUp },
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
  const { state } = machine;
  const isOfAnother = 'attempt' in input && !('attempt' in state && state.attempt === input.attempt);
  const isEarly = input.type === 'timeout' && now < (wakeAt(machine) ?? now);
  const transition = TRANSITIONS[input.type][state.name] as ((turn: Turn) => Step) | undefined;
  if (!transition || isOfAnother || isEarly) return { machine, actions: [] };
  return transition({ machine, state, input, now, random });
}

function restart({ machine, ...turn }: Turn): Step {
  return begin({ ...turn, machine: { ...machine, retries: 0 } });
}

/** Begins an attempt with the credential that is preferred now. */
function begin({ machine, now }: Turn): Step {
  const { tickets, fallback } = machine.options;
  if (!tickets && fallback === 'none') return close(machine, { code: 'tickets_disabled' });
  return acquire(machine, tickets ? 'ticket' : 'jwt', now);
}

function acquire(machine: Machine, credential: CredentialKind, now: number): Step {
  const attempt = machine.attempts + 1;
  const until = now + machine.options.acquireTimeoutMs;
  const next = enter({ ...machine, attempts: attempt }, { name: 'acquiring', attempt, credential, until });
  return doing(next, { type: 'acquire', attempt, credential });
}

function dial({ machine, state: { attempt, credential }, now }: Turn<StateOf<'acquiring'>>): Step {
  const until = now + machine.options.openTimeoutMs;
  const next = enter(machine, { name: 'dialing', attempt, credential, until });
  return doing(next, { type: 'dial', attempt, credential });
}

function failedWith(turn: Turn<Unopened, { readonly error: AttemptError }>): Step {
  const { code, retryAfterMs } = turn.input.error;
  return failed(turn, { code }, !isFinal(code), retryAfterMs);
}

/** Ends an attempt that did not open. */
function failed(turn: Turn<Unopened, unknown>, cause: Cause, again: boolean, retryAfterMs?: number): Step {
  const { machine, state, now } = turn;
  const codes = state.name === 'acquiring' ? MINT_FALLS_BACK : DIAL_FALLS_BACK;
  if (machine.options.fallback === 'jwt' && state.credential === 'ticket' && codes.includes(cause.code))
    return { ...acquire(machine, 'jwt', now), cause };
  return again ? retry(turn, machine, cause, retryAfterMs) : close(machine, cause);
}

function opened({
  machine,
  state,
  input,
  now,
}: Turn<StateOf<'dialing'>, { readonly selected: string }>): Step {
  if (input.selected === REFUSED_MARKER) return enter(machine, { ...state, name: 'refused' });
  const { attempt, credential } = state;
  return enter(machine, { name: 'open', attempt, credential, since: now });
}

function endedUnopened(turn: Turn<StateOf<'dialing' | 'refused'>, ReceivedClose>): Step {
  const { code, reason } = turn.input;
  const ours = readClose(code, reason);
  return failed(turn, causeOf(ours?.name ?? 'connection_failed', turn.input), ours?.next !== 'stop');
}

function endedOpen(turn: Turn<StateOf<'open'>, ReceivedClose>): Step {
  const { machine, state, input, now } = turn;
  const { stableAfterMs, retryCodes, tickets } = machine.options;
  const counted = now - state.since >= stableAfterMs ? { ...machine, retries: 0 } : machine;
  const ours = readClose(input.code, input.reason);
  const again = ours ? ours.next === 'mint_again' : [...LOST_CODES, ...retryCodes].includes(input.code);
  const cause = causeOf(ours?.name ?? (again ? 'connection_lost' : 'closed_by_upstream'), input);
  const step = again ? retry(turn, counted, cause) : close(counted, cause);
  return tickets && ours?.name === 'draining' ? doing(step, { type: 'prefetch' }) : step;
}

function endedClosing({ machine, input }: Turn<ConnectionState, ReceivedClose>): Step {
  return close(machine, causeOf('closed_by_application', input));
}

/** By the application, with nothing that is to be waited for. */
function hungUp({ machine }: Turn<ConnectionState, unknown>): Step {
  return close(machine, { code: 'closed_by_application' });
}

function abandoned(turn: Turn<StateOf<'acquiring'>>): Step {
  return doing(hungUp(turn), { type: 'abandon', attempt: turn.state.attempt });
}

function hangUp({ machine, state, input, now }: Turn<Attempting & ConnectionState, AskedClose>): Step {
  const { attempt } = state;
  const until = now + machine.options.closeTimeoutMs;
  return doing(enter(machine, { name: 'closing', attempt, until }), { ...input, type: 'hang_up', attempt });
}

/** Ends a wait soon, yet not for all at the same moment: what woke this client may have woken many. */
function wake({ machine, state, now, random }: Turn<StateOf<'waiting'>>): Step {
  const { tickets, retryBaseMs } = machine.options;
  if (now < (state.notBefore ?? now)) return { machine, actions: [] };
  const until = Math.min(state.until, now + Math.floor(random() * retryBaseMs));
  const step = enter(machine, { ...state, until });
  return tickets ? doing(step, { type: 'prefetch' }) : step;
}

/** Of a connection by JWT, nobody told the handle that a renewal needs. */
function renew({ machine, state: { attempt, credential } }: Turn<StateOf<'open'>>): Step {
  return { machine, actions: credential === 'ticket' ? [{ type: 'renew', attempt }] : [] };
}

function acquiringTooLong(turn: Turn<StateOf<'acquiring'>>): Step {
  const { attempt } = turn.state;
  return doing(failed(turn, { code: 'timeout' }, true), { type: 'abandon', attempt });
}

function dialingTooLong(turn: Turn<StateOf<'dialing' | 'refused'>>): Step {
  const { attempt } = turn.state;
  return doing(endedUnopened({ ...turn, input: NO_CLOSE }), { type: 'hang_up', attempt });
}

function retry(
  { now, random }: Turn<unknown, unknown>,
  machine: Machine,
  cause: Cause,
  retryAfterMs?: number,
): Step {
  const { maxRetries, retryBaseMs, retryCapMs } = machine.options;
  const retries = machine.retries + 1;
  if (retries > maxRetries) return close(machine, { ...cause, gaveUp: true });
  const until = now + backoffMs(retries, retryBaseMs, retryCapMs, random, retryAfterMs);
  const asked = retryAfterMs === undefined ? {} : { notBefore: now + retryAfterMs };
  return enter({ ...machine, retries }, { name: 'waiting', retry: retries, until, cause, ...asked });
}

function causeOf(code: Cause['code'], close: ReceivedClose): Cause {
  return close.code === NO_CLOSE.code
    ? { code }
    : { code, close: { code: close.code, reason: close.reason } };
}

function close(machine: Machine, cause: Cause): Step {
  return enter(machine, { name: 'closed', cause });
}

function enter(machine: Machine, state: ConnectionState): Step {
  return { machine: { ...machine, state }, actions: [] };
}

/** Before all that the step asks for already. */
function doing(step: Step, action: Action): Step {
  return { ...step, actions: [action, ...step.actions] };
}
