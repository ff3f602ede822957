// The Next.js recipe: built, started as in production, and used in Chromium.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from './free-port.js';
import { greetingServer, type RunningServer } from './library-servers.js';
import { RealBrowser } from './real-browsers.js';
import { RestartableGateway } from './restartable-gateway.js';

const REPOSITORY = join(import.meta.dirname, '..');
const RECIPE = join(REPOSITORY, 'examples/next');
const NEXT = join(REPOSITORY, 'node_modules/next/dist/bin/next');
const BUILD_LIMIT_MS = 300_000;
const run = promisify(execFile);

let browser: RealBrowser;
let gateway: RestartableGateway;
let origin: string;
let pages: ChildProcess;
let upstream: RunningServer;

beforeAll(async () => {
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  upstream = await greetingServer();
  gateway = await RestartableGateway.serve({ '/chat': upstream.url }, { origins: [origin] });
  await run('npm', ['run', 'build', '--workspace', 'packages/admitone'], { cwd: REPOSITORY });
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_ENV: 'production',
    NEXT_PUBLIC_GATEWAY: gateway.url,
    NEXT_TELEMETRY_DISABLED: '1',
  };
  await run(process.execPath, [NEXT, 'build'], { cwd: RECIPE, env });
  pages = spawn(process.execPath, [NEXT, 'start', '--hostname', '127.0.0.1', '--port', `${port}`], {
    cwd: RECIPE,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await ready(pages);
  browser = await RealBrowser.chromium();
}, BUILD_LIMIT_MS);

afterAll(async () => {
  await browser?.close();
  if (pages?.exitCode === null) {
    pages.kill();
    await once(pages, 'exit');
  }
  await gateway?.kill();
  await upstream?.stop();
});

/** Once `next start` says so. */
async function ready({ stdout }: ChildProcess): Promise<void> {
  if (!stdout) throw new Error('next start has no output');
  let said = '';
  for await (const [part] of on(stdout, 'data', { close: ['end'] })) {
    said += part;
    if (said.includes('Ready')) return void stdout.resume();
  }
  throw new Error(`next start ended: ${said}`);
}

/** A person's page, what it did not catch (as a difference to what was rendered), and how many sockets it has opened. */
async function visit(
  token: string,
): Promise<{ page: Page; status: Locator; errors: Error[]; sockets: () => number }> {
  const page = await browser.tab();
  const errors: Error[] = [];
  page.on('pageerror', (error) => errors.push(error));
  const before = upstream.connections;
  const sockets = () => upstream.connections - before;
  await browser.context.addCookies([{ name: 'user_id', value: 'ada', url: origin }]);
  await page.addInitScript((login) => sessionStorage.setItem('access_token', login), token);
  await page.goto(origin);
  return { page, status: page.getByRole('status'), errors, sockets };
}

test('its server renders the page, and opens nothing', async () => {
  const before = upstream.connections;
  const html = await (await fetch(origin, { headers: { cookie: 'user_id=ada' } })).text();
  expect(html.replaceAll('<!-- -->', '')).toContain('<output>idle by nothing, 0 minted</output>');
  expect(upstream.connections).toBe(before);
});

test('the page takes over what was rendered, opens one socket with one ticket, and talks', async () => {
  const { page, status, errors, sockets } = await visit(gateway.logIn('ada'));
  await page.getByText('hello').waitFor();
  expect(await status.textContent()).toBe('open by ticket, 1 minted');
  await page.getByLabel('Message').fill('good morning');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('listitem').filter({ hasText: 'good morning' }).waitFor();
  expect(sockets()).toBe(1);
  expect(errors).toEqual([]);
});

test('it comes back by itself after a gateway that died, and asks for a login after a logout', async () => {
  const token = gateway.logIn('ada');
  const { page, status } = await visit(token);
  await status.getByText('open by ticket, 1 minted').waitFor();
  await gateway.kill();
  await status.getByText('waiting by nothing').waitFor();
  await gateway.start();
  // As in the test of React alone.
  await expect.poll(() => status.textContent(), { timeout: 60_000 }).toMatch(/^open by ticket, [2-9] minted/);
  await gateway.logOut(token);
  await page.getByRole('alert').getByText('Please log in again.').waitFor();
  expect(await status.textContent()).toMatch(/^closed by nothing/);
});
