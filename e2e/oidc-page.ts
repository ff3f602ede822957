// `examples/oidc-page` as a person meets it: served, in a browser, with a provider, a gateway and an upstream.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page, Request, WebSocket } from 'playwright-core';
import { rolldown } from 'rolldown';
import { loadConfig } from 'rolldown/config';
import { WebSocketServer } from 'ws';
import { Gateway } from './gateway-process.js';
import { PAGE, RunningProvider } from './provider.mjs';

const EXAMPLE = new URL('../examples/oidc-page/', import.meta.url);
const PACKAGE = new URL('../packages/admitone/', import.meta.url);

/** The whole path from the page to the upstream. */
export class Site {
  private constructor(
    readonly url: string,
    readonly provider: RunningProvider,
    readonly gateway: Gateway,
    private readonly pages: Server,
    private readonly upstream: WebSocketServer,
  ) {}

  static async open(): Promise<Site> {
    const pages = createServer();
    const origin = `http://127.0.0.1:${await listen(pages)}`;
    const provider = await RunningProvider.start([`${origin}/`]);
    const upstream = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    upstream.on('connection', (socket, request) => {
      socket.send(`hello ${request.headers['x-admitone-subject']}`);
      socket.on('message', (text) => socket.send(`${text}`));
    });
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    const gateway = await Gateway.serve(configuration(origin, provider.issuer, port));
    provider.tellLogoutsTo(`${gateway.url}/auth/backchannel-logout`);
    const sdk = await bundledSdk();
    const policy = contentPolicy(gateway.url, provider.issuer);
    pages.on('request', (request, response) => {
      const { pathname } = new URL(request.url ?? '/', origin);
      response.setHeader('content-security-policy', policy);
      if (pathname === '/admitone.js') return answer(response, 'js', sdk);
      if (pathname === '/settings.js')
        return answer(response, 'js', `export const GATEWAY = '${gateway.url}';`);
      const name = pathname === '/' ? 'index.html' : pathname.slice(1);
      readFile(new URL(name, EXAMPLE), 'utf8').then(
        (text) => answer(response, name.split('.').pop() ?? '', text),
        () => response.writeHead(404).end(),
      );
    });
    return new Site(`${origin}/`, provider, gateway, pages, upstream);
  }

  async close(): Promise<void> {
    await this.gateway.stop();
    this.upstream.close();
    await this.provider.stop();
    this.pages.closeAllConnections();
    this.pages.close();
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function configuration(origin: string, issuer: string, upstreamPort: number): string {
  return `
[server]
listen = "127.0.0.1:0"
[[issuers]]
name = "provider"
issuer = "${issuer}"
allowed_networks = ["127.0.0.1"]
token_kind = "id"
client_id = "${PAGE}"
algorithms = "RS256"
discovery = true
[[routes]]
path = "/chat"
upstream = "ws://127.0.0.1:${upstreamPort}/"
origins = ["${origin}"]
`;
}

/** The least that lets the page work. */
function contentPolicy(gateway: string, issuer: string): string {
  const connect = `connect-src ${gateway} ${gateway.replace('http', 'ws')} ${issuer}`;
  return `default-src 'none'; script-src 'self'; img-src data:; ${connect}; base-uri 'none'; form-action 'none'`;
}

/** What the package's build writes as `dist/index.js`. */
async function bundledSdk(): Promise<string> {
  const exported = await loadConfig(fileURLToPath(new URL('rolldown.config.mjs', PACKAGE)));
  const [main] = [typeof exported === 'function' ? await exported({}) : exported].flat();
  const bundle = await rolldown({ ...main, cwd: fileURLToPath(PACKAGE) });
  const { output } = await bundle.generate({ format: 'esm' });
  await bundle.close();
  return output[0].code;
}

function answer(response: ServerResponse, kind: string, text: string): void {
  const type = { html: 'text/html', js: 'text/javascript' }[kind] ?? 'text/plain';
  response.setHeader('content-type', `${type}; charset=utf-8`).end(text);
}

/** Somebody at the page, in one tab. */
export class Tab {
  readonly requests: Request[] = [];
  readonly sockets: WebSocket[] = [];

  private constructor(
    readonly page: Page,
    private readonly site: Site,
  ) {
    page.setDefaultTimeout(15_000);
    page.on('request', (request) => this.requests.push(request));
    page.on('websocket', (socket) => this.sockets.push(socket));
  }

  static async open(context: BrowserContext, site: Site, query = ''): Promise<Tab> {
    const tab = new Tab(await context.newPage(), site);
    await tab.page.goto(site.url + query);
    return tab;
  }

  press(name: string): Promise<void> {
    return this.page.getByRole('button', { name, exact: true }).click();
  }

  /** Logs in at the provider, by its form unless the browser is known there, and waits for the socket. */
  async logIn(name: string, { form = true } = {}): Promise<void> {
    await this.press('Log in');
    if (form) {
      await this.page.getByLabel('Name').fill(name);
      await this.press('Log in');
    }
    await this.shows(`hello ${name}`);
    await this.showsSocket('open');
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel('Message').fill(text);
    await this.press('Send');
    await this.shows(text);
  }

  async shows(message: string): Promise<void> {
    await this.page.locator('li', { hasText: message }).waitFor();
  }

  async showsSocket(state: string): Promise<void> {
    await this.page.locator('#state', { hasText: state }).waitFor();
  }

  /** Confirms at the provider, where this tab is now, that the person logs out there. */
  async confirmLogout(): Promise<void> {
    await this.press('Log out');
    await this.page.waitForURL((url) => url.href !== `${this.site.provider.issuer}/session/end`);
  }

  /** The requests to one path, at whichever host. */
  asked(path: string): Request[] {
    return this.requests.filter((request) => new URL(request.url()).pathname === path);
  }
}

/** A second, and what a busy machine adds. */
export const IN_TIME_MS = 3_000;

/** How long after the first request to a path a socket closes, in milliseconds. */
export async function closesAfter(socket: WebSocket, tab: Tab, path: string): Promise<number> {
  const asked = tab.page.waitForRequest((request) => new URL(request.url()).pathname === path);
  const [began, ended] = await Promise.all([
    asked.then(() => performance.now()),
    socket.waitForEvent('close').then(() => performance.now()),
  ]);
  return ended - began;
}
