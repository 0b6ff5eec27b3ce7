import type { GenAuthClient } from '../../../src/core/client.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { useClients } from '../../support/client.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { catchError } from '../../support/promise.js';
import { API, API_SCOPE, APPS, USER, useOidcProvider } from './oidc-provider.js';

// The client verifies tokens of a certified OpenID provider and calls its endpoints.

failOnUnhandledRejections();
const APP_ID = APPS.client_secret_post;
const [provider, other] = [useOidcProvider(), useOidcProvider()];
const [open, openOther] = [useClients(provider), useClients(other)];

const accept = (): string => 'accepted';
const codeOf = ({ code }: { code: string }): string => code;
/** The result of verifying each token: `accepted`, or the code of the error. */
function decide(client: GenAuthClient, { id, access, own }: Record<'id' | 'access' | 'own', string>) {
  const verifying = [client.verifyIdToken(id), client.verifyAccessToken(access), client.verifyAccessToken(own)];
  return Promise.all(verifying.map((decision) => decision.then(accept, codeOf)));
}
const all = (code: string): string[] => [code, code, code];

it('accepts tokens by discovery below /oidc', async () => {
  const client = open();
  const { id, access, own } = await provider().issueTokens();
  provider().requests.length = 0;
  expect(await client.verifyIdToken(id)).toMatchObject({ iss: provider().issuer, sub: USER, aud: APP_ID });
  expect(await client.verifyAccessToken(access)).toMatchObject({ sub: USER, aud: API, scope: API_SCOPE });
  expect(await client.verifyAccessToken(own)).toMatchObject({ sub: APP_ID, aud: API, scope: API_SCOPE });
  expect(provider().requests).toEqual(['/oidc/.well-known/openid-configuration', '/oidc/jwks']);
});

it('refuses tokens for another application or API, of another issuer, and in place of each other', async () => {
  const tokens = await provider().issueTokens();
  // Both applications use the same API.
  const foreign = await decide(open(), await provider().issueTokens(APPS.client_secret_basic));
  expect(foreign).toEqual(['token_audience_mismatch', 'accepted', 'accepted']);
  const elsewhere = await decide(open({ audience: 'https://other.example' }), tokens);
  expect(elsewhere).toEqual(['accepted', 'token_audience_mismatch', 'token_audience_mismatch']);
  expect(await decide(openOther(), tokens)).toEqual(all('token_key_unknown'));
  const confused = openOther({ issuer: other().issuer, jwksUri: `${provider().issuer}/jwks` });
  expect(await decide(confused, tokens)).toEqual(all('token_issuer_mismatch'));
  const { id, access } = tokens;
  const swapped = await decide(open({ audience: [API, APP_ID] }), { id: access, access: id, own: id });
  expect(swapped).toEqual(all('token_type_mismatch'));
});

describe.each(Object.entries(APPS))('with %s', (tokenEndpointAuthMethod, appId) => {
  const options = { appId, tokenEndpointAuthMethod } as Partial<GenAuthOptions>;

  it('refreshes, introspects and revokes', async () => {
    const app = open(options);
    const { refresh: first } = await provider().issueTokens(appId);
    const { tokens, user, claims } = await app.refresh(first);
    expect([user, claims]).toMatchObject([{ sub: USER }, { sub: USER, aud: API, scope: API_SCOPE }]);
    expect(await app.verifyAccessToken(tokens.accessToken)).toEqual(claims);
    const active = await app.introspect(tokens.refreshToken, 'refresh_token');
    expect(active).toMatchObject({ active: true, sub: USER, clientId: appId, exp: expect.any(Number) });
    expect(active.scope).toEqual(expect.arrayContaining(['openid', 'offline_access']));
    // The provider does not accept this access token for user info, because it is for another API.
    expect(await catchError(app.userInfo(tokens.accessToken))).toMatchObject({ code: 'token_revoked' });
    await app.revoke(tokens.refreshToken);
    expect(await app.introspect(tokens.refreshToken)).toMatchObject({ active: false, sub: undefined });
    expect(await catchError(app.refresh(tokens.refreshToken))).toMatchObject({ code: 'refresh_token_refused' });
    // RFC 7009 §2.2: an unknown token is no error.
    await app.revoke('never-issued');
  });

  it('reports a wrong secret to the operator', async () => {
    const app = open({ ...options, appSecret: 'wrong' });
    const calls = [app.refresh('x'), app.introspect('x'), app.revoke('x')].map(catchError);
    const refused = { code: 'client_authentication_failed', statusCode: 500 };
    expect(await Promise.all(calls)).toMatchObject([refused, refused, refused]);
  });
});
