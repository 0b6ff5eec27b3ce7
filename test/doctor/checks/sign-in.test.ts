import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { checkDirectory, checkLogin } from '../../../src/doctor/checks/sign-in.js';
import { checkTokens } from '../../../src/doctor/checks/tokens.js';
import { REFRESH_TOKEN, SECRETS, accessClaims, answerSignIn, echoSignIn } from '../../support/canary.js';
import { idClaims, makeTokens } from '../../support/canary.js';
import { APP_ID, DISCOVERY_PATH, type Issuer, JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../../support/issuer.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { buildToken } from '../../support/token.js';
import { ALICE, SECRET, ZHANGSAN, expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const createContext = useContexts();
const createFor = (...signIns: (typeof ALICE | typeof ZHANGSAN)[]) =>
  createContext({ appHost: issuer().url }, { signIns });
const REVOCATION_PATH = '/oidc/token/revocation';

test('signs in with each kind of account once, and revokes and hides the tokens', async () => {
  const tokens = makeTokens(issuer());
  const at = Date.now() + 1000;
  const settings = { signIns: [ZHANGSAN, ALICE], clientIp: '203.0.113.7', now: () => at };
  const context = createContext({ appHost: issuer().url }, settings);
  answerSignIn(issuer(), tokens);
  expectFindings(await checkLogin(context), 'ok signed_in', 'alice signed in.');
  answerSignIn(issuer(), tokens, { refresh_token: undefined });
  expectFindings(await checkDirectory(context), 'ok signed_in', 'zhangsan signed in.');
  expect(context.signedIn).toMatchObject({ kind: 'success', at, tokens: { refreshToken: REFRESH_TOKEN } });
  const turn = [SIGN_IN_PATH, REVOCATION_PATH];
  expect(issuer().requests.map(({ path }) => path)).toEqual([DISCOVERY_PATH, JWKS_PATH, ...turn, ...turn]);
  const [login, first, directory, second] = issuer().requests.slice(2);
  expect(login?.body).toMatch(/"alice".*203\.0\.113\.7/);
  expect(directory?.body).toMatch(/"zhangsan".*203\.0\.113\.7/);
  const revoked = [first, second].map((request) => new URLSearchParams(request?.body).get('token'));
  expect(revoked).toEqual([REFRESH_TOKEN, tokens.accessToken]);
  expect(context.quote(REFRESH_TOKEN)).toBe('"[hidden]"');
});

test('makes no sign-in without the account, and none with an empty account', async () => {
  const message = (flag: string): string => `No sign-in, because ${flag} NAME is not given.`;
  expectFindings(await checkLogin(createFor(ZHANGSAN)), 'skipped not_asked', message('--account'));
  expectFindings(await checkDirectory(createFor(ALICE)), 'skipped not_asked', message('--ad-account'));
  expectFindings(await checkLogin(createFor({ ...ALICE, account: '' })), 'login_impossible');
  expect(issuer().count(SIGN_IN_PATH)).toBe(0);
});

const NEEDS_STEP = 'login_needs_step @ security settings';
const CLIENT = 'login_client_authentication_failed @ token-exchange authentication method';
const UNDECRYPTED = 'login_password_decryption_failed';
const FAILED = 'login_failed @ LDAP and AD';

type Row = [status: number, code: number | undefined, outline: string, part: string, secret?: string];
test.each<Row>([
  [403, 2333, 'login_wrong @ user management', '(statusCode 403, apiCode 2333: "'],
  [403, 2005, 'login_locked @ user management', 'The account is locked'],
  [403, 2120008, 'login_denied @ access authorization', 'The account is disabled, or'],
  [429, 1002, 'login_rate_limited @ security settings', 'because there were too many'],
  [403, 424242, 'login_refused @ login control', 'Enable login by password'],
  [403, 2000, NEEDS_STEP, 'requires a captcha (statusCode 403, apiCode 2000: "'],
  [301, 1636, NEEDS_STEP, 'a second factor (statusCode 301', SECRETS.mfaToken],
  [301, 1639, NEEDS_STEP, "(outcome.kind === 'password_change_required') {", SECRETS.flowToken],
  [301, 1640, NEEDS_STEP, 'requires that the user binds the account'],
  [301, 1644, NEEDS_STEP, 'requires one more step'],
  [401, undefined, CLIENT, 'the application itself. GenAuth answered statusCode 401, no api'],
  [499, 2011, 'login_app_not_found @ endpoint information', 'does not know'],
  [499, 2016, UNDECRYPTED, 'apiCode 2016, request ID "request-1".'],
  [422, 2820002, 'login_connection_misconfigured @ LDAP and AD', 'to the directory is wrong.'],
  [402, 4021, 'login_plan_exhausted @ billing', 'The plan of the tenant is exhausted.'],
  [200, undefined, 'login_failed', 'GenAuth answered statusCode 200'],
])('explains statusCode %j and apiCode %j, even if GenAuth repeats secrets', async (...row) => {
  const [statusCode, apiCode, outline, part, secret = ALICE.password] = row;
  echoSignIn(issuer(), statusCode, apiCode, { message: secret });
  expectFindings(await checkLogin(createFor(ALICE)), outline, part);
});

test('names the console page of directories for a refusal and an outage of an Active Directory sign-in', async () => {
  echoSignIn(issuer(), 403, 424242);
  const refusal = await checkDirectory(createFor(ZHANGSAN));
  expectFindings(refusal, 'login_refused @ LDAP and AD', 'Enable the AD connection for');
  echoSignIn(issuer(), 503, 0, { requestId: '<' });
  expectFindings(await checkDirectory(createFor(ZHANGSAN)), FAILED, 'no request ID.');
  issuer().reply(SIGN_IN_PATH, { status: 502, body: 'x' });
  expectFindings(await checkDirectory(createFor(ZHANGSAN)), FAILED, '502');
});

test('accepts the password if only the id_token is refused', async () => {
  const idToken = issuer().sign({ ...idClaims(issuer()), iat: 1, exp: 2 });
  answerSignIn(issuer(), { ...makeTokens(issuer()), idToken });
  const context = createFor(ALICE);
  expectFindings(await checkLogin(context), 'ok signed_in', 'GenAuth accepts the password.');
  expect([context.tokenFault?.code, context.signedIn]).toEqual(['token_expired', undefined]);
});

const foreign = createRsaKey({ kid: 'foreign' });

async function judgeTokens(tokens: Partial<ReturnType<typeof makeTokens>>, changes: Partial<GenAuthOptions> = {}) {
  answerSignIn(issuer(), { ...makeTokens(issuer()), ...tokens });
  const context = createContext({ appHost: issuer().url, ...changes }, { signIns: [ALICE] });
  await checkLogin(context);
  return checkTokens(context);
}

const ALGORITHM = 'id_token_algorithm @ id_token signature algorithm';
const ISSUER = 'id_token_issuer @ endpoint information';
const AUDIENCE = 'id_token_audience @ endpoint information';
const [CLOCK, SIGNATURE, KEY, UNUSABLE] = ['id_token_clock', 'id_token_signature', 'id_token_key', 'id_token_refused'];
const VALID = ['ok id_token', 'ok access_token'];
const HS256 = { idTokenSignedResponseAlg: 'HS256' } as const;
/** An id_token with these claims. */
const claim = (changes: object, header?: object) => (at: Issuer) => at.sign({ ...idClaims(at), ...changes }, header);
const time = (offset: number): number => Math.floor(Date.now() / 1000) + offset;
const sign = (alg: string, key: Parameters<typeof buildToken>[2]) => (at: Issuer) =>
  buildToken({ alg, typ: 'JWT', kid: at.key.kid }, idClaims(at), key, alg);

const VALID_ALGS = '"RS256". Choose RS256 on the console page';
type Token = [title: string, sign: (at: Issuer) => string, outline: string | string[], part: string, options?: object];
test.each<Token>([
  ['RS256', claim({}), VALID, 'algorithm (RS256), issuer, '],
  ['HS256', sign('HS256', SECRET), VALID, 'algorithm (HS256), issuer, ', HS256],
  ['an old iat', claim({ iat: time(-600) }), [...VALID, 'clock_ahead'], "s ahead of the id_token's iat."],
  ['the other algorithm', sign('HS256', SECRET), ALGORITHM, `${VALID_ALGS}, or set GENAUTH_ID_TOKEN_ALG=HS256`],
  [
    'another issuer',
    claim({ iss: 'https://x' }),
    ISSUER,
    '"http://HOST/65f0c1d2e3a4b5c6d7e8f901/oidc"]. Set GENAUTH_ISSUER=<issuer>',
  ],
  ['another audience', claim({ aud: 'other' }), AUDIENCE, `for "other" (aud), but this application is "${APP_ID}".`],
  ['an end in the past', claim({ iat: time(-200), exp: time(-100) }), CLOCK, ', the id_token expired 1'],
  ['a beginning in the future', claim({ nbf: time(109) }), CLOCK, 'is not valid yet. It becomes valid in 10'],
  ['the signature of another key', sign('RS256', foreign.privateKey), SIGNATURE, 'why the key in the key set is not'],
  ['another secret', sign('HS256', 'x'.repeat(32)), `${SIGNATURE} @ endpoint information`, 'APP_SECRET=<App', HS256],
  ['an unknown key', claim({}, { kid: 'x' }), KEY, 'is signed with key "x", which the key set does not have.'],
  ['no subject', claim({ sub: undefined }), UNUSABLE, 'The id_token has an invalid sub: undefined.'],
  ['an unknown algorithm', claim({}, { alg: 'ES256' }), ALGORITHM, `"ES256", but the options expect ${VALID_ALGS}.`],
  ['the hash of another access token', claim({ at_hash: 'x' }), UNUSABLE, 'belongs to another access token (at_hash).'],
  ['another subject than the access token', claim({ sub: 'x' }), UNUSABLE, 'belong to different users (sub).'],
  ['no signature', (at) => claim({})(at).replace(/[^.]+$/, ''), UNUSABLE, 'cannot be used (token_malformed).'],
])('judges an id_token with %s', async (...[, makeIdToken, outline, part, options]) => {
  expectFindings(await judgeTokens({ idToken: makeIdToken(issuer()) }, options), outline, part);
});

test('explains an id_token without kid if the key set has several keys', async () => {
  issuer().reply(JWKS_PATH, { body: { keys: [issuer().key.jwk, foreign.jwk] } });
  const found = await judgeTokens({ idToken: claim({}, { kid: undefined })(issuer()) });
  expectFindings(found, KEY, 'does not name its key (kid), and the key set does not have exactly one key.');
});

test('reports an access token that guarded routes refuse, and nothing without a sign-in', async () => {
  const found = await judgeTokens({ accessToken: issuer().sign({ ...accessClaims(issuer()), aud: 'other' }) });
  expectFindings(found, ['ok id_token', 'access_token_refused'], '"other"');
  expect(await checkTokens(createContext())).toEqual([]);
});
