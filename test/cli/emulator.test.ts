import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeProtectedHeader } from 'jose';
import { run } from '../../src/cli/run.js';
import { makeFolder } from './support.js';

let folder: string;

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => rm(folder, { recursive: true }));

/** A command that ends by itself. */
async function runToEnd(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = { stdout: (text: string) => out.push(text), stderr: (text: string) => err.push(text) };
  const code = await run(args, { ...io, env: {}, stop: AbortSignal.abort() });
  return { code, stdout: out.join('\n'), stderr: err.join('\n') };
}

/** Runs the emulator, does something with it, and stops it. */
async function withEmulator<T>(
  args: string[],
  use: (url: string, stdout: () => string) => Promise<T>,
  env: Record<string, string> = {},
): Promise<T> {
  const stop = new AbortController();
  const out: string[] = [];
  let ready: (url: string) => void;
  const listening = new Promise<string>((resolve) => (ready = resolve));
  const ended = run(['emulator', '--port', '0', ...args], {
    stdout: (text) => {
      out.push(text);
      if (out.length === 2) ready(out[0]?.replace('GenAuth emulator listening on ', '') ?? '');
    },
    stderr: (text) => out.push(`stderr: ${text}`),
    env,
    stop: stop.signal,
  });
  const url = await Promise.race([listening, ended.then((code) => Promise.reject(new Error(`${code} ${out.join()}`)))]);
  try {
    return await use(url, () => out.join('\n'));
  } finally {
    stop.abort();
    expect(await ended).toBe(0);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  }
}

async function signIn(url: string, body: object, headers: Record<string, string> = {}): Promise<number> {
  return (await post(url, body, headers)).statusCode;
}

async function post(url: string, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/api/v3/signin`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      connection: 'PASSWORD',
      client_id: 'genauth-emulator-app',
      client_secret: 'genauth-emulator-secret-0123456789abcdef',
      ...body,
    }),
  });
  return (await response.json()) as { statusCode: number; data?: { id_token: string } };
}

async function usersFile(content: unknown): Promise<string> {
  const path = join(folder, 'users.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const alice = { passwordPayload: { account: 'alice', password: 'passw0rd' } };

test('without options: the default app and the default users', async () => {
  await withEmulator([], async (url, stdout) => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(stdout().split('\n')[0]).toBe(`GenAuth emulator listening on ${url}`);
    expect(stdout()).toMatch(/genauth-emulator-app\n.*\n.* alice, bob\n.* zhangsan\n/);
    expect(await signIn(url, alice)).toBe(200);
    expect(stdout()).not.toMatch(/passw0rd|AdPassw0rd/i);
  });
});

test('the environment counts where a flag is left out', async () => {
  const env = {
    GENAUTH_APP_ID: 'env-app',
    GENAUTH_APP_SECRET: 'env-secret',
    EMULATOR_PORT: 'ignored: --port is given',
  };
  await withEmulator(
    ['--app-id', 'flag-app'],
    async (url, stdout) => {
      expect(stdout()).toContain('flag-app');
      expect(await signIn(url, { ...alice, client_id: 'flag-app', client_secret: 'env-secret' })).toBe(200);
    },
    env,
  );
});

test('--app-id, --app-secret and --auth-method; the secret is not printed', async () => {
  const args = ['--app-id', 'my-app', '--app-secret', 'canary-secret', '--auth-method', 'client_secret_basic'];
  await withEmulator(args, async (url, stdout) => {
    expect(stdout()).toContain('my-app');
    expect(stdout()).not.toContain('canary-secret');
    const authorization = `Basic ${Buffer.from('my-app:canary-secret').toString('base64')}`;
    const body = { ...alice, client_id: undefined, client_secret: undefined };
    expect(await signIn(url, body, { authorization })).toBe(200);
    expect(await signIn(url, { ...alice, client_id: 'my-app', client_secret: 'canary-secret' })).toBe(401);
  });
});

test.each<[string, string[], Record<string, string>]>([
  ['RS256', [], {}],
  ['HS256', ['--id-token-alg', 'HS256'], {}],
  ['HS256', [], { GENAUTH_ID_TOKEN_ALG: 'HS256' }],
  ['RS256', ['--id-token-alg', 'RS256'], { GENAUTH_ID_TOKEN_ALG: 'HS256' }],
])('id_tokens are signed %s by %j and %j', async (alg, args, env) => {
  await withEmulator(
    args,
    async (url) => {
      const { data } = await post(url, alice);
      expect(decodeProtectedHeader(data?.id_token ?? '')).toMatchObject({ alg });
    },
    env,
  );
});

test.each<[string, unknown, [alice: number, carol: number, zhangsan: number, lisi: number], string]>([
  ['a list of users', [{ username: 'carol', password: 'c' }], [403, 200, 200, 403], 'carol\n'],
  ['users', { users: [{ email: 'carol@x', password: 'c', username: 'carol' }] }, [403, 200, 200, 403], 'carol\n'],
  ['AD accounts', { adAccounts: [{ sAMAccountName: 'lisi', password: 'l' }] }, [200, 403, 403, 200], 'lisi\n'],
  ['nobody', { users: [], adAccounts: [] }, [403, 403, 403, 403], 'none\n'],
  ['a byte order mark', '\uFEFF[{"username":"carol","password":"c"}]', [403, 200, 200, 403], 'carol\n'],
])('--users with %s', async (_name, content, expected, shown) => {
  await withEmulator(['--users', await usersFile(content)], async (url, stdout) => {
    const ad = (sAMAccountName: string, password: string) => ({
      connection: 'AD',
      adPayload: { sAMAccountName, password },
    });
    const codes = [
      await signIn(url, alice),
      await signIn(url, { passwordPayload: { account: 'carol', password: 'c' } }),
      await signIn(url, ad('zhangsan', 'AdPassw0rd')),
      await signIn(url, ad('lisi', 'l')),
    ];
    expect(codes).toEqual(expected);
    expect(stdout()).toContain(shown);
  });
});

test('a long list of users is cut', async () => {
  const users = Array.from({ length: 12 }, (_, i) => ({ username: `user${i}`, password: 'p' }));
  await withEmulator(['--users', await usersFile(users)], async (_url, stdout) => {
    expect(stdout()).toContain('user8, user9 and 2 more\n');
  });
});

describe('a users file with a mistake is exit code 2 and a sentence with its place', () => {
  test.each<[string, unknown, string]>([
    [
      'in a list',
      [
        { username: 'a', password: 'x' },
        { username: 'b', email: 'b', password: 'x' },
      ],
      'users[1].email: expected',
    ],
    [
      'in users',
      { users: [{ username: 'a' }] },
      'users[0].password: expected a string that is not empty, got undefined.',
    ],
    ['in adAccounts', { adAccounts: [{ password: 'x' }] }, 'adAccounts[0].sAMAccountName: expected'],
    ['users no list', { users: { alice: {} } }, 'users: expected a list, got an object.'],
    ['another member', { user: [] }, 'or a list of users; "user" is neither.'],
    ['no outline', '"alice"', 'users.json must hold { "users": [...], "adAccounts": [...] } or a list of users.'],
    ['null', 'null', 'users.json must hold'],
    ['no JSON', '[{"password":"canary",}]', 'users.json is not JSON: see position 22.'],
    ['half JSON', '[{"password":"canary"', 'users.json is not JSON: see '],
    ['empty', '', 'users.json is not JSON: see its end.'],
    ['a duplicate', [alice, alice].map(() => ({ username: 'a', password: 'x' })), 'users[1].username: "a" is another'],
  ])('%s', async (_name, content, message) => {
    const { code, stdout, stderr } = await runToEnd('emulator', '--port', '0', '--users', await usersFile(content));
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^passport-genauth emulator: .*\.$/);
    expect(stderr).not.toContain('canary');
    expect([code, stdout]).toEqual([2, '']);
  });

  test('not there', async () => {
    const { code, stderr } = await runToEnd('emulator', '--users', join(folder, 'nowhere.json'));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--users: cannot read .*nowhere\.json \(ENOENT\)\.$/)]);
  });
});

test.each<[string[], string]>([
  [['--prot', '1'], "Unknown option '--prot'. See --help."],
  [['--id-token-alg', 'none'], 'idTokenSignedResponseAlg: expected one of RS256, HS256, got "none".'],
  [['now'], "Unexpected argument 'now'"],
  [['--port'], "Option '--port <value>' argument missing"],
  [['--port', 'abc'], '--port: expected a number from 0 to 65535, got "abc".'],
  [['--port', '65536'], 'port: expected a whole number from 0 to 65535, got 65536.'],
  [['--port='], 'got ""'],
  [['--port', '0x50'], 'got "0x50"'],
  [['--port=-1'], 'got "-1"'],
  [['--app-id', 'a/b'], 'appId: expected'],
  [['--app-secret', ''], 'appSecret: expected a string that is not empty, got an empty one.'],
  [['--auth-method', 'basic'], 'one of client_secret_post, client_secret_basic, none, got "basic".'],
])('emulator %p is exit code 2 and a sentence', async (args, message) => {
  const { code, stdout, stderr } = await runToEnd('emulator', ...args);
  expect(stderr).toContain(message);
  expect([code, stdout]).toEqual([2, '']);
});

test('a port in use is exit code 1 and one sentence', async () => {
  let port = '';
  const { code, stdout, stderr } = await withEmulator([], (url) => {
    ({ port } = new URL(url));
    return runToEnd('emulator', '--port', port);
  });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(new RegExp(`^passport-genauth emulator: Port ${port} on 127.0.0.1 is in use: [^.]*\\.$`));
});

test('production is exit code 1', async () => {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  const { code, stderr } = await runToEnd('emulator', '--port', '0').finally(() => (process.env['NODE_ENV'] = before));
  expect([code, stderr]).toEqual([1, expect.stringContaining('NODE_ENV=production')]);
});

test('told to stop before it listens, it listens and stops', async () => {
  const { code, stdout } = await runToEnd('emulator', '--port', '0');
  expect(code).toBe(0);
  const url = /http:\S+/.exec(stdout)?.[0] ?? '';
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});
