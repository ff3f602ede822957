/** A place in a plot; without `y` there is nothing to draw. */
export interface Point {
  readonly x: number;
  readonly y: number | undefined;
  /** It is not joined to the one before. */
  readonly afterGap: boolean;
}

/** Two or three round values from zero to at least the highest; whole ones where there are no parts of what is counted. */
export function ticks(highest: number, whole = false): readonly number[] {
  if (highest <= 0) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(highest));
  const top = [1, 2, 4, 5, 10].map((factor) => factor * power).find((value) => value >= highest) ?? highest;
  return whole && !Number.isInteger(top / 2) ? [0, Math.ceil(top)] : [0, top / 2, top];
}

/** Where the moments are from left to right, by their time. */
export function places(
  moments: readonly { readonly at: number; readonly seconds: number }[],
  { left, right }: { readonly left: number; readonly right: number },
): readonly number[] {
  const [first, last] = [moments[0], moments.at(-1)];
  if (first === undefined || last === undefined) return [];
  const begin = first.at - first.seconds * 1000;
  const span = Math.max(last.at - begin, 1);
  return moments.map(({ at }) => left + ((at - begin) / span) * (right - left));
}

/** A line through the points, broken where there is nothing to draw. */
export function path(points: readonly Point[]): string {
  return runs(points)
    .map((run) => `M${run.map(written).join('L')}${run.length === 1 ? 'h0.01' : ''}`)
    .join('');
}

/** The area between the points and those below them. */
export function above(points: readonly Point[], below: readonly Point[]): string {
  return runs(points)
    .map((run) => {
      const first = points.indexOf(run[0] as Point);
      const edge = below.slice(first, first + run.length).reverse();
      return `M${run.map(written).join('L')}L${edge.map(written).join('L')}Z`;
    })
    .join('');
}

function runs(points: readonly Point[]): readonly (readonly Point[])[] {
  const all: Point[][] = [];
  let last: Point[] | undefined;
  for (const point of points) {
    if (point.y === undefined) {
      last = undefined;
      continue;
    }
    if (last === undefined || point.afterGap) {
      last = [];
      all.push(last);
    }
    last.push(point);
  }
  return all;
}

function written({ x, y }: Point): string {
  return `${x.toFixed(1)},${(y ?? 0).toFixed(1)}`;
}
