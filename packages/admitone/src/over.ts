import { readClose } from './close-codes.js';
import { AdmitError } from './errors.js';

/**
 * Whether a library may stop: of an `error` or a `close` of an `AdmitSocket`, that another attempt would only end the same way.
 * Of anything else it says no.
 *
 * ```ts
 * createClient({ url, webSocketImpl: Socket, shouldRetry: (event) => !isOver(event) });
 * ```
 */
export function isOver(event: unknown): boolean {
  const { code, reason, error } = Object(event) as Partial<CloseEvent> & { readonly error?: unknown };
  if (error instanceof AdmitError) return !error.retryable();
  return readClose(Number(code), String(reason))?.next === 'stop';
}
