import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDoctor } from '../../src/doctor/run-doctor.js';
import { checkRuntime } from '../../src/doctor/checks/runtime.js';
import { VARIABLES } from '../../src/doctor/environment.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { readManifest } from '../../src/core/util/manifest.js';
import { PROXY_USER } from '../support/canary.js';
import { SECRET, expectDecent, listProblems, useEmulators, environmentOf, visit } from './support.js';
import { makeFolder } from '../cli/support.js';

const emulate = useEmulators();
let folder: string;
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => rm(folder, { recursive: true }));

const RIGHT = { GENAUTH_APP_ID: 'app', GENAUTH_APP_SECRET: SECRET, GENAUTH_APP_HOST: 'https://tenant.example' };

describe('mistakes in the options, by the environment', () => {
  test.each<[Record<string, string>, number, message: string, fix: string]>([
    [{ GENAUTH_APP_ID: '' }, 1, 'appId is missing', 'Set GENAUTH_APP_ID=<App ID>'],
    [{ GENAUTH_APP_SECRET: '' }, 1, 'appSecret is missing', 'Set GENAUTH_APP_SECRET=<App secret>'],
    [{ GENAUTH_APP_HOST: '' }, 1, 'appHost is missing', 'Set GENAUTH_APP_HOST=https://<app>.genauth.ai'],
    [{ GENAUTH_APP_ID: 'GEN_AUTH_APP_ID' }, 1, 'placeholder', 'Set GENAUTH_APP_ID=<App ID>'],
    [{ GENAUTH_APP_SECRET: `${SECRET}\n` }, 1, 'appSecret has white space', 'Set GENAUTH_APP_SECRET=<App secret>'],
    [
      { GENAUTH_APP_HOST: 'tenant.example' },
      1,
      'write a full address',
      'Set GENAUTH_APP_HOST=https://<app>.genauth.ai',
    ],
    [{ GENAUTH_APP_HOST: 'http://tenant.example' }, 1, 'write https', 'Set GENAUTH_APP_HOST=https://<app>.genauth.ai'],
    [
      { GENAUTH_APP_HOST: 'https://tenant.example/oidc' },
      1,
      'write it without the path',
      'Set GENAUTH_APP_HOST=https://<app>.genauth.ai',
    ],
    [
      { GENAUTH_APP_HOST: `https://${PROXY_USER}tenant.example` },
      1,
      'contains a user name',
      'Set GENAUTH_APP_HOST=https://<app>.genauth.ai',
    ],
    [{ GENAUTH_SCOPE: 'profile email' }, 1, "without 'openid'", 'Set GENAUTH_SCOPE=openid profile'],
    [{ GENAUTH_ID_TOKEN_ALG: 'none' }, 1, 'write one of', 'Set GENAUTH_ID_TOKEN_ALG=RS256'],
    [
      { GENAUTH_ID_TOKEN_ALG: 'HS256', GENAUTH_APP_SECRET: 'short' },
      1,
      'HS256 needs 32',
      'Set GENAUTH_APP_SECRET=<App secret>',
    ],
    [
      { GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'basic' },
      1,
      'write one of',
      'Set GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD=client_secret_post',
    ],
    [
      { GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'none' },
      1,
      'remove one of the two options',
      'Set GENAUTH_APP_SECRET=<App secret>',
    ],
    [{ GENAUTH_PASSWORD_ENCRYPT_TYPE: 'RSA' }, 1, 'write one of', 'Set GENAUTH_PASSWORD_ENCRYPT_TYPE=none'],
    [{ GENAUTH_ISSUER: 'tenant' }, 1, 'issuer', 'Set GENAUTH_ISSUER=https://<app>.genauth.ai/oidc'],
    [
      { GENAUTH_PROXY: `socks://${PROXY_USER}proxy` },
      1,
      'not the address of an HTTP proxy',
      'Set GENAUTH_PROXY=http://proxy.example.com:3128',
    ],
    [
      { GENAUTH_APP_ID: '', GENAUTH_SCOPE: 'a', GENAUTH_ID_TOKEN_ALG: 'x' },
      3,
      'appId is missing',
      'Set GENAUTH_SCOPE=openid profile',
    ],
  ])('%j', async (changes, count, message, fix) => {
    const { code, problems, report } = await visit({ ...RIGHT, ...changes });
    expect(code).toBe(2);
    expect(problems).toEqual(Array.from({ length: count }, () => 'configuration: error configuration_invalid'));
    expect(report.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining(message) as string }),
    );
    expect(report.findings).toContainEqual(expect.objectContaining({ fix }));
    // Nothing is asked of anybody with options that are wrong.
    expect([report.appHost, report.level]).toEqual([undefined, 'error']);
    expect(report.findings.filter((finding) => finding.code === 'not_checked')).toHaveLength(11);
  });

  test('by code, the line is a line of code', async () => {
    const options = {
      appId: 'app',
      appSecret: SECRET,
      appHost: 'http://tenant.example',
      clientId: 'x',
    } as GenAuthOptions;
    const report = await runDoctor({ options, env: { GENAUTH_NONSENSE: 'x' } });
    expectDecent(report);
    // The environment is not where these options came from, and not looked at.
    expect(listProblems(report)).toEqual(Array(2).fill('configuration: error configuration_invalid'));
    expect(report.findings).toContainEqual(
      expect.objectContaining({ fix: "Set the option appHost: 'https://<app>.genauth.ai'" }),
    );
    expect(report.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('clientId is not an option') as string }),
    );
  });

  test('an option without a variable: the fix is that of the library', async () => {
    const options = { appId: 'app', appSecret: SECRET, appHost: 'https://tenant.example', jwks: { maxAge: 1 } };
    const report = await runDoctor({ options: { ...options, clientId: 'app' } as GenAuthOptions });
    expectDecent(report);
    const found = report.findings.filter(({ check }) => check === 'configuration');
    expect(found).toMatchObject([
      { message: 'clientId is not an option: write appId.', fix: 'Write appId.' },
      {
        message: expect.stringMatching(/^jwks\.maxAge is 1: write a whole number of milliseconds /) as string,
        fix: expect.stringMatching(/^Write a whole number of milliseconds from 1000 to \d+\.$/) as string,
      },
    ]);
  });

  test('no options at all are a finding too', async () => {
    const report = await runDoctor({ options: 'nothing' as unknown as GenAuthOptions });
    expect(listProblems(report)).toEqual(['configuration: error configuration_invalid']);
    expectDecent(report);
  });

  test('a secret that a function gives, and one that it does not', async () => {
    const { url, appId } = await emulate();
    const good = await runDoctor({ options: { appId, appHost: url, appSecret: () => Promise.resolve(SECRET) } });
    const vault = (): never => {
      throw new Error(SECRET);
    };
    const bad = await runDoctor({ options: { appId, appHost: url, appSecret: vault } });
    expectDecent(good);
    expectDecent(bad);
    expect([listProblems(good), listProblems(bad)]).toEqual([[], ['client: warning client_unclear']]);
  });
});

describe('the environment', () => {
  test.each<[Record<string, string>, Record<string, string>, problems: string[], said: string]>([
    [{ GENAUTH_APPID: SECRET }, {}, ['environment_unknown'], 'Rename it to GENAUTH_APP_ID, or'],
    [{ GEN_AUTH_APP_SECRET: SECRET }, {}, ['environment_unknown'], 'Rename it to GENAUTH_APP_SECRET, or'],
    [{ AUTHING_APP_HOST: SECRET }, {}, ['environment_unknown'], 'Rename it to GENAUTH_APP_HOST, or'],
    [{ GENAUTH_TIMEOUT: SECRET }, {}, ['environment_unknown'], 'one of GENAUTH_APP_ID'],
    [{}, { GENAUTH_APPID: SECRET }, ['environment_unknown'], 'Rename it to GENAUTH_APP_ID, or'],
    [{}, { GENAUTH_APP_SECRET: `another ${SECRET}` }, ['environment_overrules_file'], 'unset GENAUTH_APP_SECRET'],
    [{}, { GENAUTH_APP_SECRET: SECRET }, [], ''],
    [{ TRUST_PROXY: 'true' }, {}, ['trust_proxy_true'], 'TRUST_PROXY=1'],
    [{}, { TRUST_PROXY: 'true' }, ['trust_proxy_true'], 'TRUST_PROXY=1'],
    [{ TRUST_PROXY: '1', HTTPS_PROXY: SECRET, SESSION_SECRET: SECRET }, {}, [], ''],
  ])('%j over a file with %j', async (changes, file, expected, said) => {
    const path = join(folder, '.env');
    // As an editor on Windows writes it.
    const lines = Object.entries(file).map(([name, value]) => `${name}='${value}'\r\n`);
    await writeFile(path, `\uFEFF# settings\r\n${lines.join('')}`);
    const { code, problems, report } = await visit({ ...environmentOf(await emulate()), ...changes }, ['--env', path]);
    expect(problems).toEqual(expected.map((each) => `environment: warning ${each}`));
    expect(code).toBe(expected.length);
    for (const finding of report.findings) if (finding.level === 'warning') expect(finding.fix).toContain(said);
  });

  test('a file alone is enough', async () => {
    const path = join(folder, 'whole.env');
    const lines = Object.entries(environmentOf(await emulate())).map(([name, value]) => `${name}='${value}'`);
    await writeFile(path, lines.join('\n'));
    expect(await visit({}, ['--env', path])).toMatchObject({ code: 0, problems: [] });
  });

  test('every variable is an option, and no two are one', () => {
    expect(new Set(Object.values(VARIABLES)).size).toBe(Object.keys(VARIABLES).length);
  });
});

describe('Node and packages', () => {
  const install = async (name: string, version: string): Promise<void> => {
    await mkdir(join(folder, 'node_modules', name), { recursive: true });
    await writeFile(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ version }));
  };
  const look = async (nodeVersion = '22.12.0', canRequireModules = true): Promise<string[]> =>
    (await checkRuntime({ nodeVersion, canRequireModules, folder })).map(
      ({ level, code, message }) => `${level} ${code}: ${message}`,
    );
  afterEach(() => rm(join(folder, 'node_modules'), { recursive: true, force: true }));

  test.each(['18.20.8', '20.18.3', '21.7.3', '22.11.0'])('Node %s is too old', async (version) => {
    const [found, ...others] = await checkRuntime({ nodeVersion: version, canRequireModules: false, folder });
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      level: 'error',
      code: 'node_unsupported',
      message: `Node ${version} cannot load ES modules by require().`,
      impact: expect.stringContaining(`requires Node ${(await readManifest()).engines.node}.`) as string,
    });
  });

  test.each(['20.19.0', '22.12.0', '24.1.0'])('Node %s will do', async (version) => {
    expect(await look(version)).toEqual([expect.stringContaining(`ok runtime: Node ${version}, passport-genauth `)]);
  });

  test('runDoctor judges Node by what it can do', async () => {
    const options = {} as GenAuthOptions;
    const codes = async (seams: object): Promise<string[]> =>
      (await runDoctor({ options }, seams)).findings.filter(({ check }) => check === 'runtime').map(({ code }) => code);
    // This very process, which runs the tests, is one that `engines` allows.
    expect(await codes({ nodeVersion: '1.0.0' })).toEqual(['runtime']);
    expect(await codes({ canRequireModules: false })).toEqual(['node_unsupported']);
  });

  test.each([
    ['passport', '0.5.3'],
    ['@nestjs/common', '11.1.0'],
  ])('%s %s is listed, whatever its version', async (name, version) => {
    await install(name, version);
    expect(await look()).toEqual([expect.stringMatching(new RegExp(`^ok runtime: .*, ${name} ${version}`))]);
  });

  test('another version of this package in the application', async () => {
    await install('passport-genauth', '9.9.9');
    expect(await look()).toEqual([
      expect.stringContaining('warning package_other_version: The application has passport-genauth 9.9.9'),
    ]);
  });
});
