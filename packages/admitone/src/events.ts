import type { AdmitError } from './errors.js';
import type { Cause, ConnectionState } from './machine.js';
import type { RenewedSession } from './minted-ticket.js';

/** The detail of `close`: why an attempt or a socket ended, and whether another one follows by itself. */
export interface CloseDetail extends Cause {
  /** Whether another attempt follows by itself. */
  readonly retrying: boolean;
}

/** The detail of `statechange`. */
export interface StateChange {
  readonly state: ConnectionState;
  readonly previous: ConnectionState;
}

/** What an `AdmitConnection` dispatches. */
export interface AdmitConnectionEventMap {
  /** Every change of state, before the events below. */
  statechange: CustomEvent<StateChange>;
  /** The socket is open and admitted. Never for a refused one. */
  open: Event;
  /** A message arrived. */
  message: MessageEvent;
  /** The connection waits for a retry, or has ended. */
  close: CustomEvent<CloseDetail>;
  /** The session goes on with the fresh login. */
  renewed: CustomEvent<RenewedSession>;
  /** An attempt failed, whether a retry or the fallback follows or not; or a renewal did, and the socket is as it was. */
  error: CustomEvent<AdmitError>;
}

type Listener<K extends keyof AdmitConnectionEventMap> =
  | ((event: AdmitConnectionEventMap[K]) => unknown)
  | null;

/** An `EventTarget` that knows its events. */
export interface AdmitEventTarget extends EventTarget {
  addEventListener<K extends keyof AdmitConnectionEventMap>(
    type: K,
    listener: Listener<K>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof AdmitConnectionEventMap>(
    type: K,
    listener: Listener<K>,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** The global `EventTarget`, typed. */
export const AdmitEventTarget: new () => AdmitEventTarget = EventTarget;
