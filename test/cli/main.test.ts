import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PASSWORDS, environmentOf, expectDecent, useEmulators } from '../doctor/support.js';
import { ROOT } from '../support/process.js';

const emulate = useEmulators();
const MAIN = join(ROOT, 'dist/cli/main.js');

function start(command: string, args: string[], env: Record<string, string> = {}) {
  const child = spawn(command, args, { env: { PATH: process.env['PATH'] ?? '', ...env }, timeout: 30_000 });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  // The last output may arrive after the event `exit`.
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...output }));
  const printed = async (text: string): Promise<void> => {
    while (!output.stdout.includes(text)) await once(child.stdout, 'data');
  };
  return { child, printed, ended };
}

test('SIGINT and SIGTERM stop the emulator, and a wrong option ends it with a message to standard error', async () => {
  const running = ['SIGINT', 'SIGTERM'].map(async (signal) => {
    const { child, printed, ended } = start(process.execPath, [MAIN, 'emulator', '--port', '0']);
    await printed('Ctrl+C');
    child.kill(signal as NodeJS.Signals);
    return ended;
  });
  expect(await Promise.all(running)).toMatchObject(Array(2).fill({ code: 0, stderr: '' }));
  const stderr = "passport-genauth emulator: Unknown option '--prot'. See --help.\n";
  expect(await start(process.execPath, [MAIN, 'emulator', '--prot']).ended).toEqual({ code: 2, stdout: '', stderr });
});

// Only the `script` of Linux has these flags.
const testAtTerminal = process.platform === 'linux' ? test : test.skip;
testAtTerminal('has colours at a terminal, does not show the password, and ends by itself', async () => {
  const command = `${JSON.stringify(process.execPath)} ${JSON.stringify(MAIN)} doctor --account alice`;
  const env = { ...environmentOf(await emulate()), TERM: 'xterm' };
  const { child, printed, ended } = start('script', ['-qec', command, '/dev/null'], env);
  await printed('not shown');
  child.stdin.end(`${PASSWORDS[0]}\r`);
  const { code, stdout } = await ended;
  expect(code).toBe(0);
  expect(stdout).toContain('\u001b[32mok');
  expect(stdout).toContain('alice signed in.');
  expectDecent([], stdout);
});
