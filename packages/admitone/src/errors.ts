/**
 * What went wrong, as a stable string. Codes of the gateway's problems and of its Closes are among them, and a later
 * gateway may send one that is not listed here.
 */
export type AdmitErrorCode =
  // minting, as the gateway answers it
  | 'not_logged_in'
  | 'forbidden'
  | 'origin_not_allowed'
  | 'tickets_disabled'
  | 'invalid_request'
  | 'invalid_body'
  | 'not_found'
  | 'over_limit'
  | 'unavailable'
  // minting, as it fails on the way
  | 'network'
  | 'timeout'
  | 'aborted'
  | 'bad_answer'
  | 'token_failed'
  // the socket
  | 'connection_failed'
  | 'connection_lost'
  | 'closed_by_upstream'
  | 'session_expired'
  | 'ticket_not_accepted'
  | 'upstream_unavailable'
  | 'store_unavailable'
  | 'revoked'
  | 'draining'
  | 'overloaded'
  // a call that could not be made
  | 'not_open'
  | 'invalid_options'
  | 'invalid_protocol'
  | 'invalid_credential'
  | 'invalid_url'
  | 'invalid_close'
  | (string & {});

/** Beside these, every code that begins `invalid_`. */
const FINAL: readonly string[] = [
  'not_logged_in',
  'forbidden',
  'origin_not_allowed',
  'not_found',
  'tickets_disabled',
  'bad_answer',
  'token_failed',
  'revoked',
  'aborted',
  'closed_by_upstream',
  'not_open',
];

/** Whether what failed with this code would only fail again. */
export function isFinal(code: string): boolean {
  return code.startsWith('invalid_') || FINAL.includes(code);
}

/** Everything about an {@link AdmitError} but its message. */
export interface AdmitErrorDetails {
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly problemCode?: string | undefined;
  readonly problem?:
    | { readonly title?: string | undefined; readonly detail?: string | undefined }
    | undefined;
  readonly close?: { readonly code: number; readonly reason: string } | undefined;
  readonly cause?: unknown;
}

/** Every error that this package makes. Messages never hold a ticket or token. */
export class AdmitError extends Error {
  override readonly name = 'AdmitError';
  /** What went wrong, for programs. */
  readonly code: AdmitErrorCode;
  /** The HTTP status of the gateway's answer. */
  declare readonly status: number | undefined;
  /** How long the gateway asked to wait, in milliseconds. */
  declare readonly retryAfterMs: number | undefined;
  /** The gateway's own code, where `code` is coarser (`unavailable` for `store_unavailable`). */
  declare readonly problemCode: string | undefined;
  /** What the gateway said for people to read. */
  declare readonly problem:
    | { readonly title?: string | undefined; readonly detail?: string | undefined }
    | undefined;
  /** The Close that was received. */
  declare readonly close: { readonly code: number; readonly reason: string } | undefined;

  constructor(code: AdmitErrorCode, message: string, details: AdmitErrorDetails = {}) {
    super(message, details);
    this.code = code;
    Object.assign(this, details);
  }

  /** Whether the person has to log in before anything else can help. */
  requiresLogin(): boolean {
    return this.code === 'not_logged_in' || this.code === 'revoked';
  }

  /** Whether the same thing, tried later, may succeed. */
  retryable(): boolean {
    return !isFinal(this.code);
  }
}
