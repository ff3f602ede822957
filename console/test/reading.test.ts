import { describe, expect, test } from 'vitest';
import { problem } from '../page/api.js';
import { gist, readLine } from '../page/audit-list.js';
import { readNodes } from '../page/summary.js';
import { duration, milliseconds, rate, shortNode } from '../page/words.js';

test('what a node of another release leaves out counts as nothing', () => {
  for (const json of [undefined, null, 7, {}, { nodes: 'x' }]) expect(readNodes(json).nodes).toEqual([]);
  const [node] = readNodes({
    nodes: [{ node: 'b', mints: { minted: 'x' }, latencies: { mint: [1, null] } }],
  }).nodes;
  expect(node).toMatchObject({ node: 'b', status: '', sessions: {}, mirrorAgeSeconds: undefined });
  expect(node?.counts).toEqual({
    mints: { minted: 0 },
    redeems: {},
    admissions: {},
    refusals: {},
    ended: {},
  });
  expect(node?.latencies.mint).toEqual([1, 0]);
});

describe('an audit line', () => {
  test('is told in a few words', () => {
    const line = readLine(
      '{"time":"2026-03-01T12:00:00.250Z","event":"session_ended","node":"n","route":"/chat","subject":"ada","cause":"revoked","duration_ms":734112}',
    );
    expect(line.event).toBe('session_ended');
    expect(gist(line)).toBe('ada · /chat · revoked · after 12 min 14 s');
  });

  test('counts what its event counts', () => {
    const told = (line: object) => gist(readLine(JSON.stringify(line)));
    const trip = { event: 'guard_tripped', route: '/chat', count: 61, percent: 0, percent_before: 25 };
    expect(told(trip)).toBe('/chat · 61 failed tickets · 25 % → 0 %');
    expect(told({ event: 'lines_lost', count: 7 })).toBe('7 lines');
    expect(told({ event: 'closed', route: '/chat', count: 1 })).toBe('/chat · 1 connection');
  });

  test('that is none is shown as it is', () => {
    expect(readLine('<b>')).toMatchObject({ event: 'unreadable', fields: [['line', '<b>']] });
  });
});

describe('a problem', () => {
  test('is told with what is particular to it', () => {
    const text =
      '{"title":"The body\'s fields are wrong.","code":"invalid_body","errors":[{"field":"issuer","detail":"needed"}]}';
    expect(problem(422, text)).toBe("The body's fields are wrong. issuer: needed.");
    expect(problem(421, '{"title":"No.","detail":"add it to admin.hosts"}')).toBe(
      'No. Add it to admin.hosts.',
    );
  });

  test('that is none has its status at least', () => {
    expect(problem(502, '<html>')).toBe('The gateway answered with status 502.');
  });
});

describe('figures', () => {
  test('have as many digits as people read', () => {
    expect([0, 0.05, 0.5, 9.94, 12.4, 1234.5].map(rate)).toEqual(['0', '<0.1', '0.5', '9.9', '12', '1,235']);
    expect([undefined, 0.0612, 2.34, 37.2, 2500].map(milliseconds)).toEqual([
      '–',
      '61 µs',
      '2.3 ms',
      '37 ms',
      '2.5 s',
    ]);
    expect([0, 59, 61, 3600, 90_000].map(duration)).toEqual(['0 s', '59 s', '1 min 1 s', '1 h', '1 d 1 h']);
  });

  test('a node is named by its address and what tells it from the one before', () => {
    expect(shortNode('10.0.0.7:8080-81c2aa0011223344')).toBe('10.0.0.7:8080 · 81c2');
    expect(shortNode('[::1]:8080-81c2aa0011223344')).toBe('[::1]:8080 · 81c2');
  });
});
