import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { run } from '../../src/cli/run.js';
import { makeFolder } from './support.js';

let folder: string;

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => rm(folder, { recursive: true }));

/** A command that ends by itself. */
function runToEnd(...args: string[]) {
  return runWith({}, ...args);
}

async function runWith(env: Record<string, string>, ...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = { stdout: (text: string) => out.push(text), stderr: (text: string) => err.push(text) };
  const code = await run(args, { ...io, env, stop: AbortSignal.abort() });
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

async function apiCode(url: string, body: object): Promise<number | undefined> {
  return (await post(url, body)).apiCode;
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
  return (await response.json()) as {
    statusCode: number;
    apiCode?: number;
    data?: { id_token: string; refresh_token?: string };
  };
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

test('--token-lifetime and --refresh-token-lifetime', async () => {
  await withEmulator(['--token-lifetime', '60', '--refresh-token-lifetime', '90'], async (url) => {
    const { data } = await post(url, { ...alice, options: { scope: 'openid offline_access' } });
    const { iat, exp } = decodeJwt(data?.id_token ?? '');
    expect(Number(exp) - Number(iat)).toBe(60);
    const form = {
      client_id: 'genauth-emulator-app',
      client_secret: 'genauth-emulator-secret-0123456789abcdef',
      token: data?.refresh_token ?? '',
    };
    const introspection = await fetch(`${url}/oidc/token/introspection`, {
      method: 'POST',
      body: new URLSearchParams(form),
    });
    expect(await introspection.json()).toMatchObject({ active: true, exp: Number(iat) + 90 });
  });
});

test('--captcha-after and --lock-after', async () => {
  const wrong = { passwordPayload: { account: 'alice', password: 'wrong' } };
  await withEmulator(['--captcha-after', '1'], async (url) => {
    expect([await apiCode(url, wrong), await apiCode(url, alice)]).toEqual([2333, 2000]);
  });
  await withEmulator(['--lock-after', '1'], async (url) => {
    expect([await apiCode(url, wrong), await apiCode(url, alice)]).toEqual([2333, 2005]);
  });
  await withEmulator(['--captcha-after', '0'], async (url) => expect(await apiCode(url, alice)).toBe(2000));
});

test('--mfa', async () => {
  await withEmulator(['--mfa'], async (url) => expect(await apiCode(url, alice)).toBe(1636));
});

test.each([
  [['--clock-drift', '3600'], 3600],
  [['--clock-drift=-3600'], -3600],
  [['--clock-drift=-0'], 0],
])('%j', async (args, drift) => {
  await withEmulator(args, async (url) => {
    const { iat } = decodeJwt((await post(url, alice)).data?.id_token ?? '');
    expect(Math.abs(Number(iat) - Date.now() / 1000 - drift)).toBeLessThan(10);
  });
});

test('--lifetime-field, --system-wrapped and --jwks-address', async () => {
  const args = ['--lifetime-field', 'expire_in', '--system-wrapped', '--jwks-address', 'app'];
  await withEmulator(args, async (url) => {
    const { data } = await post(url, alice);
    expect([Object.hasOwn(data ?? {}, 'expire_in'), Object.hasOwn(data ?? {}, 'expires_in')]).toEqual([true, false]);
    expect(await (await fetch(`${url}/api/v3/system`)).json()).toMatchObject({ statusCode: 200, data: { rsa: {} } });
    const statuses = ['', '/genauth-emulator-app'].map(
      async (prefix) => (await fetch(`${url}${prefix}/oidc/.well-known/jwks.json`)).status,
    );
    expect(await Promise.all(statuses)).toEqual([404, 200]);
  });
});

test('--logout-uri, several times', async () => {
  const targets = ['https://app.example/bye', 'http://localhost:3000/?a=1'];
  await withEmulator(
    targets.flatMap((target) => ['--logout-uri', target]),
    async (url) => {
      const id_token_hint = (await post(url, alice)).data?.id_token ?? '';
      for (const target of [...targets, 'https://evil.example/']) {
        const query = new URLSearchParams({ id_token_hint, post_logout_redirect_uri: target });
        const { status, headers } = await fetch(`${url}/oidc/session/end?${query.toString()}`, { redirect: 'manual' });
        const expected = targets.includes(target) ? [302, target] : [400, null];
        expect([status, headers.get('location')]).toEqual(expected);
      }
    },
  );
});

test('--host and --allow-remote, which warns', async () => {
  await withEmulator(['--host', '127.0.0.2'], async (url, stdout) => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
    expect(stdout()).not.toContain('other machines');
  });
  await withEmulator(['--host', '127.0.0.2', '--allow-remote'], async (_url, stdout) => {
    expect(stdout()).toContain(
      '\nWarning: other machines may reach the emulator, and all its users can sign in from there.\n',
    );
  });
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
    ['another member', { user: [] }, 'users.json: unknown property "user". Use one of: users, adAccounts, tenants'],
    ['no outline', '"alice"', 'users.json must hold { "users": [...], "adAccounts": [...] } or a list of users.'],
    ['null', 'null', 'users.json must hold'],
    ['no JSON', '[{"password":"canary",}]', 'users.json is not valid JSON. The error is at position 22.'],
    ['half JSON', '[{"password":"canary"', 'users.json is not valid JSON. The error is at '],
    ['empty', '', 'users.json is not valid JSON. The error is at the end of the file.'],
    [
      'in roles',
      { roles: ['admin'], users: [{ username: 'a', password: 'canary', roles: ['admni'] }] },
      'users[0].roles[0]: "admni" is not in the option roles (admin).',
    ],
    [
      'in tenants',
      { tenants: ['t-1'], adAccounts: [{ sAMAccountName: 'a', password: 'canary', tenants: ['t-2'] }] },
      'adAccounts[0].tenants[0]: "t-2" is not in the option tenants',
    ],
    [
      'in a state',
      { users: [{ username: 'a', password: 'canary', lockout: 1 }] },
      'users[0].lockout: expected true or',
    ],
    [
      'a duplicate',
      [alice, alice].map(() => ({ username: 'a', password: 'x' })),
      'users[1].username: "a" already belongs to another',
    ],
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
  [['--token-lifetime', '1h'], '--token-lifetime: expected a number of seconds, got "1h".'],
  [['--token-lifetime', '0'], 'tokenLifetime: expected a whole number from 1 to 315360000, got 0.'],
  [['--refresh-token-lifetime', ''], '--refresh-token-lifetime: expected a number of seconds, got "".'],
  [['--clock-drift', 'soon'], '--clock-drift: expected a number of seconds, got "soon".'],
  [['--clock-drift=--5'], '--clock-drift: expected a number of seconds, got "--5".'],
  [['--clock-drift', '400000000'], 'clockDrift: expected a whole number from -315360000'],
  [['--lock-after', '0'], 'lockAfter: expected a whole number from 1'],
  [['--lock-after', '-1'], "Option '--lock-after' argument is ambiguous"],
  [['--captcha-after=-1'], '--captcha-after: expected a number of failures, got "-1".'],
  [['--jwks-address', 'tenant'], 'jwksAddress: expected one of both, host, app, got "tenant".'],
  [['--lifetime-field', 'exp'], 'lifetimeField: expected one of expires_in, expire_in, both, got "exp".'],
  [['--logout-uri', '/bye'], 'postLogoutRedirectUris[0]: expected an absolute URL'],
  [['--host', '0.0.0.0'], "host: expected a loopback address ('127.0.0.1', '::1' or 'localhost'"],
  [['--host', '', '--allow-remote'], 'host: expected an IP address or a host name, got "".'],
  [['--mfa=yes'], "Option '--mfa' does not take an argument"],
  [['--app-id', 'a/b'], 'appId: expected'],
  [['--app-secret', ''], 'appSecret: expected a string that is not empty, got an empty string.'],
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
