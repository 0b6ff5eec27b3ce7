import { jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GenAuthClient } from '../../src/core/client.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { PATHS } from '../../src/core/wire/facts.js';
import { ROOT } from '../support/process.js';
import { ask } from '../support/web-server.js';
import { areActive, getRefreshable } from './oidc/requests.js';
import { asUser, getSystem, getTokens, send, verify } from './support.js';

const running: GenAuthEmulator[] = [];
const NOT_STARTED = expect.objectContaining({ name: 'EmulatorError', code: 'not_started' }) as Error;

function build(options?: GenAuthEmulatorOptions): GenAuthEmulator {
  const emulator = new GenAuthEmulator(options);
  running.push(emulator);
  return emulator;
}

/** Starts with another value of NODE_ENV, which is read at the start. */
function withNodeEnv<T>(value: string | undefined, start: () => T): T {
  const before = process.env['NODE_ENV'];
  if (value === undefined) delete process.env['NODE_ENV'];
  else process.env['NODE_ENV'] = value;
  try {
    return start();
  } finally {
    process.env['NODE_ENV'] = before;
  }
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((emulator) => emulator.stop()));
});

describe('start', () => {
  it('returns the emulator with its client options, and keeps them when it is called again', async () => {
    const app = { appSecret: 's', idTokenSignedResponseAlg: 'HS256', tokenEndpointAuthMethod: 'client_secret_basic' };
    const [emulator, none] = [build(app as GenAuthEmulatorOptions), build({ tokenEndpointAuthMethod: 'none' })];
    expect(await Promise.all([emulator.start(), emulator.start()])).toEqual([emulator, emulator]);
    const { url, clientOptions } = emulator;
    expect([url, (await emulator.start()).url]).toEqual(Array(2).fill(`http://127.0.0.1:${emulator.port}`));
    expect(clientOptions).toEqual({ appId: 'genauth-emulator-app', appHost: url, ...app });
    expect((await none.start()).clientOptions).not.toHaveProperty('appSecret');
  });

  it('is refused at a port in use, and succeeds when the port is free', async () => {
    const other = await build().start();
    const emulator = build({ port: other.port });
    const refused = { code: 'address_in_use', cause: { code: 'EADDRINUSE' } };
    const [failing, stopping] = [emulator.start(), emulator.stop()];
    await expect(failing).rejects.toMatchObject(refused);
    await stopping;
    await other.stop();
    await emulator.start();
  });

  it.each<[nodeEnv: string, allowNodeEnv: string | undefined]>([
    ['production', undefined],
    ['production', 'production'],
    ['Production', 'Production'],
    ['production ', 'production '],
    ['prod', undefined],
    ['staging', 'live'],
  ])('is refused with NODE_ENV=%j and allowNodeEnv %j', async (nodeEnv, allowNodeEnv) => {
    const starting = withNodeEnv(nodeEnv, () => build({ allowNodeEnv }).start());
    const message = expect.stringContaining(`NODE_ENV=${nodeEnv}`);
    await expect(starting).rejects.toMatchObject({ name: 'EmulatorError', code: 'production_refused', message });
  });

  it.each<[nodeEnv: string | undefined, allowNodeEnv: string | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['development', undefined],
    ['ci', undefined],
    ['staging', 'staging'],
  ])('succeeds with NODE_ENV=%j and allowNodeEnv %j', async (nodeEnv, allowNodeEnv) => {
    const emulator = await withNodeEnv(nodeEnv, () => build({ allowNodeEnv }).start());
    expect(emulator.url).toMatch(/^http:/);
  });

  it('writes the address and who can sign in, with no password but the public ones', async () => {
    const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    const changed = build();
    changed.updateUser('bob', { password: 'canary', roles: ['a', { code: 'b' }] });
    const own = build({ users: [{ email: 'eve@x', password: 'canary' }], adAccounts: [] });
    const urls = [(await changed.start()).url, (await own.start()).url];
    const texts = written.mock.calls.map(([text]) => text);
    written.mockRestore();
    const users = [
      'alice / passw0rd (role admin), bob (roles a, b). Active Directory: zhangsan / AdPassw0rd.',
      'eve@x. Active Directory: none.',
    ];
    const line = '  Not for production. These users can sign in: ';
    expect(texts).toEqual(
      urls.map((url, i) => `GenAuth emulator listening on ${url}\n${line}${users[i]}\n  Page: ${url}/emulator\n`),
    );
  });

  it.each(['127.0.0.1', 'localhost', '[::1]'])('answers at %s with the issuer of this name', async (name) => {
    const { clientOptions, port } = await build().start();
    const appHost = `http://${name}:${port}`;
    const client = new GenAuthClient({ ...clientOptions, appHost });
    const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
    void client.close();
    expect(outcome).toMatchObject({ kind: 'success', claims: { iss: `${appHost}/oidc` } });
    const { text } = await ask(`http://127.0.0.1:${port}`, { path: PATHS.discovery, headers: { host: 'x.example' } });
    expect(JSON.parse(text)).toMatchObject({ issuer: `http://127.0.0.1:${port}/oidc` });
  });

  it('listens only on the given address, which is the host of the issuer', async () => {
    const { url, port } = await build({ host: '127.0.0.2' }).start();
    expect((await send(url + PATHS.discovery)).body['issuer']).toBe(`http://127.0.0.2:${port}/oidc`);
  });
});

describe('stop', () => {
  it('may be called before, during and after a start, and more than once', async () => {
    const emulator = build();
    await expect(emulator.rotateKeys()).rejects.toEqual(NOT_STARTED);
    await emulator.stop();
    const starting = emulator.start();
    await Promise.all([emulator.stop(), emulator[Symbol.asyncDispose]()]);
    await starting;
    expect(() => emulator.url).toThrow(NOT_STARTED);
    await Promise.all([emulator.start(), emulator.stop(), emulator.start()]);
    await getTokens(emulator);
  });

  it('keeps the users and ends all keys and tokens', async () => {
    const emulator = await build().start();
    const [old, before] = [await getRefreshable(emulator), await getSystem(emulator)];
    emulator.addUser({ username: 'carol', password: 'c' });
    void emulator.stop();
    await emulator.start();
    await verify(emulator, (await getTokens(emulator, asUser('carol', 'c'))).id_token);
    await expect(verify(emulator, old.id_token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    expect(await areActive(emulator, old.access_token, old.refresh_token)).toEqual([false, false]);
    const { rsa, sm2 } = await getSystem(emulator);
    expect([rsa.publicKey === before.rsa.publicKey, sm2.publicKey === before.sm2.publicKey]).toEqual([false, false]);
  });
});

it('a program ends by itself after stop, whatever was in progress', async () => {
  const program = `
    import { GenAuthEmulator } from ${JSON.stringify(join(ROOT, 'dist/emulator/index.js'))};
    const emulator = await new GenAuthEmulator().start();
    emulator.fault({ endpoint: 'system', delayMs: 600_000 });
    emulator.fault({ endpoint: 'jwks', dripMs: 600_000 });
    emulator.fault({ endpoint: 'discovery', oversize: 1_073_741_824 });
    const get = (path) => fetch(emulator.url + path).then((answer) => answer.text());
    await get('${PATHS.captcha}');
    const waiting = ['${PATHS.system}', '${PATHS.jwks}', '${PATHS.discovery}'].map(get);
    while (['system', 'jwks', 'discovery'].some((name) => emulator.requests(name) === 0)) await get('/');
    await emulator.stop();
    console.log((await Promise.allSettled(waiting)).map(({ status }) => status).join());`;
  const child = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  const stderr = expect.stringMatching(
    /^GenAuth emulator listening on \S+\n {2}Not for production\.[^\n]*\n {2}Page: [^\n]*\n$/,
  );
  expect(await child).toEqual({ stdout: 'rejected,rejected,rejected\n', stderr });
});
