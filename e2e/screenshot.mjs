// Writes screenshots of the demo page and of the operators', wide and narrow, light and dark, into the directory given:
// `ADMITONE_BIN=target/release/admitone node e2e/screenshot.mjs DIRECTORY`.
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { CHROMIUM } from './chromium.mjs';
import { startDemo } from './demo-process.mjs';
import { login, mint, open } from './visit-console.mjs';

const SIZES = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };
/** @type {('light' | 'dark')[]} */
const SCHEMES = ['light', 'dark'];

/** @param {import('playwright-core').Page} page @param {(name: string) => Promise<void>} shoot */
async function visit(page, shoot) {
  await page.getByRole('button', { name: 'Ada Lovelace' }).waitFor();
  await shoot('1-sign-in');
  await page.getByRole('button', { name: 'Ada Lovelace' }).click();
  await page.getByRole('button', { name: 'Mint a ticket first' }).click();
  await page.locator('#ticket[data-stage="unspent"]').waitFor();
  await shoot('2-unspent');
  await page.getByRole('button', { name: 'Connect with this ticket' }).click();
  await page.locator('#prompt:enabled').waitFor();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.run[data-progress="complete"]').waitFor();
  await page.getByRole('button', { name: 'Try the spent ticket again' }).click();
  await page.locator('#stage-replay[data-state="done"]').waitFor();
  await shoot('3-five-events');
  await page.getByRole('button', { name: 'Sign out and watch' }).click();
  await page.locator('#stage-signed-out[data-state="done"]').waitFor();
  await shoot('4-signed-out');
}

/** Some seconds of people who come, stay, come back with the same ticket, or have none. @param {import('./demo-process.mjs').Addresses} demo */
async function traffic(demo) {
  const tokens = [await login(demo, 'ada'), await login(demo, 'grace')];
  for (let round = 0; round < 40; round += 1) {
    for (const token of tokens) {
      const { ticket } = await mint(demo, token);
      const socket = await open(demo, ticket);
      if (round > 2) socket?.close();
      if (round % 3 === 0) await open(demo, ticket);
      if (round % 5 === 0) await mint(demo, 'not a token');
    }
    await new Promise((resolve) => setTimeout(resolve, 100 + 200 * Math.abs(Math.sin(round))));
  }
}

/** @param {import('playwright-core').Page} page @param {(name: string) => Promise<void>} shoot */
async function operate(page, shoot) {
  await page.goto(demo.addresses.admin);
  await page.getByLabel('The operators’ secret').fill(demo.addresses.admin_secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#nodes tr').waitFor();
  await traffic(demo.addresses);
  await page.getByRole('button', { name: 'Find' }).click();
  await page.locator('.person').first().waitFor();
  await shoot('5-operators');
}

const directory = process.argv[2];
if (directory === undefined)
  throw new Error('give the directory for the screenshots: node e2e/screenshot.mjs DIRECTORY');
const demo = await startDemo();
const browser = await chromium.launch(CHROMIUM);
try {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of SCHEMES) {
      const page = await browser.newPage({ viewport, colorScheme, reducedMotion: 'reduce' });
      page.setDefaultTimeout(15_000);
      /** @param {string} name */
      const shoot = async (name) => {
        await page.screenshot({
          path: join(directory, `${size}-${colorScheme}-${name}.png`),
          fullPage: true,
        });
      };
      await page.goto(demo.addresses.page);
      await visit(page, shoot);
      await operate(page, shoot);
      await page.close();
    }
  }
} finally {
  await browser.close();
  await demo.stop();
}
