// The drop-in in the browsers that people have.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WebSocket as NodeSocket, WebSocketServer } from 'ws';
import { REAL_BROWSERS, type RealBrowser } from './real-browsers.js';
import { RestartableGateway } from './restartable-gateway.js';
import { SdkPages } from './sdk-page.js';
import { type Observed, observe } from './socket-observations.js';

let pages: SdkPages;
let upstream: WebSocketServer;
let gateway: RestartableGateway;

beforeAll(async () => {
  pages = await SdkPages.serve();
  upstream = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    handleProtocols: (offered) => offered.has('chat') && 'chat',
  });
  upstream.on('connection', (socket) => {
    const act: Readonly<Record<string, () => void>> = {
      close: () => socket.close(4321, 'as you like'),
      hello: () => socket.send('{"said":"hello"}'),
      // A Ping between two fragments: its Pong says that the page has the first.
      begin: () => {
        socket.send('the first part of', { fin: false });
        socket.ping();
      },
    };
    socket.on('message', (data, isBinary) => {
      const known = act[`${data}`];
      if (known) known();
      else socket.send(data, { binary: isBinary });
    });
  });
  await once(upstream, 'listening');
  gateway = await RestartableGateway.serve({ '/chat': direct() }, { origins: [pages.origin] });
});

afterAll(async () => {
  await gateway?.kill();
  upstream?.close();
  pages?.stop();
});

function direct(): string {
  return `ws://127.0.0.1:${(upstream.address() as AddressInfo).port}/`;
}

/** The README's, with the addresses of this test. */
async function firstLines(): Promise<string> {
  const readme = await readFile(join(import.meta.dirname, '../packages/admitone/README.md'), 'utf8');
  const [, lines = ''] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  return lines.replace("'admitone'", "'/admitone.js'").replace('https://gw.example.com', gateway.url);
}

describe.each(REAL_BROWSERS)('in %s', (_, launch) => {
  let browser: RealBrowser;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  test('a page sees of admitSocket through the gateway what it sees of a bare WebSocket without one', async () => {
    const page = await browser.visit(`${pages.origin}/`);
    await page.waitForFunction(() => window.admitone);
    const bare = await page.evaluate(observe, { url: direct() });
    const admitted = { gateway: gateway.url, login: gateway.logIn('ada') };
    const ours = await page.evaluate(observe, { url: gateway.socket('/chat'), admitted });
    expect(bare.byServer).toEqual({ code: 4321, reason: 'as you like', wasClean: true });
    expect(ours).toEqual(bare);
  });

  test('S5: a page hears in the middle of a message that it was logged out, as if its server had closed', async () => {
    const page = await browser.visit(`${pages.origin}/`);
    await page.waitForFunction(() => window.admitone);
    const begun = async (half: Observed, end: (socket: NodeSocket) => unknown) => {
      const connected = once(upstream, 'connection') as Promise<[NodeSocket]>;
      const closed = page.evaluate(halfMessage, half);
      const [socket] = await connected;
      await once(socket, 'pong');
      await end(socket);
      return closed;
    };
    const bare = await begun({ url: direct() }, (socket) => socket.close(4900, 'admitone:revoked'));
    const login = gateway.logIn('ada');
    const admitted = { gateway: gateway.url, login };
    const ours = await begun({ url: gateway.socket('/chat'), admitted }, () => gateway.logOut(login));
    for (const seen of [bare, ours])
      expect(seen).toMatchObject({ messages: 0, code: 4900, reason: 'admitone:revoked' });
  });

  test("the README's first lines run as they stand", async () => {
    const page = await browser.visit(`${pages.origin}/`);
    const token = gateway.logIn('ada');
    await page.evaluate((token) => {
      const shown: unknown[] = [];
      const login = { accessToken: async () => token };
      Object.assign(window, { login, shown, show: (message: unknown) => shown.push(message) });
    }, token);
    await page.addScriptTag({ type: 'module', content: await firstLines() });
    await page.waitForFunction(() => Reflect.get(window, 'shown').length > 0);
    expect(await page.evaluate(() => Reflect.get(window, 'shown'))).toEqual([{ said: 'hello' }]);
  });
});

/** Runs in the page: has a message begun, and gives what the socket's end says. */
async function halfMessage({ url, admitted }: Observed) {
  const { createTicketSource, offerProtocols } = window.admitone;
  const mint = async ({ gateway, login }: { gateway: string; login: string }) => {
    const source = createTicketSource({ gateway, token: () => login });
    const { ticket } = await source.acquire({ route: '/chat' });
    return [...offerProtocols({ kind: 'ticket', value: ticket }, [])];
  };
  const socket = new WebSocket(url, admitted ? await mint(admitted) : []);
  let messages = 0;
  socket.onmessage = () => {
    messages += 1;
  };
  socket.onopen = () => socket.send('begin');
  const { code, reason, wasClean } = await new Promise<CloseEvent>((resolve) => {
    socket.onclose = resolve;
  });
  return { messages, code, reason, wasClean };
}
