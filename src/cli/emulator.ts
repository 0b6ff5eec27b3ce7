import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import {
  DEFAULT_AD_ACCOUNTS,
  DEFAULT_APP_SECRET,
  DEFAULT_USERS,
  EmulatorError,
  GenAuthEmulator,
  type GenAuthEmulatorOptions,
} from '../emulator/index.js';
import { type Command, type CommandIo, EXIT, readVersion } from './command.js';

const DEFAULT_PORT = 3999;

const HELP = `passport-genauth emulator: GenAuth on this machine, for development and tests

Usage: passport-genauth emulator [options]

Options:
  --port PORT          port to listen on, 0 for any free one (${DEFAULT_PORT})
  --app-id ID          id of the app (genauth-emulator-app)
  --app-secret SECRET  secret of the app (${DEFAULT_APP_SECRET})
  --auth-method NAME   how the app proves who it is: client_secret_post (default), client_secret_basic or none
  --id-token-alg NAME  what id_tokens are signed with: RS256 (default) or HS256
  --users FILE.json    who can sign in: { "users": [...], "adAccounts": [...] }, or a list of users
  --help, --version

Where an option is left out, the environment counts: EMULATOR_PORT, GENAUTH_APP_ID, GENAUTH_APP_SECRET,
GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD and GENAUTH_ID_TOKEN_ALG, as in the sample application.`;

/** A mistake in the command line or in a file that it names. */
class UsageError extends Error {}

/** `passport-genauth emulator`: listens until it is told to stop. */
export const runEmulator: Command = async (args, io) => {
  try {
    const flags = readFlags(args);
    if (flags.help || flags.version) {
      io.stdout(flags.help ? HELP : await readVersion());
      return EXIT.ok;
    }
    const people = flags.users === undefined ? {} : await readUsersFile(flags.users);
    const emulator = buildEmulator(flags, io.env, people);
    await emulator.start();
    io.stdout(`GenAuth emulator listening on ${emulator.url}`);
    io.stdout(describe(emulator, people));
    if (!io.stop.aborted) await once(io.stop, 'abort');
    await emulator.stop();
    return EXIT.ok;
  } catch (error) {
    io.stderr(`passport-genauth emulator: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
};

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        'app-id': { type: 'string' },
        'app-secret': { type: 'string' },
        'auth-method': { type: 'string' },
        'id-token-alg': { type: 'string' },
        users: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    // Its further sentences are about positional arguments, and there are none here.
    const [mistake] = (error as Error).message.split(/\.\s/);
    throw new UsageError(`${mistake}. See --help.`);
  }
}

type People = Pick<GenAuthEmulatorOptions, 'users' | 'adAccounts'>;

function buildEmulator(flags: ReturnType<typeof readFlags>, env: CommandIo['env'], people: People): GenAuthEmulator {
  const port = flags.port ?? env['EMULATOR_PORT'] ?? String(DEFAULT_PORT);
  // Digits only: Number() also reads '', '0x50' and '1e3'.
  if (!/^\d{1,5}$/.test(port)) {
    const name = flags.port === undefined ? 'EMULATOR_PORT' : '--port';
    throw new UsageError(`${name}: expected a number from 0 to 65535, got "${port}".`);
  }
  const method = flags['auth-method'] ?? env['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD'];
  const alg = flags['id-token-alg'] ?? env['GENAUTH_ID_TOKEN_ALG'];
  try {
    return new GenAuthEmulator({
      port: Number(port),
      appId: flags['app-id'] ?? env['GENAUTH_APP_ID'],
      appSecret: flags['app-secret'] ?? env['GENAUTH_APP_SECRET'],
      // The emulator checks these two, and names those that there are.
      tokenEndpointAuthMethod: method as GenAuthEmulatorOptions['tokenEndpointAuthMethod'],
      idTokenSignedResponseAlg: alg as GenAuthEmulatorOptions['idTokenSignedResponseAlg'],
      ...people,
    });
  } catch (error) {
    throw error instanceof EmulatorError ? new UsageError(error.message) : error;
  }
}

/** Only the file's outline is read here; the emulator checks what is in the lists and names places as `users[2].email`. */
async function readUsersFile(path: string): Promise<People> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--users: cannot read ${path} (${error.code}).`);
  });
  const content = parseJson(text, path);
  if (Array.isArray(content)) return { users: content };
  const isOutline = typeof content === 'object' && content !== null;
  const unknown = isOutline ? Object.keys(content).find((key) => key !== 'users' && key !== 'adAccounts') : undefined;
  if (!isOutline || unknown !== undefined) {
    const got = unknown === undefined ? '' : `; ${JSON.stringify(unknown)} is neither`;
    throw new UsageError(
      `--users: ${path} must hold { "users": [...], "adAccounts": [...] } or a list of users${got}.`,
    );
  }
  return content;
}

function parseJson(text: string, path: string): unknown {
  try {
    // Editors on Windows begin a file with a byte order mark.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    // Of the parser's message the place only: the rest may quote a password.
    const place = /position \d+/.exec(String(error))?.[0] ?? 'its end';
    throw new UsageError(`--users: ${path} is not JSON: see ${place}.`);
  }
}

function describe(emulator: GenAuthEmulator, people: People): string {
  const users = (people.users ?? DEFAULT_USERS).map((user) => user.username ?? user.email ?? user.phone_number);
  const adAccounts = (people.adAccounts ?? DEFAULT_AD_ACCOUNTS).map((account) => account.sAMAccountName);
  const isPublic = emulator.appSecret === DEFAULT_APP_SECRET;
  return [
    `  App ID       ${emulator.appId}`,
    `  App secret   ${isPublic ? emulator.appSecret : 'as given'}`,
    `  Users        ${list(users)}`,
    `  AD accounts  ${list(adAccounts)}`,
    'For development and tests only. Ctrl+C stops it.',
  ].join('\n');
}

function list(names: readonly (string | undefined)[]): string {
  const shown = names.slice(0, 10).join(', ');
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown || 'none';
}
