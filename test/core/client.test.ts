import type { GenAuthClient, TokenRequirements } from '../../src/core/client.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { CertificateAuthority } from '../support/certificate.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, type Reply, SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { codeOf } from '../support/key-set.js';
import { findLeaks } from '../support/leak.js';
import { catchError } from '../support/promise.js';
import { useSignatureCount } from '../support/signature-count.js';
import { LONG_SECRET } from '../support/signing-key.js';
import { answering, useTcpServers } from '../support/tcp-server.js';
import { buildToken } from '../support/token.js';

failOnUnhandledRejections();
const NOW = 1_760_000_000_000;
const PASSWORD = 'canary-Passw0rd-ünïcode';
const ALICE = { account: 'alice', password: PASSWORD };
const [TOKEN_PATH, ME_PATH, CAPTCHA_PATH] = ['/oidc/token', '/oidc/me', '/api/v3/get-captcha-code'];
const [INTROSPECTION_PATH, REVOCATION_PATH] = ['/oidc/token/introspection', '/oidc/token/revocation'];
const [OLD, NEW] = ['canary-refresh-token-old', 'canary-refresh-token-new'];

const issuer = useIssuer();
const openAny = useClients(issuer);
const serve = useTcpServers();
const computed = useSignatureCount();
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

it('signIn returns a user with the claims of the configured or of the given scopes after one request', async () => {
  issuer().replySignIn();
  const client = openAny({ scope: 'openid email' });
  const outcome = await client.signIn(ALICE);
  expect(outcome).toHaveProperty('user', { sub: SUBJECT, email: null, email_verified: false });
  expect(issuer().count(SIGN_IN_PATH)).toBe(1);
  expect(findLeaks([client, outcome], [PASSWORD, issuer().clientOptions.appSecret])).toEqual([]);
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

it('uses the times of the option jwks', async () => {
  const client = open({ jwks: { maxAge: 2000, cooldown: 100, staleIfError: 0 } });
  const ask = async (time: number, kid = issuer().key.kid): Promise<unknown> => {
    now += time;
    return codeOf(client.verifyAccessToken(issuer().sign(issuer().accessTokenClaims({}, NOW), { kid })));
  };
  await client.warmUp();
  const codes = [await ask(99, 'x'), issuer().count(JWKS_PATH), await ask(1, 'x'), await ask(1999)];
  expect(codes).toEqual(['token_key_unknown', 1, 'token_key_unknown', 'accepted']);
  issuer().reply(JWKS_PATH, { status: 500 });
  expect([await ask(1), issuer().count(JWKS_PATH)]).toEqual(['upstream_unavailable', 3]);
});

it.each<[GenAuthOptions['verifiedTokenCache'], number]>([
  [undefined, 3],
  [{ maxEntries: 1 }, 6],
  [false, 6],
])('caches verified tokens with the option verifiedTokenCache %j', async (verifiedTokenCache, expected) => {
  const client = open({ verifiedTokenCache });
  const tokens = [1, 2, 3].map((n) => accessToken({ n }));
  for (const token of [...tokens, ...tokens]) await client.verifyAccessToken(token);
  expect(computed()).toBe(expected);
});

it('authenticate returns the user of the token without a request', async () => {
  const user = await getUser(open(), accessToken({ scope: 'openid email', tenant_id: 'tenant', email: 'x' }));
  expect(user).toStrictEqual({ sub: SUBJECT, scope: ['openid', 'email'], tenant_id: 'tenant' });
  expect(issuer().count(ME_PATH)).toBe(0);
});

it('authenticate passes the claims and cached user info to the requirements, and waits for them', async () => {
  replyMe({ roles: ['admin'] });
  const [client, token] = [open(), accessToken()];
  const seen: unknown[] = [];
  const record: TokenRequirements['authorize'] = async (claims, getUserClaims) => {
    seen.push(claims.scope, await getUserClaims(), await getUserClaims());
    throw new Error('refused');
  };
  expect(await catchError(client.authenticate(token, { authorize: record }))).toMatchObject({ message: 'refused' });
  const user = { sub: SUBJECT, roles: ['admin'] };
  expect([seen, issuer().count(ME_PATH)]).toEqual([['openid profile', user, user], 1]);
});

it('authenticate uses the claims of a sign-in until userInfoMaxAge has passed', async () => {
  const access_token = accessToken();
  replySignIn({ access_token, id_token: idToken({ email: 'old@example.com' }) });
  replyMe({ email: 'new@example.com' });
  const client = openUserInfo({ userInfoMaxAge: 60_000 });
  await client.signIn(ALICE);
  now += 59_999;
  const first = await getUser(client, access_token);
  now += 1;
  const user = { sub: SUBJECT, email: 'new@example.com', email_verified: false, roles: [] };
  expect([first, await getUser(client, access_token)]).toEqual([{ ...user, email: 'old@example.com' }, user]);
  expect(issuer().count(ME_PATH)).toBe(1);
});

it('authenticate does not use the claims of a refused sign-in', async () => {
  const access_token = accessToken();
  replySignIn({ access_token, id_token: idToken({ sub: 'x', roles: ['admin'] }) });
  replyMe({ roles: [] });
  const client = openUserInfo();
  expect(await codeOf(client.signIn(ALICE))).toBe('upstream_token_invalid');
  expect(await getUser(client, access_token)).toMatchObject({ roles: [] });
});

it.each<[object, string]>([
  [{ active: true, sub: SUBJECT }, 'accepted'],
  [{ active: true, sub: 'another' }, 'upstream_invalid_response'],
  [{ active: false, sub: 'another' }, 'token_revoked'],
])('authenticate after the introspection %j: %s', async (body, expected) => {
  reply(INTROSPECTION_PATH, body);
  expect(await codeOf(open().authenticate(accessToken(), { introspect: 1000, authorize }))).toBe(expected);
});

it('refresh returns the new tokens, their claims and the user, also for guarded routes', async () => {
  const tokens = { accessToken: accessToken({ scope: 'openid' }), idToken: idToken({ email: 'a@example.com' }) };
  reply(TOKEN_PATH, { access_token: tokens.accessToken, id_token: tokens.idToken, refresh_token: NEW });
  const client = openUserInfo({ scope: 'openid email' });
  const user = { sub: SUBJECT, email: 'a@example.com', email_verified: false };
  expect(await client.refresh(OLD)).toEqual({
    tokens: { ...tokens, refreshToken: NEW, scope: ['openid'], expiresAt: new Date(NOW + 3_600_000) },
    user,
    claims: expect.objectContaining({ sub: SUBJECT, scope: 'openid' }),
  });
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
  expect(results[0]?.tokens).not.toBe(results[2]?.tokens);
  await client.refresh('a');
  expect(issuer().count(TOKEN_PATH)).toBe(3);
});

it.each<[unknown]>([[''], ['x'.repeat(8193)], [[OLD]]])('is refused without a request if it is %j', async (token) => {
  const client = open();
  const calls = [client.refresh(token as never), client.introspect(token as never), client.revoke(token as never)];
  const errors = await Promise.all(calls.map(catchError));
  const details = { field: 'token', limit: 8192, unit: 'characters' };
  const expected = [{ ...details, field: 'refresh token' }, details, details];
  expect(errors).toMatchObject(expected.map((each) => ({ code: 'invalid_request', details: each })));
  expect([findLeaks(errors, [OLD]), issuer().count()]).toEqual([[], 0]);
});

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

it.each<[string, Reply, number]>([
  ['a revocation drops the cached user info and introspection of the token', {}, 2],
  ['a failed revocation drops nothing', { status: 503 }, 1],
])('a token in a form %s', async (_, answer, requests) => {
  issuer().reply(REVOCATION_PATH, answer);
  replyMe({});
  reply(INTROSPECTION_PATH, { active: true });
  const [client, token] = [openUserInfo(), accessToken()];
  await client.authenticate(token, { introspect: 60_000, authorize });
  await client.revoke(token).catch(() => {});
  await client.authenticate(token, { introspect: 60_000, authorize });
  expect([issuer().count(ME_PATH), issuer().count(INTROSPECTION_PATH)]).toEqual([requests, requests]);
});

it('userInfo requests the claims for each call, and returns sub alone after insufficient_scope', async () => {
  replyMe({ email: null });
  const client = open();
  const first = await client.userInfo(accessToken());
  issuer().reply(ME_PATH, { status: 403, body: { error: 'insufficient_scope' } });
  expect([first, await client.userInfo(accessToken())]).toEqual([{ sub: SUBJECT, email: null }, { sub: SUBJECT }]);
});

it('userInfo refuses the claims of another user, and sends no token that does not verify', async () => {
  replyMe({ sub: 'another' });
  expect(await codeOf(open().userInfo(accessToken()))).toBe('upstream_invalid_response');
  expect(await codeOf(open().userInfo(accessToken({ aud: 'other' })))).toBe('token_audience_mismatch');
  expect(issuer().count(ME_PATH)).toBe(1);
});

const data = { captchaCodeSvg: '<svg/>', captchaToken: 'token' };
const ids = { statusCode: 403, apiCode: 7, requestId: 'request-1' };
const REFUSED = 'GenAuth answered statusCode 403, apiCode 7, message "no", request ID "request-1"';

it.each<[Reply, code: string, reason: string, answer: object | undefined]>([
  [{ body: { ...ids, message: 'no', data } }, 'upstream_invalid_response', REFUSED, ids],
  [{ status: 403, body: [] }, 'upstream_invalid_response', 'HTTP 403 and no JSON', undefined],
  [{ body: '<html>' }, 'upstream_invalid_response', 'HTTP 200 and no JSON', undefined],
  [{ status: 503, headers: { 'retry-after': '9' } }, 'upstream_unavailable', 'HTTP 503', undefined],
])('a public document is refused after %j', async (answered, code, reason, answer) => {
  issuer().reply(CAPTCHA_PATH, answered);
  const error = await catchError(open().getCaptcha());
  const message = `GenAuth's response to GET ${CAPTCHA_PATH} cannot be used: ${reason}.`;
  const details = { request: `GET ${CAPTCHA_PATH}`, httpStatus: answered.status ?? 200 };
  expect(error).toMatchObject({ name: 'UpstreamError', code, message, answer, details });
});

it('a public document with a captcha may have 256 KB', async () => {
  const body = JSON.stringify({ statusCode: 200, data });
  reply(CAPTCHA_PATH, body.padEnd(256 * 1024));
  expect(await open().getCaptcha()).toEqual({ svg: '<svg/>', token: 'token' });
  expect(issuer().requests[0]?.headers).toMatchObject({ 'x-authing-app-id': issuer().clientOptions.appId });
  reply(CAPTCHA_PATH, body.padEnd(256 * 1024 + 1));
  expect(await codeOf(open().getCaptcha())).toBe('upstream_invalid_response');
  reply(CAPTCHA_PATH, { statusCode: 200, data: { captchaCodeSvg: '<svg/>' } });
  expect(await codeOf(open().getCaptcha())).toBe('upstream_invalid_response');
});

it.each([
  ['none', {}, 'accepted', 0],
  ['rsa', {}, 'upstream_invalid_response', 1],
] as const)('warmUp requests the keys of the passwordEncryptType %s: %j', async (type, system, code, requests) => {
  reply('/api/v3/system', system);
  expect(await codeOf(open({ passwordEncryptType: type }).warmUp())).toBe(code);
  expect([JWKS_PATH, '/api/v3/system'].map((path) => issuer().count(path))).toEqual([1, requests]);
});

it('buildLogoutUrl has the host of the client', () => {
  const urls = [open().buildLogoutUrl(), open().buildLogoutUrl({ idToken: 'a' })];
  expect(urls).toEqual(['', '?id_token_hint=a'].map((query) => `${issuer().url}/oidc/session/end${query}`));
});

it('status is ready while a key is cached', async () => {
  const client = open();
  const first = client.status();
  await client.warmUp();
  const keys = { count: 1, fetchedAt: new Date(NOW), isStale: false };
  expect([first, client.status()]).toMatchObject([
    { ready: false, keys: { count: 0 } },
    { ready: true, keys },
  ]);
});

it('the options are frozen and contain no secret, and no error contains one', async () => {
  const secrets = ['canary-app-secret-0123456789', 'canary-proxy-user', 'canary-proxy-password', PASSWORD];
  const proxy = `http://${secrets[1]}:${secrets[2]}@127.0.0.1:9`;
  const client = open({ appSecret: secrets[0] ?? '', proxy, appHost: 'https://localhost:9' });
  const error = await catchError(client.signIn(ALICE));
  expect(error).toMatchObject({ code: 'upstream_unreachable' });
  expect(findLeaks([client, client.options, error], secrets)).toEqual([]);
  expect(['appSecret', 'proxy'].filter((name) => name in client.options)).toEqual([]);
  expect(Object.isFrozen(client.options)).toBe(true);
});

it('connections to both hosts trust the option ca, and are ended by close()', async () => {
  const authority = new CertificateAuthority();
  const genauth = await serve(answering(200, {}, '{"statusCode":403,"apiCode":2333}'), authority.issue());
  const keys = await serve(answering(200, {}, JSON.stringify({ keys: [issuer().key.jwk] })), authority.issue());
  const client = open({ appHost: genauth.url, jwksUri: `${keys.url}/keys`, ca: authority.cert });
  await Promise.all([client.warmUp(), client.signIn(ALICE)]);
  client.close();
  await Promise.all([genauth.idle(), keys.idle()]);
  expect([genauth.connections, keys.connections]).toEqual([1, 1]);
});

it('connections to both hosts use the option proxy', async () => {
  const proxy = await serve((socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  const hosts = { appHost: 'https://tenant.example', jwksUri: 'https://keys.example:444/keys' };
  const client = open({ proxy: proxy.url, ...hosts });
  const codes = [await codeOf(client.warmUp()), await codeOf(client.signIn(ALICE))];
  const lines = proxy.received.map((received) => received.split(' HTTP/1.1')[0]);
  expect(lines).toEqual(['CONNECT keys.example:444', 'CONNECT tenant.example:443']);
  expect(codes).toEqual(['upstream_unreachable', 'upstream_unreachable']);
});
