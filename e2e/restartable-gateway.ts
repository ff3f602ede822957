import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { freePort } from './free-port.js';
import { Gateway } from './gateway-process.js';

const ISSUER = 'https://login.example';

/** What is said of a route's rollout. */
interface RouteRollout {
  readonly route: string;
  readonly percent: number;
  readonly allow: readonly { readonly subject: string }[];
  readonly deny: readonly { readonly subject: string }[];
}

/** A gateway that is killed and comes back at the same address, and a login that outlives it. */
export class RestartableGateway {
  readonly #secret = randomBytes(32).toString('hex');
  readonly #port: number;
  readonly #server: string;
  readonly #tables: string;
  readonly #admin: number | undefined;
  #gateway: Gateway | undefined;

  private constructor(port: number, admin: number | undefined, server: string, tables: string) {
    this.#port = port;
    this.#admin = admin;
    this.#server = server;
    this.#tables = tables;
  }

  /**
   * @param upstreams which socket URL is behind which path
   * @param origins the pages that may connect, beside what is no page
   * @param server lines of `[server]`
   * @param route lines of every route
   * @param tables further tables of the configuration
   * @param operated whether it has a listener for operators
   */
  static async serve(
    upstreams: Readonly<Record<string, string>>,
    { origins = ['https://app.example'], server = '', route = '', tables = '', operated = false } = {},
  ): Promise<RestartableGateway> {
    const routes = Object.entries(upstreams).map(
      ([path, upstream]) => `[[routes]]
path = "${path}"
upstream = "${upstream}"
origins = ${JSON.stringify(origins)}
${route}
`,
    );
    const gateway = new RestartableGateway(
      await freePort(),
      operated ? await freePort() : undefined,
      server,
      tables + routes.join(''),
    );
    await gateway.start();
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The operators' page, where there is a listener for them. */
  get operators(): string {
    return `http://127.0.0.1:${this.#admin}/admin/`;
  }

  /** What operators sign in with. */
  get operatorsSecret(): string {
    return this.#secret;
  }

  /** The URL of a socket. */
  socket(path: string): string {
    return `ws://127.0.0.1:${this.#port}${path}`;
  }

  async start(): Promise<void> {
    this.#gateway = await Gateway.serve(this.#configuration(), { 'login.secret': this.#secret });
  }

  async kill(): Promise<void> {
    await this.#gateway?.stop();
    this.#gateway = undefined;
  }

  /** Closes every socket with 1012, over the time that `drain_seconds` says, and ends. */
  async drain(): Promise<void> {
    await this.#gateway?.stop('SIGTERM');
    this.#gateway = undefined;
  }

  /** An access token of a login of its own. */
  logIn(subject: string): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: ISSUER,
      aud: 'admitone',
      sub: subject,
      sid: randomUUID(),
      iat: now,
      exp: now + 600,
    };
    const input = [{ alg: 'HS256', typ: 'at+jwt' }, claims].map(base64url).join('.');
    return `${input}.${createHmac('sha256', this.#secret).update(input).digest('base64url')}`;
  }

  async logOut(token: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}/auth/logout`, { method: 'POST', headers, body: '{}' });
    if (!answer.ok) throw new Error(`the logout was answered ${answer.status}: ${await answer.text()}`);
  }

  /** Lets so many of a hundred people have tickets on a route, as an operator does. */
  async rollOut(percent: number, route: string): Promise<void> {
    await this.#rollout({ method: 'POST', body: JSON.stringify({ percent, route }) });
  }

  /** What the gateway says of a route's rollout. */
  async rollout(route: string): Promise<RouteRollout> {
    const { routes } = (await this.#rollout({})) as { routes: readonly RouteRollout[] };
    const found = routes.find((told) => told.route === route);
    if (found === undefined) throw new Error(`nothing is said of ${route}`);
    return found;
  }

  async #rollout(request: RequestInit): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.#secret}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.operators}api/rollout`, { ...request, headers });
    if (!answer.ok) throw new Error(`the rollout was answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  #configuration(): string {
    return `
[server]
listen = "127.0.0.1:${this.#port}"
${this.#server}
${this.#admin === undefined ? '' : `[admin]\nlisten = "127.0.0.1:${this.#admin}"\nsecret_file = "login.secret"`}
[[issuers]]
name = "login"
issuer = "${ISSUER}"
audience = "admitone"
algorithms = "HS256"
secret_file = "login.secret"
require_at_jwt = false
${this.#tables}`;
  }
}

function base64url(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
