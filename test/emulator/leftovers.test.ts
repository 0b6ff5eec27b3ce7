import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildCli, makeFolder } from '../cli/support.js';

let folder: string;
let module: string;

beforeAll(async () => {
  folder = await makeFolder();
  const main = await buildCli(folder);
  module = pathToFileURL(join(dirname(main), '../emulator/index.js')).href;
}, 30_000);
afterAll(() => rm(folder, { recursive: true }));

/** A program that has an emulator and ends by itself: nothing here ends it, and `process.exit` is not in it. */
async function run(code: string, env: Record<string, string> = {}) {
  const program = `import { GenAuthEmulator } from ${JSON.stringify(module)};\n${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // One that does not end fails its test, and must not outlive it.
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const [exit] = (await once(child, 'close')) as [number | null];
  return { exit, ...output };
}

const SIGN_IN = `
  const signIn = (connection = 'PASSWORD') => fetch(emulator.url + '/api/v3/signin', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      connection,
      passwordPayload: { account: 'alice', password: 'passw0rd' }, adPayload: { sAMAccountName: 'a', password: 'p' },
      client_id: emulator.appId, client_secret: emulator.appSecret,
    }),
  });`;
/** What keeps the program alive; a socket that was closed is listed for some turns more. */
const RESOURCES = `
  const list = () => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Crypto/.test(name));
  for (let turn = 0; turn < 5000 && list().length > 0; turn++) await new Promise((resolve) => setImmediate(resolve));
  console.log(JSON.stringify(list()));`;

/** What a program did with the emulator before it stopped it. */
const USES: [string, string][] = [
  ['nothing', ''],
  [
    'a sign-in at a directory that does not answer',
    `${SIGN_IN}
    await emulator.stop();
    let called;
    const calling = new Promise((resolve) => (called = resolve));
    emulator = await new GenAuthEmulator({ ad: () => new Promise(called) }).start();
    globalThis.ends = Promise.allSettled([signIn('AD')]);
    await calling;`,
  ],
  ['a sign-in', `${SIGN_IN} console.log((await (await signIn()).json()).statusCode);`],
  [
    'callers that wait: for a delay, a drip, a large answer, and one that says nothing',
    `${SIGN_IN}
    const { connect } = await import('node:net');
    emulator.fault({ endpoint: 'signin', delayMs: 600_000 });
    emulator.fault({ endpoint: 'jwks', dripMs: 600_000 });
    emulator.fault({ endpoint: 'discovery', oversize: 1_073_741_824 });
    const broken = [signIn(), fetch(emulator.url + '/oidc/.well-known/jwks.json').then((answer) => answer.text())];
    const socket = connect(emulator.port, '127.0.0.1').on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    const large = await fetch(emulator.url + '/oidc/.well-known/openid-configuration');
    while (emulator.requests('signin') + emulator.requests('jwks') < 2) await new Promise((resolve) => setImmediate(resolve));
    globalThis.ends = Promise.allSettled([...broken, large.text()]);`,
  ],
];

test.each(USES)(
  'a program that did this ends by itself once the emulator is stopped: %s',
  async (_name, use) => {
    const { exit, stdout, stderr } = await run(`
    let emulator = await new GenAuthEmulator().start();
    ${use}
    await emulator.stop();
    await globalThis.ends?.then((ends) => console.log(ends.map(({ status }) => status).join()));
    ${RESOURCES}`);
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout.trim().split('\n').at(-1)).toBe('[]');
    if (_name.startsWith('callers')) expect(stdout).toContain('rejected,rejected,rejected');
    if (_name === 'a sign-in') expect(stdout).toContain('200');
  },
  30_000,
);

test('one that never stops it goes on', async () => {
  // The other way round: what the test above would not see.
  const { stdout } = await run(`
    const emulator = await new GenAuthEmulator().start();
    ${RESOURCES}
    await emulator.stop();`);
  expect(stdout).toContain('TCPServerWrap');
}, 30_000);

test('starts in under half a second', async () => {
  // Of the processor's time, with all that is loaded for it: other work on the machine can add to the clock's, not to this.
  // The least of some, since the search for primes is luck.
  const times = [];
  for (let round = 0; round < 3; round++) {
    const { stdout } = await run(`
      const emulator = await new GenAuthEmulator().start();
      const { user, system } = process.cpuUsage();
      console.log((user + system) / 1000);
      await emulator.stop();`);
    times.push(Number(stdout));
  }
  expect(Math.min(...times)).toBeLessThan(500);
}, 30_000);

test('refuses production, and leaves nothing behind then either', async () => {
  const { exit, stdout } = await run(
    `await new GenAuthEmulator().start().catch((error) => console.log(error.code)); ${RESOURCES}`,
    { NODE_ENV: 'production' },
  );
  expect([exit, stdout]).toEqual([0, 'production_refused\n[]\n']);
}, 30_000);
