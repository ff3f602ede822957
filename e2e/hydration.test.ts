// A page that a server has rendered with the hooks in it, and that a browser takes over.
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { App, type Settings } from './hydration/app.js';
import { greetingServer, type RunningServer } from './library-servers.js';
import { REAL_BROWSERS, type RealBrowser } from './real-browsers.js';
import { RestartableGateway } from './restartable-gateway.js';

const FOLDER = join(import.meta.dirname, 'hydration');

let built: string;
let pages: Server;
let upstream: RunningServer;
let gateway: RestartableGateway;

beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'admitone-hydration-'));
  await build({
    root: FOLDER,
    logLevel: 'error',
    mode: 'development',
    build: {
      outDir: built,
      rolldownOptions: { input: join(FOLDER, 'client.tsx'), output: { entryFileNames: 'page.js' } },
    },
  });
  pages = createServer(async ({ url }, response) => {
    const isScript = url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? await readFile(join(built, 'page.js')) : rendered());
  });
  await once(pages.listen(0, '127.0.0.1'), 'listening');
  upstream = await greetingServer();
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  gateway = await RestartableGateway.serve({ '/chat': upstream.url }, { origins: [origin] });
});

afterAll(async () => {
  await gateway?.kill();
  await upstream?.stop();
  pages?.close();
  await rm(built, { recursive: true });
});

function rendered(): string {
  const settings: Settings = { gateway: gateway.url, token: gateway.logIn('ada') };
  const html = renderToString(createElement(App, settings));
  return `<!doctype html><html lang="en"><title>Rendered</title><link rel="icon" href="data:,">
<div id="root">${html}</div><script id="settings" type="application/json">${JSON.stringify(settings)}</script>
<script type="module" src="/page.js"></script></html>`;
}

test('the server renders what has not begun', () => {
  expect(rendered()).toContain('idle<!-- --> by <!-- -->nothing<!-- -->, <!-- -->0<!-- --> minted');
});

describe.each(REAL_BROWSERS)('%s', (_, launch) => {
  let browser: RealBrowser;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  test('takes it over without a difference, and opens one socket with one ticket', async () => {
    const before = upstream.connections;
    const page = await browser.tab();
    const trouble: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) trouble.push(message.text());
    });
    page.on('pageerror', (error) => trouble.push(error.message));
    await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
    await page.getByText('open by ticket, 1 minted').waitFor();
    expect(trouble).toEqual([]);
    expect(upstream.connections - before).toBe(1);
  });
});
