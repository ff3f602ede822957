import { type Figures, type History, type Moment, sums } from './history.js';
import { quantile } from './quantile.js';
import type { ByWord, Kind, Operation } from './summary.js';
import { spoken } from './words.js';

/** One line or area of a plot. */
export interface Series {
  readonly word: string;
  readonly label: string;
  /** One of the palette's colours, from 1 on. */
  readonly colour: number;
  /** A value for each moment; none where there was nothing to measure. */
  readonly values: readonly (number | undefined)[];
  /** What came to pass since the page was opened, where that adds up. */
  readonly total?: number;
}

/** What a plot shows. */
export interface Drawing {
  readonly moments: readonly Moment[];
  readonly series: readonly Series[];
}

/** Words that are always shown, and the colours that they keep. What is not among them takes the next free one. */
const COLOURS: Readonly<Record<string, number>> = {
  minted: 1,
  admitted: 1,
  ticket: 1,
  jwt: 2,
  tickets_disabled: 2,
  not_logged_in: 3,
  replayed: 3,
  expired: 2,
  forged: 5,
  revoked: 4,
  store_unavailable: 5,
  over_limit: 6,
  ticket_not_accepted: 2,
  origin_not_allowed: 4,
  forbidden: 8,
  upstream_unavailable: 7,
};
const PALETTE = 8;

/** Series of a plot beyond which the smallest become one. */
const MOST_SERIES = 7;

/** Seconds that a latency is taken over, so that a quiet gateway shows some. */
const LATENCY_WINDOW = 10;

/** Events a second, by word, over the chosen nodes. */
export function rates(
  history: History,
  nodes: readonly string[],
  kind: Kind,
  always: readonly string[],
): Drawing {
  const { moments } = history;
  const totals = history.totals(kind, nodes);
  const words = ordered(always, totals);
  const of = (word: string) =>
    moments.map(
      (moment) => over(moment, nodes, (figures) => figures.counts[kind][word] ?? 0) / moment.seconds,
    );
  return { moments, series: coloured(words, of, (word) => totals[word] ?? 0) };
}

/** Live sessions by route, over the chosen nodes. */
export function sessions(history: History, nodes: readonly string[]): Drawing {
  const { moments } = history;
  const last = moments.at(-1);
  const routes = new Set(nodes.flatMap((node) => Object.keys(last?.nodes.get(node)?.sessions ?? {})));
  const now: ByWord = Object.fromEntries(
    [...routes]
      .sort()
      .map((route) => [route, last ? over(last, nodes, ({ sessions }) => sessions[route] ?? 0) : 0]),
  );
  const of = (route: string) =>
    moments.map((moment) => over(moment, nodes, (figures) => figures.sessions[route] ?? 0));
  return { moments, series: coloured(ordered([], now, true), of) };
}

/** What a share of an operation stayed below, in milliseconds, by name. */
export function latencies(
  history: History,
  nodes: readonly string[],
  wanted: readonly { readonly operation: Operation; readonly share: number; readonly label: string }[],
  boundsMicros: readonly number[],
): Drawing {
  const { moments } = history;
  const series = wanted.map(({ operation, share, label }, at) => ({
    word: label,
    label,
    colour: at + 1,
    values: moments.map((_, end) => quantile(share, recent(moments, end, nodes, operation), boundsMicros)),
  }));
  return { moments, series };
}

/** The buckets of the last seconds up to a moment. */
function recent(
  moments: readonly Moment[],
  end: number,
  nodes: readonly string[],
  operation: Operation,
): readonly number[] {
  let counts: readonly number[] = [];
  let seconds = 0;
  for (let at = end; at >= 0 && seconds < LATENCY_WINDOW; at -= 1) {
    const moment = moments[at];
    if (moment === undefined) break;
    for (const node of nodes) counts = sums(counts, moment.nodes.get(node)?.latencies[operation] ?? []);
    seconds += moment.seconds;
  }
  return counts;
}

function over(moment: Moment, nodes: readonly string[], value: (figures: Figures) => number): number {
  return nodes.reduce((sum, node) => {
    const figures = moment.nodes.get(node);
    return figures === undefined ? sum : sum + value(figures);
  }, 0);
}

/** Those that are always shown first, then by size. */
function ordered(always: readonly string[], sizes: ByWord, withZeros = false): readonly string[] {
  const others = Object.entries(sizes).filter(
    ([word, size]) => (withZeros || size > 0) && !always.includes(word),
  );
  return [...always, ...others.sort(([, one], [, other]) => other - one).map(([word]) => word)];
}

function coloured(
  words: readonly string[],
  values: (word: string) => readonly number[],
  total?: (word: string) => number,
): readonly Series[] {
  const taken = new Set(words.slice(0, MOST_SERIES).map((word) => COLOURS[word]));
  const free = Array.from({ length: PALETTE }, (_, at) => at + 1).filter((colour) => !taken.has(colour));
  const used = new Set<number>();
  const colourOf = (word: string): number => {
    const own = COLOURS[word];
    const colour = own !== undefined && !used.has(own) ? own : (free.shift() ?? PALETTE);
    used.add(colour);
    return colour;
  };
  const one = (word: string, label: string, values: readonly number[], total?: number): Series => ({
    word,
    label,
    colour: colourOf(word),
    values,
    ...(total === undefined ? {} : { total }),
  });
  const shown = words.slice(0, words.length > MOST_SERIES ? MOST_SERIES - 1 : MOST_SERIES);
  const rest = words.slice(shown.length);
  const series = shown.map((word) => one(word, spoken(word), values(word), total?.(word)));
  if (rest.length === 0) return series;
  const together = rest.map(values).reduce((sum, next) => sum.map((value, at) => value + (next[at] ?? 0)));
  const restTotal = total === undefined ? undefined : rest.reduce((sum, word) => sum + total(word), 0);
  return [...series, one('others', `${rest.length} others`, together, restTotal)];
}
