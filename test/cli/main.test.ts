import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ROOT } from '../support/process.js';
import { buildCli, makeFolder } from './support.js';

let folder: string;
let main: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = await makeFolder();
  main = await buildCli(folder);
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  // The last output may arrive after the event `exit`.
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }));
  return { child, output, ended };
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops the emulator with an open connection', async (signal) => {
  const { child, output, ended } = start('emulator', '--port', '0');
  while (!output.stdout.includes('Ctrl+C')) await once(child.stdout, 'data');
  const [, port] = /^GenAuth emulator listening on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(output.stdout) ?? [];
  const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('GET /oidc/.well-known/jwks.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  await once(socket, 'data');
  child.kill(signal);
  expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  socket.destroy();
});

test('writes a message to standard error, and ends with the exit code of the command', async () => {
  expect(await start('emulator', '--prot').ended).toEqual({
    code: 2,
    signal: null,
    stdout: '',
    stderr: "passport-genauth emulator: Unknown option '--prot'. See --help.\n",
  });
});

test('begins with a line for the shell', async () => {
  expect(await readFile(join(ROOT, 'src/cli/main.ts'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});
