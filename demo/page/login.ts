import type { Demo, Person } from './demo-json.js';

/** A token of the development issuer, and whose it is. */
export interface Login {
  readonly person: Person;
  /** The JWT: a secret, never shown and never stored. */
  readonly token: string;
  /** Local time, in milliseconds, after which the token is worth nothing. */
  readonly endsAt: number;
}

/** What the gateway answered to a logout. */
export interface LogoutAnswer {
  readonly status: number;
  /** Time of the answer, as `performance.now()`. */
  readonly at: number;
}

const REFRESH_BEFORE_MS = 30_000;

/** Signs a person in at the development issuer. Throws an `Error` fit to be shown. */
export async function signIn(demo: Demo, person: Person): Promise<Login> {
  const asked = Date.now();
  const answer = await ask('the issuer', new URL('login', `${demo.issuer}/`), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ person: person.id }),
  });
  if (!answer.ok) throw new Error(`the issuer answered ${answer.status} to the login`);
  const json: unknown = await answer.json();
  const { token, expires_in: lifetime } = (json ?? {}) as { token?: unknown; expires_in?: unknown };
  if (typeof token !== 'string' || token === '') throw new Error('the issuer answered without a token');
  const seconds = typeof lifetime === 'number' && lifetime > 0 ? lifetime : 0;
  return { person, token, endsAt: asked + seconds * 1000 };
}

/** Whether the login should be replaced before it is used again. */
export function isStale(login: Login, now: number): boolean {
  return now > login.endsAt - REFRESH_BEFORE_MS;
}

/** Ends the login at the gateway: its tickets, its live sockets, and the token itself. */
export async function signOut(demo: Demo, login: Login): Promise<LogoutAnswer> {
  const answer = await ask('the gateway', new URL('auth/logout', `${demo.gateway}/`), {
    method: 'POST',
    headers: { authorization: `Bearer ${login.token}`, 'content-type': 'application/json' },
    body: '{}',
  });
  const at = performance.now();
  if (!answer.ok) throw new Error(`the gateway answered ${answer.status} to the logout`);
  return { status: answer.status, at };
}

async function ask(whom: string, url: URL, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (cause) {
    throw new Error(`${whom} could not be reached`, { cause });
  }
}
