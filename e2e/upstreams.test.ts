// The upstreams of examples/, behind the gateway and asked past it.
import { createHmac, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import { admitSocket } from '../packages/admitone/src/index.js';
import { freePort } from './free-port.js';
import { RestartableGateway } from './restartable-gateway.js';
import { STARTS, UpstreamExample } from './upstream-examples.js';

const ISSUER = 'https://login.example';
const TYPE = 'admitone-assertion+jwt';

let folder: string;
let gateway: RestartableGateway;
let key: KeyObject;
let ports: Record<string, number>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'admitone-upstreams-'));
  ports = Object.fromEntries(
    await Promise.all(Object.keys(STARTS).map(async (name) => [name, await freePort()])),
  );
  await newKey();
  gateway = await RestartableGateway.serve(
    Object.fromEntries(Object.entries(ports).map(([name, port]) => [`/${name}`, `ws://127.0.0.1:${port}/`])),
    { route: 'upstream_assertion = true', tables: `[assertion]\nkey_file = "${join(folder, 'key.pem')}"\n` },
  );
});

afterAll(async () => {
  await gateway?.kill();
  await rm(folder, { recursive: true });
});

/** The gateway has it when it starts. */
async function newKey(): Promise<void> {
  key = generateKeyPairSync('ed25519').privateKey;
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  await writeFile(join(folder, 'key.pem'), pem, { mode: 0o600 });
}

async function published(): Promise<{ kid: string; x: string }> {
  const { keys } = await (await fetch(`${gateway.url}/.well-known/jwks.json`)).json();
  return keys[0];
}

describe.each(Object.keys(STARTS))('the upstream in %s', (name) => {
  let upstream: UpstreamExample;

  beforeAll(async () => {
    const start = STARTS[name]?.();
    if (!start) throw new Error(`${name} is not there`);
    upstream = await UpstreamExample.start(start, gateway.url, `/${name}`, ports[name] ?? 0);
  });
  afterAll(() => upstream?.stop());

  /** A socket through the gateway, as a page's: what is said first, and in answer. */
  async function talk(person: string): Promise<string[]> {
    const login = gateway.logIn(person);
    const token = () => login;
    const Admitted = admitSocket({ gateway: gateway.url, token, WebSocket: NodeWebSocket });
    const socket = new Admitted(gateway.socket(`/${name}`));
    const said: string[] = [];
    socket.addEventListener('message', ({ data }) => {
      said.push(data);
      if (said.length === 1) socket.send('good morning');
      else socket.close();
    });
    await once(socket, 'close');
    return said;
  }

  /** The claims that the gateway would assert, and others instead. */
  function claims(others: object = {}): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    const person = { sub: 'ada', login_issuer: ISSUER, jti: randomUUID() };
    return { iss: gateway.url, aud: `/${name}`, ...person, iat: now, exp: now + 60, ...others };
  }

  /** By the gateway's key, unless it is told of another. */
  async function assertion(others: object = {}, { typ = TYPE, by = key } = {}): Promise<string> {
    const { kid } = await published();
    return new SignJWT(claims(others)).setProtectedHeader({ alg: 'EdDSA', typ, kid }).sign(by);
  }

  function identity(token?: string, subject = 'ada'): Record<string, string> {
    const headers = { 'x-admitone-subject': subject, 'x-admitone-issuer': ISSUER };
    return token === undefined ? headers : { ...headers, 'x-admitone-assertion': token };
  }

  test('it knows who comes through the gateway, and goes on with a key that is new', async () => {
    expect(await talk('ada')).toEqual(['hello ada', 'ada: good morning']);
    await gateway.kill();
    await newKey();
    await gateway.start();
    await expect.poll(() => talk('bob'), { timeout: 20_000 }).toEqual(['hello bob', 'bob: good morning']);
  });

  test('an assertion is for one socket', async () => {
    const headers = identity(await assertion());
    expect(await upstream.ask(headers)).toBe('hello ada');
    expect(await upstream.ask(headers)).toBe(403);
    expect(await upstream.ask(identity(await assertion()))).toBe('hello ada');
  });

  test('without an assertion nobody is believed', async () => {
    expect(await upstream.ask({})).toBe(403);
    expect(await upstream.ask(identity())).toBe(403);
    expect(await upstream.ask(identity(''))).toBe(403);
    expect(await upstream.ask(identity('spoofed'))).toBe(403);
  });

  test.each([
    ['for another route', { aud: '/elsewhere' }],
    ['for none', { aud: undefined }],
    ['of another gateway', { iss: 'https://gw.example' }],
    ['that has ended', { exp: Math.floor(Date.now() / 1000) - 1 }],
    ['that never ends', { exp: undefined }],
    ['without a name of its own', { jti: undefined }],
    ['of another person than the headers', { sub: 'eve' }],
    ["of another issuer's person", { login_issuer: 'https://other.example' }],
  ])('an assertion %s is refused', async (_, others) => {
    expect(await upstream.ask(identity(await assertion(others)))).toBe(403);
  });

  test('a token of another type is no assertion', async () => {
    expect(await upstream.ask(identity(await assertion({}, { typ: 'at+jwt' })))).toBe(403);
  });

  test('a forged signature is refused: by another key, of other claims, by a public key as secret, or none', async () => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    expect(await upstream.ask(identity(await assertion({}, { by: stranger })))).toBe(403);

    const [header, , signature] = (await assertion()).split('.');
    const edited = `${header}.${part(claims({ sub: 'eve' }))}.${signature}`;
    expect(await upstream.ask(identity(edited, 'eve'))).toBe(403);

    const { kid, x } = await published();
    const input = `${part({ alg: 'HS256', typ: TYPE, kid })}.${part(claims())}`;
    const mac = createHmac('sha256', Buffer.from(x, 'base64url')).update(input).digest('base64url');
    expect(await upstream.ask(identity(`${input}.${mac}`))).toBe(403);
    expect(await upstream.ask(identity(`${part({ alg: 'none', typ: TYPE, kid })}.${part(claims())}.`))).toBe(
      403,
    );
  });
});

function part(content: object): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}
