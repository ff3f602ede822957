import { readFileSync } from 'node:fs';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Row = { readonly [key: string]: Json };

/** Reads a vector file and refuses one with another format or with sections that are not named here. */
export function readVectors(file: string, sections: readonly string[]): Record<string, Row[]> {
  const text = readFileSync(new URL(`../../../spec/vectors/${file}`, import.meta.url), 'utf8');
  const { format, ...rest } = JSON.parse(text) as Record<string, Row[]> & { format: number };
  if (format !== 1) throw new Error(`${file}: format ${format} is not known`);
  expectFields(rest, sections, file);
  for (const section of sections) {
    if (!rest[section]?.length) throw new Error(`${file}: ${section} is empty or missing`);
  }
  return rest;
}

/** Throws on a field that is not in the list: a vector must never be half read. */
export function expectFields(row: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(row).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw new Error(`${where}: unknown field ${unknown.join(', ')}`);
}

/** `retry_after_ms` → `retryAfterMs`, in keys alone and at every depth. */
export function camelKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camelKeys(inner),
    ]),
  );
}
