import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, inject } from 'vitest';
import { test } from './visitor.js';

interface Ended {
  readonly selected: string;
  readonly code: number;
  readonly reason: string;
}

interface Minted {
  readonly websocket_url: string;
  readonly protocols: string[];
}

/** Mints as the demo page would, but from outside any browser. */
async function mintForThePage(): Promise<Minted> {
  const demo = inject('demo');
  const headers = { origin: demo.page, 'content-type': 'application/json' };
  const login = await fetch(`${demo.issuer}/login`, { method: 'POST', headers, body: '{"person":"ada"}' });
  const { token } = (await login.json()) as { token: string };
  const mint = await fetch(`${demo.gateway}/auth/ticket`, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${token}` },
    body: '{"route":"/chat"}',
  });
  expect(mint.status).toBe(201);
  return (await mint.json()) as Minted;
}

/** Opens a bare socket in a page and tells how it ended; one that is admitted is closed with 1000. */
function openSocket({ websocket_url, protocols }: Minted): Promise<Ended> {
  return new Promise((resolve) => {
    const socket = new WebSocket(websocket_url, protocols);
    let selected = '';
    socket.onopen = () => {
      selected = socket.protocol;
      if (selected !== 'admitone.refused') socket.close(1000);
    };
    socket.onclose = ({ code, reason }) => resolve({ selected, code, reason });
  });
}

const foreign = test.extend<{ foreignOrigin: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest wants the pattern to see that nothing is needed.
  foreignOrigin: async ({}, use) => {
    const server: Server = createServer((_, answer) => {
      answer.setHeader('content-type', 'text/html').end('<!doctype html><title>Another site</title>');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.closeAllConnections();
    server.close();
  },
});

foreign(
  'S2: a page of another origin cannot connect, and does not spend the ticket',
  async ({ newContext, foreignOrigin, visitor }) => {
    const minted = await mintForThePage();
    const page = await (await newContext()).newPage();
    await page.goto(foreignOrigin);
    const refused = await page.evaluate(openSocket, minted);
    expect(refused).toEqual({ selected: 'admitone.refused', code: 4902, reason: 'admitone:forbidden' });
    const admitted = await visitor.page.evaluate(openSocket, minted);
    expect(admitted).toMatchObject({ selected: 'admitone.v1', code: 1000 });
  },
);

/** Asks for a ticket with a worthless login, and tells what a page gets to see of the answer. */
function askForTicket(gateway: string): Promise<string> {
  const headers = { authorization: 'Bearer worthless' };
  return fetch(`${gateway}/auth/ticket`, { method: 'POST', headers }).then(
    ({ status }) => `answered ${status}`,
    () => 'not readable',
  );
}

foreign(
  'S3: the gateway answers the demo page, and no page of another origin',
  async ({ newContext, foreignOrigin, visitor }) => {
    const { gateway } = inject('demo');
    expect(await visitor.page.evaluate(askForTicket, gateway)).toBe('answered 401');
    await visitor.forgive(/401.*\/auth\/ticket\]$/);
    const page = await (await newContext()).newPage();
    await page.goto(foreignOrigin);
    expect(await page.evaluate(askForTicket, gateway)).toBe('not readable');
  },
);
