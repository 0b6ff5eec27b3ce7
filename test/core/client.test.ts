import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { jest } from '@jest/globals';
import type { GenAuthClient, TokenRequirements } from '../../src/core/client.js';
import type { RequestEvent } from '../../src/core/events.js';
import { CertificateAuthority } from '../support/certificate.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { useEvents } from '../support/events.js';
import { APP_ID, JWKS_PATH, type Reply, SUBJECT, useIssuer } from '../support/issuer.js';
import { codeOf } from '../support/key-set.js';
import { findLeaks } from '../support/leak.js';
import { Gate, catchError, until } from '../support/promise.js';
import { useSignatureCount } from '../support/signature-count.js';
import { LONG_SECRET } from '../support/signing-key.js';
import { answering, useTcpServers } from '../support/tcp-server.js';
import { buildToken } from '../support/token.js';

failOnUnhandledRejections();
const NOW = 1_760_000_000_000;
const ALICE = { account: 'alice', password: 'passw0rd' };
const [TOKEN_PATH, ME_PATH, CAPTCHA_PATH] = ['/oidc/token', '/oidc/me', '/api/v3/get-captcha-code'];
const [INTROSPECTION_PATH, REVOCATION_PATH] = ['/oidc/token/introspection', '/oidc/token/revocation'];
const [OLD, NEW] = ['canary-refresh-token-old', 'canary-refresh-token-new'];

const issuer = useIssuer();
const openAny = useClients(issuer);
const serve = useTcpServers();
const computed = useSignatureCount();
const events = useEvents();
let now = NOW;
beforeEach(() => {
  now = NOW;
});
const open: typeof openAny = (options) => openAny(options, { now: () => now });
const openUserInfo = (options: object = {}): GenAuthClient =>
  open({ userClaims: 'userinfo', scope: 'openid email roles', ...options });
const accessToken = (claims: object = {}): string =>
  issuer().sign({ ...issuer().accessTokenClaims({}, NOW), ...claims });
const idToken = (claims: object = {}): string => issuer().sign({ ...issuer().idTokenClaims({}, NOW), ...claims });
const replySignIn = (tokens: object = {}): void =>
  issuer().replySignIn({ id_token: idToken(), access_token: accessToken(), ...tokens });
const reply = (path: string, body: unknown): void => issuer().reply(path, { body });
const replyMe = (body: object): void => reply(ME_PATH, { sub: SUBJECT, ...body });
const authorize: TokenRequirements['authorize'] = async () => {};
const getUser = async (client: GenAuthClient, token: string): Promise<unknown> =>
  (await client.authenticate(token, { authorize })).user;

it('signIn returns a user with the claims of the configured or of the given scopes', async () => {
  issuer().replySignIn();
  const client = openAny({ scope: 'openid email' });
  const user = { sub: SUBJECT, email: null, email_verified: false };
  expect(await client.signIn(ALICE)).toHaveProperty('user', user);
  expect(await client.signIn(ALICE, { scope: 'openid role' })).toHaveProperty('user', { sub: SUBJECT, role: null });
});

it('uses the options issuer, audience, appId, clockTolerance, idTokenSignedResponseAlg and appSecret', async () => {
  const options = { issuer: 'https://a.example', audience: ['api'], appId: '65f0c1d2e3a4b5c6d7e8f9ff' };
  const hs256 = { idTokenSignedResponseAlg: 'HS256', appSecret: LONG_SECRET } as const;
  const client = open({ jwksUri: `${issuer().url}${JWKS_PATH}`, clockTolerance: 60, ...options, ...hs256 });
  const claims = { iss: options.issuer, azp: options.appId, iat: NOW / 1000 + 60 };
  expect(await client.verifyAccessToken(accessToken({ ...claims, aud: 'api' }))).toMatchObject(claims);
  const payload = { ...issuer().idTokenClaims({}, NOW), ...claims, aud: options.appId };
  expect(await client.verifyIdToken(buildToken({ alg: 'HS256' }, payload, LONG_SECRET, 'HS256'))).toEqual(payload);
});

it('accepts both forms of the address and of the issuer, and only one with the option issuer', async () => {
  const { url, issuer: own, clientOptions } = issuer();
  const issuers = [own, `${url}/${clientOptions.appId}/oidc`, `${url}/oidc/`, url, `${url}/other/oidc`];
  const decide = (options: object) =>
    Promise.all(issuers.map((iss) => codeOf(open(options).verifyAccessToken(accessToken({ iss })))));
  const refused = 'token_issuer_mismatch';
  const both = ['accepted', 'accepted', refused, refused, refused];
  expect(await decide({})).toEqual(both);
  expect(await decide({ appHost: `${url}/${clientOptions.appId}` })).toEqual(both);
  expect(await decide({ issuer: own })).toEqual(['accepted', refused, refused, refused, refused]);
});

it('uses the clock that a test framework set after the client was made', async () => {
  // Without a clock of its own.
  const client = openAny();
  const token = issuer().sign(issuer().accessTokenClaims());
  await client.verifyAccessToken(token);
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'setTimeout'], now: Date.now() + 7 * 86_400_000 });
  const code = await codeOf(client.verifyAccessToken(token));
  jest.useRealTimers();
  expect(code).toBe('token_expired');
});

it('fetches the key set again after the option jwks.maxAge, and is ready while a key is cached', async () => {
  const client = open({ jwks: { maxAge: 2000 } });
  expect(client.status()).toMatchObject({ ready: false, keys: { count: 0 } });
  await client.warmUp();
  now += 2000;
  await client.verifyAccessToken(accessToken());
  const keys = { count: 1, fetchedAt: new Date(now), isStale: false };
  expect([client.status(), issuer().count(JWKS_PATH)]).toMatchObject([{ ready: true, keys }, 2]);
});

it.each([
  [undefined, 4],
  [{ maxEntries: 1 }, 6],
  [false, 6],
] as const)(
  'caches verified tokens at their second use with the option verifiedTokenCache %j',
  async (verifiedTokenCache, expected) => {
    const client = open({ verifiedTokenCache });
    const tokens = [accessToken({ n: 1 }), accessToken({ n: 2 })];
    for (const token of [...tokens, ...tokens, ...tokens]) await client.verifyAccessToken(token);
    expect(computed()).toBe(expected);
  },
);

it('authenticate returns the user of the token without a request', async () => {
  const user = await getUser(open(), accessToken({ scope: 'openid email', tenant_id: 'tenant', email: 'x' }));
  expect(user).toStrictEqual({ sub: SUBJECT, scope: ['openid', 'email'], tenant_id: 'tenant' });
  expect(issuer().count(ME_PATH)).toBe(0);
});

it('authenticate passes the claims and cached user info to the requirements, and waits for them', async () => {
  replyMe({ roles: ['admin'] });
  const check: TokenRequirements['authorize'] = async ({ scope }, getUserClaims) => {
    throw new Error(JSON.stringify([scope, (await getUserClaims())['roles'], (await getUserClaims())['roles']]));
  };
  const refused = open().authenticate(accessToken(), { authorize: check });
  await expect(refused).rejects.toThrow('["openid profile",["admin"],["admin"]]');
  expect(issuer().count(ME_PATH)).toBe(1);
});

it('authenticate uses the claims of a successful sign-in until userInfoMaxAge has passed', async () => {
  const [access_token, refused] = [accessToken(), accessToken({ n: 1 })];
  const client = openUserInfo({ userInfoMaxAge: 60_000 });
  replyMe({ email: 'new' });
  replySignIn({ access_token, id_token: idToken({ email: 'old' }) });
  await client.signIn(ALICE);
  replySignIn({ access_token: refused, id_token: idToken({ email: 'refused', sub: 'x' }) });
  expect(await codeOf(client.signIn(ALICE))).toBe('upstream_token_invalid');
  now += 59_999;
  const users = [await getUser(client, access_token), await getUser(client, refused)];
  now += 1;
  const emails = ['old', 'new', 'new'].map((email) => ({ email }));
  expect([...users, await getUser(client, access_token)]).toMatchObject(emails);
});

it.each<[object, string]>([
  [{ active: true, sub: SUBJECT }, 'accepted'],
  [{ active: true, sub: 'another' }, 'upstream_invalid_response'],
  [{ active: false, sub: 'another' }, 'token_revoked'],
])('authenticate after the introspection %j: %s', async (body, expected) => {
  reply(INTROSPECTION_PATH, body);
  const authenticated = Promise.resolve(open().authenticate(accessToken(), { introspect: 1000, authorize }));
  expect(await codeOf(authenticated)).toBe(expected);
});

it('refresh returns the new tokens, their claims and the user, also for guarded routes', async () => {
  const tokens = { accessToken: accessToken({ scope: 'openid' }), idToken: idToken({ roles: ['admin'] }) };
  reply(TOKEN_PATH, { access_token: tokens.accessToken, id_token: tokens.idToken, refresh_token: NEW });
  const client = openUserInfo({ scope: 'openid roles' });
  const user = { sub: SUBJECT, roles: ['admin'] };
  const claims = { sub: SUBJECT, scope: 'openid' };
  expect(await client.refresh(OLD)).toMatchObject({ tokens: { ...tokens, refreshToken: NEW }, user, claims });
  expect([await getUser(client, tokens.accessToken), issuer().count(ME_PATH)]).toEqual([user, 0]);
});

it('refresh sends one request for parallel calls, and keeps the refresh token if there is no new one', async () => {
  issuer().reply(TOKEN_PATH, ({ body }) => ({
    body: { access_token: accessToken({ sub: new URLSearchParams(body).get('refresh_token') }) },
  }));
  const client = open();
  const results = await Promise.all(['a', 'b', 'a'].map((token) => client.refresh(token)));
  const expected = ['a', 'b', 'a'].map((token) => [token, token, undefined]);
  expect(results.map(({ claims, tokens, user }) => [claims.sub, tokens.refreshToken, user])).toEqual(expected);
  const [first, , third] = results;
  first?.tokens.expiresAt.setTime(0);
  expect(third?.tokens.expiresAt.getTime()).not.toBe(0);
  expect(results.every(({ claims, tokens }) => Object.isFrozen(claims) && Object.isFrozen(tokens.scope))).toBe(true);
  await client.refresh('a');
  expect(issuer().count(TOKEN_PATH)).toBe(3);
});

it.each<[unknown, object?]>([[''], ['x'.repeat(8193)], [[OLD]], [`Bearer ${OLD}`, {}]])(
  'is refused without a request if it is %j',
  async (token, limits = { limit: 8192, unit: 'characters' }) => {
    const client = open();
    const calls = [client.refresh(token as never), client.introspect(token as never), client.revoke(token as never)];
    const errors = await Promise.all(calls.map(catchError));
    const details = { field: 'token', ...limits };
    const expected = [{ ...details, field: 'refresh token' }, details, details];
    expect(errors).toMatchObject(expected.map((each) => ({ code: 'invalid_request', details: each })));
    expect([findLeaks(errors, [OLD]), issuer().count()]).toEqual([[], 0]);
  },
);

it('a token in a form may have 8,192 characters, and has a type', async () => {
  reply(INTROSPECTION_PATH, { active: false });
  issuer().reply(REVOCATION_PATH, {});
  const client = open();
  await client.introspect('x'.repeat(8192));
  await client.introspect('t', 'refresh_token');
  await client.revoke('t');
  await client.revoke('t', 'access_token');
  const hints = issuer().requests.map(({ body }) => new URLSearchParams(body).get('token_type_hint'));
  expect(hints).toEqual(['access_token', 'refresh_token', 'refresh_token', 'access_token']);
});

it('a revocation drops the cached user info and introspection of the token', async () => {
  issuer().reply(REVOCATION_PATH, {});
  replyMe({});
  reply(INTROSPECTION_PATH, { active: true });
  const [client, token] = [openUserInfo(), accessToken()];
  await client.authenticate(token, { introspect: 60_000, authorize });
  await client.revoke(token);
  await client.authenticate(token, { introspect: 60_000, authorize });
  expect([issuer().count(ME_PATH), issuer().count(INTROSPECTION_PATH)]).toEqual([2, 2]);
});

it('userInfo returns sub alone after insufficient_scope, and refuses the claims of another user', async () => {
  issuer().reply(ME_PATH, { status: 403, body: { error: 'insufficient_scope' } });
  expect(await open().userInfo(accessToken())).toEqual({ sub: SUBJECT });
  replyMe({ sub: 'another' });
  expect(await codeOf(open().userInfo(accessToken()))).toBe('upstream_invalid_response');
  expect(await codeOf(open().userInfo(accessToken({ aud: 'other' })))).toBe('token_audience_mismatch');
  expect(issuer().count(ME_PATH)).toBe(2);
});

const ids = { statusCode: 403, apiCode: 1000, requestId: 'request-1' };
const REFUSED = 'GenAuth answered statusCode 403, apiCode 1000, message "no", request ID "request-1"';

it.each<[Reply, code: string, reason: string, answer: object | undefined]>([
  [{ body: { ...ids, message: 'no', data: {} } }, 'upstream_invalid_response', REFUSED, ids],
  [{ status: 403, body: [] }, 'upstream_invalid_response', 'HTTP 403 and no JSON', undefined],
  [{ body: '<html>' }, 'upstream_invalid_response', 'HTTP 200 and no JSON', undefined],
  [{ status: 503 }, 'upstream_unavailable', 'HTTP 503', undefined],
])('a public document is refused after %j', async (answered, code, reason, answer) => {
  issuer().reply(CAPTCHA_PATH, answered);
  const error = await catchError(open().getCaptcha());
  const message = `GenAuth's response to GET ${CAPTCHA_PATH} cannot be used: ${reason}.`;
  const details = { request: `GET ${CAPTCHA_PATH}`, httpStatus: answered.status ?? 200 };
  expect(error).toMatchObject({ name: 'UpstreamError', code, message, answer, details });
});

it.each([
  [{ captchaCodeSvg: '<svg/>', captchaToken: 'token' }, 256 * 1024, 'accepted'],
  [{ captchaCodeSvg: '<svg/>', captchaToken: 'token' }, 256 * 1024 + 1, 'upstream_invalid_response'],
  [{ captchaCodeSvg: '<svg/>' }, 0, 'upstream_invalid_response'],
])('a public document with the captcha %j in %i bytes: %s', async (data, size, code) => {
  reply(CAPTCHA_PATH, JSON.stringify({ statusCode: 200, data }).padEnd(size));
  expect(await codeOf(open().getCaptcha())).toBe(code);
  expect(issuer().requests[0]?.headers).toMatchObject({ 'x-authing-app-id': issuer().clientOptions.appId });
});

it.each([
  ['none', undefined, 'accepted', 0],
  ['rsa', undefined, 'upstream_invalid_response', 1],
  ['none', 'rsa', 'upstream_invalid_response', 1],
  ['rsa', 'none', 'accepted', 0],
] as const)(
  'warmUp requests the keys of %s, which signInOptions overrides by %s',
  async (type, own, code, requests) => {
    reply('/api/v3/system', {});
    const client = open({ passwordEncryptType: type, signInOptions: { passwordEncryptType: own } });
    expect(await codeOf(client.warmUp())).toBe(code);
    expect([JWKS_PATH, '/api/v3/system'].map((path) => issuer().count(path))).toEqual([1, requests]);
  },
);

it('buildLogoutUrl has the host of the client', () => {
  const urls = [open().buildLogoutUrl(), open().buildLogoutUrl({ idToken: 'a' })];
  expect(urls).toEqual(['', '?id_token_hint=a'].map((query) => `${issuer().url}/oidc/session/end${query}`));
});

it('the options are frozen and contain no secret', () => {
  const { options } = open({ proxy: 'http://127.0.0.1:9', appHost: 'https://localhost:9' });
  expect(['appSecret', 'proxy'].filter((name) => name in options)).toEqual([]);
  expect(Object.isFrozen(options)).toBe(true);
});

it('connections to both hosts trust the option ca, and are ended by close()', async () => {
  const authority = new CertificateAuthority();
  const genauth = await serve(answering(200, {}, '{"statusCode":403,"apiCode":2333}'), authority.issue());
  const keys = await serve(answering(200, {}, JSON.stringify({ keys: [issuer().key.jwk] })), authority.issue());
  const client = open({ appHost: genauth.url, jwksUri: `${keys.url}/keys`, ca: authority.cert });
  await Promise.all([client.warmUp(), client.signIn(ALICE)]);
  void client.close();
  await Promise.all([genauth.idle(), keys.idle()]);
  expect([genauth.connections, keys.connections]).toEqual([1, 1]);
});

it('connections to both hosts use the option proxy', async () => {
  const proxy = await serve((socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  const client = open({ proxy: proxy.url, appHost: 'https://a.example', jwksUri: 'https://keys.example/keys' });
  expect([await codeOf(client.warmUp()), await codeOf(client.signIn(ALICE))]).toEqual(
    Array(2).fill('upstream_unreachable'),
  );
  const hosts = proxy.received.map((received) => received.split(' ')[1]);
  expect(hosts).toEqual(['keys.example:443', 'a.example:443']);
});

it('publishes events about keys, refreshes and user info, without a token', async () => {
  const client = openUserInfo({ jwks: { staleIfError: 86_400_000 } });
  const token = accessToken();
  replyMe({ roles: [] });
  await getUser(client, token);
  await catchError(client.verifyAccessToken(issuer().sign(issuer().accessTokenClaims({}, NOW), { kid: 'other' })));
  reply(TOKEN_PATH, { access_token: accessToken(), refresh_token: NEW, expires_in: 60, token_type: 'Bearer' });
  await client.refresh(OLD);
  issuer().reply(TOKEN_PATH, { status: 400, body: { error: 'invalid_grant' } });
  await catchError(client.refresh(NEW));
  for (const path of [JWKS_PATH, ME_PATH]) issuer().reply(path, { status: 503 });
  now += 700_000;
  await getUser(client, token);
  const keys = (kind: string, more: object = {}): object => ({
    name: 'genauth:keys',
    event: { appId: APP_ID, kind, count: 1, reason: undefined, kid: undefined, ...more },
  });
  const result = (channel: string, value: string): object => ({
    name: channel,
    event: { appId: APP_ID, result: value, duration: expect.any(Number) },
  });
  expect(events).toEqual([
    keys('fetched'),
    result('genauth:user-info', 'success'),
    keys('unknown_kid', { kid: 'other' }),
    result('genauth:refresh', 'success'),
    result('genauth:refresh', 'refresh_token_refused'),
    keys('failed', { reason: 'upstream_unavailable' }),
    keys('stale_served'),
    result('genauth:user-info', 'upstream_unavailable'),
    result('genauth:user-info', 'stale_served'),
  ]);
  expect(findLeaks([events], [token, OLD, NEW])).toEqual([]);
});

describe('close', () => {
  /** Makes the answer to a sign-in wait. Returns the gate that lets it go. */
  function holdSignIn(): Gate {
    const gate = new Gate();
    issuer().replySignIn({ id_token: idToken(), access_token: accessToken() });
    const reply = issuer().responder('/api/v3/signin');
    issuer().reply('/api/v3/signin', async () => {
      await gate.opened;
      return reply as Reply;
    });
    return gate;
  }

  it('lets a login that has begun end, also with the keys that it still needs, and refuses new calls', async () => {
    const gate = holdSignIn();
    const client = open();
    const login = client.signIn(ALICE);
    await until(() => issuer().count('/api/v3/signin') === 1);
    const closed = client.close();
    const calls = [
      client.signIn(ALICE),
      client.refresh(OLD),
      client.getCaptcha(),
      client.introspect('t'),
      client.revoke('t'),
    ];
    const errors = await Promise.all(calls.map((call) => catchError(call)));
    const expected = {
      code: 'upstream_unreachable',
      statusCode: 503,
      message: expect.stringContaining('has closed') as string,
    };
    expect(errors).toMatchObject(calls.map(() => expected));
    gate.open();
    expect((await login).kind).toBe('success');
    await closed;
    expect(issuer().count(JWKS_PATH)).toBe(1);
    expect(await client.verifyAccessToken(accessToken())).toMatchObject({ sub: SUBJECT });
    expect(issuer().count('/api/v3/signin')).toBe(1);
  });

  it('lets a verification that has begun end', async () => {
    const gate = new Gate();
    const keys = issuer().responder(JWKS_PATH);
    issuer().reply(JWKS_PATH, async () => {
      await gate.opened;
      return keys as Reply;
    });
    const client = open();
    const calls = [client.verifyAccessToken(accessToken()), Promise.resolve(client.authenticate(accessToken(), {}))];
    await until(() => issuer().count(JWKS_PATH) === 1);
    const closed = client.close();
    gate.open();
    expect(await Promise.all(calls)).toMatchObject([{ sub: SUBJECT }, { user: { sub: SUBJECT } }]);
    await closed;
  });

  it('ends a login that takes longer than the option timeout with 503', async () => {
    holdSignIn();
    const client = open({ timeout: 200 });
    const login = catchError(client.signIn(ALICE));
    await until(() => issuer().count('/api/v3/signin') === 1);
    await client.close();
    expect(await login).toMatchObject({ statusCode: 503 });
  });

  it('can be called several times, and without a call in progress', async () => {
    const client = open();
    await Promise.all([client.close(), client.close()]);
    await client.close();
    expect(await codeOf(client.userInfo(accessToken()))).toBe('upstream_unreachable');
  });
});

it('fetches the keys again in the background before they are too old, until the client is closed', async () => {
  const client = openAny({ jwks: { maxAge: 1000 } });
  await client.warmUp();
  // No call asks for keys.
  await until(() => issuer().count(JWKS_PATH) === 2);
  expect(client.status().keys.isStale).toBe(false);
  issuer().reply(JWKS_PATH, { status: 503 });
  // After a failure it tries again before the keys are too old for long.
  await until(() => issuer().count(JWKS_PATH) === 3);
  await client.close();
  const unknown = issuer().sign(issuer().accessTokenClaims({}, NOW), { kid: 'other' });
  // A closed client opens no connection, also for a key that it does not know.
  expect([await codeOf(client.verifyAccessToken(unknown)), issuer().count(JWKS_PATH)]).toEqual([
    'upstream_unreachable',
    3,
  ]);
});

it('fetches the keys in the background outside the context of the request that needed them first', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const take = (message: unknown): void => {
    const { origin, path } = message as RequestEvent;
    if (origin === issuer().url && path === JWKS_PATH) seen.push(storage.getStore());
  };
  subscribe('genauth:request', take);
  const client = openAny({ jwks: { maxAge: 1000 } });
  await storage.run('a request', () => client.warmUp());
  await until(() => seen.length === 2);
  unsubscribe('genauth:request', take);
  expect(seen).toEqual(['a request', undefined]);
  await client.close();
});
