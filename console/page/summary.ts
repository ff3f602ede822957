/** Counts by a word of the gateway's. */
export type ByWord = Readonly<Record<string, number>>;

/** What is counted by word, from a node's start on. */
export const KINDS = ['mints', 'redeems', 'admissions', 'refusals', 'ended'] as const;
export type Kind = (typeof KINDS)[number];

/** What is timed. */
export const OPERATIONS = ['mint', 'handshake', 'put', 'take'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** How one node is at one moment, as the gateway's `summary` writes it. */
export interface Summary {
  readonly node: string;
  readonly version: string;
  /** When it said so, Unix milliseconds by its own clock. */
  readonly at: number;
  readonly uptimeSeconds: number;
  readonly status: string;
  readonly store: { readonly kind: string; readonly answers: boolean };
  /** None when the node never knew every revocation. */
  readonly mirrorAgeSeconds: number | undefined;
  /** Live sessions by route. */
  readonly sessions: ByWord;
  readonly counts: Readonly<Record<Kind, ByWord>>;
  /** How many took so long: a count for each bucket. */
  readonly latencies: Readonly<Record<Operation, readonly number[]>>;
}

/** How all nodes are, as one of them tells it every second. */
export interface Nodes {
  /** The node that tells. */
  readonly here: string;
  /** Whether the others could be read. */
  readonly isWhole: boolean;
  /** The upper ends of the latencies' buckets, in microseconds; one more has no end. */
  readonly boundsMicros: readonly number[];
  readonly nodes: readonly Summary[];
}

/** Reads what the gateway tells. A newer node may say more, an older one less: what is absent counts as nothing. */
export function readNodes(json: unknown): Nodes {
  const told = object(json);
  return {
    here: text(told.here),
    isWhole: told.is_whole === true,
    boundsMicros: numbers(told.bounds_micros),
    nodes: Array.isArray(told.nodes) ? told.nodes.map(readSummary) : [],
  };
}

function readSummary(json: unknown): Summary {
  const told = object(json);
  const store = object(told.store);
  const latencies = object(told.latencies);
  return {
    node: text(told.node),
    version: text(told.version),
    at: number(told.at),
    uptimeSeconds: number(told.uptime_seconds),
    status: text(told.status),
    store: { kind: text(store.kind), answers: store.answers === true },
    mirrorAgeSeconds: typeof told.mirror_age_seconds === 'number' ? told.mirror_age_seconds : undefined,
    sessions: byWord(told.sessions),
    counts: forEach(KINDS, (kind) => byWord(told[kind])),
    latencies: forEach(OPERATIONS, (operation) => numbers(latencies[operation])),
  };
}

/** A record with a value for each name. */
export function forEach<Name extends string, Value>(
  names: readonly Name[],
  value: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>;
}

/** An object of what was told, or none: as are those below. */
export function object(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
}

export function text(json: unknown): string {
  return typeof json === 'string' ? json : '';
}

export function number(json: unknown): number {
  return typeof json === 'number' && Number.isFinite(json) ? json : 0;
}

function numbers(json: unknown): readonly number[] {
  return Array.isArray(json) ? json.map(number) : [];
}

function byWord(json: unknown): ByWord {
  return Object.fromEntries(Object.entries(object(json)).map(([word, count]) => [word, number(count)]));
}
