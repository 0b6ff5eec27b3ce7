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

test('reads the file .env of the working folder without --env', async () => {
  const folder = await makeFolder();
  const lines = Object.entries(environmentOf(await emulate())).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(folder, '.env'), lines.join(''));
  const before = process.cwd();
  process.chdir(folder);
  const { code, stdout } = await runDoctor(['--json']).finally(() => process.chdir(before));
  await rm(folder, { recursive: true });
  expect([code, (JSON.parse(stdout) as DoctorReport).appId]).toEqual([0, 'genauth-emulator-app']);
});

test.each([PASSWORDS.join('\n'), `${PASSWORDS.join('\r\n')}\r\n`])(
  'reads the passwords %j in parts of a character, and a file that was written on Windows',
  async (input) => {
    const emulator = await emulate();
    const folder = await makeFolder();
    const file = join(folder, '.env');
    const lines = Object.entries(environmentOf(emulator)).map(([name, value]) => `${name}='${value}'\r\n`);
    await writeFile(file, `\uFEFF${lines.join('')}`);
    const parts = Array.from(Buffer.from(input), (byte) => Buffer.from([byte]));
    const { code, stdout, stderr } = await runDoctor([...BOTH, STDIN, '--env', file], {}, write(...parts));
    await rm(folder, { recursive: true });
    expect([code, emulator.signIns.map(({ outcome }) => outcome)]).toEqual([0, ['success', 'success']]);
    expectDecent([], stdout, stderr);
  },
);

/** Runs the doctor at a terminal, and calls `answer` after each line on standard error. */
async function runAtTerminal(args: string[], stop: AbortSignal, answer: (terminal: PassThrough, i: number) => void) {
  const emulator = await emulate();
  const modes: boolean[] = [];
  const setRawMode = (mode: boolean): void => void modes.push(mode);
  // The parts of a terminal that Node uses here.
  const terminal = Object.assign(new PassThrough(), { isTTY: true, setRawMode });
  const printed: [text: string, ...modes: boolean[]][] = [];
  const stderr = (text: string): void => answer(terminal, printed.push([text, ...modes]) - 1);
  const { code, stdout } = await runDoctor(args, environmentOf(emulator), { stdin: () => terminal, stderr, stop });
  expectDecent([], stdout);
  expect(modes).toEqual([true, false]);
  return { code, printed, outcomes: emulator.signIns.map(({ outcome }) => outcome) };
}

// The user types one character too many, and deletes it.
const TYPED = PASSWORDS.map((password) => `${password}x\u007f\r`);
test.each([
  ['both passwords', TYPED, 0, ['success', 'success']],
  ['Ctrl+C', ['\u0003'], 2, []],
  ['an empty line', ['\r', 'x\r'], 2, []],
])('hides the answer at a terminal, and restores it, for %s', async (_title, typed, code, outcomes) => {
  const { signal } = new AbortController();
  const result = await runAtTerminal(BOTH, signal, (terminal, i) => void terminal.write(typed[i] ?? ''));
  const names = ['alice', 'zhangsan'].slice(0, typed.length);
  const questions = names.map((name) => [`Password of "${name}" (it is not shown):`, true]);
  expect(result).toMatchObject({ code, outcomes });
  expect(result.printed.slice(0, names.length)).toEqual(questions);
});

const STOPPED = 'passport-genauth doctor: Stopped.';
test('ends when it is stopped while it asks for a password, or while GenAuth does not answer', async () => {
  const asking = new AbortController();
  const { code, printed } = await runAtTerminal(ALICE, asking.signal, () => void setImmediate(() => asking.abort()));
  expect([code, printed.at(-1)?.[0]]).toEqual([2, STOPPED]);
  const stop = new AbortController();
  const server = await serve(() => stop.abort());
  const env = { GENAUTH_APP_HOST: server.url, GENAUTH_APP_ID: 'app', GENAUTH_APP_SECRET: SECRET };
  expect(await runDoctor([], env, { stop: stop.signal })).toEqual({ code: 2, stdout: '', stderr: STOPPED });
  await server.idle();
});
