import {
  AdmitConnection,
  type AdmitConnectionOptions,
  AdmitError,
  type CloseDetail,
  type ConnectionState,
  type FallbackReason,
  type Handshake,
  type RenewedSession,
} from '../index.js';

/** What a component may do about a connection's events. Each may be another function in every render. */
export interface ConnectionHandlers {
  /** The socket is open and admitted. */
  readonly onOpen?: () => void;
  /** A message arrived. */
  readonly onMessage?: (event: MessageEvent) => void;
  /** Of every end of an attempt or socket, retried or not. */
  readonly onClose?: (detail: CloseDetail) => void;
  /** Of every attempt that failed, retried or not, and of a renewal that did. */
  readonly onError?: (error: AdmitError) => void;
  /** The session goes on with the fresh login. */
  readonly onRenewed?: (session: RenewedSession) => void;
}

/** A connection as it was at one moment. */
export interface ConnectionSnapshot {
  /** What the connection is doing. */
  readonly state: ConnectionState;
  /** Whether `send` works. */
  readonly isOpen: boolean;
  /** What it is admitted with. */
  readonly method: 'ticket' | 'jwt' | undefined;
  /** While `method` is `'jwt'`, why. */
  readonly fallbackReason: FallbackReason | undefined;
  /** The application's own subprotocol that the upstream selected, or `''`. */
  readonly protocol: string;
  /** What the latest handshake carried, without secrets. */
  readonly handshake: Handshake | undefined;
  /** Why the latest attempt or renewal failed; nothing once the socket is open. */
  readonly error: AdmitError | undefined;
}

/** Before there is a connection; a server renders it. */
export const UNCONNECTED: ConnectionSnapshot = {
  state: { name: 'idle' },
  isOpen: false,
  method: undefined,
  fallbackReason: undefined,
  protocol: '',
  handshake: undefined,
  error: undefined,
};

/** The one connection of a mounted component, for `useSyncExternalStore`. */
export class ConnectionStore {
  readonly #handlers: () => ConnectionHandlers;
  readonly #listeners = new Set<() => void>();
  #options: AdmitConnectionOptions | undefined;
  #connection: AdmitConnection | undefined;
  #snapshot = UNCONNECTED;

  constructor(handlers: () => ConnectionHandlers) {
    this.#handlers = handlers;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): ConnectionSnapshot => this.#snapshot;

  /**
   * An effect: connects, unless `autoConnect` says no, and gives what ends it. An effect that is undone in the same turn, as
   * StrictMode does it, asks the gateway for nothing.
   *
   * @throws AdmitError `invalid_options` or `invalid_protocol`
   */
  mount(options: AdmitConnectionOptions): () => void {
    this.#options = options;
    const connection = this.#renewed(options);
    queueMicrotask(() => {
      if (this.#connection === connection && options.autoConnect !== false) connection.connect();
    });
    return () => {
      this.#options = undefined;
      this.#drop();
    };
  }

  readonly connect = (): void => {
    const isClosing = this.#connection?.state.name === 'closing';
    const connection = isClosing && this.#options ? this.#renewed(this.#options) : this.#connection;
    connection?.connect();
  };

  readonly disconnect = (code?: number, reason?: string): void => this.#connection?.close(code, reason);

  readonly reconnect = (): void => {
    if (!this.#options) return;
    this.#options.source?.clear();
    this.#renewed(this.#options).connect();
  };

  readonly send = (data: Parameters<AdmitConnection['send']>[0]): void => {
    if (!this.#connection) throw new AdmitError('not_open', 'cannot send before the component is mounted');
    this.#connection.send(data);
  };

  readonly loginChanged = (): void => this.#connection?.loginChanged();

  /** Another connection in place of the one there is, of which nothing more is told. */
  #renewed(options: AdmitConnectionOptions): AdmitConnection {
    const connection = new AdmitConnection({ ...options, autoConnect: false });
    this.#drop();
    this.#connection = connection;
    this.#listen(connection);
    this.#tell(UNCONNECTED);
    return connection;
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close(1000);
  }

  #listen(connection: AdmitConnection): void {
    const heard = (handle: (handlers: ConnectionHandlers) => void) => {
      if (this.#connection === connection) handle(this.#handlers());
    };
    connection.addEventListener('statechange', ({ detail: { state } }) =>
      heard(() => this.#tell(snapshotOf(connection, state, this.#snapshot.error))),
    );
    connection.addEventListener('open', () => heard(({ onOpen }) => onOpen?.()));
    connection.addEventListener('message', (event) => heard(({ onMessage }) => onMessage?.(event)));
    connection.addEventListener('close', ({ detail }) => heard(({ onClose }) => onClose?.(detail)));
    connection.addEventListener('renewed', ({ detail }) => heard(({ onRenewed }) => onRenewed?.(detail)));
    connection.addEventListener('error', ({ detail: error }) =>
      heard(({ onError }) => {
        this.#tell({ ...this.#snapshot, error });
        onError?.(error);
      }),
    );
  }

  #tell(snapshot: ConnectionSnapshot): void {
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener();
  }
}

function snapshotOf(
  { method, fallbackReason, protocol, handshake }: AdmitConnection,
  state: ConnectionState,
  error: AdmitError | undefined,
): ConnectionSnapshot {
  const isOpen = state.name === 'open';
  return { state, isOpen, method, fallbackReason, protocol, handshake, error: isOpen ? undefined : error };
}
