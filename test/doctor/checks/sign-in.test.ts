import { checkDirectory, checkLogin } from '../../../src/doctor/checks/sign-in.js';
import { REFRESH_TOKEN, SECRETS, answerSignIn, echoSignIn, idClaims, makeTokens } from '../../support/canary.js';
import { DISCOVERY_PATH, type Issuer, JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../../support/issuer.js';
import { ALICE, ZHANGSAN, expectFindings, useContexts } from '../support.js';

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

test.each([
  ['--account NAME', checkLogin, ZHANGSAN],
  ['--ad-account NAME', checkDirectory, ALICE],
])('makes no sign-in without %s', async (flag, check, other) => {
  expectFindings(await check(createFor(other)), 'skipped not_asked', `No sign-in, because ${flag} is not given.`);
  expect(issuer().count()).toBe(0);
});

const NEEDS_STEP = 'login_needs_step @ security settings';
const CLIENT = 'login_client_authentication_failed @ token-exchange authentication method';
const UNDECRYPTED = 'login_password_decryption_failed';

type Row = [title: string, status: number, code: number | undefined, outline: string, part: string, secret?: string];
test.each<Row>([
  ['a wrong password', 403, 2333, 'login_wrong @ user management', '(statusCode 403, apiCode 2333: "'],
  ['a locked account', 403, 2005, 'login_locked @ user management', 'The account is locked'],
  ['a disabled account', 403, 2120008, 'login_denied @ access authorization', 'The account is disabled, or'],
  ['too many sign-ins', 429, 1002, 'login_rate_limited @ security settings', 'because there were too many'],
  ['an unknown code', 403, 424242, 'login_refused @ login control', 'Enable login by password'],
  ['a captcha', 403, 2000, NEEDS_STEP, 'requires a captcha (statusCode 403, apiCode 2000: "'],
  ['a second factor', 301, 1636, NEEDS_STEP, 'a second factor (statusCode 301', SECRETS.mfaToken],
  ['a new password', 301, 1639, NEEDS_STEP, "(outcome.kind === 'password_change_required') {", SECRETS.flowToken],
  ['an account to bind', 301, 1640, NEEDS_STEP, 'requires that the user binds the account'],
  ['a profile to complete', 301, 1642, NEEDS_STEP, 'requires that the user completes the profile'],
  ['an unknown step', 301, 1644, NEEDS_STEP, 'requires one more step'],
  ['a refused application', 401, undefined, CLIENT, 'the application itself. GenAuth answered statusCode 401, no api'],
  ['an unknown application', 499, 2011, 'login_app_not_found @ endpoint information', 'does not know'],
  ['a password that GenAuth cannot decrypt', 499, 2016, UNDECRYPTED, 'apiCode 2016, request ID "request-1".'],
  ['a wrong directory', 422, 2820002, 'login_connection_misconfigured @ LDAP and AD', 'to the directory is wrong.'],
  ['an exhausted plan', 402, 4021, 'login_plan_exhausted @ billing', 'The plan of the tenant is exhausted.'],
  ['a success without tokens', 200, undefined, 'login_failed', 'GenAuth answered statusCode 200'],
])('reports %s, even if GenAuth repeats secrets', async (...row) => {
  const [, statusCode, apiCode, outline, part, secret = ALICE.password] = row;
  echoSignIn(issuer(), statusCode, apiCode, { message: secret });
  expectFindings(await checkLogin(createFor(ALICE)), outline, part);
});

test.each<[title: string, arrange: (at: Issuer) => unknown, outline: string, part: string]>([
  ['a refusal', (at) => echoSignIn(at, 403, 424242), 'login_refused @ LDAP and AD', 'Enable the AD connection for'],
  ['an outage', (at) => echoSignIn(at, 503, 0, { requestId: '<' }), 'login_failed @ LDAP and AD', 'no request ID.'],
  ['a page', (at) => at.reply(SIGN_IN_PATH, { status: 502, body: 'x' }), 'login_failed @ LDAP and AD', '502'],
])('reports %s of an Active Directory sign-in', async (_title, arrange, outline, part) => {
  arrange(issuer());
  expectFindings(await checkDirectory(createFor(ZHANGSAN)), outline, part);
});

test('sends no sign-in with an empty account', async () => {
  expectFindings(await checkLogin(createFor({ ...ALICE, account: '' })), 'login_impossible');
  expect(issuer().count(SIGN_IN_PATH)).toBe(0);
});

test('accepts the password if only the id_token is refused', async () => {
  const idToken = issuer().sign({ ...idClaims(issuer()), iat: 1, exp: 2 });
  answerSignIn(issuer(), { ...makeTokens(issuer()), idToken });
  const context = createFor(ALICE);
  expectFindings(await checkLogin(context), 'ok signed_in', 'GenAuth accepts the password.');
  expect([context.tokenFault?.code, context.signedIn]).toEqual(['token_expired', undefined]);
});
