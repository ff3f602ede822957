// The browsers that people have, with what playwright turns off in them: the back/forward cache, slow timers, hidden tabs.
import {
  type Browser,
  type BrowserContext,
  type BrowserServer,
  chromium,
  firefox,
  type Page,
} from 'playwright-core';
import { onTestFinished } from 'vitest';
import { CHROMIUM_OF_PEOPLE, FIREFOX } from './chromium.mjs';
import { freePort } from './free-port.js';

/** One window with tabs, on a machine that can be cut off and sent to sleep. */
export class RealBrowser {
  private constructor(
    readonly context: BrowserContext,
    private readonly browser: Browser,
    private readonly server: BrowserServer,
  ) {}

  static async chromium(): Promise<RealBrowser> {
    const port = await freePort();
    const args = [...CHROMIUM_OF_PEOPLE.args, `--remote-debugging-port=${port}`];
    const server = await chromium.launchServer({ ...CHROMIUM_OF_PEOPLE, args });
    // By its default, playwright would keep every tab visible, whichever is in front.
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true });
    const [context] = browser.contexts();
    if (!context) throw new Error('Chromium has no window');
    return new RealBrowser(context, browser, server);
  }

  static async firefox(): Promise<RealBrowser> {
    const server = await firefox.launchServer(FIREFOX);
    const browser = await firefox.connect(server.wsEndpoint());
    return new RealBrowser(await browser.newContext(), browser, server);
  }

  /** A tab of this test's. */
  async visit(url: string): Promise<Page> {
    const page = await this.tab();
    await page.goto(url);
    return page;
  }

  /** An empty one. */
  async tab(): Promise<Page> {
    const page = await this.context.newPage();
    onTestFinished(async () => {
      await this.context.setOffline(false);
      await page.close();
    });
    // Pauses between retries are long, and random.
    page.setDefaultTimeout(40_000);
    return page;
  }

  /**
   * Opens another tab in front, by a link of the page's with this name, and gives it. Closing it brings the page back.
   */
  async hide(page: Page, link: string): Promise<Page> {
    const [front] = await Promise.all([this.context.waitForEvent('page'), page.getByText(link).click()]);
    await page.waitForFunction(() => document.visibilityState === 'hidden', undefined, { polling: 100 });
    return front;
  }

  /** Every process of it stops, as on a machine that sleeps; its sockets stay with the system. */
  sleep(): void {
    this.#signal('SIGSTOP');
  }

  wake(): void {
    this.#signal('SIGCONT');
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
  }

  #signal(name: NodeJS.Signals): void {
    const { pid } = this.server.process();
    if (pid === undefined) throw new Error('the browser has no process');
    // Its group: the browser and all that it started.
    process.kill(-pid, name);
  }
}

/** Each browser, by its name. */
export const REAL_BROWSERS = [
  ['Chromium', RealBrowser.chromium],
  ['Firefox', RealBrowser.firefox],
] as const;
