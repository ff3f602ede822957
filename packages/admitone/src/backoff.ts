/**
 * How long to wait before a retry: full jitter under a window that doubles, and what the gateway asked for beside it.
 *
 * @param retry counted from 1
 * @param random a number in [0, 1)
 * @returns milliseconds
 */
export function backoffMs(
  retry: number,
  baseMs: number,
  capMs: number,
  random: () => number,
  retryAfterMs = 0,
): number {
  return retryAfterMs + Math.floor(random() * Math.min(capMs, baseMs * 2 ** (retry - 1)));
}
