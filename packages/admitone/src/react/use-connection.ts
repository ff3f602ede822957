import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { AdmitError, type ConnectionOptions, type TicketSource } from '../index.js';
import {
  type ConnectionHandlers,
  type ConnectionSnapshot,
  ConnectionStore,
  UNCONNECTED,
} from './connection-store.js';
import { isEnabled, textOf, useLatest } from './latest.js';
import { useWatchedSource } from './provider.js';

/** The options of an `AdmitConnection`, and what to do about its events. */
export type UseConnectionOptions = ConnectionOptions &
  ConnectionHandlers & {
    /** In place of the provider's. */
    readonly source?: TicketSource;
  };

/** What {@link useConnection} gives. The functions are the same ones for as long as the component lives. */
export interface ConnectionHook extends ConnectionSnapshot {
  /** Connects. Does nothing where the connection is under way or open. */
  readonly connect: () => void;
  /** Ends the connection, whatever it is doing, until `connect` or `reconnect`. @throws AdmitError `invalid_close` */
  readonly disconnect: (code?: number, reason?: string) => void;
  /** Ends what there is, and connects at once with a ticket of the login that `token` gives now. */
  readonly reconnect: () => void;
  /** Sends as `WebSocket.send` does. @throws AdmitError `not_open` */
  readonly send: ConnectionStore['send'];
  /** The same person has a fresh login: extends the live session with it, without a reconnect. */
  readonly loginChanged: () => void;
}

/**
 * One connection for as long as the component is mounted. Options may be written anew in every render: only where a value
 * differs is the connection opened anew. Handlers, and `enabled`, are always the latest.
 *
 * @throws AdmitError `invalid_options` or `invalid_protocol`, to the error boundary above
 */
export function useConnection(options: UseConnectionOptions = {}): ConnectionHook {
  const provided = useWatchedSource();
  const source = options.source ?? provided;
  if (!source)
    throw new AdmitError('invalid_options', 'useConnection: no <AdmitProvider> above, and no source');
  const latest = useLatest(options);
  const text = textOf(options);
  const [store] = useState(() => new ConnectionStore(() => latest.current));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the options' text stands for them.
  useEffect(
    () => store.mount({ ...latest.current, enabled: () => isEnabled(latest.current), source }),
    [store, latest, source, text, options.WebSocket],
  );
  const snapshot = useSyncExternalStore(store.subscribe, store.snapshot, () => UNCONNECTED);
  return useMemo(() => {
    const { connect, disconnect, reconnect, send, loginChanged } = store;
    return { ...snapshot, connect, disconnect, reconnect, send, loginChanged };
  }, [store, snapshot]);
}
