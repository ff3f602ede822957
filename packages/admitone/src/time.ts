import { AdmitError } from './errors.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A timer that fires late rather than at once where the time is more than one can hold. */
export function after(ms: number, run: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(run, Math.min(ms, LONGEST_TIMER_MS));
}

/**
 * Milliseconds since the call. Where the steady clock stands still while the machine sleeps, the other one counts; that one
 * may be wrong or set back, since only its differences do.
 */
export function stopwatch(): () => number {
  const steady = performance.now();
  const wall = Date.now();
  return () => Math.max(performance.now() - steady, Date.now() - wall);
}

/**
 * Runs until it ends, or the time is over, or the caller's signal aborts. What it is given aborts in each of these cases; the
 * timer and the listener are gone.
 *
 * @throws AdmitError `aborted`, or what `late` makes
 */
export async function within<T>(
  ms: number,
  late: () => AdmitError,
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const over = pause(ms, outer, inner.signal).then(() => Promise.reject(late()));
  try {
    return await Promise.race([over, outer?.aborted ? over : run(inner.signal)]);
  } finally {
    inner.abort();
  }
}

/**
 * Waits, and not for its end once `unneeded`.
 *
 * @throws AdmitError `aborted`
 */
export function pause(ms: number, signal?: AbortSignal, unneeded?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const abort = () => {
      forget();
      reject(new AdmitError('aborted', 'ended by its caller'));
    };
    const timer = after(ms, () => {
      forget();
      resolve();
    });
    signal?.addEventListener('abort', abort);
    unneeded?.addEventListener('abort', forget);
    if (signal?.aborted) abort();
  });
}
