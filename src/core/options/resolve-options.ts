import { type OptionMistake, buildMistakesError, buildOptionError } from '../errors.js';
import { quote } from '../util/quote.js';
import { isRecord, ownProperties } from '../util/record.js';
import type { DefaultScope } from '../scopes.js';
import { MIN_HS256_SECRET_BYTES } from '../tokens/token-verifier.js';
import type { AccessTokenClaims } from '../tokens/claims.js';
import { SIGNING_ALGORITHMS } from '../tokens/unverified-token.js';
import { PASSWORD_ENCRYPT_TYPES, TOKEN_ENDPOINT_AUTH_METHODS, buildIssuers } from '../wire/facts.js';
import type { LoginStore } from '../../stores/login-limiter.js';
import type { RefreshStore } from '../../stores/refresh-store.js';
import { SEALING_SECRET_FIX, findSecretProblem } from '../util/sealing-secret.js';
import { findUnknownOptions } from '../util/unknown-options.js';
import { OptionChecker } from './option-checker.js';
import type {
  ClientIpResolver,
  GenAuthHttpRequest,
  GenAuthOptions,
  Language,
  LoginLimit,
  LoginThrottleOptions,
  LogFunction,
  ResolvedOptions,
  UserClaimsSource,
  UserResolver,
} from './types.js';

// The compiler reports a value that is missing in these objects.
const LANGUAGES = Object.keys({ en: true, zh: true } satisfies Record<Language, true>) as Language[];
const USER_CLAIMS_SOURCES = Object.keys({
  token: true,
  userinfo: true,
} satisfies Record<UserClaimsSource, true>) as UserClaimsSource[];

/**
 * Checks the options of a `GenAuthClient` and infers the type of the scopes from the option `scope`. Use this function
 * to define the options in one file and pass them to a client, a strategy or the NestJS module in another file.
 *
 * @returns A frozen copy of the options. Defaults are not filled in.
 * @throws ConfigurationError with the code `invalid_options` if an option is wrong. The message and `details.mistakes`
 * list every wrong option with its value and its fix.
 *
 * @example
 * ```ts
 * import { type GenAuthUserOf, defineGenAuthOptions } from 'passport-genauth';
 *
 * export const options = defineGenAuthOptions({
 *   appId: process.env['GENAUTH_APP_ID'] ?? '',
 *   appSecret: process.env['GENAUTH_APP_SECRET'],
 *   appHost: 'https://example.genauth.ai',
 *   scope: ['openid', 'profile', 'email'],
 * });
 * export type User = GenAuthUserOf<typeof options>; // has the claims of these scopes
 * ```
 */
export function defineGenAuthOptions<
  const S extends string = DefaultScope,
  const Source extends UserClaimsSource = 'token',
  User extends object | false | null = never,
>(options: GenAuthOptions<S> & GuardedUserOptions<Source, User>): DefinedOptions<S, Source, User> {
  resolveOptions(options);
  return Object.freeze({ ...options }) as unknown as DefinedOptions<S, Source, User>;
}

/** The options that decide the type of the user on guarded routes. */
interface GuardedUserOptions<Source, User> {
  userClaims?: Source | undefined;
  resolveUser?(req: GenAuthHttpRequest, claims: AccessTokenClaims): User | PromiseLike<User>;
}

/** The options with their scopes, and with the options that decide the type of the user on guarded routes. */
type DefinedOptions<S extends string, Source, User> = Readonly<GenAuthOptions<S>> &
  (Source extends 'userinfo' ? { readonly userClaims: 'userinfo' } : unknown) &
  ([User] extends [never] ? unknown : { readonly resolveUser: UserResolver & (() => User) });

/**
 * Names of options in other login libraries, each with the name of the same option in passport-genauth. The names of
 * the other libraries are in lower case and contain only letters.
 */
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

const OF_REDIRECT = 'write it in the options of redirectHandler or GenAuthRedirectModule';
const OF_MODULE = 'write it in the options of GenAuthModule.forRoot, or remove it';
/**
 * The fix for names that are no option of a client, because they belong in another place. The names are in lower case
 * and contain only letters.
 */
const FIXES: Readonly<Record<string, string>> = {
  verify:
    'pass verify as the second argument of a strategy, new GenAuthPasswordStrategy(options, verify), ' +
    'or write it in the options of GenAuthModule.forRoot',
  startupcheck: OF_MODULE,
  closeatexpiry: OF_MODULE,
  callbackurl: OF_REDIRECT,
  startpath: OF_REDIRECT,
  cookiesecret: OF_REDIRECT,
  returnto: OF_REDIRECT,
  failurepath: OF_REDIRECT,
  isglobal: 'remove it, because GenAuthModule is always global',
  client: 'pass the client in place of the options, for example requireAuth(client)',
};

/**
 * Checks all options of a `GenAuthClient` and fills in the defaults.
 *
 * @param others - The names of further valid options, which the caller checks. The list of valid options in an error
 * message contains them.
 * @throws ConfigurationError `invalid_options` if an option is wrong. The message and `details.mistakes` list every
 * wrong option.
 */
export function resolveOptions(given: GenAuthOptions, others: readonly string[] = []): ResolvedOptions {
  if (!isRecord(given) || given instanceof Promise) {
    const isPromise = given instanceof Promise;
    const problem = `are ${isPromise ? 'a promise' : quote(given)}`;
    const fix = `${isPromise ? 'Await the promise, and pass' : 'Pass'} an object with appId, appSecret and appHost`;
    throw buildOptionError({ option: 'options', problem, fix }, `passport-genauth: the options ${problem}. ${fix}.`);
  }
  const options: GenAuthOptions = ownProperties(given);
  const mistakes: OptionMistake[] = [];
  const check = new OptionChecker(options, mistakes);

  const tokenEndpointAuthMethod = check.oneOf(
    'tokenEndpointAuthMethod',
    TOKEN_ENDPOINT_AUTH_METHODS,
    'client_secret_post',
  );
  const appId = check.credential('appId') ?? '';
  const idTokenSignedResponseAlg = check.oneOf('idTokenSignedResponseAlg', SIGNING_ALGORITHMS, 'RS256');
  // With the method 'none' the secret is never sent, but it is the key of HS256.
  const needsSecret = tokenEndpointAuthMethod !== 'none' || idTokenSignedResponseAlg === 'HS256';
  const appSecret = needsSecret ? check.secret('appSecret') : undefined;
  mistakes.push(...findSecretMistakes(options, tokenEndpointAuthMethod, appSecret, idTokenSignedResponseAlg));
  const appHost = check.origin('appHost', appId) ?? '';
  const issuer = check.url('issuer', 'compared')?.text;
  const scope = check.scope('scope', ['openid', 'profile']);
  const checkJwks = check.group('jwks', ['maxAge', 'cooldown', 'staleIfError'], 'jwks: { maxAge: 600_000 }');

  const resolved: ResolvedOptions & Record<keyof GenAuthOptions, unknown> = {
    appId,
    appSecret,
    appHost,
    issuer: Object.freeze(issuer === undefined ? buildIssuers(appHost, appId) : [issuer]),
    tokenEndpointAuthMethod,
    idTokenSignedResponseAlg,
    passwordEncryptType: check.oneOf('passwordEncryptType', PASSWORD_ENCRYPT_TYPES, 'none'),
    scope: Object.freeze(scope),
    signInOptions: check.signInOptions('signInOptions'),
    fields: check.fields('fields'),
    language: check.oneOf('language', LANGUAGES, undefined),
    exposeReasons: check.boolean('exposeReasons'),
    log: check.function('log', 'log: (level, text, details) => console.log(level, text)') as LogFunction | undefined,
    name: check.strategyName('name'),
    clientIp: check.function('clientIp', 'clientIp: (req) => req.ip') as ClientIpResolver | undefined,
    timeout: check.integer('timeout', 'milliseconds', 1, 600_000, 10_000),
    clockTolerance: check.integer('clockTolerance', 'seconds', 0, 300, undefined),
    jwksUri: check.url('jwksUri')?.url.href,
    authorizationEndpoint: check.authorizationEndpoint('authorizationEndpoint', appHost, options.appHost),
    audience: Object.freeze(check.strings('audience', [appId])),
    ca: check.certificates('ca'),
    ...check.clientCertificate(),
    keepAlive: check.boolean('keepAlive', true),
    proxy: check.proxy('proxy'),
    jwks: Object.freeze({
      maxAge: checkJwks.integer('maxAge', 'milliseconds', 1000, 86_400_000, 600_000),
      cooldown: checkJwks.integer('cooldown', 'milliseconds', 100, 3_600_000, 30_000),
      staleIfError: checkJwks.integer('staleIfError', 'milliseconds', 0, 31 * 86_400_000, 86_400_000),
    }),
    userClaims: check.oneOf('userClaims', USER_CLAIMS_SOURCES, 'token'),
    userInfoMaxAge: check.integer('userInfoMaxAge', 'milliseconds', 0, 86_400_000, 300_000),
    resolveUser: check.function('resolveUser', 'resolveUser: (req, claims) => users.find(claims.sub)', 'required') as
      | UserResolver
      | undefined,
    resolveUserMaxAge: check.integer('resolveUserMaxAge', 'milliseconds', 0, 86_400_000, 0),
    verifiedTokenCache: resolveVerifiedTokenCache(options.verifiedTokenCache, check),
    refreshGrace: check.integer('refreshGrace', 'milliseconds', 0, 300_000, 30_000),
    ...resolveRefreshStore(options, mistakes),
    loginThrottle: resolveLoginThrottle(options.loginThrottle, check, mistakes),
  };
  const known = [...Object.keys(resolved), ...others];
  const all = [...findUnknownOptions(options, known, { synonyms: SYNONYMS, fixes: FIXES }), ...mistakes];
  if (all.length === 0) return Object.freeze(resolved);
  throw buildMistakesError('passport-genauth: the options are wrong.', all);
}

/**
 * Finds options that contradict each other: an application secret that is neither sent nor the key of HS256, and an
 * application secret of less than 32 bytes with HS256.
 */
function findSecretMistakes(
  options: GenAuthOptions,
  tokenEndpointAuthMethod: ResolvedOptions['tokenEndpointAuthMethod'],
  appSecret: ResolvedOptions['appSecret'],
  idTokenSignedResponseAlg: ResolvedOptions['idTokenSignedResponseAlg'],
): OptionMistake[] {
  const mistakes: OptionMistake[] = [];
  const useRs256 = "choose RS256 in the console, and write idTokenSignedResponseAlg: 'RS256'";
  if (idTokenSignedResponseAlg !== 'HS256') {
    if (tokenEndpointAuthMethod === 'none' && options.appSecret !== undefined) {
      const problem = "is set, but tokenEndpointAuthMethod 'none' sends no secret and RS256 needs none";
      mistakes.push({ option: 'appSecret', problem, fix: 'remove one of the two options' });
    }
  } else if (typeof appSecret === 'string' && Buffer.byteLength(appSecret) < MIN_HS256_SECRET_BYTES) {
    const problem = `has ${Buffer.byteLength(appSecret)} bytes, but HS256 needs ${MIN_HS256_SECRET_BYTES} or more`;
    mistakes.push({ option: 'appSecret', problem, fix: useRs256 });
  }
  return mistakes;
}

const STORE_METHODS = ['get', 'set', 'add', 'remove'] as const;

/** Checks the store of token refreshes and its secret. Each of the two requires the other one. */
function resolveRefreshStore(
  options: GenAuthOptions,
  mistakes: OptionMistake[],
): Pick<ResolvedOptions, 'refreshStore' | 'storeSecret'> {
  const { refreshStore, storeSecret }: Partial<Record<keyof GenAuthOptions, unknown>> = options;
  const isStore = isRecord(refreshStore) && STORE_METHODS.every((name) => typeof refreshStore[name] === 'function');
  if (refreshStore !== undefined && !isStore) {
    const shown = isRecord(refreshStore) ? 'an object' : quote(refreshStore);
    const problem = `is ${shown} without ${STORE_METHODS.join(', ')}`;
    mistakes.push({ option: 'refreshStore', problem, fix: 'write new RedisRefreshStore(redis), or remove it' });
  }
  const problem = storeSecret === undefined ? undefined : findSecretProblem(storeSecret);
  if (isStore && storeSecret === undefined) {
    const missing = 'is missing, and refreshStore would store tokens in clear text';
    mistakes.push({ option: 'storeSecret', problem: missing, fix: SEALING_SECRET_FIX });
  } else if (refreshStore === undefined && storeSecret !== undefined) {
    const remove = 'remove it, or write refreshStore: new RedisRefreshStore(redis)';
    mistakes.push({ option: 'storeSecret', problem: 'is set without refreshStore', fix: remove });
  } else if (problem !== undefined) {
    mistakes.push({ option: 'storeSecret', problem, fix: SEALING_SECRET_FIX });
  }
  const secrets = storeSecret === undefined ? undefined : Object.freeze([storeSecret as string | string[]].flat());
  return { refreshStore: isStore ? (refreshStore as unknown as RefreshStore) : undefined, storeSecret: secrets };
}

function resolveLoginThrottle(
  given: GenAuthOptions['loginThrottle'],
  check: OptionChecker,
  mistakes: OptionMistake[],
): ResolvedOptions['loginThrottle'] {
  if (given === undefined) return undefined;
  const example = 'loginThrottle: { account: { failures: 4, per: 15 * 60_000 } }';
  const group = check.group('loginThrottle', ['account', 'network', 'store'], example);
  const { account, network, store }: LoginThrottleOptions = isRecord(given) ? given : {};
  if (isRecord(given) && account === undefined && network === undefined) {
    mistakes.push({ option: 'loginThrottle', problem: 'has neither account nor network', fix: `write ${example}` });
  }
  if (store !== undefined && typeof (store as Partial<LoginStore> | null)?.createLimiter !== 'function') {
    const problem = `is ${isRecord(store) ? 'an object' : quote(store)} without createLimiter`;
    mistakes.push({ option: 'loginThrottle.store', problem, fix: 'write new RedisLoginStore(redis), or remove it' });
  }
  const read = (name: 'account' | 'network', limit: LoginLimit | undefined): Record<string, LoginLimit> => {
    if (limit === undefined) return {};
    const checkLimit = group.group(name, ['failures', 'per'], `${name}: { failures: 4, per: 15 * 60_000 }`);
    const failures = checkLimit.integer('failures', 'sign-ins', 1, 1_000_000, undefined, 'required') ?? 1;
    const per = checkLimit.integer('per', 'milliseconds', 1000, 86_400_000, undefined, 'required') ?? 1000;
    return { [name]: Object.freeze({ failures, per }) };
  };
  return Object.freeze({ ...read('account', account), ...read('network', network), store });
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
  return Object.freeze({ maxEntries: cache.integer('maxEntries', 'tokens', 1, 1_000_000, 10_000) });
}
