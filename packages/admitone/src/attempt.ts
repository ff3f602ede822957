import {
  type Credential,
  type CredentialKind,
  offerProtocols,
  REFUSED_MARKER,
  redactProtocol,
  shownProtocol,
} from './carriers.js';
import { AdmitError } from './errors.js';
import type { Input } from './machine.js';
import type { Settings } from './options.js';

/** What a handshake carried, for people to look at: every secret is cut out. */
export interface Handshake {
  readonly attempt: number;
  readonly url: string;
  readonly offered: readonly string[];
  /** What the server selected, markers included; absent before it answered and where it selected nothing. */
  readonly selected?: string;
  /** The session's public handle, where a ticket was used. */
  readonly sessionId?: string;
}

/** What an attempt tells its connection. Nothing comes after {@link Attempt.release}. */
export interface AttemptEvents {
  input(input: Input, error?: AdmitError): void;
  message(event: MessageEvent): void;
}

/** One acquisition and the one socket it is for. Holds the secret from the answer to the dial, and no longer. */
export class Attempt {
  readonly number: number;
  readonly #settings: Settings;
  readonly #abort = new AbortController();
  #events: AttemptEvents | undefined;
  #credential: Credential | undefined;
  #url: string | undefined;
  #socket: WebSocket | undefined;
  #handshake: Handshake | undefined;
  #protocol = '';

  constructor(number: number, settings: Settings, events: AttemptEvents) {
    this.number = number;
    this.#settings = settings;
    this.#events = events;
    this.#url = settings.url;
  }

  get handshake(): Handshake | undefined {
    return this.#handshake;
  }

  get socket(): WebSocket | undefined {
    return this.#socket;
  }

  /** The application's subprotocol that was selected, or `''`. */
  get protocol(): string {
    return this.#protocol;
  }

  async acquire(kind: CredentialKind): Promise<void> {
    try {
      const sessionId = await (kind === 'ticket' ? this.#acquireTicket() : this.#acquireToken());
      // An empty one would be the page's own.
      if (!this.#url) throw new AdmitError('invalid_url', 'the ticket source gave no websocketUrl');
      this.#handshake = {
        attempt: this.number,
        url: this.#url,
        offered: [],
        ...(sessionId === undefined ? {} : { sessionId }),
      };
    } catch (thrown) {
      const error = asAdmitError(thrown);
      this.#events?.input({ type: 'acquire_failed', attempt: this.number, error }, error);
      return;
    }
    this.#events?.input({ type: 'acquired', attempt: this.number });
  }

  dial(binaryType: BinaryType): void {
    const credential = this.#credential;
    this.#credential = undefined;
    if (!credential || !this.#handshake) return;
    try {
      const offered = offerProtocols(credential, this.#settings.protocols);
      this.#handshake = { ...this.#handshake, offered: offered.map(redactProtocol) };
      this.#socket = new this.#settings.WebSocket(this.#handshake.url, offered);
      this.#socket.binaryType = binaryType;
      this.#listen(this.#socket, offered);
    } catch (thrown) {
      const error = dialError(thrown);
      this.#events?.input({ type: 'dial_failed', attempt: this.number, error }, error);
    }
  }

  hangUp(code: number | undefined, reason: string | undefined): void {
    if (code === undefined) this.#socket?.close();
    else this.#socket?.close(code, reason);
  }

  /** Tells nothing more, aborts an acquisition under way, forgets the secret. A socket is left to end by itself. */
  release(): void {
    this.#events = undefined;
    this.#credential = undefined;
    this.#abort.abort();
    const socket = this.#socket;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
  }

  async #acquireTicket(): Promise<string> {
    const minted = await this.#settings.source.acquire({ signal: this.#abort.signal, maxRetries: 0 });
    if (!this.#events) return minted.sessionId;
    this.#credential = { kind: 'ticket', value: minted.ticket };
    this.#url ??= minted.websocketUrl;
    return minted.sessionId;
  }

  async #acquireToken(): Promise<undefined> {
    const value = await this.#settings.source.token();
    if (this.#events) this.#credential = { kind: 'jwt', value };
  }

  #listen(socket: WebSocket, offered: readonly string[]): void {
    socket.onopen = () => this.#opened(offered, socket.protocol);
    socket.onmessage = (event) => this.#events?.message(event);
    socket.onclose = ({ code, reason }) =>
      this.#events?.input({ type: 'closed', attempt: this.number, code, reason });
    // Says nothing that `close` does not; some implementations throw where nobody listens.
    socket.onerror = () => {};
  }

  #opened(offered: readonly string[], selected: string): void {
    const { protocol, refused } = shownProtocol(offered, selected);
    this.#protocol = protocol;
    if (this.#handshake && selected)
      this.#handshake = { ...this.#handshake, selected: redactProtocol(selected) };
    this.#events?.input({
      type: 'opened',
      attempt: this.number,
      selected: refused ? REFUSED_MARKER : protocol,
    });
  }
}

function asAdmitError(thrown: unknown): AdmitError {
  if (thrown instanceof AdmitError) return thrown;
  return new AdmitError('bad_answer', 'the ticket source threw no AdmitError', { cause: thrown });
}

/** Of a constructor's error the name alone: its message may quote the subprotocols, and with them the secret. */
function dialError(thrown: unknown): AdmitError {
  if (thrown instanceof AdmitError) return thrown;
  const { name } = Object(thrown) as Partial<Error>;
  const code = name === 'SyntaxError' || name === 'SecurityError' ? 'invalid_url' : 'connection_failed';
  return new AdmitError(code, `the socket could not be constructed (${name}): is its URL allowed here?`);
}
