import { getEventListeners } from 'node:events';
import { readVersion } from '../../src/core/util/manifest.js';
import { type DoctorOptions, runDoctor } from '../../src/doctor/run-doctor.js';
import { JWKS_PATH, useIssuer } from '../support/issuer.js';
import { useTcpServers } from '../support/tcp-server.js';
import { ALICE, SECRET, ZHANGSAN, environmentOf, expectDecent, listProblems, useEmulators } from './support.js';

const emulate = useEmulators();
const issuer = useIssuer();
const serve = useTcpServers();

test('finds no problem at a tenant without mistakes, and requests each document once', async () => {
  const emulator = await emulate();
  const env = { ...environmentOf(emulator), GENAUTH_SCOPE: 'openid profile email phone offline_access' };
  const { signal } = new AbortController();
  const report = await runDoctor({ env, signIns: [ALICE, ZHANGSAN], clientIp: '203.0.113.7', signal });
  expectDecent(report.findings);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const facts = { node: process.versions.node, version: await readVersion() };
  expect(report).toMatchObject({ level: 'ok', ...facts, appHost: emulator.url, appId: emulator.appId });
  expect([emulator.requests('discovery'), emulator.requests('jwks')]).toEqual([1, 2]);
});

test('requests the key set again for a token with an unknown key', async () => {
  const emulator = await emulate({ jwksAddress: 'host' });
  emulator.flawIdToken('unknown_kid');
  await runDoctor({ options: emulator.clientOptions, signIns: [ALICE], env: {} });
  expect(emulator.requests('jwks')).toBe(2);
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
let calls = 0;
const failLater = (): string => {
  if (calls++ > 0) throw new Error(SECRET);
  return SECRET;
};

test.each<[need: string, arrange: () => Promise<object>, code: string, skipped: string[]]>([
  ['configuration', async () => ({ appHost: 'x' }), 'configuration_invalid', [...REQUESTS, ...SIGN_IN]],
  ['connection', noAnswer, 'connection_timeout', [...REQUESTS.slice(1), ...SIGN_IN]],
  ['client', async () => ({ appSecret: 'wrong' }), 'client_refused', SIGN_IN],
  ['encryption', breakKeys, 'password_key_unusable', ['login', 'directory']],
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
  ['not by its version', { nodeVersion: '1.0.0' }, 'runtime'],
  ['by what it can do', { canRequireModules: false }, 'node_unsupported'],
])('judges Node %s', async (_title, runtime, code) => {
  expect((await runDoctor({ env: {} }, runtime)).findings[0]).toMatchObject({ check: 'runtime', code });
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
  const running = runDoctor({ options, signIns: [ALICE], env: {}, clientIp: '203.0.113.7', signal: stop.signal });
  await expect(running).rejects.toBe(STOPPED);
});
