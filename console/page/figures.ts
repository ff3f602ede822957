import { History } from './history.js';
import { Plot } from './plot.js';
import { latencies, rates, sessions } from './series.js';
import type { Nodes } from './summary.js';
import { Tile } from './tiles.js';
import { count, milliseconds, rate } from './words.js';

const A_SECOND = { unit: 'per second', form: 'areas', value: (value?: number) => rate(value ?? 0) } as const;
const COUNTED = { ...A_SECOND, totals: 'in all', total: count } as const;

const TIMED = [
  { operation: 'mint', share: 0.5, label: 'mint p50' },
  { operation: 'mint', share: 0.99, label: 'mint p99' },
  { operation: 'handshake', share: 0.5, label: 'handshake p50' },
  { operation: 'handshake', share: 0.99, label: 'handshake p99' },
  { operation: 'take', share: 0.99, label: 'the store’s redemption p99' },
] as const;

/** The figures at the top, and the plots below them. */
export class Figures {
  #history = new History();
  readonly #tiles = {
    sessions: new Tile('sessions', 'Live connections', 7),
    mints: new Tile('mints', 'Tickets minted / s', 1),
    admissions: new Tile('admissions', 'Admitted / s', 1),
    refusals: new Tile('refusals', 'Refused / s', 5),
    handshake: new Tile('handshake', 'Handshake p99', 3),
    mint: new Tile('mint', 'Mint p99', 3),
  };
  readonly #plots = {
    mints: new Plot('mints', { title: 'Mint requests', ...COUNTED }),
    redeems: new Plot('redeems', { title: 'Tickets presented', ...COUNTED }),
    admissions: new Plot('admissions', { title: 'Methods in use', ...COUNTED }),
    refusals: new Plot('refusals', { title: 'Refusals by reason', ...COUNTED }),
    sessions: new Plot('sessions', {
      title: 'Live connections',
      unit: 'by route',
      form: 'areas',
      whole: true,
      value: (value) => count(value ?? 0),
    }),
    latencies: new Plot('latencies', {
      title: 'Latencies',
      unit: 'over ten seconds',
      form: 'lines',
      value: milliseconds,
    }),
  };

  constructor(tiles: HTMLElement, plots: HTMLElement) {
    tiles.replaceChildren(...Object.values(this.#tiles).map(({ element }) => element));
    plots.replaceChildren(...Object.values(this.#plots).map(({ element }) => element));
  }

  /** Takes what was told at `now`. */
  add(told: Nodes, now: number): void {
    this.#history.add(told, now);
  }

  clear(): void {
    this.#history = new History();
  }

  /** Draws what these nodes did. */
  draw(nodes: readonly string[], boundsMicros: readonly number[]): void {
    const history = this.#history;
    const drawings = {
      mints: rates(history, nodes, 'mints', ['minted']),
      redeems: rates(history, nodes, 'redeems', ['admitted']),
      admissions: rates(history, nodes, 'admissions', ['ticket', 'jwt']),
      refusals: rates(history, nodes, 'refusals', []),
      sessions: sessions(history, nodes),
      latencies: latencies(history, nodes, TIMED, boundsMicros),
    };
    for (const name of ['mints', 'redeems', 'admissions', 'refusals', 'sessions', 'latencies'] as const)
      this.#plots[name].show(drawings[name]);

    const now = (name: keyof typeof drawings) =>
      drawings[name].series.reduce((sum, { values }) => sum + (values.at(-1) ?? 0), 0);
    this.#tiles.sessions.show(count(now('sessions')), drawings.sessions);
    const minted = drawings.mints.series.filter(({ word }) => word === 'minted');
    this.#tiles.mints.show(rate(minted[0]?.values.at(-1) ?? 0), { ...drawings.mints, series: minted });
    this.#tiles.admissions.show(rate(now('admissions')), drawings.admissions);
    this.#tiles.refusals.show(rate(now('refusals')), drawings.refusals);
    for (const operation of ['handshake', 'mint'] as const) {
      const drawing = latencies(history, nodes, [{ operation, share: 0.99, label: operation }], boundsMicros);
      this.#tiles[operation].show(milliseconds(drawing.series[0]?.values.at(-1)), drawing);
    }
  }
}
