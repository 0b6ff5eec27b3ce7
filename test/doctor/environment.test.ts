import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDoctor } from '../../src/doctor/run-doctor.js';
import { checkRuntime, satisfies } from '../../src/doctor/checks/runtime.js';
import { VARIABLES } from '../../src/doctor/environment.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
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
  test.each<[Record<string, string>, number, seen: string, mend: string]>([
    [{ GENAUTH_APP_ID: '' }, 1, 'appId is missing', 'GENAUTH_APP_ID=<App ID>'],
    [{ GENAUTH_APP_SECRET: '' }, 1, 'appSecret is missing', 'GENAUTH_APP_SECRET=<App secret>'],
    [{ GENAUTH_APP_HOST: '' }, 1, 'appHost is missing', 'GENAUTH_APP_HOST=https://<app>.genauth.ai'],
    [{ GENAUTH_APP_ID: 'GEN_AUTH_APP_ID' }, 1, 'placeholder', 'GENAUTH_APP_ID=<App ID>'],
    [{ GENAUTH_APP_SECRET: `${SECRET}\n` }, 1, 'appSecret is set with white space', 'GENAUTH_APP_SECRET=<App secret>'],
    [{ GENAUTH_APP_HOST: 'tenant.example' }, 1, 'write a full address', 'GENAUTH_APP_HOST=https://<app>.genauth.ai'],
    [{ GENAUTH_APP_HOST: 'http://tenant.example' }, 1, 'write https', 'GENAUTH_APP_HOST=https://<app>.genauth.ai'],
    [
      { GENAUTH_APP_HOST: 'https://tenant.example/oidc' },
      1,
      'take the path off',
      'GENAUTH_APP_HOST=https://<app>.genauth.ai',
    ],
    [
      { GENAUTH_APP_HOST: `https://${PROXY_USER}tenant.example` },
      1,
      'holds a user',
      'GENAUTH_APP_HOST=https://<app>.genauth.ai',
    ],
    [{ GENAUTH_SCOPE: 'profile email' }, 1, "without 'openid'", 'GENAUTH_SCOPE=openid profile'],
    [{ GENAUTH_ID_TOKEN_ALG: 'none' }, 1, 'write one of', 'GENAUTH_ID_TOKEN_ALG=RS256'],
    [
      { GENAUTH_ID_TOKEN_ALG: 'HS256', GENAUTH_APP_SECRET: 'short' },
      1,
      'HS256 needs 32',
      'GENAUTH_APP_SECRET=<App secret>',
    ],
    [
      { GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'basic' },
      1,
      'write one of',
      'GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD=client_secret_post',
    ],
    [{ GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'none' }, 1, 'leave one of the two out', 'GENAUTH_APP_SECRET=<App secret>'],
    [{ GENAUTH_PASSWORD_ENCRYPT_TYPE: 'RSA' }, 1, 'write one of', 'GENAUTH_PASSWORD_ENCRYPT_TYPE=none'],
    [{ GENAUTH_ISSUER: 'tenant' }, 1, 'issuer', 'GENAUTH_ISSUER=https://<app>.genauth.ai/oidc'],
    [
      { GENAUTH_PROXY: `socks://${PROXY_USER}proxy` },
      1,
      'not the address of an HTTP proxy',
      'GENAUTH_PROXY=http://proxy.example.com:3128',
    ],
    [
      { GENAUTH_APP_ID: '', GENAUTH_SCOPE: 'a', GENAUTH_ID_TOKEN_ALG: 'x' },
      3,
      'appId is missing',
      'GENAUTH_SCOPE=openid profile',
    ],
  ])('%j', async (changes, count, seen, mend) => {
    const { code, problems, report } = await visit({ ...RIGHT, ...changes });
    expect(code).toBe(2);
    expect(problems).toEqual(Array.from({ length: count }, () => 'configuration: error configuration_invalid'));
    expect(report.findings).toContainEqual(expect.objectContaining({ seen: expect.stringContaining(seen) as string }));
    expect(report.findings).toContainEqual(expect.objectContaining({ mend }));
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
    expect(report.findings).toContainEqual(expect.objectContaining({ mend: "appHost: 'https://<app>.genauth.ai'" }));
    expect(report.findings).toContainEqual(
      expect.objectContaining({ seen: expect.stringContaining('clientId is not an option') as string }),
    );
  });

  test('no options at all are a finding too', async () => {
    const report = await runDoctor({ options: 'nothing' as unknown as GenAuthOptions });
    expect(listProblems(report)).toEqual(['configuration: error configuration_invalid']);
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
    [{ GENAUTH_APPID: SECRET }, {}, ['environment_unknown'], 'Write GENAUTH_APP_ID, or'],
    [{ GEN_AUTH_APP_SECRET: SECRET }, {}, ['environment_unknown'], 'Write GENAUTH_APP_SECRET, or'],
    [{ AUTHING_APP_HOST: SECRET }, {}, ['environment_unknown'], 'Write GENAUTH_APP_HOST, or'],
    [{ GENAUTH_TIMEOUT: SECRET }, {}, ['environment_unknown'], 'one of GENAUTH_APP_ID'],
    [{}, { GENAUTH_APPID: SECRET }, ['environment_unknown'], 'Write GENAUTH_APP_ID, or'],
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
    for (const finding of report.findings) if (finding.level === 'warning') expect(finding.mend).toContain(said);
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
  const look = async (nodeVersion = '22.12.0'): Promise<string[]> =>
    (await checkRuntime({ nodeVersion, folder })).map(({ level, code, seen }) => `${level} ${code}: ${seen}`);

  test.each(['18.20.8', '20.18.3', '21.7.3', '22.11.0'])('Node %s is too old', async (version) => {
    expect(await look(version)).toEqual([`error node_unsupported: Node is ${version}.`]);
  });

  test.each(['20.19.0', '22.12.0', '24.1.0'])('Node %s will do', async (version) => {
    expect(await look(version)).toEqual([expect.stringContaining(`ok runtime: Node ${version}, passport-genauth `)]);
  });

  test.each<[string, string, boolean]>([
    ['passport', '0.5.3', false],
    ['passport', '0.6.0', true],
    ['passport', '0.8.0', false],
    ['@nestjs/common', '10.4.1', false],
    ['@nestjs/common', '11.1.0', true],
  ])('%s %s', async (name, version, isRight) => {
    await install(name, version);
    const [found = ''] = await look();
    expect(found.startsWith(isRight ? 'ok runtime' : `warning package_unsupported: ${name} is ${version}.`)).toBe(true);
    expect(found).toContain(version);
    await rm(join(folder, 'node_modules'), { recursive: true });
  });

  test('another version of this package in the application', async () => {
    await install('passport-genauth', '9.9.9');
    expect(await look()).toEqual([
      expect.stringContaining('warning package_other_version: The application has passport-genauth 9.9.9'),
    ]);
    await rm(join(folder, 'node_modules'), { recursive: true });
  });

  test.each<[string, string, boolean]>([
    ['0.6.9', '^0.6.0 || ^0.7.0', true],
    ['0.7.1', '^0.6.0 || ^0.7.0', true],
    ['1.6.0', '^0.6.0', false],
    ['20.19.0', '^20.19.0 || >=22.12.0', true],
    ['100.0.0', '^20.19.0 || >=22.12.0', true],
    ['21.20.0', '^20.19.0 || >=22.12.0', false],
    ['12.0.0-alpha.1', '^11.0.0 || ^12.0.0', true],
  ])('%s of %s: %p', (version, range, expected) => {
    expect(satisfies(version, range)).toBe(expected);
  });

  test('the ranges of the manifest are of the two forms that are read', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      engines: { node: string };
      peerDependencies: Record<string, string>;
    };
    for (const range of [manifest.engines.node, ...Object.values(manifest.peerDependencies)]) {
      expect(range).toMatch(/^(?:\^|>=)\d+\.\d+\.\d+(?: \|\| (?:\^|>=)\d+\.\d+\.\d+)*$/);
    }
  });
});
