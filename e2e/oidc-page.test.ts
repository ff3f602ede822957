import { afterAll, beforeAll, expect } from 'vitest';
import { closesAfter, IN_TIME_MS, Site, Tab } from './oidc-page.js';
import { PAGE } from './provider.mjs';
import { test } from './visitor.js';

let site: Site;

beforeAll(async () => {
  site = await Site.open();
});

afterAll(async () => {
  await site?.close();
  expect(site?.provider.errors).toEqual([]);
});

test('a page logs in by code with PKCE, and its ID token becomes a ticket and a live socket', async ({
  newContext,
}) => {
  const tab = await Tab.open(await newContext(), site);
  await tab.logIn('ada');
  await tab.say('still ada');

  const config = await (await tab.asked('/auth/config').at(-1)?.response())?.json();
  expect(config.issuers).toEqual([{ issuer: site.provider.issuer, client_id: PAGE }]);
  const started = new URL(tab.asked('/auth')[0]?.url() ?? '').searchParams;
  expect(started.get('code_challenge_method')).toBe('S256');
  expect(started.get('code_challenge')).toMatch(/^[\w-]{43}$/);
  const exchanged = new URLSearchParams(tab.asked('/token')[0]?.postData() ?? '');
  expect(exchanged.get('code_verifier')).toMatch(/^[\w-]{43}$/);
  expect(exchanged.has('client_secret')).toBe(false);

  expect(tab.page.url(), 'the code is gone from the address').toBe(site.url);
  const kept = await tab.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  expect(kept).toBe('[{},{}]');
  const token = tab.asked('/auth/ticket').find((request) => request.method() === 'POST');
  const idToken = (await token?.headerValue('authorization'))?.replace('Bearer ', '') ?? '';
  expect(idToken.split('.')).toHaveLength(3);
  const urls = [...tab.requests, ...tab.sockets].map((asked) => asked.url()).join();
  expect(urls).not.toContain(idToken);
  expect(urls).not.toContain('adm1_');
});

test('F15: after a key rotation at the provider a new login works, and the live socket stays', async ({
  newContext,
}) => {
  const ada = await Tab.open(await newContext(), site);
  await ada.logIn('ada');
  await site.provider.rotate({ keepOld: false });
  const grace = await Tab.open(await newContext(), site);
  await grace.logIn('grace');
  await ada.say('still here');
  expect(ada.sockets).toHaveLength(1);
  // Grace's token has made the gateway fetch the new keys, among which Ada's is no more.
  const answered = ada.page.waitForResponse(
    (response) => response.url().endsWith('/auth/logout') && response.request().method() === 'POST',
  );
  await ada.press('Log out');
  expect((await answered).status()).toBe(401);
});

test('S5: logging out on the page closes the sockets of the login in every tab, and the login is over', async ({
  newContext,
}) => {
  const context = await newContext();
  const [first, second] = [await Tab.open(context, site), await Tab.open(context, site)];
  await first.logIn('ada');
  await second.logIn('ada', { form: false });
  const [live] = first.sockets;
  if (!live) throw new Error('no socket');
  const closed = closesAfter(live, second, '/auth/logout');
  await second.press('Log out');
  expect(await closed).toBeLessThan(IN_TIME_MS);
  await first.showsSocket('closed 4900');
  await mintsNothing(first);

  await second.confirmLogout();
  await second.page.waitForURL((url) => url.href.startsWith(site.url));
  await second.logIn('ada');
});

test('S5: logging out at the provider alone closes the live socket within a second, and the login is over', async ({
  newContext,
}) => {
  const context = await newContext();
  const [ada, grace] = [await Tab.open(context, site), await Tab.open(await newContext(), site)];
  await ada.logIn('ada');
  await grace.logIn('grace');
  const [live] = ada.sockets;
  if (!live) throw new Error('no socket');
  const elsewhere = await Tab.open(context, site);
  await elsewhere.page.goto(`${site.provider.issuer}/session/end`);
  const closed = closesAfter(live, elsewhere, '/session/end/confirm');
  await elsewhere.confirmLogout();
  expect(await closed).toBeLessThan(IN_TIME_MS);
  await ada.showsSocket('closed 4900');
  await mintsNothing(ada);
  await ada.logIn('ada');
  await grace.say('still grace');
});

async function mintsNothing(tab: Tab): Promise<void> {
  const answered = tab.page.waitForResponse(
    (response) => response.url().endsWith('/auth/ticket') && response.request().method() === 'POST',
  );
  await tab.press('Connect');
  expect((await answered).status()).toBe(401);
  await tab.showsSocket('closed not_logged_in');
  expect(tab.sockets).toHaveLength(1);
}

test('an answer that the page has not asked for is not exchanged, and a denied login says why', async ({
  newContext,
}) => {
  const forged = await Tab.open(await newContext(), site, '?code=stolen&state=forged');
  await forged.page.getByText('this page has not asked for that login').waitFor();
  expect(forged.asked('/token')).toEqual([]);
  expect(forged.page.url()).toBe(site.url);

  const denied = await Tab.open(await newContext(), site);
  await denied.press('Log in');
  await denied.page.getByLabel('Name').waitFor();
  const state = new URL(denied.asked('/auth')[0]?.url() ?? '').searchParams.get('state');
  await denied.page.goto(`${site.url}?error=access_denied&state=${state}`);
  await denied.page.getByText('not logged in: access_denied').waitFor();
  expect(denied.asked('/token')).toEqual([]);
});
