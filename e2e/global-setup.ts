import { chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { CHROMIUM } from './chromium.mjs';
import { type Addresses, startDemo } from './demo-process.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    demo: Addresses;
    browser: string;
  }
}

/** Starts one demo and one browser for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const demo = await startDemo();
  const browser = await chromium.launchServer(CHROMIUM).catch(async (error: unknown) => {
    await demo.stop();
    throw error;
  });
  project.provide('demo', demo.addresses);
  project.provide('browser', browser.wsEndpoint());
  return async () => {
    await browser.close();
    await demo.stop();
  };
}
