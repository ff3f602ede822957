import { describe, expect, it } from 'vitest';
import { CLOSE_CODES, isAdmitClose, readClose } from '../src/close-codes.js';
import { expectFields, readVectors } from './vectors.js';

const vectors = readVectors('close-codes.json', ['codes', 'reads']);

describe('close-codes.json', () => {
  it('lists exactly the table', () => {
    expect(CLOSE_CODES).toEqual(vectors.codes);
  });

  it.each(vectors.reads ?? [])('reads $code $reason', (row) => {
    expectFields(row, ['code', 'reason', 'ours', 'name', 'next'], 'reads');
    const close = { code: row.code as number, reason: row.reason as string };
    expect(isAdmitClose(close)).toBe(row.ours);
    expect(readClose(close.code, close.reason)).toEqual(
      row.ours ? { name: row.name, next: row.next } : undefined,
    );
  });
});
