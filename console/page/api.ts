/** Nobody is signed in, or not any more. */
export class SignedOut extends Error {
  constructor() {
    super('Sign in first.');
  }
}

/** Asks the gateway that serves this page. An `Error` that it throws is fit to be shown. */
export async function get(path: string): Promise<unknown> {
  return answer(await asked(path, { headers: { accept: 'application/json' } }));
}

/** Tells it to do something. */
export async function post(path: string, body: object): Promise<unknown> {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  return answer(await asked(path, { method: 'POST', headers, body: JSON.stringify(body) }));
}

/** Whether this browser is signed in: asking for anything else without would be an error on its console. */
export async function isSignedIn(): Promise<boolean> {
  const { signed_in } = (await get('login')) as { signed_in?: unknown };
  return signed_in === true;
}

/** Trades the operators' secret for a cookie. */
export async function signIn(secret: string): Promise<void> {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  const told = await asked('login', { method: 'POST', headers, body: JSON.stringify({ secret }) });
  if (told.status === 401) throw new Error('That is not the operators’ secret.');
  await answer(told);
}

/** Ends it. */
export async function signOut(): Promise<void> {
  await answer(await asked('logout', { method: 'POST' }));
}

async function asked(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch {
    throw new Error('The gateway does not answer.');
  }
}

async function answer(response: Response): Promise<unknown> {
  if (response.status === 401) throw new SignedOut();
  const text = await response.text();
  if (response.ok) return text === '' ? undefined : JSON.parse(text);
  throw new Error(problem(response.status, text));
}

/** What a problem (RFC 9457) says, in a sentence or two. */
export function problem(status: number, text: string): string {
  try {
    const { title, detail, errors } = JSON.parse(text) as Record<string, unknown>;
    const faults = Array.isArray(errors) ? errors.map(({ field, detail }) => `${field}: ${detail}.`) : [];
    const parts = [title, detail === undefined ? undefined : `${sentence(String(detail))}`, ...faults];
    return parts.filter((part) => part !== undefined && part !== '').join(' ');
  } catch {
    return `The gateway answered with status ${status}.`;
  }
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return capital.endsWith('.') ? capital : `${capital}.`;
}
