import express from 'express';
import type { GenAuthOptions, GenAuthRequest } from 'passport-genauth';
import type { GenAuthEmulator, GenAuthEmulatorOptions } from 'passport-genauth/emulator';

/** What the sample signs in for when GENAUTH_SCOPE says nothing. */
const SCOPE = 'openid profile email phone roles offline_access';

/** Injection token. */
export const SETTINGS = Symbol('settings of the sample');

export interface Settings {
  options: GenAuthOptions;
  port: number;
  /** The emulator's users and passwords are public, so with it the sample is for this machine only. */
  host: '127.0.0.1' | '::';
  /** As Express's `trust proxy` takes it. */
  trustProxy: boolean | number | string;
  /** The emulator in this process; `undefined` where GENAUTH_APP_HOST names a tenant. */
  emulator: GenAuthEmulator | undefined;
}

/** Reads the environment, and starts the emulator where it names no tenant. What the values may be is checked where they are used. */
export async function loadSettings(env: NodeJS.ProcessEnv = process.env): Promise<Settings> {
  const emulator = env['GENAUTH_APP_HOST'] === undefined ? await startEmulator(env) : undefined;
  return {
    options: {
      ...(emulator === undefined ? readTenant(env) : emulator.clientOptions),
      passwordEncryptType: env['GENAUTH_PASSWORD_ENCRYPT_TYPE'] as GenAuthOptions['passwordEncryptType'],
      scope: env['GENAUTH_SCOPE'] ?? SCOPE,
      signInOptions: describeRequest,
      // `/me` shows the whole user, not only what an access token says.
      userClaims: 'userinfo',
    },
    port: readPort(env, 'PORT', 3000),
    host: emulator === undefined ? '::' : '127.0.0.1',
    trustProxy: readTrustProxy(env['TRUST_PROXY']),
    emulator,
  };
}

/** Ends the process with what is wrong in words; the stack would only say that it was found while starting. */
export function endWithMessage(error: unknown): never {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
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
    tokenEndpointAuthMethod: env['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD'] as GenAuthOptions['tokenEndpointAuthMethod'],
    idTokenSignedResponseAlg: env['GENAUTH_ID_TOKEN_ALG'] as GenAuthEmulatorOptions['idTokenSignedResponseAlg'],
  });
  await emulator.start();
  console.log(`GenAuth emulator listening on ${emulator.url}`);
  return emulator;
}

function readTenant(env: NodeJS.ProcessEnv): GenAuthOptions {
  const tokenEndpointAuthMethod = env['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD'];
  return {
    appId: env['GENAUTH_APP_ID'] ?? '',
    appSecret: tokenEndpointAuthMethod === 'none' ? undefined : env['GENAUTH_APP_SECRET'],
    appHost: env['GENAUTH_APP_HOST'] ?? '',
    tokenEndpointAuthMethod: tokenEndpointAuthMethod as GenAuthOptions['tokenEndpointAuthMethod'],
    idTokenSignedResponseAlg: env['GENAUTH_ID_TOKEN_ALG'] as GenAuthOptions['idTokenSignedResponseAlg'],
  };
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
  const setting = /^\d+$/.test(value) ? Number(value) : value;
  try {
    express().set('trust proxy', setting);
    return setting;
  } catch {
    const expected = 'a number of proxies, loopback, or their addresses with commas between';
    throw new Error(`TRUST_PROXY is ${JSON.stringify(value)}: write ${expected}.`);
  }
}
