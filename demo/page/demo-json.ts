/** One of the people the development issuer knows. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly permissions: readonly string[];
}

/** Where the parts of the demo listen, as `GET /demo.json` says. */
export interface Demo {
  /** Base URL of the gateway. */
  readonly gateway: string;
  /** Base URL of the development issuer. */
  readonly issuer: string;
  /** URL of the operators' page. */
  readonly operators: string;
  /** The route the tickets are for, such as `/chat`. */
  readonly route: string;
  readonly people: readonly Person[];
}

/** Asks the page's own server where everything is. Throws an `Error` fit to be shown. */
export async function fetchDemo(): Promise<Demo> {
  const answer = await fetch('demo.json', { headers: { accept: 'application/json' } });
  if (!answer.ok) throw new Error(`demo.json was answered with status ${answer.status}`);
  return readDemo(await answer.json());
}

/** Checks the shape of `demo.json`. */
function readDemo(json: unknown): Demo {
  const { gateway, issuer, operators, route, people } = record(json, 'demo.json');
  if (!Array.isArray(people) || people.length === 0) throw new Error('demo.json names no people');
  return {
    gateway: origin(gateway, 'gateway'),
    issuer: origin(issuer, 'issuer'),
    operators: `${origin(operators, 'operators')}/admin/`,
    route: text(route, 'route'),
    people: people.map(readPerson),
  };
}

/** The socket's URL: the gateway's route under `ws:` or `wss:`. */
export function socketUrl(demo: Demo): string {
  const url = new URL(demo.route, demo.gateway);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

function readPerson(json: unknown): Person {
  const { id, name, email, permissions } = record(json, 'a person of demo.json');
  const named = Array.isArray(permissions) ? permissions : [];
  return {
    id: text(id, 'people.id'),
    name: text(name, 'people.name'),
    email: text(email, 'people.email'),
    permissions: named.filter((permission) => typeof permission === 'string'),
  };
}

function record(json: unknown, what: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error(`${what} is not an object`);
  return json as Record<string, unknown>;
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '') throw new Error(`demo.json has no ${field}`);
  return value;
}

function origin(value: unknown, field: string): string {
  const url = text(value, field);
  if (!URL.canParse(url)) throw new Error(`demo.json has a ${field} that is no URL`);
  return url;
}
