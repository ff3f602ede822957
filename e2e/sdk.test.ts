// The SDK outside of any browser, over sockets of Node, against the real gateway.
import { once } from 'node:events';
import { expect, inject, test } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import {
  AdmitConnection,
  type AdmitErrorEvent,
  admitSocket,
  createTicketSource,
  readClose,
} from '../packages/admitone/src/index.js';

/** Signs a person in; every call is a login of its own. */
async function signIn(person: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ person });
  const answer = await fetch(`${inject('demo').issuer}/login`, { method: 'POST', headers, body });
  const { token } = (await answer.json()) as { token: string };
  return token;
}

async function signOut(token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  await fetch(`${inject('demo').gateway}/auth/logout`, { method: 'POST', headers, body: '{}' });
}

function chatUrl(): string {
  return `${inject('demo').gateway.replace(/^http/, 'ws')}/chat`;
}

function next<E extends Event>(target: EventTarget, type: string): Promise<E> {
  return new Promise((resolve) =>
    target.addEventListener(type, (event) => resolve(event as E), { once: true }),
  );
}

test('admitSocket opens a socket, shows no marker, and every socket has a session of its own', async () => {
  const token = await signIn('ada');
  const Admitted = admitSocket({
    gateway: inject('demo').gateway,
    token: () => token,
    WebSocket: NodeWebSocket,
  });
  const sessions = [];
  for (let count = 0; count < 2; count += 1) {
    const socket = new Admitted(chatUrl());
    const first = next<MessageEvent>(socket, 'message');
    await next(socket, 'open');
    expect([socket.protocol, socket.url, socket.method]).toEqual(['', chatUrl(), 'ticket']);
    expect(JSON.parse((await first).data)).toHaveProperty('type');
    sessions.push(socket.handshake?.sessionId);
    socket.close(1000);
    expect(await next(socket, 'close')).toMatchObject({ code: 1000, wasClean: true });
  }
  expect(new Set(sessions).size).toBe(2);
});

test('F26: a ticket that was spent elsewhere never opens, and its Close says to mint again', async () => {
  const token = await signIn('ada');
  const source = createTicketSource({ gateway: inject('demo').gateway, token: () => token });
  const spent = await source.acquire({ route: '/chat' });
  const bare = new NodeWebSocket(spent.websocketUrl, [...spent.protocols]);
  await once(bare, 'open');
  bare.close();
  const Admitted = admitSocket({
    source: { ...source, acquire: async () => spent },
    WebSocket: NodeWebSocket,
  });
  const socket = new Admitted(chatUrl());
  const seen: string[] = [];
  for (const type of ['open', 'message', 'error']) socket.addEventListener(type, () => seen.push(type));
  const { code, reason, wasClean } = await next<CloseEvent>(socket, 'close');
  expect(seen).toEqual(['error']);
  expect({ code, reason, wasClean }).toEqual({
    code: 4801,
    reason: 'admitone:ticket_not_accepted',
    wasClean: true,
  });
  expect(readClose(code, reason)?.next).toBe('mint_again');
});

test('after a logout the socket ends with 4900, and the next one gets no ticket: 4901', async () => {
  const token = await signIn('ada');
  const Admitted = admitSocket({
    gateway: inject('demo').gateway,
    token: () => token,
    WebSocket: NodeWebSocket,
  });
  const socket = new Admitted(chatUrl());
  await next(socket, 'open');
  const ended = next<CloseEvent>(socket, 'close');
  await signOut(token);
  expect(await ended).toMatchObject({ code: 4900, reason: 'admitone:revoked' });
  const again = new Admitted(chatUrl());
  const failed = next<AdmitErrorEvent>(again, 'error');
  expect(await next<CloseEvent>(again, 'close')).toMatchObject({
    code: 4901,
    reason: 'admitone:not_logged_in',
  });
  expect((await failed).error).toMatchObject({ code: 'not_logged_in', status: 401 });
});

test('a connection takes the ticket that was minted ahead, in no more round trips', async () => {
  const token = await signIn('ada');
  let asked = 0;
  const counting: typeof fetch = (...request) => {
    asked += 1;
    return fetch(...request);
  };
  const source = createTicketSource({ gateway: inject('demo').gateway, token: () => token, fetch: counting });
  await source.prefetch('/chat');
  const connection = new AdmitConnection({ source, url: chatUrl(), WebSocket: NodeWebSocket });
  await next(connection, 'open');
  expect([asked, source.stats.prefetched]).toEqual([1, 1]);
  connection.close();
  await next(connection, 'close');
});
