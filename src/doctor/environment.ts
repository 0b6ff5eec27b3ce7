import type { GenAuthOptions } from '../core/options/types.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of options. Only the doctor reads the last three: an application sets these options in its code. */
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

/** Options that a variable sets. */
export const VARIABLE_OPTIONS = Object.keys(VARIABLES) as readonly VariableOption[];
/** Names of the variables. */
export const VARIABLE_NAMES: readonly string[] = Object.values(VARIABLES);

/** Where the options come from. It decides what a line that sets an option looks like. */
export type Source = 'environment' | 'code';

export function toLine(source: Source, option: VariableOption, value: string): string {
  return source === 'environment' ? `${VARIABLES[option]}=${value}` : `${option}: '${value}'`;
}

/** The options as the variables have them. The values are not checked here. */
export function readOptions(env: Environment): GenAuthOptions {
  const given = VARIABLE_OPTIONS.map((option) => [option, env[VARIABLES[option]]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as unknown as GenAuthOptions;
}
