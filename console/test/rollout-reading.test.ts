import { describe, expect, test } from 'vitest';
import {
  guardInWords,
  guardStrain,
  questionBefore,
  readRollout,
  readRollouts,
  remarks,
  tripInWords,
} from '../page/rollout-reading.js';
import { moment } from '../page/words.js';

const AT = 1_767_225_600;
const GUARD = {
  action: 'roll_back',
  window_seconds: 60,
  threshold_percent: 10,
  minimum: 50,
  worked: 95,
  failed: 5,
  tripped: null as object | null,
};
const ROUTE = {
  route: '/chat',
  percent: 25,
  allow: [{ issuer: 'https://id.example', subject: 'ada' }],
  deny: [],
  changed: { by: 'admin', at: AT, node: '10.0.0.7:8080-81c2ff' } as object | null,
  kept: true,
  jwt_fallback: 'allow',
  shadow: false,
  guard: GUARD,
};

const told = (changed: object = {}) => readRollout({ ...ROUTE, ...changed });
const guard = (changed: object = {}) => told({ guard: { ...GUARD, ...changed } }).guard;

test('what is left out or of another kind counts as nothing', () => {
  for (const json of [undefined, null, 7, {}, { routes: 'x' }]) expect(readRollouts(json)).toEqual([]);
  const [rollout] = readRollouts({ routes: [{ route: '/chat', percent: 'x', allow: [7], guard: 3 }] });
  expect(rollout).toMatchObject({ route: '/chat', percent: 0, deny: [], changed: undefined, isKept: true });
  expect(rollout?.allow).toEqual([{ issuer: '', subject: '' }]);
  expect(rollout?.guard.tripped).toBeUndefined();
});

describe('F25: the guard', () => {
  test('says what it sees, and from what on it acts', () => {
    expect(guardInWords(guard())).toBe(
      '5 of 100 tickets failed by a fault of ours within 1 min, as this node sees it. From 10 % failed on, the guard sets 0 %.',
    );
    expect(guardInWords(guard({ worked: 1, action: 'alarm' }))).toMatch(
      /Fewer than 50 are too few to judge\. .* raises an alarm\.$/,
    );
    expect(guardInWords(guard({ action: 'off' }))).toBe('The guard is off.');
  });

  test('is strained by the share that failed, once there are enough to judge', () => {
    expect(guardStrain(guard())).toBe(0.5);
    expect(guardStrain(guard({ failed: 95 }))).toBe(1);
    expect(guardStrain(guard({ worked: 0, failed: 49 }))).toBe(0);
    expect(guardStrain(guard({ worked: 0, failed: 0, minimum: 0 }))).toBe(0);
  });

  test('says when it acted, why, and from which percentage', () => {
    const tripped = { at: AT, node: 'a:1-81c2ff', worked: 40, failed: 61, percent_before: 25 };
    expect(tripInWords(guard({ tripped }))).toBe(
      `The guard set 0 %, from 25 %, at ${moment(AT)}: 61 of 101 tickets had failed on a:1 · 81c2. So it stays until somebody sets a percentage.`,
    );
    expect(tripInWords(guard({ tripped, action: 'alarm' }))).toMatch(/^The guard raised an alarm, at /);
    expect(tripInWords(guard())).toBe('');
  });
});

test('what is peculiar about a route is said', () => {
  expect(remarks(told())).toEqual([`Last changed by an operator, at ${moment(AT)} on 10.0.0.7:8080 · 81c2.`]);
  expect(remarks(told({ jwt_fallback: 'deny', shadow: true, kept: false, changed: null }))).toEqual([
    expect.stringContaining('stays at 100 %'),
    expect.stringContaining('Shadow mode'),
    expect.stringContaining('store does not answer'),
    'Nobody has changed it yet.',
  ]);
});

test('a question comes before a percentage that leaves people out, or everybody in, and before no other', () => {
  expect(questionBefore(told(), 50)).toBeUndefined();
  expect(questionBefore(told(), 24)?.text).toMatch(/^From 25 % down/);
  expect(questionBefore(told(), 0)).toMatchObject({ title: 'Set /chat to 0 %?', yes: 'Set 0 %' });
  expect(questionBefore(told(), 100)?.text).toMatch(/^Everybody gets tickets/);
});

test('a moment of another day is told with its day', () => {
  const noon = new Date(2026, 2, 1, 12, 0, 0);
  const at = noon.getTime() / 1000;
  expect(moment(at, noon)).toBe('12:00:00');
  expect(moment(at, new Date(2026, 2, 2))).toBe(`${noon.toLocaleDateString()}, 12:00:00`);
});
