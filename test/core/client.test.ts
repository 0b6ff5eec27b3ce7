import type { GenAuthClient, TokenRequirements } from '../../src/core/client.js';
import type { Credentials } from '../../src/core/sign-in/credentials.js';
import { type EmulatorFault, GenAuthEmulator } from '../../src/emulator/index.js';
import { CertificateAuthority } from '../support/certificate.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, type Reply, SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { Gate, catchError, until } from '../support/promise.js';
import { createRsaKey } from '../support/rsa-key.js';
import { answering, useTcpServers } from '../support/tcp-server.js';
import { buildToken, encodeSegment } from '../support/token.js';

failOnUnhandledRejections();
const NOW = 1_760_000_000_000;
const SECRET = 'canary-app-secret-0123456789';
const PASSWORD = 'canary-Passw0rd-ünïcode';
const ALICE: Credentials = { account: 'alice', password: PASSWORD };
const [TOKEN_PATH, ME_PATH] = ['/oidc/token', '/oidc/me'];
const [INTROSPECTION_PATH, REVOCATION_PATH] = ['/oidc/token/introspection', '/oidc/token/revocation'];
const [OLD, NEW] = ['canary-refresh-token-old', 'canary-refresh-token-new'];

const issuer = useIssuer();
const openAny = useClients(issuer);
const serve = useTcpServers();
let now = NOW;
beforeEach(() => {
  now = NOW;
});
const open: typeof openAny = (options) => openAny(options, { now: () => now });
const accessToken = (claims: object = {}): string =>
  issuer().sign({ ...issuer().accessTokenClaims({}, now), ...claims });
const idToken = (claims: object = {}): string => issuer().sign({ ...issuer().idTokenClaims({}, now), ...claims });
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'passes',
    ({ code }: { code: string }) => code,
  );
const authorize: TokenRequirements['authorize'] = async () => {};
/** The form of the last request. */
const lastForm = (): Record<string, string> => Object.fromEntries(new URLSearchParams(issuer().requests.at(-1)?.body));

describe('signIn with the emulator', () => {
  const emulator = new GenAuthEmulator({
    appSecret: SECRET,
    users: [{ username: 'alice', email: 'alice@example.com', email_verified: true, name: 'Alice', password: PASSWORD }],
    adAccounts: [{ sAMAccountName: 'zhangsan', name: '张三', password: PASSWORD }],
    tokenLifetime: 7200,
  });
  beforeAll(() => emulator.start());
  afterEach(() => emulator.reset());
  afterAll(() => emulator.stop());
  const connect = (options: object = {}): GenAuthClient => openAny({ ...emulator.clientOptions, ...options });

  it.each<[string, Credentials, string, object]>([
    ['PASSWORD', ALICE, 'alice', { username: 'alice', email: 'alice@example.com', email_verified: true }],
    [
      'AD',
      { sAMAccountName: 'zhangsan', password: PASSWORD },
      'zhangsan',
      { username: 'zhangsan', email: null, email_verified: false },
    ],
  ])(
    'returns a typed user and verified tokens after one request: %s',
    async (connection, credentials, account, user) => {
      const client = connect({ scope: ['openid', 'username', 'email', 'offline_access'] });
      const outcome = await client.signIn(credentials, { clientIp: '::ffff:203.0.113.7', context: { source: 'utm' } });
      expect(outcome).toMatchObject({ kind: 'success', statusCode: 200, requestId: emulator.signIns[0]?.requestId });
      const { tokens, claims } = outcome as Extract<typeof outcome, { kind: 'success' }>;
      expect(outcome).toHaveProperty('user', { sub: claims.sub, ...user });
      expect(tokens).toMatchObject({ scope: client.options.scope, refreshToken: expect.any(String) });
      expect(tokens.expiresAt.getTime()).toBe((claims.iat + 7200) * 1000);
      expect(await client.verifyIdToken(tokens.idToken)).toEqual(claims);
      expect(await client.verifyAccessToken(tokens.accessToken)).toMatchObject({ sub: claims.sub });
      const options = { clientIp: '203.0.113.7', context: { source: 'utm' } };
      expect(emulator.signIns).toMatchObject([{ connection, account, ...options, options, outcome: 'success' }]);
      expect(emulator.requests('jwks')).toBe(1);
      expect(findLeaks([client, outcome], [SECRET, PASSWORD])).toEqual([]);
    },
  );

  it.each<[string, object, string]>([
    ['a wrong secret', { appSecret: 'another-secret' }, 'client_authentication_failed'],
    ['another method', { tokenEndpointAuthMethod: 'client_secret_basic' }, 'client_authentication_failed'],
    ['no secret', { tokenEndpointAuthMethod: 'none', appSecret: undefined }, 'client_authentication_failed'],
    ['an unknown application', { appId: 'another-app' }, 'app_not_found'],
  ])('throws a ConfigurationError for %s', async (_, options, code) => {
    const error = await catchError(connect(options).signIn(ALICE));
    expect(error).toMatchObject({ name: 'ConfigurationError', code, statusCode: 500 });
    expect(findLeaks(error, [SECRET, PASSWORD])).toEqual([]);
    expect(emulator.requests('signin')).toBe(1);
  });

  it('throws an UpstreamError for an id_token that does not verify', async () => {
    emulator.flawIdToken('foreign_key');
    const error = await catchError(connect().signIn(ALICE));
    const cause = { code: 'token_signature_invalid' };
    expect(error).toMatchObject({ code: 'upstream_token_invalid', statusCode: 502, cause });
  });

  it.each<[EmulatorFault, string]>([
    [{ endpoint: 'signin', status: 500, body: `<html>${SECRET}` }, 'upstream_unavailable'],
    [{ endpoint: 'signin', drop: true }, 'upstream_unreachable'],
    [{ endpoint: 'signin', delayMs: 600_000 }, 'upstream_timeout'],
    [{ endpoint: 'jwks', status: 500 }, 'upstream_unavailable'],
    [{ endpoint: 'discovery', delayMs: 600_000 }, 'upstream_timeout'],
  ])('sends one request and throws an UpstreamError after %j: %s', async (fault, code) => {
    emulator.fault(fault);
    const error = await catchError(connect({ timeout: 250 }).signIn(ALICE));
    expect(error).toMatchObject({ name: 'UpstreamError', code });
    expect(findLeaks(error, [SECRET, PASSWORD])).toEqual([]);
    expect(emulator.requests('signin')).toBe(1);
  });

  it('issues a refresh token that is valid once', async () => {
    const client = connect({ scope: 'openid username offline_access' });
    const outcome = await client.signIn(ALICE);
    const { tokens, user } = outcome as Extract<typeof outcome, { kind: 'success' }>;
    const first = tokens.refreshToken ?? '';
    const refreshed = await client.refresh(first);
    expect(refreshed).toMatchObject({ user: { sub: user.sub, username: 'alice' }, claims: { sub: user.sub } });
    expect(await codeOf(client.refresh(refreshed.tokens.refreshToken))).toBe('passes');
    expect(await codeOf(client.refresh(first))).toBe('refresh_token_refused');
  });
});

describe('refresh', () => {
  const reply = (body: object): void => issuer().reply(TOKEN_PATH, { body });
  const INVALID_TOKEN = { code: 'upstream_token_invalid', statusCode: 502 };

  it('returns the new tokens, the user of the new id_token, and the claims of the new access token', async () => {
    const access_token = accessToken({ scope: 'openid email' });
    const id_token = idToken({ email: 'a@example.com', email_verified: true });
    reply({ access_token, id_token, refresh_token: NEW, expires_in: 7 });
    const expiresAt = new Date(NOW + 3_600_000);
    expect(await open({ scope: 'openid email' }).refresh(OLD)).toEqual({
      tokens: {
        accessToken: access_token,
        idToken: id_token,
        refreshToken: NEW,
        expiresAt,
        scope: ['openid', 'email'],
      },
      user: { sub: SUBJECT, email: 'a@example.com', email_verified: true },
      claims: expect.objectContaining({ sub: SUBJECT, scope: 'openid email' }),
    });
  });

  it.each([undefined, null, ''])(
    'keeps the refresh token if the new one is %j, and has no user',
    async (refresh_token) => {
      reply({ access_token: accessToken(), refresh_token });
      const result = { user: undefined, tokens: { idToken: undefined, refreshToken: OLD } };
      expect(await open().refresh(OLD)).toMatchObject(result);
    },
  );

  it.each<[string, () => object, object]>([
    [
      'an id_token of another user',
      () => ({ id_token: idToken({ sub: 'bob' }) }),
      { ...INVALID_TOKEN, cause: { code: 'token_subject_mismatch' } },
    ],
    [
      'an expired access token',
      () => ({ access_token: accessToken({ iat: 1, exp: 2 }) }),
      { ...INVALID_TOKEN, cause: { code: 'token_expired' } },
    ],
    ['no access token', () => ({ access_token: null }), { code: 'upstream_invalid_response' }],
  ])('throws an UpstreamError for %s', async (_, tokens, expected) => {
    reply({ access_token: accessToken(), refresh_token: NEW, ...tokens() });
    const error = await catchError(open().refresh(OLD));
    expect(error).toMatchObject(expected);
    expect(findLeaks(error, [OLD, NEW])).toEqual([]);
  });

  it('accepts tokens of a key that was published just now', async () => {
    const client = open();
    await client.verifyAccessToken(accessToken());
    const next = createRsaKey();
    issuer().reply(JWKS_PATH, { body: { keys: [issuer().key.jwk, next.jwk] } });
    const claims = issuer().accessTokenClaims({}, now);
    reply({ access_token: buildToken({ alg: 'RS256', kid: next.kid }, claims, next.privateKey) });
    expect(await client.refresh(OLD)).toMatchObject({ claims: { sub: SUBJECT } });
  });

  it('sends one request for parallel calls with the same refresh token', async () => {
    issuer().reply(TOKEN_PATH, ({ body }) => ({
      body: { access_token: accessToken({ sub: new URLSearchParams(body).get('refresh_token') }) },
    }));
    const client = open();
    const results = await Promise.all(['a', 'b', 'a'].map((token) => client.refresh(token)));
    expect(results.map(({ claims, tokens }) => [claims.sub, tokens.refreshToken])).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['a', 'a'],
    ]);
    expect(results[0]?.tokens).not.toBe(results[2]?.tokens);
    expect(issuer().count(TOKEN_PATH)).toBe(2);
    await client.refresh('a');
    expect(issuer().count(TOKEN_PATH)).toBe(3);
  });

  it('throws the error of one request to parallel calls, and sends a new request later', async () => {
    issuer().reply(TOKEN_PATH, { status: 503 });
    const client = open();
    const codes = await Promise.all([codeOf(client.refresh(OLD)), codeOf(client.refresh(OLD))]);
    expect([codes, issuer().count(TOKEN_PATH)]).toEqual([['upstream_unavailable', 'upstream_unavailable'], 1]);
    reply({ access_token: accessToken() });
    expect(await codeOf(client.refresh(OLD))).toBe('passes');
  });

  it.each<[string, () => object, string, number]>([
    ['from a new id_token', () => ({ id_token: idToken({ username: 'token' }) }), 'token', 0],
    ['from GenAuth without a new id_token', () => ({}), 'requested', 1],
  ])('gives guarded routes the user %s', async (_, tokens, username, requests) => {
    const client = open({ userClaims: 'userinfo', scope: 'openid username' });
    issuer().reply(ME_PATH, { body: { sub: SUBJECT, username: 'requested' } });
    reply({ access_token: accessToken(), ...tokens() });
    const refreshed = await client.refresh(OLD);
    const { user } = await client.authenticate(refreshed.tokens.accessToken, { authorize });
    expect([user, issuer().count(ME_PATH)]).toEqual([{ sub: SUBJECT, username }, requests]);
  });
});

describe('a token that is sent in a form', () => {
  it.each<[string, unknown]>([
    ['empty', ''],
    ['longer than 8,192 characters', 'x'.repeat(8193)],
    ['undefined', undefined],
    ['a list', [OLD]],
    ['an object', { toString: () => OLD }],
  ])('is refused without a request if it is %s', async (_, token) => {
    const client = open();
    const calls = [client.refresh(token as string), client.introspect(token as string), client.revoke(token as string)];
    const errors = await Promise.all(calls.map(catchError));
    const details = { field: 'token', limit: 8192, unit: 'characters' };
    expect(errors).toMatchObject([
      { code: 'invalid_request', details: { ...details, field: 'refresh token' } },
      { code: 'invalid_request', details },
      { code: 'invalid_request', details },
    ]);
    expect([findLeaks(errors, [OLD]), issuer().count()]).toEqual([[], 0]);
  });

  it('may have 8,192 characters', async () => {
    issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
    expect(await open().introspect('x'.repeat(8192))).toMatchObject({ active: false });
  });
});

describe('userInfo', () => {
  it('requests the claims for each call', async () => {
    issuer().reply(ME_PATH, { body: { sub: SUBJECT, email: null } });
    const client = open();
    expect(await client.userInfo(accessToken())).toEqual({ sub: SUBJECT, email: null });
    await client.userInfo(accessToken());
    expect(issuer().count(ME_PATH)).toBe(2);
  });

  it('returns sub alone if the scopes of the token grant no claims', async () => {
    issuer().reply(ME_PATH, { status: 403, body: { error: 'insufficient_scope' } });
    expect(await open().userInfo(accessToken())).toEqual({ sub: SUBJECT });
  });

  it.each([{ sub: 'another' }, { email: 'a@example.com' }, { sub: [SUBJECT] }])('refuses %j', async (body) => {
    issuer().reply(ME_PATH, { body });
    expect(await codeOf(open().userInfo(accessToken()))).toBe('upstream_invalid_response');
  });

  it('sends no token that does not verify', async () => {
    const codes = [open().userInfo('opaque'), open().userInfo(accessToken({ aud: 'other' }))].map(codeOf);
    expect(await Promise.all(codes)).toEqual(['token_malformed', 'token_audience_mismatch']);
    expect(issuer().count(ME_PATH)).toBe(0);
  });
});

describe('introspect and revoke', () => {
  it('send their type of token, or the given one', async () => {
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    issuer().reply(REVOCATION_PATH, {});
    const client = open();
    await client.introspect('t');
    expect(lastForm()).toMatchObject({ token: 't', token_type_hint: 'access_token' });
    await client.introspect('t', 'refresh_token');
    expect(lastForm()).toMatchObject({ token_type_hint: 'refresh_token' });
    await client.revoke('t');
    expect(lastForm()).toMatchObject({ token: 't', token_type_hint: 'refresh_token' });
    await client.revoke('t', 'access_token');
    expect(lastForm()).toMatchObject({ token_type_hint: 'access_token' });
  });

  it.each<[string, Reply, number]>([
    ['a revocation drops the cached user info and introspection of the token', {}, 2],
    ['a failed revocation drops nothing', { status: 503 }, 1],
  ])('%s', async (_, reply, requests) => {
    issuer().reply(REVOCATION_PATH, reply);
    issuer().reply(ME_PATH, { body: { sub: SUBJECT } });
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    const client = open({ userClaims: 'userinfo' });
    const token = accessToken();
    await client.authenticate(token, { introspect: 60_000, authorize });
    await client.revoke(token).catch(() => {});
    await client.authenticate(token, { introspect: 60_000, authorize });
    expect([issuer().count(ME_PATH), issuer().count(INTROSPECTION_PATH)]).toEqual([requests, requests]);
  });
});

describe('authenticate with introspection', () => {
  it.each<[Reply, string]>([
    [{ body: { active: true } }, 'passes'],
    [{ body: { active: true, sub: SUBJECT } }, 'passes'],
    [{ body: { active: true, sub: 'another' } }, 'upstream_invalid_response'],
    [{ body: { active: false, sub: 'another' } }, 'token_revoked'],
    [{ body: {} }, 'upstream_invalid_response'],
    [{ status: 500 }, 'upstream_unavailable'],
  ])('after the response %j: %s', async (reply, expected) => {
    issuer().reply(INTROSPECTION_PATH, reply);
    expect(await codeOf(open().authenticate(accessToken(), { introspect: 1000, authorize }))).toBe(expected);
  });

  it('notices a revocation after maxAge', async () => {
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    const client = open();
    const token = accessToken();
    const ask = (): Promise<string> => codeOf(client.authenticate(token, { introspect: 1000, authorize }));
    expect(await ask()).toBe('passes');
    issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
    now += 999;
    expect(await ask()).toBe('passes');
    now += 1;
    expect([await ask(), issuer().count(INTROSPECTION_PATH)]).toEqual(['token_revoked', 2]);
  });
});

it('buildLogoutUrl has the host of the client, and needs no parameters', () => {
  expect(open().buildLogoutUrl()).toBe(`${issuer().url}/oidc/session/end`);
  expect(open().buildLogoutUrl({ idToken: 'a' })).toBe(`${issuer().url}/oidc/session/end?id_token_hint=a`);
});

it('status is ready while a key is cached, and sends no request', async () => {
  const client = open({ jwks: { maxAge: 10_000, staleIfError: 5000 } });
  expect(client.status()).toMatchObject({ ready: false, keys: { count: 0, lastError: undefined } });
  expect(issuer().count()).toBe(0);
  await client.warmUp();
  expect(client.status()).toMatchObject({ ready: true, keys: { count: 1, fetchedAt: new Date(NOW), isStale: false } });
  issuer().reply(JWKS_PATH, { status: 500 });
  now += 15_000;
  await catchError(client.warmUp());
  expect(client.status()).toMatchObject({ ready: false, keys: { count: 0, lastError: 'upstream_unavailable' } });
});

it('1,000 unknown key IDs cost one request for the key set per cool-down, and a valid token passes', async () => {
  const client = open();
  const [, payload, signature] = accessToken().split('.');
  const stray = (kid: string): string => `${encodeSegment({ alg: 'RS256', kid })}.${payload}.${signature}`;
  const flood = async (): Promise<unknown> => {
    const strays = Array.from({ length: 1000 }, (_, i) => codeOf(client.verifyAccessToken(stray(`${now}-${i}`))));
    const valid = await codeOf(client.verifyAccessToken(accessToken()));
    const codes = new Set(await Promise.all(strays));
    return [[...codes], valid, issuer().count(JWKS_PATH)];
  };
  expect(await flood()).toEqual([['token_key_unknown'], 'passes', 1]);
  expect(await flood()).toEqual([['token_key_unknown'], 'passes', 1]);
  now += 30_000;
  expect(await flood()).toEqual([['token_key_unknown'], 'passes', 2]);
});

it.each([
  [256 * 1024, 'passes'],
  [256 * 1024 + 1, 'upstream_invalid_response'],
])('getCaptcha after a response of %i bytes: %s', async (bytes, expected) => {
  const body = '{"statusCode":200,"data":{"captchaCodeSvg":"<svg/>","captchaToken":"t"}}'.padEnd(bytes);
  issuer().reply('/api/v3/get-captcha-code', { body });
  expect(await codeOf(open().getCaptcha())).toBe(expected);
});

describe('connections', () => {
  const REFUSAL = answering(200, {}, '{"statusCode":403,"apiCode":2333}');
  const authority = new CertificateAuthority();
  const serveKeys = (certificate?: object): ReturnType<typeof serve> =>
    serve(answering(200, {}, JSON.stringify({ keys: [issuer().key.jwk] })), certificate);

  it('of requests in progress are ended by close(), and a later call opens new ones', async () => {
    const gate = new Gate();
    issuer().reply(SIGN_IN_PATH, () => gate.opened.then(() => ({})));
    const client = open();
    const failing = codeOf(client.signIn(ALICE));
    await until(() => issuer().count(SIGN_IN_PATH) === 1);
    client.close();
    expect(await failing).toBe('upstream_unreachable');
    gate.open();
    issuer().reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333 } });
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'invalid_credentials' });
  });

  it('to both hosts trust the option ca, and are ended by close()', async () => {
    const [genauth, keys] = [await serve(REFUSAL, authority.issue()), await serveKeys(authority.issue())];
    const options = { appHost: genauth.url, jwksUri: `${keys.url}/keys` };
    const client = open({ ...options, ca: authority.cert });
    await Promise.all([client.warmUp(), client.signIn(ALICE)]);
    client.close();
    await Promise.all([genauth.idle(), keys.idle()]);
    expect([genauth.connections, keys.connections]).toEqual([1, 1]);
    const untrusting = open(options);
    const errors = await Promise.all([untrusting.warmUp(), untrusting.signIn(ALICE)].map(catchError));
    const untrusted = { details: { systemCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } };
    expect(errors).toMatchObject([untrusted, untrusted]);
  });

  it('to both hosts use the option proxy, which is not shown', async () => {
    const proxy = await serve((socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    const hosts = { appHost: 'https://tenant.example', jwksUri: 'https://keys.example:444/keys' };
    const client = open({ proxy: proxy.url.replace('//', `//user:${PASSWORD}@`), ...hosts });
    expect(await codeOf(client.warmUp())).toBe('upstream_unreachable');
    expect(await codeOf(client.signIn(ALICE))).toBe('upstream_unreachable');
    const lines = proxy.received.map((received) => received.split(' HTTP/1.1')[0]);
    expect(lines).toEqual(['CONNECT keys.example:444', 'CONNECT tenant.example:443']);
    expect(findLeaks(client, [PASSWORD])).toEqual([]);
  });
});
