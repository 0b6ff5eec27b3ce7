import { ConfigurationError } from '../core/errors.js';
import type { GenAuthOptions, ResolvedOptions } from '../core/options/types.js';
import { resolveOptions } from '../core/options/resolve-options.js';
import { type Observation, PAGES, error, ok, warning } from './report.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of options. The last four are the doctor's own, for what an application sets in its code. */
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

const OPTIONS = Object.keys(VARIABLES) as VariableOption[];
const NAMES: readonly string[] = Object.values(VARIABLES);

/** Where the options came from, and so what a line that mends one looks like. */
export type Source = 'environment' | 'code';

export function toLine(source: Source, option: VariableOption, value: string): string {
  return source === 'environment' ? `${VARIABLES[option]}=${value}` : `${option}: '${value}'`;
}

/** What the values may be, the options' own check says. */
export function readOptions(env: Environment): GenAuthOptions {
  const given = OPTIONS.map((option) => [option, env[VARIABLES[option]]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as unknown as GenAuthOptions;
}

/** Variables that nobody reads, and those that overrule the file that was named. */
export function checkEnvironment(env: Environment, file: Environment = {}): Observation[] {
  const all = { ...file, ...env };
  const unknown = Object.keys(all).filter((name) => /^(GEN_?AUTH|AUTHING)_/.test(name) && !NAMES.includes(name));
  const overruled = NAMES.filter(
    (name) => file[name] !== undefined && env[name] !== undefined && env[name] !== file[name],
  );
  const found = [
    ...unknown.map((name) =>
      warning('environment_unknown', `${name} is set, and nobody reads it.`, {
        why: 'A setting under a wrong name does nothing.',
        mend: `Write ${guessName(name) ?? `one of ${NAMES.join(', ')}`}, or take it out.`,
      }),
    ),
    ...overruled.map((name) =>
      warning('environment_overrules_file', `${name} is in the file, and the environment has another value.`, {
        why: 'The environment counts, here as with `node --env-file`.',
        mend: `unset ${name}`,
      }),
    ),
    ...(all['TRUST_PROXY'] === 'true' ? [TRUST_PROXY_TRUE] : []),
  ];
  const count = NAMES.filter((name) => all[name] !== undefined).length;
  return found.length > 0 ? found : [ok('environment', `${count} of GenAuth's variables are set.`)];
}

const TRUST_PROXY_TRUE = warning('trust_proxy_true', 'TRUST_PROXY is true.', {
  why: 'Anybody may then write the IP address that GenAuth is told, into X-Forwarded-For: lock-out and IP rules go by it.',
  mend: 'TRUST_PROXY=1 (the number of proxies before your application, or their addresses)',
});

/** `GEN_AUTH_APP_ID`, `AUTHING_APP_ID` and `GENAUTH_APPID` are all meant for one. */
function guessName(name: string): string | undefined {
  const plain = (text: string): string => text.replace(/^AUTHING/, 'GENAUTH').replaceAll('_', '');
  return NAMES.find((candidate) => plain(candidate) === plain(name));
}

const EXAMPLES: Readonly<Record<VariableOption, readonly [value: string, page?: string]>> = {
  appId: ['<App ID>', PAGES.endpoints],
  appSecret: ['<App secret>', PAGES.endpoints],
  appHost: ['https://<app>.genauth.ai', PAGES.endpoints],
  scope: ['openid profile'],
  passwordEncryptType: ['none'],
  idTokenSignedResponseAlg: ['RS256', PAGES.idTokenAlgorithm],
  tokenEndpointAuthMethod: ['client_secret_post', PAGES.tokenAuthMethod],
  issuer: ['https://<app>.genauth.ai/oidc', PAGES.endpoints],
  jwksUri: ['https://<app>.genauth.ai/oidc/.well-known/jwks.json'],
  proxy: ['http://proxy.example.com:3128'],
};

/** Every mistake in the options, as the library itself tells them when it starts. */
export function checkConfiguration(
  given: GenAuthOptions,
  source: Source,
): { options: ResolvedOptions | undefined; found: Observation[] } {
  try {
    const options = resolveOptions(given);
    return { options, found: [ok('configuration', describe(options))] };
  } catch (fault) {
    if (!(fault instanceof ConfigurationError)) throw fault;
    const [first = '', ...mistakes] = fault.message.split('\n  - ');
    return {
      options: undefined,
      found: (mistakes.length > 0 ? mistakes : [first]).map((each) => toFinding(each, source)),
    };
  }
}

function toFinding(mistake: string, source: Source): Observation {
  const subject = /^\w+/.exec(mistake)?.[0];
  const option = subject === 'HS256' ? 'idTokenSignedResponseAlg' : OPTIONS.find((each) => each === subject);
  const [value, page] = option === undefined ? [] : EXAMPLES[option];
  return error('configuration_invalid', mistake, {
    why: 'The application does not start with this.',
    ...(page !== undefined && { page }),
    mend: option === undefined || value === undefined ? 'See the message.' : toLine(source, option, value),
  });
}

function describe(options: ResolvedOptions): string {
  const { tokenEndpointAuthMethod, idTokenSignedResponseAlg, passwordEncryptType, scope } = options;
  return (
    `The options are in order: ${tokenEndpointAuthMethod}, id_token ${idTokenSignedResponseAlg}, ` +
    `passwordEncryptType ${passwordEncryptType}, scope ${scope.join(' ')}.`
  );
}
