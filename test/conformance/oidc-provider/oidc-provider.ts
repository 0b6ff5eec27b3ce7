import { type JsonWebKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import type { Provider } from 'oidc-provider';
import { GenAuthClient } from '../../../src/core/client.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';

/** The IDs of two applications. Both have the same secret. */
export const APP_ID = 'first-application';
export const OTHER_APP_ID = 'second-application';
export const APP_SECRET = 'app-secret-of-the-test-0123456789abcdef';
/** The audience and the scope of access tokens. */
export const API = 'https://api.example';
export const API_SCOPE = 'orders:read';
export const USER = 'user-1';
export const LIFETIME = 3600;
const REDIRECT_URI = 'https://app.example/callback';
export const LOGGED_OUT_URI = 'https://app.example/bye';

interface IssuedTokens {
  access_token: string;
  id_token: string;
  refresh_token: string;
}

export interface ProviderSettings {
  /** The path below which the provider is served. GenAuth has `/oidc`. */
  mount?: '/oidc' | '';
  tokenEndpointAuthMethod?: 'client_secret_basic' | 'client_secret_post';
}

/**
 * The package `oidc-provider` over HTTP. Its token endpoint issues the tokens. Its keys are rotated as an operator
 * does it: a new key is added first, and the old one is removed later.
 */
export class OidcProvider {
  /** The paths of all requests, oldest first. */
  readonly requests: string[] = [];
  readonly #settings: Required<ProviderSettings>;
  readonly #server: Server;
  readonly #Provider: typeof Provider;
  #keys: JsonWebKey[];
  #provider!: Provider;

  private constructor(settings: ProviderSettings, ProviderClass: typeof Provider) {
    this.#settings = { mount: '/oidc', tokenEndpointAuthMethod: 'client_secret_post', ...settings };
    this.#Provider = ProviderClass;
    this.#keys = [createKey()];
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  static async start(settings: ProviderSettings = {}): Promise<OidcProvider> {
    // The provider warns that this configuration is for development only.
    jest.spyOn(console, 'warn').mockImplementation(() => {});
    jest.spyOn(console, 'info').mockImplementation(() => {});
    const { Provider: ProviderClass } = await import('oidc-provider');
    const provider = new OidcProvider(settings, ProviderClass);
    provider.#server.listen(0, '127.0.0.1');
    await once(provider.#server, 'listening');
    provider.#open();
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get issuer(): string {
    return `${this.url}${this.#settings.mount}`;
  }

  /** Number of requests for the key set. */
  get keyFetches(): number {
    return this.requests.filter((path) => path === `${this.#settings.mount}/jwks`).length;
  }

  /** Adds a key, which signs from now on. */
  rotate(): void {
    this.#keys = [createKey(), ...this.#keys];
    this.#open();
  }

  /** Removes all keys except the newest. */
  withdrawOldKeys(): void {
    this.#keys = this.#keys.slice(0, 1);
    this.#open();
  }

  /** Issues the tokens of a user who signed in and consented, for an authorization code (RFC 6749 §4.1.3). */
  async signIn(clientId = APP_ID): Promise<IssuedTokens> {
    const provider = this.#provider;
    const grant = new provider.Grant({ accountId: USER, clientId });
    grant.addOIDCScope('openid offline_access');
    grant.addResourceScope(API, API_SCOPE);
    const code = new provider.AuthorizationCode({
      accountId: USER,
      client: await provider.Client.find(clientId),
      grantId: await grant.save(),
      redirectUri: REDIRECT_URI,
      resource: API,
      scope: `openid offline_access ${API_SCOPE}`,
      nonce: randomUUID(),
    });
    const form = { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI, code: await code.save() };
    return this.#requestTokens(clientId, form);
  }

  /** Requests an access token for the application itself (RFC 6749 §4.4). */
  async requestClientToken(clientId = APP_ID, resource = API): Promise<string> {
    const form = { grant_type: 'client_credentials', resource, scope: API_SCOPE };
    return (await this.#requestTokens(clientId, form)).access_token;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** A provider reads its keys once, so a new one is made. Issued tokens are stored outside of it. */
  #open(): void {
    const { tokenEndpointAuthMethod } = this.#settings;
    this.#provider = new this.#Provider(this.issuer, {
      jwks: { keys: this.#keys },
      clients: [APP_ID, OTHER_APP_ID].map((clientId) => ({
        client_id: clientId,
        client_secret: APP_SECRET,
        redirect_uris: [REDIRECT_URI],
        post_logout_redirect_uris: [LOGGED_OUT_URI],
        grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
        token_endpoint_auth_method: tokenEndpointAuthMethod,
        id_token_signed_response_alg: 'RS256',
      })),
      scopes: ['openid', 'offline_access', API_SCOPE],
      cookies: { keys: ['of the test'] },
      findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
      pkce: { required: () => false },
      ttl: { IdToken: LIFETIME },
      rotateRefreshToken: true,
      features: {
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
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
    });
  }

  #serve(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): void {
    const { url = '' } = request;
    this.requests.push(url.replace(/\?.*/, ''));
    // Express sets this property for a mounted application.
    request.originalUrl = url;
    request.url = url.slice(this.#settings.mount.length);
    this.#provider.callback()(request, response);
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

function createKey(): JsonWebKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomUUID() };
}

/** Providers that are closed after the tests of a file, and clients that are closed after each test. */
export function useOidcProviders() {
  const providers: OidcProvider[] = [];
  const clients: GenAuthClient<string>[] = [];
  /** How far the clocks of the clients are ahead, in milliseconds. */
  const clock = { ahead: 0 };
  afterEach(() => {
    clock.ahead = 0;
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(async () => {
    for (const provider of providers) await provider.close();
  });
  return {
    clock,
    start: async (settings?: ProviderSettings): Promise<OidcProvider> => {
      const provider = await OidcProvider.start(settings);
      providers.push(provider);
      return provider;
    },
    open: (provider: OidcProvider, changes: Partial<GenAuthOptions> = {}): GenAuthClient => {
      const { url: appHost } = provider;
      const options = { appId: APP_ID, appSecret: APP_SECRET, appHost, audience: API, ...changes };
      const client = new GenAuthClient<string>(options, { now: () => Date.now() + clock.ahead });
      clients.push(client);
      return client as GenAuthClient;
    },
  };
}
