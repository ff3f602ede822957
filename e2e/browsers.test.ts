// The drop-in in the browsers that people have.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { REAL_BROWSERS, type RealBrowser } from './real-browsers.js';
import { RestartableGateway } from './restartable-gateway.js';
import { SdkPages } from './sdk-page.js';
import { observe } from './socket-observations.js';

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
  upstream.on('connection', (socket) =>
    socket.on('message', (data, isBinary) =>
      `${data}` === 'close' ? socket.close(4321, 'as you like') : socket.send(data, { binary: isBinary }),
    ),
  );
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
});
