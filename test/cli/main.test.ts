import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { PASSWORDS, environmentOf, expectDecent, useEmulators } from '../doctor/support.js';
import { buildCli, makeFolder } from './support.js';

const emulate = useEmulators();
let folder: string;
let main: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = await makeFolder();
  main = await buildCli(folder);
});
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));
afterAll(() => rm(folder, { recursive: true }));

function start(command: string, args: string[], env: Record<string, string> = {}) {
  const child = spawn(command, args, { env: { PATH: process.env['PATH'] ?? '', ...env } });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  // The last output may arrive after the event `exit`.
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...output }));
  const printed = async (text: string): Promise<void> => {
    while (!output.stdout.includes(text)) await once(child.stdout, 'data');
  };
  return { child, output, printed, ended };
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops the emulator with an open connection', async (signal) => {
  const { child, output, printed, ended } = start(process.execPath, [main, 'emulator', '--port', '0']);
  await printed('Ctrl+C');
  const [, port] = /^GenAuth emulator listening on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(output.stdout) ?? [];
  const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
  socket.write('GET /oidc/.well-known/jwks.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  await once(socket, 'data');
  child.kill(signal);
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
  socket.destroy();
});

test('writes a message to standard error, and ends with the exit code of the command', async () => {
  const stderr = "passport-genauth emulator: Unknown option '--prot'. See --help.\n";
  expect(await start(process.execPath, [main, 'emulator', '--prot']).ended).toEqual({ code: 2, stdout: '', stderr });
});

// Only the `script` of Linux has these flags.
const hasTerminals = process.platform === 'linux';
if (!hasTerminals)
  process.stderr.write('SKIPPED a terminal in test/cli/main.test.ts: `script` here is not that of Linux.\n');
(hasTerminals ? test : test.skip)(
  'has colours at a terminal, does not show the password, and ends by itself',
  async () => {
    const command = `${JSON.stringify(process.execPath)} ${JSON.stringify(main)} doctor --account alice`;
    const env = { ...environmentOf(await emulate()), TERM: 'xterm' };
    const { child, printed, ended } = start('script', ['-qec', command, '/dev/null'], env);
    await printed('not shown');
    child.stdin.end(`${PASSWORDS[0]}\r`);
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).toContain('\u001b[32mok');
    expect(stdout).toContain('alice signed in.');
    expectDecent([], stdout);
  },
);
