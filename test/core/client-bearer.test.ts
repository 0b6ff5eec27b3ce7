import type { GenAuthClient, TokenRequirements } from '../../src/core/client.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { catchError } from '../support/promise.js';

failOnUnhandledRejections();
const ME_PATH = '/oidc/me';
const NOW = 1_760_000_000_000;
const issuer = useIssuer();
const openAny = useClients(issuer);
let now = NOW;
beforeEach(() => {
  now = NOW;
});
const open: typeof openAny = (options) => openAny(options, { now: () => now });

const accessToken = (claims: object = {}): string =>
  issuer().sign({ ...issuer().accessTokenClaims({}, NOW), ...claims });
const idToken = (claims: object = {}): string => issuer().sign({ ...issuer().idTokenClaims({}, NOW), ...claims });
const getUser = async (client: GenAuthClient, token: string): Promise<unknown> =>
  (await client.authenticate(token, { authorize: async () => {} })).user;
/** The claims that a guard gets which needs one that the token lacks. */
const getUserClaims = async (client: GenAuthClient, token: string): Promise<unknown> => {
  let told: unknown;
  const authorize: TokenRequirements['authorize'] = async (_claims, ask) => {
    told = await ask();
  };
  await client.authenticate(token, { authorize });
  return told;
};
const asked = (): number => issuer().count(ME_PATH);

it('an id_token is no API credential', async () => {
  expect(await catchError(getUser(open(), idToken()))).toMatchObject({ code: 'token_type_mismatch' });
});

describe("userClaims 'token'", () => {
  it.each<[string, object, object]>([
    ['a tenant', { tenant_id: 'tenant' }, { tenant_id: 'tenant' }],
    ['no tenant', {}, { tenant_id: null }],
    ['an empty tenant', { tenant_id: '' }, { tenant_id: null }],
    ['a tenant that is no text', { tenant_id: ['tenant'] }, { tenant_id: null }],
    ['scopes twice', { scope: 'openid  email openid' }, { scope: ['openid', 'email'] }],
    ['no scopes', { scope: '' }, { scope: [] }],
    ['claims of a profile', { email: 'a@example.com', roles: ['admin'] }, {}],
  ])('%s: %j: the user is %j, and nobody is asked', async (_, claims, expected) => {
    const right = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
    expect(await getUser(open(), accessToken(claims))).toStrictEqual({ ...right, ...expected });
    expect(asked()).toBe(0);
  });

  it('getUserClaims, for a claim that the access token lacks, asks once', async () => {
    issuer().reply(ME_PATH, { body: { sub: SUBJECT, roles: ['admin'] } });
    const client = open();
    const token = accessToken();
    for (let i = 0; i < 5; i += 1) {
      expect(await getUserClaims(client, token)).toEqual({ sub: SUBJECT, roles: ['admin'] });
    }
    expect(asked()).toBe(1);
  });
});

describe("userClaims 'userinfo'", () => {
  const openFull = (options: object = {}): GenAuthClient =>
    open({ userClaims: 'userinfo', scope: 'openid email roles', ...options });

  it('the full user of the scopes, asked for once for each token', async () => {
    issuer().reply(ME_PATH, {
      body: { sub: SUBJECT, email: 'a@example.com', email_verified: true, roles: [{ code: 'x' }], name: 'Alice' },
    });
    const client = openFull();
    const tokens = [accessToken(), accessToken({ jti: 'second' })];
    for (let i = 0; i < 10; i += 1) {
      const user = await getUser(client, tokens[i % 2] ?? '');
      expect(user).toEqual({ sub: SUBJECT, email: 'a@example.com', email_verified: true, roles: [{ code: 'x' }] });
    }
    expect(asked()).toBe(2);
  });

  it('null and missing claims are what the scopes promise: null, false, an empty list', async () => {
    issuer().reply(ME_PATH, { body: { sub: SUBJECT, email: null } });
    const user = await getUser(openFull(), accessToken());
    expect(user).toEqual({ sub: SUBJECT, email: null, email_verified: false, roles: [] });
  });

  it('50 requests with one token at one time are one question', async () => {
    issuer().reply(ME_PATH, { body: { sub: SUBJECT } });
    const client = openFull();
    const token = accessToken();
    await Promise.all(Array.from({ length: 50 }, () => getUser(client, token)));
    expect(asked()).toBe(1);
  });

  it('a login primes it: the first guarded request asks nobody, nor does any for userInfoMaxAge', async () => {
    const access_token = accessToken();
    issuer().replySignIn({ access_token, id_token: idToken({ email: 'a@example.com', roles: ['admin'] }) });
    issuer().reply(ME_PATH, { body: { sub: SUBJECT, email: 'new@example.com' } });
    const client = openFull({ userInfoMaxAge: 60_000 });
    await client.signIn({ account: 'alice', password: 'p' });
    now += 59_999;
    expect(await getUser(client, access_token)).toMatchObject({ email: 'a@example.com', roles: ['admin'] });
    expect(asked()).toBe(0);
    now += 1;
    expect(await getUser(client, access_token)).toMatchObject({ email: 'new@example.com' });
    expect(asked()).toBe(1);
  });

  it('a login that is refused primes nothing', async () => {
    const access_token = accessToken();
    issuer().replySignIn({ access_token, id_token: idToken({ sub: 'another', roles: ['admin'] }) });
    issuer().reply(ME_PATH, { body: { sub: SUBJECT, roles: [] } });
    const client = openFull();
    expect(await catchError(client.signIn({ account: 'alice', password: 'p' }))).toMatchObject({
      code: 'upstream_token_invalid',
    });
    expect(await getUser(client, access_token)).toMatchObject({ roles: [] });
    expect(asked()).toBe(1);
  });

  it('about another person: 502, and nobody’s claims, not even once they are cached', async () => {
    issuer().reply(ME_PATH, { body: { sub: 'another', roles: ['admin'] } });
    const client = openFull();
    for (let i = 0; i < 3; i += 1) {
      expect(await catchError(getUser(client, accessToken()))).toMatchObject({ code: 'upstream_invalid_response' });
    }
    expect(asked()).toBe(1);
  });

  it('refused by GenAuth: token_revoked, also for a token whose claims a login had brought', async () => {
    const access_token = accessToken();
    issuer().replySignIn({ access_token, id_token: idToken() });
    issuer().reply(ME_PATH, { status: 401 });
    const client = openFull({ userInfoMaxAge: 60_000 });
    await client.signIn({ account: 'alice', password: 'p' });
    now += 60_000;
    for (let i = 0; i < 3; i += 1) {
      expect(await catchError(getUser(client, access_token))).toMatchObject({ code: 'token_revoked', statusCode: 401 });
    }
    expect(asked()).toBe(1);
  });

  it('GenAuth is down: the last good user for whom it knows, 503 for whom it does not, and few questions', async () => {
    issuer().reply(ME_PATH, { body: { sub: SUBJECT, email: 'a@example.com' } });
    const client = openFull();
    const token = accessToken();
    await getUser(client, token);
    issuer().reply(ME_PATH, { status: 500 });
    now += 300_000;
    for (let i = 0; i < 100; i += 1) {
      expect(await getUser(client, token)).toMatchObject({ email: 'a@example.com' });
      expect(await catchError(getUser(client, accessToken({ jti: 'new' })))).toMatchObject({ statusCode: 503 });
    }
    expect(asked()).toBe(3);
  });

  it('a token that expires meanwhile is refused, whatever is known of its person', async () => {
    issuer().reply(ME_PATH, { body: { sub: SUBJECT } });
    const client = openFull({ userInfoMaxAge: 86_400_000 });
    const token = accessToken();
    await getUser(client, token);
    now += 3_605_000;
    expect(await catchError(getUser(client, token))).toMatchObject({ code: 'token_expired' });
  });
});
