import { type GenAuthOptions, type GenAuthRequest, type TokenEndpointAuthMethod } from 'passport-genauth';
import type { GenAuthEmulator } from 'passport-genauth/emulator';

/** What the sample signs in for when GENAUTH_SCOPE says nothing. */
const SCOPE = 'openid profile email phone roles';

export interface Settings {
  options: GenAuthOptions;
  port: number;
  /** As Express's `trust proxy` takes it. */
  trustProxy: boolean | number | string;
  /** The emulator in this process; `undefined` where GENAUTH_APP_HOST names a tenant. */
  emulator: GenAuthEmulator | undefined;
}

/** Reads the environment, and starts the emulator where it names no tenant. */
export async function loadSettings(env: NodeJS.ProcessEnv = process.env): Promise<Settings> {
  const emulator = env['GENAUTH_APP_HOST'] === undefined ? await startEmulator(env) : undefined;
  return {
    options: {
      appId: emulator?.appId ?? env['GENAUTH_APP_ID'] ?? '',
      ...readSecret(env, emulator),
      appHost: emulator?.url ?? env['GENAUTH_APP_HOST'] ?? '',
      scope: env['GENAUTH_SCOPE'] ?? SCOPE,
      ...readAuthMethod(env),
      signInOptions: describeRequest,
    },
    port: readPort(env, 'PORT', 3000),
    trustProxy: readTrustProxy(env['TRUST_PROXY']),
    emulator,
  };
}

/** The context of a sign-in: what a Pipeline function of the tenant may want to know of it. */
function describeRequest(req: GenAuthRequest): { context: Record<string, unknown> } {
  return { context: { source: 'sample-app', userAgent: req.headers['user-agent'] ?? null } };
}

async function startEmulator(env: NodeJS.ProcessEnv): Promise<GenAuthEmulator> {
  const { GenAuthEmulator } = await import('passport-genauth/emulator');
  const emulator = new GenAuthEmulator({
    port: readPort(env, 'EMULATOR_PORT', 3999),
    appId: env['GENAUTH_APP_ID'],
    appSecret: env['GENAUTH_APP_SECRET'],
    ...readAuthMethod(env),
  });
  await emulator.start();
  console.log(`GenAuth emulator listening on ${emulator.url}`);
  return emulator;
}

function readAuthMethod(env: NodeJS.ProcessEnv): { tokenEndpointAuthMethod?: TokenEndpointAuthMethod } {
  const method = env['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD'];
  // Checked where it is used: the library names the three.
  return method === undefined ? {} : { tokenEndpointAuthMethod: method as TokenEndpointAuthMethod };
}

function readSecret(env: NodeJS.ProcessEnv, emulator: GenAuthEmulator | undefined): { appSecret?: string } {
  if (env['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD'] === 'none') return {};
  return { appSecret: emulator?.appSecret ?? env['GENAUTH_APP_SECRET'] ?? '' };
}

function readPort(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const value = env[name];
  if (value === undefined) return otherwise;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(port <= 65_535)) throw new Error(`${name} is ${JSON.stringify(value)}: write a port, 0 to 65535.`);
  return port;
}

/** `1` is a number of proxies, `loopback` and addresses are texts. */
function readTrustProxy(value: string | undefined): boolean | number | string {
  if (value === undefined || value === '' || value === 'false') return false;
  if (value === 'true') return true;
  return /^\d+$/.test(value) ? Number(value) : value;
}
