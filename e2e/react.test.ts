// The Vite recipe of React: built from what would be published, served, and used in a browser.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { greetingServer, type RunningServer } from './library-servers.js';
import { REAL_BROWSERS, type RealBrowser } from './real-browsers.js';
import { RestartableGateway } from './restartable-gateway.js';

const REPOSITORY = join(import.meta.dirname, '..');
const RECIPE = join(REPOSITORY, 'examples/react-vite');
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };
const run = promisify(execFile);

let built: string;
let pages: Server;
let upstream: RunningServer;
let gateway: RestartableGateway;

beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'admitone-react-'));
  pages = createServer(async ({ url }, response) => {
    const path = url === '/' ? '/index.html' : `${url}`;
    response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
    response.end(await readFile(join(built, path)));
  }).listen(0, '127.0.0.1');
  upstream = await greetingServer();
  gateway = await RestartableGateway.serve({ '/chat': upstream.url }, { origins: [origin()] });
  await run('npm', ['run', 'build', '--workspace', 'packages/admitone'], { cwd: REPOSITORY });
  await run(process.execPath, [join(REPOSITORY, 'node_modules/typescript/bin/tsc'), '-p', RECIPE]);
  process.env.VITE_GATEWAY = gateway.url;
  await build({ root: RECIPE, logLevel: 'error', build: { outDir: built, emptyOutDir: true } });
});

afterAll(async () => {
  await gateway?.kill();
  await upstream?.stop();
  pages?.close();
  await rm(built, { recursive: true });
});

function origin(): string {
  return `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
}

describe.each(REAL_BROWSERS)('in %s', (_, launch) => {
  let browser: RealBrowser;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  /** A person's page, and how many sockets it has opened. */
  async function visit(token: string): Promise<{ page: Page; status: Locator; sockets: () => number }> {
    const page = await browser.tab();
    const before = upstream.connections;
    const sockets = () => upstream.connections - before;
    await page.addInitScript((login) => {
      sessionStorage.setItem('access_token', login);
      sessionStorage.setItem('user_id', 'ada');
    }, token);
    await page.goto(origin());
    return { page, status: page.getByRole('status'), sockets };
  }

  test('under StrictMode the page opens one socket with one ticket, and talks', async () => {
    const { page, status, sockets } = await visit(gateway.logIn('ada'));
    await page.getByText('hello').waitFor();
    expect(await status.textContent()).toBe('open by ticket, 1 minted');
    await page.getByLabel('Message').fill('good morning');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('listitem').filter({ hasText: 'good morning' }).waitFor();
    expect(sockets()).toBe(1);
  });

  test('it disconnects and reconnects as it is told, each time with a ticket of its own', async () => {
    const { page, status, sockets } = await visit(gateway.logIn('ada'));
    await status.getByText('open by ticket, 1 minted').waitFor();
    await page.getByRole('button', { name: 'Disconnect' }).click();
    await status.getByText('closed by nothing').waitFor();
    await page.getByRole('button', { name: 'Reconnect' }).click();
    await status.getByText('open by ticket, 2 minted').waitFor();
    await page.getByRole('button', { name: 'Reconnect' }).click();
    await status.getByText('open by ticket, 3 minted').waitFor();
    expect(sockets()).toBe(3);
  });

  test('it comes back by itself after a gateway that died, and asks for a login after a logout', async () => {
    const token = gateway.logIn('ada');
    const { page, status } = await visit(token);
    await status.getByText('open by ticket, 1 minted').waitFor();
    await gateway.kill();
    await status.getByText('waiting by nothing').waitFor();
    await gateway.start();
    // A new one, and another where the browser holds a socket back, after some that failed, for longer than a ticket lives.
    await expect
      .poll(() => status.textContent(), { timeout: 60_000 })
      .toMatch(/^open by ticket, [2-9] minted/);
    await gateway.logOut(token);
    await page.getByRole('alert').getByText('Please log in again.').waitFor();
    expect(await status.textContent()).toMatch(/^closed by nothing/);
  });
});
