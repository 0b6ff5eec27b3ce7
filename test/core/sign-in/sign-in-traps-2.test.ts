/** The contradictions from T21 on; see sign-in-traps.test.ts. */
import { DISCOVERY_PATH, JWKS_PATH, SIGN_IN_PATH } from '../../support/issuer.js';
import { createRsaPasswordKey } from '../../support/password-key.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { ALICE, NOW, SignInBench, type SignInResult } from '../../support/sign-in-bench.js';
import { buildToken, hashAccessToken } from '../../support/token.js';

const SYSTEM_PATH = '/api/v3/system';
const bench = new SignInBench();
const { issuer } = bench;
const rsa = createRsaPasswordKey();

it('T21: sign-in knows no MFA, and answers 1635, 1636 and 1639 all the same', async () => {
  for (const [apiCode, kind] of [
    [1635, 'mfa_required'],
    [1636, 'mfa_required'],
    [1639, 'password_change_required'],
  ] as const) {
    bench.refuse({ statusCode: 301, apiCode, data: { mfaToken: 'm', token: 'f' } });
    expect(await bench.signIn()).toMatchObject({
      kind,
      ...(kind === 'mfa_required' ? { mfaToken: 'm' } : { flowToken: 'f' }),
    });
  }
});

it('T24: updated_at is an ISO text and a number', async () => {
  for (const updated_at of ['2025-10-09T08:53:20.000Z', 1_760_000_000]) {
    bench.succeed({ id_token: bench.idToken({ updated_at }) });
    expect((await bench.expectSuccess()).user).toMatchObject({ updated_at });
  }
});

it('T25: claims that are not set are null and ""', async () => {
  for (const unset of [null, '', undefined]) {
    bench.succeed({ id_token: bench.idToken({ name: unset, email: unset, tenant_id: unset }) });
    const user = (await bench.expectSuccess({ scope: 'openid profile email tenant_id' })).user;
    expect(user).toMatchObject({ name: null, email: null, email_verified: false, tenant_id: null });
  }
});

it('T26: at_hash is there and not: checked if it is', async () => {
  const access_token = bench.accessToken();
  bench.succeed({ access_token, id_token: bench.idToken({ at_hash: hashAccessToken(access_token) }) });
  await bench.expectSuccess();
  bench.succeed({ access_token, id_token: bench.idToken({ at_hash: hashAccessToken('another') }) });
  await bench.expectTokenCode('token_hash_mismatch');
});

it('T27: more is granted than was asked for, in any order', async () => {
  bench.succeed({ scope: 'tenant_id profile openid', id_token: bench.idToken({ tenant_id: '', name: 'Alice' }) });
  const { tokens, user } = await bench.expectSuccess();
  expect(tokens?.scope).toEqual(['tenant_id', 'profile', 'openid']);
  expect(user).toMatchObject({ name: 'Alice' });
  expect(user).not.toHaveProperty('tenant_id');
});

it('T28: captchaToken is in some tables alone: sent if it is given', async () => {
  bench.succeed();
  await bench.expectSuccess({}, { captchaCode: 'aB3d', captchaToken: 'captcha-1' });
  expect(bench.sent().options).toMatchObject({ captchaCode: 'aB3d', captchaToken: 'captcha-1' });
  await bench.expectSuccess({}, { captchaCode: 'aB3d' });
  expect(bench.sent().options).not.toHaveProperty('captchaToken');
});

it('T29: no token of a person goes into a sign-in: it has no authorization of its own', async () => {
  bench.succeed();
  await bench.expectSuccess();
  expect(issuer().requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
});

it('T30: 2333, 2004 and 2006 are one kind', async () => {
  for (const [statusCode, apiCode] of [
    [403, 2333],
    [404, 2004],
    [403, 2006],
  ]) {
    bench.refuse({ statusCode, apiCode });
    expect(await bench.signIn()).toMatchObject({ kind: 'invalid_credentials', apiCode });
  }
});

it('T31: locked is 2005 and 2057', async () => {
  for (const apiCode of [2005, 2057]) {
    bench.refuse({ statusCode: 403, apiCode });
    expect(await bench.signIn()).toMatchObject({ kind: 'account_locked', apiCode });
  }
});

it('T32: 2021 has two meanings, and so none', async () => {
  for (const statusCode of [401, 403, 499]) {
    bench.refuse({ statusCode, apiCode: 2021 });
    expect(await bench.signIn()).toMatchObject({ kind: 'rejected', furtherStep: false });
  }
});

it('T33: 2130010 is of the tenant and of the application: no right to sign in here', async () => {
  bench.refuse({ statusCode: 403, apiCode: 2_130_010 });
  expect(await bench.signIn()).toMatchObject({ kind: 'access_denied' });
});

it('T34: statusCode 200 is success, but not without both tokens', async () => {
  for (const missing of ['id_token', 'access_token']) {
    for (const value of [undefined, null, '', 5]) {
      bench.succeed({ [missing]: value });
      expect(await bench.signIn()).toMatchObject({ code: 'upstream_invalid_response' });
    }
  }
});

it('T35: the external id goes by external_id and by externalId', async () => {
  for (const claims of [{ external_id: 'e-1' }, { externalId: 'e-1' }, { external_id: 'e-1', externalId: 'e-2' }]) {
    bench.succeed({ id_token: bench.idToken(claims) });
    expect((await bench.expectSuccess({ scope: 'openid external_id' })).user).toMatchObject({ external_id: 'e-1' });
  }
});

it('T36: Basic is sent on a sign-in, and then no secret in the body', async () => {
  bench.succeed();
  await bench.expectSuccess({ tokenEndpointAuthMethod: 'client_secret_basic' });
  const { appId, appSecret } = issuer().clientOptions;
  const basic = Buffer.from(`${appId}:${appSecret}`).toString('base64');
  expect(issuer().requests[0]).toMatchObject({ headers: { authorization: `Basic ${basic}` } });
  expect(Object.keys(bench.sent())).toEqual(['connection', 'passwordPayload', 'options']);
});

it('T37: 1024 bits of RSA take 117 bytes: one more is an error before anything is sent', async () => {
  bench.succeed();
  issuer().reply(SYSTEM_PATH, { body: { rsa: { publicKey: rsa.publicKey } } });
  const options = { passwordEncryptType: 'rsa' } as const;
  await bench.expectSuccess(options, {}, { account: 'alice', password: 'x'.repeat(117) });
  const result = await bench.signIn(options, {}, { account: 'alice', password: 'x'.repeat(118) });
  expect([result.code, issuer().count(SIGN_IN_PATH)]).toEqual(['invalid_request', 1]);
});

it('T38: autoRegister does not go with account', async () => {
  bench.succeed();
  const result = await bench.signIn({}, { autoRegister: true });
  expect([result.code, issuer().count()]).toEqual(['invalid_request', 0]);
  expect(await bench.signIn({ signInOptions: { autoRegister: true } })).toMatchObject({ code: 'invalid_request' });
  expect(issuer().count()).toBe(0);
  await bench.expectSuccess({}, { autoRegister: true }, { email: 'a@example.com', password: 'p' });
  expect(bench.sent().options['autoRegister']).toBe(true);
});

it('T39: a discovery document without subject_types_supported will do', async () => {
  bench.succeed();
  issuer().reply(DISCOVERY_PATH, { body: { issuer: issuer().issuer, jwks_uri: `${issuer().url}${JWKS_PATH}` } });
  await bench.expectSuccess();
  expect(issuer().count(DISCOVERY_PATH)).toBe(1);
});

it('T40: an unknown kid: fetched once more, and then refused; never the first key', async () => {
  const client = bench.open();
  bench.succeed();
  expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
  bench.succeed({ id_token: bench.idToken({}, { kid: 'unknown' }) });
  const error: SignInResult = await client.signIn(ALICE).then(
    () => ({}),
    (reason: object) => reason,
  );
  expect(error).toMatchObject({ code: 'upstream_token_invalid', cause: { code: 'token_key_unknown' } });
  expect(issuer().count(JWKS_PATH)).toBe(2);
  const next = createRsaKey();
  issuer().reply(JWKS_PATH, { body: { keys: [issuer().key.jwk, next.jwk] } });
  const claims = issuer().idTokenClaims({}, NOW);
  bench.succeed({ id_token: buildToken({ alg: 'RS256', kid: next.kid }, claims, next.privateKey) });
  expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
  expect(issuer().count(JWKS_PATH)).toBe(3);
});
