import { describe, expect, it } from 'vitest';
import { type Credential, offerProtocols, redactProtocol, shownProtocol } from '../src/carriers.js';
import { AdmitError } from '../src/errors.js';
import { expectFields, readVectors } from './vectors.js';

// `takes` and `answers` are a server's: the Rust library replays them.
const vectors = readVectors('carriers.json', ['offers', 'shows', 'takes', 'answers']);

describe('carriers.json', () => {
  it.each(vectors.offers ?? [])('offers: $name', (row) => {
    expectFields(row, ['name', 'credential', 'protocols', 'offered', 'error'], 'offers');
    const credential = row.credential as unknown as Credential;
    const offer = () => offerProtocols(credential, row.protocols as string[]);
    if (row.error === undefined) {
      expect(offer()).toEqual(row.offered);
      return;
    }
    expect(offer).toThrow(AdmitError);
    expect(offer).toThrow(expect.objectContaining({ code: row.error }));
    if (credential.value) expect(offer).not.toThrow(credential.value);
  });

  it.each(vectors.shows ?? [])('shows: $name', (row) => {
    expectFields(row, ['name', 'offered', 'selected', 'protocol', 'refused'], 'shows');
    expect(shownProtocol(row.offered as string[], row.selected as string)).toEqual({
      protocol: row.protocol,
      refused: row.refused,
    });
  });
});

describe('redactProtocol', () => {
  it.each([
    ['admitone.ticket.adm1_SECRET', 'admitone.ticket.adm1_…'],
    ['bearer.SECRET', 'bearer.…'],
    ['JWT.SECRET', 'JWT.…'],
    ['admitone.ticket.SECRET', 'admitone.ticket.…'],
    ['base64url.bearer.authorization.k8s.io.SECRET', 'base64url.bearer.authorization.k8s.io.…'],
    ['admitone.v1', 'admitone.v1'],
    ['chat', 'chat'],
  ])('shows %s as %s', (protocol, shown) => {
    expect(redactProtocol(protocol)).toBe(shown);
  });
});
