import { expect } from 'vitest';
import { test } from './visitor.js';

const TICKET = /adm1_[A-Za-z0-9_-]{72}/;
const CARRIER = /^admitone\.ticket\.adm1_[A-Za-z0-9_-]{72}$/;
const JWT = /eyJ[A-Za-z0-9_-]{8,}\./;

test('S24: the socket opens, and the ticket is in neither its protocol nor any URL', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  const [socket] = await visitor.sockets();
  expect(socket?.offered.at(-1)).toMatch(CARRIER);
  expect(socket?.protocol).toBe('admitone.v1');
  expect(visitor.urls.some((url) => url.startsWith('ws:'))).toBe(true);
  for (const url of [...visitor.urls, visitor.page.url()]) {
    expect(url).not.toMatch(TICKET);
    expect(url).not.toMatch(JWT);
  }
});

test('the page shows what the handshake carried, and no secret', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.showsStage('upstream', 'done');
  expect(await visitor.fact('handshake', 'offered')).toContain(
    'admitone.v1\nadmitone.refused\nadmitone.ticket.adm1_',
  );
  expect(await visitor.fact('handshake', 'selected')).toBe('admitone.v1');
  expect(await visitor.fact('handshake', 'protocol')).toBe('protocol = ""');
  const document = await visitor.page.content();
  expect(document).not.toMatch(TICKET);
  expect(document).not.toMatch(JWT);
});

test('the upstream sees who it is and nothing of the ticket', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.showsStage('upstream', 'done');
  expect(await visitor.fact('upstream', 'path')).toBe('/chat');
  expect(await visitor.fact('upstream', 'x-admitone-subject')).toBe('ada');
  expect(await visitor.fact('upstream', 'x-admitone-email')).toBe('ada@example.com');
  expect(await visitor.fact('upstream', 'x-admitone-permissions')).toBe('chat:read chat:write');
  expect(await visitor.fact('upstream', 'x-admitone-method')).toBe('ticket');
  expect(await visitor.fact('upstream', 'x-admitone-session-id')).toBe(
    await visitor.fact('minted', 'session'),
  );
  await visitor.page.getByText('Every header it received').click();
  const names = await visitor.page.locator('#upstream-rows th').allInnerTexts();
  expect(names).toContain('origin');
  expect(names).not.toContain('authorization');
  const values = await visitor.page.locator('#upstream-rows td').allInnerTexts();
  expect(values.filter((value) => value.includes('admitone.ticket') || TICKET.test(value))).toEqual([]);
});

test('a ticket can be minted first, waits with a countdown, and opens one socket', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.button('Mint a ticket first').click();
  await visitor.page.locator('#ticket[data-stage="unspent"]').waitFor();
  const full = Number(await visitor.page.locator('#countdown').getAttribute('max'));
  await visitor.page.waitForFunction((limit) => {
    const left = Number(document.getElementById('ticket-figure')?.textContent);
    return left > 0 && left < limit;
  }, full);
  expect(await visitor.page.locator('#ticket-state').innerText()).toBe('Unspent');
  await visitor.button('Connect with this ticket').click();
  await visitor.showsConnection(/^Connected by ticket/);
  expect(await visitor.page.locator('#ticket-state').innerText()).toBe('Redeemed');
  expect(visitor.mints()).toHaveLength(1);
});

test('the spent ticket is refused with 4801 and a reason, and the open socket stays', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.button('Try the spent ticket again').click();
  expect(await visitor.fact('replay', 'close')).toBe('4801 admitone:ticket_not_accepted');
  expect(await visitor.fact('replay', 'selected')).toBe('admitone.refused');
  const [first, second] = await visitor.sockets();
  expect(second?.offered.at(-1)).toMatch(CARRIER);
  expect(second?.offered).toEqual(first?.offered);
  await visitor.ask('Is the first socket still open?');
  await visitor.finishedRun('Is the first socket still open?');
});

test('connecting again mints another ticket', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.button('Disconnect').click();
  await visitor.showsConnection(/^Disconnected$/);
  await visitor.connect();
  const carriers = (await visitor.sockets()).map(({ offered }) => offered.at(-1));
  expect(carriers).toHaveLength(2);
  expect(new Set(carriers).size).toBe(2);
});

test('a ticket that waits too long expires, and connecting mints another', async ({ visitor }) => {
  await visitor.page.clock.install();
  await visitor.page.reload();
  await visitor.signIn('Ada Lovelace');
  await visitor.button('Mint a ticket first').click();
  await visitor.page.locator('#ticket[data-stage="unspent"]').waitFor();
  await visitor.page.clock.fastForward('01:01');
  await visitor.page.locator('#ticket[data-stage="expired"]').waitFor();
  await visitor.page.clock.resume();
  await visitor.connect();
  expect(await visitor.page.locator('#ticket-state').innerText()).toBe('Redeemed');
  expect(visitor.mints()).toHaveLength(2);
});
