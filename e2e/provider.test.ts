import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Gateway } from './gateway-process.js';
import { logIn, logOut } from './oidc-login.js';
import { GATEWAY, PAGE, RunningProvider } from './provider.mjs';

const ORIGIN = 'http://127.0.0.1:3000';
const REDIRECT_URI = `${ORIGIN}/callback`;
/** A second, and what a busy machine adds: the provider is one of this process. */
const IN_TIME_MS = 3_000;

let provider: RunningProvider;
let upstream: WebSocketServer;
let gateway: Gateway;

beforeAll(async () => {
  provider = await RunningProvider.start([REDIRECT_URI]);
  upstream = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  upstream.on('connection', (socket) => socket.on('message', (text) => socket.send(`${text}`)));
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  gateway = await Gateway.serve(configuration(provider.issuer, port), { 'client.secret': GATEWAY.secret });
  provider.tellLogoutsTo(`${gateway.url}/auth/backchannel-logout`);
});

afterAll(async () => {
  await gateway?.stop();
  upstream?.close();
  await provider?.stop();
  expect(provider?.errors).toEqual([]);
});

function configuration(issuer: string, upstreamPort: number): string {
  return `
[server]
listen = "127.0.0.1:0"
[[issuers]]
name = "provider"
issuer = "${issuer}"
allowed_networks = ["127.0.0.1"]
token_kind = "id"
client_id = "${PAGE}"
algorithms = "RS256"
discovery = true
[issuers.introspection]
url = "${issuer}/token/introspection"
client_id = "${GATEWAY.id}"
secret_file = "client.secret"
max_cache_seconds = 0
danger_any_audience = true
[[routes]]
path = "/chat"
upstream = "ws://127.0.0.1:${upstreamPort}/"
origins = ["${ORIGIN}"]
jwt_fallback = "allow"
`;
}

interface Minted {
  readonly protocols: string[];
  readonly websocket_url: string;
}

function mint(token: string): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, origin: ORIGIN };
  return fetch(`${gateway.url}/auth/ticket`, { method: 'POST', headers });
}

async function minted(token: string): Promise<Minted> {
  const answer = await mint(token);
  expect(answer.status, await answer.clone().text()).toBe(201);
  return (await answer.json()) as Minted;
}

async function connect(token: string): Promise<WebSocket> {
  const { protocols } = await minted(token);
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/chat`, protocols, { origin: ORIGIN });
  await once(socket, 'open');
  socket.send('hello');
  const [echo] = await once(socket, 'message');
  expect(`${echo}`).toBe('hello');
  return socket;
}

test('a code with PKCE becomes an ID token, the ID token a ticket, the ticket a socket', async () => {
  const ada = await logIn(provider, 'ada', REDIRECT_URI);
  (await connect(ada.idToken)).close();
  const { client_id } =
    ((await (await fetch(`${gateway.url}/auth/config`)).json()) as Config).issuers[0] ?? {};
  expect(client_id).toBe(PAGE);
});

interface Config {
  readonly issuers: readonly { client_id?: string }[];
}

test('F15: a key that the provider has rotated to is accepted at once', async () => {
  const before = await logIn(provider, 'ada', REDIRECT_URI);
  await minted(before.idToken);
  await provider.rotate();
  const after = await logIn(provider, 'ada', REDIRECT_URI);
  await minted(after.idToken);
  await minted(before.idToken);
});

test('S14: an opaque access token is introspected, and denied once it is revoked', async () => {
  const ada = await logIn(provider, 'ada', REDIRECT_URI);
  expect(ada.accessToken).not.toContain('.');
  await minted(ada.accessToken);
  const revoked = await fetch(new URL('/token/revocation', provider.issuer), {
    method: 'POST',
    body: new URLSearchParams({ client_id: PAGE, token: ada.accessToken }),
  });
  expect(revoked.status).toBe(200);
  expect((await mint(ada.accessToken)).status).toBe(401);
  expect((await mint('no such token')).status).toBe(401);
});

test('S5: logging out at the provider closes the live socket within a second and ends the login', async () => {
  const [ada, grace] = [
    await logIn(provider, 'ada', REDIRECT_URI),
    await logIn(provider, 'grace', REDIRECT_URI),
  ];
  const [adas, graces] = [await connect(ada.idToken), await connect(grace.idToken)];
  const closed = once(adas, 'close');
  const began = performance.now();
  await logOut(provider, ada);
  const [code, reason] = await closed;
  expect(performance.now() - began).toBeLessThan(IN_TIME_MS);
  expect([code, `${reason}`]).toEqual([4900, 'admitone:revoked']);
  expect((await mint(ada.idToken)).status).toBe(401);
  const again = await logIn(provider, 'ada', REDIRECT_URI);
  await minted(again.idToken);
  graces.send('still here');
  const [echo] = await once(graces, 'message');
  expect(`${echo}`).toBe('still here');
  graces.close();
});

test('a provider that is down keeps nobody out whose keys are known', async () => {
  const ada = await logIn(provider, 'ada', REDIRECT_URI);
  await provider.stop();
  await minted(ada.idToken);
  const opaque = await mint(ada.accessToken);
  expect([opaque.status, opaque.headers.get('retry-after')]).toEqual([503, '2']);
  expect(((await opaque.json()) as { code: string }).code).toBe('issuer_unavailable');
});
