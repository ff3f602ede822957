import { AdmitError } from './errors.js';

/** A ticket that nobody has used yet. Printed, copied or serialised, it leaves its secrets out. */
export interface MintedTicket {
  /** The secret. It admits one connection: hand it to one socket and forget it. */
  readonly ticket: string;
  /** The connection's public handle, fixed at mint. Not a secret. */
  readonly sessionId: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** Seconds from the answer on. */
  readonly expiresIn: number;
  /** The whole lifetime, in seconds: what was asked for, or less where the route or the login ends it earlier. */
  readonly ttlSeconds: number;
  /** Whether it admits one connection, and not several as its route allows. */
  readonly singleUse: boolean;
  /** Unix seconds: when the login ends, and with it the connection unless it is renewed. */
  readonly loginExpiresAt: number | undefined;
  /** Where to connect; without the ticket. */
  readonly websocketUrl: string;
  /** The subprotocols to offer after the application's own; the last one carries the secret. */
  readonly protocols: readonly string[];
}

/** What a renewal came to. */
export interface RenewedSession {
  /** The session's public handle. */
  readonly sessionId: string;
  /** Unix seconds: when the connection ends now. */
  readonly expiresAt: number;
  /** Seconds from the answer on. */
  readonly expiresIn: number;
}

const NUMBER = /^-?\d/;

/** The fields of a renewal's 200, each as its JSON has to read. */
const RENEWED = { session_id: /^"./, expires_at: NUMBER, expires_in: NUMBER };

/** Those of a mint's 201. */
const MINTED = {
  ...RENEWED,
  ticket: /^"[\w-]+"$/,
  created_at: NUMBER,
  ttl_seconds: NUMBER,
  single_use: /^(true|false)$/,
  login_expires_at: /^(-?\d|undefined)/,
  websocket_url: /^"wss?:\/\/[^/?#"]/i,
  protocols: /^\[("[^"]+",?)+\]$/,
};

/** The secrets are getters of private fields, which neither JSON, nor a copy, nor a console shows. */
class Minted {
  readonly #ticket: string;
  readonly #protocols: readonly string[];

  constructor({ ticket, protocols, ...shown }: MintedTicket) {
    this.#ticket = ticket;
    this.#protocols = protocols;
    Object.assign(this, shown);
  }

  get ticket(): string {
    return this.#ticket;
  }

  get protocols(): readonly string[] {
    return this.#protocols;
  }
}

/**
 * Reads a mint's 201. Fields that it does not know are ignored.
 *
 * @throws AdmitError `bad_answer`, naming the field; never with a part of the answer, which holds a secret
 */
export function readMinted(text: string): MintedTicket {
  return new Minted(readAnswer(text, MINTED)) as Partial<MintedTicket> as MintedTicket;
}

/** Reads a renewal's 200, as {@link readMinted} does. */
export function readRenewed(text: string): RenewedSession {
  return readAnswer(text, RENEWED);
}

/** The fields of these forms, with names as TypeScript has them. */
function readAnswer<T>(text: string, forms: Record<string, RegExp>): T {
  const answer = readObject(text);
  const fields = Object.entries(forms).map(([name, form]) => {
    if (!form.test(JSON.stringify(answer[name]))) throw badAnswer(name);
    return [name.replace(/_./g, ([, letter = '']) => letter.toUpperCase()), answer[name]];
  });
  return Object.fromEntries(fields);
}

function readObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    // The parser's message quotes the text.
    throw badAnswer('JSON');
  }
}

function badAnswer(missing: string): AdmitError {
  return new AdmitError('bad_answer', `the answer has no proper ${missing}: is "gateway" its address?`);
}
