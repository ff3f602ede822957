import { expect, inject } from 'vitest';
import { test, type Visitor } from './visitor.js';

/** Presses Tab until the control with this name has the focus. */
async function tabTo({ page }: Visitor, name: string): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const control = document.activeElement;
      return (
        (control instanceof HTMLInputElement ? control.labels?.[0]?.textContent : control?.textContent) ?? ''
      );
    });
    const words = focused.replace(/\s+/g, ' ').trim();
    if (words.includes(name)) return;
    passed.push(words);
  }
  throw new Error(`Tab does not reach "${name}"; it passed ${passed.join(' | ')}`);
}

test('the whole path works by keyboard alone', async ({ visitor }) => {
  const { page } = visitor;
  await tabTo(visitor, 'Skip to the demo');
  await tabTo(visitor, 'Ada Lovelace');
  await page.keyboard.press('Enter');
  await page.locator('#connect:focus').waitFor();
  await page.keyboard.press('Enter');
  await visitor.showsConnection(/^Connected/);
  await page.locator('#prompt:focus').waitFor();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('typed, not clicked');
  await page.keyboard.press('Enter');
  await visitor.finishedRun('typed, not clicked');
  await tabTo(visitor, 'Try the spent ticket again');
  await page.keyboard.press('Space');
  expect(await visitor.fact('replay', 'close')).toMatch(/^4801/);
  await tabTo(visitor, 'Sign out and watch');
  await page.keyboard.press('Enter');
  await visitor.showsStage('signed-out', 'done');
  await page.locator('#sign-in-title:focus').waitFor();
  await visitor.forgive(/401.*\/auth\/ticket\]$/);
});

test('the hint on connecting stands only where it is true', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  const hint = visitor.page.getByText('Connecting mints a ticket');
  await hint.waitFor();
  await visitor.page.getByLabel('the login itself').check();
  await hint.waitFor({ state: 'hidden' });
  await visitor.page.getByLabel('a ticket', { exact: true }).check();
  await visitor.button('Mint a ticket first').click();
  await visitor.page.locator('#ticket[data-stage="unspent"]').waitFor();
  await hint.waitFor({ state: 'hidden' });
});

test('whatever has the focus shows it', async ({ visitor }) => {
  await visitor.page.keyboard.press('Tab');
  await visitor.page.keyboard.press('Tab');
  const outline = await visitor.page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement as Element);
    return { outlineStyle, outlineWidth };
  });
  expect(outline).toEqual({ outlineStyle: 'solid', outlineWidth: '3px' });
});

test('the policy allows the page its own files and the two origins it talks to, and nothing else', async ({
  visitor,
}) => {
  const demo = inject('demo');
  const answer = await visitor.page.request.get(demo.page);
  const directives = (answer.headers()['content-security-policy'] ?? '')
    .split(';')
    .map((directive) => directive.trim());
  const policy = new Map(
    directives.filter(Boolean).map((directive) => [directive.split(' ')[0], directive.split(' ').slice(1)]),
  );
  expect(policy.get('default-src')).toEqual(["'none'"]);
  expect(policy.get('script-src')).toEqual(["'self'"]);
  expect(policy.get('style-src')).toEqual(["'self'"]);
  expect(policy.get('frame-ancestors')).toEqual(["'none'"]);
  expect(policy.get('base-uri')).toEqual(["'none'"]);
  expect(policy.get('form-action')).toEqual(["'none'"]);
  const reachable = ["'self'", demo.gateway, demo.gateway.replace('http', 'ws'), demo.issuer];
  expect(new Set(policy.get('connect-src'))).toEqual(new Set(reachable));
});

test('an inline script is refused by the policy', async ({ visitor }) => {
  const ran = await visitor.page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.ranInline = true';
    document.head.append(script);
    return 'ranInline' in globalThis;
  });
  expect(ran).toBe(false);
  await expect.poll(() => visitor.trouble.length).toBe(2);
  await visitor.forgive(/policy broken: script-src-elem inline/);
  await visitor.forgive(/Content Security Policy/);
});

test('a message that cannot be read is shown as such, and breaks nothing', async ({ visitor }) => {
  await visitor.page.routeWebSocket(/\/chat$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => server.send(message));
    server.onMessage((message) => socket.send(message));
    for (const message of ['not JSON', '{"type":"agent_started","run_id":7}']) socket.send(message);
  });
  await visitor.page.reload();
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  const remarks = visitor.page.locator('.remark');
  await remarks.nth(1).waitFor();
  expect(await remarks.nth(0).innerText()).toMatch(/^Not understood: not a JSON object\.\s+not JSON$/);
  expect(await remarks.nth(1).innerText()).toContain(
    '"agent_started" with a missing or malformed "timestamp"',
  );
  await visitor.ask('and now?');
  await visitor.finishedRun('and now?');
});

test('nothing overflows a narrow window', async ({ visitor }) => {
  await visitor.page.setViewportSize({ width: 320, height: 800 });
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.ask('A prompt that is long enough to need more than one line in a narrow window');
  await visitor.finishedRun('A prompt that is long enough');
  await visitor.button('Try the spent ticket again').click();
  await visitor.showsStage('replay', 'done');
  const widths = await visitor.page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(widths[0]).toBe(widths[1]);
});
