import type { Page } from 'playwright-core';
import { beforeEach, expect, inject } from 'vitest';
import type { WebSocket } from 'ws';
import { test } from './operator.js';
import { login, mint, open } from './visit-console.mjs';

const held: WebSocket[] = [];

beforeEach(() => {
  return () => {
    for (const socket of held.splice(0)) socket.close();
  };
});

/** A live socket of a person's, and the code that it is closed with. */
async function connected(person: string): Promise<{ socket: WebSocket; closed: Promise<number> }> {
  const demo = inject('demo');
  const { ticket } = await mint(demo, await login(demo, person));
  const socket = await open(demo, ticket);
  if (socket === undefined) throw new Error('the ticket opens nothing');
  held.push(socket);
  return { socket, closed: new Promise((resolve) => socket.once('close', resolve)) };
}

function legend(page: Page, plot: string, word: string) {
  return page.locator(`#plot-${plot} [data-word="${word}"]`);
}

test('nothing is shown to whoever does not know the secret', async ({
  operator: { page, trouble, signIn },
}) => {
  await page.locator('#secret:focus').waitFor();
  await signIn('not-the-secret-of-the-operators');
  await page.getByRole('alert').filter({ hasText: 'That is not the operators’ secret.' }).waitFor();
  expect(await page.locator('#signed-in').isVisible()).toBe(false);
  expect(await page.locator('#secret').inputValue()).toBe('');
  await page.locator('#secret:focus').waitFor();
  await expect.poll(() => trouble).toEqual([expect.stringContaining('401')]);
  trouble.splice(0);
});

test('what happens is counted and drawn from the moment that the page is open', async ({ operator }) => {
  const { page, signIn } = operator;
  const demo = inject('demo');
  await connected('ada');
  await signIn();
  await page.locator('#plot-mints svg path').first().waitFor({ state: 'attached' });
  const before = await page.locator('#tile-sessions .tile-value').innerText();
  await page.locator('#nodes tr').waitFor();

  await connected('grace');
  const { ticket } = await mint(demo, await login(demo, 'ada'));
  await open(demo, ticket);
  await open(demo, ticket);
  await mint(demo, 'not a token');

  const total = (plot: string, word: string) => legend(page, plot, word).locator('.total');
  await expect.poll(() => total('mints', 'minted').innerText()).toBe('2');
  await expect.poll(() => total('mints', 'not_logged_in').innerText()).toBe('1');
  await expect.poll(() => total('redeems', 'admitted').innerText()).toBe('2');
  await expect.poll(() => total('redeems', 'replayed').innerText()).toBe('1');
  await expect.poll(() => total('admissions', 'ticket').innerText()).toBe('2');
  await expect.poll(() => total('refusals', 'ticket_not_accepted').innerText()).toBe('1');
  await expect
    .poll(async () => Number(await page.locator('#tile-sessions .tile-value').innerText()))
    .toBeGreaterThan(Number(before));
  await expect.poll(() => page.locator('#tile-handshake .tile-value').innerText()).toMatch(/ [µm]?s$/);
  expect(await page.locator('#nodes .pill').first().innerText()).toBe('this one');
  expect(await page.locator('#gateway-state').innerText()).toBe('ready');
});

test('the arrow keys go back in time, and the legend follows', async ({ operator: { page, signIn } }) => {
  await signIn();
  const plot = page.locator('#plot-sessions');
  await expect
    .poll(async () => (await plot.locator('svg').getAttribute('aria-label')) ?? '')
    .toMatch(/now: .+ \d/);
  await plot.locator('.tick', { hasText: /^([3-9]|\d\d) s ago$/ }).waitFor();
  await plot.locator('svg').focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  expect(await plot.locator('thead').innerText()).toMatch(/\d+ s ago/);
  expect(await plot.locator('.rule').count()).toBe(1);
  expect(await plot.getByRole('status').innerText()).toMatch(/^Live connections, by route, \d+ s ago: .+ \d/);
  await page.keyboard.press('Tab');
  expect((await plot.locator('thead').innerText()).trim()).toBe('now');
});

test('a person is found, and one connection closed without ending the other', async ({
  operator: { page, signIn },
}) => {
  const [first, second] = [await connected('ada'), await connected('ada')];
  await signIn();
  await page.getByLabel('Subject').fill('ada');
  await page.getByRole('button', { name: 'Find' }).click();
  const person = page.locator('.person[data-subject="ada"]');
  const rows = person.locator('[data-session]');
  await expect.poll(() => rows.count()).toBeGreaterThanOrEqual(2);
  const count = await rows.count();

  await rows.first().getByRole('button', { name: 'Close' }).click();
  await page.getByRole('dialog').getByText('may come back at once').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  expect([first, second].map(({ socket }) => socket.readyState)).toEqual([1, 1]);

  await rows.first().getByRole('button', { name: 'Close' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  expect(await Promise.race([first.closed, second.closed])).toBe(1012);
  await expect.poll(() => rows.count()).toBe(count - 1);
  expect([first, second].filter(({ socket }) => socket.readyState === 1)).toHaveLength(1);
});

test('every login of a person is revoked, after a question', async ({ operator: { page, signIn } }) => {
  const grace = await connected('grace');
  await signIn();
  await page.getByLabel('Subject').fill('grace');
  await page.keyboard.press('Enter');
  await page
    .locator('.person[data-subject="grace"]')
    .getByRole('button', { name: 'Revoke every login' })
    .click();
  await page.locator('#question-no:focus').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke every login' }).click();
  expect(await grace.closed).toBe(4900);
  await page.getByText('Nobody called “grace” is connected.').waitFor();
  await page.locator('#audit [data-event="revoked"]').first().waitFor();
  // A login of the same second is covered too.
  const demo = inject('demo');
  await expect.poll(async () => (await mint(demo, await login(demo, 'grace'))).status).toBe(201);
});

test('audit lines are there from before, come as they happen, and are looked through', async ({
  operator,
}) => {
  const { page, signIn } = operator;
  await connected('ada');
  await signIn();
  const lines = page.locator('#audit li');
  await lines.filter({ hasText: 'session opened' }).first().waitFor();
  await page.getByRole('button', { name: 'Hold still' }).click();
  const count = await lines.count();
  await connected('ada');
  await page.getByRole('button', { name: /^Go on \(\d+ new\)$/ }).waitFor();
  expect(await lines.count()).toBe(count);
  await page.getByRole('button', { name: /^Go on/ }).click();
  await page.getByLabel('Only lines with').fill('session_opened ada');
  expect(await lines.filter({ visible: true }).count()).toBeLessThan(await lines.count());
  await lines.filter({ visible: true }).first().locator('summary').click();
  // Lines go on coming, above this one.
  const facts = await lines.locator('details[open] dl').innerText();
  expect(facts).toMatch(/session_id\s+ses_/);
  expect(await page.locator('#audit').innerText()).not.toContain('adm1_');
});

test('a reload finds the operator still there, and signing out ends that', async ({ operator }) => {
  const { page, signIn } = operator;
  await signIn();
  await page.locator('#nodes tr').waitFor();
  await page.reload();
  await page.locator('#nodes tr').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('#secret:focus').waitFor();
  await page.reload();
  await page.locator('#secret:focus').waitFor();
  expect(await page.locator('#nodes tr').count()).toBe(0);
});

test('an inline script or style is refused by the policy', async ({ operator: { page, trouble } }) => {
  const applied = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.ranInline = true';
    document.head.append(script);
    document.body.setAttribute('style', 'color: rgb(1, 2, 3)');
    return ['ranInline' in globalThis, getComputedStyle(document.body).color === 'rgb(1, 2, 3)'];
  });
  expect(applied).toEqual([false, false]);
  await expect.poll(() => trouble).toHaveLength(2);
  trouble.splice(0);
});

test('nothing overflows a narrow window', async ({ operator: { page, signIn } }) => {
  await page.setViewportSize({ width: 320, height: 800 });
  await connected('ada');
  await signIn();
  await page.locator('.person').first().waitFor();
  await page.locator('#audit li').first().waitFor();
  const widths = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(widths[0]).toBe(widths[1]);
});
