import { ConfigurationError } from '../errors.js';
import { quote } from '../util/quote.js';
import { isRecord, ownProperties } from '../util/record.js';
import type { DefaultScope } from '../scopes.js';
import { MIN_HS256_SECRET_BYTES } from '../tokens/token-verifier.js';
import { SIGNING_ALGORITHMS } from '../tokens/unverified-token.js';
import { PASSWORD_ENCRYPT_TYPES, TOKEN_ENDPOINT_AUTH_METHODS, buildIssuer } from '../wire/facts.js';
import { OptionChecker } from './option-checker.js';
import {
  BEARER_TOKEN_KINDS,
  type ClientIpResolver,
  type GenAuthOptions,
  LANGUAGES,
  type ResolvedOptions,
  USER_CLAIMS_SOURCES,
} from './types.js';

/**
 * Checks the options where they are written and keeps the scopes' types.
 *
 * @returns The same options, frozen.
 * @throws ConfigurationError that names every mistake, with its value and the mend.
 */
export function defineGenAuthOptions<const S extends string = DefaultScope>(
  options: GenAuthOptions<S>,
): Readonly<GenAuthOptions<S>> {
  resolveOptions(options);
  return Object.freeze({ ...options });
}

const OPTION_NAMES = [
  'appId',
  'appSecret',
  'appHost',
  'issuer',
  'tokenEndpointAuthMethod',
  'idTokenSignedResponseAlg',
  'accessTokenSignedResponseAlg',
  'passwordEncryptType',
  'scope',
  'signInOptions',
  'fields',
  'language',
  'exposeReasons',
  'name',
  'clientIp',
  'timeout',
  'clockTolerance',
  'jwksUri',
  'audience',
  'ca',
  'proxy',
  'jwks',
  'bearerToken',
  'userClaims',
  'userInfoMaxAge',
  'verifiedTokenCache',
] as const satisfies readonly (keyof GenAuthOptions)[];

/** Other libraries' words for ours. */
const SYNONYMS: Readonly<Record<string, string>> = {
  clientid: 'appId',
  clientsecret: 'appSecret',
  secret: 'appSecret',
  host: 'appHost',
  domain: 'appHost',
  baseurl: 'appHost',
  scopes: 'scope',
  jwksurl: 'jwksUri',
  clocktoleranceseconds: 'clockTolerance',
  algorithms: 'idTokenSignedResponseAlg',
  idtokenalg: 'idTokenSignedResponseAlg',
  passwordencrypt: 'passwordEncryptType',
  usernamefield: 'fields: { account }',
  passwordfield: 'fields: { password }',
};

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigurationError `invalid_options` that names every mistake at once.
 */
export function resolveOptions(given: GenAuthOptions): ResolvedOptions {
  const mistakes: string[] = [];
  if (!isRecord(given)) {
    throw new ConfigurationError(
      'invalid_options',
      `passport-genauth: the options are ${quote(given)}. Pass an object with appId, appSecret and appHost.`,
    );
  }
  const options: GenAuthOptions = ownProperties(given);
  const check = new OptionChecker(options, mistakes);
  check.names(OPTION_NAMES, SYNONYMS);

  const tokenEndpointAuthMethod = check.oneOf(
    'tokenEndpointAuthMethod',
    TOKEN_ENDPOINT_AUTH_METHODS,
    'client_secret_post',
  );
  const appId = check.credential('appId') ?? '';
  const appSecret = tokenEndpointAuthMethod === 'none' ? undefined : check.secret('appSecret');
  if (tokenEndpointAuthMethod === 'none' && options.appSecret !== undefined) {
    mistakes.push(`appSecret is set, but tokenEndpointAuthMethod 'none' sends none: leave one of the two out.`);
  }
  const idTokenSignedResponseAlg = check.oneOf('idTokenSignedResponseAlg', SIGNING_ALGORITHMS, 'RS256');
  const accessTokenSignedResponseAlg = check.oneOf('accessTokenSignedResponseAlg', SIGNING_ALGORITHMS, 'RS256');
  if (idTokenSignedResponseAlg === 'HS256' || accessTokenSignedResponseAlg === 'HS256') {
    if (tokenEndpointAuthMethod === 'none') {
      mistakes.push(
        `HS256 is keyed with appSecret, and tokenEndpointAuthMethod 'none' has none: choose RS256 in the console.`,
      );
    } else if (typeof appSecret === 'string' && Buffer.byteLength(appSecret) < MIN_HS256_SECRET_BYTES) {
      mistakes.push(
        `appSecret has ${Buffer.byteLength(appSecret)} bytes, and HS256 needs ${MIN_HS256_SECRET_BYTES}: choose RS256 in the console.`,
      );
    }
  }
  const appHost = check.origin('appHost') ?? '';
  const scope = check.scope('scope', ['openid', 'profile']);
  const checkJwks = check.group('jwks', ['maxAge', 'cooldown', 'staleIfError'], 'jwks: { maxAge: 600_000 }');
  const bearerToken = check.oneOf('bearerToken', BEARER_TOKEN_KINDS, 'access_token');
  const userClaims = check.oneOf('userClaims', USER_CLAIMS_SOURCES, 'token');
  if (bearerToken === 'id_token' && userClaims === 'userinfo') {
    mistakes.push(
      `userClaims is "userinfo", which needs access tokens: leave it out, an id_token brings the claims along.`,
    );
  }

  const resolved: ResolvedOptions = {
    appId,
    appSecret,
    appHost,
    issuer: check.url('issuer')?.text ?? buildIssuer(appHost),
    tokenEndpointAuthMethod,
    idTokenSignedResponseAlg,
    accessTokenSignedResponseAlg,
    passwordEncryptType: check.oneOf('passwordEncryptType', PASSWORD_ENCRYPT_TYPES, 'none'),
    scope: Object.freeze(scope),
    fields: check.fields('fields'),
    language: check.oneOf('language', LANGUAGES, undefined),
    exposeReasons: check.flag('exposeReasons'),
    name: check.strategyName('name'),
    signInOptions: check.signInOptions('signInOptions'),
    clientIp: check.callable('clientIp') as ClientIpResolver | undefined,
    timeout: check.whole('timeout', 'milliseconds', 1, 600_000, 10_000),
    clockTolerance: check.whole('clockTolerance', 'seconds', 0, 300, 5),
    jwksUri: check.url('jwksUri')?.url.href,
    audience: Object.freeze(check.texts('audience', [appId])),
    ca: check.certificates('ca'),
    proxy: check.proxy('proxy'),
    jwks: Object.freeze({
      maxAge: checkJwks.whole('maxAge', 'milliseconds', 1000, 86_400_000, 600_000),
      cooldown: checkJwks.whole('cooldown', 'milliseconds', 100, 3_600_000, 30_000),
      staleIfError: checkJwks.whole('staleIfError', 'milliseconds', 0, 31 * 86_400_000, 86_400_000),
    }),
    bearerToken,
    userClaims,
    userInfoMaxAge: check.whole('userInfoMaxAge', 'milliseconds', 0, 86_400_000, 300_000),
    verifiedTokenCache: resolveVerifiedTokenCache(options.verifiedTokenCache, check),
  };
  if (mistakes.length > 0) throw new ConfigurationError('invalid_options', describe(mistakes));
  return Object.freeze(resolved);
}

function resolveVerifiedTokenCache(
  given: GenAuthOptions['verifiedTokenCache'],
  check: OptionChecker,
): ResolvedOptions['verifiedTokenCache'] {
  if (given === false) return false;
  const cache = check.group(
    'verifiedTokenCache',
    ['maxEntries'],
    'verifiedTokenCache: { maxEntries: 10_000 }, or false',
  );
  return Object.freeze({ maxEntries: cache.whole('maxEntries', 'tokens', 1, 1_000_000, 10_000) });
}

function describe(mistakes: readonly string[]): string {
  return ['passport-genauth: the options are wrong.', ...mistakes.map((mistake) => `  - ${mistake}`)].join('\n');
}
