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
 * @throws AdmitError `aborted`, or `timeout`
 */
export async function within<T>(
  ms: number,
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const over = pause(ms, outer, inner.signal).then(() => {
    throw outer?.aborted
      ? new AdmitError('aborted', 'ended by its caller')
      : new AdmitError('timeout', `no answer within ${ms} ms`);
  });
  try {
    return await Promise.race(outer?.aborted ? [over] : [over, run(inner.signal)]);
  } finally {
    inner.abort();
  }
}

/** Waits until the time is over, or one of the signals aborts. */
export function pause(ms: number, ...signals: (AbortSignal | undefined)[]): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = after(ms, end);
    for (const signal of signals) signal?.addEventListener('abort', end);
    if (signals.some((signal) => signal?.aborted)) end();
  });
}
