import { describe, expect, it } from 'vitest';
import { EventStreamParser } from '../src/event-stream.js';

function parse(...chunks: string[]) {
  const seen: string[][] = [];
  const parser = new EventStreamParser('', ({ type, data, lastEventId }) =>
    seen.push([type, data, lastEventId]),
  );
  for (const chunk of chunks) parser.push(chunk);
  return { seen, parser };
}

// The examples of HTML's section on interpreting an event stream, and what its algorithm says of the rest.
const CASES: [string, string, string[][]][] = [
  ['lines of data', 'data: YHOO\ndata: +2\ndata: 10\n\n', [['message', 'YHOO\n+2\n10', '']]],
  [
    'a comment, an id, an empty id',
    ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
    [
      ['message', 'first event', '1'],
      ['message', 'second event', ''],
      ['message', ' third event', ''],
    ],
  ],
  [
    'data that is empty',
    'data\n\ndata\ndata\n\ndata:',
    [
      ['message', '', ''],
      ['message', '\n', ''],
    ],
  ],
  [
    'one space alone',
    'data:test\n\ndata: test\n\n',
    [
      ['message', 'test', ''],
      ['message', 'test', ''],
    ],
  ],
  [
    'a type',
    'event: add\ndata: 1\n\ndata: 2\n\n',
    [
      ['add', '1', ''],
      ['message', '2', ''],
    ],
  ],
  ['a type without data', 'event: add\n\ndata: 2\n\n', [['message', '2', '']]],
  ['every end of line', 'data: 1\r\ndata: 2\rdata: 3\n\r\n', [['message', '1\n2\n3', '']]],
  ['an unfinished event', 'data: 1\n', []],
  ['fields it does not know', 'Data: 1\ndatax: 1\n data: 1\n\n', []],
  ['an id with NULL', 'id: 1\nid: 2\0\ndata: x\n\n', [['message', 'x', '1']]],
  ['colons', 'data: a: b\n\n', [['message', 'a: b', '']]],
  ['a line separator of Unicode is data', 'data: a\u2028b\n\n', [['message', 'a\u2028b', '']]],
];

describe('an event stream', () => {
  it.each(CASES)('%s', (_, text, events) => {
    expect(parse(text).seen).toEqual(events);
  });

  it.each(CASES)('%s, cut anywhere', (_, text, events) => {
    expect(parse(...text).seen).toEqual(events);
    for (let at = 0; at <= text.length; at += 1)
      expect(parse(text.slice(0, at), '', text.slice(at)).seen, `at ${at}`).toEqual(events);
  });

  it('keeps the id of an event without data', () => {
    expect(parse('id: 7\n\n').parser.lastEventId).toBe('7');
    expect(parse('id: 7\n').parser.lastEventId).toBe('');
  });

  it.each([
    ['5000', 5000],
    ['5s', undefined],
    ['', undefined],
    ['-1', undefined],
  ])('reads retry: %s', (value, retryMs) => {
    expect(parse(`retry: ${value}\n`).parser.retryMs).toBe(retryMs);
  });

  it.each([
    ['a line', ['data: ', 'x'.repeat(2 ** 20)]],
    ['an event', Array.from({ length: 1025 }, () => `data: ${'x'.repeat(1024)}\n`)],
  ])('%s of more than 1 MiB is refused', (_, chunks) => {
    expect(() => parse(...chunks)).toThrow(RangeError);
  });
});
