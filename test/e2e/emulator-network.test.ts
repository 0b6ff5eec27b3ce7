import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, type RunningProcess, startProgram } from '../support/process.js';

const run = promisify(execFile);
const NAMES = { genauth: `genauth-${process.pid}`, app: `app-${process.pid}` };
const ADDRESS = { genauth: '10.213.7.1', app: '10.213.7.2' };

/** Runs `ip` of iproute2. Returns whether it succeeded. */
const ip = (...args: string[]): boolean => spawnSync('ip', args).status === 0;
/** A network namespace has its own addresses and its own loopback, like a container. Root can create one. */
const HAS_NAMESPACES = spawnSync('unshare', ['--net', 'true']).status === 0 && ip('-V');
const SKIPPED = 'SKIPPED test/e2e/emulator-network.test.ts: network namespaces require root and iproute2.\n';
if (!HAS_NAMESPACES) process.stderr.write(SKIPPED);

/** The file of the guide, with the paths of this test. */
const [, compose = ''] =
  /<!-- file: compose\.yaml -->\n\n```yaml\n([^]*?)```/.exec(readFileSync(join(ROOT, 'docs/emulator.md'), 'utf8')) ??
  [];
const readLine = (pattern: RegExp): string => pattern.exec(compose)?.[1] ?? '';

/** A program of an application: signs in, calls user info, and asks the paths of the emulator. */
const PROGRAM = `
  import { GenAuthClient, genAuthOptionsFromEnvironment } from 'passport-genauth';
  const options = genAuthOptionsFromEnvironment();
  const client = new GenAuthClient(options);
  const { kind, tokens } = await client.signIn({ account: 'alice', password: 'passw0rd' });
  const { sub } = await client.userInfo(tokens.accessToken);
  await client.verifyAccessToken(tokens.accessToken);
  await client.close();
  const ask = async (path) => (await fetch(options.appHost + path)).status;
  console.log(kind, sub.length, await ask('/emulator/v1/health'), await ask('/emulator/v1/users'));`;

(HAS_NAMESPACES ? describe : describe.skip)('the compose file of the guide, in two network namespaces', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emulator-network-'));
  let emulator: RunningProcess;
  /** Runs a program in a namespace. */
  const inside = (name: keyof typeof NAMES, ...command: string[]) => ['netns', 'exec', NAMES[name], ...command];

  beforeAll(async () => {
    for (const name of Object.values(NAMES)) ip('netns', 'add', name);
    const [here, there] = [`gen${process.pid % 100_000}`, `app${process.pid % 100_000}`];
    ip('link', 'add', here, 'netns', NAMES.genauth, 'type', 'veth', 'peer', there, 'netns', NAMES.app);
    for (const [name, link] of [
      ['genauth', here],
      ['app', there],
    ] as const) {
      ip('-n', NAMES[name], 'address', 'add', `${ADDRESS[name]}/24`, 'dev', link);
      for (const each of [link, 'lo']) ip('-n', NAMES[name], 'link', 'set', each, 'up');
      // `ip netns exec` mounts the files of this folder over those in /etc.
      mkdirSync(`/etc/netns/${NAMES[name]}`, { recursive: true });
      writeFileSync(`/etc/netns/${NAMES[name]}/hosts`, `127.0.0.1 localhost\n${ADDRESS.genauth} genauth\n`);
    }
    const flags = readLine(/npx passport-genauth (emulator [^]*?)\n +healthcheck/).replaceAll(
      '/genauth/',
      `${folder}/`,
    );
    const args = [join(ROOT, 'dist/cli/main.js'), ...flags.trim().split(/\s+/)];
    emulator = startProgram('ip', inside('genauth', process.execPath, ...args));
    await emulator.line(/^For development and tests only/);
  }, 30_000);
  afterAll(async () => {
    await emulator?.stop();
    for (const name of Object.values(NAMES)) {
      ip('netns', 'del', name);
      rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
    }
    rmSync(folder, { recursive: true });
  });

  it('has an emulator that is healthy by its own check', async () => {
    const [program = '', ...args] = readLine(/test: (.*)/)
      .replaceAll('/genauth/', `${folder}/`)
      .split(' ');
    const { stdout } = await run('ip', inside('genauth', program, ...args));
    expect(JSON.parse(stdout)).toEqual({ status: 'ok', issuer: 'https://localhost:3999/oidc' });
    expect(emulator.output()).toContain('GenAuth emulator listening on https://genauth:3999\n');
  });

  it('lets an application of the other namespace sign in with the normal client, but not control it', async () => {
    const variables = Object.fromEntries(
      [...readLine(/environment:\n((?: {6}\w.*\n)+)/).matchAll(/(\w+): (.*)/g)].map(([, name, value = '']) => [
        name,
        value.replace('/genauth/', `${folder}/`),
      ]),
    );
    const env = { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), ...variables };
    const command = [process.execPath, '--input-type=module', '-e', PROGRAM];
    const { stdout } = await run('ip', inside('app', ...command), { env, cwd: ROOT, timeout: 20_000 });
    expect(stdout).toBe('success 24 200 403\n');
  });
});
