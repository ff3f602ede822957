import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { test as base, expect, inject } from 'vitest';

const DOM_LIMIT_MS = 15_000;

/** The five events, in their order. */
export const FIVE_EVENTS = [
  'agent_started',
  'agent_thinking',
  'tool_executing',
  'tool_completed',
  'agent_completed',
];

/** What a socket of the page looked like from inside the page. */
export interface SocketSeen {
  readonly url: string;
  readonly protocol: string;
  readonly offered: readonly string[];
}

/** A person at the demo page, in a browser context of their own. */
export class Visitor {
  /** Every console error or warning, page error and broken rule of the policy, in order. */
  readonly trouble: string[] = [];
  /** Every URL the page asked for, sockets included. */
  readonly urls: string[] = [];
  /** Every HTTP request's method and URL. */
  readonly requests: string[] = [];

  private constructor(readonly page: Page) {
    page.setDefaultTimeout(DOM_LIMIT_MS);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()))
        this.trouble.push(`${message.text()} [${message.location().url}]`);
    });
    page.on('pageerror', (error) => this.trouble.push(`uncaught: ${error.message}`));
    page.on('request', (request) => {
      this.urls.push(request.url());
      this.requests.push(`${request.method()} ${request.url()}`);
    });
    page.on('websocket', (socket) => this.urls.push(socket.url()));
  }

  /** Opens the demo page, with every socket it makes remembered. */
  static async arrive(context: BrowserContext): Promise<Visitor> {
    const visitor = new Visitor(await context.newPage());
    await visitor.page.addInitScript(rememberSockets);
    await visitor.page.goto(inject('demo').page);
    await visitor.button('Ada Lovelace').waitFor();
    return visitor;
  }

  /** The requests for a ticket so far. */
  mints(): string[] {
    return this.requests.filter((request) => /^POST .*\/auth\/ticket$/.test(request));
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: typeof name === 'string' && name.length < 10 });
  }

  async signIn(name: string): Promise<void> {
    await this.button(name).click();
    await this.button('Sign out').first().waitFor();
  }

  async connect(): Promise<void> {
    await this.button(/^Connect/).click();
    await this.showsConnection(/^Connected/);
  }

  async ask(prompt: string): Promise<void> {
    await this.page.getByLabel('Your prompt').fill(prompt);
    await this.button('Send').click();
  }

  /** Waits for the run that answers a prompt to end, and gives it. */
  async finishedRun(prompt: string): Promise<Locator> {
    const run = this.runs.filter({ hasText: prompt }).filter({ hasText: 'complete, in order' });
    await run.waitFor();
    return run;
  }

  get runs(): Locator {
    return this.page.locator('.run');
  }

  async showsConnection(text: RegExp): Promise<void> {
    await this.page.locator('#connection-state').filter({ hasText: text }).waitFor({ state: 'attached' });
  }

  /** A value of one of the stages of the ticket's life, once it is there. */
  fact(stage: string, field: string): Promise<string> {
    return this.page.locator(`#stage-${stage} [data-field="${field}"]`).innerText();
  }

  async showsStage(stage: string, state: 'active' | 'done' | 'failed'): Promise<void> {
    await this.page.locator(`#stage-${stage}[data-state="${state}"]`).waitFor();
  }

  /** The sockets that the page has made so far. */
  sockets(): Promise<SocketSeen[]> {
    return this.page.evaluate(() =>
      (globalThis as unknown as Remembering).remembered.map(({ socket, offered }) => ({
        url: socket.url,
        protocol: socket.protocol,
        offered,
      })),
    );
  }

  /** Strikes out the one expected trouble that matches, once it is told; there must be exactly one. */
  async forgive(pattern: RegExp): Promise<void> {
    const matching = () => this.trouble.filter((text) => pattern.test(text));
    await expect.poll(matching).toHaveLength(1);
    this.trouble.splice(this.trouble.indexOf(matching()[0] as string), 1);
  }
}

interface Remembering {
  remembered: { socket: WebSocket; offered: string[] }[];
}

/** Runs in the page, before its own script. */
function rememberSockets(): void {
  const here = globalThis as unknown as Remembering & { WebSocket: typeof WebSocket };
  here.remembered = [];
  here.WebSocket = class extends WebSocket {
    constructor(url: string | URL, protocols: string | string[] = []) {
      super(url, protocols);
      here.remembered.push({ socket: this, offered: [protocols].flat() });
    }
  };
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
    reportError(new Error(`policy broken: ${violatedDirective} ${blockedURI}`));
  });
}

interface Fixtures {
  browser: Browser;
  /** A fresh browser context. */
  newContext: () => Promise<BrowserContext>;
  /** Opens the page in a context of its own. A test ends with an error if any visitor met trouble. */
  arrive: () => Promise<Visitor>;
  visitor: Visitor;
}

/** Vitest's `test` with visitors. */
export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest wants the pattern to see that nothing is needed.
  browser: async ({}, use) => {
    const browser = await chromium.connect(inject('browser'));
    await use(browser);
    await browser.close();
  },
  newContext: async ({ browser }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async () => {
      const context = await browser.newContext();
      contexts.push(context);
      return context;
    });
    for (const context of contexts) await context.close();
  },
  arrive: async ({ newContext }, use) => {
    const visitors: Visitor[] = [];
    await use(async () => {
      const visitor = await Visitor.arrive(await newContext());
      visitors.push(visitor);
      return visitor;
    });
    for (const { trouble } of visitors) expect(trouble).toEqual([]);
  },
  visitor: async ({ arrive }, use) => use(await arrive()),
});
