/** What a client does after a Close of ours: mint a fresh ticket and reconnect, or stop. */
export type CloseNext = 'mint_again' | 'stop';

/** What a Close of ours says. The name may be one that this version does not know. */
export interface CloseReading {
  /** Such as `session_expired`. */
  readonly name: string;
  /** What to do about it. */
  readonly next: CloseNext;
}

/** Every Close that AdmitOne sends, by name. Applications' own codes lie outside of it. */
export const CLOSE_CODES = {
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
type CloseName = keyof typeof CLOSE_CODES;

/** The code of a name of the table. */
export function closeCodeOf(name: string): number | undefined {
  return Object.hasOwn(CLOSE_CODES, name) ? CLOSE_CODES[name as CloseName] : undefined;
}

/**
 * Reads a Close that was received. `undefined` means that it is not ours: its code means what the application says it
 * means. A known name decides; an unknown one goes by the band of its code.
 */
export function readClose(code: number, reason: string): CloseReading | undefined {
  const name = /^admitone:([a-z0-9_]{1,64})$/.exec(reason)?.[1];
  return name ? { name, next: nextByBand(closeCodeOf(name) ?? code) } : undefined;
}

function nextByBand(code: number): CloseNext {
  return (code > 4799 && code < 4900) || code === 1012 || code === 1013 ? 'mint_again' : 'stop';
}
