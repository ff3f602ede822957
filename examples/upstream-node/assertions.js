import { createRemoteJWKSet, jwtVerify } from 'jose';

/**
 * Tells who was admitted by the gateway, of requests on one of its routes.
 *
 * Several processes that serve one route remember assertions together, or each would take one a second time.
 */
export class Assertions {
  #keys;
  #expected;
  /** What was used, with its end: an assertion is for one socket. */
  #used = new Map();

  /**
   * @param {string} gateway its public URL, without a slash at the end
   * @param {string} route its path
   */
  constructor(gateway, route) {
    // A key that is not known is asked for at once, but once a second at most.
    this.#keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', gateway), { cooldownDuration: 1000 });
    this.#expected = {
      algorithms: ['EdDSA'],
      typ: 'admitone-assertion+jwt',
      issuer: gateway,
      audience: route,
      requiredClaims: ['exp', 'sub', 'login_issuer', 'jti'],
    };
  }

  /**
   * The claims of a sound assertion, which says what the identity headers say. Throws of any other.
   *
   * @param {import('node:http').IncomingHttpHeaders} headers
   */
  async verify(headers) {
    const { payload } = await jwtVerify(`${headers['x-admitone-assertion']}`, this.#keys, this.#expected);
    if (
      headers['x-admitone-subject'] !== payload.sub ||
      headers['x-admitone-issuer'] !== payload.login_issuer
    )
      throw new Error('the headers and the assertion name two people');
    this.#use(payload.jti, payload.exp);
    return payload;
  }

  #use(id, ends) {
    const now = Date.now() / 1000;
    for (const [other, end] of this.#used) if (end < now) this.#used.delete(other);
    if (this.#used.has(id)) throw new Error('the assertion was used before');
    this.#used.set(id, ends);
  }
}
