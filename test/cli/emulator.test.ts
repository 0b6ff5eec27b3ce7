import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { run } from '../../src/cli/run.js';
import { makeFolder, runCommand } from './support.js';

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
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^GenAuth emulator listening on http:\/\/127\.0\.0\.1:\d+$/),
    '  App ID       genauth-emulator-app',
    `  App secret   ${SECRET}`,
    '  Users        alice, bob',
    '  AD accounts  zhangsan',
    'For development and tests only. Press Ctrl+C to stop.',
  ]);
  const { port } = new URL(url);
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
  expect(stdout).toMatch(/ my-app\n.*\(set by you, not shown\)\n[^]*\nWarning: other machines may reach the emulator,/);
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
  ['11 users', { users: [email, phone, ...names(9)], adAccounts }, 0, /carol@ex.*, \+86138.* and 1 more\n.* lisi\n/],
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

test.each<[args: string[], message: string]>([
  [['--users', '/nowhere/users.json'], '--users: cannot read /nowhere/users.json (ENOENT).'],
  [['--lock-after', '-1'], "Option '--lock-after' argument is ambiguous"],
  [['--port='], '--port: expected a number from 0 to 65535, got "".'],
  [['--port', '65536'], 'port: expected a whole number from 0 to 65535, got 65536.'],
  [['--token-lifetime', '1h'], '--token-lifetime: expected a number of seconds, got "1h".'],
  [['--captcha-after=-1'], '--captcha-after: expected a number of failures, got "-1".'],
])('%j ends the command with 2', async (args, message) => {
  const { code, stdout, stderr } = await runCommand(['emulator', ...args]);
  expect(stderr).toContain(message);
  expect([code, stdout]).toEqual([2, '']);
});
