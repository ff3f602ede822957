import { useInsertionEffect, useRef } from 'react';

/** What the latest render was given, for callbacks that come later. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}

/** Options as text: equal for objects that a component writes anew in every render. Functions and the source are not in it. */
export function textOf({ source: _, ...plain }: { readonly source?: unknown }): string {
  try {
    return JSON.stringify(plain);
  } catch {
    // What is no JSON is named as soon as the options are used.
    return '';
  }
}
