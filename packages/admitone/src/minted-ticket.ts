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
  readonly ttlSeconds: number;
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
class Minted implements MintedTicket {
  readonly #ticket: string;
  readonly #protocols: readonly string[];
  readonly sessionId;
  readonly createdAt;
  readonly expiresAt;
  readonly expiresIn;
  readonly ttlSeconds;
  readonly singleUse;
  readonly loginExpiresAt;
  readonly websocketUrl;

  // biome-ignore lint/suspicious/noExplicitAny: MINTED has judged every field.
  constructor(answer: any) {
    this.#ticket = answer.ticket;
    this.#protocols = answer.protocols;
    this.sessionId = answer.session_id;
    this.createdAt = answer.created_at;
    this.expiresAt = answer.expires_at;
    this.expiresIn = answer.expires_in;
    this.ttlSeconds = answer.ttl_seconds;
    this.singleUse = answer.single_use;
    this.loginExpiresAt = answer.login_expires_at;
    this.websocketUrl = answer.websocket_url;
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
  return new Minted(readAnswer(text, MINTED));
}

/** Reads a renewal's 200, as {@link readMinted} does. */
export function readRenewed(text: string): RenewedSession {
  const { session_id, expires_at, expires_in } = readAnswer(text, RENEWED);
  return { sessionId: session_id, expiresAt: expires_at, expiresIn: expires_in };
}

// biome-ignore lint/suspicious/noExplicitAny: of the fields, those that were judged are as `forms` has them.
function readAnswer(text: string, forms: Record<string, RegExp>): any {
  const answer = readObject(text);
  for (const [name, form] of Object.entries(forms)) {
    if (!form.test(JSON.stringify(answer[name]))) throw badAnswer(`"${name}" is missing or not as agreed`);
  }
  return answer;
}

function readObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    // The parser's message quotes the text.
    throw badAnswer('it is not JSON');
  }
}

function badAnswer(fault: string): AdmitError {
  return new AdmitError('bad_answer', `not the gateway's answer: ${fault}. Is "gateway" its address?`);
}
