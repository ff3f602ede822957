import { describe, expect, test } from 'vitest';
import { History } from '../page/history.js';
import { quantile } from '../page/quantile.js';
import { above, path, places, ticks } from '../page/scale.js';
import { latencies, rates, sessions } from '../page/series.js';
import { telling } from './telling.js';

const BOUNDS = [100, 1000, 10_000];

function history(...told: ReturnType<typeof telling>[]): History {
  const history = new History();
  for (const [at, nodes] of told.entries()) history.add(nodes, at * 2000);
  return history;
}

describe('rates', () => {
  const both = history(
    telling({ refusals: {} }, { node: 'b' }),
    telling({ refusals: { forbidden: 4 } }, { node: 'b', refusals: { forbidden: 2, over_limit: 1 } }),
  );

  test('are per second, and summed over the chosen nodes', () => {
    const { series } = rates(both, ['a', 'b'], 'refusals', []);
    expect(series.map(({ word, values, total }) => [word, values, total])).toEqual([
      ['forbidden', [0, 3], 6],
      ['over_limit', [0, 0.5], 1],
    ]);
    expect(rates(both, ['a'], 'refusals', []).series.map(({ word }) => word)).toEqual(['forbidden']);
  });

  test('show what is always shown, at zero', () => {
    const { series } = rates(both, ['a'], 'admissions', ['ticket', 'jwt']);
    expect(series.map(({ word, values }) => [word, values])).toEqual([
      ['ticket', [0, 0]],
      ['jwt', [0, 0]],
    ]);
  });

  test('of too many reasons have one series for the smallest, and no colour twice', () => {
    const reasons = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`reason_${at}`, 12 - at]));
    const many = history(telling({}), telling({ refusals: reasons }));
    const { series } = rates(many, ['a'], 'refusals', []);
    expect(series.map(({ label }) => label)).toEqual([
      ...Array.from({ length: 6 }, (_, at) => `reason ${at}`),
      '6 others',
    ]);
    expect(series.at(-1)).toMatchObject({ total: 21, values: [0, 10.5] });
    expect(new Set(series.map(({ colour }) => colour)).size).toBe(series.length);
  });
});

test('sessions are the present ones, by route', () => {
  const { series } = sessions(
    history(telling({ sessions: { '/b': 1, '/a': 0 } }), telling({ sessions: { '/b': 2, '/a': 0 } })),
    ['a'],
  );
  expect(series.map(({ word, values }) => [word, values])).toEqual([
    ['/b', [1, 2]],
    ['/a', [0, 0]],
  ]);
});

test('latencies are those of the last ten seconds, and none where nothing was timed', () => {
  const told = [0, 10, 10, 10, 10, 10, 10].map((fast) => telling({ latencies: { mint: [fast, 0, 0, 0] } }));
  const wanted = [{ operation: 'mint', share: 0.5, label: 'half' }] as const;
  const [half] = latencies(history(...told), ['a'], wanted, BOUNDS).series;
  expect(half?.values).toEqual([undefined, 0.05, 0.05, 0.05, 0.05, 0.05, undefined]);
});

describe('a quantile', () => {
  test.each([
    [0.5, [0, 0, 0, 0], undefined],
    [0.5, [10, 0, 0, 0], 0.05],
    [0.99, [99, 1, 0, 0], 0.1],
    [0.5, [1, 2, 1, 0], 0.55],
    [0.99, [0, 0, 0, 5], 10],
    [1, [0, 4, 0, 0], 1],
  ])('of %d of %j is %s ms', (share, counts, expected) => {
    const value = quantile(share, counts, BOUNDS);
    if (expected === undefined) expect(value).toBeUndefined();
    else expect(value).toBeCloseTo(expected);
  });
});

describe('a scale', () => {
  test.each([
    [0, false, [0, 1]],
    [0.3, false, [0, 0.2, 0.4]],
    [7, false, [0, 5, 10]],
    [1000, true, [0, 500, 1000]],
    [1, true, [0, 1]],
    [5, true, [0, 5]],
  ])('up to %d has round ends', (highest, whole, expected) => {
    const values = ticks(highest, whole);
    expect(values).toHaveLength(expected.length);
    for (const [at, value] of values.entries()) expect(value).toBeCloseTo(expected[at] ?? Number.NaN);
  });

  test('places moments by their time', () => {
    const moments = [
      { at: 1000, seconds: 1 },
      { at: 2000, seconds: 1 },
      { at: 4000, seconds: 2 },
    ];
    expect(places(moments, { left: 0, right: 80 })).toEqual([20, 40, 80]);
  });

  test('draws nothing over a gap or where nothing was measured', () => {
    const point = (x: number, y: number | undefined, afterGap = false) => ({ x, y, afterGap });
    const points = [point(0, 1), point(1, 2), point(2, 3, true), point(3, undefined), point(4, 4)];
    expect(path(points)).toBe('M0.0,1.0L1.0,2.0M2.0,3.0h0.01M4.0,4.0h0.01');
    expect(above(points.slice(0, 2), [point(0, 9), point(1, 9)])).toBe('M0.0,1.0L1.0,2.0L1.0,9.0L0.0,9.0Z');
  });
});
