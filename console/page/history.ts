import {
  type ByWord,
  forEach,
  KINDS,
  type Kind,
  type Nodes,
  OPERATIONS,
  type Operation,
  type Summary,
} from './summary.js';

/** Most moments that are kept; at that many, each two become one. */
const MOST_MOMENTS = 600;

/** A silence of so many milliseconds is a gap in the plots. */
const GAP_MS = 4_000;

/** What one node did from one moment to the next. */
export interface Figures {
  readonly sessions: ByWord;
  /** In all, within the moment. */
  readonly counts: Readonly<Record<Kind, ByWord>>;
  readonly latencies: Readonly<Record<Operation, readonly number[]>>;
}

/** A stretch of time and what each node did in it. */
export interface Moment {
  /** Its end, in milliseconds of this page's clock. */
  readonly at: number;
  readonly seconds: number;
  readonly nodes: ReadonlyMap<string, Figures>;
  /** Nothing is known of what was before. */
  readonly afterGap: boolean;
}

/** What every node did since the page was opened, in fewer and longer moments the longer that is ago. */
export class History {
  #moments: Moment[] = [];
  #last = new Map<string, Summary>();
  #lastAt: number | undefined;
  readonly #totals = new Map<string, Record<Kind, ByWord>>();
  /** How many seconds each kept moment has, as a rule. */
  #step = 1;

  /** Oldest first. */
  get moments(): readonly Moment[] {
    return this.#moments;
  }

  /** Takes what was told at `now` by this page's clock. */
  add(told: Nodes, now: number): void {
    const afterGap = this.#lastAt !== undefined && now - this.#lastAt > GAP_MS;
    const seconds = this.#lastAt === undefined ? 1 : Math.max((now - this.#lastAt) / 1000, 0.001);
    const nodes = new Map<string, Figures>();
    for (const summary of told.nodes) nodes.set(summary.node, this.#since(summary));
    this.#lastAt = now;
    this.#put({ at: now, seconds, nodes, afterGap });
  }

  /** What some nodes counted since the page was opened. */
  totals(kind: Kind, nodes: readonly string[]): ByWord {
    return nodes.reduce<ByWord>((sum, node) => added(sum, this.#totals.get(node)?.[kind] ?? {}), {});
  }

  /** What a node did since it was last heard of; nothing the first time, since it did that before the page was there. */
  #since(summary: Summary): Figures {
    const before = this.#last.get(summary.node);
    this.#last.set(summary.node, summary);
    const figures: Figures = {
      sessions: summary.sessions,
      counts: forEach(KINDS, (kind) =>
        before === undefined ? {} : subtracted(summary.counts[kind], before.counts[kind]),
      ),
      latencies: forEach(OPERATIONS, (operation) =>
        before === undefined ? [] : differences(summary.latencies[operation], before.latencies[operation]),
      ),
    };
    const totals = this.#totals.get(summary.node) ?? forEach(KINDS, (): ByWord => ({}));
    this.#totals.set(
      summary.node,
      forEach(KINDS, (kind) => added(totals[kind], figures.counts[kind])),
    );
    return figures;
  }

  #put(moment: Moment): void {
    const last = this.#moments.at(-1);
    if (last !== undefined && last.seconds + moment.seconds <= this.#step + 0.5 && !moment.afterGap)
      this.#moments[this.#moments.length - 1] = joined(last, moment);
    else this.#moments.push(moment);
    if (this.#moments.length >= MOST_MOMENTS) this.#thin();
  }

  #thin(): void {
    const pairs: Moment[] = [];
    for (const moment of this.#moments) {
      const last = pairs.at(-1);
      if (last !== undefined && last.seconds <= this.#step + 0.5 && !moment.afterGap)
        pairs[pairs.length - 1] = joined(last, moment);
      else pairs.push(moment);
    }
    this.#moments = pairs;
    this.#step *= 2;
  }
}

function joined(one: Moment, next: Moment): Moment {
  const nodes = new Map(next.nodes);
  for (const [node, before] of one.nodes) {
    const after = next.nodes.get(node);
    nodes.set(node, after === undefined ? { ...before, sessions: {} } : together(before, after));
  }
  return { at: next.at, seconds: one.seconds + next.seconds, nodes, afterGap: one.afterGap };
}

function together(before: Figures, after: Figures): Figures {
  return {
    sessions: after.sessions,
    counts: forEach(KINDS, (kind) => added(before.counts[kind], after.counts[kind])),
    latencies: forEach(OPERATIONS, (name) => sums(before.latencies[name], after.latencies[name])),
  };
}

/** Both, word by word. */
export function added(one: ByWord, other: ByWord): ByWord {
  const sum: Record<string, number> = { ...one };
  for (const [word, count] of Object.entries(other)) sum[word] = (sum[word] ?? 0) + count;
  return sum;
}

/** Counters only grow: one that is lower than before has begun anew. */
function subtracted(now: ByWord, before: ByWord): ByWord {
  const since: Record<string, number> = {};
  for (const [word, count] of Object.entries(now)) {
    const grown = count >= (before[word] ?? 0) ? count - (before[word] ?? 0) : count;
    if (grown > 0) since[word] = grown;
  }
  return since;
}

function differences(now: readonly number[], before: readonly number[]): readonly number[] {
  return now.map((count, at) => (count >= (before[at] ?? 0) ? count - (before[at] ?? 0) : count));
}

/** Both, place by place. */
export function sums(one: readonly number[], other: readonly number[]): readonly number[] {
  const longer = one.length >= other.length ? one : other;
  return longer.map((_, at) => (one[at] ?? 0) + (other[at] ?? 0));
}
