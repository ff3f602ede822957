import { describe, expect, it } from 'vitest';
import { CLOSE_CODES, readClose } from '../src/close-codes.js';
import { AdmitError, isOver } from '../src/index.js';
import { expectFields, readVectors } from './vectors.js';

const vectors = readVectors('close-codes.json', ['codes', 'reads']);

describe('close-codes.json', () => {
  it('lists exactly the table', () => {
    const rows = Object.entries(CLOSE_CODES).map(([name, code]) => {
      const reason = `admitone:${name}`;
      return { code, name, reason, next: readClose(code, reason)?.next };
    });
    expect(rows).toEqual(vectors.codes);
  });

  it.each(vectors.reads ?? [])('reads $code "$reason"', (row) => {
    expectFields(row, ['code', 'reason', 'ours', 'name', 'next'], 'reads');
    const close = { code: row.code as number, reason: row.reason as string };
    expect(readClose(close.code, close.reason)).toEqual(
      row.ours ? { name: row.name, next: row.next } : undefined,
    );
    expect(isOver(close)).toBe(row.next === 'stop');
  });
});

describe('isOver', () => {
  it.each([
    [{ error: new AdmitError('not_logged_in', '') }, true],
    [{ error: new AdmitError('network', '') }, false],
    [{ error: new Error('of somebody else') }, false],
    [{ code: 1006, reason: '' }, false],
    [{ code: 4900, reason: 'of the application' }, false],
    [new Event('error'), false],
    [undefined, false],
    [null, false],
    ['closed', false],
  ])('of %o is %s', (event, over) => {
    expect(isOver(event)).toBe(over);
  });
});
