import { getEventListeners } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Environment, genAuthOptionsFromEnvironment } from '../../src/core/options/environment.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import type { SignInSuccess } from '../../src/core/sign-in/outcome.js';
import { readManifest } from '../../src/core/util/manifest.js';
import { checkClient } from '../../src/doctor/checks/client.js';
import { checkClientIp } from '../../src/doctor/checks/client-ip.js';
import { checkClock } from '../../src/doctor/checks/clock.js';
import { checkConfiguration } from '../../src/doctor/checks/configuration.js';
import { checkEncryption } from '../../src/doctor/checks/encryption.js';
import { checkEnvironment } from '../../src/doctor/checks/environment.js';
import { checkRuntime } from '../../src/doctor/checks/runtime.js';
import { checkScopes } from '../../src/doctor/checks/scopes.js';
import { type DoctorOptions, runDoctor } from '../../src/doctor/run-doctor.js';
import { makeFolder } from '../cli/support.js';
import { PASSWORD, PROXY_USER } from '../support/canary.js';
import { APP_ID, JWKS_PATH, type ReceivedRequest, type Reply, useIssuer } from '../support/issuer.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../support/password-key.js';
import { useTcpServers } from '../support/tcp-server.js';
import { ALICE, SECRET, ZHANGSAN, environmentOf, expectDecent, expectFindings } from './support.js';
import { listProblems, useContexts, useEmulators } from './support.js';

const emulate = useEmulators();
const issuer = useIssuer();
const serve = useTcpServers();
const createContext = useContexts();
const { version, engines, peerDependencies } = await readManifest();
const CLIENT_IP = '203.0.113.7';
const CALLBACK = 'http://localhost:3000/auth/genauth/callback';

test('finds no problem at a tenant without mistakes, and requests each document once', async () => {
  const emulator = await emulate();
  const env = {
    ...environmentOf(emulator),
    GENAUTH_SCOPE: 'openid profile email phone offline_access',
    GENAUTH_CALLBACK_URL: CALLBACK,
  };
  const { signal } = new AbortController();
  const report = await runDoctor({ env, signIns: [ALICE, ZHANGSAN], clientIp: CLIENT_IP, signal });
  expectDecent(report.findings);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const facts = { node: process.versions.node, version };
  expect(report).toMatchObject({ level: 'ok', ...facts, appHost: emulator.url, appId: emulator.appId });
  expect([emulator.requests('discovery'), emulator.requests('jwks')]).toEqual([1, 1]);
  const callback = report.findings.find(({ check }) => check === 'callback');
  expect(callback).toMatchObject({ level: 'ok', message: expect.stringContaining(CALLBACK) });
});

const REQUESTS = ['connection', 'clock', 'discovery', 'keys', 'client', 'callback', 'encryption'];
const SIGN_IN = ['login', 'directory', 'tokens', 'scopes', 'address'];
const noAnswer = async (): Promise<object> => ({ appHost: (await serve()).url, timeout: 100 });
const breakTokens = async (): Promise<object> => {
  (await emulate()).flawIdToken('expired');
  return {};
};
let calls = 0;
const failLater = (): string => {
  if (calls++ > 0) throw new Error(SECRET);
  return SECRET;
};

test.each<[need: string, arrange: () => Promise<object>, code: string, skipped: string[]]>([
  ['configuration', async () => ({ appHost: 'x' }), 'configuration_invalid', [...REQUESTS, ...SIGN_IN]],
  ['connection', noAnswer, 'answer_timeout', [...REQUESTS.slice(1), ...SIGN_IN]],
  ['client', async () => ({ appSecret: 'wrong' }), 'client_refused', ['callback', ...SIGN_IN]],
  ['login', async () => ({ appSecret: failLater }), 'check_failed', []],
  ['tokens', breakTokens, 'id_token_clock', ['scopes', 'address']],
])('skips the checks that need the check %s if it has an error', async (need, arrange, code, skipped) => {
  const options = { ...(await emulate()).clientOptions, ...(await arrange()) };
  const report = await runDoctor({ options, signIns: [ALICE], env: { GENAUTH_NONSENSE: 'ignored' } });
  expectDecent(report.findings);
  expect([report.level, listProblems(report.findings)]).toEqual(['error', [`${need}: error ${code}`]]);
  const found = report.findings.filter((finding) => finding.code === 'not_checked');
  const message = `Not checked, because the check "${need}" found an error. Fix that error first.`;
  expect(found).toEqual(skipped.map((check) => ({ check, level: 'skipped', code: 'not_checked', message })));
});

test('reads the options from the environment, which overrides the file, and makes no sign-in', async () => {
  const emulator = await emulate();
  const envFile = { ...environmentOf(emulator), GENAUTH_APP_ID: 'file' };
  const report = await runDoctor({ env: { GENAUTH_APP_ID: emulator.appId }, envFile });
  expect(report).toMatchObject({ appId: emulator.appId, level: 'warning' });
  expect(listProblems(report.findings)).toEqual(['environment: warning environment_overrules_file']);
  expect(emulator.requests('signin')).toBe(0);
});

test('names no application if the options are invalid', async () => {
  const report = await runDoctor({ options: { appHost: 'x' } as DoctorOptions['options'] });
  expect(report).toMatchObject({ appHost: undefined, appId: undefined });
});

test.each([
  ['the first answer', JWKS_PATH],
  ['the last request', '/emulator/v1/sign-ins'],
])('ends at %s when the signal is aborted', async (_title, path) => {
  const stop = new AbortController();
  const STOPPED = new Error('stopped');
  issuer().replySignIn();
  issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } });
  issuer().reply(path, () => {
    stop.abort(STOPPED);
    return new Promise(() => {});
  });
  const options = { ...issuer().clientOptions, appSecret: SECRET };
  const running = runDoctor({ options, signIns: [ALICE], env: {}, clientIp: CLIENT_IP, signal: stop.signal });
  await expect(running).rejects.toBe(STOPPED);
});

test('reports a wrong Node and another version of the package, or lists the versions of the packages', async () => {
  const folder = await makeFolder();
  const check = async (canRequireModules: boolean, own: string) => {
    await mkdir(join(folder, 'node_modules/passport-genauth'), { recursive: true });
    await writeFile(join(folder, 'node_modules/passport-genauth/package.json'), JSON.stringify({ version: own }));
    return checkRuntime({ nodeVersion: '20.1.0', canRequireModules, folder });
  };
  const [found, valid] = [await check(false, '9.9.9'), await check(true, version)];
  await rm(folder, { recursive: true });
  expectFindings(found, ['node_unsupported', 'package_other_version'], `npm install passport-genauth@${version}`);
  expect(found[0]).toMatchObject({ impact: expect.stringContaining(`requires Node ${engines.node}.`) });
  const names = ['Node', 'passport-genauth', ...Object.keys(peerDependencies)];
  expectFindings(valid, 'ok runtime');
  expect(valid[0]?.message.replaceAll(/ \d[\d.]*\d/g, '')).toBe(`${names.join(', ')}.`);
});

const OVERRULED = ['environment_overrules_file'];
const MANY = ['environment_unknown', 'environment_unknown', 'trust_proxy_true'];
const OK_ENVIRONMENT = ['ok environment'];
test.each<[env: Environment, file: Environment, outline: string[], part: string]>([
  [{ GENAUTH_APPID: SECRET }, { GEN_AUTH_SCOPE: 'x', TRUST_PROXY: 'true' }, MANY, 'Rename it to GENAUTH_SCOPE, or'],
  [{ AUTHING_APP_HOST: 'x', GENAUTH_X: 'x', TRUST_PROXY: 'true' }, {}, MANY, 'Rename it to GENAUTH_APP_HOST, or'],
  [{ GENAUTH_X: 'x', GENAUTH_Y: 'x', TRUST_PROXY: 'true' }, {}, MANY, 'one of GENAUTH_APP_ID, GENAUTH'],
  [{ GENAUTH_APP_ID: 'x' }, { GENAUTH_APP_ID: 'y' }, OVERRULED, 'unset GENAUTH_APP_ID'],
  [{ GENAUTH_SCOPE: 'x' }, { GENAUTH_SCOPE: 'x' }, OK_ENVIRONMENT, '1 variable of passport-genauth is'],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, {}, ['tls_checks_off'], 'unset NODE_TLS_REJECT_UNAUTHORIZED'],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: '1', GENAUTH_EMULATOR: '1' }, {}, OK_ENVIRONMENT, ''],
  [{ TRUST_PROXY: '1', HTTPS_PROXY: 'x', GEN: 'x' }, {}, OK_ENVIRONMENT, '0 variables of passport-genauth are'],
])('judges the variables %j and the file %j', (env, file, outline, part) => {
  expectFindings(checkEnvironment(env, file), outline, part);
});

const RIGHT = { GENAUTH_APP_ID: 'app', GENAUTH_APP_SECRET: SECRET, GENAUTH_APP_HOST: 'https://tenant.example' };
const INVALID = 'configuration_invalid';
const ENDPOINTS = `${INVALID} @ endpoint information`;
const WRONG_METHOD = `${INVALID} @ token-exchange authentication method`;
test.each([
  ['GENAUTH_APP_SECRET', `${SECRET}\n`, '<App secret>', ENDPOINTS],
  ['GENAUTH_APP_HOST', `https://${PROXY_USER}x`, 'https://<app>.genauth.ai', ENDPOINTS],
  ['GENAUTH_APP_HOST', 'localhost:3999', 'http://localhost:3999', ENDPOINTS],
  ['GENAUTH_APP_HOST', '"https://a.example"', 'https://a.example', ENDPOINTS],
  ['GENAUTH_SCOPE', 'openid,profile,email', 'openid profile email', INVALID],
  ['GENAUTH_ID_TOKEN_ALG', 'none', 'RS256', `${INVALID} @ id_token signature algorithm`],
  ['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD', 'x', 'client_secret_post', WRONG_METHOD],
  ['GENAUTH_PROXY', `socks://${PROXY_USER}x`, 'http://proxy.example.com:3128', INVALID],
])('reports an invalid %s with a line to copy', (variable, value, example, outline) => {
  const { options, found } = checkConfiguration(
    () => genAuthOptionsFromEnvironment({ ...RIGHT, [variable]: value }),
    'environment',
  );
  expectFindings(found, outline, ` Set ${variable}=${example}`);
  expect(options).toBeUndefined();
});

test('reports a mistake in the file of GENAUTH_CA', () => {
  const read = () => genAuthOptionsFromEnvironment({ ...RIGHT, GENAUTH_CA: 'package.json' });
  expectFindings(checkConfiguration(read, 'environment').found, INVALID, 'Correct the file that GENAUTH_CA names');
});

test('reports each mistake in code with a line of code or a sentence, and accepts valid options', () => {
  const right = { appId: 'app', appSecret: SECRET, appHost: 'https://tenant.example' };
  const { found } = checkConfiguration(() => ({ ...right, appHost: 'x', clientId: 'app' }) as GenAuthOptions, 'code');
  expectFindings(found.slice(0, 1), INVALID, 'write appId. Write appId.');
  expectFindings(found.slice(1), ENDPOINTS, "Set the option appHost: 'https:");
  const valid = checkConfiguration(() => right, 'code').found;
  expectFindings(valid, 'ok configuration', 'Alg RS256, passwordEncryptType none, scope openid profile');
});

const SERVER = Date.parse('2026-01-01T00:00:00Z');
const DATE = new Date(SERVER).toUTCString();
// The Date header has whole seconds, so GenAuth's time is half a second later on average.
test.each<[date: string | undefined, sent: number, received: number, outline: string, part: string]>([
  [DATE, -4500, -4500, 'ok clock', 'Date header (5 s apart, 5 s allowed).'],
  [DATE, 5500, 5500, 'ok clock', '(5 s apart'],
  [DATE, 6500, 6500, 'clock_ahead', "is 6 s ahead of GenAuth's Date header."],
  [DATE, -15_500, 4500, 'clock_behind', "is 6 s behind GenAuth's Date header."],
  [undefined, 0, 0, 'skipped clock_unknown', 'has no Date header.'],
])('judges an answer with the date %j at %i to %i ms', async (date, sent, received, outline, part) => {
  const context = createContext();
  const times = { sentAt: SERVER + sent, receivedAt: SERVER + received };
  context.probe = { status: 200, date, location: undefined, certificateEnds: undefined, ...times };
  expectFindings(await checkClock(context), outline, part);
});

const rsa = { rsa: { publicKey: createRsaPasswordKey().publicKey } };
const sm2 = { sm2: { publicKey: createSm2PasswordKey().publicKey } };
const UNUSABLE = 'password_key_unusable';
test.each<[type: 'none' | 'rsa' | 'sm2', keys: string, body: unknown, outline: string, part: string]>([
  ['none', 'both keys', { ...rsa, ...sm2 }, 'ok encryption_not_used', 'GenAuth has keys for rsa and sm2.'],
  ['rsa', 'an rsa key', rsa, 'ok encryption', "Passwords of up to 117 bytes can be encrypted with GenAuth's rsa key."],
  ['sm2', 'an sm2 key', sm2, 'ok encryption', "Passwords can be encrypted with GenAuth's sm2 key."],
  ['rsa', 'an sm2 key', sm2, UNUSABLE, 'Set GENAUTH_PASSWORD_ENCRYPT_TYPE=sm2'],
  ['sm2', 'no key', {}, UNUSABLE, 'Set GENAUTH_PASSWORD_ENCRYPT_TYPE=none'],
])('judges passwordEncryptType %s at a tenant with %s', async (passwordEncryptType, _keys, body, outline, part) => {
  issuer().reply('/api/v3/system', { body });
  expectFindings(await checkEncryption(createContext({ appHost: issuer().url, passwordEncryptType })), outline, part);
  expect(JSON.stringify(issuer().requests[0]?.headers)).toContain(APP_ID);
});

const OK_SCOPES = ['ok scopes'];
const EMPTY = ['scope_empty @ user management'];
const MISSING = ['scope_not_granted @ OIDC scopes', 'scope_without_claims @ OIDC scopes'];
const ALL = [...MISSING, ...EMPTY, 'refresh_token_missing @ authorization mode'];
test.each<[scope: string, claims: object, outline: string[], part: string, granted?: string]>([
  ['openid email orders:read', { email: 'a@x', email_verified: false }, OK_SCOPES, ': openid email orders:read.'],
  ['openid external_id', { externalId: 'x' }, OK_SCOPES, ''],
  ['openid external_id', { external_id: null }, EMPTY, 'these scopes are empty: external_id.'],
  ['openid email', { email: '', email_verified: false }, EMPTY, ''],
  ['openid roles address', { roles: [], address: { more: { zip: null } } }, EMPTY, ': roles, address.'],
  ['openid x email phone', { email: null }, ALL, ': x.', 'email phone offline_access openid'],
])('judges the scope %s with the claims %j', async (scope, claims, outline, part, granted = scope) => {
  const context = createContext({ scope });
  expect(await checkScopes(context)).toEqual([]);
  const signedIn = { claims, tokens: { scope: granted.split(' ') }, at: 0 };
  context.signedIn = signedIn as unknown as SignInSuccess & { at: number };
  expectFindings(await checkScopes(context), outline, part);
});

function checkAddress(appHost: string, clientIp?: string) {
  const context = createContext({ appHost }, { clientIp, signIns: [ALICE] });
  context.signedIn = { requestId: 'request-1', at: 0 } as SignInSuccess & { at: number };
  return checkClientIp(context);
}
const mine = (clientIp: unknown): object => ({ requestId: 'request-1', clientIp });
const OTHER = { requestId: 'other', clientIp: 'x' };
test.each<[answer: Reply, outline: string, part: string]>([
  [{ body: [null, OTHER, mine(CLIENT_IP)] }, 'ok client_ip', `received ${CLIENT_IP} as`],
  [{ body: [mine('::1')] }, 'client_ip_lost', 'but GenAuth received "::1".'],
  [{ body: [mine(PASSWORD)] }, 'client_ip_lost', '"[hidden]"'],
  [{ body: [OTHER] }, 'ok client_ip_sent', `sent ${CLIENT_IP} as the client's address.`],
  [{ body: '<html>' }, 'ok client_ip_sent', ''],
])('judges the journal %j', async (answer, outline, part) => {
  issuer().reply('/emulator/v1/sign-ins', answer);
  expectFindings(await checkAddress(issuer().url, CLIENT_IP), outline, part);
});

test('requests no journal from a host with https, without an address or without a sign-in', async () => {
  const tenant = await serve((socket) => socket.end());
  expectFindings(await checkAddress(tenant.url.replace('http:', 'https:'), CLIENT_IP), 'ok client_ip_sent');
  expectFindings(await checkAddress(issuer().url), 'skipped client_ip_not_sent', 'add --client-ip ADDRESS');
  expect(await checkClientIp(createContext({ appHost: issuer().url }, { clientIp: CLIENT_IP }))).toEqual([]);
  expect([tenant.connections, issuer().count()]).toEqual([0, 0]);
});

const REFUSED = 'client_refused @ endpoint information';
const METHOD = 'client_method_wrong @ token-exchange authentication method';
const NO_GRANT = 'refresh_grant_off @ authorization mode';
const [TOKEN, INTROSPECTION, REVOCATION] = ['/oidc/token', '/oidc/token/introspection', '/oidc/token/revocation'];
const differs = (name: string): string => `client_method_differs @ ${name} authentication method`;
const fail = (status: number, error: string): Reply => ({ status, body: { error } });
const GRANT = fail(499, 'invalid_grant');
const REFUSAL = fail(401, 'invalid_client');
const onlyBasic = ({ headers }: ReceivedRequest): Reply => (headers.authorization === undefined ? REFUSAL : GRANT);
const basic = { tokenEndpointAuthMethod: 'client_secret_basic' } as const;
const none = { tokenEndpointAuthMethod: 'none', appSecret: undefined } as const;
const METHOD_REFUSED = REFUSED.replace(/@.*/, METHOD.slice(METHOD.indexOf('@')));
const offline = { scope: ['openid', 'offline_access'] };
const fault = (): never => {
  throw new Error(SECRET);
};

type Answer = Parameters<ReturnType<typeof issuer>['reply']>[1];
test.each<[title: string, path: string, answer: Answer, options: object, outline: string, part: string]>([
  ['an accepted ID and secret', TOKEN, onlyBasic, basic, 'ok client', 'ID and secret (client_secret_basic).'],
  ['an accepted ID', TOKEN, GRANT, none, 'ok client', "application's ID (none)."],
  ['another method', TOKEN, onlyBasic, {}, METHOD, 'Set GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD=client_secret_basic'],
  ['a wrong secret', TOKEN, REFUSAL, {}, REFUSED, 'set GENAUTH_APP_SECRET=<App secret>'],
  ['no secret', TOKEN, REFUSAL, none, METHOD_REFUSED, 'AUTH_METHOD=client_secret_post'],
  ['statusCode 401', TOKEN, { body: { statusCode: 401 } }, {}, REFUSED, ''],
  ['an answer without an error', TOKEN, { status: 299, body: {} }, {}, 'ok client', ''],
  ['HTTP 300', TOKEN, { status: 300, body: {} }, {}, 'client_unclear', 'GenAuth answered HTTP 300.'],
  ['HTTP 500 with an error', TOKEN, fail(500, 'x'), {}, 'client_unclear', 'answered HTTP 500 and error "x".'],
  ['no refresh tokens', TOKEN, fail(400, 'unauthorized_client'), offline, NO_GRANT, ''],
  ['no refresh tokens without their scope', TOKEN, fail(400, 'unauthorized_client'), {}, 'ok client', ''],
  ['introspection', INTROSPECTION, REFUSAL, {}, differs('introspection'), `it at ${INTROSPECTION}.`],
  ['revocation', REVOCATION, REFUSAL, {}, differs('revocation'), 'Choose client_secret_post on'],
  ['a secret that cannot be loaded', TOKEN, {}, { appSecret: fault }, 'client_unclear', 'appSecret'],
])('judges %s', async (_title, path, answer, options, outline, part) => {
  issuer().reply(TOKEN, GRANT);
  issuer().reply(path, answer);
  expectFindings(await checkClient(createContext({ appHost: issuer().url, ...options })), outline, part);
});

test('refreshes, introspects and revokes a token that does not exist, and makes no sign-in', async () => {
  issuer().reply(TOKEN, GRANT);
  await checkClient(createContext({ appHost: issuer().url }));
  const paths = issuer().requests.filter(({ body }) => body.includes('token=passport-genauth-doctor'));
  expect(paths.map(({ path }) => path)).toEqual([TOKEN, INTROSPECTION, REVOCATION]);
  expect(issuer().count()).toBe(3);
});
