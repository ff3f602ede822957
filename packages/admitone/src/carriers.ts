import { AdmitError } from './errors.js';

/** What admits a connection, and its secret. */
export interface Credential {
  /** What `value` is. */
  readonly kind: CredentialKind;
  /** The secret. */
  readonly value: string;
}

/** A ticket, or by fallback the login itself. */
export type CredentialKind = 'ticket' | 'jwt';

const VERSION_MARKER = 'admitone.v1';

/** What a server selects when it refuses the connection and its Close will say why. */
export const REFUSED_MARKER = 'admitone.refused';

const TICKET = 'admitone.ticket.';
const BEARER = 'bearer.';
const KUBERNETES = 'base64url.bearer.authorization.k8s.io.';

/** Any carrier, and what of it may be shown. */
const CARRIER =
  /^(admitone\.ticket\.(?:adm1_)?|bearer\.|jwt\.|jwt-auth\.|base64url\.bearer\.authorization\.k8s\.io\.).*/is;

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The list to give to `new WebSocket(url, list)`: the application's own subprotocols, our two markers, and the carrier of
 * the credential.
 *
 * @throws AdmitError `invalid_protocol` or `invalid_credential`; its message never holds the credential
 */
export function offerProtocols(credential: Credential, protocols: readonly string[] = []): string[] {
  checkProtocols(protocols);
  return [...protocols, VERSION_MARKER, REFUSED_MARKER, carrierOf(credential)];
}

/**
 * Checks an application's subprotocols before anything is opened.
 *
 * @throws AdmitError `invalid_protocol`, naming the one at fault
 */
export function checkProtocols(protocols: readonly string[]): void {
  for (const [index, protocol] of protocols.entries()) {
    const repeats = protocols.indexOf(protocol) < index;
    if (repeats || !TOKEN.test(protocol) || isReserved(protocol))
      throw new AdmitError('invalid_protocol', `protocols[${index}] repeats, is no token, or is reserved`);
  }
}

/** What an application sees of the subprotocol that a server selected (`''` for none), and whether it is a refusal. */
export function shownProtocol(
  offered: readonly string[],
  selected: string,
): { protocol: string; refused: boolean } {
  const own = offered.includes(selected);
  return {
    protocol: own && !isReserved(selected) ? selected : '',
    refused: own && selected === REFUSED_MARKER,
  };
}

/** A subprotocol as it may be shown to people: a carrier without its secret. */
export function redactProtocol(protocol: string): string {
  return protocol.replace(CARRIER, '$1…');
}

function carrierOf({ kind, value }: Credential): string {
  const isToken = TOKEN.test(value);
  if (typeof value === 'string' && (isToken || (kind === 'jwt' && value))) {
    if (kind === 'ticket') return TICKET + value;
    return isToken ? BEARER + value : KUBERNETES + base64url(value);
  }
  throw new AdmitError('invalid_credential', `the ${kind} is none`);
}

function isReserved(protocol: string): boolean {
  return /^admitone\./i.test(protocol) || CARRIER.test(protocol);
}

/** The text's UTF-8, each byte a character. */
export function binaryOf(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function base64url(text: string): string {
  return btoa(binaryOf(text)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
