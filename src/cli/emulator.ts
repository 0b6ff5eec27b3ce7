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

/** The default port of the emulator. The sample application starts its emulator on the same port. */
const DEFAULT_PORT = 3999;

const HELP = `passport-genauth emulator: emulates GenAuth on this machine, for development and tests

Usage: passport-genauth emulator [options]

Options (default in parentheses):
  --port PORT          port to listen on, 0 for any free port (${DEFAULT_PORT})
  --app-id ID          ID of the application (genauth-emulator-app)
  --app-secret SECRET  secret of the application (${DEFAULT_APP_SECRET})
  --auth-method NAME   how the application authenticates itself: client_secret_post, client_secret_basic or none
                       (client_secret_post)
  --id-token-alg NAME  algorithm that signs id_tokens: RS256 or HS256 (RS256)
  --token-lifetime SECONDS
                       lifetime of id_tokens and access tokens (1209600, 14 days)
  --refresh-token-lifetime SECONDS
                       lifetime of refresh tokens (2592000, 30 days)
  --users FILE.json    users and accounts: { "users": [...], "adAccounts": [...], "tenants": [...], "roles": [...],
                       "extendedFields": [...] }, or a list of users
  --captcha-after N    requires a captcha after N failed sign-ins of an account (never)
  --lock-after N       locks an account after N failed sign-ins (never)
  --mfa                requires a second factor from every user
  --clock-drift SECONDS
                       moves the clock ahead, or back with a negative number: --clock-drift=-60 (0)
  --logout-uri URI     allows this redirect address after a logout. Repeat the option for several addresses
  --host ADDRESS       address to listen on (127.0.0.1)
  --allow-remote       allows a --host that other machines can reach. All users can then sign in from there
  --allow-node-env NAME
                       starts also if NODE_ENV is NAME. It always starts with development, test, ci and without
                       NODE_ENV, and never with production
  --help, --version

Where GenAuth's documents contradict each other, these options select the behaviour:
  --lifetime-field NAME
                       field with the lifetime of tokens: expires_in, expire_in or both (both)
  --system-wrapped     sends the keys for password encryption in an envelope
  --jwks-address NAME  address of the key set: host, app (the path begins with the application's ID) or both (both)

Without an option, the emulator reads its environment variable, as the sample application does: EMULATOR_PORT,
GENAUTH_APP_ID, GENAUTH_APP_SECRET, GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD, GENAUTH_ID_TOKEN_ALG.`;

/** An error for a mistake in the command line or in a file that the command line names. */
class UsageError extends Error {}

/** Runs the command `passport-genauth emulator`. The emulator listens until `io.stop` is aborted. */
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
        'allow-node-env': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    const { message } = error as Error;
    throw new UsageError(`${message}${message.endsWith('.') ? '' : '.'} See --help.`);
  }
}

/**
 * Reads a number of 1 to 9 digits. `Number()` alone would also accept '', '0x50' and '1e3'. The emulator checks whether
 * the number is in the allowed range.
 */
function readNumber(text: string, name: string, expected: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`${name}: expected ${expected}, got "${text}".`);
}

function readSeconds(text: string | undefined, name: string): number | undefined {
  return text === undefined ? undefined : readNumber(text, name, 'a number of seconds');
}

/** Reads the clock drift. It is the only option whose number may be negative. */
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
    const options = {
      port: readNumber(port, portName, 'a number from 0 to 65535'),
      appId: flags['app-id'] ?? env['GENAUTH_APP_ID'],
      appSecret: flags['app-secret'] ?? env['GENAUTH_APP_SECRET'],
      // The emulator checks the following values. Its error message lists the valid values.
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
      allowNodeEnv: flags['allow-node-env'],
      ...users,
    };
    // The command prints the address and the users itself.
    return new GenAuthEmulator(options, () => {});
  } catch (error) {
    return wrapInputError()(error);
  }
}

async function readUsers(path: string | undefined): Promise<UsersFile> {
  return path === undefined ? {} : readUsersFile(path).catch(wrapInputError('--users: '));
}

/** Creates a function that converts an `EmulatorError` to a {@link UsageError}. */
const wrapInputError =
  (prefix = '') =>
  (error: unknown): never => {
    throw error instanceof EmulatorError ? new UsageError(`${prefix}${error.message}`) : error;
  };

function describe(emulator: GenAuthEmulator, given: UsersFile, isRemote: boolean): string {
  const users = (given.users ?? DEFAULT_USERS).map((user) => user.username ?? user.email ?? user.phone_number);
  const adAccounts = (given.adAccounts ?? DEFAULT_AD_ACCOUNTS).map((account) => account.sAMAccountName);
  const isPublic = emulator.appSecret === DEFAULT_APP_SECRET;
  return [
    `  App ID       ${emulator.appId}`,
    `  App secret   ${isPublic ? emulator.appSecret : '(set by you, not shown)'}`,
    `  Users        ${list(users)}`,
    `  AD accounts  ${list(adAccounts)}`,
    ...(isRemote ? ['Warning: other machines may reach the emulator, and all its users can sign in from there.'] : []),
    'For development and tests only. Press Ctrl+C to stop.',
  ].join('\n');
}

function list(names: readonly (string | undefined)[]): string {
  const shown = names.slice(0, 10).join(', ');
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown || 'none';
}
