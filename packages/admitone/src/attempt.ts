import {
  type Credential,
  type CredentialKind,
  REFUSED_MARKER,
  redactProtocol,
  shownProtocol,
} from './carriers.js';
import { AdmitError } from './errors.js';
import type { Link } from './link.js';
import type { Input } from './machine.js';
import type { Settings } from './options.js';

/** What a handshake carried, for people to look at: every secret is cut out. */
export interface Handshake {
  /** Which attempt of its connection it was, counted from 1. */
  readonly attempt: number;
  /** Where it was opened. */
  readonly url: string;
  /** The subprotocols, a carrier without its secret. */
  readonly offered: readonly string[];
  /** What the server selected, markers included; absent before it answered and where it selected nothing. */
  readonly selected?: string;
  /** The session's public handle, where a ticket was used. */
  readonly sessionId?: string;
}

/** What an attempt tells its driver. Nothing comes after {@link Attempt.release}. */
export interface AttemptEvents {
  input(input: Input, error?: AdmitError): void;
  message(event: MessageEvent): void;
}

/** One acquisition and the one link it is for. Holds the secret from the answer to the dial, and no longer. */
export class Attempt<L extends Link> {
  /** What was acquired, and then what was opened with it. */
  link: L | undefined;
  handshake: Handshake | undefined;
  /** The application's subprotocol that was selected, or `''`. */
  protocol = '';
  readonly #number: number;
  readonly #settings: Settings<L>;
  readonly #abort = new AbortController();
  #events: AttemptEvents | undefined;
  #credential: Credential | undefined;

  constructor(number: number, settings: Settings<L>, events: AttemptEvents) {
    this.#number = number;
    this.#settings = settings;
    this.#events = events;
  }

  async acquire(kind: CredentialKind): Promise<void> {
    try {
      const { source, route } = this.#settings;
      const minted =
        kind === 'ticket' ? await source.acquire({ signal: this.signal, maxRetries: 0, route }) : undefined;
      const value = minted ? minted.ticket : await source.token();
      if (!this.#events) return;
      this.#credential = { kind, value };
      // An empty one would be the page's own.
      const url = this.#settings.url || minted?.websocketUrl;
      if (!url) throw new AdmitError('invalid_url', 'no url, and no websocketUrl of the source');
      const session = minted ? { sessionId: minted.sessionId } : {};
      this.handshake = { attempt: this.#number, url, offered: [], ...session };
      this.#tell({ type: 'acquired' });
    } catch (thrown) {
      this.#fail('acquire_failed', asAdmitError(thrown));
    }
  }

  /** Aborts with the attempt. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** @param prepare is given the link before anything can come from it */
  dial(prepare: (link: L) => void): void {
    const credential = this.#credential;
    this.#credential = undefined;
    if (!credential || !this.handshake) return;
    try {
      const { link, offered } = this.#settings.dial(this.handshake.url, credential);
      this.handshake = { ...this.handshake, offered: offered.map(redactProtocol) };
      this.link = link;
      prepare(link);
      this.#listen(link, offered);
    } catch (thrown) {
      this.#fail('dial_failed', dialError(thrown));
    }
  }

  /** Tells nothing more, aborts an acquisition under way, forgets the secret. A link is left to end by itself. */
  release(): void {
    this.#events = undefined;
    this.#credential = undefined;
    this.#abort.abort();
    if (this.link) this.link.onopen = this.link.onmessage = this.link.onclose = null;
  }

  #listen(link: L, offered: readonly string[]): void {
    link.onopen = () => this.#opened(offered, link.protocol);
    link.onmessage = (event) => this.#events?.message(event);
    link.onclose = ({ code, reason, error }) =>
      error ? this.#fail('dial_failed', error) : this.#tell({ type: 'closed', code, reason });
    // Says nothing that `close` does not; some implementations throw where nobody listens.
    link.onerror = () => {};
  }

  #opened(offered: readonly string[], selected: string): void {
    const { protocol, refused } = shownProtocol(offered, selected);
    this.protocol = protocol;
    if (this.handshake && selected)
      this.handshake = { ...this.handshake, selected: redactProtocol(selected) };
    this.#tell({ type: 'opened', selected: refused ? REFUSED_MARKER : protocol });
  }

  #fail(type: 'acquire_failed' | 'dial_failed', error: AdmitError): void {
    this.#tell({ type, error }, error);
  }

  #tell(input: WithoutAttempt<Input>, error?: AdmitError): void {
    this.#events?.input({ ...input, attempt: this.#number } as Input, error);
  }
}

type WithoutAttempt<I> = I extends unknown ? Omit<I, 'attempt'> : never;

function asAdmitError(thrown: unknown): AdmitError {
  if (thrown instanceof AdmitError) return thrown;
  return new AdmitError('bad_answer', 'the source threw no AdmitError', { cause: thrown });
}

/** Of a constructor's error the name alone: its message may quote the subprotocols, and with them the secret. */
function dialError(thrown: unknown): AdmitError {
  if (thrown instanceof AdmitError) return thrown;
  const { name } = Object(thrown) as Partial<Error>;
  const code = /^(Syntax|Security)Error$/.test(name ?? '') ? 'invalid_url' : 'connection_failed';
  return new AdmitError(code, `${name} of the constructor: is the URL allowed here?`);
}
