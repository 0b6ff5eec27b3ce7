import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { CommandIo } from '../../src/cli/command.js';
import type { DoctorReport } from '../../src/doctor/report.js';
import { PASSWORDS, SECRET, environmentOf, expectDecent, listProblems, useEmulators } from '../doctor/support.js';
import { PASSWORD } from '../support/canary.js';
import { useTcpServers } from '../support/tcp-server.js';
import { makeFolder, runCommand } from './support.js';

const emulate = useEmulators();
const serve = useTcpServers();
const ALICE = ['--account', 'alice'];
const BOTH = [...ALICE, '--ad-account', 'zhangsan'];
const STDIN = '--password-stdin';
const runDoctor = (args: string[], ...rest: [env?: Record<string, string>, io?: Partial<CommandIo>]) =>
  runCommand(['doctor', ...args], ...rest);
const write = (...chunks: (string | Buffer)[]): Partial<CommandIo> => ({ stdin: () => Readable.from(chunks) });

test.each<[title: string, args: string[], io: Partial<CommandIo>, message: string]>([
  ['a password as an option', [`--password=${PASSWORD}`], {}, "Unknown option '--password'. See --help."],
  ['a password as an argument', [PASSWORD], {}, 'Unexpected argument. See --help.'],
  ['a missing file', ['--env', '/nowhere/.env'], {}, '--env: cannot read /nowhere/.env (ENOENT). Correct the path.'],
  ['an invalid address', ['--client-ip', PASSWORD], {}, '--client-ip: the value is not an IP address.'],
  ['no standard input', [...ALICE, STDIN], {}, 'Standard input is not a terminal, so the doctor cannot ask'],
  ['no terminal and no --password-stdin', ALICE, write(PASSWORD), 'Add --password-stdin'],
  ['one password for two', [...BOTH, STDIN], write('x'), 'The password of "zhangsan" is missing.'],
  ['an empty line', [...BOTH, STDIN], write('\nx'), 'The password of "alice" is missing.'],
  ['a line too many', [...ALICE, STDIN], write('x\ny'), 'has 2 lines. Write exactly 1,'],
])('ends with 2 and a message for %s', async (_title, args, io, message) => {
  const { code, stdout, stderr } = await runDoctor(args, {}, io);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`passport-genauth doctor: `);
  expect(stderr).toContain(message);
  expectDecent([], stderr);
});

test.each<[title: string, changes: Record<string, string>, code: number, problems: string[]]>([
  ['no problem', {}, 0, []],
  ['a warning', { TRUST_PROXY: 'true' }, 1, ['environment: warning trust_proxy_true']],
  ['an error', { GENAUTH_APP_SECRET: 'wrong' }, 2, ['client: error client_refused']],
])('prints %s as JSON, and ends with its exit code', async (_title, changes, code, problems) => {
  const result = await runDoctor(['--json'], { ...environmentOf(await emulate()), ...changes });
  const { findings } = JSON.parse(result.stdout) as DoctorReport;
  expectDecent(findings, result.stdout, result.stderr);
  expect([result.code, listProblems(findings)]).toEqual([code, problems]);
});

test.each([
  ['without a line end', PASSWORDS.join('\n')],
  ['with a line end', `${PASSWORDS.join('\n')}\n`],
  ['with the line ends of Windows', `${PASSWORDS.join('\r\n')}\r\n`],
])('reads passwords %s, in parts of a character, and a file that was written on Windows', async (_title, input) => {
  const emulator = await emulate();
  const folder = await makeFolder();
  const lines = Object.entries(environmentOf(emulator)).map(([name, value]) => `${name}='${value}'\r\n`);
  await writeFile(join(folder, '.env'), `\uFEFF${lines.join('')}`);
  const parts = Array.from(Buffer.from(input), (byte) => Buffer.from([byte]));
  const { code, stdout, stderr } = await runDoctor(
    [...BOTH, STDIN, '--env', join(folder, '.env')],
    {},
    write(...parts),
  );
  await rm(folder, { recursive: true });
  expect([code, emulator.signIns.map(({ outcome }) => outcome)]).toEqual([0, ['success', 'success']]);
  expectDecent([], stdout, stderr);
});

/** The parts of a terminal that Node uses here. */
class Terminal extends PassThrough {
  readonly isTTY = true;
  readonly modes: boolean[] = [];
  setRawMode(mode: boolean): this {
    this.modes.push(mode);
    return this;
  }
}

// The user types one character too many, and deletes it.
const TYPED = PASSWORDS.map((password) => `${password}x\u007f\r`);
test.each([
  ['both passwords', TYPED, 0, ['success', 'success']],
  ['Ctrl+C', ['\u0003'], 2, []],
  ['an empty line', ['\r', 'x\r'], 2, []],
])('hides the answer at a terminal, and restores it, for %s', async (_title, typed, code, outcomes) => {
  const emulator = await emulate();
  const terminal = new Terminal();
  const asked: [text: string, ...modes: boolean[]][] = [];
  const stderr = (text: string): void => {
    asked.push([text, ...terminal.modes]);
    terminal.write(typed[asked.length - 1] ?? '');
  };
  const result = await runDoctor(BOTH, environmentOf(emulator), { stdin: () => terminal, stderr });
  const names = ['alice', 'zhangsan'].slice(0, typed.length);
  const questions = names.map((name) => [`Password of "${name}" (it is not shown):`, true]);
  expect(asked.filter(([text]) => text.startsWith('Password'))).toEqual(questions);
  expect([result.code, terminal.modes]).toEqual([code, [true, false]]);
  expect(emulator.signIns.map(({ outcome }) => outcome)).toEqual(outcomes);
  expectDecent([], result.stdout);
});

const STOPPED = 'passport-genauth doctor: Stopped.';
test('no longer asks for a password when it is stopped', async () => {
  const stop = new AbortController();
  const terminal = new Terminal();
  const asked: string[] = [];
  const stderr = (text: string): void => {
    asked.push(text);
    setImmediate(() => stop.abort());
  };
  const { code } = await runDoctor(ALICE, {}, { stdin: () => terminal, stop: stop.signal, stderr });
  expect([code, asked.at(-1), terminal.modes]).toEqual([2, STOPPED, [true, false]]);
});

test('ends at once when it is stopped while GenAuth does not answer', async () => {
  const stop = new AbortController();
  const server = await serve(() => stop.abort());
  const env = { GENAUTH_APP_HOST: server.url, GENAUTH_APP_ID: 'app', GENAUTH_APP_SECRET: SECRET };
  expect(await runDoctor([], env, { stop: stop.signal })).toEqual({ code: 2, stdout: '', stderr: STOPPED });
  await server.idle();
});
