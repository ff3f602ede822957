import { AdmitError } from './errors.js';

type Rule = readonly [allowed: string, fits: (given: unknown) => boolean];

const isFunction = (given: unknown) => typeof given === 'function';
const isFlag = (given: unknown) => typeof given === 'boolean';
const FUNCTION: Rule = ['a function', isFunction];
const AMOUNT: Rule = ['a number from 0 on', (given) => Number.isFinite(given) && Number(given) >= 0];
const ANYTHING: Rule = ['', () => true];

/** What a page could get wrong before anything is sent, beside the numbers: those end in `Ms` or `Retries`. */
const RULES: Readonly<Record<string, Rule>> = {
  source: ['a TicketSource, or gateway and token', (given) => isFunction(Object(given).token)],
  gateway: ['an http(s) URL', (given) => hasScheme(given, /^http/)],
  token: FUNCTION,
  fetch: FUNCTION,
  WebSocket: FUNCTION,
  url: ['a ws(s) or http(s) URL', (given) => hasScheme(given, /^(ws|http)/)],
  metadata: ['an object of JSON', isJson],
  protocols: ['strings', (given) => [given].flat().every((item) => typeof item === 'string')],
  fallback: ["'none' or 'jwt'", (given) => given === 'none' || given === 'jwt'],
  enabled: ['a boolean or a function', (given) => isFlag(given) || isFunction(given)],
  autoConnect: ['a boolean', isFlag],
  retryCodes: ['integers', (given) => Array.isArray(given) && given.every(Number.isInteger)],
};

/**
 * Checks the options that are given, and that those required are.
 *
 * @throws AdmitError `invalid_options`, naming the option, what is allowed, and the type of what was given
 */
export function checkOptions(options: object, ...required: string[]): void {
  const given = Object(options) as Record<string, unknown>;
  for (const name of [...required, ...Object.keys(given)]) {
    const [allowed, fits] = RULES[name] ?? (/(Ms|Retries)$/.test(name) ? AMOUNT : ANYTHING);
    const value = given[name];
    if (value === undefined ? required.includes(name) : !fits(value))
      throw new AdmitError('invalid_options', `option ${name}: expected ${allowed}, got ${typeof value}`);
  }
}

/** Whether tickets are on. A flag that cannot be told turns nothing off. */
export function isOn(enabled: boolean | (() => boolean) = true): boolean {
  try {
    return Boolean(typeof enabled === 'function' ? enabled() : enabled);
  } catch {
    return true;
  }
}

/** A URL, relative ones counting from the page; nothing where it is none. */
export function parseUrl(given: unknown): URL | undefined {
  // In a page, whatever else becomes text is a relative URL.
  if (typeof given !== 'string' && !(given instanceof URL)) return undefined;
  try {
    return new URL(given, globalThis.location?.href);
  } catch {
    return undefined;
  }
}

function hasScheme(given: unknown, scheme: RegExp): boolean {
  return scheme.test(parseUrl(given)?.href ?? '');
}

function isJson(given: unknown): boolean {
  try {
    return /^\{/.test(JSON.stringify(given));
  } catch {
    return false;
  }
}
