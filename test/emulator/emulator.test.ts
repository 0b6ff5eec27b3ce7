import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { PATHS } from '../../src/core/wire/facts.js';
import { ROOT } from '../support/process.js';
import { areActive, getRefreshable } from './oidc/requests.js';
import { asUser, getSystem, getTokens, send, verify } from './support.js';

const running: GenAuthEmulator[] = [];
const NOT_STARTED = expect.objectContaining({ name: 'EmulatorError', code: 'not_started' }) as Error;

function build(options?: GenAuthEmulatorOptions): GenAuthEmulator {
  const emulator = new GenAuthEmulator(options);
  running.push(emulator);
  return emulator;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((emulator) => emulator.stop()));
});

describe('start', () => {
  const NONE = { tokenEndpointAuthMethod: 'none' } as const;
  const HS256 = { appSecret: 's', idTokenSignedResponseAlg: 'HS256', tokenEndpointAuthMethod: 'client_secret_basic' };

  it.each<[GenAuthEmulatorOptions, object]>([
    [{}, { appSecret: 'genauth-emulator-secret-0123456789abcdef', tokenEndpointAuthMethod: 'client_secret_post' }],
    [NONE, NONE],
    [HS256 as GenAuthEmulatorOptions, HS256],
  ])('with %j has the client options %j, and keeps them when it is called again', async (options, expected) => {
    const emulator = build(options);
    expect(await Promise.all([emulator.start(), emulator.start()])).toEqual([emulator, emulator]);
    const { url, clientOptions } = emulator;
    expect([url, (await emulator.start()).url]).toEqual(Array(2).fill(`http://127.0.0.1:${emulator.port}`));
    expect(clientOptions).toEqual({ appId: 'genauth-emulator-app', appHost: url, ...expected });
  });

  it('names a port in use, and succeeds when the port is free', async () => {
    const other = await build().start();
    const { port } = other;
    const emulator = build({ port });
    const refused = { code: 'address_in_use', cause: { code: 'EADDRINUSE' } };
    const message = expect.stringMatching(`^Port ${port} on 127.0.0.1 is in use: stop the process .*\\.$`) as string;
    const [failing, stopping] = [emulator.start(), emulator.stop()];
    await expect(failing).rejects.toMatchObject({ ...refused, message });
    await stopping;
    await expect(emulator.start()).rejects.toMatchObject(refused);
    await other.stop();
    await emulator.start();
    expect(emulator.port).toBe(port);
  });

  it('is refused in production', async () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    const starting = build().start();
    process.env['NODE_ENV'] = before;
    await expect(starting).rejects.toMatchObject({ name: 'EmulatorError', code: 'production_refused' });
  });

  it('listens only on the given address, which is the host of the issuer', async () => {
    const emulator = await build({ host: '127.0.0.2' }).start();
    const { url, port } = emulator;
    expect((await send(url + PATHS.discovery)).body['issuer']).toBe(`http://127.0.0.2:${port}/oidc`);
    // Another process may listen on this address.
    await send(`http://127.0.0.1:${port}${PATHS.discovery}`).catch(() => undefined);
    expect(emulator.requests('discovery')).toBe(1);
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
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const list = () => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Crypto/.test(name));
    let asked = false;
    const ad = () => new Promise(() => (asked = true));
    const emulator = await new GenAuthEmulator({ ad }).start();
    console.log(list().includes('TCPServerWrap'));
    emulator.fault({ endpoint: 'system', delayMs: 600_000 });
    emulator.fault({ endpoint: 'jwks', dripMs: 600_000 });
    emulator.fault({ endpoint: 'discovery', oversize: 1_073_741_824 });
    const get = (path, init) => fetch(emulator.url + path, init).then((answer) => answer.text());
    const app = { client_id: emulator.appId, client_secret: emulator.appSecret };
    const body = JSON.stringify({ connection: 'AD', adPayload: { sAMAccountName: 'a', password: 'p' }, ...app });
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    await get('${PATHS.captcha}');
    const paths = ['${PATHS.system}', '${PATHS.jwks}', '${PATHS.discovery}'];
    const waiting = [get('${PATHS.signIn}', post), ...paths.map((path) => get(path))];
    while (!asked || ['system', 'jwks', 'discovery'].some((name) => emulator.requests(name) === 0)) await turn();
    await emulator.stop();
    console.log((await Promise.allSettled(waiting)).map(({ status }) => status).join());
    for (let turns = 0; turns < 5000 && list().length > 0; turns++) await turn();
    console.log(list().join());`;
  const child = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  const lines = ['true', 'rejected,rejected,rejected,rejected', '', ''];
  expect(await child).toEqual({ stdout: lines.join('\n'), stderr: '' });
});
