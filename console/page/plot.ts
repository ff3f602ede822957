import { drawn, element } from './dom.js';
import { above, type Point, path, places, ticks } from './scale.js';
import type { Drawing, Series } from './series.js';
import { duration } from './words.js';

const HEIGHT = 132;
const MARGIN = { top: 8, right: 4, bottom: 18, left: 46 } as const;

/** How a plot is told and shown. */
export interface Manner {
  readonly title: string;
  /** Under the title: what a unit is. */
  readonly unit: string;
  readonly form: 'areas' | 'lines';
  /** There are no parts of what it shows. */
  readonly whole?: boolean;
  readonly value: (value: number | undefined) => string;
  /** What the totals stand under, where there are any. */
  readonly totals?: string;
  readonly total?: (value: number) => string;
}

/** A small plot with its legend. The pointer, or the arrow keys, choose a moment, whose values the legend then shows. */
export class Plot {
  readonly element: HTMLElement;
  readonly #picture = drawn('svg', {
    class: 'plot',
    height: HEIGHT,
    tabindex: 0,
    role: 'img',
    'aria-description': 'The arrow keys go back in time.',
  });
  /** What the arrow keys have come to, for who does not see it. */
  readonly #said = element('p', { class: 'visually-hidden', role: 'status' });
  readonly #legend = element('tbody');
  readonly #when = element('th', { scope: 'col' }, 'now');
  readonly #manner: Manner;
  #drawing: Drawing = { moments: [], series: [] };
  /** The chosen moment, counted from the end. */
  #chosen: number | undefined;
  #width = 0;

  constructor(name: string, manner: Manner) {
    this.#manner = manner;
    const title = element('h3', {}, manner.title);
    const head = element('tr', {}, element('td'), this.#when);
    if (manner.totals !== undefined) head.append(element('th', { scope: 'col' }, manner.totals));
    const legend = element('table', { class: 'legend' }, element('thead', {}, head), this.#legend);
    this.element = element('section', { class: 'card figure', id: `plot-${name}` });
    this.element.append(
      element('div', { class: 'figure-head' }, title, element('p', { class: 'quiet' }, manner.unit)),
      this.#picture,
      legend,
      this.#said,
    );
    this.#listen();
  }

  /** Draws it anew. */
  show(drawing: Drawing): void {
    this.#drawing = drawing;
    this.#draw();
  }

  #listen(): void {
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width === this.#width) return;
      this.#width = width;
      this.#draw();
    }).observe(this.#picture);
    this.#picture.addEventListener('pointermove', (event) => this.#choose(this.#momentAt(event.offsetX)));
    this.#picture.addEventListener('pointerleave', () => this.#choose(undefined));
    this.#picture.addEventListener('blur', () => this.#choose(undefined));
    this.#picture.addEventListener('keydown', (event) => {
      const step = event.key === 'ArrowLeft' ? 1 : event.key === 'ArrowRight' ? -1 : 0;
      if (step === 0) return;
      event.preventDefault();
      this.#choose(Math.min(Math.max((this.#chosen ?? 0) + step, 0), this.#drawing.moments.length - 1));
      this.#said.textContent = this.#inWords();
    });
  }

  #choose(chosen: number | undefined): void {
    this.#chosen = chosen;
    this.#draw();
  }

  #momentAt(x: number): number | undefined {
    const { moments } = this.#drawing;
    const last = moments.length - 1;
    const xs = places(moments, this.#frame());
    let nearest = last;
    for (const [at, place] of xs.entries())
      if (Math.abs(place - x) < Math.abs((xs[nearest] ?? 0) - x)) nearest = at;
    return last < 0 ? undefined : last - nearest;
  }

  #frame(): { left: number; right: number } {
    return { left: MARGIN.left, right: this.#width - MARGIN.right };
  }

  #draw(): void {
    const { moments, series } = this.#drawing;
    this.#showLegend();
    if (this.#width <= MARGIN.left + MARGIN.right) return;
    const tops =
      this.#manner.form === 'areas' ? stacked(series, moments.length) : series.map(({ values }) => values);
    const highest = Math.max(0, ...tops.flat().filter((value) => value !== undefined));
    const grid = ticks(highest, this.#manner.whole);
    const y = (value: number) =>
      HEIGHT - MARGIN.bottom - (value / (grid.at(-1) ?? 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const parts: SVGElement[] = grid.flatMap((value) => this.#gridLine(value, y(value)));
    const xs = places(moments, this.#frame());
    const shapes = series.map(({ colour }, at) => {
      const points = pointsOf(tops[at] ?? [], xs, moments, y);
      const below = pointsOf(at === 0 ? moments.map(() => 0) : (tops[at - 1] ?? []), xs, moments, y);
      return this.#manner.form === 'areas'
        ? drawn('path', { class: `area series-${colour}`, d: above(points, below) })
        : drawn('path', { class: `line series-${colour}`, d: path(points) });
    });
    parts.push(...shapes, ...this.#axis());
    const chosen = this.#chosen === undefined ? undefined : xs.at(-1 - this.#chosen);
    if (chosen !== undefined)
      parts.push(
        drawn('line', { class: 'rule', x1: chosen, x2: chosen, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }),
      );
    this.#picture.setAttribute('aria-label', this.#inWords());
    this.#picture.replaceChildren(...parts);
  }

  #gridLine(value: number, y: number): SVGElement[] {
    const { left, right } = this.#frame();
    return [
      drawn('line', { class: 'grid', x1: left, x2: right, y1: y, y2: y }),
      drawn(
        'text',
        { class: 'tick', x: left - 6, y: y + 4, 'text-anchor': 'end' },
        this.#manner.value(value),
      ),
    ];
  }

  #axis(): SVGElement[] {
    const { left, right } = this.#frame();
    const { moments } = this.#drawing;
    const [first, last] = [moments[0], moments.at(-1)];
    if (first === undefined || last === undefined) return [];
    const ago = duration((last.at - first.at) / 1000 + first.seconds);
    const y = HEIGHT - 4;
    return [
      drawn('text', { class: 'tick', x: left, y }, `${ago} ago`),
      drawn('text', { class: 'tick', x: right, y, 'text-anchor': 'end' }, 'now'),
    ];
  }

  #showLegend(): void {
    this.#when.textContent = this.#ago();
    this.#legend.replaceChildren(...this.#drawing.series.map((one) => this.#legendRow(one, this.#at())));
  }

  #legendRow({ word, label, colour, values, total }: Series, at: number): HTMLElement {
    const swatch = element('span', { class: `swatch series-${colour}`, 'aria-hidden': 'true' });
    const row = element('tr', { 'data-word': word });
    row.append(
      element('th', { scope: 'row' }, swatch, label),
      element('td', {}, this.#manner.value(values[at])),
    );
    if (this.#manner.totals !== undefined)
      row.append(element('td', { class: 'total' }, this.#manner.total?.(total ?? 0) ?? ''));
    return row;
  }

  /** The place of the moment that is shown. */
  #at(): number {
    return this.#drawing.moments.length - 1 - (this.#chosen ?? 0);
  }

  #ago(): string {
    const { moments } = this.#drawing;
    const ms = (moments.at(-1)?.at ?? 0) - (moments[this.#at()]?.at ?? 0);
    return this.#chosen ? `${duration(ms / 1000)} ago` : 'now';
  }

  #inWords(): string {
    const { title, value, unit } = this.#manner;
    const told = this.#drawing.series.map(({ label, values }) => `${label} ${value(values[this.#at()])}`);
    return `${title}, ${unit}, ${this.#ago()}: ${told.join(', ') || 'nothing'}`;
  }
}

/** The upper edge of each area, standing on those before it. */
function stacked(series: readonly Series[], moments: number): readonly (readonly number[])[] {
  let edge: readonly number[] = Array.from({ length: moments }, () => 0);
  return series.map(({ values }) => {
    edge = edge.map((value, at) => value + (values[at] ?? 0));
    return edge;
  });
}

function pointsOf(
  values: readonly (number | undefined)[],
  xs: readonly number[],
  moments: Drawing['moments'],
  y: (value: number) => number,
): readonly Point[] {
  return values.map((value, at) => ({
    x: xs[at] ?? 0,
    y: value === undefined ? undefined : y(value),
    afterGap: moments[at]?.afterGap ?? false,
  }));
}
