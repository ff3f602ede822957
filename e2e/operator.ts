import type { Page } from 'playwright-core';
import { expect, inject } from 'vitest';
import { test as base } from './visitor.js';

const DOM_LIMIT_MS = 15_000;

/** An operator's browser at the page, signed in or not, and what went wrong in it. */
export interface Operator {
  readonly page: Page;
  readonly trouble: string[];
  signIn(secret?: string): Promise<void>;
}

/** A test with an operator's browser; it fails if the browser has anything to complain of. */
export const test = base.extend<{ operator: Operator }>({
  operator: async ({ newContext }, use) => {
    const page = await (await newContext()).newPage();
    page.setDefaultTimeout(DOM_LIMIT_MS);
    const trouble: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) trouble.push(message.text());
    });
    page.on('pageerror', (error) => trouble.push(`uncaught: ${error.message}`));
    await page.goto(inject('demo').admin);
    const signIn = async (secret = inject('demo').admin_secret) => {
      await page.getByLabel('The operators’ secret').fill(secret);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await use({ page, trouble, signIn });
    expect(trouble).toEqual([]);
  },
});
