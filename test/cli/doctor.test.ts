import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { CommandIo } from '../../src/cli/command.js';
import type { DoctorReport } from '../../src/doctor/report.js';
import {
  ACCOUNT_FLAGS,
  PASSWORDS,
  SECRET,
  environmentOf,
  expectDecent,
  listProblems,
  runDoctorCommand,
  useEmulators,
} from '../doctor/support.js';
import { PASSWORD } from '../support/canary.js';
import { findLeaks } from '../support/leak.js';
import { useTcpServers } from '../support/tcp-server.js';
import { makeFolder } from './support.js';

const emulate = useEmulators();
const serve = useTcpServers();
const ALICE = ['--account', 'alice'];
const BOTH = ACCOUNT_FLAGS;
let folder: string;
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => rm(folder, { recursive: true }));

const write = (...chunks: (string | Buffer)[]): Partial<CommandIo> => ({ stdin: () => Readable.from(chunks) });

test.each<[title: string, args: string[], io: Partial<CommandIo>, message: string]>([
  ['a password as an option', [`--password=${PASSWORD}`], {}, "Unknown option '--password'. See --help."],
  ['a password as an argument', [PASSWORD], {}, 'Unexpected argument. See --help.'],
  ['an option without its value', ['--account'], {}, "Option '--account <value>' argument missing. See --help."],
  ['a missing file', ['--env', '/nowhere/.env'], {}, '--env: cannot read /nowhere/.env (ENOENT). Correct the path.'],
  ['an invalid address', ['--client-ip', PASSWORD], {}, '--client-ip: the value is not an IP address.'],
  ['no standard input', ALICE, {}, 'Standard input is not a terminal, so the doctor cannot ask'],
  ['no terminal and no --password-stdin', ALICE, write(PASSWORD), 'Add --password-stdin'],
  ['no password', [...ALICE, '--password-stdin'], write(''), 'The password of "alice" is missing.'],
  ['one password for two', [...BOTH, '--password-stdin'], write('x'), 'The password of "zhangsan" is missing.'],
  ['an empty line', [...BOTH, '--password-stdin'], write('\nx'), 'The password of "alice" is missing.'],
  ['a line too many', [...ALICE, '--password-stdin'], write('x\ny'), 'has 2 lines. Write exactly 1,'],
])('ends with 2 and a message for %s', async (_title, args, io, message) => {
  const { code, stdout, stderr } = await runDoctorCommand(args, {}, io);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`passport-genauth doctor: `);
  expect(stderr).toContain(message);
  expect(findLeaks(stderr, [PASSWORD])).toEqual([]);
});

test.each<[title: string, changes: Record<string, string>, code: number, problems: string[]]>([
  ['no problem', {}, 0, []],
  ['a warning', { TRUST_PROXY: 'true' }, 1, ['environment: warning trust_proxy_true']],
  ['an error', { GENAUTH_APP_SECRET: 'wrong' }, 2, ['client: error client_refused']],
])('prints %s as JSON, and ends with its exit code', async (_title, changes, code, problems) => {
  const env = { ...environmentOf(await emulate()), ...changes };
  const result = await runDoctorCommand(['--json'], env);
  const { findings } = JSON.parse(result.stdout) as DoctorReport;
  expectDecent(findings, ...result.lines);
  expect([result.code, listProblems(findings)]).toEqual([code, problems]);
});

test('reads the variables of a file that was written on Windows', async () => {
  const path = join(folder, 'windows.env');
  const lines = Object.entries(environmentOf(await emulate())).map(([name, value]) => `${name}='${value}'\r\n`);
  await writeFile(path, `\uFEFF${lines.join('')}`);
  expect(await runDoctorCommand(['--env', path])).toMatchObject({ code: 0 });
});

describe('passwords from standard input', () => {
  test.each([
    ['without a line end', PASSWORDS.join('\n')],
    ['with a line end', `${PASSWORDS.join('\n')}\n`],
    ['with the line ends of Windows', `${PASSWORDS.join('\r\n')}\r\n`],
  ])('are read %s, also in parts of a character', async (_title, input) => {
    const emulator = await emulate();
    const parts = Array.from(Buffer.from(input), (byte) => Buffer.from([byte]));
    const args = [...BOTH, '--password-stdin'];
    const { code, lines } = await runDoctorCommand(args, environmentOf(emulator), write(...parts));
    expect([code, emulator.signIns.map(({ outcome }) => outcome)]).toEqual([0, ['success', 'success']]);
    expectDecent([], ...lines);
  });

  test('are not trimmed', async () => {
    const emulator = await emulate({ users: [{ username: 'alice', password: ` ${PASSWORD}  ` }] });
    const io = write(` ${PASSWORD}  \n`);
    expect(await runDoctorCommand([...ALICE, '--password-stdin'], environmentOf(emulator), io)).toMatchObject({
      code: 0,
    });
  });
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

describe('passwords at a terminal', () => {
  test('are asked for without showing them, and the terminal is restored', async () => {
    const terminal = new Terminal();
    const asked: unknown[] = [];
    // The user types one character too many, and deletes it.
    const typed = PASSWORDS.map((password) => `${password}x\u007f\r`);
    const stderr = (text: string): void => {
      terminal.write(typed[asked.length]);
      asked.push([text, ...terminal.modes]);
    };
    const io = { stdin: () => terminal, stderr };
    const { code, lines } = await runDoctorCommand(BOTH, environmentOf(await emulate()), io);
    expect(asked).toEqual([
      ['Password of "alice" (it is not shown):', true],
      ['Password of "zhangsan" (it is not shown):', true],
    ]);
    expect([code, terminal.modes]).toEqual([0, [true, false]]);
    expectDecent([], ...lines);
  });

  test.each([
    ['Ctrl+C', '\u0003'],
    ['Ctrl+D', '\u0004'],
    ['an empty line', '\r'],
  ])('prevent the sign-in if the user enters %s', async (_title, key) => {
    const emulator = await emulate();
    const terminal = new Terminal();
    terminal.write(key);
    const { code, stdout } = await runDoctorCommand(ALICE, environmentOf(emulator), { stdin: () => terminal });
    expect([code, stdout, terminal.modes, emulator.requests('signin')]).toEqual([2, '', [true, false], 0]);
  });

  test('are no longer asked for when the command is stopped', async () => {
    const stop = new AbortController();
    const terminal = new Terminal();
    const asked: string[] = [];
    const stderr = (text: string): void => {
      asked.push(text);
      setImmediate(() => stop.abort());
    };
    const { code } = await runDoctorCommand(ALICE, {}, { stdin: () => terminal, stop: stop.signal, stderr });
    expect([code, asked.at(-1), terminal.modes]).toEqual([2, 'passport-genauth doctor: Stopped.', [true, false]]);
  });
});

test('ends at once when it is stopped while GenAuth does not answer', async () => {
  const stop = new AbortController();
  const server = await serve(() => stop.abort());
  const env = { GENAUTH_APP_HOST: server.url, GENAUTH_APP_ID: 'app', GENAUTH_APP_SECRET: SECRET };
  expect(await runDoctorCommand([], env, { stop: stop.signal })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'passport-genauth doctor: Stopped.',
  });
  await server.idle();
});
