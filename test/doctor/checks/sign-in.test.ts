import { checkDirectory, checkLogin } from '../../../src/doctor/checks/sign-in.js';
import type { ContextSettings } from '../../../src/doctor/context.js';
import type { EmulatorSignInAnswer, GenAuthEmulator } from '../../../src/emulator/index.js';
import { EVERYTHING, REFRESH_TOKEN, SECRETS, answerSignIn, echoSignIn, makeTokens } from '../../support/canary.js';
import { type Issuer, JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../../support/issuer.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../../support/password-key.js';
import { ALICE, ZHANGSAN, examine, expectFindings, useContexts, useEmulators } from '../support.js';

const emulate = useEmulators();
const issuer = useIssuer();
const createContext = useContexts();

function createFor(
  { url, appId }: GenAuthEmulator,
  signIns: ContextSettings['signIns'] = [ALICE, ZHANGSAN],
  changes: object = {},
) {
  return createContext({ appId, appHost: url, ...changes }, { signIns });
}

test('signs in once by password and once with Active Directory, and revokes the tokens', async () => {
  const emulator = await emulate();
  const context = createFor(emulator);
  expectFindings(await examine(context, checkLogin), 'ok signed_in', 'alice signed in.');
  const first = context.signedIn;
  expectFindings(await examine(context, checkDirectory), 'ok signed_in', 'zhangsan signed in.');
  expect([first?.kind, context.signedIn === first]).toEqual(['success', true]);
  expect(emulator.signIns.map(({ account, outcome }) => `${account} ${outcome}`)).toEqual([
    'alice success',
    'zhangsan success',
  ]);
  expect(emulator.requests('revocation')).toBe(2);
});

test.each([
  ['--account NAME', checkLogin, [ZHANGSAN]],
  ['--ad-account NAME', checkDirectory, [ALICE]],
])('makes no sign-in without %s', async (flag, check, signIns) => {
  const context = createContext({ appHost: issuer().url }, { signIns });
  expectFindings(await examine(context, check), 'skipped not_asked', `No sign-in, because ${flag} is not given.`);
  expect(issuer().count()).toBe(0);
});

test('loads the key set, sends the client address, and revokes and hides the refresh token', async () => {
  answerSignIn(issuer(), makeTokens(issuer()));
  const settings = { signIns: [ALICE], clientIp: '203.0.113.7', now: () => Date.now() + 1000 };
  const context = createContext({ appHost: issuer().url }, settings);
  const before = Date.now() + 1000;
  expectFindings(await examine(context, checkLogin), 'ok signed_in');
  const paths = issuer().requests.map(({ path }) => path);
  expect(paths.indexOf(JWKS_PATH)).toBeLessThan(paths.indexOf(SIGN_IN_PATH));
  const [signIn, revocation] = issuer().requests.filter(({ method }) => method === 'POST');
  expect(signIn?.body).toContain('203.0.113.7');
  expect(new URLSearchParams(revocation?.body).get('token')).toBe(REFRESH_TOKEN);
  expect(context.quote(REFRESH_TOKEN)).toBe('"[hidden]"');
  expect(context.signedIn?.at).toBeGreaterThanOrEqual(before);
});

type Answer = Omit<EmulatorSignInAnswer, 'account'>;
const by = (statusCode: number, apiCode?: number, data?: object): Answer => ({
  statusCode,
  ...(apiCode !== undefined && { apiCode }),
  ...(data !== undefined && { data }),
});
const NEEDS_STEP = 'login_needs_step @ security settings';
const CLIENT = 'login_client_authentication_failed @ token-exchange authentication method';

test.each<[title: string, answer: Answer, outline: string, message: string]>([
  ['a wrong password', by(403, 2333), 'login_wrong @ user management', 'The account does not exist, or'],
  ['a locked account', by(403, 2005), 'login_locked @ user management', 'The account is locked'],
  ['a disabled account', by(403, 2120008), 'login_denied @ access authorization', 'The account is disabled, or'],
  ['too many sign-ins', by(429, 1002), 'login_rate_limited @ security settings', 'because there were too many'],
  ['an unknown code', by(403, 424242), 'login_refused @ login control', 'GenAuth refuses the sign-in'],
  ['a captcha', by(403, 2000), NEEDS_STEP, 'requires a captcha'],
  ['a second factor', by(301, 1636, { mfaToken: 'm' }), NEEDS_STEP, 'requires a second factor'],
  ['a new password', by(301, 1639, { token: 't' }), NEEDS_STEP, 'requires a new password'],
  ['an account to bind', by(301, 1640), NEEDS_STEP, 'requires that the user binds the account'],
  ['a profile to complete', by(301, 1642), NEEDS_STEP, 'requires that the user completes the profile'],
  ['an unknown step', by(301, 1644), NEEDS_STEP, 'requires one more step'],
  ['a refused application', by(401), CLIENT, 'GenAuth refuses the application itself.'],
  ['an unknown application', by(499, 2011), 'login_app_not_found @ endpoint information', 'does not know'],
  ['a password that GenAuth cannot decrypt', by(499, 2016), 'login_password_decryption_failed', 'could not decrypt'],
  ['a wrong directory', by(422, 2820002), 'login_connection_misconfigured @ LDAP and AD', 'to the directory is wrong.'],
  ['an exhausted plan', by(402, 4021), 'login_plan_exhausted @ billing', 'The plan of the tenant is exhausted.'],
  ['an outage', by(500), 'login_failed', 'GenAuth answered '],
])('reports %s with the codes, even if the message repeats secrets', async (_title, answer, outline, message) => {
  const emulator = await emulate();
  emulator.answerSignIn({ ...answer, message: EVERYTHING });
  const found = await examine(createFor(emulator), checkLogin);
  expectFindings(found, outline, message);
  expectFindings(found, outline, `statusCode ${answer.statusCode}, `);
});

test.each<[title: string, answer: Answer, outline: string, part: string]>([
  ['a refusal', by(403, 424242), 'login_refused @ LDAP and AD', 'Enable the AD connection for this application'],
  ['a directory that does not answer', by(408), 'login_failed @ LDAP and AD', ''],
  ['a new password', by(301, 1639), NEEDS_STEP, "if (outcome.kind === 'password_change_required') { … }"],
])('reports %s of an Active Directory sign-in', async (_title, answer, outline, part) => {
  const emulator = await emulate();
  emulator.answerSignIn(answer);
  expectFindings(await examine(createFor(emulator), checkDirectory), outline, part);
});

test.each([
  ['mfaToken', 1636, SECRETS.mfaToken, { mfaToken: SECRETS.mfaToken }],
  ['flowToken', 1639, SECRETS.flowToken, { token: SECRETS.flowToken }],
])("hides the %s of the next step in GenAuth's message", async (_name, apiCode, token, data) => {
  const emulator = await emulate();
  emulator.answerSignIn({ ...by(301, apiCode, data), message: `with ${token}` });
  expectFindings(await examine(createFor(emulator), checkLogin), NEEDS_STEP, `apiCode ${apiCode}: "with [hidden]").`);
});

test.each<[title: string, arrange: (at: Issuer) => unknown, outline: string, part: string]>([
  ['a wrong password', (at) => echoSignIn(at, 403, 2333), 'login_wrong @ user management', 'apiCode 2333'],
  ['an outage', (at) => echoSignIn(at, 503, 0, { requestId: ALICE.password }), 'login_failed', 'no request ID.'],
  ['a success without tokens', (at) => echoSignIn(at, 200), 'login_failed', 'request ID "request-1".'],
  ['a page', (at) => at.reply(SIGN_IN_PATH, { status: 502, body: EVERYTHING }), 'login_failed', '502'],
  ['HTTP 200 and a page', (at) => at.reply(SIGN_IN_PATH, { body: EVERYTHING }), 'login_failed', ''],
  ['a reset connection', (at) => at.reply(SIGN_IN_PATH, { reset: true }), 'login_failed', 'ECONNRESET'],
])('reports %s of a server that sends everything back', async (_title, arrange, outline, part) => {
  arrange(issuer());
  const context = createContext({ appHost: issuer().url }, { signIns: [ALICE] });
  expectFindings(await examine(context, checkLogin), outline, part);
});

test.each([
  ['an empty account', { account: '', password: 'x' }],
  ['a password that is too long', { account: 'alice', password: 'x'.repeat(1025) }],
])('sends no sign-in with %s', async (_title, credentials) => {
  const emulator = await emulate();
  expectFindings(await examine(createFor(emulator, [credentials]), checkLogin), 'login_impossible');
  expect(emulator.requests('signin')).toBe(0);
});

test.each(['rsa', 'sm2'] as const)('reports an %s key that is not the key of GenAuth', async (passwordEncryptType) => {
  const emulator = await emulate();
  // The RSA key has another size than the emulator's key, so that its padding is never right by chance.
  const rsa = { publicKey: createRsaPasswordKey(2048).publicKey };
  emulator.fault({ endpoint: 'system', body: { rsa, sm2: createSm2PasswordKey() }, times: 9 });
  const found = await examine(createFor(emulator, [ALICE], { passwordEncryptType }), checkLogin);
  expectFindings(found, 'login_password_decryption_failed');
  // The client tries once more with a new key, because GenAuth may have changed its keys.
  expect(emulator.signIns.map(({ outcome }) => outcome)).toEqual(['decryption_failed', 'decryption_failed']);
});

test('accepts the password if only the id_token is refused', async () => {
  const emulator = await emulate();
  emulator.flawIdToken('expired');
  const context = createFor(emulator);
  expectFindings(await examine(context, checkLogin), 'ok signed_in', 'GenAuth accepts the password.');
  expect([context.tokenFault?.code, context.signedIn]).toEqual(['token_expired', undefined]);
});
