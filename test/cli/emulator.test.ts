import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { run } from '../../src/cli/run.js';
import { GenAuthClient } from '../../src/core/client.js';
import { requireAuth } from '../../src/express/require-auth.js';
import { buildPageAddress } from '../../src/emulator/options.js';
import { ROOT, startNode } from '../support/process.js';
import { useWebServer } from '../support/web-server.js';
import { makeFolder, runCommand } from './support.js';

const serve = useWebServer();
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Runs the emulator until the end of the test. */
async function start(args: readonly string[], env: Record<string, string> = {}) {
  const stop = new AbortController();
  const out: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const stdout = (text: string): void => void (out.push(text) === 2 && resolve());
    const ended = run(['emulator', '--port', '0', ...args], { stdout, stderr: reject, env, stop: stop.signal });
    stops.push(async () => {
      stop.abort();
      expect(await ended).toBe(0);
    });
  });
  return { url: out[0]?.replace('GenAuth emulator listening on ', '') ?? '', stdout: out.join('\n') };
}

const SCOPE = ['openid', 'profile', 'offline_access'] as const;
const SECRET = 'genauth-emulator-secret-0123456789abcdef';
type Answer = { apiCode?: number; data?: { id_token: string; refresh_token: string } };
async function signIn(url: string, client: object, password = 'passw0rd'): Promise<Answer> {
  const passwordPayload = { account: 'alice', password };
  const response = await fetch(`${url}/api/v3/signin`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ connection: 'PASSWORD', passwordPayload, ...client }),
  });
  return (await response.json()) as Answer;
}

test('has an application and users without options, and ends with 1 if its port is in use', async () => {
  const { url, stdout } = await start([]);
  const { port } = new URL(url);
  expect(stdout.split('\n')).toEqual([
    `GenAuth emulator listening on http://127.0.0.1:${port}`,
    `  Issuer       http://127.0.0.1:${port}/oidc`,
    `  Page         http://127.0.0.1:${port}/emulator`,
    '  Users        alice / passw0rd (role admin), bob / passw0rd',
    '  AD accounts  zhangsan / AdPassw0rd',
    '',
    'Lines for the file .env of an application:',
    'GENAUTH_APP_ID=genauth-emulator-app',
    `GENAUTH_APP_SECRET=${SECRET}`,
    `GENAUTH_APP_HOST=http://127.0.0.1:${port}`,
    '',
    'For development and tests only. Press Ctrl+C to stop.',
  ]);
  const used = await runCommand(['emulator'], { EMULATOR_PORT: port });
  const message = new RegExp(`^passport-genauth emulator: Port ${port} on 127.0.0.1 is in use: [^.]*\\.$`);
  expect(used).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(message) });
  const invalid = await runCommand(['emulator'], { EMULATOR_PORT: 'x' });
  expect(invalid).toMatchObject({ code: 2, stderr: expect.stringContaining('EMULATOR_PORT: expected a number from') });
});

test('applies the options', async () => {
  const identity = '--app-id my-app --app-secret canary-secret --auth-method client_secret_post --id-token-alg HS256';
  const times = '--token-lifetime 60 --refresh-token-lifetime 90 --clock-drift=-3600';
  const wire = '--lifetime-field expire_in --system-wrapped --jwks-address app';
  const addresses = '--logout-uri https://x.example/1 --logout-uri https://x.example/2 --host 127.0.0.2 --allow-remote';
  const env = { GENAUTH_APP_ID: 'x', GENAUTH_APP_SECRET: 'x', GENAUTH_ID_TOKEN_ALG: 'RS256' };
  const { url, stdout } = await start(`${identity} ${times} ${wire} ${addresses}`.split(' '), env);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
  expect(stdout).toMatch(
    /=my-app\n# GENAUTH_APP_SECRET= the secret that you have set\n[^]*\nGENAUTH_ID_TOKEN_ALG=HS256\n/,
  );
  expect(stdout).toMatch(/\nWarning: other machines may reach the emulator,/);
  expect(stdout).not.toContain('canary-secret');
  const client = { client_id: 'my-app', client_secret: 'canary-secret' };
  const { data } = await signIn(url, { ...client, options: { scope: 'openid offline_access' } });
  expect(data).toHaveProperty('expire_in', 60);
  expect(data).not.toHaveProperty('expires_in');
  const { iat = 0, exp } = decodeJwt(data?.id_token ?? '');
  expect(decodeProtectedHeader(data?.id_token ?? '').alg).toBe('HS256');
  expect([exp, Math.round((iat - Date.now() / 1000) / 60)]).toEqual([iat + 60, -60]);
  const body = new URLSearchParams({ token: data?.refresh_token ?? '', ...client });
  const introspection = await fetch(`${url}/oidc/token/introspection`, { method: 'POST', body });
  expect(await introspection.json()).toMatchObject({ active: true, exp: iat + 90 });
  expect(await (await fetch(`${url}/api/v3/system`)).json()).toMatchObject({ statusCode: 200, data: { rsa: {} } });
  expect((await fetch(`${url}/oidc/.well-known/jwks.json`)).status).toBe(404);
  const logout = { id_token_hint: data?.id_token ?? '', post_logout_redirect_uri: 'https://x.example/2' };
  const query = new URLSearchParams(logout).toString();
  expect((await fetch(`${url}/oidc/session/end?${query}`, { redirect: 'manual' })).status).toBe(302);
});

test('protects logins with a client of the environment', async () => {
  const client = { GENAUTH_APP_ID: 'env-app', GENAUTH_APP_SECRET: 's', GENAUTH_ID_TOKEN_ALG: 'HS256' };
  const env = { ...client, GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'none' };
  const { url } = await start(['--captcha-after', '1', '--lock-after', '2', '--mfa'], env);
  const ask = async (password?: string) => (await signIn(url, { client_id: 'env-app' }, password)).apiCode;
  expect([await ask(), await ask('wrong'), await ask()]).toEqual([1636, 2333, 2000]);
});

const names = (count: number) => Array.from({ length: count }, (_, i) => ({ username: `user${i}`, password: 'p' }));
const email = { email: 'carol@example.com', password: 'p' };
const phone = { phone_number: '+8613800000009', password: 'p' };
const adAccounts = [{ sAMAccountName: 'lisi', password: 'l' }];
const NO_PASSWORD = /: users\[0\]\.password: expected a string that is not empty/;
test.each<[title: string, content: unknown, code: number, printed: RegExp]>([
  [
    '11 users',
    { users: [email, phone, ...names(9)], adAccounts },
    0,
    /carol@ex.*, \+86138.* and 1 more\n.* lisi\n {2}Passwords {4}in .*users\.json\n/,
  ],
  ['no users', { users: [], adAccounts: [] }, 0, / {2}Users {8}none\n {2}AD accounts {2}none\n/],
  ['a mistake', [{ username: 'a' }], 2, NO_PASSWORD],
])('reads a users file with %s, and stops at once if it was stopped before', async (_title, content, code, printed) => {
  const folder = await makeFolder();
  const path = join(folder, 'users.json');
  await writeFile(path, JSON.stringify(content));
  const args = ['emulator', '--port', '0', '--users', path];
  const result = await runCommand(args, {}, { stop: AbortSignal.abort() });
  await rm(folder, { recursive: true });
  expect(result.code).toBe(code);
  expect(result.stdout + result.stderr).toMatch(printed);
});

/** A program of an application: signs in with the variables of its environment, and writes what it has. */
const PROGRAM = `
  import { GenAuthClient, genAuthOptionsFromEnvironment } from 'passport-genauth';
  const client = new GenAuthClient(genAuthOptionsFromEnvironment());
  const { kind } = await client.signIn({ account: 'alice', password: 'passw0rd' });
  await client.close();
  console.log(kind, JSON.stringify(process.env.GENAUTH_EMULATOR));
  process.exitCode = 7;`;

describe('with a command after --', () => {
  const main = join(ROOT, 'dist/cli/main.js');
  const emulate = (args: readonly string[], env: Record<string, string> = {}) =>
    startNode([main, 'emulator', '--port', '0', ...args], env);

  test.each<[title: string, flags: string[]]>([
    ['plain HTTP', []],
    [
      'HTTPS and HS256',
      ['--tls', '--hostname', 'localhost', '--id-token-alg', 'HS256', '--app-secret', 's'.repeat(32)],
    ],
  ])('the command finds the emulator in its variables, with %s, and its exit code is kept', async (_title, flags) => {
    const folder = await makeFolder();
    const tls = flags.includes('--tls') ? ['--ca-file', join(folder, 'ca.pem')] : [];
    // These variables would lead the application to a tenant.
    const tenant = {
      GENAUTH_ISSUER: 'https://x.example',
      GENAUTH_JWKS_URI: 'https://x.example',
      GENAUTH_EMULATOR: '1',
    };
    const child = emulate([...flags, ...tls, '--', process.execPath, '--input-type=module', '-e', PROGRAM], tenant);
    await child.line(/^(success) ""$/);
    expect(await child.ended).toBe(7);
    const url = await child.line(/^GenAuth emulator listening on (\S+)$/);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    await rm(folder, { recursive: true });
  });

  const WAIT = `process.on('SIGTERM', () => { console.log('stopping'); process.exit(0); });
    setInterval(() => {}, 1000); console.log('ready');`;
  test.each(
    ['client_secret_post', 'client_secret_basic', 'none'].flatMap((method) =>
      ['RS256', 'HS256'].map((alg) => [method, alg] as const),
    ),
  )('the variables fit the client authentication %s with %s', async (method, alg) => {
    const flags = ['--auth-method', method, '--id-token-alg', alg, '--app-secret', 's'.repeat(32)];
    const child = emulate([...flags, '--', process.execPath, '--input-type=module', '-e', PROGRAM]);
    await child.line(/^(success) ""$/);
    expect(await child.ended).toBe(7);
  });

  test('the command gets every signal, and the emulator ends after it', async () => {
    const patient = `let count = 0;
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
        process.on(signal, () => { console.log('got ' + signal); if (++count === 4) process.exit(3); });
      }
      setInterval(() => {}, 1000); console.log('ready');`;
    const child = emulate(['--', process.execPath, '-e', patient]);
    await child.line(/^(ready)$/);
    for (const [i, signal] of (['SIGINT', 'SIGHUP', 'SIGTERM', 'SIGTERM'] as const).entries()) {
      child.kill(signal);
      await child.line(new RegExp(`^got (${signal})$`), i === 3 ? 2 : 1);
    }
    expect(await child.ended).toBe(3);
  });

  test('a signal during the start prevents the command', async () => {
    const out: string[] = [];
    const write = (text: string): void => void out.push(text);
    const io = { stdout: write, stderr: write, env: process.env, stop: AbortSignal.abort('SIGTERM') };
    const command = [process.execPath, '-e', `require('node:fs').writeFileSync('/nowhere/x', '')`];
    expect(await run(['emulator', '--port', '0', '--', ...command], io)).toBe(143);
  });

  test('standard output is for the command', async () => {
    const child = spawnSync(process.execPath, [main, 'emulator', '--port', '0', '--', 'echo', 'only this'], {
      encoding: 'utf8',
    });
    expect([child.status, child.stdout]).toEqual([0, 'only this\n']);
    expect(child.stderr).toMatch(/^GenAuth emulator listening on .*\n[^]*\nStarting: echo only this\n/);
  });

  test('the command ends with the emulator, and may stop in its own way', async () => {
    const child = emulate(['--', process.execPath, '-e', WAIT]);
    await child.line(/^(ready)$/);
    await child.stop();
    expect(child.output()).toMatch(/\nstopping$/);
    expect(await child.ended).toBe(0);
  });

  test('a command that a signal ends has the exit code of a shell, and a missing one is a wrong usage', async () => {
    const killed = emulate(['--', process.execPath, '-e', "process.kill(process.pid, 'SIGKILL')"]);
    expect(await killed.ended).toBe(137);
    const missing = emulate(['--', 'no-such-program']);
    expect(await missing.ended).toBe(2);
    expect(missing.output()).toContain('passport-genauth emulator: cannot start "no-such-program" (ENOENT).');
  });
});

test('an emulator that is killed and started again with --state knows the old tokens and refreshes them', async () => {
  const folder = await makeFolder();
  const args = ['emulator', '--state', join(folder, 'state.json'), '--port'];
  const start = (port: string) => startNode([join(ROOT, 'dist/cli/main.js'), ...args, port]);
  const first = start('0');
  const appHost = await first.line(/^GenAuth emulator listening on (\S+)$/);
  const client = new GenAuthClient({ appId: 'genauth-emulator-app', appSecret: SECRET, appHost, scope: SCOPE });
  const app = express().get('/me', requireAuth(client, { introspect: true }), (_req, res) => void res.json({}));
  const url = `${await serve(app)}/me`;
  const getStatus = async (token: string) =>
    (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
  const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
  await first.stop('SIGKILL');
  const second = start(new URL(appHost).port);
  await second.line(/^ {2}State {8}kept in (.*state\.json)$/);
  const { tokens } = outcome as Extract<typeof outcome, { kind: 'success' }>;
  expect(await getStatus(tokens.accessToken)).toBe(200);
  await expect(client.userInfo(tokens.accessToken)).resolves.toMatchObject({ sub: expect.any(String) });
  const refreshed = await client.refresh(tokens.refreshToken ?? '');
  expect(await getStatus(refreshed.tokens.accessToken)).toBe(200);
  // A client with other keys in memory fetches the key set, which still has the old key.
  const other = new GenAuthClient({ appId: 'genauth-emulator-app', appSecret: SECRET, appHost, scope: SCOPE });
  for (const token of [tokens.accessToken, refreshed.tokens.accessToken]) await other.verifyAccessToken(token);
  await Promise.all([client.close(), other.close(), second.stop()]);
  await rm(folder, { recursive: true });
});

test('names what is missing for other machines, and no page if the emulator is not on loopback', async () => {
  const { stdout } = await start(['--tls', '--hostname', 'my_service', '--ca-file', join(tmpdir(), 'emulator-ca.pem')]);
  expect(stdout).toContain('Warning: other machines cannot reach this address. Add --host 0.0.0.0 --allow-remote.');
  expect(stdout).toMatch(/\nGENAUTH_APP_HOST=https:\/\/my_service:\d+\nGENAUTH_CA=.*emulator-ca\.pem\n/);
  expect(stdout).toMatch(/\n {2}Page {9}https:\/\/127\.0\.0\.1:\d+\/emulator\n/);
  const plain = await start(['--hostname', 'my_service']);
  expect(plain.stdout).toContain('Warning: passport-genauth connects to other machines with HTTPS only. Add --tls.');
  expect(buildPageAddress({ host: '192.0.2.1', hostname: undefined, tls: false }, 1)).toBeUndefined();
});

test.each<[args: string[], message: string]>([
  [['--state', '/dev/null/x'], '--state: /dev/null/x cannot be '],
  [['--users', '/nowhere/users.json'], '--users: cannot read /nowhere/users.json (ENOENT).'],
  [['--lock-after', '-1'], "Option '--lock-after' argument is ambiguous"],
  [['--port='], '--port: expected a number from 0 to 65535, got "".'],
  [['--port', '65536'], 'port: expected a whole number from 0 to 65535, got 65536.'],
  [['--token-lifetime', '1h'], '--token-lifetime: expected a number of seconds, got "1h".'],
  [['--'], 'expected a command after --, for example: -- npm run dev.'],
  [['--ca-file', 'ca.pem'], '--ca-file requires --tls.'],
  [['--tls', '--ca-file', '/nowhere/ca.pem', '--port', '0'], '--ca-file: cannot write /nowhere/ca.pem (ENOENT).'],
  [['--hostname', 'http://x'], 'hostname: expected a host name or an IP address, without scheme and port, got'],
  [['--captcha-after=-1'], '--captcha-after: expected a number of failures, got "-1".'],
])('%j ends the command with 2', async (args, message) => {
  const { code, stdout, stderr } = await runCommand(['emulator', ...args]);
  expect(stderr).toContain(message);
  expect([code, stdout]).toEqual([2, '']);
});
