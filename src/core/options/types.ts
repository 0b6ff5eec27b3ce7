import type { LoginStore } from '../../stores/login-limiter.js';
import type { RefreshStore } from '../../stores/refresh-store.js';
import type { AppSecretSource } from '../oidc/app-secret.js';
import type { GenAuthTokenUser, GenAuthUser, ScopeNames } from '../scopes.js';
import type { SignInOptions } from '../sign-in/sign-in-options.js';
import type { AccessTokenClaims } from '../tokens/claims.js';
import type { SigningAlgorithm } from '../tokens/unverified-token.js';
import type { PasswordEncryptType, TokenEndpointAuthMethod } from '../wire/facts.js';

/**
 * The properties of an HTTP request that passport-genauth reads. The request objects of Express 4 and 5, Fastify,
 * NestJS and `node:http` have these properties.
 */
export interface GenAuthRequest {
  /** Request headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed request body. Login routes read the credentials from the body. */
  readonly body?: unknown;
  /**
   * The caller's IP address, as the framework determines it. In Express the address depends on the setting
   * `trust proxy`, in Fastify on the setting `trustProxy`.
   */
  readonly ip?: string | undefined;
  /** The socket of the connection. Its `remoteAddress` is used if `ip` is not an IP address. */
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

/**
 * The request that the application's own functions receive: `signInOptions`, `clientIp`, `resolveUser`, `verify` and
 * `tenant`. A function can also declare the request type of its framework, for example `(req: express.Request) => …`.
 */
export interface GenAuthHttpRequest extends GenAuthRequest {
  /** The parameters of the route, with the types of the framework. Only requests of HTTP routes have them. */
  // oxlint-disable-next-line typescript/no-explicit-any -- Express and Fastify have different types.
  readonly params: any;
  /** The parsed query of the URL, with the types of the framework. Only requests of HTTP routes have it. */
  // oxlint-disable-next-line typescript/no-explicit-any -- Express and Fastify have different types.
  readonly query: any;
}

/**
 * The options of a `GenAuthClient`. `appId`, `appSecret` and `appHost` have the names that GenAuth's console uses.
 *
 * All options are checked when the client is created. A wrong value or an unknown option throws a `ConfigurationError`
 * with the code `invalid_options`. An option that is `undefined` has its default.
 *
 * @typeParam S - The scopes, inferred from `scope`. The scopes decide the type of the signed-in user.
 *
 * @example
 * ```ts
 * import { type GenAuthOptions, GenAuthClient } from 'passport-genauth';
 *
 * const options: GenAuthOptions<'openid' | 'profile' | 'email'> = {
 *   appId: process.env['GENAUTH_APP_ID'] ?? '',
 *   appSecret: process.env['GENAUTH_APP_SECRET'],
 *   appHost: 'https://example.genauth.ai',
 *   scope: ['openid', 'profile', 'email'],
 *   timeout: 5_000, // milliseconds
 * };
 * export const client = new GenAuthClient(options);
 * ```
 */
export interface GenAuthOptions<S extends string = string> {
  /**
   * The application ID, which GenAuth's console shows under application → endpoint information. This option is
   * required. The application ID consists of visible ASCII characters without a colon.
   */
  appId: string;
  /**
   * The application secret, which GenAuth's console shows under application → endpoint information. The value is a
   * string, or a function that returns the secret or a promise of the secret. This option is required, except with
   * `tokenEndpointAuthMethod: 'none'`. With `'none'`, `appSecret` is never sent: it is required if
   * `idTokenSignedResponseAlg` is `HS256`, and must be absent otherwise.
   *
   * A function is called when the secret is first needed. The function is called again if GenAuth refuses the secret,
   * or if an HS256 signature does not match the secret. The secret can therefore be replaced without a restart of the
   * application. If the function throws, or returns no usable secret, the error is a `ConfigurationError` with the code
   * `app_secret_unavailable`.
   */
  appSecret?: AppSecretSource | undefined;
  /**
   * The address of the GenAuth application, for example `https://example.genauth.ai` or
   * `https://example.genauth.ai/<appId>`, without any other path, a query or a user name. This option is required.
   * `http:` is accepted for loopback hosts only: `localhost`, `127.0.0.0/8` and `[::1]`.
   */
  appHost: string;
  /**
   * The issuer: a full `https:` or `http:` address without a query. No request is sent to this address. The claim `iss`
   * of every token must be exactly this string. The `issuer` of GenAuth's discovery document must also be exactly this
   * string. The discovery document is read unless `jwksUri` is set. Default: `https://host/oidc` and
   * `https://host/<appId>/oidc` are both accepted.
   */
  issuer?: string | undefined;
  /**
   * How the application proves its identity to GenAuth
   * ([OpenID Connect Core 1.0 §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)):
   *
   * - `client_secret_post` sends the application secret in the request body.
   * - `client_secret_basic` sends the application secret in the request header `Authorization`.
   * - `none` sends no application secret.
   *
   * Choose the method that GenAuth's console shows under application → configuration → token-exchange authentication
   * method. Default: `client_secret_post`.
   */
  tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /**
   * The only algorithm that is accepted for the signature of id_tokens: `RS256` or `HS256`. Default: `RS256`.
   *
   * GenAuth signs id_tokens with `HS256` until `RS256` is chosen in GenAuth's console. The key of `HS256` is
   * `appSecret`. With `HS256`, `appSecret` must have at least 32 bytes, also with `tokenEndpointAuthMethod: 'none'`.
   * Access tokens must always be signed with RS256.
   */
  idTokenSignedResponseAlg?: SigningAlgorithm | undefined;
  /**
   * Encrypts the password with GenAuth's public key, in addition to TLS: `none`, `rsa` or `sm2`. Default: `none`.
   *
   * With `rsa` the size of the public key limits the length of the password: a key of 1024 bits encrypts at most 117
   * bytes.
   */
  passwordEncryptType?: PasswordEncryptType | undefined;
  /**
   * The scopes that every sign-in requests: a list, or one string with spaces between the scopes. The scopes must
   * contain `openid`. Default: `['openid', 'profile']`. The scope `offline_access` requests a refresh token.
   */
  scope?: S | readonly S[] | undefined;
  /**
   * Options that are sent to GenAuth with a sign-in: an object, or a function that receives the HTTP request and
   * returns the object or a promise of the object. Default: none.
   *
   * - Values of the request body are never copied into these options. The exceptions are `captchaCode` and
   *   `captchaToken`, which login routes read from the request body.
   * - An object applies to every sign-in. A function is called on login routes only, not by `GenAuthClient.signIn`. If
   *   the function throws, the login is answered with HTTP status 500.
   * - The route that begins a sign-in on GenAuth's hosted page also calls the function, and uses only `tenantId`. This
   *   request has no body.
   * - A `scope` in these options is requested in place of the scopes in the client's option `scope`. The type of this
   *   `scope` allows configured scopes only. The user still has the claims of all configured scopes. `ScopeClaims`
   *   defines the value of a claim that GenAuth does not send.
   * - On a login route the default of `context` is `{ userAgent }`, with the value of the request header `User-Agent`.
   */
  signInOptions?:
    | SignInOptions<NoInfer<S | ScopeNames<S>>>
    | SignInOptionsResolver<NoInfer<S | ScopeNames<S>>>
    | undefined;
  /**
   * Names of the fields in the body of a login request, for example `{ account: 'login', password: 'pwd' }`. Two fields
   * cannot have the same name. Default: each field has the name of its property, see {@link LoginFields}.
   */
  fields?: Partial<LoginFields> | undefined;
  /**
   * The language of the texts for the end user: `en` (English) or `zh` (Chinese). Default: the language that the
   * request header `Accept-Language` prefers, otherwise English.
   */
  language?: Language | undefined;
  /**
   * Whether the response to a refused login gives the reason to the end user. Default: `false`.
   *
   * - `true`: for a locked account and for an account that may not sign in here, the response has the HTTP status 403,
   *   the code `account_locked` or `access_denied`, and a text of its own. The response body has GenAuth's `apiCode`
   *   and `remainingAttempts`.
   * - `false`: the response is the same as for a wrong password, so that it confirms neither an account nor a password.
   *
   * A wrong password and an unknown account always have the same response.
   */
  exposeReasons?: boolean | undefined;
  /**
   * A function that writes the log lines for refused requests. It receives the level, the text and details, see
   * {@link LogFunction}. Lines of the level `error` report a wrong configuration, and failures of GenAuth or the
   * network: equal lines are written at most once a minute. Lines of the level `debug` report every other refused
   * request, except a request without an access token. No line contains a password, a token or a secret.
   *
   * Default: in Nest the logger of Nest with the context `GenAuth`. Otherwise process warnings for `error`, and lines
   * on stderr for `debug` if the environment variable `NODE_DEBUG` contains `passport-genauth`.
   */
  log?: LogFunction | undefined;
  /**
   * The prefix of the strategy names. With the default `genauth` the strategy names are `genauth-password`,
   * `genauth-ad` and `genauth-bearer`. If one process uses several GenAuth applications, give each application a
   * different `name`. The value of `name` consists of letters, digits, `-` and `_`, and begins with a letter.
   */
  name?: string | undefined;
  /**
   * A function that receives the HTTP request and returns the end user's IP address or a promise of the address. Login
   * routes send the address to GenAuth. Default: `req.ip` as the framework determines it, otherwise the address of the
   * socket.
   *
   * The default is also used if the returned value is not an IP address. If the function throws, the login is answered
   * with HTTP status 500.
   */
  clientIp?: ClientIpResolver | undefined;
  /**
   * Maximum duration of a whole login in milliseconds: 1 to 600,000. The limit includes promises of `appSecret`,
   * `signInOptions` and `clientIp`. It is also the limit of each other HTTP exchange with GenAuth, from connecting to
   * the last byte, and of each promise of `verify`, `resolveUser` and `tenant`. Default: 10,000.
   *
   * Requests for the key set, for introspection and for user info have a limit of 5,000 ms if `timeout` is greater,
   * because callers of guarded routes wait for them. A sign-in is not repeated after a timeout.
   */
  timeout?: number | undefined;
  /**
   * Allowed clock difference in seconds when `exp`, `nbf` and `iat` of a token are checked: 0 to 300. Default: 60 for
   * `iat` and `nbf` of tokens that came directly from GenAuth at a login or a refresh, 5 in all other cases. A value
   * replaces both defaults.
   */
  clockTolerance?: number | undefined;
  /**
   * The address of the key set (JWKS), a full `https:` address without a query. `http:` is accepted for loopback hosts
   * only. The key set may be on another host than `appHost`. Default: the `jwks_uri` of GenAuth's discovery document,
   * or the key set's address in GenAuth's documentation if GenAuth has no discovery document
   * ([OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).
   */
  jwksUri?: string | undefined;
  /**
   * The address of GenAuth's hosted page, a full `https:` address without a query on the host of `appHost`. The
   * sign-ins of `passport-genauth/redirect` use it. `http:` is accepted for loopback hosts only. Set it if the doctor
   * finds another `authorization_endpoint` in GenAuth's discovery document. Default: `/oidc/auth` below `appHost`.
   */
  authorizationEndpoint?: string | undefined;
  /**
   * Accepted audiences of access tokens: a string or a list. The claim `aud` must contain at least one of them
   * ([RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3)). Default: `appId`. The audience of
   * id_tokens must always contain `appId`.
   */
  audience?: string | readonly string[] | undefined;
  /**
   * Certificate authorities for a private deployment of GenAuth: PEM text, or a list of PEM texts. They replace the
   * certificate authorities that Node.js trusts. Default: the certificate authorities that Node.js trusts.
   */
  ca?: string | readonly string[] | undefined;
  /**
   * The client certificate for a private deployment of GenAuth that requires one (mutual TLS): PEM text, or a list of
   * PEM texts. The client certificate is the first. The certificates between it and its authority follow. Default:
   * none. `cert` requires `key`.
   */
  cert?: string | readonly string[] | undefined;
  /** The private key of the client certificate in `cert`: PEM text without a passphrase. Default: none. */
  key?: string | undefined;
  /**
   * Whether connections to GenAuth are used for several requests. `false` opens a new connection for each request, for
   * example behind a gateway that closes idle connections in less than 5 seconds. Default: `true`.
   */
  keepAlive?: boolean | undefined;
  /**
   * The address of an HTTP proxy for the requests to GenAuth, for example
   * `http://user:password@proxy.example.com:3128`. Write a `%` in the password as `%25`. Default: none. Environment
   * variables such as `HTTPS_PROXY` are not read. Requests to loopback hosts do not use the proxy.
   */
  proxy?: string | undefined;
  /** Times of the key set cache, in milliseconds. */
  jwks?: JwksOptions | undefined;
  /**
   * Where the user of a guarded route comes from: `token` or `userinfo`. Default: `token`.
   *
   * - `token`: the claims of the access token, `sub`, `scope` and `tenant_id`. No request to GenAuth is needed.
   * - `userinfo`: all claims of the configured scopes, from GenAuth's user info endpoint. The claims are requested once
   *   for each access token and cached for `userInfoMaxAge`.
   */
  userClaims?: UserClaimsSource | undefined;
  /**
   * How long user info is fresh in the cache, in milliseconds: 0 to 86,400,000 (24 hours). Default: 300,000 (5
   * minutes). With 0, user info is requested again each time it is needed. While GenAuth cannot be reached, cached user
   * info is used for the additional time `jwks.staleIfError`.
   */
  userInfoMaxAge?: number | undefined;
  /**
   * A function that maps the verified access token of a request on a guarded route to the application's own user. It
   * receives the request and the claims of the access token. It returns the user (an object) or a promise of the user.
   * The user becomes `req.user`. `null` refuses the user: the response has HTTP status 403 and the code
   * `verify_denied`. Default: `req.user` has the claims of GenAuth, see `userClaims`.
   *
   * The function is called for each request, so that a user who was blocked in the application's database is refused at
   * once. If it throws, the request ends with this error. `requireAuth`, `GenAuthGuard` and the strategy
   * `genauth-bearer` call the function after all conditions of the route are met.
   */
  resolveUser?: UserResolver;
  /**
   * How long the result of `resolveUser` is reused for the same access token, in milliseconds: 0 to 86,400,000 (24
   * hours). Default: 0, `resolveUser` is called for each request. A refusal is never reused.
   */
  resolveUserMaxAge?: number | undefined;
  /**
   * Cache of RS256 tokens that passed verification, so that the signature of a cached token is not verified again. One
   * cache entry takes about 1 kB of memory. Tokens of more than 4,096 characters are not cached. `false` turns the
   * cache off. Default: `{ maxEntries: 10_000 }`. The cache never changes whether a token is accepted.
   */
  verifiedTokenCache?: false | VerifiedTokenCacheOptions | undefined;
  /**
   * How long `GenAuthClient.refresh` still answers a refresh token that GenAuth has replaced, in milliseconds: 0 to
   * 300,000 (5 minutes). The answer is the newest tokens, without a request to GenAuth. So a browser with several tabs
   * stays signed in. With 0, GenAuth refuses the replaced refresh token. Default: 30,000 (30 seconds).
   */
  refreshGrace?: number | undefined;
  /**
   * Storage that all processes of the application share, so that `refreshGrace` also works if another process has
   * refreshed the tokens. For Redis write `new RedisRefreshStore(redis)`, from `passport-genauth/redis`. Requires
   * `storeSecret`. If the storage is down, each process refreshes on its own. Default: none.
   */
  refreshStore?: RefreshStore | undefined;
  /**
   * Encrypts the tokens in `refreshStore`: a secret of 32 characters or more, for example from `openssl rand -hex 32`.
   * With a list the first secret encrypts, and all secrets decrypt, so that a secret can be replaced. All processes
   * have the same secrets.
   */
  storeSecret?: string | readonly string[] | undefined;
  /**
   * Limits failed sign-ins before GenAuth is asked, so that an attacker cannot make GenAuth or the Active Directory
   * lock the account of an employee. A sign-in above the limit is `rate_limited` (HTTP status 429). Default: no limit.
   */
  loginThrottle?: LoginThrottleOptions | undefined;
}

/** The option `loginThrottle`. At least one of `account` and `network` is required. */
export interface LoginThrottleOptions {
  /**
   * The limit for each account. Set it below the limit of GenAuth or of the Active Directory. A sign-in with the right
   * password removes the count.
   */
  account?: LoginLimit | undefined;
  /**
   * The limit for each network of the end users: an IPv4 address, or an IPv6 network of 64 bits. Many users can share
   * an address, so choose a higher limit than for an account. Sign-ins without a client IP address are not counted.
   */
  network?: LoginLimit | undefined;
  /**
   * Where the failed sign-ins are counted. For Redis write `new RedisLoginStore(redis)`, from `passport-genauth/redis`,
   * so that all processes count together. If it is down, sign-ins are not limited. Default: the memory of the process.
   */
  store?: LoginStore | undefined;
}

/** A limit of failed sign-ins. */
export interface LoginLimit {
  /**
   * The number of failed sign-ins after which sign-ins are refused: 1 to 1,000,000. Sign-ins that have begun and not
   * ended also count.
   */
  failures: number;
  /** The time window, in milliseconds: 1,000 to 86,400,000 (24 hours). It begins with the first failed sign-in. */
  per: number;
}

/** Writes a log line for a refused request. */
export type LogFunction = (level: 'error' | 'debug', text: string, details: LogDetails) => void;

/** The facts of a log line. */
export interface LogDetails {
  /** The client's option `name`. */
  name: string;
  /** The HTTP status of the response. */
  status: number;
  /** The `code` in the body of the response. */
  code: string;
  /** The `code` of the error, which is more precise than `code`, for example `token_expired`. */
  reason: string;
  /** The method and the path pattern of the route, for example `GET /orders/:id`, if the framework shows them. */
  route: string | undefined;
  /** The error of the application's own function, for example of `appSecret`. */
  cause: Error | undefined;
}

/** Where the user of a guarded route comes from: the access token, or GenAuth's user info endpoint. */
export type UserClaimsSource = 'token' | 'userinfo';

/** The option `verifiedTokenCache`. */
export interface VerifiedTokenCacheOptions {
  /**
   * Maximum number of tokens: 1 to 1,000,000. Default: 10,000. A token is cached at its second use. If the cache is
   * full, the least recently used token is removed.
   */
  maxEntries?: number | undefined;
}

/**
 * The names of the fields in the body of a login request. A password login has `password` and exactly one of `account`,
 * `email`, `username` and `phone`. An Active Directory login has `password` and `sAMAccountName`. The captcha fields
 * are optional.
 */
export interface LoginFields {
  /**
   * Field with a username, a phone number or an e-mail address. GenAuth compares the value with all three.
   * Default: `account`.
   */
  account: string;
  /** Field with the e-mail address. Default: `email`. */
  email: string;
  /** Field with the username. Default: `username`. */
  username: string;
  /** Field with the phone number. Default: `phone`. */
  phone: string;
  /** Field with the user's logon name in Active Directory. Default: `sAMAccountName`. */
  sAMAccountName: string;
  /** Field with the password. Default: `password`. */
  password: string;
  /** Field with the text that the user read in the captcha picture. Default: `captchaCode`. */
  captchaCode: string;
  /** Field with the token that came with the captcha picture. Default: `captchaToken`. */
  captchaToken: string;
}

/** A language of the texts for the end user: English or Chinese. */
export type Language = 'en' | 'zh';

/**
 * The type of the user that a `GenAuthClient` with the options `Options` signs in.
 *
 * @typeParam Options - The type of the options: `GenAuthUserOf<typeof options>`.
 * @typeParam ExtendedFields - The type of the custom fields of the user pool, for the scope `extended_fields`.
 */
export type GenAuthUserOf<Options, ExtendedFields extends object = Record<string, unknown>> =
  Options extends GenAuthOptions<infer S> ? GenAuthUser<S, ExtendedFields> : never;

/**
 * The type of `req.user` on a guarded route with the options `Options`: the result of `resolveUser`, or with
 * `userClaims: 'userinfo'` the user with all claims of the scopes, otherwise a `GenAuthTokenUser`.
 *
 * @typeParam Options - The type of the options: `GenAuthGuardedUserOf<typeof options>`.
 * @typeParam ExtendedFields - The type of the custom fields of the user pool, for the scope `extended_fields`.
 */
export type GenAuthGuardedUserOf<Options, ExtendedFields extends object = Record<string, unknown>> = Options extends {
  readonly resolveUser: (...parameters: never[]) => infer Result;
}
  ? Exclude<Awaited<Result>, false | null>
  : Options extends { readonly userClaims: 'userinfo' }
    ? GenAuthUserOf<Options, ExtendedFields>
    : GenAuthTokenUser;

// The functions are declared as methods, because TypeScript compares the parameters of methods bivariantly. The
// types `SignInOptionsResolver`, `ClientIpResolver` and `UserResolver` therefore accept a function whose parameter is a
// subtype of `GenAuthRequest`, for example `(req: express.Request) => …`.
interface Resolvers<S extends string> {
  /** See {@link SignInOptionsResolver}. */
  signInOptions(req: GenAuthHttpRequest): SignInOptions<S> | Promise<SignInOptions<S>>;
  /** See {@link ClientIpResolver}. */
  clientIp(req: GenAuthHttpRequest): string | undefined | Promise<string | undefined>;
  /** See {@link UserResolver}. */
  resolveUser(req: GenAuthHttpRequest, claims: AccessTokenClaims): AppUser | PromiseLike<AppUser>;
}
type AppUser = object | false | null;
/** Returns the sign-in options for an HTTP request, or a promise of these options. */
export type SignInOptionsResolver<S extends string = string> = Resolvers<S>['signInOptions'];
/**
 * Returns the end user's IP address for an HTTP request, or `undefined` if the address is not known. May return a
 * promise.
 */
export type ClientIpResolver = Resolvers<string>['clientIp'];
/**
 * Returns the application's own user for a request on a guarded route, or `null` to refuse the user. May return a
 * promise.
 */
export type UserResolver = Resolvers<string>['resolveUser'];

/** Times of the key set cache. All values are integers, in milliseconds. */
export interface JwksOptions {
  /**
   * How long a key set is fresh: 1,000 to 86,400,000 (24 hours). Default: 600,000 (10 minutes). After this time the key
   * set is fetched again, and keys that GenAuth has removed are no longer accepted.
   */
  maxAge?: number | undefined;
  /**
   * Minimum time between two fetches of the key set that tokens with an unknown key ID, or with a signature that fits
   * no key, cause: 100 to 3,600,000 (1 hour). Default: 30,000 (30 seconds). If a fetch did not bring the key, the next
   * fetches may start after 2, 4, 8 … seconds, because the key may not be published yet.
   *
   * This option also limits the pause after failed fetches. The pause begins at 2 seconds, doubles after each further
   * failure, and varies randomly by up to 25 %. The pause is longer if GenAuth sends `Retry-After`. A login
   * waits for the end of the pause at most 5 seconds.
   */
  cooldown?: number | undefined;
  /**
   * How long after `maxAge` the last valid key set is used while fetching fails: 0 to 2,678,400,000 (31 days). Default:
   * 86,400,000 (24 hours). This option also applies to cached user info after `userInfoMaxAge`.
   */
  staleIfError?: number | undefined;
}

/**
 * The checked options, with all defaults filled in. The object is frozen. {@link GenAuthOptions} describes each option.
 */
export interface ResolvedOptions {
  /** The application ID. */
  readonly appId: string;
  /** The application secret, or a function that returns it. `undefined` with `tokenEndpointAuthMethod: 'none'`. */
  readonly appSecret: AppSecretSource | undefined;
  /** The origin of the GenAuth application, without a path and without a slash at the end. */
  readonly appHost: string;
  /** The accepted values of the claim `iss`, at least one. */
  readonly issuer: readonly string[];
  /** How the application proves its identity to GenAuth. */
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  /** The only accepted signature algorithm of id_tokens. */
  readonly idTokenSignedResponseAlg: SigningAlgorithm;
  /** How the password is encrypted in addition to TLS. */
  readonly passwordEncryptType: PasswordEncryptType;
  /** The scopes that every sign-in requests, without duplicates. */
  readonly scope: readonly string[];
  /** The name of each field in the body of a login request. */
  readonly fields: Readonly<LoginFields>;
  /** The language of the texts for the end user. `undefined`: the request header `Accept-Language` decides. */
  readonly language: Language | undefined;
  /** Whether the response to a refused login gives the reason to the end user. */
  readonly exposeReasons: boolean;
  /** Writes a log line for a refused request. `undefined`: process warnings, and debug lines with NODE_DEBUG. */
  readonly log: LogFunction | undefined;
  /** The prefix of the strategy names. */
  readonly name: string;
  /** Options that are sent to GenAuth with a sign-in, or a function that returns them. */
  readonly signInOptions: SignInOptions | SignInOptionsResolver | undefined;
  /** A function that returns the end user's IP address. `undefined`: the address of the request is used. */
  readonly clientIp: ClientIpResolver | undefined;
  /** Maximum duration of one HTTP exchange with GenAuth, in milliseconds. */
  readonly timeout: number;
  /** Allowed clock difference when the times of a token are checked, in seconds. `undefined`: the two defaults. */
  readonly clockTolerance: number | undefined;
  /**
   * The address of the key set. `undefined`: the address comes from the discovery document, or from GenAuth's
   * documentation if there is no discovery document.
   */
  readonly jwksUri: string | undefined;
  /** The address of GenAuth's hosted page. */
  readonly authorizationEndpoint: string;
  /** The accepted audiences of access tokens, at least one. */
  readonly audience: readonly string[];
  /** Certificate authorities (PEM). `undefined`: the certificate authorities that Node.js trusts. */
  readonly ca: readonly string[] | undefined;
  /** The client certificate and its chain (PEM). `undefined`: no client certificate. */
  readonly cert: readonly string[] | undefined;
  /** The private key of the client certificate (PEM). */
  readonly key: string | undefined;
  /** Whether connections to GenAuth are used for several requests. */
  readonly keepAlive: boolean;
  /** The address of the HTTP proxy. `undefined`: no proxy. */
  readonly proxy: string | undefined;
  /** Times of the key set cache, in milliseconds. See {@link JwksOptions}. */
  readonly jwks: { readonly maxAge: number; readonly cooldown: number; readonly staleIfError: number };
  /** Where the user of a guarded route comes from. */
  readonly userClaims: UserClaimsSource;
  /** How long user info is fresh in the cache, in milliseconds. */
  readonly userInfoMaxAge: number;
  /** Maps an access token to the application's own user. `undefined`: the user has the claims of GenAuth. */
  readonly resolveUser: UserResolver | undefined;
  /** How long the result of `resolveUser` is reused, in milliseconds. */
  readonly resolveUserMaxAge: number;
  /** The maximum number of cached verified tokens. `false` if the cache is off. */
  readonly verifiedTokenCache: false | { readonly maxEntries: number };
  /** How long a replaced refresh token still gets the newest tokens, in milliseconds. */
  readonly refreshGrace: number;
  /** The results of token refreshes that several processes share. `undefined`: each process has its own. */
  readonly refreshStore: RefreshStore | undefined;
  /** The secrets that encrypt the tokens in `refreshStore`. `undefined` without `refreshStore`. */
  readonly storeSecret: readonly string[] | undefined;
  /** The limits of failed sign-ins. `undefined`: no limit. */
  readonly loginThrottle:
    | { readonly account?: LoginLimit; readonly network?: LoginLimit; readonly store: LoginStore | undefined }
    | undefined;
}
