import type { GenAuthClient } from '../../../src/core/client.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { catchError } from '../../support/promise.js';
import {
  API,
  API_SCOPE,
  APP_ID,
  APP_SECRET,
  LIFETIME,
  LOGGED_OUT_URI,
  OTHER_APP_ID,
  type OidcProvider,
  USER,
  useOidcProviders,
} from './oidc-provider.js';

// The client verifies tokens of a certified OpenID provider and calls its endpoints.

failOnUnhandledRejections();
const MAX_AGE = 600_000;
const COOLDOWN = 30_000;
const { start, open, clock } = useOidcProviders();

/** An id_token and an access token of the user, and an access token of the application itself. */
interface Tokens {
  id: string;
  access: string;
  own: string;
}

async function obtain(provider: OidcProvider, clientId = APP_ID): Promise<Tokens> {
  const { id_token: id, access_token: access } = await provider.signIn(clientId);
  return { id, access, own: await provider.requestClientToken(clientId) };
}

/** The result of verifying each token: `accepted`, or the code of the error. */
async function decide(client: GenAuthClient, { id, access, own }: Tokens): Promise<string[]> {
  const code = (verifying: Promise<unknown>): Promise<string> =>
    verifying.then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    );
  return [
    await code(client.verifyIdToken(id)),
    await code(client.verifyAccessToken(access)),
    await code(client.verifyAccessToken(own)),
  ];
}
const all = (code: string): string[] => [code, code, code];

describe('oidc-provider', () => {
  let provider: OidcProvider;
  beforeAll(async () => {
    provider = await start();
  });

  it('issues tokens that are accepted by discovery below /oidc', async () => {
    const client = open(provider);
    const { id, access, own } = await obtain(provider);
    provider.requests.length = 0;
    expect(await client.verifyIdToken(id)).toMatchObject({ iss: provider.issuer, sub: USER, aud: APP_ID });
    expect(await client.verifyAccessToken(access)).toMatchObject({ sub: USER, aud: API, scope: API_SCOPE });
    expect(await client.verifyAccessToken(own)).toMatchObject({ sub: APP_ID, aud: API, scope: API_SCOPE });
    expect(provider.requests).toEqual(['/oidc/.well-known/openid-configuration', '/oidc/jwks']);
  });

  it('issues tokens that are accepted with the options issuer and jwksUri at another path', async () => {
    const other = await start({ mount: '' });
    const answer = await fetch(`${other.url}/.well-known/openid-configuration`);
    const document = (await answer.json()) as { issuer: string; jwks_uri: string };
    const tokens = await obtain(other);
    const client = open(other, { issuer: document.issuer, jwksUri: document.jwks_uri });
    expect(await decide(client, tokens)).toEqual(all('accepted'));
    // Without the key set no token is called wrong.
    expect(await decide(open(other, { issuer: document.issuer }), tokens)).toEqual(all('upstream_unavailable'));
  });

  it('issues tokens that are refused for another application, another API and from another issuer', async () => {
    const tokens = await obtain(provider);
    // Both applications use the same API.
    const foreign = await decide(open(provider), await obtain(provider, OTHER_APP_ID));
    expect(foreign).toEqual(['token_audience_mismatch', 'accepted', 'accepted']);
    const elsewhere = await decide(open(provider, { audience: 'https://other.example' }), tokens);
    expect(elsewhere).toEqual(['accepted', 'token_audience_mismatch', 'token_audience_mismatch']);
    const other = await start();
    expect(await decide(open(other), tokens)).toEqual(all('token_key_unknown'));
    const confused = open(other, { jwksUri: `${provider.issuer}/jwks` });
    expect(await decide(confused, tokens)).toEqual(all('token_issuer_mismatch'));
  });

  it('issues tokens that are refused in place of each other', async () => {
    const { id, access } = await obtain(provider);
    const client = open(provider, { audience: [API, APP_ID] });
    expect(await decide(client, { id: access, access: id, own: id })).toEqual(all('token_type_mismatch'));
  });

  it('issues tokens that are refused after they expire', async () => {
    const client = open(provider, { jwks: { maxAge: 86_400_000 } });
    const tokens = await obtain(provider);
    expect(await decide(client, tokens)).toEqual(all('accepted'));
    // The tests of the verifier check the limit itself.
    clock.ahead = (LIFETIME - 60) * 1000;
    expect(await decide(client, tokens)).toEqual(all('accepted'));
    clock.ahead = (LIFETIME + 60) * 1000;
    expect(await decide(client, tokens)).toEqual(all('token_expired'));
  });

  it('does not accept this access token for user info, and the client reports token_revoked', async () => {
    const { access_token: token } = await provider.signIn();
    expect(await catchError(open(provider).userInfo(token))).toMatchObject({ code: 'token_revoked' });
    expect(provider.requests.at(-1)).toBe('/oidc/me');
  });

  it('accepts the logout URL only with its own id_token and a registered address', async () => {
    const client = open(provider);
    const { id_token: idToken } = await provider.signIn();
    const visit = async (parameters: Parameters<typeof client.buildLogoutUrl>[0]): Promise<number> =>
      (await fetch(client.buildLogoutUrl(parameters), { redirect: 'manual' })).status;
    expect(await visit({ idToken, postLogoutRedirectUri: LOGGED_OUT_URI, state: 'a&b' })).toBe(200);
    expect(await visit({ idToken })).toBe(200);
    expect(await visit({ idToken, postLogoutRedirectUri: 'https://evil.example' })).toBe(400);
    expect(await visit({ idToken: `${idToken.slice(0, -4)}AAAA`, postLogoutRedirectUri: LOGGED_OUT_URI })).toBe(400);
  });

  it('issues tokens that are accepted after a rotation, and refused once their key is withdrawn', async () => {
    provider.requests.length = 0;
    const client = open(provider);
    const old = await obtain(provider);
    expect(await decide(client, old)).toEqual(all('accepted'));
    provider.rotate();
    const fresh = await obtain(provider);
    expect(await decide(client, fresh)).toEqual(all('token_key_unknown'));
    clock.ahead += COOLDOWN;
    expect(await decide(client, fresh)).toEqual(all('accepted'));
    expect([await decide(client, old), provider.keyFetches]).toEqual([all('accepted'), 2]);
    provider.withdrawOldKeys();
    clock.ahead += MAX_AGE;
    expect(await decide(client, old)).toEqual(all('token_key_unknown'));
    expect([await decide(client, fresh), provider.keyFetches]).toEqual([all('accepted'), 3]);
  });
});

describe.each(['client_secret_post', 'client_secret_basic'] as const)('%s', (tokenEndpointAuthMethod) => {
  let provider: OidcProvider;
  beforeAll(async () => {
    provider = await start({ tokenEndpointAuthMethod });
  });

  it('refreshes, and the new refresh token replaces the old one', async () => {
    const client = open(provider, { tokenEndpointAuthMethod });
    const { refresh_token: first } = await provider.signIn();
    const { tokens, user, claims } = await client.refresh(first);
    expect([user, claims]).toMatchObject([{ sub: USER }, { sub: USER, aud: API, scope: API_SCOPE }]);
    expect(tokens.refreshToken).not.toBe(first);
    expect(await client.verifyAccessToken(tokens.accessToken)).toEqual(claims);
    expect(await client.refresh(tokens.refreshToken)).toMatchObject({ user: { sub: USER } });
    // This provider treats a used refresh token as stolen.
    expect(await catchError(client.refresh(first))).toMatchObject({ code: 'refresh_token_refused', statusCode: 401 });
  });

  it('refreshes once for 20 parallel calls', async () => {
    const client = open(provider, { tokenEndpointAuthMethod });
    const { refresh_token: first } = await provider.signIn();
    const results = await Promise.all(Array.from({ length: 20 }, () => client.refresh(first)));
    const newest = [...new Set(results.map(({ tokens }) => tokens.refreshToken))];
    expect(newest).toHaveLength(1);
    expect(await client.refresh(newest[0] ?? '')).toMatchObject({ claims: { sub: USER } });
  });

  it('introspects and revokes a refresh token', async () => {
    const client = open(provider, { tokenEndpointAuthMethod });
    const { refresh_token: token } = await provider.signIn();
    const active = await client.introspect(token, 'refresh_token');
    expect(active).toMatchObject({ active: true, sub: USER, clientId: APP_ID, exp: expect.any(Number) });
    expect(active.scope).toEqual(expect.arrayContaining(['openid', 'offline_access']));
    await client.revoke(token);
    expect(await client.introspect(token, 'refresh_token')).toMatchObject({ active: false, sub: undefined });
    expect(await catchError(client.refresh(token))).toMatchObject({ code: 'refresh_token_refused' });
    // RFC 7009 §2.2: an unknown token is no error.
    await client.revoke('never-issued');
    expect(await client.introspect('never-issued')).toMatchObject({ active: false });
  });

  it.each<[string, Partial<GenAuthOptions>]>([
    ['a wrong secret', { appSecret: 'wrong' }],
    ['no secret', { tokenEndpointAuthMethod: 'none', appSecret: undefined }],
    ['an unknown application', { appId: 'unknown-application' }],
  ])('reports %s to the operator', async (_name, options) => {
    const client = open(provider, { tokenEndpointAuthMethod, ...options });
    const calls = [client.refresh('x'), client.introspect('x'), client.revoke('x')].map(catchError);
    const refused = expect.objectContaining({ code: 'client_authentication_failed', statusCode: 500 });
    expect(await Promise.all(calls)).toEqual([refused, refused, refused]);
  });

  it('tries again with a secret that was replaced', async () => {
    const { refresh_token: token } = await provider.signIn();
    const secrets = ['wrong', APP_SECRET];
    const client = open(provider, { tokenEndpointAuthMethod, appSecret: () => secrets.shift() ?? '' });
    expect(await client.refresh(token)).toMatchObject({ user: { sub: USER } });
  });
});
