// Authorization code with PKCE (RFC 7636), by a page without a server of its own.
import { GATEWAY } from './settings.js';

const REDIRECT_URI = location.origin + location.pathname;
const UNDER_WAY = 'login-under-way';

/** Where people log in: at the gateway's first issuer with a client id, and what that says of itself. */
export async function findProvider() {
  const { issuers, endpoints } = await json(await fetch(new URL('/auth/config', GATEWAY)));
  const [first] = issuers;
  if (!first) throw new Error('the gateway has no issuer with a client_id');
  const issuer = first.issuer;
  const said = await json(await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`));
  if (said.issuer !== issuer) throw new Error(`${issuer} says that it is ${said.issuer}`);
  return {
    issuer,
    clientId: first.client_id,
    gatewayLogout: endpoints.logout,
    authorization: said.authorization_endpoint,
    token: said.token_endpoint,
    endSession: said.end_session_endpoint,
  };
}

/** Leaves the page for the provider's login form. */
export async function startLogin(provider) {
  const [state, verifier] = [random(), random()];
  sessionStorage.setItem(UNDER_WAY, JSON.stringify({ state, verifier }));
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  leaveFor(provider.authorization, {
    client_id: provider.clientId,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'openid email',
    state,
    code_challenge: base64url(new Uint8Array(hash)),
    code_challenge_method: 'S256',
  });
}

/** The ID token, where the provider has just sent the person back; else null. It is kept nowhere. */
export async function finishLogin(provider) {
  const answer = new URLSearchParams(location.search);
  if (!answer.has('state')) return null;
  const { state, verifier } = JSON.parse(sessionStorage.getItem(UNDER_WAY) ?? '{}');
  sessionStorage.removeItem(UNDER_WAY);
  history.replaceState(null, '', REDIRECT_URI);
  if (answer.get('state') !== state) throw new Error('this page has not asked for that login');
  if (answer.has('iss') && answer.get('iss') !== provider.issuer)
    throw new Error(`the answer is of ${answer.get('iss')}, not of ${provider.issuer}`);
  if (!answer.has('code')) throw new Error(`not logged in: ${answer.get('error')}`);
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: provider.clientId,
    code: answer.get('code'),
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
  });
  return (await json(await fetch(provider.token, { method: 'POST', body }))).id_token;
}

/**
 * Ends the login at the gateway, with every socket of it, then leaves the page to end it at the provider too: else the next
 * login would be of the same login session, without a form, and the gateway refuses that one.
 */
export async function logOut(provider, idToken) {
  const headers = { authorization: `Bearer ${idToken}` };
  const ended = await fetch(provider.gatewayLogout, { method: 'POST', headers });
  // 401: it was over already.
  if (!ended.ok && ended.status !== 401) throw new Error(`${ended.url} answered ${ended.status}`);
  leaveFor(provider.endSession, {
    client_id: provider.clientId,
    post_logout_redirect_uri: REDIRECT_URI,
  });
}

function leaveFor(address, parameters) {
  const url = new URL(address);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

async function json(response) {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return response.json();
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
