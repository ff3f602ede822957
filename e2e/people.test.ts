import { expect } from 'vitest';
import { test } from './visitor.js';

test('two people at once see only their own events', async ({ arrive }) => {
  const [ada, grace] = [await arrive(), await arrive()];
  await ada.signIn('Ada Lovelace');
  await grace.signIn('Grace Hopper');
  await ada.connect();
  await grace.connect();
  await ada.ask('a question of Ada');
  await grace.ask('a question of Grace');
  await ada.finishedRun('a question of Ada');
  await grace.finishedRun('a question of Grace');
  expect(await ada.runs.count()).toBe(1);
  expect(await grace.runs.count()).toBe(1);
  expect(new Set(await ada.page.locator('.run [data-field="user_id"]').allInnerTexts())).toEqual(
    new Set(['ada']),
  );
  expect(new Set(await grace.page.locator('.run [data-field="user_id"]').allInnerTexts())).toEqual(
    new Set(['grace']),
  );
  expect(await ada.page.locator('#timeline').innerText()).not.toContain('a question of Grace');
  expect(await grace.page.locator('#timeline').innerText()).not.toContain('a question of Ada');
});

test('two tabs of one person share their events', async ({ arrive }) => {
  const [asking, watching] = [await arrive(), await arrive()];
  for (const tab of [asking, watching]) {
    await tab.signIn('Ada Lovelace');
    await tab.connect();
  }
  await asking.ask('seen in both tabs');
  await asking.finishedRun('seen in both tabs');
  const run = await watching.finishedRun('Asked in another tab of yours');
  expect(await run.locator('.event').count()).toBe(5);
});

test('signing out closes the socket with 4900, and the old login mints no more', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.button('Sign out and watch').click();
  await visitor.showsStage('signed-out', 'done');
  expect(await visitor.fact('signed-out', 'logout')).toMatch(/^204, /);
  expect(await visitor.fact('signed-out', 'close')).toMatch(/^4900 admitone:revoked, /);
  expect(await visitor.fact('signed-out', 'mint')).toBe('refused: 401 not_logged_in');
  await visitor.button('Ada Lovelace').waitFor();
  await visitor.forgive(/401.*\/auth\/ticket\]$/);
});

test('signing out of one login leaves the other person connected', async ({ arrive }) => {
  const [ada, grace] = [await arrive(), await arrive()];
  await ada.signIn('Ada Lovelace');
  await grace.signIn('Grace Hopper');
  await ada.connect();
  await grace.connect();
  await ada.button('Sign out').first().click();
  await ada.showsStage('signed-out', 'done');
  await grace.ask('still here?');
  await grace.finishedRun('still here?');
  await ada.forgive(/401.*\/auth\/ticket\]$/);
});

test('the next person to sign in sees nothing of the one before', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.ask('a private question');
  await visitor.finishedRun('a private question');
  await visitor.button('Sign out and watch').click();
  await visitor.showsStage('signed-out', 'done');
  await visitor.forgive(/401.*\/auth\/ticket\]$/);
  await visitor.signIn('Grace Hopper');
  await visitor.connect();
  expect(await visitor.runs.count()).toBe(0);
  expect(await visitor.page.locator('body').innerText()).not.toContain('a private question');
  expect(await visitor.fact('upstream', 'x-admitone-subject')).toBe('grace');
});
