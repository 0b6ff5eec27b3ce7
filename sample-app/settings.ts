import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { parseEnv } from 'node:util';
import express, { type RequestHandler } from 'express';
import { type GenAuthOptions, type GenAuthRequest, genAuthOptionsFromEnvironment } from 'passport-genauth';
import type { GenAuthEmulator, GenAuthEmulatorOptions } from 'passport-genauth/emulator';
import type { RedirectOptions } from 'passport-genauth/redirect';

/** The scopes of the sample application if the environment variable GENAUTH_SCOPE is not set. */
const SCOPE = 'openid profile email phone roles offline_access';

/** The injection token of the settings. */
export const SETTINGS = Symbol('settings of the sample');

/** The routes of the sign-in on GenAuth's hosted page. */
export const HOSTED_PAGE = { start: '/auth/genauth', callback: '/auth/genauth/callback' };

export interface Settings {
  options: GenAuthOptions;
  /** The options of the sign-in on GenAuth's hosted page. */
  redirect: RedirectOptions;
  port: number;
  /**
   * The address on which the sample application listens. The users and passwords of the emulator are public. So with
   * the emulator the sample application listens on the loopback address only.
   */
  host: '127.0.0.1' | '::';
  /** The value of the Express setting `trust proxy`. */
  trustProxy: boolean | number | string;
  /** The emulator in this process, or `undefined` if the environment variable GENAUTH_APP_HOST is set. */
  emulator: GenAuthEmulator | undefined;
  /** Stops the emulator, and closes the connection to Redis. */
  stop: () => Promise<void>;
}

/**
 * Reads the settings from the environment variables, and from the file `.env` in the working folder. Starts the
 * emulator if GENAUTH_APP_HOST is not set, or if GENAUTH_EMULATOR is 1. The client and the emulator check the values of
 * the variables that begin with GENAUTH_.
 */
export async function loadSettings(given: NodeJS.ProcessEnv = readEnvironment()): Promise<Settings> {
  // An empty variable counts as absent.
  const env = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
  const givenPort = readPort(env, 'PORT', 3000);
  const usesEmulator = env['GENAUTH_APP_HOST'] === undefined || env['GENAUTH_EMULATOR'] === '1';
  const emulator = usesEmulator ? await startEmulator(env, givenPort) : undefined;
  const redis = await connectRedis(env);
  const port = givenPort || (await findFreePort());
  return {
    options: {
      ...(emulator === undefined ? genAuthOptionsFromEnvironment(env) : emulator.clientOptions),
      passwordEncryptType: env['GENAUTH_PASSWORD_ENCRYPT_TYPE'] as GenAuthOptions['passwordEncryptType'],
      scope: env['GENAUTH_SCOPE'] ?? SCOPE,
      signInOptions: describeRequest,
      // The page says that an account of the emulator is locked. Without the option, refused logins confirm no account.
      exposeReasons: emulator !== undefined,
      ...redis.options,
      // With `userinfo` the route `/me` shows all claims of the scopes, not only the claims of the access token.
      userClaims: 'userinfo',
    },
    redirect: {
      callbackUrl: env['GENAUTH_CALLBACK_URL'] ?? `http://localhost:${port}${HOSTED_PAGE.callback}`,
      startPath: HOSTED_PAGE.start,
      failurePath: '/',
      // Several processes must have the same secret. Without the variable a restart ends the sign-ins that have begun.
      cookieSecret: env['COOKIE_SECRET'] ?? randomBytes(32).toString('hex'),
    },
    port,
    host: emulator === undefined ? '::' : '127.0.0.1',
    trustProxy: readTrustProxy(env['TRUST_PROXY']),
    emulator,
    stop: async () => {
      redis.disconnect();
      await emulator?.stop();
    },
  };
}

/** Reads the environment variables. They override the variables of the file `.env` in the working folder. */
function readEnvironment(): NodeJS.ProcessEnv {
  if (!existsSync('.env')) return process.env;
  // Editors on Windows may write a byte order mark at the start of a file.
  return { ...parseEnv(readFileSync('.env', 'utf8').replace(/^\uFEFF/, '')), ...process.env };
}

/** Writes the last lines of the start: the address, who can sign in, and how to stop. */
export function announce(framework: 'Nest' | 'Express', port: number, { emulator, options }: Settings): void {
  if (emulator !== undefined) console.log(`Emulator page: ${getEmulatorPage(emulator)}`);
  console.log(`Sample app (${framework}) listening on http://localhost:${port}`);
  console.log(
    emulator === undefined
      ? `Users of ${options.appHost} (application ${options.appId}) can sign in.`
      : `Sign in as ${listTestUsers(emulator).map(describeTestUser).join(', ')}.`,
  );
  if (emulator !== undefined) {
    console.log(
      'The emulator answers in place of GenAuth. For a tenant, set GENAUTH_APP_HOST, and not GENAUTH_EMULATOR.',
    );
  }
  console.log('Press Ctrl+C to stop.');
}

export interface TestUser {
  connection: 'password' | 'ad';
  account: string;
  password: string;
  isAdmin: boolean;
}

/** Returns the users of the emulator whose passwords are public. A user whose password was changed is left out. */
export function listTestUsers(emulator: GenAuthEmulator): TestUser[] {
  const { users, adAccounts } = emulator.listUsers();
  const isAdmin = (roles: readonly unknown[] = []): boolean => roles.includes('admin');
  return [
    ...users.map(({ username, publicPassword: password, roles }) => ({
      connection: 'password',
      account: username,
      password,
      isAdmin: isAdmin(roles),
    })),
    ...adAccounts.map(({ sAMAccountName, publicPassword: password, roles }) => ({
      connection: 'ad',
      account: sAMAccountName,
      password,
      isAdmin: isAdmin(roles),
    })),
  ].filter((user) => user.account !== undefined && user.password !== undefined) as TestUser[];
}

function describeTestUser({ connection, account, password, isAdmin }: TestUser): string {
  const name = connection === 'ad' ? `Active Directory ${account}` : account;
  return `${name} / ${password}${isAdmin ? ' (role admin)' : ''}`;
}

/** Returns the address of the page on which the developer changes users and failures of the emulator. */
export function getEmulatorPage({ url }: GenAuthEmulator): string {
  return `${url}/emulator`;
}

/** Ends the process with a message that names the variable, if the port of the sample application is in use. */
export function endWithPort(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EADDRINUSE') return endWithMessage(error);
  return endWithMessage(new Error(`${error.message}: stop the process that listens on the port, or set PORT.`));
}

/**
 * Refuses requests to host names of other machines while the emulator is used. Without this check, a page on the
 * internet whose name resolves to 127.0.0.1 (DNS rebinding) could sign in with the public users of the emulator.
 */
export function refuseForeignHosts({ emulator, redirect }: Pick<Settings, 'emulator' | 'redirect'>): RequestHandler {
  const callback = new URL(redirect.callbackUrl);
  return (req, res, next) => {
    // The header Host itself, because a page can write X-Forwarded-Host.
    const url = `http://${req.headers.host}`;
    const { hostname } = URL.canParse(url) ? new URL(url) : { hostname: '' };
    const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
    // The cookie of the sign-in on GenAuth's page must be on the host of the callback.
    if (isLocal && req.path === HOSTED_PAGE.start && callback.hostname === 'localhost' && hostname !== 'localhost') {
      return res.redirect(callback.origin + req.originalUrl);
    }
    if (emulator === undefined || isLocal) return next();
    const message = 'The sample application answers only to localhost, 127.0.0.1 and [::1] while it uses the emulator.';
    return void res.status(403).json({ statusCode: 403, error: 'Forbidden', message });
  };
}

/**
 * Prints the error message and ends the process with exit code 1. The stack trace is not printed, because it does not
 * help the user.
 */
export function endWithMessage(error: unknown): never {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

/** Returns the `context` of a sign-in. GenAuth passes it to the Pipeline functions of the tenant. */
function describeRequest(req: GenAuthRequest): { context: Record<string, unknown> } {
  return { context: { source: 'sample-app', userAgent: req.headers['user-agent'] ?? null } };
}

async function startEmulator(env: NodeJS.ProcessEnv, samplePort: number): Promise<GenAuthEmulator> {
  const port = readPort(env, 'EMULATOR_PORT', 3999);
  if (port !== 0 && port === samplePort) {
    throw new Error(`PORT and EMULATOR_PORT are both ${port}: set one of them to another port.`);
  }
  const { GenAuthEmulator } = await import('passport-genauth/emulator');
  const emulator = new GenAuthEmulator({
    port,
    captchaAfter: readNumber(env, 'EMULATOR_CAPTCHA_AFTER'),
    lockAfter: readNumber(env, 'EMULATOR_LOCK_AFTER'),
    stateFile: env['EMULATOR_STATE'],
    appId: env['GENAUTH_APP_ID'],
    appSecret: env['GENAUTH_APP_SECRET'],
    tokenEndpointAuthMethod: env['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD'] as GenAuthOptions['tokenEndpointAuthMethod'],
    idTokenSignedResponseAlg: env['GENAUTH_ID_TOKEN_ALG'] as GenAuthEmulatorOptions['idTokenSignedResponseAlg'],
  });
  await emulator.start().catch((error: Error) => {
    const isPort = 'code' in error && error.code === 'address_in_use';
    if (isPort) throw new Error(`${error.message} The variable is EMULATOR_PORT.`);
    throw new Error(error.message.replace(/^stateFile:/, 'EMULATOR_STATE:'), { cause: error });
  });
  return emulator;
}

/**
 * Connects to the Redis server of REDIS_URL, in which all instances of the sample application count failed sign-ins and
 * share refreshed tokens. Without the variable each instance is on its own.
 */
async function connectRedis(
  env: NodeJS.ProcessEnv,
): Promise<{ options: Partial<GenAuthOptions>; disconnect: () => void }> {
  const url = env['REDIS_URL'];
  if (url === undefined) return { options: {}, disconnect: () => {} };
  const [{ Redis }, { RedisLoginStore, RedisRefreshStore }] = await Promise.all([
    import('ioredis'),
    import('passport-genauth/redis'),
  ]);
  const redis = new Redis(url);
  // The client reports a failure of Redis. Without a listener, each failed connection would print an error.
  redis.on('error', () => {});
  const options = {
    refreshStore: new RedisRefreshStore(redis),
    storeSecret: env['STORE_SECRET'],
    loginThrottle: { account: { failures: 4, per: 15 * 60_000 }, store: new RedisLoginStore(redis) },
  };
  return { options, disconnect: () => redis.disconnect() };
}

/** Returns a port on which no process listens, because the URL of the callback must be known before the start. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Reads a number of wrong passwords. The emulator checks whether it is in the allowed range. */
function readNumber(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const value = env[name];
  if (value === undefined) return undefined;
  if (/^\d{1,6}$/.test(value)) return Number(value);
  throw new Error(`${name} is ${JSON.stringify(value)}: write a number of wrong passwords, for example 3.`);
}

function readPort(env: NodeJS.ProcessEnv, name: string, defaultPort: number): number {
  const value = env[name];
  if (value === undefined) return defaultPort;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(port <= 65_535)) throw new Error(`${name} is ${JSON.stringify(value)}: write a port number from 0 to 65535.`);
  return port;
}

/**
 * Converts the environment variable TRUST_PROXY to a value of the Express setting `trust proxy`: `true`, `false`, a
 * number of proxies, or a string.
 */
function readTrustProxy(value: string | undefined): boolean | number | string {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  const setting = /^\d+$/.test(value) ? Number(value) : value;
  try {
    express().set('trust proxy', setting);
    return setting;
  } catch {
    const fix = 'write a number of proxies, loopback, or the addresses of your proxies separated by commas';
    throw new Error(`TRUST_PROXY is ${JSON.stringify(value)}: ${fix}.`);
  }
}
