import { getEventListeners } from 'node:events';
import { readVersion } from '../../src/core/util/manifest.js';
import { type DoctorOptions, runDoctor } from '../../src/doctor/run-doctor.js';
import { JWKS_PATH, useIssuer } from '../support/issuer.js';
import { useTcpServers } from '../support/tcp-server.js';
import { ALICE, SECRET, ZHANGSAN, environmentOf, expectDecent, listProblems, useEmulators } from './support.js';

const emulate = useEmulators();
const issuer = useIssuer();
const serve = useTcpServers();

test('runs every check in order, and finds no problem at a tenant without mistakes', async () => {
  const emulator = await emulate();
  const env = { ...environmentOf(emulator), GENAUTH_SCOPE: 'openid profile email phone offline_access' };
  const { signal } = new AbortController();
  const report = await runDoctor({ env, signIns: [ALICE, ZHANGSAN], clientIp: '203.0.113.7', signal });
  expectDecent(report.findings);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const facts = { node: process.versions.node, version: await readVersion() };
  expect(report).toMatchObject({ level: 'ok', ...facts, appHost: emulator.url, appId: emulator.appId });
  expect(report.findings.map(({ check, code }) => `${check}: ${code}`)).toEqual([
    'runtime: runtime',
    'environment: environment',
    'configuration: configuration',
    'connection: connection',
    'clock: clock',
    'discovery: discovery',
    'keys: keys',
    'client: client',
    'encryption: encryption_not_used',
    'login: signed_in',
    'directory: signed_in',
    'tokens: id_token',
    'tokens: access_token',
    'scopes: scopes',
    'address: client_ip',
  ]);
});

const REQUESTS = ['connection', 'clock', 'discovery', 'keys', 'client', 'encryption'];
const SIGN_IN = ['login', 'directory', 'tokens', 'scopes', 'address'];
const noAnswer = async (): Promise<object> => ({ appHost: (await serve()).url, timeout: 100 });
const breakKeys = async (): Promise<object> => {
  (await emulate()).fault({ endpoint: 'system', body: {} });
  return { passwordEncryptType: 'rsa' };
};
const breakTokens = async (): Promise<object> => {
  (await emulate()).flawIdToken('expired');
  return {};
};

test.each<[need: string, arrange: () => Promise<object>, code: string, skipped: string[]]>([
  ['configuration', async () => ({ appHost: 'x' }), 'configuration_invalid', [...REQUESTS, ...SIGN_IN]],
  ['connection', noAnswer, 'connection_timeout', [...REQUESTS.slice(1), ...SIGN_IN]],
  ['client', async () => ({ appSecret: 'wrong' }), 'client_refused', SIGN_IN],
  ['encryption', breakKeys, 'password_key_unusable', ['login', 'directory']],
  ['tokens', breakTokens, 'id_token_clock', ['scopes', 'address']],
])('skips the checks that need the check %s if it has an error', async (need, arrange, code, skipped) => {
  const options = { ...(await emulate()).clientOptions, ...(await arrange()) };
  const report = await runDoctor({ options, signIns: [ALICE], env: {} });
  expectDecent(report.findings);
  expect([report.level, listProblems(report.findings)]).toEqual(['error', [`${need}: error ${code}`]]);
  const found = report.findings.filter((finding) => finding.code === 'not_checked');
  const message = `Not checked, because the check "${need}" found an error. Fix that error first.`;
  expect(found).toEqual(skipped.map((check) => ({ check, level: 'skipped', code: 'not_checked', message })));
});

test('makes no sign-in without credentials', async () => {
  const emulator = await emulate();
  const report = await runDoctor({ options: emulator.clientOptions, env: {} });
  const skipped = report.findings.filter(({ level }) => level === 'skipped');
  expect(skipped.map(({ check }) => check)).toEqual(['login', 'directory']);
  expect([emulator.requests('signin'), report.level]).toEqual([0, 'ok']);
});

test('reports a check that another error ended', async () => {
  let calls = 0;
  const appSecret = (): string => {
    if (calls++ > 0) throw new Error(SECRET);
    return SECRET;
  };
  const options = { ...(await emulate()).clientOptions, appSecret };
  const { findings } = await runDoctor({ options, signIns: [ALICE], env: {} });
  expectDecent(findings);
  const [finding] = findings.filter(({ level }) => level === 'error');
  expect([finding?.check, finding?.code]).toEqual(['login', 'check_failed']);
  expect(finding?.message).toContain('appSecret threw');
});

test('reads the options from the environment, which overrides the file', async () => {
  const { url, appId } = await emulate();
  const envFile = { GENAUTH_APP_HOST: url, GENAUTH_APP_ID: 'file', GENAUTH_APP_SECRET: SECRET };
  const report = await runDoctor({ env: { GENAUTH_APP_ID: appId }, envFile });
  expect(report).toMatchObject({ appId, level: 'warning' });
  expect(listProblems(report.findings)).toEqual(['environment: warning environment_overrules_file']);
});

test('does not check the environment if the options come from code', async () => {
  const options = { appHost: 'x' } as DoctorOptions['options'];
  const { findings, ...report } = await runDoctor({ options, env: { GENAUTH_NONSENSE: 'x' } });
  expect(findings.slice(0, 2).map(({ check }) => check)).toEqual(['runtime', 'configuration']);
  expect(report).toMatchObject({ appHost: undefined, appId: undefined });
});

test.each([
  ['not by its version', { nodeVersion: '1.0.0' }, 'runtime'],
  ['by what it can do', { canRequireModules: false }, 'node_unsupported'],
])('judges Node %s', async (_title, runtime, code) => {
  expect((await runDoctor({ env: {} }, runtime)).findings[0]).toMatchObject({ check: 'runtime', code });
});

const STOPPED = new Error('stopped');
test.each([
  ['the first answer', JWKS_PATH],
  ['the last request', '/emulator/v1/sign-ins'],
])('ends at %s when the signal is aborted', async (_title, path) => {
  const stop = new AbortController();
  issuer().replySignIn();
  issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } });
  issuer().reply(path, () => {
    stop.abort(STOPPED);
    return new Promise(() => {});
  });
  const options = { ...issuer().clientOptions, appSecret: SECRET };
  const running = runDoctor({ options, signIns: [ALICE], env: {}, clientIp: '203.0.113.7', signal: stop.signal });
  await expect(running).rejects.toBe(STOPPED);
});
