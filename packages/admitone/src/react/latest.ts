import { useInsertionEffect, useRef } from 'react';

/** What the latest render was given, for callbacks that come later. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}

/**
 * Options as text: equal for objects that a component writes anew in every render. Functions are not in it, nor the source and the
 * flag, which is asked for when it matters.
 */
export function textOf({
  source,
  enabled,
  ...plain
}: {
  readonly source?: unknown;
  readonly enabled?: unknown;
}): string {
  try {
    return JSON.stringify(plain);
  } catch {
    // What is no JSON is named as soon as the options are used.
    return '';
  }
}

/** What the flag says now. */
export function isEnabled({ enabled = true }: { readonly enabled?: boolean | (() => boolean) }): boolean {
  return typeof enabled === 'function' ? enabled() : enabled;
}
