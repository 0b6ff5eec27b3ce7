/**
 * The contradictions between GenAuth's own sources, T1 to T40, as far as they touch a sign-in: one test for each; those from T21
 * on are in sign-in-traps-2.test.ts. The others are met elsewhere, or do not touch the core:
 *
 * - T10 and T12 have all spellings and statuses in sign-in-table.test.ts; here one test each.
 * - T19 (which refresh token to keep) comes up when one is used; a sign-in hands on the one that came, which is tested here.
 * - T20 (redirect_uri on refresh), T22 (revocation), T23 (introspection): calls that no sign-in makes.
 * - T29 (bare token or Bearer) is about calls with a person's token; a sign-in makes none, which is tested.
 */
import { DISCOVERY_PATH, JWKS_PATH, SIGN_IN_PATH } from '../../support/issuer.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../../support/password-key.js';
import { ALICE, NOW, SignInBench } from '../../support/sign-in-bench.js';
import { LONG_SECRET } from '../../support/signing-key.js';
import { buildToken } from '../../support/token.js';

const SYSTEM_PATH = '/api/v3/system';
const bench = new SignInBench();
const { issuer } = bench;
const rsa = createRsaPasswordKey();
const sm2 = createSm2PasswordKey();

it('T1: the lifetime goes by expire_in and by expires_in', async () => {
  for (const lifetime of [{ expire_in: 60 }, { expires_in: 60 }, { expires_in: 60, expire_in: 61 }]) {
    bench.succeed({ access_token: 'opaque', ...lifetime });
    expect((await bench.expectSuccess()).tokens?.expiresAt).toEqual(new Date(NOW + 60_000));
  }
});

it('T2: scopes go by scope; "token" is a misprint', async () => {
  bench.succeed({ scope: 'openid email', token: 'openid roles' });
  expect((await bench.expectSuccess()).tokens?.scope).toEqual(['openid', 'email']);
  bench.succeed({ token: 'openid roles' });
  expect((await bench.expectSuccess()).tokens?.scope).not.toContain('roles');
});

it('T3: token_type is xxx, bearer, Bearer or missing', async () => {
  for (const token_type of ['xxx', 'bearer', 'Bearer', 'DPoP', 5, undefined]) {
    bench.succeed({ token_type });
    await bench.expectSuccess();
  }
});

it('T4: context is an object and a text: each is sent as it is', async () => {
  bench.succeed();
  for (const context of [{ source: 'utm', deep: [null, { a: 1 }] }, '{"source":"utm"}', 'utm', '']) {
    await bench.expectSuccess({}, { context });
    expect(bench.sent().options['context']).toEqual(context);
  }
});

it('T5: the application’s id goes by x-authing-app-id and by x-genauth-app-id', async () => {
  bench.succeed();
  await bench.expectSuccess();
  const { appId } = issuer().clientOptions;
  const { headers } = issuer().requests[0] ?? { headers: {} };
  expect(headers).toMatchObject({
    'x-authing-app-id': appId,
    'x-genauth-app-id': appId,
    'x-authing-request-from': 'sdk',
  });
});

it('T6: the keys for passwords come wrapped and unwrapped', async () => {
  bench.succeed();
  const system = { rsa: { publicKey: rsa.publicKey } };
  for (const body of [system, { data: system }, { statusCode: 200, message: '', data: system }]) {
    issuer().reply(SYSTEM_PATH, { body });
    await bench.expectSuccess({ passwordEncryptType: 'rsa' });
    const { password = '' } = bench.sent()['passwordPayload'] as Record<string, string>;
    expect(rsa.decrypt(password).toString()).toBe(ALICE.password);
  }
});

it('T7: the RSA key is PEM and bare base64', async () => {
  bench.succeed();
  for (const publicKey of [rsa.publicKey, rsa.publicKey.replaceAll(/-.*-|\n/g, '')]) {
    issuer().reply(SYSTEM_PATH, { body: { rsa: { publicKey } } });
    await bench.expectSuccess({ passwordEncryptType: 'rsa' });
  }
});

it('T8: SM2 is C1C3C2 without 04', async () => {
  bench.succeed();
  issuer().reply(SYSTEM_PATH, { body: { sm2: { publicKey: sm2.publicKey } } });
  await bench.expectSuccess({ passwordEncryptType: 'sm2' });
  const { password = '' } = bench.sent()['passwordPayload'] as Record<string, string>;
  expect(password).toHaveLength(128 + 64 + 2 * ALICE.password.length);
  expect(sm2.decrypt(password).toString()).toBe(ALICE.password);
});

it('T9: SM2 is sent without the prefix "sm2:"', async () => {
  bench.succeed();
  issuer().reply(SYSTEM_PATH, { body: { sm2: { publicKey: sm2.publicKey } } });
  await bench.expectSuccess({ passwordEncryptType: 'sm2' });
  expect((bench.sent()['passwordPayload'] as Record<string, string>)['password']).toMatch(/^[0-9a-f]+$/);
});

it('T10: apiCode is a number, a text, and called code', async () => {
  for (const code of [{ apiCode: 1636 }, { apiCode: '1636' }, { code: 1636 }, { code: '1636' }]) {
    bench.refuse({ statusCode: 301, ...code });
    expect(await bench.signIn()).toMatchObject({ kind: 'mfa_required', apiCode: 1636 });
  }
});

it('T11: a statusCode of 3xx, which no table has, is a further step', async () => {
  for (const statusCode of [300, 301, 307, 399]) {
    bench.refuse({ statusCode });
    expect(await bench.signIn()).toMatchObject({ kind: 'rejected', furtherStep: true });
  }
});

it('T12: HTTP is always 200, but for 429 and 201', async () => {
  bench.succeed();
  await bench.expectSuccess();
  issuer().reply(SIGN_IN_PATH, { status: 429, body: 'Too Many Requests' });
  expect(await bench.signIn()).toMatchObject({ kind: 'rate_limited' });
  const data = { id_token: bench.idToken(), access_token: bench.accessToken() };
  bench.refuse({ statusCode: 200, data }, 201);
  await bench.expectSuccess();
});

it('T13: requestId is there on failure, on success, and not at all', async () => {
  const data = { id_token: bench.idToken(), access_token: bench.accessToken() };
  for (const requestId of ['request-2', undefined]) {
    bench.refuse({ statusCode: 200, requestId, data });
    expect((await bench.expectSuccess()).requestId).toBe(requestId);
    bench.refuse({ statusCode: 403, requestId });
    expect(await bench.signIn()).toMatchObject({ kind: 'rejected', requestId });
  }
});

it('T14: the id_token is HS256 or RS256, and the access token RS256', async () => {
  const hs256 = (claims: object): string => buildToken({ alg: 'HS256' }, claims, LONG_SECRET, 'HS256');
  const access = issuer().sign(issuer().accessTokenClaims({}, NOW));
  const options = { appSecret: LONG_SECRET, idTokenSignedResponseAlg: 'HS256' } as const;
  bench.succeed({ id_token: hs256(issuer().idTokenClaims({}, NOW)), access_token: access });
  await bench.expectSuccess(options);
  expect(await bench.open(options).verifyAccessToken(access)).toMatchObject({
    jti: 'jti-of-the-test',
  });
  await bench.expectTokenCode('token_algorithm_mismatch', { appSecret: LONG_SECRET });
});

it('T15: an id_token is RS256 with kid, or HS256 without', async () => {
  bench.succeed();
  await bench.expectSuccess();
  bench.succeed({
    id_token: buildToken({ typ: 'JWT', alg: 'HS256' }, issuer().idTokenClaims({}, NOW), LONG_SECRET, 'HS256'),
  });
  await bench.expectSuccess({ appSecret: LONG_SECRET, idTokenSignedResponseAlg: 'HS256' });
});

it('T16: the key set is where discovery says, else below /oidc, else below the application’s id', async () => {
  const keys = { body: { keys: [issuer().key.jwk] } };
  const ofApp = `/${issuer().clientOptions.appId}${JWKS_PATH}`;
  bench.succeed();
  for (const [said, path] of [
    [ofApp, ofApp],
    [undefined, JWKS_PATH],
    [undefined, ofApp],
  ] as const) {
    const body = { issuer: issuer().issuer, jwks_uri: `${issuer().url}${said ?? ''}` };
    issuer().reply(DISCOVERY_PATH, said === undefined ? { status: 404 } : { body });
    for (const each of [JWKS_PATH, ofApp]) issuer().reply(each, each === path ? keys : { status: 404 });
    await bench.expectSuccess();
  }
});

it('T17: the issuer is {host}/oidc, or another by option; compared to the letter', async () => {
  for (const iss of ['https://authing.cn', `${issuer().url}/oauth/oidc`, `${issuer().issuer}/`, issuer().url]) {
    bench.succeed({ id_token: bench.idToken({ iss }) });
    await bench.expectTokenCode('token_issuer_mismatch');
    issuer().reply(DISCOVERY_PATH, { status: 404 });
    await bench.expectSuccess({ issuer: iss });
    issuer().reply(DISCOVERY_PATH, { body: { issuer: issuer().issuer, jwks_uri: `${issuer().url}${JWKS_PATH}` } });
  }
});

it('T18: a lifetime is 3600, 7200 or 1209600: exp counts', async () => {
  for (const seconds of [3600, 7200, 1_209_600]) {
    bench.succeed({ access_token: bench.accessToken({ exp: NOW / 1000 + seconds }), expires_in: 7, expire_in: 8 });
    expect((await bench.expectSuccess()).tokens?.expiresAt).toEqual(new Date(NOW + seconds * 1000));
  }
});

it('T19: a refresh token is handed on as it came', async () => {
  bench.succeed({ refresh_token: 'refresh-1' });
  expect((await bench.expectSuccess()).tokens?.refreshToken).toBe('refresh-1');
  bench.succeed();
  expect((await bench.expectSuccess()).tokens?.refreshToken).toBeUndefined();
});
