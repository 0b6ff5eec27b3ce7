import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  DEFAULT_AD_ACCOUNTS,
  DEFAULT_USERS,
  GenAuthEmulator,
  type GenAuthEmulatorOptions,
} from '../../src/emulator/index.js';
import { buildCli, makeFolder } from '../cli/support.js';
import { until } from '../support/promise.js';
import {
  areActive,
  asAd,
  asUser,
  getJson,
  getRefreshable,
  getSystem,
  getTokens,
  JWKS,
  signIn,
  verify,
} from './support.js';

const running: GenAuthEmulator[] = [];
const sockets: Socket[] = [];
const NOT_STARTED = expect.objectContaining({ name: 'EmulatorError', code: 'not_started' }) as Error;

function build(options?: GenAuthEmulatorOptions): GenAuthEmulator {
  const emulator = new GenAuthEmulator(options);
  running.push(emulator);
  return emulator;
}

async function openSocket(port: number, text?: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  sockets.push(socket);
  await once(socket, 'connect');
  if (text !== undefined) socket.write(text);
  return socket;
}
const isRefused = (port: number) =>
  openSocket(port).then(
    () => false,
    ({ code }: { code: string }) => code === 'ECONNREFUSED',
  );

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((emulator) => emulator.stop()));
});

it('has the default users and AD accounts', () => {
  const { email, phone_number, roles, password } = DEFAULT_USERS[0]!;
  expect([email, phone_number, roles, password]).toEqual([
    'alice@example.com',
    '+8613800000001',
    ['admin'],
    'passw0rd',
  ]);
  expect(DEFAULT_USERS[1]).toMatchObject({
    username: 'bob',
    email: 'bob@example.com',
    roles: [],
    password: 'passw0rd',
  });
  const zhangsan = { name: '张三', email: 'zhangsan@example.com', email_verified: true, password: 'AdPassw0rd' };
  expect(DEFAULT_AD_ACCOUNTS).toEqual([{ sAMAccountName: 'zhangsan', ...zhangsan }]);
});

describe('start', () => {
  const BASIC = { tokenEndpointAuthMethod: 'client_secret_basic', idTokenSignedResponseAlg: 'HS256' } as const;

  it.each<[GenAuthEmulatorOptions, object]>([
    [{}, { appSecret: 'genauth-emulator-secret-0123456789abcdef', tokenEndpointAuthMethod: 'client_secret_post' }],
    [{ tokenEndpointAuthMethod: 'none' }, { tokenEndpointAuthMethod: 'none' }],
    [BASIC, { ...BASIC, appSecret: 'genauth-emulator-secret-0123456789abcdef' }],
  ])('with %j has the client options %j', async (options, expected) => {
    const emulator = build(options);
    expect(await emulator.start()).toBe(emulator);
    expect(emulator.url).toBe(`http://127.0.0.1:${emulator.port}`);
    expect(emulator.clientOptions).toEqual({ appId: 'genauth-emulator-app', appHost: emulator.url, ...expected });
  });

  it('keeps the address when it is called again', async () => {
    const emulator = build();
    await Promise.all([emulator.start(), emulator.start()]);
    const { url } = emulator;
    expect((await emulator.start()).url).toBe(url);
  });

  it.each(['url', 'port', 'clientOptions'] as const)(
    'is required for %s and for a rotation of keys',
    async (property) => {
      expect(() => build()[property]).toThrow(NOT_STARTED);
      await expect(build().rotateKeys()).rejects.toEqual(NOT_STARTED);
    },
  );

  it('names a port in use, and succeeds when the port is free', async () => {
    const other = await build().start();
    const { port } = other;
    const emulator = build({ port });
    const fix = 'stop the process that listens on it, or set another port (port 0 chooses a free one)';
    const message = `Port ${port} on 127.0.0.1 is in use: ${fix}.`;
    const failing = emulator.start();
    const stopping = emulator.stop();
    await expect(failing).rejects.toMatchObject({ code: 'address_in_use', message, cause: { code: 'EADDRINUSE' } });
    await stopping;
    await other.stop();
    await emulator.start();
    expect(emulator.port).toBe(port);
  });

  it('is refused in production', async () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      await expect(build().start()).rejects.toMatchObject({ name: 'EmulatorError', code: 'production_refused' });
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });

  it('fails with the error of the system for an address of another machine', async () => {
    await expect(build({ host: '192.0.2.1', allowRemote: true }).start()).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });

  it('listens only on the given address, which is the host of the issuer', async () => {
    const emulator = await build({ host: '127.0.0.2' }).start();
    expect(await getJson(`${emulator.url}/oidc/.well-known/openid-configuration`)).toMatchObject({
      issuer: `http://127.0.0.2:${emulator.port}/oidc`,
    });
    expect(await isRefused(emulator.port)).toBe(true);
  });
});

describe('stop', () => {
  it('closes the port and silent, idle and busy connections', async () => {
    const emulator = await build().start();
    const { port } = emulator;
    const request = `GET ${JWKS} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`;
    const silent = await openSocket(port);
    const idle = await openSocket(port, request);
    await once(idle, 'data');
    emulator.fault({ endpoint: 'jwks', delayMs: 600_000 });
    const busy = await openSocket(port, request);
    await until(() => emulator.requests('jwks') === 2);
    const ends = [silent, idle, busy].map((socket) => new Promise((resolve) => socket.resume().once('close', resolve)));
    await emulator[Symbol.asyncDispose]();
    await Promise.all(ends);
    expect(await isRefused(port)).toBe(true);
    expect(() => emulator.url).toThrow(NOT_STARTED);
  });

  it('may be called before, during and after a start, and more than once', async () => {
    const emulator = build();
    await emulator.stop();
    const starting = emulator.start();
    await Promise.all([emulator.stop(), emulator.stop()]);
    await starting;
    expect(() => emulator.url).toThrow(NOT_STARTED);
    await Promise.all([emulator.start(), emulator.stop(), emulator.start()]);
    await getTokens(emulator);
    const stopping = emulator.stop();
    expect(() => emulator.url).toThrow(NOT_STARTED);
    await stopping;
  });

  it('keeps the users and ends all keys and tokens', async () => {
    const emulator = await build().start();
    const [old, system] = [await getRefreshable(emulator), await getSystem(emulator)];
    emulator.addUser({ username: 'carol', password: 'c' });
    void emulator.stop();
    await emulator.start();
    await verify(emulator, (await getTokens(emulator, asUser('carol', 'c'))).id_token);
    await expect(verify(emulator, old.id_token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    expect(await areActive(emulator, old.access_token, old.refresh_token)).toEqual([false, false]);
    expect(Object.values(await getSystem(emulator))).not.toContainEqual(system.rsa);
    expect(Object.values(await getSystem(emulator))).not.toContainEqual(system.sm2);
  });
});

it('two emulators are independent', async () => {
  const users = [{ username: 'alice', password: 'other' }];
  const [one, two] = await Promise.all([build().start(), build({ users }).start()]);
  one.fault({ endpoint: 'signin', status: 503 });
  one.flawIdToken('expired');
  const { id_token } = await getTokens(two, asUser('alice', 'other'));
  await verify(two, id_token);
  expect([(await signIn(two, asAd('zhangsan'))).code, (await signIn(two, asUser('bob'))).code]).toEqual([200, 2333]);
  expect([one.signIns.length, two.signIns.length]).toEqual([0, 3]);
});

describe('a program', () => {
  let folder: string;
  let module: string;
  beforeAll(async () => {
    folder = await makeFolder();
    module = pathToFileURL(join(dirname(await buildCli(folder)), '../emulator/index.js')).href;
  }, 30_000);
  afterAll(() => rm(folder, { recursive: true }));

  /** Runs a program that uses the emulator and ends by itself. It prints what keeps it alive at its end. */
  async function run(code: string) {
    const program = `import { GenAuthEmulator } from ${JSON.stringify(module)};
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      const list = () => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Crypto/.test(name));
      ${code}
      for (let turns = 0; turns < 5000 && list().length > 0; turns++) await turn();
      console.log(JSON.stringify(list()));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const [exit] = (await once(child, 'close')) as [number | null];
    return { exit, ...output };
  }
  const START = `
    const emulator = await new GenAuthEmulator({ ad: () => new Promise(() => {}) }).start();
    const { user, system } = process.cpuUsage();
    console.log(Math.round((user + system) / 1000));`;

  it('ends by itself after stop, whatever was in progress', async () => {
    const { exit, stdout, stderr } = await run(`${START}
      const { connect } = await import('node:net');
      const signIn = (connection) => fetch(emulator.url + '/api/v3/signin', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          connection,
          passwordPayload: { account: 'alice', password: 'passw0rd' },
          adPayload: { sAMAccountName: 'a', password: 'p' },
          client_id: emulator.appId, client_secret: emulator.appSecret,
        }),
      });
      console.log((await (await signIn('PASSWORD')).json()).statusCode, list().includes('TCPServerWrap'));
      emulator.fault({ endpoint: 'system', delayMs: 600_000 });
      emulator.fault({ endpoint: 'jwks', dripMs: 600_000 });
      emulator.fault({ endpoint: 'discovery', oversize: 1_073_741_824 });
      const get = (path) => fetch(emulator.url + path).then((answer) => answer.text());
      const paths = ['/api/v3/system', '${JWKS}', '/oidc/.well-known/openid-configuration'];
      const waiting = [signIn('AD'), ...paths.map(get)];
      const socket = connect(emulator.port, '127.0.0.1').on('error', () => {});
      await new Promise((resolve) => socket.once('connect', resolve));
      const names = ['signin', 'system', 'jwks', 'discovery'];
      while (names.reduce((sum, name) => sum + emulator.requests(name), 0) < 5) await turn();
      await emulator.stop();
      console.log((await Promise.allSettled(waiting)).map(({ status }) => status).join());`);
    const [startTime, ...lines] = stdout.split('\n');
    expect([exit, stderr]).toEqual([0, '']);
    // Milliseconds of processor time until the emulator listens.
    expect(Number(startTime)).toBeLessThan(1000);
    expect(lines).toEqual(['200 true', 'rejected,rejected,rejected,rejected', '[]', '']);
  }, 30_000);
});
