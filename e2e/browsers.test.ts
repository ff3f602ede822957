// The SDK in the browsers that people have.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, firefox, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type WebSocket as NodeSocket, WebSocketServer } from 'ws';
import type { AdmitConnection, TicketSource } from '../packages/admitone/src/index.js';
import { AS_PEOPLE_HAVE_IT, FIREFOX } from './chromium.mjs';
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

const BROWSERS = {
  Chromium: () => chromium.launch(AS_PEOPLE_HAVE_IT),
  Firefox: () => firefox.launch(FIREFOX),
};

describe.each(Object.entries(BROWSERS))('in %s', (name, launch) => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  async function visit(): Promise<Page> {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(`${pages.origin}/`);
    await page.waitForFunction(() => window.admitone);
    return page;
  }

  test('a page sees of admitSocket through the gateway what it sees of a bare WebSocket without one', async () => {
    const page = await visit();
    const bare = await page.evaluate(observe, { url: direct() });
    const admitted = { gateway: gateway.url, login: gateway.logIn('ada') };
    const ours = await page.evaluate(observe, { url: gateway.socket('/chat'), admitted });
    expect(bare.byServer).toEqual({ code: 4321, reason: 'as you like', wasClean: true });
    expect(ours).toEqual(bare);
  });

  test('S5: a page hears in the middle of a message that it was logged out, as if its server had closed', async () => {
    const page = await visit();
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

  test('a page that comes back out of the back/forward cache reconnects at once, with a ticket minted ahead', async () => {
    const page = await visit();
    await connect(page, gateway.logIn('ada'));
    await gateway.kill();
    await page.waitForFunction(() => window.chat.state.name === 'waiting');
    await page.goto(`${pages.origin}/elsewhere`);
    await gateway.start();
    await page.evaluate(() => history.back()).catch(() => {});
    await expect
      .poll(() => page.evaluate(() => window.persisted).catch(() => undefined), { timeout: 15_000 })
      .toBe(true);
    await page.waitForFunction(() => window.chat.state.name === 'open');
    expect(await page.evaluate(() => window.source.stats.prefetched)).toBe(1);
  });

  // Playwright cannot cut Firefox's network.
  if (name === 'Chromium')
    test('a page whose network is back reconnects at once, with a ticket minted ahead', async () => {
      const page = await visit();
      await connect(page, gateway.logIn('ada'));
      await gateway.kill();
      await page.waitForFunction(() => window.chat.state.name === 'waiting');
      await page.context().setOffline(true);
      await gateway.start();
      // Long enough a pause that the retry does not come first.
      await page.waitForFunction(() => {
        const { state } = window.chat;
        return state.name === 'waiting' && state.until - performance.now() > 2_000;
      });
      await page.context().setOffline(false);
      await page.waitForFunction(() => window.chat.state.name === 'open');
      expect(await page.evaluate(() => window.source.stats.prefetched)).toBe(1);
    });
});

declare global {
  interface Window {
    source: TicketSource;
    chat: AdmitConnection;
    persisted: boolean | undefined;
  }
}

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

/** Leaves a connection in the page, which waits long after a failure unless a person returns. */
async function connect(page: Page, token: string): Promise<void> {
  await page.evaluate(
    ([gateway = '', token = '']) => {
      const { AdmitConnection, createTicketSource } = window.admitone;
      addEventListener('pageshow', ({ persisted }) => {
        window.persisted = persisted;
      });
      window.source = createTicketSource({ gateway, token: () => token });
      window.chat = new AdmitConnection({ source: window.source, url: `${gateway}/chat`, maxRetries: 1000 });
    },
    [gateway.url, token],
  );
  await page.waitForFunction(() => window.chat.state.name === 'open');
}
