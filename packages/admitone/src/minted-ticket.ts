import { AdmitError } from './errors.js';

/** A ticket that nobody has used yet. `JSON.stringify` and Node's `inspect` show it without its secret. */
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

/**
 * Reads the gateway's 201. Fields that it does not know are ignored.
 *
 * @throws AdmitError `bad_answer`, naming the field; never with a part of the answer, which holds a secret
 */
export function readMinted(text: string): MintedTicket {
  const fields = readObject(text);
  const expect = <T>(name: string, accepts: (value: unknown) => value is T): T => {
    const value = fields[name];
    if (!accepts(value)) throw badAnswer(`"${name}" is missing or not as agreed`);
    return value;
  };
  const secret = { ticket: expect('ticket', isSecret), protocols: expect('protocols', isTexts) };
  return redacting(secret, {
    sessionId: expect('session_id', isText),
    createdAt: expect('created_at', isNumber),
    expiresAt: expect('expires_at', isNumber),
    expiresIn: expect('expires_in', isNumber),
    ttlSeconds: expect('ttl_seconds', isNumber),
    singleUse: expect('single_use', isBoolean),
    websocketUrl: expect('websocket_url', isSocketUrl),
  });
}

type Secret = Pick<MintedTicket, 'ticket' | 'protocols'>;

/** Reads like both together, but prints and serialises like `open` alone. */
function redacting(secret: Secret, open: Omit<MintedTicket, keyof Secret>): MintedTicket {
  const shown = () => ({ ...open, ticket: 'adm1_…', protocols: ['…'] });
  return Object.create(Object.prototype, {
    ...Object.getOwnPropertyDescriptors(open),
    ticket: { value: secret.ticket },
    protocols: { value: secret.protocols },
    toJSON: { value: shown },
    [Symbol.for('nodejs.util.inspect.custom')]: { value: shown },
  });
}

function readObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text.
    throw badAnswer('it is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw badAnswer('it is not an object');
  return value as Record<string, unknown>;
}

function badAnswer(fault: string): AdmitError {
  return new AdmitError(
    'bad_answer',
    `the gateway's answer is no ticket: ${fault}. Is "gateway" its address?`,
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}

function isSecret(value: unknown): value is string {
  return isText(value) && /^[\w-]+$/.test(value);
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isSocketUrl(value: unknown): value is string {
  return isText(value) && /^wss?:\/\/[^/?#]/i.test(value);
}
