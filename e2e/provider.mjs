import { generateKeyPair, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import Provider from 'oidc-provider';

/** The public client of pages: authorization code with PKCE. */
export const PAGE = 'page';

/** The client that introspects tokens. */
export const GATEWAY = { id: 'gateway', secret: 'the secret of the gateway: 32 bytes and more' };

/**
 * What a provider is made of. Its state lives in memory that all of a process's providers share, so that a provider made
 * anew under the same issuer goes on where the one before it was.
 * @typedef {{ keys: object[], redirectUris: string[], errors: unknown[], backchannelLogoutUri?: string }} Making
 */

/**
 * A real OpenID provider on loopback, with a login form that takes any name: `oidc-provider`.
 */
export class RunningProvider {
  /** @param {import('node:http').Server} server @param {string} issuer @param {Making} making */
  constructor(server, issuer, making) {
    this.server = server;
    this.issuer = issuer;
    this.making = making;
    this.provider = make(issuer, making);
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  /** @param {string[]} redirectUris Where the page's client may be redirected to. */
  static async start(redirectUris) {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = /** @type {import('node:net').AddressInfo} */ (server.address());
    const making = { keys: [await newKey()], redirectUris, errors: [] };
    return new RunningProvider(server, `http://127.0.0.1:${address.port}`, making);
  }

  /** @param {string} uri Where it tells that people have logged out. */
  tellLogoutsTo(uri) {
    this.#remake({ backchannelLogoutUri: uri });
  }

  /** Signs with a new key; the old ones stay published only if they are kept. */
  async rotate({ keepOld = true } = {}) {
    this.#remake({ keys: [await newKey(), ...(keepOld ? this.making.keys : [])] });
  }

  /** What went wrong in it. */
  get errors() {
    return this.making.errors;
  }

  async stop() {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** @param {Partial<Making>} changes */
  #remake(changes) {
    this.making = { ...this.making, ...changes };
    this.provider = make(this.issuer, this.making);
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #answer(request, response) {
    const url = new URL(request.url ?? '/', this.issuer);
    if (!url.pathname.startsWith('/interaction/')) return this.provider.callback()(request, response);
    try {
      if (request.method !== 'POST')
        return void response.setHeader('content-type', 'text/html').end(LOGIN_FORM);
      const form = new URLSearchParams(await text(request));
      const login = { accountId: form.get('name') ?? '' };
      await this.provider.interactionFinished(
        request,
        response,
        { login },
        { mergeWithLastSubmission: false },
      );
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  }
}

const LOGIN_FORM = `<!doctype html><title>Log in</title>
<form method="post"><label>Name <input name="name" required autofocus></label> <button>Log in</button></form>`;

/** @param {import('node:http').IncomingMessage} request */
async function text(request) {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += part;
  return body;
}

async function newKey() {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

/** @param {import('oidc-provider').KoaContextWithOIDC} context @param {string} form */
function logoutSource(context, form) {
  context.body = `<!doctype html><title>Log out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Log out</button>`;
}

/** @param {string} issuer @param {Making} making */
function make(issuer, { keys, redirectUris, errors, backchannelLogoutUri }) {
  const provider = new Provider(issuer, {
    jwks: { keys: /** @type {any} */ (keys) },
    cookies: { keys: ['of tests only'] },
    clients: [
      {
        client_id: PAGE,
        redirect_uris: redirectUris,
        post_logout_redirect_uris: redirectUris,
        response_types: ['code'],
        grant_types: ['authorization_code'],
        token_endpoint_auth_method: 'none',
        ...(backchannelLogoutUri
          ? { backchannel_logout_uri: backchannelLogoutUri, backchannel_logout_session_required: true }
          : {}),
      },
      {
        client_id: GATEWAY.id,
        client_secret: GATEWAY.secret,
        redirect_uris: [],
        response_types: [],
        grant_types: [],
      },
    ],
    claims: { openid: ['sub'], email: ['email'] },
    conformIdTokenClaims: false,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === GATEWAY.id },
      revocation: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource },
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    clientBasedCORS: () => true,
    // The provider's own dispatcher would not let it ask loopback addresses.
    fetch: (url, options) => fetch(url, /** @type {object} */ ({ ...options, dispatcher: undefined })),
    ttl: { AccessToken: 600, IdToken: 600, Session: 600, Grant: 600, Interaction: 600 },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com` }) }),
    // Nobody is asked for consent.
    async loadExistingGrant(context) {
      const { client, session } = context.oidc;
      if (!client || !session?.accountId) return undefined;
      const grant = new context.oidc.provider.Grant({
        clientId: client.clientId,
        accountId: session.accountId,
      });
      grant.addOIDCScope('openid email');
      await grant.save();
      return grant;
    },
  });
  provider.on('server_error', (_, error) => errors.push(error));
  provider.on('backchannel.error', (_, error) => errors.push(error));
  return provider;
}
