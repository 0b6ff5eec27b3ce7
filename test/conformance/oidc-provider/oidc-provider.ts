import { type JsonWebKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';

export const APP_SECRET = 'app-secret-of-the-test-0123456789abcdef';
/** The IDs of the applications by their authentication method. Both have the same secret. */
export const APPS = { client_secret_post: 'first-application', client_secret_basic: 'second-application' } as const;
/** The audience and the scope of access tokens. */
export const API = 'https://api.example';
export const API_SCOPE = 'orders:read';
export const USER = 'user-1';
const LIFETIME = 3600;
const REDIRECT_URI = 'https://app.example/callback';

export type OidcProvider = Awaited<ReturnType<typeof startOidcProvider>>;

function createKey(): JsonWebKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomUUID() };
}

const configuration = {
  clients: Object.entries(APPS).map(([token_endpoint_auth_method, client_id]) => ({
    client_id,
    client_secret: APP_SECRET,
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
    token_endpoint_auth_method,
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
      getResourceServerInfo: (_: unknown, audience: string) => {
        const accessToken = { accessTokenFormat: 'jwt', accessTokenTTL: LIFETIME, jwt: { sign: { alg: 'RS256' } } };
        return { scope: API_SCOPE, audience, ...accessToken };
      },
    },
  },
};

/** Serves the package `oidc-provider` below `/oidc`. Its token endpoint issues the tokens. */
async function startOidcProvider() {
  // The provider warns that this configuration is for development only.
  for (const method of ['warn', 'info'] as const) jest.spyOn(console, method).mockImplementation(() => {});
  const { Provider: ProviderClass } = await import('oidc-provider');
  /** The paths of all requests, oldest first. */
  const requests: string[] = [];
  const server = createServer((request: IncomingMessage & { originalUrl?: string }, response) => {
    const { url = '' } = request;
    requests.push(url.replace(/\?.*/, ''));
    // Express sets the first property for a mounted application.
    Object.assign(request, { originalUrl: url, url: url.replace('/oidc', '') });
    provider.callback()(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = `${url}/oidc`;
  const provider = new ProviderClass(issuer, { ...configuration, jwks: { keys: [createKey()] } });

  async function requestTokens(clientId: string, form: Record<string, string>): Promise<Record<string, string>> {
    const isBasic = clientId === APPS.client_secret_basic;
    const authorization = `Basic ${Buffer.from(`${clientId}:${APP_SECRET}`).toString('base64')}`;
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: isBasic ? { authorization } : {},
      body: new URLSearchParams({ ...form, ...(!isBasic && { client_id: clientId, client_secret: APP_SECRET }) }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as Record<string, string>;
  }

  return {
    issuer,
    clientOptions: { appId: APPS.client_secret_post, appSecret: APP_SECRET, appHost: url, audience: API },
    requests,
    /**
     * Issues the tokens of a user who signed in and consented, for an authorization code (RFC 6749 §4.1.3), and an
     * access token of the application itself (RFC 6749 §4.4).
     */
    async issueTokens(clientId: string = APPS.client_secret_post) {
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
      const { id_token: id = '', access_token: access = '', refresh_token = '' } = await requestTokens(clientId, form);
      const own = await requestTokens(clientId, { grant_type: 'client_credentials', resource: API, scope: API_SCOPE });
      return { id, access, refresh: refresh_token, own: own['access_token'] ?? '' };
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** One provider for all tests of a file. */
export function useOidcProvider(): () => OidcProvider {
  let provider: OidcProvider;
  beforeAll(async () => {
    provider = await startOidcProvider();
  });
  afterAll(() => provider.close());
  return () => provider;
}
