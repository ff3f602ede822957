// Browsers over TLS: they upgrade over HTTP/2 by themselves, and the gateway says that they did.
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, firefox } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { CHROMIUM, FIREFOX } from './chromium.mjs';
import { Gateway } from './gateway-process.js';

const SECRET = 'a secret of the tests, as long as HS256 wants it';

let folder: string;
let site: Server;
let upstream: WebSocketServer;
let gateway: Gateway;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'admitone-http2-'));
  site = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html>'));
  site.listen(0, '127.0.0.1');
  upstream = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  upstream.on('connection', (socket) => socket.on('message', (text) => socket.send(`${text}`)));
  await Promise.all([once(site, 'listening'), once(upstream, 'listening')]);
  selfSign();
  gateway = await Gateway.serve(configuration(), {
    'issuer.secret': SECRET,
    'tls.pem': await readFile(join(folder, 'tls.pem'), 'utf8'),
    'tls.key': await readFile(join(folder, 'tls.key'), 'utf8'),
  });
});

afterAll(async () => {
  await gateway?.stop();
  upstream?.close();
  site?.closeAllConnections();
  site?.close();
  await rm(folder, { recursive: true });
});

function selfSign(): void {
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1';
  const files = ['-keyout', join(folder, 'tls.key'), '-out', join(folder, 'tls.pem')];
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...request.split(' '), ...names, ...files], { stdio: 'pipe' });
}

function origin(): string {
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}

function configuration(): string {
  return `
[server]
listen = "127.0.0.1:0"
[server.tls]
cert_file = "tls.pem"
key_file = "tls.key"
[audit]
to = "file"
path = "${join(folder, 'audit.log')}"
[[issuers]]
name = "tests"
issuer = "https://id.example.com"
audience = "admitone"
algorithms = "HS256"
secret_file = "issuer.secret"
require_at_jwt = false
[[routes]]
path = "/chat"
upstream = "ws://127.0.0.1:${(upstream.address() as AddressInfo).port}/"
origins = ["${origin()}"]
`;
}

function login(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: 'https://id.example.com', aud: 'admitone', sub: 'ada', iat: now, exp: now + 600 };
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims];
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

interface Seen {
  readonly protocol: string;
  readonly echo: string;
  readonly code: number;
  readonly reason: string;
}

/** Runs in the page: mints, opens, echoes, signs out. */
async function live({ gateway, token }: { gateway: string; token: string }): Promise<Seen> {
  // A browser upgrades over HTTP/2 where it has such a connection already, and one with cookies is another than one without.
  await fetch(`${gateway}/healthz`, { mode: 'no-cors', credentials: 'include' });
  const headers = { authorization: `Bearer ${token}` };
  const minted = await (await fetch(`${gateway}/auth/ticket`, { method: 'POST', headers })).json();
  const socket = new WebSocket(minted.websocket_url, minted.protocols);
  const echo = await new Promise<string>((resolve, reject) => {
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`));
  });
  const closed = new Promise<CloseEvent>((resolve) => {
    socket.onclose = resolve;
  });
  await fetch(`${gateway}/auth/logout`, { method: 'POST', headers });
  const { code, reason } = await closed;
  return { protocol: socket.protocol, echo, code, reason };
}

/** What the audit log tells of sessions that were opened. */
async function openings(): Promise<unknown[]> {
  const lines = (await readFile(join(folder, 'audit.log'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'session_opened');
}

const BROWSERS = { Chromium: () => chromium.launch(CHROMIUM), Firefox: () => firefox.launch(FIREFOX) };

test.each(Object.entries(BROWSERS))(
  'S23: %s opens its socket over HTTP/2, and reads the Close of a revocation',
  async (_, launch) => {
    const browser = await launch();
    onTestFinished(() => browser.close());
    await writeFile(join(folder, 'audit.log'), '');
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(origin());
    const seen = await page.evaluate(live, {
      gateway: gateway.url.replace('http:', 'https:'),
      token: login(),
    });
    expect(seen).toEqual({ protocol: 'admitone.v1', echo: 'hello', code: 4900, reason: 'admitone:revoked' });
    // Lines are written beside what they tell of.
    const opened = expect.objectContaining({ route: '/chat', subject: 'ada', http: '2' });
    await expect.poll(openings).toEqual([opened]);
  },
);
