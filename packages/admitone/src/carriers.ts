import { AdmitError } from './errors.js';

/** What admits a connection, and its secret. */
export interface Credential {
  readonly kind: CredentialKind;
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
const LOGIN_CARRIERS = [BEARER, 'jwt.', 'jwt-auth.', KUBERNETES];

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
    const fault = faultOf(protocol, protocols.indexOf(protocol) < index);
    if (fault) throw new AdmitError('invalid_protocol', `protocols[${index}] ${fault}`);
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
  const carrier = [TICKET, ...LOGIN_CARRIERS].find((prefix) => startsWith(protocol, prefix));
  return carrier === undefined ? protocol : `${carrier}${carrier === TICKET ? 'adm1_' : ''}…`;
}

function carrierOf({ kind, value }: Credential): string {
  if (typeof value !== 'string' || value === '')
    throw new AdmitError('invalid_credential', `the ${kind} is no string, or empty`);
  if (kind === 'jwt') return TOKEN.test(value) ? BEARER + value : KUBERNETES + base64url(value);
  if (TOKEN.test(value)) return TICKET + value;
  throw new AdmitError('invalid_credential', 'the ticket is no RFC 9110 token');
}

function faultOf(protocol: string, repeats: boolean): string | undefined {
  if (repeats) return 'repeats an earlier one';
  if (!TOKEN.test(protocol)) return 'is no RFC 9110 token';
  if (isReserved(protocol)) return 'begins with a reserved prefix';
  return undefined;
}

function isReserved(protocol: string): boolean {
  return ['admitone.', ...LOGIN_CARRIERS].some((prefix) => startsWith(protocol, prefix));
}

function startsWith(protocol: string, prefix: string): boolean {
  return protocol.slice(0, prefix.length).toLowerCase() === prefix;
}

/** The text's UTF-8, each byte a character. */
export function binaryOf(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function base64url(text: string): string {
  return btoa(binaryOf(text)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
