/** What a client does after a Close of ours: mint a fresh ticket and reconnect, or stop. */
export type CloseNext = 'mint_again' | 'stop';

/** A row of the protocol's close table. */
export interface CloseCode {
  readonly code: number;
  readonly name: string;
  /** The whole reason in the Close frame: `admitone:<name>`. */
  readonly reason: string;
  readonly next: CloseNext;
}

/** What a Close of ours says. The name may be one that this version does not know. */
export interface CloseReading {
  readonly name: string;
  readonly next: CloseNext;
}

const CODES = {
  session_expired: 4800,
  ticket_not_accepted: 4801,
  upstream_unavailable: 4802,
  over_limit: 4803,
  store_unavailable: 4804,
  revoked: 4900,
  not_logged_in: 4901,
  forbidden: 4902,
  draining: 1012,
  overloaded: 1013,
} as const;

/** The names of the close table. */
export type CloseName = keyof typeof CODES;

/** Every Close that AdmitOne sends. Applications' own codes lie outside of it. */
export const CLOSE_CODES: readonly (CloseCode & { readonly name: CloseName })[] =
  /* @__PURE__ */ Object.entries(CODES).map(([name, code]) => ({
    code,
    name: name as CloseName,
    reason: `admitone:${name}`,
    next: nextByBand(code),
  }));

/** The code of a name of the table. */
export function closeCodeOf(name: string): number | undefined {
  return Object.hasOwn(CODES, name) ? CODES[name as CloseName] : undefined;
}

/**
 * Reads a Close that was received. `undefined` means that it is not ours: its code means what the application says it
 * means. A known name decides; an unknown one goes by the band of its code.
 */
export function readClose(code: number, reason: string): CloseReading | undefined {
  const name = /^admitone:([a-z0-9_]{1,64})$/.exec(reason)?.[1];
  return name ? { name, next: nextByBand(closeCodeOf(name) ?? code) } : undefined;
}

/** Whether AdmitOne, and not the upstream, closed the socket. Takes a `CloseEvent` or anything shaped like one. */
export function isAdmitClose(close: { readonly code: number; readonly reason: string }): boolean {
  return readClose(close.code, close.reason) !== undefined;
}

function nextByBand(code: number): CloseNext {
  return (code > 4799 && code < 4900) || code === 1012 || code === 1013 ? 'mint_again' : 'stop';
}
