// The rollout control of the operators' page, on a gateway with a route that has a fallback and one that has none.
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { test } from './operator.js';
import { RestartableGateway } from './restartable-gateway.js';

const UPSTREAM = 'ws://127.0.0.1:9/';
/** Two seconds, and what a busy machine adds. */
const IN_TIME_MS = 4_000;

let gateway: RestartableGateway;

beforeAll(async () => {
  gateway = await RestartableGateway.serve(
    { '/chat': UPSTREAM },
    {
      operated: true,
      route: 'jwt_fallback = "allow"\n[routes.rollout]\npercent = 100\nshadow = true',
      tables: `[[routes]]\npath = "/strict"\nupstream = "${UPSTREAM}"\norigins = ["https://app.example"]\n`,
    },
  );
});

afterAll(() => gateway?.kill());

beforeEach(() => gateway.rollOut(50, '/chat'));

/** What the page has of a route. */
function control(page: Page, route: string): Locator {
  return page.locator(`.rollout[data-route="${route}"]`);
}

async function chat({ page, signIn }: { page: Page; signIn(secret?: string): Promise<void> }) {
  await page.goto(gateway.operators);
  await signIn(gateway.operatorsSecret);
  const chat = control(page, '/chat');
  await chat.getByText('50 % get tickets').waitFor();
  return chat;
}

test('F25: a percentage that is set on the page is what the gateway says', async ({ operator }) => {
  const { page } = operator;
  const route = await chat(operator);
  const step = (percent: number) => route.getByRole('button', { name: `${percent} %`, exact: true });
  expect(await step(50).getAttribute('aria-pressed')).toBe('true');

  await step(25).click();
  await page.getByRole('dialog').getByText('From 50 % down').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  expect((await gateway.rollout('/chat')).percent).toBe(50);

  await step(25).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Set 25 %' }).click();
  await route.getByText('25 % get tickets').waitFor();
  expect((await gateway.rollout('/chat')).percent).toBe(25);
  expect(await step(25).getAttribute('aria-pressed')).toBe('true');
  await route.getByText(/Last changed by an operator/).waitFor();

  // Upwards by the keyboard, and unasked.
  await route.getByRole('slider').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await route.getByText('26 % get tickets').waitFor();
  expect((await gateway.rollout('/chat')).percent).toBe(26);
});

test('F25: what is changed elsewhere shows within two seconds, and spares what is about to be set', async ({
  operator,
}) => {
  const route = await chat(operator);
  await gateway.rollOut(5, '/chat');
  await route.getByText('5 % get tickets', { exact: true }).waitFor({ timeout: IN_TIME_MS });
  expect(await route.getByRole('slider').inputValue()).toBe('5');
  await route.getByRole('slider').fill('70');
  await gateway.rollOut(6, '/chat');
  await route.getByText('6 % get tickets', { exact: true }).waitFor({ timeout: IN_TIME_MS });
  expect(await route.getByRole('slider').inputValue()).toBe('70');
  await route.getByRole('button', { name: 'Set to 70 %' }).waitFor();
});

test('F25: a refusal is shown as the gateway says it', async ({ operator }) => {
  const { page, trouble } = operator;
  await chat(operator);
  const strict = control(page, '/strict');
  await strict.getByRole('button', { name: '50 %', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Set 50 %' }).click();
  await strict.getByRole('alert').filter({ hasText: '/strict has jwt_fallback = "deny"' }).waitFor();
  expect((await gateway.rollout('/strict')).percent).toBe(100);
  expect(await strict.getByRole('slider').inputValue()).toBe('100');
  await expect.poll(() => trouble).toEqual([expect.stringContaining('422')]);
  trouble.splice(0);
});

test('F25: somebody is put on a list and taken off it', async ({ operator }) => {
  const route = await chat(operator);
  const subject = route.getByLabel('Somebody to put on a list');
  await subject.fill('ada');
  await route.getByLabel('List of /chat', { exact: true }).selectOption('Never get tickets');
  await subject.press('Enter');
  const remove = route
    .getByRole('list', { name: 'Never get tickets' })
    .getByRole('button', { name: 'Take ada' });
  await remove.waitFor();
  expect((await gateway.rollout('/chat')).deny).toMatchObject([{ subject: 'ada' }]);
  expect(await subject.inputValue()).toBe('');
  await remove.click();
  await remove.waitFor({ state: 'detached' });
  expect(await gateway.rollout('/chat')).toMatchObject({ allow: [], deny: [] });
});

test('F25: the guard and shadow mode are told, in a narrow window too, and nothing is left after signing out', async ({
  operator,
}) => {
  const { page } = operator;
  await page.setViewportSize({ width: 360, height: 800 });
  const route = await chat(operator);
  await route.getByText(/^0 of 0 tickets failed .* the guard sets 0 %\.$/).waitFor();
  await route.getByText('shadow mode', { exact: true }).waitFor();
  const widths = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(widths[0]).toBe(widths[1]);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('#secret:focus').waitFor();
  expect(await page.locator('.rollout').count()).toBe(0);
});

test('F25: a guard that has acted is an alert, until somebody answers it with a percentage', async ({
  operator,
}) => {
  const { page } = operator;
  const tripped = { at: 1_767_225_600, node: 'b:1-81c2', worked: 40, failed: 61, percent_before: 25 };
  let isTripped = true;
  await page.route('**/admin/api/rollout', async (route) => {
    const answer = await route.fetch();
    const told = await answer.json();
    for (const { guard } of isTripped ? (told.routes ?? []) : []) guard.tripped = tripped;
    if (route.request().method() === 'POST') isTripped = false;
    await route.fulfill({ response: answer, json: told });
  });
  const route = await chat(operator);
  const alert = route.getByRole('alert');
  await alert.filter({ hasText: 'The guard set 0 %, from 25 %, at ' }).waitFor();
  await route.getByRole('button', { name: 'Set to 50 %' }).click();
  await alert.waitFor({ state: 'detached' });
  expect(isTripped).toBe(false);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});
