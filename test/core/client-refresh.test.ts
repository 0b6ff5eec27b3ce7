import { GenAuthEmulator } from '../../src/emulator/index.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, type Reply, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { Gate, catchError } from '../support/promise.js';
import { createRsaKey } from '../support/rsa-key.js';
import { LONG_SECRET } from '../support/signing-key.js';
import { buildToken, hashAccessToken } from '../support/token.js';

failOnUnhandledRejections();
const TOKEN_PATH = '/oidc/token';
const ME_PATH = '/oidc/me';
const OLD = 'canary-refresh-token-old';
const NEW = 'canary-refresh-token-new';
const NOW = 1_760_000_000_000;
const issuer = useIssuer();
const openAny = useClients(issuer);
let now = NOW;
beforeEach(() => {
  now = NOW;
});
const open: typeof openAny = (options) => openAny(options, { now: () => now });

const accessToken = (claims: object = {}): string =>
  issuer().sign({ ...issuer().accessTokenClaims({}, now), ...claims });
const idToken = (claims: object = {}): string => issuer().sign({ ...issuer().idTokenClaims({}, now), ...claims });
const answer = (body: object, reply: Reply = {}): void => issuer().reply(TOKEN_PATH, { ...reply, body });
const requests = (): number => issuer().count(TOKEN_PATH);

describe('what comes back', () => {
  it('with an id_token and a new refresh token: the newest tokens, the user, and the access token’s claims', async () => {
    const access_token = accessToken({ scope: 'openid email' });
    const id_token = idToken({ email: 'a@example.com', email_verified: true, at_hash: hashAccessToken(access_token) });
    answer({ access_token, id_token, refresh_token: NEW, token_type: 'Bearer', expires_in: 7 });
    const client = open({ scope: 'openid email' });
    expect(await client.refresh(OLD)).toEqual({
      tokens: {
        accessToken: access_token,
        idToken: id_token,
        refreshToken: NEW,
        expiresAt: new Date(NOW + 3_600_000),
        scope: ['openid', 'email'],
      },
      user: { sub: SUBJECT, email: 'a@example.com', email_verified: true },
      claims: expect.objectContaining({ sub: SUBJECT, scope: 'openid email' }),
    });
    expect(requests()).toBe(1);
  });

  it.each<[string, unknown, string]>([
    ['no refresh token: the one that was sent stays', undefined, OLD],
    ['null: the one that was sent stays', null, OLD],
    ['an empty one: the one that was sent stays', '', OLD],
    ['the same: that one', OLD, OLD],
    ['a new one: the new one', NEW, NEW],
  ])('T19: %s', async (_, refresh_token, expected) => {
    answer({ access_token: accessToken(), refresh_token });
    expect((await open().refresh(OLD)).tokens.refreshToken).toBe(expected);
  });

  it('without an id_token: no user', async () => {
    answer({ access_token: accessToken() });
    expect(await open().refresh(OLD)).toMatchObject({ user: undefined, tokens: { idToken: undefined } });
  });

  it('scope: what the answer says, else what the access token says', async () => {
    answer({ access_token: accessToken({ scope: 'openid phone' }), scope: 'openid  email' });
    expect((await open().refresh(OLD)).tokens.scope).toEqual(['openid', 'email']);
    answer({ access_token: accessToken({ scope: 'openid phone' }) });
    expect((await open().refresh(OLD)).tokens.scope).toEqual(['openid', 'phone']);
  });
});

describe('tokens that do not verify are GenAuth’s fault: 502, not 401', () => {
  const foreign = createRsaKey();
  it.each<[string, () => object, string]>([
    ['an id_token of another person', () => ({ id_token: idToken({ sub: 'bob' }) }), 'token_subject_mismatch'],
    [
      'an access token of another person',
      () => ({ access_token: accessToken({ sub: 'bob' }), id_token: idToken() }),
      'token_subject_mismatch',
    ],
    ['an id_token of another application', () => ({ id_token: idToken({ aud: 'other' }) }), 'token_audience_mismatch'],
    ['an expired id_token', () => ({ id_token: idToken({ iat: 1, exp: 2 }) }), 'token_expired'],
    [
      'an id_token of another access token',
      () => ({ id_token: idToken({ at_hash: hashAccessToken('a') }) }),
      'token_hash_mismatch',
    ],
    [
      'an id_token by another key',
      () => ({
        id_token: buildToken(
          { alg: 'RS256', kid: issuer().key.kid },
          issuer().idTokenClaims({}, now),
          foreign.privateKey,
        ),
      }),
      'token_signature_invalid',
    ],
    ['an id_token that is none', () => ({ id_token: 'a.b' }), 'token_malformed'],
    ['an access token in place of the id_token', () => ({ id_token: accessToken() }), 'token_type_mismatch'],
    ['an id_token in place of the access token', () => ({ access_token: idToken() }), 'token_type_mismatch'],
    ['an expired access token', () => ({ access_token: accessToken({ iat: 1, exp: 2 }) }), 'token_expired'],
    [
      'an access token for another audience',
      () => ({ access_token: accessToken({ aud: 'other' }) }),
      'token_audience_mismatch',
    ],
    [
      'an access token of another issuer',
      () => ({ access_token: accessToken({ iss: 'https://evil.example' }) }),
      'token_issuer_mismatch',
    ],
    ['an access token that is no JWT', () => ({ access_token: 'opaque' }), 'token_malformed'],
  ])('%s: upstream_token_invalid', async (_, tokens, code) => {
    answer({ access_token: accessToken(), refresh_token: NEW, ...tokens() });
    const error = await catchError(open().refresh(OLD));
    expect(error).toMatchObject({ code: 'upstream_token_invalid', statusCode: 502, cause: { code } });
    expect(findLeaks(error, [OLD, NEW])).toEqual([]);
    expect(requests()).toBe(1);
  });

  it.each([{}, { access_token: '' }, { access_token: null }, { id_token: 'a.b.c' }])(
    'no access token, %j: upstream_invalid_response',
    async (body) => {
      answer(body);
      expect(await catchError(open().refresh(OLD))).toMatchObject({ code: 'upstream_invalid_response' });
    },
  );
});

it.each<[string, Reply]>([
  ['HTTP 400', { status: 400 }],
  ['HTTP 401', { status: 401 }],
  ['HTTP 200', { status: 200 }],
])('invalid_grant under %s: refresh_token_refused, 401: the person signs in again', async (_, reply) => {
  answer({ error: 'invalid_grant', error_description: `${OLD} \r\n` }, reply);
  const error = await catchError(open({ appSecret: () => LONG_SECRET }).refresh(OLD));
  expect(error).toMatchObject({ name: 'TokenVerificationError', code: 'refresh_token_refused', statusCode: 401 });
  expect(findLeaks(error, [OLD])).toEqual([]);
  expect(requests()).toBe(1);
});

describe('many at one time', () => {
  it('50 calls for one refresh token are one request, and all get the same tokens', async () => {
    const gate = new Gate();
    const body = { access_token: accessToken(), id_token: idToken(), refresh_token: NEW };
    issuer().reply(TOKEN_PATH, () => gate.opened.then(() => ({ body })));
    const client = open();
    const all = Promise.all(Array.from({ length: 50 }, () => client.refresh(OLD)));
    gate.open();
    const tokens = (await all).map((each) => each.tokens);
    expect(new Set(tokens.map(({ refreshToken }) => refreshToken))).toEqual(new Set([NEW]));
    expect(requests()).toBe(1);
    // And what one of them does to its copy is not seen by the others.
    Object.assign(tokens[0] ?? {}, { accessToken: 'changed' });
    expect(tokens[1]?.accessToken).toBe(body.access_token);
    await client.refresh(OLD);
    expect(requests()).toBe(2);
  });

  it('two refresh tokens are two requests, each with its own answer', async () => {
    issuer().reply(TOKEN_PATH, ({ body }) => {
      const sub = new URLSearchParams(body).get('refresh_token');
      return { body: { access_token: accessToken({ sub }) } };
    });
    const client = open();
    const results = await Promise.all(['a', 'b', 'a', 'b'].map((token) => client.refresh(token)));
    expect(results.map(({ claims }) => claims.sub)).toEqual(['a', 'b', 'a', 'b']);
    expect(results.map(({ tokens }) => tokens.refreshToken)).toEqual(['a', 'b', 'a', 'b']);
    expect(requests()).toBe(2);
  });

  it('a failure is told to all of them, and not kept', async () => {
    issuer().reply(TOKEN_PATH, { status: 503 });
    const client = open();
    const errors = await Promise.all(Array.from({ length: 20 }, () => catchError(client.refresh(OLD))));
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['upstream_unavailable']));
    expect(requests()).toBe(1);
    answer({ access_token: accessToken() });
    expect(await client.refresh(OLD)).toMatchObject({ tokens: { refreshToken: OLD } });
  });
});

describe('user info after a refresh', () => {
  const refreshAndGetUser = async (tokens: object): Promise<unknown> => {
    const client = open({ userClaims: 'userinfo', scope: 'openid username' });
    issuer().reply(ME_PATH, { body: { sub: SUBJECT, username: 'asked' } });
    answer({ access_token: accessToken(), ...tokens });
    const { tokens: received } = await client.refresh(OLD);
    return (await client.authenticate(received.accessToken, { authorize: async () => {} })).user;
  };

  it('with an id_token: its claims are known, and nobody is asked', async () => {
    expect(await refreshAndGetUser({ id_token: idToken({ username: 'told' }) })).toMatchObject({ username: 'told' });
    expect(issuer().count(ME_PATH)).toBe(0);
  });

  it('without one: GenAuth is asked', async () => {
    expect(await refreshAndGetUser({})).toMatchObject({ username: 'asked' });
    expect(issuer().count(ME_PATH)).toBe(1);
  });
});

it.each([
  ['with an id_token', true],
  ['alone', false],
])('just after the keys were rotated, an access token by the new key is taken at once, %s', async (_, withIdToken) => {
  const client = open();
  await client.verifyAccessToken(accessToken());
  const next = createRsaKey();
  issuer().reply(JWKS_PATH, { body: { keys: [issuer().key.jwk, next.jwk] } });
  const sign = (claims: object): string => buildToken({ alg: 'RS256', kid: next.kid }, claims, next.privateKey);
  const access_token = sign(issuer().accessTokenClaims({}, now));
  answer({ access_token, ...(withIdToken && { id_token: sign(issuer().idTokenClaims({}, now)) }) });
  expect(await client.refresh(OLD)).toMatchObject({ claims: { sub: SUBJECT }, tokens: { accessToken: access_token } });
  expect(issuer().count(JWKS_PATH)).toBe(2);
});

describe('against the emulator', () => {
  const emulator = new GenAuthEmulator();
  beforeAll(() => emulator.start());
  afterAll(() => emulator.stop());

  it('a login, 20 refreshes at one time, and again with what came of them; the old one is used up', async () => {
    const client = openAny({ ...emulator.clientOptions, scope: 'openid username offline_access' });
    const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
    if (outcome.kind !== 'success') throw new Error(outcome.kind);
    const first = outcome.tokens.refreshToken ?? '';
    const all = await Promise.all(Array.from({ length: 20 }, () => client.refresh(first)));
    expect(new Set(all.map(({ tokens }) => tokens.refreshToken)).size).toBe(1);
    const { tokens, user } = await client.refresh(all[0]?.tokens.refreshToken ?? '');
    expect(user).toEqual({ sub: outcome.user.sub, username: 'alice' });
    expect(await client.verifyAccessToken(tokens.accessToken)).toMatchObject({ sub: outcome.user.sub });
    expect(await catchError(client.refresh(first))).toMatchObject({ code: 'refresh_token_refused' });
  });
});

it.each(['unauthorized_client', 'unsupported_grant_type'])(
  '%s: the operator is told of the grant, not of the secret',
  async (error) => {
    issuer().reply(TOKEN_PATH, { status: 400, body: { error } });
    const thrown = await catchError(open().refresh(OLD));
    expect(thrown).toMatchObject({ name: 'ConfigurationError', code: 'grant_not_allowed', statusCode: 500 });
    expect(thrown.message).toContain('refresh_token');
  },
);
