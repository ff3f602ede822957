import { drawn, element } from './dom.js';
import { above, places } from './scale.js';
import type { Drawing } from './series.js';

const SIZE = { width: 120, height: 28 } as const;

/** How far back a tile's line reaches. */
const MOMENTS = 120;

/** One figure, large, with how it was lately. */
export class Tile {
  readonly element: HTMLElement;
  readonly #value = element('p', { class: 'tile-value' }, '–');
  readonly #line = drawn('svg', {
    class: 'spark',
    viewBox: `0 0 ${SIZE.width} ${SIZE.height}`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });

  constructor(name: string, label: string, tone: number) {
    this.#line.classList.add(`series-${tone}`);
    this.element = element('div', { class: 'tile', id: `tile-${name}` });
    this.element.append(element('p', { class: 'tile-label' }, label), this.#value, this.#line);
  }

  /** Shows a value and the sum of a drawing's series. */
  show(value: string, drawing: Drawing): void {
    this.#value.textContent = value;
    const moments = drawing.moments.slice(-MOMENTS);
    const sums = moments.map((_, at) => {
      const values = drawing.series.map(({ values }) => values[values.length - moments.length + at]);
      const known = values.filter((value) => value !== undefined);
      return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
    });
    const highest = Math.max(0, ...sums.filter((sum) => sum !== undefined)) || 1;
    const xs = places(moments, { left: 0, right: SIZE.width });
    const points = sums.map((sum, at) => ({
      x: xs[at] ?? 0,
      y: sum === undefined ? undefined : SIZE.height - 1 - (sum / highest) * (SIZE.height - 3),
      afterGap: moments[at]?.afterGap ?? false,
    }));
    const floor = points.map(({ x, afterGap }) => ({ x, y: SIZE.height, afterGap }));
    this.#line.replaceChildren(drawn('path', { class: 'area', d: above(points, floor) }));
  }
}
