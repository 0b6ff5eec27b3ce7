import { readFileSync } from 'node:fs';
import { buildOptionError } from '../errors.js';
import { quote, unquote } from '../util/quote.js';
import type { GenAuthOptions } from './types.js';

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variable of each option. The value of `GENAUTH_CA` is the path of a PEM file. */
export const VARIABLES = {
  appId: 'GENAUTH_APP_ID',
  appSecret: 'GENAUTH_APP_SECRET',
  appHost: 'GENAUTH_APP_HOST',
  scope: 'GENAUTH_SCOPE',
  passwordEncryptType: 'GENAUTH_PASSWORD_ENCRYPT_TYPE',
  idTokenSignedResponseAlg: 'GENAUTH_ID_TOKEN_ALG',
  tokenEndpointAuthMethod: 'GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD',
  issuer: 'GENAUTH_ISSUER',
  jwksUri: 'GENAUTH_JWKS_URI',
  ca: 'GENAUTH_CA',
  proxy: 'GENAUTH_PROXY',
} as const satisfies Partial<Record<keyof GenAuthOptions, string>>;

/** An option that has an environment variable. */
export type VariableOption = keyof typeof VARIABLES;

/**
 * Reads the options of a client from the environment variables `GENAUTH_APP_ID`, `GENAUTH_APP_SECRET`,
 * `GENAUTH_APP_HOST`, `GENAUTH_SCOPE`, `GENAUTH_PASSWORD_ENCRYPT_TYPE`, `GENAUTH_ID_TOKEN_ALG`,
 * `GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD`, `GENAUTH_ISSUER`, `GENAUTH_JWKS_URI`, `GENAUTH_CA` (the path of a PEM file) and
 * `GENAUTH_PROXY`. An empty variable counts as absent.
 *
 * @param env - The environment variables. Default: `process.env`.
 * @returns Only the options whose variables are set. The client checks the values.
 * @throws ConfigurationError `invalid_options` if the file of `GENAUTH_CA` cannot be read.
 *
 * @example
 * ```ts
 * import { GenAuthClient, genAuthOptionsFromEnvironment } from 'passport-genauth';
 *
 * const client = new GenAuthClient({ ...genAuthOptionsFromEnvironment(), scope: ['openid', 'email'] });
 * ```
 */
export function genAuthOptionsFromEnvironment(env: Environment = process.env): Pick<GenAuthOptions, VariableOption> {
  const given = Object.entries(VARIABLES).flatMap(([option, name]) => {
    const value = env[name];
    if (value === undefined || value === '') return [];
    return [[option, name === VARIABLES.ca ? readPem(name, value) : value]];
  });
  return Object.fromEntries(given) as Pick<GenAuthOptions, VariableOption>;
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = `is ${quote(path)}, a file that cannot be read (${code})`;
    const fix = unquote(path) === path ? 'write the path of a PEM file with certificates' : 'remove the quotes';
    throw buildOptionError({ option: name, problem, fix });
  }
}
