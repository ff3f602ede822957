import type { Handshake } from './attempt.js';
import { binaryOf, type Credential, type CredentialKind } from './carriers.js';
import { Driver, type FallbackReason } from './driver.js';
import type { AdmitError } from './errors.js';
import { EventStreamParser } from './event-stream.js';
import { type Handler, Handlers } from './handlers.js';
import type { ConnectionState } from './machine.js';
import {
  type AdmitConnectionOptions,
  type ConnectionOptions,
  readSource,
  readTarget,
  type SourceOptions,
} from './options.js';
import { StreamLink } from './stream-link.js';

// A redirect would carry the ticket to where nobody asked for it.
const REQUEST = { cache: 'no-store', redirect: 'error' } as const;

/** The options of an {@link AdmitEventSource}: those of a connection that do not speak of sockets. */
export type AdmitEventSourceOptions = Omit<
  ConnectionOptions,
  'url' | 'protocols' | 'binaryType' | 'WebSocket' | 'autoConnect' | 'retryCodes'
> &
  SourceOptions & {
    /** Asks for tickets and for the stream. Default: the global one. */
    readonly fetch?: typeof fetch;
  };

/**
 * An `EventSource` whose every request has a ticket of its own in `Authorization`. It reconnects with `Last-Event-ID`, and
 * stops where a connection would: when the login is over, and after `maxRetries` in a row. Its `error` events have the
 * {@link AdmitError} as `error`.
 */
export class AdmitEventSource extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSED = 2;
  readonly url: string;
  readonly withCredentials = false;
  readonly #driver: Driver<StreamLink>;
  readonly #handlers = new Handlers(this);
  #parser: EventStreamParser | undefined;

  /** @throws AdmitError `invalid_options`, naming the option and the mend */
  constructor(url: string | URL, options: AdmitEventSourceOptions) {
    super();
    const given = { ...options, url } as AdmitConnectionOptions;
    const target = readTarget(given, readSource(given, 'url'));
    this.url = target.url?.replace(/^ws/, 'http') ?? '';
    const dial = (address: string, credential: Credential) => ({
      link: this.#stream(address, credential, options.fetch ?? fetch),
      offered: [],
    });
    this.#driver = new Driver(
      { ...target, url: this.url, dial },
      {
        changed: (state, _, error) => this.#changed(state, error),
        message: (event) => this.dispatchEvent(event),
        endsOnLeave: true,
      },
    );
    this.#driver.feed({ type: 'connect' });
  }

  get readyState(): number {
    const { name } = this.#driver.state;
    if (name === 'open') return 1;
    return name === 'closing' || name === 'closed' ? 2 : 0;
  }

  get onopen(): Handler {
    return this.#handlers.get('open');
  }

  set onopen(handler: Handler) {
    this.#handlers.set('open', handler);
  }

  get onmessage(): Handler {
    return this.#handlers.get('message');
  }

  set onmessage(handler: Handler) {
    this.#handlers.set('message', handler);
  }

  get onerror(): Handler {
    return this.#handlers.get('error');
  }

  set onerror(handler: Handler) {
    this.#handlers.set('error', handler);
  }

  /** What the latest request carried, without secrets. */
  get handshake(): Handshake | undefined {
    return this.#driver.attempt?.handshake;
  }

  /** What the stream is admitted with. */
  get method(): CredentialKind | undefined {
    return this.#driver.method;
  }

  /** While `method` is `'jwt'`, why. */
  get fallbackReason(): FallbackReason | undefined {
    return this.#driver.fallbackReason;
  }

  /** Ends the stream, whatever it is doing. Dispatches nothing. */
  close(): void {
    this.#driver.close();
  }

  #stream(address: string, { kind, value }: Credential, send: typeof fetch): StreamLink {
    const lastEventId = this.#parser?.lastEventId ?? '';
    const headers = {
      accept: 'text/event-stream',
      authorization: `${kind === 'ticket' ? 'Ticket' : 'Bearer'} ${value}`,
      ...(lastEventId && { 'last-event-id': binaryOf(lastEventId) }),
    };
    const { origin } = new URL(address);
    const parser = new EventStreamParser(lastEventId, ({ type, ...event }) =>
      link.onmessage?.(new MessageEvent(type, { ...event, origin })),
    );
    const link = new StreamLink(
      (signal) => send(address, { ...REQUEST, headers, signal }),
      (text) => {
        parser.push(text);
        this.#heed(parser.retryMs);
        return parser.comment;
      },
    );
    this.#parser = parser;
    return link;
  }

  #heed(retryMs: number | undefined): void {
    if (retryMs === undefined) return;
    const { retryCapMs } = this.#driver.machine.options;
    this.#driver.set({ retryBaseMs: retryMs, retryCapMs: Math.max(retryMs, retryCapMs) });
  }

  #changed({ name }: ConnectionState, error: AdmitError | undefined): void {
    if (name === 'open') this.dispatchEvent(new Event('open'));
    if (error && (name === 'waiting' || name === 'closed'))
      this.dispatchEvent(Object.assign(new Event('error'), { error }));
  }
}
