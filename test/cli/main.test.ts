import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
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
  // Not 'exit': the last output may come after it.
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number,
    signal: signal as string,
    ...output,
  }));
  return { child, output, ended };
}

async function version(): Promise<string> {
  const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops the emulator, though a client holds a connection, with exit code 0',
  async (signal) => {
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
  },
);

test('the first line of the program is for the shell', async () => {
  const source = await readFile(new URL('../../src/cli/main.ts', import.meta.url), 'utf8');
  expect(source.split('\n')[0]).toBe('#!/usr/bin/env node');
});

test.each([
  [['--help'], /Usage: passport-genauth <command>[^]*emulator[^]*doctor/],
  [['-h'], /Usage: passport-genauth <command>/],
  [['emulator', '--help'], /Usage: passport-genauth emulator[^]*--users FILE\.json/],
  [['emulator', '-h'], /Usage: passport-genauth emulator/],
])('%p explains and is exit code 0', async (args, text) => {
  expect(await start(...args).ended).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(text) as string,
  });
});

test.each([[['--version']], [['emulator', '--version']]])('%p is the version of the package', async (args) => {
  expect(await start(...args).ended).toMatchObject({ code: 0, stdout: `${await version()}\n`, stderr: '' });
});

test.each([
  [[], /Usage: passport-genauth <command>/],
  [['emulater'], /^passport-genauth: there is no command "emulater"\. See --help\.\n$/],
  [['\u001b[2J'], /there is no command "\\u001b\[2J"/],
  [['__proto__'], /there is no command/],
  [['--port', '1'], /there is no command "--port"/],
  [['emulator', '--prot'], /^passport-genauth emulator: Unknown option '--prot'/],
])('%p is a message on stderr and exit code 2', async (args, text) => {
  expect(await start(...args).ended).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(text) as string,
  });
});
