import { describe, expect, test } from 'vitest';
import { History } from '../page/history.js';
import { telling } from './telling.js';

function countsOf(history: History, node = 'a') {
  return history.moments.map(({ nodes }) => nodes.get(node)?.counts.mints);
}

describe('what happened before the page was there', () => {
  test('is not counted, of this node or of one that joins later', () => {
    const history = new History();
    history.add(telling({ mints: { minted: 1000 } }), 0);
    history.add(telling({ mints: { minted: 1003 } }, { node: 'b', mints: { minted: 500 } }), 1000);
    history.add(telling({ mints: { minted: 1003 } }, { node: 'b', mints: { minted: 502 } }), 2000);
    expect(countsOf(history)).toEqual([{}, { minted: 3 }, {}]);
    expect(countsOf(history, 'b')).toEqual([undefined, {}, { minted: 2 }]);
    expect(history.totals('mints', ['a', 'b'])).toEqual({ minted: 5 });
    expect(history.totals('mints', ['b'])).toEqual({ minted: 2 });
  });
});

test('a counter that is lower than before has begun anew', () => {
  const history = new History();
  history.add(telling({ mints: { minted: 10 } }), 0);
  history.add(telling({ mints: { minted: 4 } }), 1000);
  expect(countsOf(history)).toEqual([{}, { minted: 4 }]);
});

test('buckets are differences too', () => {
  const history = new History();
  history.add(telling({ latencies: { mint: [5, 1, 0, 0] } }), 0);
  history.add(telling({ latencies: { mint: [7, 1, 0, 1] } }), 1000);
  expect(history.moments[1]?.nodes.get('a')?.latencies.mint).toEqual([2, 0, 0, 1]);
});

test('a silence is a gap', () => {
  const history = new History();
  for (const at of [0, 1000, 9000, 10_000]) history.add(telling({}), at);
  expect(history.moments.map(({ afterGap }) => afterGap)).toEqual([false, false, true, false]);
});

test('hours fit: moments become longer, and nothing that was counted is lost', () => {
  const history = new History();
  const seconds = 10_000;
  for (let second = 0; second <= seconds; second += 1)
    history.add(telling({ mints: { minted: 3 * second }, sessions: { '/chat': second } }), second * 1000);
  expect(history.moments.length).toBeLessThan(600);
  expect(history.moments.length).toBeGreaterThan(250);
  const counted = countsOf(history).reduce((sum, mints) => sum + (mints?.minted ?? 0), 0);
  expect(counted).toBe(3 * seconds);
  expect(history.totals('mints', ['a'])).toEqual({ minted: 3 * seconds });
  expect(history.moments.at(-1)?.nodes.get('a')?.sessions).toEqual({ '/chat': seconds });
  const lengths = history.moments.map(({ seconds }) => seconds);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(seconds + 1);
});
