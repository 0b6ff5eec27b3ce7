import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { catchError } from '../../support/promise.js';
import { API, API_SCOPE, APP_ID, APP_SECRET, LOGGED_OUT_URI, PERSON, useForeignIssuers } from './foreign-issuer.js';

failOnUnhandledRejections();
const { start, open } = useForeignIssuers();
const algorithm = 'RS256';

describe.each(['client_secret_post', 'client_secret_basic'] as const)('%s', (tokenEndpointAuthMethod) => {
  it('refresh: new tokens of the person, and the new refresh token does again', async () => {
    const issuer = await start({ algorithm, tokenEndpointAuthMethod });
    const client = open(issuer, algorithm, { tokenEndpointAuthMethod });
    const { refresh_token: first } = await issuer.signIn();
    const { tokens, user, claims } = await client.refresh(first);
    expect([user, claims]).toMatchObject([{ sub: PERSON }, { sub: PERSON, aud: API, scope: API_SCOPE }]);
    expect(tokens.refreshToken).not.toBe(first);
    expect(await client.verifyAccessToken(tokens.accessToken)).toEqual(claims);
    expect(await client.refresh(tokens.refreshToken)).toMatchObject({ user: { sub: PERSON } });
    // Used up: this server takes that for theft.
    expect(await catchError(client.refresh(first))).toMatchObject({ code: 'refresh_token_refused', statusCode: 401 });
  });

  it('20 refreshes at one time do not use each other’s token up', async () => {
    const issuer = await start({ algorithm, tokenEndpointAuthMethod });
    const client = open(issuer, algorithm, { tokenEndpointAuthMethod });
    const { refresh_token: first } = await issuer.signIn();
    const all = await Promise.all(Array.from({ length: 20 }, () => client.refresh(first)));
    const newest = new Set(all.map(({ tokens }) => tokens.refreshToken));
    expect(newest.size).toBe(1);
    expect(await client.refresh([...newest][0] ?? '')).toMatchObject({ claims: { sub: PERSON } });
  });

  it('introspect, revoke: active until it is revoked, and then good for nothing', async () => {
    const issuer = await start({ algorithm, tokenEndpointAuthMethod });
    const client = open(issuer, algorithm, { tokenEndpointAuthMethod });
    const { refresh_token: token } = await issuer.signIn();
    expect(await client.introspect(token, 'refresh_token')).toMatchObject({
      active: true,
      sub: PERSON,
      clientId: APP_ID,
      scope: expect.arrayContaining(['openid', 'offline_access']),
      exp: expect.any(Number),
    });
    await client.revoke(token);
    expect(await client.introspect(token, 'refresh_token')).toMatchObject({ active: false, sub: undefined });
    expect(await catchError(client.refresh(token))).toMatchObject({ code: 'refresh_token_refused' });
    // RFC 7009 §2.2: one that nobody knows is no failure.
    await client.revoke('never-issued');
    expect(await client.introspect('never-issued')).toMatchObject({ active: false });
  });

  it('a wrong secret, none, another application: the operator must act; a secret that was replaced: once more', async () => {
    const issuer = await start({ algorithm, tokenEndpointAuthMethod });
    const { refresh_token: token } = await issuer.signIn();
    const wrong: Partial<GenAuthOptions>[] = [
      { tokenEndpointAuthMethod, appSecret: 'wrong' },
      { tokenEndpointAuthMethod: 'none', appSecret: undefined },
      { tokenEndpointAuthMethod, appId: 'unknown-application' },
    ];
    for (const options of wrong) {
      const client = open(issuer, algorithm, options);
      for (const call of [client.refresh(token), client.introspect(token), client.revoke(token)]) {
        expect(await catchError(call)).toMatchObject({ code: 'client_authentication_failed', statusCode: 500 });
      }
    }
    const secrets = ['wrong', APP_SECRET];
    const appSecret = (): string => secrets.shift() ?? '';
    const client = open(issuer, algorithm, { tokenEndpointAuthMethod, appSecret });
    expect(await client.refresh(token)).toMatchObject({ user: { sub: PERSON } });
  });
});

it('user info that does not take the token (here it is for the API alone): token_revoked', async () => {
  const issuer = await start({ algorithm });
  const { access_token: token } = await issuer.signIn();
  expect(await catchError(open(issuer, algorithm).userInfo(token))).toMatchObject({ code: 'token_revoked' });
  expect(issuer.requests.at(-1)).toBe('/oidc/me');
});

it('the logout address is one: with a right id_token and a registered address, and no other', async () => {
  const issuer = await start({ algorithm });
  const client = open(issuer, algorithm);
  const { id_token: idToken } = await issuer.signIn();
  const visit = async (parameters: Parameters<typeof client.buildLogoutUrl>[0]): Promise<number> =>
    (await fetch(client.buildLogoutUrl(parameters), { redirect: 'manual' })).status;
  expect(await visit({ idToken, postLogoutRedirectUri: LOGGED_OUT_URI, state: 'a&b' })).toBe(200);
  expect(await visit({ idToken })).toBe(200);
  expect(await visit({ idToken, postLogoutRedirectUri: 'https://evil.example' })).toBe(400);
  expect(await visit({ idToken: `${idToken.slice(0, -4)}AAAA`, postLogoutRedirectUri: LOGGED_OUT_URI })).toBe(400);
});
