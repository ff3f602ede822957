import type { AdmitError } from './errors.js';
import type { Cause, ConnectionState } from './machine.js';

/** The detail of `close`: why an attempt or a socket ended, and whether another one follows by itself. */
export interface CloseDetail extends Cause {
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
  message: MessageEvent;
  /** The connection waits for a retry, or has ended. */
  close: CustomEvent<CloseDetail>;
  /** An attempt failed, whether a retry or the fallback follows or not. */
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

/**
 * Dispatches events in the order they arose, even when a listener causes more of them. Those of its own first turn wait until
 * that is over, so that a constructor's caller can listen first.
 */
export class EventQueue {
  readonly #target: EventTarget;
  readonly #events: Event[] = [];
  #busy = true;

  constructor(target: EventTarget) {
    this.#target = target;
    queueMicrotask(() => {
      this.#busy = false;
      this.flush();
    });
  }

  push(event: Event): void {
    this.#events.push(event);
  }

  flush(): void {
    if (this.#busy) return;
    this.#busy = true;
    for (let event = this.#events.shift(); event; event = this.#events.shift())
      this.#target.dispatchEvent(event);
    this.#busy = false;
  }
}
