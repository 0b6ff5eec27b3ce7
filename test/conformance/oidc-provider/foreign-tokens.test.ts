import type { GenAuthClient } from '../../../src/core/client.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import {
  ALGORITHMS,
  API,
  API_SCOPE,
  APP_ID,
  type ForeignIssuer,
  LIFETIME,
  OTHER_APP_ID,
  PERSON,
  useForeignIssuers,
} from './foreign-issuer.js';

failOnUnhandledRejections();
const MAX_AGE = 600_000;
const COOLDOWN = 30_000;
const { start, open, clock } = useForeignIssuers();

/** What comes of the three tokens of one issuer, each verified twice: the second time it may be remembered. */
async function decide(client: GenAuthClient, tokens: { id: string; access: string; own: string }): Promise<string[]> {
  const code = (verifying: Promise<unknown>): Promise<string> =>
    verifying.then(
      () => 'passes',
      (error: { code: string }) => error.code,
    );
  const once = async (): Promise<string[]> => [
    await code(client.verifyIdToken(tokens.id)),
    await code(client.verifyAccessToken(tokens.access)),
    await code(client.verifyAccessToken(tokens.own)),
  ];
  const first = await once();
  expect(await once()).toEqual(first);
  return first;
}

async function obtain(issuer: ForeignIssuer, clientId = APP_ID): Promise<Record<'id' | 'access' | 'own', string>> {
  const { id_token: id, access_token: access } = await issuer.signIn(clientId);
  return { id, access, own: await issuer.requestClientToken(clientId) };
}
const all = (code: string): string[] => [code, code, code];

describe.each(ALGORITHMS)('%s', (algorithm) => {
  it('below /oidc, where GenAuth is: found by discovery, with no address set', async () => {
    const issuer = await start({ algorithm });
    const client = open(issuer, algorithm);
    const { id_token, access_token } = await issuer.signIn();
    const own = await issuer.requestClientToken();
    issuer.requests.length = 0;
    expect(await client.verifyIdToken(id_token)).toMatchObject({ iss: issuer.issuer, sub: PERSON, aud: APP_ID });
    expect(await client.verifyAccessToken(access_token)).toMatchObject({ sub: PERSON, aud: API, scope: API_SCOPE });
    expect(await client.verifyAccessToken(own)).toMatchObject({ sub: APP_ID, aud: API, scope: API_SCOPE });
    expect(issuer.requests).toEqual(['/oidc/.well-known/openid-configuration', '/oidc/jwks']);
  });

  it('at the root, by its own discovery document: issuer and jwksUri as options', async () => {
    const issuer = await start({ algorithm, mount: '' });
    const answer = await fetch(`${issuer.url}/.well-known/openid-configuration`);
    const document = (await answer.json()) as { issuer: string; jwks_uri: string };
    const client = open(issuer, algorithm, { issuer: document.issuer, jwksUri: document.jwks_uri });
    expect(await decide(client, await obtain(issuer))).toEqual(all('passes'));
    // It has no document where GenAuth has it, so without the options nothing is found, and nobody is told a token is wrong.
    const lost = open(issuer, algorithm, { issuer: document.issuer });
    expect(await decide(lost, await obtain(issuer))).toEqual(all('upstream_unavailable'));
  });

  it('for another application, another API or from another issuer: refused', async () => {
    const issuer = await start({ algorithm });
    const tokens = await obtain(issuer);
    const foreign = await obtain(issuer, OTHER_APP_ID);
    const client = open(issuer, algorithm);
    expect(await decide(client, tokens)).toEqual(all('passes'));
    // The API is the same for both; an id_token never is.
    expect(await decide(client, foreign)).toEqual(['token_audience_mismatch', 'passes', 'passes']);
    const elsewhere = open(issuer, algorithm, { audience: 'https://other.example' });
    expect(await decide(elsewhere, tokens)).toEqual(['passes', 'token_audience_mismatch', 'token_audience_mismatch']);
    const own = await issuer.requestClientToken(APP_ID, 'https://other.example');
    expect(await decide(client, { ...tokens, own })).toEqual(['passes', 'passes', 'token_audience_mismatch']);
    const other = await start({ algorithm });
    expect(await decide(open(other, algorithm), tokens)).toEqual(all('token_key_unknown'));
    const confused = open(other, algorithm, { jwksUri: `${issuer.issuer}/jwks` });
    expect(await decide(confused, tokens)).toEqual(all('token_issuer_mismatch'));
  });

  it('one kind for the other: refused', async () => {
    const issuer = await start({ algorithm });
    const { id, access } = await obtain(issuer);
    const client = open(issuer, algorithm, { audience: [API, APP_ID] });
    const mixed = await decide(client, { id: access, access: id, own: id });
    expect(mixed).toEqual(all('token_type_mismatch'));
  });

  it('after expiry: refused, to the second', async () => {
    const issuer = await start({ algorithm });
    const client = open(issuer, algorithm, { jwks: { maxAge: 86_400_000 } });
    const tokens = await obtain(issuer);
    expect(await decide(client, tokens)).toEqual(all('passes'));
    const expiries = [tokens.id, tokens.access, tokens.own].map((token) => {
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number };
      return claims.exp;
    });
    // Ten seconds before the first of them ends, and five (the tolerance) after the last one has.
    clock.ahead = (Math.min(...expiries) - 10) * 1000 - Date.now();
    expect(await decide(client, tokens)).toEqual(all('passes'));
    clock.ahead = (Math.max(...expiries) + 5) * 1000 - Date.now();
    expect(await decide(client, tokens)).toEqual(all('token_expired'));
    expect(Math.max(...expiries) * 1000).toBeLessThanOrEqual(Date.now() + LIFETIME * 1000);
  });

  it('its keys are rotated: new ones are found after the cool-down, old ones are refused once they are withdrawn', async () => {
    const issuer = await start({ algorithm });
    const client = open(issuer, algorithm);
    const old = await obtain(issuer);
    expect(await decide(client, old)).toEqual(all('passes'));
    issuer.rotate();
    const fresh = await obtain(issuer);
    expect(await decide(client, fresh)).toEqual(all('token_key_unknown'));
    clock.ahead += COOLDOWN;
    expect(await decide(client, fresh)).toEqual(all('passes'));
    expect(await decide(client, old)).toEqual(all('passes'));
    expect(issuer.keyFetches).toBe(2);
    issuer.withdrawOldKeys();
    clock.ahead += MAX_AGE - 60_000;
    expect(await decide(client, old)).toEqual(all('passes'));
    clock.ahead += 60_000;
    expect(await decide(client, old)).toEqual(all('token_key_unknown'));
    expect(await decide(client, fresh)).toEqual(all('passes'));
    expect(issuer.keyFetches).toBe(3);
  });
});
