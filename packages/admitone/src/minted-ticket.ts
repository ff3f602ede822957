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
  /** Where to connect; without the ticket. */
  readonly websocketUrl: string;
  /** The subprotocols to offer after the application's own; the last one carries the secret. */
  readonly protocols: readonly string[];
}

const NUMBER = /^-?\d/;

/** The fields of the gateway's 201, each as its JSON has to read. */
const FIELDS = {
  ticket: /^"[\w-]+"$/,
  session_id: /^"./,
  created_at: NUMBER,
  expires_at: NUMBER,
  expires_in: NUMBER,
  ttl_seconds: NUMBER,
  single_use: /^(true|false)$/,
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
  readonly websocketUrl;

  // biome-ignore lint/suspicious/noExplicitAny: FIELDS has judged every one that is read here.
  constructor(answer: any) {
    this.#ticket = answer.ticket;
    this.#protocols = answer.protocols;
    this.sessionId = answer.session_id;
    this.createdAt = answer.created_at;
    this.expiresAt = answer.expires_at;
    this.expiresIn = answer.expires_in;
    this.ttlSeconds = answer.ttl_seconds;
    this.singleUse = answer.single_use;
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
 * Reads the gateway's 201. Fields that it does not know are ignored.
 *
 * @throws AdmitError `bad_answer`, naming the field; never with a part of the answer, which holds a secret
 */
export function readMinted(text: string): MintedTicket {
  const answer = readObject(text);
  for (const [name, form] of Object.entries(FIELDS)) {
    if (!form.test(JSON.stringify(answer[name]))) throw badAnswer(`"${name}" is missing or not as agreed`);
  }
  return new Minted(answer);
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
  return new AdmitError('bad_answer', `no ticket in the answer: ${fault}. Is "gateway" its address?`);
}
