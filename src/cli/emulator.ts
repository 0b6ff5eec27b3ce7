import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { VARIABLES } from '../core/options/environment.js';
import {
  DEFAULT_APP_SECRET,
  EmulatorError,
  type EmulatorErrorCode,
  GenAuthEmulator,
  type GenAuthEmulatorOptions,
  readUsersFile,
  type UsersFile,
} from '../emulator/index.js';
import type { EmulatorStart } from '../emulator/emulator.js';
import { isLoopback } from '../emulator/options.js';
import { readVersion } from '../core/util/manifest.js';
import { runChild } from './child.js';
import { type Command, type CommandIo, EXIT } from './command.js';

/** The default port of the emulator. The sample application starts its emulator on the same port. */
const DEFAULT_PORT = 3999;

const HELP = `passport-genauth emulator: emulates GenAuth on this machine, for development and tests

Usage: passport-genauth emulator [options] [-- COMMAND [ARGUMENTS]]

With a COMMAND, starts the emulator and then the command, with the variables GENAUTH_... of the emulator. The emulator
ends with the command: passport-genauth emulator -- npm run dev

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
  --state FILE         keeps keys, users, tokens and counts in this file, so that users stay signed in after a restart
  --redirect-uri URI   allows only this address after a sign-in on the hosted page. Repeat the option for several
                       addresses (any address of this machine)
  --logout-uri URI     allows this redirect address after a logout. Repeat the option for several addresses
  --host ADDRESS       address to listen on (127.0.0.1)
  --allow-remote       allows a --host that other machines can reach. All users can then sign in from there
  --hostname NAME      name by which other machines and containers call the emulator, for example genauth
  --tls                speaks HTTPS, with a certificate that the emulator creates
  --ca-file FILE       with --tls, writes the certificate of its authority to this file, for GENAUTH_CA
                       (genauth-emulator-ca.pem)
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
    const { flags, command } = readArguments(args);
    if (flags.help || flags.version) {
      io.stdout(flags.help ? HELP : await readVersion());
      return EXIT.ok;
    }
    const { emulator, start } = await startEmulator(flags, io.env);
    try {
      const caFile = emulator.ca === undefined ? undefined : await writeCa(emulator.ca, flags['ca-file']);
      const variables = buildVariables(emulator, caFile);
      // With a command, standard output is for the command.
      const write = command === undefined ? io.stdout : io.stderr;
      write(`GenAuth emulator listening on ${start.url}`);
      write(describe(start, flags, variables, command));
      if (command !== undefined) return await runChild(command, { ...io.env, ...UNSET, ...variables }, io);
      if (!io.stop.aborted) await once(io.stop, 'abort');
      return EXIT.ok;
    } finally {
      await emulator.stop();
    }
  } catch (error) {
    io.stderr(`passport-genauth emulator: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
};

/** Starts the emulator. Returns also what its start announced. */
async function startEmulator(
  flags: Flags,
  env: CommandIo['env'],
): Promise<{ emulator: GenAuthEmulator; start: EmulatorStart }> {
  let start: EmulatorStart | undefined;
  const options = buildOptions(flags, env, await readUsers(flags.users));
  try {
    const emulator = await new GenAuthEmulator(options, (announced) => (start = announced)).start();
    return { emulator, start: start as unknown as EmulatorStart };
  } catch (error) {
    return wrapInputError()(error);
  }
}

type Flags = ReturnType<typeof readFlags>;

/** Splits the arguments at the first `--`. The arguments after it are the command of the application. */
function readArguments(args: readonly string[]): { flags: Flags; command: readonly string[] | undefined } {
  const end = args.indexOf('--');
  const command = end === -1 ? undefined : args.slice(end + 1);
  if (command?.length === 0) throw new UsageError('expected a command after --, for example: -- npm run dev.');
  if (command !== undefined && process.platform === 'win32') {
    throw new UsageError('a command after -- is not supported on Windows. Start the command in a second terminal.');
  }
  const flags = readFlags(end === -1 ? args : args.slice(0, end));
  if (flags['ca-file'] !== undefined && flags.tls !== true) throw new UsageError('--ca-file requires --tls.');
  return { flags, command };
}

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
        state: { type: 'string' },
        'redirect-uri': { type: 'string', multiple: true },
        'logout-uri': { type: 'string', multiple: true },
        'lifetime-field': { type: 'string' },
        'system-wrapped': { type: 'boolean' },
        'jwks-address': { type: 'string' },
        host: { type: 'string' },
        'allow-remote': { type: 'boolean' },
        hostname: { type: 'string' },
        tls: { type: 'boolean' },
        'ca-file': { type: 'string' },
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

function buildOptions(flags: Flags, env: CommandIo['env'], users: UsersFile): GenAuthEmulatorOptions {
  const port = flags.port ?? env['EMULATOR_PORT'] ?? String(DEFAULT_PORT);
  const portName = flags.port === undefined ? 'EMULATOR_PORT' : '--port';
  const method = flags['auth-method'] ?? env['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD'];
  const alg = flags['id-token-alg'] ?? env['GENAUTH_ID_TOKEN_ALG'];
  return {
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
    stateFile: flags.state,
    redirectUris: flags['redirect-uri'],
    postLogoutRedirectUris: flags['logout-uri'],
    lifetimeField: flags['lifetime-field'] as GenAuthEmulatorOptions['lifetimeField'],
    systemWrapped: flags['system-wrapped'],
    jwksAddress: flags['jwks-address'] as GenAuthEmulatorOptions['jwksAddress'],
    host: flags.host,
    allowRemote: flags['allow-remote'],
    hostname: flags.hostname,
    tls: flags.tls,
    allowNodeEnv: flags['allow-node-env'],
    ...users,
  };
}

async function readUsers(path: string | undefined): Promise<UsersFile> {
  return path === undefined ? {} : readUsersFile(path).catch(wrapInputError('--users: '));
}

/** The codes of errors about an option, or about a file that an option names. */
const USAGE_CODES: readonly EmulatorErrorCode[] = ['invalid_input', 'state_file_unusable'];

/** Creates a function that converts an error with one of these codes to a {@link UsageError}. */
const wrapInputError =
  (prefix = '') =>
  (error: unknown): never => {
    const isUsage = error instanceof EmulatorError && USAGE_CODES.includes(error.code);
    // The name of the option in the message is the name of a flag here.
    throw isUsage ? new UsageError(prefix + error.message.replace(/^stateFile:/, '--state:')) : error;
  };

/** Returns the environment variables with which an application connects to the emulator. */
function buildVariables(emulator: GenAuthEmulator, caFile: string | undefined): Readonly<Record<string, string>> {
  const { appId, appHost, tokenEndpointAuthMethod, idTokenSignedResponseAlg } = emulator.clientOptions;
  // Without client authentication, the secret is only the key of HS256, and the client refuses a secret without a use.
  const needsSecret = tokenEndpointAuthMethod !== 'none' || idTokenSignedResponseAlg === 'HS256';
  return {
    [VARIABLES.appId]: appId,
    [VARIABLES.appSecret]: needsSecret ? emulator.appSecret : '',
    [VARIABLES.appHost]: appHost,
    [VARIABLES.tokenEndpointAuthMethod]: tokenEndpointAuthMethod,
    [VARIABLES.idTokenSignedResponseAlg]: idTokenSignedResponseAlg ?? 'RS256',
    ...(caFile !== undefined && { [VARIABLES.ca]: caFile }),
  };
}

/**
 * Variables that would lead an application away from the emulator. They are empty and not absent, so that a file `.env`
 * does not set them again.
 */
const UNSET = Object.fromEntries(
  [VARIABLES.issuer, VARIABLES.jwksUri, VARIABLES.proxy, VARIABLES.ca, 'GENAUTH_EMULATOR'].map((name) => [name, '']),
);

/** The variables whose defaults need no line in a file `.env`. */
const DEFAULT_VARIABLES: Readonly<Record<string, string>> = {
  [VARIABLES.tokenEndpointAuthMethod]: 'client_secret_post',
  [VARIABLES.idTokenSignedResponseAlg]: 'RS256',
};

async function writeCa(pem: string, path = 'genauth-emulator-ca.pem'): Promise<string> {
  const file = resolve(path);
  try {
    await writeFile(file, pem);
  } catch (error) {
    throw new UsageError(`--ca-file: cannot write ${file} (${(error as NodeJS.ErrnoException).code}).`);
  }
  return file;
}

/** Describes the started emulator: who can sign in, and how an application connects. */
function describe(
  { url, issuer, page, users, adAccounts }: EmulatorStart,
  flags: Flags,
  variables: Readonly<Record<string, string>>,
  command: readonly string[] | undefined,
): string {
  const isPublic = variables[VARIABLES.appSecret] === DEFAULT_APP_SECRET;
  const shown = Object.entries(variables).filter(([name, value]) => value !== '' && DEFAULT_VARIABLES[name] !== value);
  const lines = shown.map(([name, value]) =>
    // A secret of the developer's own is not written to the terminal.
    name === VARIABLES.appSecret && !isPublic ? `# ${name}= the secret that you have set` : `${name}=${value}`,
  );
  const isRemote = !isLoopback(new URL(url).hostname.replaceAll(/^\[|\]$/g, ''));
  return [
    `  Issuer       ${issuer}`,
    ...(page === undefined ? [] : [`  Page         ${page}`]),
    `  Users        ${users}`,
    `  AD accounts  ${adAccounts}`,
    ...(flags.users === undefined ? [] : [`  Passwords    in ${flags.users}`]),
    ...(flags.state === undefined ? [] : [`  State        kept in ${flags.state}`]),
    ...(flags['allow-remote'] === true
      ? ['Warning: other machines may reach the emulator, and all its users can sign in from there.']
      : []),
    ...(isRemote && flags.tls !== true
      ? ['Warning: passport-genauth connects to other machines with HTTPS only. Add --tls.']
      : []),
    ...(isRemote && flags['allow-remote'] !== true
      ? ['Warning: other machines cannot reach this address. Add --host 0.0.0.0 --allow-remote.']
      : []),
    ...(command === undefined
      ? ['', 'Lines for the file .env of an application:', ...lines, '']
      : ['', `Starting: ${command.join(' ')}`]),
    'For development and tests only. Press Ctrl+C to stop.',
  ].join('\n');
}
