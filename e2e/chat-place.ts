// A page with a connection of the SDK, the gateway it goes through, and an upstream that says everything back.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { WebSocketServer } from 'ws';
import type {
  AdmitConnection,
  ConnectionOptions,
  TicketSource,
  TicketSourceOptions,
} from '../packages/admitone/src/index.js';
import { RestartableGateway } from './restartable-gateway.js';
import { SdkPages } from './sdk-page.js';

declare global {
  interface Window {
    source: TicketSource;
    chat: AdmitConnection;
    /** What happened to the connection and to the page, in its order. */
    seen: string[];
  }
}

export class ChatPlace {
  private constructor(
    readonly upstream: WebSocketServer,
    readonly gateway: RestartableGateway,
    private readonly pages: SdkPages,
  ) {}

  static async open(): Promise<ChatPlace> {
    const pages = await SdkPages.serve();
    const upstream = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    upstream.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    await once(upstream, 'listening');
    const url = `ws://127.0.0.1:${(upstream.address() as AddressInfo).port}/`;
    const options = { origins: [pages.origin], route: 'jwt_fallback = "allow"' };
    const gateway = await RestartableGateway.serve({ '/chat': url }, options);
    return new ChatPlace(upstream, gateway, pages);
  }

  async close(): Promise<void> {
    await this.gateway.kill();
    this.upstream.close();
    this.pages.stop();
  }

  /** The upstream's URL, around the gateway. */
  get direct(): string {
    return `ws://127.0.0.1:${(this.upstream.address() as AddressInfo).port}/`;
  }

  /** The page's URL. */
  get page(): string {
    return `${this.pages.origin}/`;
  }

  /** Leaves a connection in the page; its URL is that of the gateway, or of what stands before it. */
  async connect(
    page: Page,
    source: Partial<TicketSourceOptions> = {},
    connection: Partial<ConnectionOptions> = {},
  ): Promise<void> {
    await page.waitForFunction(() => window.admitone);
    const gateway = source.gateway ?? this.gateway.url;
    const options = { source: { ...source, gateway }, connection: { url: `${gateway}/chat`, ...connection } };
    await page.evaluate(connectIn, { ...options, token: this.gateway.logIn('ada') });
  }
}

interface Given {
  readonly token: string;
  readonly source: Omit<TicketSourceOptions, 'token'>;
  readonly connection: Partial<ConnectionOptions>;
}

/** Runs in the page. */
function connectIn({ token, source, connection }: Given): void {
  const { AdmitConnection, createTicketSource } = window.admitone;
  window.seen = [];
  const tell = (what: string) => window.seen.push(what);
  addEventListener('pageshow', ({ persisted }) => tell(`pageshow, ${persisted ? 'persisted' : 'anew'}`));
  for (const type of ['online', 'offline']) addEventListener(type, () => tell(type));
  document.addEventListener('visibilitychange', () => tell(document.visibilityState));
  window.source = createTicketSource({ ...source, token: () => token });
  window.chat = new AdmitConnection({ ...connection, source: window.source });
  window.chat.addEventListener('open', () => tell('open'));
  window.chat.addEventListener('message', ({ data }) => tell(`message ${data}`));
  window.chat.addEventListener('error', ({ detail }) => tell(detail.code));
}
