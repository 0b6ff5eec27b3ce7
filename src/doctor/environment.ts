import type { GenAuthOptions } from '../core/options/types.js';

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment variable of each option. Only the doctor reads the last three environment variables
 * (`GENAUTH_ISSUER`, `GENAUTH_JWKS_URI`, `GENAUTH_PROXY`). An application sets these three options in its code.
 */
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
  proxy: 'GENAUTH_PROXY',
} as const satisfies Partial<Record<keyof GenAuthOptions, string>>;

export type VariableOption = keyof typeof VARIABLES;

/** The options that have an environment variable. */
export const VARIABLE_OPTIONS = Object.keys(VARIABLES) as readonly VariableOption[];
/** The names of the environment variables. */
export const VARIABLE_NAMES: readonly string[] = Object.values(VARIABLES);

/**
 * The place from which the options come: environment variables or code. The text `fix` shows an environment variable or
 * a line of code for this place.
 */
export type Source = 'environment' | 'code';

/**
 * Formats the setting of an option for a text `fix` that begins with "Set". The result ends with the line that the
 * operator copies: `GENAUTH_APP_ID=my-app`, or `the option appId: 'my-app'` if the options come from code.
 */
export function toSetting(source: Source, option: VariableOption, value: string): string {
  return source === 'environment' ? `${VARIABLES[option]}=${value}` : `the option ${option}: '${value}'`;
}

/** Reads the options from the environment variables. This function does not check the values. */
export function readOptions(env: Environment): GenAuthOptions {
  const given = VARIABLE_OPTIONS.map((option) => [option, env[VARIABLES[option]]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as unknown as GenAuthOptions;
}
