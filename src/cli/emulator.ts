import { once } from 'node:events';
import { parseArgs } from 'node:util';
import {
  DEFAULT_AD_ACCOUNTS,
  DEFAULT_APP_SECRET,
  DEFAULT_USERS,
  EmulatorError,
  GenAuthEmulator,
  type GenAuthEmulatorOptions,
  readUsersFile,
  type UsersFile,
} from '../emulator/index.js';
import { readVersion } from '../core/util/manifest.js';
import { type Command, type CommandIo, EXIT } from './command.js';

const DEFAULT_PORT = 3999;

const HELP = `passport-genauth emulator: GenAuth on this machine, for development and tests

Usage: passport-genauth emulator [options]

Options:
  --port PORT          port to listen on, 0 for any free one (${DEFAULT_PORT})
  --app-id ID          id of the app (genauth-emulator-app)
  --app-secret SECRET  secret of the app (${DEFAULT_APP_SECRET})
  --auth-method NAME   how the app proves who it is: client_secret_post (default), client_secret_basic or none
  --id-token-alg NAME  what id_tokens are signed with: RS256 (default) or HS256
  --token-lifetime SECONDS
                       how long id_tokens and access tokens live (1209600, 14 days)
  --refresh-token-lifetime SECONDS
                       how long refresh tokens live (2592000, 30 days)
  --users FILE.json    who can sign in: { "users": [...], "adAccounts": [...], "tenants": [...], "roles": [...],
                       "extendedFields": [...] }, or a list of users
  --captcha-after N    failures of an account after which it needs a captcha (never)
  --lock-after N       failures of an account after which it is locked (never)
  --mfa                asks every user for a second factor
  --clock-drift SECONDS
                       how far the clock is ahead; --clock-drift=-60 is behind (0)
  --logout-uri URI     where a logout may lead; may be there several times
  --lifetime-field NAME, --system-wrapped, --jwks-address NAME
                       where GenAuth's documents differ: expires_in, expire_in or both (default); the keys for
                       passwords in an envelope; the key set at the host, below the app, or at both (default)
  --host ADDRESS       address to listen on (127.0.0.1)
  --allow-remote       accepts a --host that other machines can reach: every user there can sign in
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
    const users = await readUsers(flags.users);
    const emulator = buildEmulator(flags, io.env, users);
    await emulator.start();
    io.stdout(`GenAuth emulator listening on ${emulator.url}`);
    io.stdout(describe(emulator, users, flags['allow-remote'] === true));
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
        'token-lifetime': { type: 'string' },
        'refresh-token-lifetime': { type: 'string' },
        users: { type: 'string' },
        'captcha-after': { type: 'string' },
        'lock-after': { type: 'string' },
        mfa: { type: 'boolean' },
        'clock-drift': { type: 'string' },
        'logout-uri': { type: 'string', multiple: true },
        'lifetime-field': { type: 'string' },
        'system-wrapped': { type: 'boolean' },
        'jwks-address': { type: 'string' },
        host: { type: 'string' },
        'allow-remote': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    const { message } = error as Error;
    throw new UsageError(`${message}${message.endsWith('.') ? '' : '.'} See --help.`);
  }
}

/** Digits only: Number() also reads '', '0x50' and '1e3'. What is too much or too little, the emulator says. */
function readNumber(text: string, name: string, expected: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`${name}: expected ${expected}, got "${text}".`);
}

function readSeconds(text: string | undefined, name: string): number | undefined {
  return text === undefined ? undefined : readNumber(text, name, 'a number of seconds');
}

/** The one number that may be negative. */
function readDrift(text: string | undefined): number | undefined {
  const seconds = readSeconds(text?.replace(/^-(?=\d)/, ''), '--clock-drift');
  return seconds !== undefined && text?.startsWith('-') === true ? -seconds : seconds;
}

function readCount(text: string | undefined, name: string): number | undefined {
  return text === undefined ? undefined : readNumber(text, name, 'a number of failures');
}

function buildEmulator(flags: ReturnType<typeof readFlags>, env: CommandIo['env'], users: UsersFile): GenAuthEmulator {
  const port = flags.port ?? env['EMULATOR_PORT'] ?? String(DEFAULT_PORT);
  const portName = flags.port === undefined ? 'EMULATOR_PORT' : '--port';
  const method = flags['auth-method'] ?? env['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD'];
  const alg = flags['id-token-alg'] ?? env['GENAUTH_ID_TOKEN_ALG'];
  try {
    return new GenAuthEmulator({
      port: readNumber(port, portName, 'a number from 0 to 65535'),
      appId: flags['app-id'] ?? env['GENAUTH_APP_ID'],
      appSecret: flags['app-secret'] ?? env['GENAUTH_APP_SECRET'],
      // The emulator checks the words, and names those that there are.
      tokenEndpointAuthMethod: method as GenAuthEmulatorOptions['tokenEndpointAuthMethod'],
      idTokenSignedResponseAlg: alg as GenAuthEmulatorOptions['idTokenSignedResponseAlg'],
      tokenLifetime: readSeconds(flags['token-lifetime'], '--token-lifetime'),
      refreshTokenLifetime: readSeconds(flags['refresh-token-lifetime'], '--refresh-token-lifetime'),
      captchaAfter: readCount(flags['captcha-after'], '--captcha-after'),
      lockAfter: readCount(flags['lock-after'], '--lock-after'),
      mfa: flags.mfa,
      clockDrift: readDrift(flags['clock-drift']),
      postLogoutRedirectUris: flags['logout-uri'],
      lifetimeField: flags['lifetime-field'] as GenAuthEmulatorOptions['lifetimeField'],
      systemWrapped: flags['system-wrapped'],
      jwksAddress: flags['jwks-address'] as GenAuthEmulatorOptions['jwksAddress'],
      host: flags.host,
      allowRemote: flags['allow-remote'],
      ...users,
    });
  } catch (error) {
    return wrapInputError()(error);
  }
}

async function readUsers(path: string | undefined): Promise<UsersFile> {
  return path === undefined ? {} : readUsersFile(path).catch(wrapInputError('--users: '));
}

/** An input that the emulator refuses is a mistake in the command. */
const wrapInputError =
  (where = '') =>
  (error: unknown): never => {
    throw error instanceof EmulatorError ? new UsageError(`${where}${error.message}`) : error;
  };

function describe(emulator: GenAuthEmulator, given: UsersFile, isRemote: boolean): string {
  const users = (given.users ?? DEFAULT_USERS).map((user) => user.username ?? user.email ?? user.phone_number);
  const adAccounts = (given.adAccounts ?? DEFAULT_AD_ACCOUNTS).map((account) => account.sAMAccountName);
  const isPublic = emulator.appSecret === DEFAULT_APP_SECRET;
  return [
    `  App ID       ${emulator.appId}`,
    `  App secret   ${isPublic ? emulator.appSecret : 'as given'}`,
    `  Users        ${list(users)}`,
    `  AD accounts  ${list(adAccounts)}`,
    ...(isRemote ? ['Other machines can reach it, and every user there can sign in.'] : []),
    'For development and tests only. Ctrl+C stops it.',
  ].join('\n');
}

function list(names: readonly (string | undefined)[]): string {
  const shown = names.slice(0, 10).join(', ');
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown || 'none';
}
