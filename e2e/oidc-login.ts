import { createHash, randomBytes } from 'node:crypto';
import { PAGE, type RunningProvider } from './provider.mjs';

/** What a person has after logging in at the provider. */
export interface ProviderLogin {
  readonly idToken: string;
  /** Opaque. */
  readonly accessToken: string;
  /** The person's browser, as far as the provider knows it. */
  readonly browser: CookieJar;
}

/** A browser without a page: it keeps cookies and follows no redirect by itself. */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  async fetch(url: string | URL, options: RequestInit = {}): Promise<Response> {
    const headers = new Headers(options.headers);
    headers.set('cookie', [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    const response = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]?.split(/=(.*)/s) ?? [];
      if (value) this.#cookies.set(name, value);
      else this.#cookies.delete(name);
    }
    return response;
  }
}

/** Authorization code with PKCE, as a page does it, with the login form filled in. */
export async function logIn(
  provider: RunningProvider,
  name: string,
  redirectUri: string,
): Promise<ProviderLogin> {
  const browser = new CookieJar();
  const verifier = randomBytes(32).toString('base64url');
  const start = new URL('/auth', provider.issuer);
  start.search = new URLSearchParams({
    client_id: PAGE,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid email',
    state: randomBytes(8).toString('hex'),
    nonce: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString();
  const code = await codeFor(browser, start, name, redirectUri);
  const answer = await fetch(new URL('/token', provider.issuer), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: PAGE,
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  });
  const tokens = (await answer.json()) as { id_token: string; access_token: string };
  if (!answer.ok) throw new Error(`no tokens: ${JSON.stringify(tokens)}`);
  return { idToken: tokens.id_token, accessToken: tokens.access_token, browser };
}

async function codeFor(browser: CookieJar, start: URL, name: string, redirectUri: string): Promise<string> {
  let url = start;
  for (let hops = 0; hops < 10; hops += 1) {
    if (url.href.startsWith(redirectUri)) {
      const code = url.searchParams.get('code');
      if (!code) throw new Error(`no code: ${url.search}`);
      return code;
    }
    const form = url.pathname.startsWith('/interaction/')
      ? { method: 'POST', body: new URLSearchParams({ name }) }
      : {};
    const response = await browser.fetch(url, form);
    const location = response.headers.get('location');
    if (!location) throw new Error(`${url} leads nowhere: ${response.status} ${await response.text()}`);
    url = new URL(location, url);
  }
  throw new Error('too many redirects');
}

/** Logs out at the provider, which tells its clients over the back channel before it answers. */
export async function logOut(provider: RunningProvider, login: ProviderLogin): Promise<void> {
  const end = new URL('/session/end', provider.issuer);
  end.searchParams.set('id_token_hint', login.idToken);
  const page = await (await login.browser.fetch(end)).text();
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1];
  if (!xsrf) throw new Error(`no logout form: ${page}`);
  const confirmed = await login.browser.fetch(new URL('/session/end/confirm', provider.issuer), {
    method: 'POST',
    body: new URLSearchParams({ xsrf, logout: 'yes' }),
  });
  if (confirmed.status >= 400) throw new Error(`not logged out: ${confirmed.status}`);
}
