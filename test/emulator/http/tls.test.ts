import { X509Certificate } from 'node:crypto';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GenAuthClient } from '../../../src/core/client.js';
import { PATHS } from '../../../src/core/wire/facts.js';
import { areUsable, createCertificates } from '../../../src/emulator/encryption/certificates.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../../src/emulator/index.js';
import { ROOT } from '../../support/process.js';
import { HAS_CURL } from '../../support/readme.js';

const run = promisify(execFile);
const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;
for (const [program, isInstalled] of Object.entries({ curl: HAS_CURL, openssl: HAS_OPENSSL })) {
  if (!isInstalled) process.stderr.write(`SKIPPED a test in test/emulator/http/tls.test.ts: no ${program}.\n`);
}

let folder: string;
let caFile: string;
let emulator: GenAuthEmulator;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-tls-'));
  caFile = join(folder, 'ca.pem');
  emulator = await new GenAuthEmulator({ tls: true, hostname: 'genauth' }).start();
  await writeFile(caFile, emulator.ca ?? '');
});
afterAll(async () => {
  await emulator.stop();
  await rm(folder, { recursive: true });
});

async function signIn(options: Partial<ConstructorParameters<typeof GenAuthClient>[0]>) {
  const client = new GenAuthClient({ ...emulator.clientOptions, ...options });
  const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' }).catch((error: unknown) => error);
  await client.close();
  return outcome;
}

it('is used by the normal client, under the name of the emulator and at every name of loopback', async () => {
  expect(emulator.url).toBe(`https://genauth:${emulator.port}`);
  expect(emulator.clientOptions).toMatchObject({ appHost: emulator.url, ca: emulator.ca });
  for (const name of ['localhost', '127.0.0.1', '[::1]']) {
    const appHost = `https://${name}:${emulator.port}`;
    expect(await signIn({ appHost })).toMatchObject({ kind: 'success', claims: { iss: `${appHost}/oidc` } });
  }
});

it('is refused by a client that does not trust its authority', async () => {
  const appHost = `https://localhost:${emulator.port}`;
  expect(await signIn({ appHost, ca: undefined })).toMatchObject({ code: 'upstream_unreachable' });
});

(HAS_CURL ? it : it.skip)('is used by curl with the file of the authority, by the name of the emulator', async () => {
  const { port } = emulator;
  const curl = (...args: string[]) =>
    run('curl', ['-sS', '--noproxy', '*', '--resolve', `genauth:${port}:127.0.0.1`, '--cacert', caFile, ...args]);
  const { stdout } = await curl(`https://genauth:${port}${PATHS.discovery}`);
  expect(JSON.parse(stdout)).toMatchObject({ issuer: `https://genauth:${port}/oidc` });
  const health = await curl(`https://GENAUTH:${port}/emulator/v1/health`);
  expect(JSON.parse(health.stdout)).toEqual({ status: 'ok', issuer: `https://genauth:${port}/oidc` });
  // Another origin than its own is refused, also the same host without TLS.
  const list = (origin: string) =>
    curl(
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      '-H',
      `origin: ${origin}`,
      `https://localhost:${port}/emulator/v1/users`,
    );
  const codes = await Promise.all([`https://localhost:${port}`, `http://localhost:${port}`].map(list));
  expect(codes.map((each) => each.stdout)).toEqual(['200', '403']);
});

it("is used by the vendor's SDK", async () => {
  const appHost = `https://localhost:${emulator.port}`;
  const options = {
    appId: emulator.appId,
    appSecret: emulator.appSecret,
    appHost,
    tokenEndPointAuthMethod: 'client_secret_post',
    introspectionEndPointAuthMethod: 'client_secret_post',
  };
  const program = `
    const { default: sdk } = await import('authing-node-sdk');
    const client = new sdk.AuthenticationClient(${JSON.stringify(options)});
    const { statusCode, data } = await client.signInByAccountPassword({ account: 'alice', password: 'passw0rd' });
    const { active } = await client.introspectToken(data.access_token);
    console.log(statusCode, active);`;
  const env = { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS: caFile };
  const args = ['--input-type=module', '-e', program];
  const { stdout } = await run(process.execPath, args, { cwd: ROOT, env, timeout: 20_000 });
  expect(stdout).toBe('200 true\n');
});

(HAS_OPENSSL ? it : it.skip)('has certificates that a strict verifier accepts, for its names only', async () => {
  const [server, authority] = await connect(emulator.port);
  expect(authority).toBeUndefined();
  const certificate = new X509Certificate(server ?? '');
  expect(certificate.subjectAltName).toBe(
    'DNS:genauth, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  );
  const serverFile = join(folder, 'server.pem');
  await writeFile(serverFile, certificate.toString());
  const args = ['verify', '-x509_strict', '-CAfile', caFile, '-purpose', 'sslserver', '-verify_hostname', 'genauth'];
  expect((await run('openssl', [...args, serverFile])).stdout).toBe(`${serverFile}: OK\n`);
  expect(new X509Certificate(emulator.ca ?? '').ca).toBe(true);
});

/** Returns the certificates that the server sends, without the trusted one. */
async function connect(port: number): Promise<string[]> {
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-showcerts'];
  const child = run('openssl', args);
  child.child.stdin?.end();
  const { stdout } = await child;
  return stdout.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
}

it('keeps its authority in the state file, unless a name has changed or TLS is off', async () => {
  const stateFile = join(folder, 'state.json');
  const getCa = async (options: GenAuthEmulatorOptions) => {
    const each = await new GenAuthEmulator({ stateFile, ...options }).start();
    const { ca, url } = each;
    await each.stop();
    return [ca, new URL(url).protocol];
  };
  const [first, second] = [await getCa({ tls: true }), await getCa({ tls: true })];
  expect(second).toEqual(first);
  const renamed = await getCa({ tls: true, hostname: 'x.example' });
  expect(renamed).not.toEqual(first);
  // The certificate is for these names, too.
  expect(await getCa({ tls: true, hostname: 'localhost' })).toEqual(renamed);
  expect(await getCa({})).toEqual([undefined, 'http:']);
  expect(await getCa({ tls: true })).not.toEqual(renamed);
});

it('replaces certificates before they expire', async () => {
  const certificates = await createCertificates(['a.example']);
  const left = (days: number) => ({ ...certificates, expiresAt: Date.now() + days * 86_400_000 });
  expect([left(31), left(29), left(-1)].map((each) => areUsable(each, ['a.example']))).toEqual([true, false, false]);
  expect(Math.round((certificates.expiresAt - Date.now()) / 86_400_000)).toBe(800);
});

it.each<[options: GenAuthEmulatorOptions, message: string]>([
  [{ hostname: 'https://genauth' }, 'hostname: expected a host name or an IP address, without scheme and port'],
  [{ hostname: 'genauth:3999' }, 'hostname: expected a host name or an IP address'],
  [{ hostname: '' }, 'hostname: expected a host name'],
  [{ tls: 'yes' as never }, 'tls: expected true or false, got "yes"'],
  [{ stateFile: '' }, 'stateFile: expected a string that is not empty'],
])('refuses the options %j', (options, message) => {
  expect(() => new GenAuthEmulator(options)).toThrow(message);
});
