import type { GenAuthClient, TokenRequirements } from '../../src/core/client.js';
import { CertificateAuthority } from '../support/certificate.js';
import { type OpenClient, useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { DISCOVERY_PATH, Issuer, JWKS_PATH, type Reply, SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { createRsaPasswordKey } from '../support/password-key.js';
import { catchError } from '../support/promise.js';
import { createRsaKey } from '../support/rsa-key.js';
import { useSignatureCount } from '../support/signature-count.js';
import { LONG_SECRET } from '../support/signing-key.js';
import { buildToken } from '../support/token.js';

failOnUnhandledRejections();
const ME_PATH = '/oidc/me';
const NOW = 1_760_000_000_000;
const ALICE = { account: 'alice', password: 'canary-Passw0rd' };
const issuer = useIssuer();
const computed = useSignatureCount();
const openWith = useClients(issuer);
let now = NOW;
beforeEach(() => {
  now = NOW;
});
const open: OpenClient = (options) => openWith(options, { now: () => now });
const accessToken = (claims: object = {}): string =>
  issuer().sign({ ...issuer().accessTokenClaims({}, NOW), ...claims });
const idToken = (claims: object = {}): string => issuer().sign({ ...issuer().idTokenClaims({}, NOW), ...claims });
const replySignIn = (tokens: object = {}): void =>
  issuer().replySignIn({ id_token: idToken(), access_token: accessToken(), ...tokens });
/** `accepted`, or the code of the error. */
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: { code: string }) => error.code,
  );

describe('verification', () => {
  it('accepts each token as its own kind only', async () => {
    const client = open();
    expect(await client.verifyAccessToken(accessToken())).toMatchObject({ sub: SUBJECT, scope: 'openid profile' });
    expect(await client.verifyIdToken(idToken())).toMatchObject({ sub: SUBJECT });
    expect(await codeOf(client.verifyAccessToken(idToken()))).toBe('token_type_mismatch');
    expect(await codeOf(client.verifyIdToken(accessToken()))).toBe('token_type_mismatch');
  });

  it.each<[string, object, object, string]>([
    ['issuer', { issuer: 'https://a.example' }, { iss: 'https://a.example' }, 'accepted'],
    ['audience', { audience: ['https://a.example'] }, { aud: 'https://a.example' }, 'accepted'],
    ['appId', { appId: '65f0c1d2e3a4b5c6d7e8f9ff' }, {}, 'token_audience_mismatch'],
    ['clockTolerance', { clockTolerance: 60 }, { iat: NOW / 1000 + 60 }, 'accepted'],
  ])('uses the option %s', async (_title, options, claims, expected) => {
    const client = open({ jwksUri: `${issuer().url}${JWKS_PATH}`, ...options });
    expect(await codeOf(client.verifyAccessToken(accessToken(claims)))).toBe(expected);
  });

  it('uses the options idTokenSignedResponseAlg and appSecret', async () => {
    const client = open({ idTokenSignedResponseAlg: 'HS256', appSecret: LONG_SECRET });
    const token = buildToken({ alg: 'HS256' }, issuer().idTokenClaims({}, NOW), LONG_SECRET, 'HS256');
    expect(await client.verifyIdToken(token)).toMatchObject({ sub: SUBJECT });
    expect(await codeOf(client.verifyIdToken(idToken()))).toBe('token_algorithm_mismatch');
  });

  it('uses the times of the option jwks', async () => {
    const client = open({ jwks: { maxAge: 2000, cooldown: 100, staleIfError: 0 } });
    const ask = async (time: number, header: object = {}): Promise<unknown[]> => {
      now += time;
      const token = issuer().sign(issuer().accessTokenClaims({}, NOW), header);
      return [await codeOf(client.verifyAccessToken(token)), issuer().count(JWKS_PATH)];
    };
    await client.warmUp();
    expect(await ask(99, { kid: 'x' })).toEqual(['token_key_unknown', 1]);
    expect(await ask(1, { kid: 'x' })).toEqual(['token_key_unknown', 2]);
    expect(await ask(1999)).toEqual(['accepted', 2]);
    issuer().reply(JWKS_PATH, { status: 500 });
    expect(await ask(1)).toEqual(['upstream_unavailable', 3]);
  });

  it.each<[string, object, number]>([
    ['caches verified tokens', {}, 3],
    ['caches as many verified tokens as the option allows', { verifiedTokenCache: { maxEntries: 1 } }, 6],
    ['has no cache if the option is false', { verifiedTokenCache: false }, 6],
  ])('%s', async (_title, options, expected) => {
    const client = open(options);
    const tokens = [1, 2, 3].map((n) => accessToken({ n }));
    for (const token of [...tokens, ...tokens]) await client.verifyAccessToken(token);
    expect(computed()).toBe(expected);
  });

  it('fetches discovery document and key set once for parallel sign-ins and requests', async () => {
    replySignIn();
    const client = open();
    const work = Array.from({ length: 50 }, () => [client.signIn(ALICE), client.verifyAccessToken(accessToken())]);
    await Promise.all(work.flat());
    expect([SIGN_IN_PATH, DISCOVERY_PATH, JWKS_PATH].map((path) => issuer().count(path))).toEqual([50, 1, 1]);
  });

  it('shares no keys and no verified tokens with another client', async () => {
    const other = await Issuer.start();
    const [here, there] = [open(), open(other.clientOptions)];
    const foreign = other.sign(other.accessTokenClaims({}, NOW));
    const results = [
      [await codeOf(here.verifyAccessToken(accessToken())), await codeOf(here.verifyAccessToken(foreign))],
      [await codeOf(there.verifyAccessToken(foreign)), await codeOf(there.verifyAccessToken(accessToken()))],
    ];
    await other.close();
    expect(results).toEqual(Array(2).fill(['accepted', 'token_key_unknown']));
  });

  it('accepts a new key at a sign-in at once, on guarded routes after the cool-down', async () => {
    const next = createRsaKey();
    const sign = (payload: object): string => buildToken({ alg: 'RS256', kid: next.kid }, payload, next.privateKey);
    const [id, access] = [sign(issuer().idTokenClaims({}, NOW)), sign(issuer().accessTokenClaims({}, NOW))];
    const [client, guarded] = [open(), open()];
    await Promise.all([client.warmUp(), guarded.warmUp()]);
    issuer().reply(JWKS_PATH, { body: { keys: [issuer().key.jwk, next.jwk] } });
    replySignIn({ id_token: id, access_token: access });
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
    now += 29_999;
    expect(await codeOf(guarded.verifyAccessToken(access))).toBe('token_key_unknown');
    now += 1;
    expect(await codeOf(guarded.verifyAccessToken(access))).toBe('accepted');
  });
});

describe('authenticate', () => {
  const authorize = async (): Promise<void> => {};
  const getUser = async (client: GenAuthClient, token: string): Promise<unknown> =>
    (await client.authenticate(token, { authorize })).user;
  const openUserInfo = (options: object = {}): GenAuthClient =>
    open({ userClaims: 'userinfo', scope: 'openid email roles', ...options });
  const replyMe = (body: object): void => issuer().reply(ME_PATH, { body: { sub: SUBJECT, ...body } });

  it('refuses an id_token', async () => {
    expect(await codeOf(getUser(open(), idToken()))).toBe('token_type_mismatch');
  });

  it('returns the user of the token without a request', async () => {
    const user = await getUser(open(), accessToken({ scope: 'openid email', tenant_id: 'tenant', email: 'x' }));
    expect(user).toStrictEqual({ sub: SUBJECT, scope: ['openid', 'email'], tenant_id: 'tenant' });
    expect(issuer().count(ME_PATH)).toBe(0);
  });

  it('passes the claims and a cached request of the user info to the requirements, and waits for them', async () => {
    replyMe({ roles: ['admin'] });
    const [client, token] = [open(), accessToken()];
    const seen: unknown[] = [];
    const record: TokenRequirements['authorize'] = async (claims, getUserClaims) =>
      void seen.push(claims.scope, await getUserClaims());
    await client.authenticate(token, { authorize: record });
    await client.authenticate(token, { authorize: record });
    expect(seen.slice(2)).toEqual(['openid profile', { sub: SUBJECT, roles: ['admin'] }]);
    expect(issuer().count(ME_PATH)).toBe(1);
    const refuse = (): Promise<void> => Promise.reject(new Error('refused'));
    expect(await catchError(client.authenticate(token, { authorize: refuse }))).toMatchObject({ message: 'refused' });
  });

  it('returns the user of the user info with all claims of the scopes', async () => {
    replyMe({ email: 'a@example.com', name: 'Alice' });
    const user = await getUser(openUserInfo(), accessToken());
    expect(user).toEqual({ sub: SUBJECT, email: 'a@example.com', email_verified: false, roles: [] });
  });

  it('uses the claims of a sign-in until userInfoMaxAge has passed', async () => {
    const access_token = accessToken();
    replySignIn({ access_token, id_token: idToken({ email: 'old@example.com' }) });
    replyMe({ email: 'new@example.com' });
    const client = openUserInfo({ userInfoMaxAge: 60_000 });
    await client.signIn(ALICE);
    now += 59_999;
    expect([await getUser(client, access_token), issuer().count(ME_PATH)]).toMatchObject([
      { email: 'old@example.com' },
      0,
    ]);
    now += 1;
    expect([await getUser(client, access_token), issuer().count(ME_PATH)]).toMatchObject([
      { email: 'new@example.com' },
      1,
    ]);
  });

  it('does not use the claims of a refused sign-in', async () => {
    const access_token = accessToken();
    replySignIn({ access_token, id_token: idToken({ sub: 'x', roles: ['admin'] }) });
    replyMe({ roles: [] });
    const client = openUserInfo();
    expect(await codeOf(client.signIn(ALICE))).toBe('upstream_token_invalid');
    expect(await getUser(client, access_token)).toMatchObject({ roles: [] });
  });

  it('throws an error if the user info belongs to another user', async () => {
    replyMe({ sub: 'x', roles: ['admin'] });
    expect(await codeOf(getUser(openUserInfo(), accessToken()))).toBe('upstream_invalid_response');
  });

  it('refuses an expired token even if its user info is cached', async () => {
    replyMe({});
    const [client, token] = [openUserInfo({ userInfoMaxAge: 86_400_000 }), accessToken()];
    await getUser(client, token);
    now += 3_605_000;
    expect(await codeOf(getUser(client, token))).toBe('token_expired');
  });
});

describe('a public document', () => {
  const CAPTCHA_PATH = '/api/v3/get-captcha-code';
  const data = { captchaCodeSvg: '<svg/>', captchaToken: 'token' };
  const envelope = (statusCode: number): object => ({ statusCode, message: 'no', requestId: 'request-1', data });

  it.each<[string, Reply, string, statusCode: number | undefined]>([
    ['statusCode 403', { body: envelope(403) }, 'upstream_invalid_response', 403],
    ['statusCode 201', { body: envelope(201) }, 'upstream_invalid_response', 201],
    ['statusCode 429', { body: envelope(429) }, 'upstream_unavailable', 429],
    ['statusCode 500', { body: envelope(500) }, 'upstream_unavailable', 500],
    ['HTTP 500 and statusCode 200', { status: 500, body: envelope(200) }, 'upstream_unavailable', 200],
    ['HTTP 403 and statusCode 200', { status: 403, body: envelope(200) }, 'upstream_invalid_response', 200],
    ['HTTP 429 without a body', { status: 429 }, 'upstream_unavailable', undefined],
    ['HTML', { body: '<html>' }, 'upstream_invalid_response', undefined],
  ])('with %s is refused', async (_title, reply, code, statusCode) => {
    issuer().reply(CAPTCHA_PATH, reply);
    expect(await catchError(open().getCaptcha())).toMatchObject({
      name: 'UpstreamError',
      code,
      answer: statusCode && { statusCode, requestId: 'request-1' },
      details: { request: `GET ${CAPTCHA_PATH}`, httpStatus: reply.status ?? 200 },
    });
    expect(issuer().count(CAPTCHA_PATH)).toBe(1);
  });

  it.each<[object, string]>([
    [{ status: 400 }, 'HTTP 400 and no JSON'],
    [{ status: 503 }, 'HTTP 503'],
    [
      { body: { statusCode: 403, apiCode: 7, message: 'no' } },
      'GenAuth answered statusCode 403, apiCode 7, message "no", no request ID',
    ],
  ])('that is refused (%j) is described in the message', async (reply, reason) => {
    issuer().reply(CAPTCHA_PATH, reply);
    const { message } = await catchError(open().getCaptcha());
    expect(message).toBe(`GenAuth's response to GET ${CAPTCHA_PATH} cannot be used: ${reason}.`);
  });

  it.each([{ captchaCodeSvg: '<svg/>' }, { captchaToken: 't' }, {}])(
    'with the captcha %j is refused',
    async (captcha) => {
      issuer().reply(CAPTCHA_PATH, { body: { statusCode: 200, data: captcha } });
      expect(await codeOf(open().getCaptcha())).toBe('upstream_invalid_response');
    },
  );

  it('with a captcha is returned', async () => {
    issuer().reply(CAPTCHA_PATH, { body: envelope(200) });
    expect(await open().getCaptcha()).toEqual({ svg: '<svg/>', token: 'token' });
    expect(issuer().requests[0]?.headers).toMatchObject({ 'x-authing-app-id': issuer().clientOptions.appId });
  });

  it.each([
    [{ rsa: { publicKey: createRsaPasswordKey().publicKey } }, 'accepted'],
    [{}, 'upstream_invalid_response'],
  ])('with the keys for passwords is requested by warmUp: %#', async (system, expected) => {
    issuer().reply('/api/v3/system', { body: system });
    expect(await codeOf(open({ passwordEncryptType: 'rsa' }).warmUp())).toBe(expected);
    expect([DISCOVERY_PATH, JWKS_PATH, '/api/v3/system'].map((path) => issuer().count(path))).toEqual([1, 1, 1]);
  });
});

describe('the options of a client', () => {
  it('contain no secret, and no error contains one', async () => {
    const secrets = ['canary-app-secret-0123456789', 'canary-proxy-user', 'canary-proxy-password', ALICE.password];
    const client = open({
      appSecret: 'canary-app-secret-0123456789',
      proxy: 'http://canary-proxy-user:canary-proxy-password@127.0.0.1:9',
      ca: new CertificateAuthority().cert,
      appHost: 'https://localhost:9',
    });
    const error = await catchError(client.signIn(ALICE));
    expect(error).toMatchObject({ code: 'upstream_unreachable' });
    expect(findLeaks([client, client.options, error], secrets)).toEqual([]);
    expect(['appSecret', 'proxy'].filter((name) => name in client.options)).toEqual([]);
  });

  it('are frozen copies', () => {
    const context = { source: 'utm' };
    const { options } = open({ signInOptions: { context }, audience: ['a'], jwks: {} });
    context.source = 'changed';
    expect(options.signInOptions).toEqual({ context: { source: 'utm' } });
    const parts = [options, options.scope, options.audience, options.jwks, options.signInOptions];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
  });
});
