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

const row = <N extends string>(code: number, name: N, next: CloseNext) => ({
  code,
  name,
  reason: `admitone:${name}`,
  next,
});

/** Every Close that AdmitOne sends. Applications' own codes lie outside of it. */
export const CLOSE_CODES = /* @__PURE__ */ Object.freeze([
  /* @__PURE__ */ row(4800, 'session_expired', 'mint_again'),
  /* @__PURE__ */ row(4801, 'ticket_not_accepted', 'mint_again'),
  /* @__PURE__ */ row(4802, 'upstream_unavailable', 'mint_again'),
  /* @__PURE__ */ row(4803, 'over_limit', 'mint_again'),
  /* @__PURE__ */ row(4804, 'store_unavailable', 'mint_again'),
  /* @__PURE__ */ row(4900, 'revoked', 'stop'),
  /* @__PURE__ */ row(4901, 'not_logged_in', 'stop'),
  /* @__PURE__ */ row(4902, 'forbidden', 'stop'),
  /* @__PURE__ */ row(1012, 'draining', 'mint_again'),
  /* @__PURE__ */ row(1013, 'overloaded', 'mint_again'),
]);

/** The names of the close table. */
export type CloseName = (typeof CLOSE_CODES)[number]['name'];

/**
 * Reads a Close that was received. `undefined` means that it is not ours: its code means what the application says it
 * means. A known name decides; an unknown one goes by the band of its code.
 */
export function readClose(code: number, reason: string): CloseReading | undefined {
  const name = /^admitone:([a-z0-9_]{1,64})$/.exec(reason)?.[1];
  if (name === undefined) return undefined;
  const known = CLOSE_CODES.find((row) => row.name === name);
  return { name, next: known?.next ?? nextByBand(code) };
}

/** Whether AdmitOne, and not the upstream, closed the socket. Takes a `CloseEvent` or anything shaped like one. */
export function isAdmitClose(close: { readonly code: number; readonly reason: string }): boolean {
  return readClose(close.code, close.reason) !== undefined;
}

function nextByBand(code: number): CloseNext {
  return (code >= 4800 && code <= 4899) || code === 1012 || code === 1013 ? 'mint_again' : 'stop';
}
