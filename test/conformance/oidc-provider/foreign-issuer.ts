import { type JsonWebKey, createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import type { Provider } from 'oidc-provider';
import { GenAuthClient } from '../../../src/core/client.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';

export const ALGORITHMS = ['RS256'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Two applications, both with this secret. */
export const APP_ID = 'first-application';
export const OTHER_APP_ID = 'second-application';
export const APP_SECRET = 'app-secret-of-the-test-0123456789abcdef';
/** The audience of access tokens, and the scope that they are for. */
export const API = 'https://api.example';
export const API_SCOPE = 'orders:read';
export const PERSON = 'person-1';
export const LIFETIME = 3600;
const REDIRECT_URI = 'https://app.example/callback';
export const LOGGED_OUT_URI = 'https://app.example/bye';

/** What the issuer answered at its token endpoint. */
export interface IssuedTokens {
  access_token: string;
  id_token: string;
  refresh_token: string;
}

export interface ForeignIssuerSettings {
  /** What both kinds of token are signed with. */
  algorithm: Algorithm;
  /** Where it lives below its host: `/oidc`, as GenAuth does, or at the root. */
  mount?: '/oidc' | '';
  tokenEndpointAuthMethod?: 'client_secret_basic' | 'client_secret_post';
}

/**
 * An issuer that nobody here wrote: the package `oidc-provider` over HTTP. Its tokens come by its own flows, its keys are
 * rotated as an operator would: a new one before the old one, and later without it.
 */
export class ForeignIssuer {
  /** Paths that were asked for, oldest first. */
  readonly requests: string[] = [];
  readonly #settings: Required<ForeignIssuerSettings>;
  readonly #server: Server;
  readonly #Provider: typeof Provider;
  #keys: JsonWebKey[];
  #provider: Provider | undefined;

  private constructor(settings: ForeignIssuerSettings, ProviderClass: typeof Provider) {
    this.#settings = { mount: '/oidc', tokenEndpointAuthMethod: 'client_secret_post', ...settings };
    this.#Provider = ProviderClass;
    this.#keys = [createKey(settings.algorithm)];
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(settings: ForeignIssuerSettings): Promise<ForeignIssuer> {
    // It warns of everything that is for development alone, as this is.
    jest.spyOn(console, 'warn').mockImplementation(() => {});
    jest.spyOn(console, 'info').mockImplementation(() => {});
    const { Provider: ProviderClass } = await import('oidc-provider');
    const issuer = new ForeignIssuer(settings, ProviderClass);
    issuer.#server.listen(0, '127.0.0.1');
    await once(issuer.#server, 'listening');
    issuer.#open();
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get issuer(): string {
    return `${this.url}${this.#settings.mount}`;
  }

  /** How often the key set was asked for. */
  get keyFetches(): number {
    return this.requests.filter((path) => path === `${this.#settings.mount}/jwks`).length;
  }

  /** Signs with a new key from now on; the old ones stay in the key set. */
  rotate(): void {
    this.#keys = [createKey(this.#settings.algorithm), ...this.#keys];
    this.#open();
  }

  /** Takes all keys but the newest out of the key set. */
  withdrawOldKeys(): void {
    this.#keys = this.#keys.slice(0, 1);
    this.#open();
  }

  /** Tokens of a person who signed in at the issuer itself, by the authorization code flow (RFC 6749 §4.1, RFC 7636). */
  async signIn(clientId = APP_ID): Promise<IssuedTokens> {
    const verifier = randomBytes(32).toString('base64url');
    const query = new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: `openid offline_access ${API_SCOPE}`,
      prompt: 'consent',
      resource: API,
      nonce: randomUUID(),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    const code = await this.#authorize(`${this.issuer}/auth?${query.toString()}`);
    return this.#requestTokens(clientId, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: verifier,
    });
  }

  /** An access token of the application itself (RFC 6749 §4.4). */
  async requestClientToken(clientId = APP_ID, resource = API): Promise<string> {
    const form = { grant_type: 'client_credentials', resource, scope: API_SCOPE };
    return (await this.#requestTokens(clientId, form)).access_token;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** A provider takes its keys at its beginning. What it issued stays, since that is kept outside of it. */
  #open(): void {
    const { algorithm, tokenEndpointAuthMethod } = this.#settings;
    this.#provider = new this.#Provider(this.issuer, {
      jwks: { keys: this.#keys },
      clients: [APP_ID, OTHER_APP_ID].map((clientId) => ({
        client_id: clientId,
        client_secret: APP_SECRET,
        redirect_uris: [REDIRECT_URI],
        post_logout_redirect_uris: [LOGGED_OUT_URI],
        grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
        token_endpoint_auth_method: tokenEndpointAuthMethod,
        id_token_signed_response_alg: algorithm,
      })),
      scopes: ['openid', 'offline_access', API_SCOPE],
      cookies: { keys: ['of the test'] },
      findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
      interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
      ttl: { IdToken: LIFETIME },
      rotateRefreshToken: true,
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
        resourceIndicators: {
          enabled: true,
          useGrantedResource: () => true,
          getResourceServerInfo: (_: unknown, resource: string) => ({
            scope: API_SCOPE,
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: LIFETIME,
            jwt: { sign: { alg: algorithm } },
          }),
        },
      },
    });
  }

  async #serve(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): Promise<void> {
    const { url = '' } = request;
    this.requests.push(url.replace(/\?.*/, ''));
    const provider = this.#provider;
    if (provider === undefined) throw new Error('not started');
    if (url.startsWith('/interaction/')) return this.#consent(provider, request, response);
    // As Express does below a path.
    request.originalUrl = url;
    request.url = url.slice(this.#settings.mount.length);
    provider.callback()(request, response);
  }

  /** The person signs in and consents to everything. */
  async #consent(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: PERSON, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    grant.addResourceScope(params.resource, API_SCOPE);
    const consent = { grantId: await grant.save() };
    await provider.interactionFinished(request, response, { login: { accountId: PERSON }, consent });
  }

  /** What a browser does, until it is sent back to the application. */
  async #authorize(start: string): Promise<string> {
    const cookies = new Map<string, string>();
    for (let address = start; ;) {
      const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') };
      const answer = await fetch(address, { redirect: 'manual', headers });
      for (const cookie of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
        cookies.set(name, value);
      }
      const location = answer.headers.get('location');
      if (location === null) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
      const next = new URL(location, address);
      const code = next.searchParams.get('code');
      if (code !== null) return code;
      if (!next.href.startsWith(this.url)) throw new Error(next.href);
      address = next.href;
    }
  }

  async #requestTokens(clientId: string, form: Record<string, string>): Promise<IssuedTokens> {
    const basic = this.#settings.tokenEndpointAuthMethod === 'client_secret_basic';
    const credentials = { client_id: clientId, client_secret: APP_SECRET };
    const authorization = `Basic ${Buffer.from(`${clientId}:${APP_SECRET}`).toString('base64')}`;
    const answer = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: basic ? { authorization } : {},
      body: new URLSearchParams(basic ? form : { ...form, ...credentials }),
    });
    const body = (await answer.json()) as IssuedTokens;
    if (!answer.ok) throw new Error(JSON.stringify(body));
    return body;
  }
}

function createKey(algorithm: Algorithm): JsonWebKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm, kid: randomUUID() };
}

/** What a test opens, closed after it. */
export interface ForeignIssuers {
  start: (settings: ForeignIssuerSettings) => Promise<ForeignIssuer>;
  /** A client of an issuer whose tokens, both of them, are signed so. */
  open: (issuer: ForeignIssuer, algorithm: Algorithm, options?: Partial<GenAuthOptions>) => GenAuthClient;
  /** How far the clocks of the clients are ahead of the issuer's, in milliseconds. */
  clock: { ahead: number };
}

export function useForeignIssuers(): ForeignIssuers {
  const closers: (() => unknown)[] = [];
  const clock = { ahead: 0 };
  afterEach(async () => {
    clock.ahead = 0;
    for (const close of closers.splice(0).toReversed()) await close();
  });
  return {
    clock,
    async start(settings) {
      const issuer = await ForeignIssuer.start(settings);
      closers.push(() => issuer.close());
      return issuer;
    },
    open(issuer, algorithm, options = {}) {
      const client = new GenAuthClient<string>(
        {
          appId: APP_ID,
          appSecret: APP_SECRET,
          appHost: issuer.url,
          audience: API,
          idTokenSignedResponseAlg: algorithm,
          ...options,
        },
        { now: () => Date.now() + clock.ahead },
      );
      closers.push(() => client.close());
      return client as GenAuthClient;
    },
  };
}
