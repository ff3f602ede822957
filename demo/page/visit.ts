import {
  AdmitConnection,
  AdmitError,
  type CloseDetail,
  createTicketSource,
  type MintedTicket,
  type TicketSource,
} from 'admitone';
import { type Demo, type Person, socketUrl } from './demo-json.js';
import { HeldSource } from './held-source.js';
import { isStale, type Login, signIn, signOut } from './login.js';
import { type AgentEvent, type Connected, readMessage } from './messages.js';
import { presentAgain } from './replay.js';
import {
  type Departure,
  EMPTY_SCENE,
  isConnecting,
  type Refusal,
  type Stage,
  type TicketFacts,
} from './scene.js';
import { closeText } from './words.js';

/** Where a visit puts what belongs into the timeline. */
export interface Log {
  asked(threadId: string, prompt: string): void;
  event(event: AgentEvent): void;
  remark(text: string, raw?: string): void;
}

/** The credential a connection is opened with. */
export type Method = 'ticket' | 'jwt';

const CLOSE_WAIT_MS = 5_000;

const { handshake, protocol, upstream, leaked, replay } = EMPTY_SCENE;
/** What the panels show of a socket before there is one. */
const NOTHING_SEEN = { handshake, protocol, upstream, leaked, replay };

/** One person's stay: from signing in, over any number of connections, to signing out. */
export class Visit {
  readonly #demo: Demo;
  readonly #stage: Stage;
  readonly #log: Log;
  readonly #source: HeldSource;
  #login: Login;
  #connection: AdmitConnection | undefined;

  private constructor(demo: Demo, stage: Stage, log: Log, login: Login) {
    this.#demo = demo;
    this.#stage = stage;
    this.#log = log;
    this.#login = login;
    this.#source = new HeldSource(
      this.#ticketsFor(() => this.#freshToken()),
      {
        minting: () => stage.set({ ...NOTHING_SEEN, ticket: { name: 'minting' } }),
        minted: (ticket) => this.#minted(ticket),
        mintFailed: (error) => stage.set({ ticket: { name: 'notMinted', refusal: refusalOf(error) } }),
      },
    );
  }

  /** Signs the person in and begins the visit. Throws an `Error` fit to be shown. */
  static async begin(demo: Demo, person: Person, stage: Stage, log: Log): Promise<Visit> {
    stage.set({ ...EMPTY_SCENE, visitor: { name: 'arriving', person } });
    const visit = new Visit(demo, stage, log, await signIn(demo, person));
    stage.set({ visitor: { name: 'here', person } });
    return visit;
  }

  /** Mints a ticket and lets it wait. A failure shows in the ticket's life. */
  async mint(): Promise<void> {
    this.#forgetConnection();
    await this.#source.prefetch();
  }

  /** Opens the socket: with the ticket that waits, else with a new one, or with the login itself. */
  connect(method: Method): void {
    this.#forgetConnection();
    if (method === 'jwt') this.#bypassTickets();
    const connection = new AdmitConnection({
      source: this.#source,
      autoConnect: false,
      ...(method === 'jwt' && { enabled: false, fallback: 'jwt', url: socketUrl(this.#demo) }),
    });
    this.#connection = connection;
    this.#follow(connection);
    connection.connect();
  }

  disconnect(): void {
    this.#connection?.close(1000);
  }

  /** Sends a prompt, in a thread of its own. */
  send(prompt: string): void {
    const threadId = `thread-${crypto.randomUUID().slice(0, 8)}`;
    this.#connection?.send(JSON.stringify({ type: 'user_message', content: prompt, thread_id: threadId }));
    this.#log.asked(threadId, prompt);
  }

  /** Presents the last ticket once more and shows what the gateway says. */
  async replay(): Promise<void> {
    const ticket = this.#source.given;
    if (ticket === undefined || this.#stage.scene.replay.name === 'trying') return;
    this.#stage.set({ replay: { name: 'trying' } });
    const outcome = await presentAgain(ticket);
    this.#stage.set({ replay: { name: 'tried', outcome } });
  }

  /** Ends the login, waits for what that does to the socket, and tries to mint once more. */
  async leave(): Promise<void> {
    const { person } = this.#login;
    this.#stage.set({ visitor: { name: 'leaving', person } });
    const asked = performance.now();
    const end = this.#nextClose(asked);
    try {
      const logout = await signOut(this.#demo, this.#login);
      const close = await end;
      this.#abandonConnection();
      const mint = await this.#mintWithOldLogin();
      const tookMs = logout.at - asked;
      const departure: Departure = { person, logoutStatus: logout.status, tookMs, ...close, ...mint };
      this.#stage.set({ visitor: { name: 'left', departure } });
    } catch (error) {
      this.#stage.set({ visitor: { name: 'here', person } });
      throw error;
    }
  }

  #ticketsFor(token: () => string | Promise<string>): TicketSource {
    return createTicketSource({ gateway: this.#demo.gateway, route: this.#demo.route, token });
  }

  async #freshToken(): Promise<string> {
    if (isStale(this.#login, Date.now())) this.#login = await signIn(this.#demo, this.#login.person);
    return this.#login.token;
  }

  #abandonConnection(): void {
    this.#connection?.close(1000);
    this.#connection = undefined;
  }

  #forgetConnection(): void {
    this.#abandonConnection();
    this.#stage.set({ ...NOTHING_SEEN, connection: EMPTY_SCENE.connection });
  }

  #bypassTickets(): void {
    this.#source.clear();
    this.#stage.set({ ticket: { name: 'bypassed' } });
  }

  #minted(ticket: MintedTicket): void {
    this.#stage.set({ ticket: { name: 'unspent', ticket: factsOf(ticket) } });
  }

  #follow(connection: AdmitConnection): void {
    const current = () => this.#connection === connection;
    connection.addEventListener('statechange', ({ detail }) => {
      if (current()) this.#stage.set({ connection: detail.state });
    });
    connection.addEventListener('open', () => {
      if (current()) this.#opened(connection);
    });
    connection.addEventListener('close', ({ detail }) => {
      if (current()) this.#closed(connection, detail);
    });
    connection.addEventListener('message', ({ data }) => {
      if (current()) this.#received(data);
    });
  }

  #opened(connection: AdmitConnection): void {
    const { ticket } = this.#stage.scene;
    this.#stage.set({ handshake: connection.handshake, protocol: connection.protocol, upstream: undefined });
    if (ticket.name !== 'unspent') return;
    const afterMs = performance.now() - ticket.ticket.mintedAt;
    this.#stage.set({ ticket: { ...ticket, name: 'redeemed', afterMs }, replay: { name: 'possible' } });
  }

  #closed({ handshake }: AdmitConnection, { code, close }: CloseDetail): void {
    const { ticket } = this.#stage.scene;
    if (ticket.name !== 'unspent') return;
    const detail = close === undefined ? '' : closeText(close);
    this.#stage.set({ ticket: { ...ticket, name: 'refused', refusal: { code, detail } }, handshake });
  }

  #received(data: unknown): void {
    const message = readMessage(data);
    switch (message.kind) {
      case 'connected':
        this.#stage.set({ upstream: message, leaked: this.#hasSecret(message) });
        return;
      case 'event':
        this.#log.event(message);
        return;
      case 'error':
        this.#log.remark(`The upstream says: ${message.detail}`);
        return;
      case 'unreadable':
        this.#log.remark(`Not understood: ${message.why}.`, message.raw);
    }
  }

  #hasSecret({ path, headers }: Connected): boolean {
    const secrets = [this.#login.token, this.#source.given?.ticket].filter((secret) => secret !== undefined);
    const received = [path, ...headers.flat()];
    return secrets.some((secret) => received.some((text) => text.includes(secret)));
  }

  async #nextClose(asked: number): Promise<Pick<Departure, 'close'>> {
    const connection = this.#connection;
    if (connection === undefined || !isConnecting(connection.state)) return {};
    return new Promise((resolve) => {
      const silence = setTimeout(() => resolve({}), CLOSE_WAIT_MS);
      const ended = ({ detail: { close } }: CustomEvent<CloseDetail>) => {
        clearTimeout(silence);
        resolve(close === undefined ? {} : { close: { ...close, tookMs: performance.now() - asked } });
      };
      connection.addEventListener('close', ended, { once: true });
    });
  }

  async #mintWithOldLogin(): Promise<Pick<Departure, 'mint'>> {
    const { token } = this.#login;
    try {
      await this.#ticketsFor(() => token).acquire({ maxRetries: 0 });
      return {};
    } catch (error) {
      return { mint: refusalOf(error) };
    }
  }
}

function factsOf(ticket: MintedTicket): TicketFacts {
  const { sessionId, ttlSeconds, expiresIn, singleUse } = ticket;
  const length = ticket.ticket.length;
  return {
    sessionId,
    ttlSeconds,
    expiresIn,
    singleUse,
    length,
    mintedOn: new Date(),
    mintedAt: performance.now(),
  };
}

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof AdmitError)) return { code: 'unknown', detail: 'The mint failed.' };
  const { code, status, message } = error;
  return { code, detail: message, ...(status !== undefined && { status }) };
}
