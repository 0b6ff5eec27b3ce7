import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { CommandIo, Input } from '../../src/cli/command.js';
import type { DoctorReport } from '../../src/doctor/report.js';
import { PASSWORD } from '../support/canary.js';
import { hostProcess } from '../support/host-process.js';
import { JWKS_PATH, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { useTcpServers } from '../support/tcp-server.js';
import {
  AD_PASSWORD,
  EVERYBODY,
  PASSWORDS,
  SECRET,
  colorTerminal,
  environmentOf,
  runDoctorCommand,
  useEmulators,
} from '../doctor/support.js';
import { buildCli, makeFolder } from './support.js';

const emulate = useEmulators();
const serve = useTcpServers();
let folder: string;
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => rm(folder, { recursive: true }));

const write = (...lines: string[]): Partial<CommandIo> => ({ stdin: () => Readable.from([lines.join('\n')]) });

test.each(['--help', '-h'])('%s says what there is, what is sent, and the exit codes', async (flag) => {
  const { code, stdout, stderr } = await runDoctorCommand([flag]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /Usage: passport-genauth doctor[^]*--env[^]*--account[^]*--ad-account[^]*--json[^]*GENAUTH_APP_HOST/,
  );
  expect(stdout).toMatch(/Exit code: 0 [^]* 1 [^]*warnings, 2 [^]*errors/);
  expect(stdout.split('\n').filter((line) => line.length > 124)).toEqual([]);
});

test.each<[string, string[], Partial<CommandIo>, string]>([
  ['an option that there is not', ['--password', PASSWORD], {}, "Unknown option '--password'. See --help."],
  ['a password as an option', [`--password=${PASSWORD}`], {}, "Unknown option '--password'. See --help."],
  ['a password as an argument', [PASSWORD], {}, 'Unexpected argument. See --help.'],
  ['an option without its value', ['--account'], {}, "Option '--account <value>' argument missing. See --help."],
  [
    'a file that is not there',
    ['--env', '/nowhere/.env'],
    {},
    '--env: cannot read /nowhere/.env (ENOENT). Correct the path.',
  ],
  [
    'an address that is none',
    ['--client-ip', PASSWORD],
    {},
    '--client-ip: the value is not an IP address. Write for example: --client-ip 203.0.113.7',
  ],
  [
    'no input to ask',
    ['--account', 'alice'],
    {},
    'Standard input is not a terminal, so the doctor cannot ask for a password. Add --password-stdin',
  ],
  ['no terminal, and not told to read', ['--account', 'alice'], write(PASSWORD), 'Standard input is not a terminal'],
  ['no password', ['--account', 'alice', '--password-stdin'], write(''), 'The password of "alice" is missing.'],
  [
    'one password for two',
    [...EVERYBODY, '--password-stdin'],
    write(PASSWORD),
    'The password of "zhangsan" is missing.',
  ],
  ['an empty line', [...EVERYBODY, '--password-stdin'], write('', PASSWORD), 'The password of "alice" is missing.'],
  [
    'a line too many',
    ['--account', 'alice', '--password-stdin'],
    write(PASSWORD, 'x'),
    'has 2 lines. Write exactly 1,',
  ],
])('%s: exit code 2 and a sentence', async (_name, args, io, message) => {
  const { code, stdout, stderr } = await runDoctorCommand(args, {}, io);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`passport-genauth doctor: `);
  expect(stderr).toContain(message);
  expect(findLeaks(stderr, [PASSWORD])).toEqual([]);
});

describe('passwords by standard input', () => {
  test.each([
    ['without an end', (lines: string[]) => lines.join('\n')],
    ['with an end', (lines: string[]) => `${lines.join('\n')}\n`],
    ['from Windows', (lines: string[]) => `${lines.join('\r\n')}\r\n`],
  ])('%s', async (_name, join_) => {
    const emulator = await emulate();
    const stdin = (): Input =>
      Readable.from(
        Buffer.from(join_(PASSWORDS))
          .toString('latin1')
          .match(/[^]{1,3}/g)
          ?.map((part) => Buffer.from(part, 'latin1')) ?? [],
      );
    const { code } = await runDoctorCommand([...EVERYBODY, '--password-stdin'], environmentOf(emulator), { stdin });
    expect(code).toBe(0);
    expect(emulator.signIns.map(({ account, outcome }) => `${account} ${outcome}`)).toEqual([
      'alice success',
      'zhangsan success',
    ]);
  });

  test('nothing is trimmed', async () => {
    const emulator = await emulate({ users: [{ username: 'alice', password: `  ${PASSWORD} ` }] });
    const io = write(`  ${PASSWORD} `, '');
    expect(
      await runDoctorCommand(['--account', 'alice', '--password-stdin'], environmentOf(emulator), io),
    ).toMatchObject({ code: 0 });
  });
});

/** What a terminal is to Node, as far as it is asked for here. */
class Terminal extends PassThrough {
  readonly isTTY = true;
  readonly modes: boolean[] = [];
  setRawMode(mode: boolean): this {
    this.modes.push(mode);
    return this;
  }
}

describe('passwords at a terminal', () => {
  test('each is asked for, typed unseen, and the terminal is as before', async () => {
    const emulator = await emulate();
    const terminal = new Terminal();
    const asked: string[] = [];
    const { code, lines } = await runDoctorCommand(EVERYBODY, environmentOf(emulator), {
      stdin: () => terminal,
      stderr: (text) => {
        asked.push(text);
        // What is typed from now on is not to be seen.
        expect(terminal.modes).toEqual([true]);
        // With a slip of the finger.
        terminal.write(`${asked.length === 1 ? PASSWORD : AD_PASSWORD}x\u007f\r`);
      },
    });
    expect(asked).toEqual(['Password of "alice" (it is not shown):', 'Password of "zhangsan" (it is not shown):']);
    expect([code, terminal.modes]).toEqual([0, [true, false]]);
    expect(findLeaks([lines, asked], [...PASSWORDS, SECRET])).toEqual([]);
  });

  test('both are pasted at once, before anybody asks', async () => {
    const emulator = await emulate();
    const terminal = new Terminal();
    terminal.write(`${PASSWORD}\r${AD_PASSWORD}\r`);
    const { code } = await runDoctorCommand(EVERYBODY, environmentOf(emulator), { stdin: () => terminal });
    expect([code, terminal.modes]).toEqual([0, [true, false]]);
  });

  test.each(['\u0003', '\u0004', '\r'])('%j in place of a password: nobody signs in', async (key) => {
    const emulator = await emulate();
    const terminal = new Terminal();
    const { code, stderr } = await runDoctorCommand(['--account', 'alice'], environmentOf(emulator), {
      stdin: () => terminal,
      stderr: () => terminal.write(key),
    });
    expect([code, stderr, terminal.modes, emulator.requests('signin')]).toEqual([2, '', [true, false], 0]);
  });

  test('told to stop while it asks', async () => {
    const stop = new AbortController();
    const terminal = new Terminal();
    const asked: string[] = [];
    const { code } = await runDoctorCommand(
      ['--account', 'alice'],
      {},
      {
        stdin: () => terminal,
        stop: stop.signal,
        stderr: (text) => {
          asked.push(text);
          setImmediate(() => stop.abort());
        },
      },
    );
    expect([code, asked.at(-1), terminal.modes]).toEqual([2, 'passport-genauth doctor: Stopped.', [true, false]]);
  });
});

test('told to stop while GenAuth says nothing: it ends at once, and so does the connection', async () => {
  const server = await serve();
  const stop = new AbortController();
  const env = { GENAUTH_APP_HOST: server.url, GENAUTH_APP_ID: 'app', GENAUTH_APP_SECRET: SECRET };
  const running = runDoctorCommand([], env, { stop: stop.signal });
  while (server.received.length === 0) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  expect(await running).toMatchObject({ code: 2, stdout: '', stderr: 'passport-genauth doctor: Stopped.' });
  await server.idle();
});

describe('told to stop at a later request', () => {
  const issuer = useIssuer();

  test.each([
    ['after the very first answer', JWKS_PATH],
    ['at the very last one', '/emulator/v1/sign-ins'],
  ])('%s', async (_name, path) => {
    const stop = new AbortController();
    const { url, clientOptions } = issuer();
    issuer().replySignIn();
    issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } });
    issuer().reply(path, () => {
      stop.abort();
      return new Promise(() => {});
    });
    const env = { GENAUTH_APP_HOST: url, GENAUTH_APP_ID: clientOptions.appId, GENAUTH_APP_SECRET: SECRET };
    const args = ['--account', 'alice', '--client-ip', '203.0.113.7', '--password-stdin'];
    const io = { ...write(PASSWORD), stop: stop.signal };
    const startedAt = performance.now();
    expect(await runDoctorCommand(args, env, io)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'passport-genauth doctor: Stopped.',
    });
    // Not when GenAuth's time is up, which is after ten seconds.
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });
});

describe('colours', () => {
  // Node asks its own environment first, not the one that a test is given.
  const { FORCE_COLOR: forced } = hostProcess.env;
  beforeAll(() => void delete hostProcess.env['FORCE_COLOR']);
  afterAll(() => {
    if (forced !== undefined) hostProcess.env['FORCE_COLOR'] = forced;
  });

  test.each<[string, Partial<CommandIo>, string[], boolean]>([
    ['at a terminal', { output: colorTerminal() }, [], true],
    ['into a file', { output: new PassThrough() }, [], false],
    ['without a stream', {}, [], false],
    ['with NO_COLOR', { output: colorTerminal({ NO_COLOR: '1' }) }, [], false],
    ['at a terminal that has none', { output: colorTerminal({ TERM: 'dumb' }) }, [], false],
    ['as JSON', { output: colorTerminal() }, ['--json'], false],
  ])('%s', async (_name, io, args, isColored) => {
    const { stdout } = await runDoctorCommand(args, {}, io);
    expect(stdout.includes('\u001b[31m')).toBe(isColored);
    // eslint-disable-next-line no-control-regex
    expect(stdout.replaceAll(/\u001b\[\d+m/g, '')).toContain('appId is missing');
  });
});

test('the text: no line is too long, and every finding is in it', async () => {
  const { stdout } = await runDoctorCommand(['--json'], { GEN_AUTH_APP_ID: 'x' });
  const report = JSON.parse(stdout) as DoctorReport;
  const text = (await runDoctorCommand([], { GEN_AUTH_APP_ID: 'x' })).stdout;
  expect(text.split('\n').filter((line) => line.length > 110)).toEqual([]);
  const words = text.replaceAll(/\s+/g, ' ');
  for (const finding of report.findings) {
    expect(words).toContain(finding.message);
    if (finding.level === 'warning')
      for (const told of [finding.impact, finding.fix, finding.code]) expect(words).toContain(told);
    if (finding.level === 'error') expect(words).toContain(`console ${finding.consolePage}`);
  }
  expect(text).toMatch(/\n\n3 errors, 1 warning, 1 ok, 11 skipped\.$/);
});

describe('as a process', () => {
  let main: string;
  beforeAll(async () => {
    main = await buildCli(folder);
  });

  async function start(command: string, args: string[], env: Record<string, string>, input: string) {
    const child = spawn(command, args, {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('not shown') && !child.stdin.writableEnded) child.stdin.end(input);
      });
    }
    if (command === process.execPath) child.stdin.end(input);
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  }

  test.each<[string, string[], Record<string, string>, string, number]>([
    ['all is well', [...EVERYBODY, '--password-stdin'], {}, PASSWORDS.join('\n'), 0],
    ['a warning', [], { TRUST_PROXY: 'true' }, '', 1],
    ['a wrong password', [...EVERYBODY, '--password-stdin'], {}, `${PASSWORD}\nwrong`, 2],
  ])('%s: it ends by itself, with the exit code of the worst', async (_name, args, env, input, expected) => {
    const path = join(folder, 'process.env');
    const lines = Object.entries(environmentOf(await emulate())).map(([name, value]) => `${name}='${value}'`);
    await writeFile(path, lines.join('\n'));
    const { code, output } = await start(process.execPath, [main, 'doctor', '--env', path, ...args], env, input);
    expect([code, output.includes('alice signed in.')]).toEqual([expected, args.length > 0]);
    expect(findLeaks(output, [...PASSWORDS, SECRET])).toEqual([]);
  });

  // `script` makes a terminal; Debian has it always, and its flags are those of Linux.
  const hasTerminals = process.platform === 'linux';
  if (!hasTerminals)
    process.stderr.write('SKIPPED a terminal in test/cli/doctor.test.ts: `script` here is not that of Linux.\n');
  (hasTerminals ? test : test.skip)('does not show the password at a real terminal', async () => {
    const emulator = await emulate();
    const command = `${JSON.stringify(process.execPath)} ${JSON.stringify(main)} doctor --account alice`;
    const env = { ...environmentOf(emulator), TERM: 'xterm' };
    const { code, output } = await start('script', ['-qec', command, '/dev/null'], env, `${PASSWORD}\r`);
    expect(output).toContain('\u001b[32mok');
    expect(output).toContain('alice signed in.');
    expect([code, findLeaks(output, [PASSWORD, SECRET])]).toEqual([0, []]);
  });
});
