import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { parseArgs, parseEnv } from 'node:util';
import { type Environment, VARIABLES } from '../core/options/environment.js';
import type { Credentials } from '../core/sign-in/credentials.js';
import { readVersion } from '../core/util/manifest.js';
import { type Command, type CommandIo, EXIT } from './command.js';
import type { DoctorReport } from '../doctor/report.js';
import { CALLBACK_VARIABLE } from '../doctor/environment.js';
import { runDoctor } from '../doctor/run-doctor.js';
import { formatReport } from './doctor-text.js';
import { askPasswords, readLines } from './password-prompt.js';

const HELP = `passport-genauth doctor: finds problems between this application and its GenAuth tenant

Usage: passport-genauth doctor [options]

Options (default in parentheses):
  --env FILE           reads variables from a file. Variables of the environment override them
                       (the file .env of the working folder, if it exists)
  --account NAME       signs in once with this account (e-mail, phone or user name)
  --ad-account NAME    signs in once with this Active Directory account
  --password-stdin     reads the passwords from standard input if it is not a terminal:
                       one password per line, first for --account, then for --ad-account
  --client-ip ADDRESS  sends this IP address as the client's address with these sign-ins
  --callback-url URL   checks that this callback URL of the hosted page is registered
                       (the variable GENAUTH_CALLBACK_URL)
  --json               prints the report as JSON
  --help, --version

At a terminal the doctor asks for the passwords and does not show them. Without an account it makes no sign-in.
A failed sign-in counts towards the account's lock-out. The doctor never prints a password, a secret or a token.

Variables: ${[...Object.values(VARIABLES), CALLBACK_VARIABLE]
  .join(', ')
  .replaceAll(/(.{1,110})(?:, |$)/g, '$1,\n  ')
  .trim()
  .replace(/,$/, '')}.

Exit code: 0 no problem, 1 warnings, 2 errors or a wrong command line.`;

const EXIT_CODES: Readonly<Record<DoctorReport['level'], number>> = { ok: 0, warning: 1, error: 2 };

/** An error for a mistake in the command line, in the file of `--env`, or in the passwords. */
class UsageError extends Error {}

/** Runs the command `passport-genauth doctor`, which prints one report. The worst finding determines the exit code. */
export const runDoctorCommand: Command = async (args, io) => {
  try {
    const flags = readFlags(args);
    if (flags.help || flags.version) {
      io.stdout(flags.help ? HELP : await readVersion());
      return EXIT.ok;
    }
    const clientIp = readAddress(flags['client-ip']);
    const path = flags.env ?? (existsSync('.env') ? '.env' : undefined);
    const envFile = path === undefined ? {} : await readEnvFile(path);
    const signIns = await readSignIns(flags, io);
    const callbackUrl = flags['callback-url'];
    const report = await runDoctor({ env: io.env, envFile, signIns, clientIp, callbackUrl, signal: io.stop });
    io.stdout(flags.json ? JSON.stringify(report, null, 2) : formatReport(report, io.output));
    return EXIT_CODES[report.level];
  } catch (fault) {
    const message = io.stop.aborted ? 'Stopped.' : fault instanceof Error ? fault.message : String(fault);
    io.stderr(`passport-genauth doctor: ${message}`);
    return EXIT_CODES.error;
  }
};

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        env: { type: 'string' },
        account: { type: 'string' },
        'ad-account': { type: 'string' },
        'password-stdin': { type: 'boolean' },
        'client-ip': { type: 'string' },
        'callback-url': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (fault) {
    const { code, message } = fault as NodeJS.ErrnoException;
    // The error message of Node.js contains the argument, and the argument may be a password.
    const mistake = code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL' ? 'Unexpected argument' : message;
    throw new UsageError(`${mistake}${mistake.endsWith('.') ? '' : '.'} See --help.`);
  }
}

function readAddress(given: string | undefined): string | undefined {
  if (given === undefined || isIP(given) !== 0) return given;
  throw new UsageError('--client-ip: the value is not an IP address. Write for example: --client-ip 203.0.113.7');
}

async function readEnvFile(path: string): Promise<Environment> {
  const text = await readFile(path, 'utf8').catch((fault: NodeJS.ErrnoException) => {
    throw new UsageError(`--env: cannot read ${path} (${fault.code}). Correct the path.`);
  });
  // Editors on Windows may write a byte order mark at the start of a file.
  return parseEnv(text.replace(/^\uFEFF/, ''));
}

/** Reads the password of each account in `flags`, from the terminal or from standard input. */
async function readSignIns(flags: ReturnType<typeof readFlags>, io: CommandIo): Promise<Credentials[]> {
  const { account, 'ad-account': sAMAccountName } = flags;
  const accounts = [
    ...(account === undefined
      ? []
      : [{ name: account, build: (password: string): Credentials => ({ account, password }) }]),
    ...(sAMAccountName === undefined
      ? []
      : [{ name: sAMAccountName, build: (password: string): Credentials => ({ sAMAccountName, password }) }]),
  ];
  if (accounts.length === 0) return [];
  const input = io.stdin?.();
  if (input?.isTTY === true) {
    const questions = accounts.map(({ name }) => `Password of ${JSON.stringify(name)} (it is not shown):`);
    const answers = await askPasswords(input, questions, io.stderr, io.stop);
    return accounts.map(({ name, build }, i) => build(expectPassword(answers[i], name)));
  }
  if (input === undefined || flags['password-stdin'] !== true) {
    throw new UsageError(
      'Standard input is not a terminal, so the doctor cannot ask for a password. ' +
        'Add --password-stdin and write the password to standard input.',
    );
  }
  const lines = await readLines(input);
  if (lines.length > accounts.length) {
    throw new UsageError(
      `Standard input has ${lines.length} lines. Write exactly ${accounts.length}, one password per account.`,
    );
  }
  return accounts.map(({ name, build }, i) => build(expectPassword(lines[i], name)));
}

function expectPassword(password: string | undefined, name: string): string {
  if (password !== undefined && password !== '') return password;
  throw new UsageError(`The password of ${JSON.stringify(name)} is missing. Enter it, or write it to standard input.`);
}
