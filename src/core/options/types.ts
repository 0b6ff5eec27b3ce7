import type { AppSecretSource } from '../oidc/app-secret.js';
import type { GenAuthUser, ScopeNames } from '../scopes.js';
import type { SignInOptions } from '../sign-in/sign-in-options.js';
import type { SigningAlgorithm } from '../tokens/unverified-token.js';
import type { PasswordEncryptType, TokenEndpointAuthMethod } from '../wire/facts.js';

/**
 * The properties of a request that the library reads. Requests of Express 4 and 5, Fastify, NestJS and `node:http` have
 * them.
 */
export interface GenAuthRequest {
  /** Request headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed body. Login routes read the credentials from it. */
  readonly body?: unknown;
  /**
   * The client's address as the framework determines it. In Express the setting `trust proxy` decides, in Fastify the
   * setting `trustProxy`.
   */
  readonly ip?: string | undefined;
  /** The connection. Its `remoteAddress` is used if `ip` is not an IP address. */
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

/**
 * The options of a client. `appId`, `appSecret` and `appHost` have the names that GenAuth's console uses.
 *
 * All options are checked when the client is created. A wrong value and an unknown option throw a `ConfigurationError`
 * with the code `invalid_options`. An option that is `undefined` has its default.
 *
 * @typeParam S - The scopes, inferred from `scope`. The type of the signed-in user follows from them.
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
   * The application ID, shown in the console under application → endpoint information. Required. Visible ASCII
   * characters without a colon.
   */
  appId: string;
  /**
   * The application secret, shown in the console under application → endpoint information: a string, or a function that
   * returns it or a promise of it. Required, except with `tokenEndpointAuthMethod: 'none'`, where it must be absent.
   *
   * A function is called when the secret is first needed. It is called again if GenAuth refuses the secret, or if an
   * HS256 signature does not match it, so a secret can be replaced without a restart. If the function throws, or
   * returns no usable secret, the error is a `ConfigurationError` with the code `app_secret_unavailable`.
   */
  appSecret?: AppSecretSource | undefined;
  /**
   * The address of the application, `https://example.genauth.ai`, without a path, query or user name. Required. `http:`
   * is accepted for loopback hosts only: `localhost`, `127.0.0.0/8` and `[::1]`.
   */
  appHost: string;
  /**
   * The issuer: a full `https:` address without a query. The claim `iss` of every token must be exactly this string. So
   * must the `issuer` of the discovery document, which is read unless `jwksUri` is set. Default: `${appHost}/oidc`.
   */
  issuer?: string | undefined;
  /**
   * How the application proves its identity to GenAuth
   * ([OpenID Connect Core 1.0 §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)):
   *
   * - `client_secret_post` sends the secret in the body.
   * - `client_secret_basic` sends it in the header `Authorization`.
   * - `none` sends no secret.
   *
   * Choose the method that the console shows under application → configuration → token-exchange authentication method.
   * Default: `client_secret_post`.
   */
  tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /**
   * The only algorithm that is accepted for the signature of id_tokens: `RS256` or `HS256`. Default: `RS256`.
   *
   * GenAuth signs id_tokens with `HS256` until `RS256` is chosen in the console. The key of `HS256` is `appSecret`,
   * which must then have at least 32 bytes, so `HS256` cannot be combined with `tokenEndpointAuthMethod: 'none'`.
   * Access tokens must be signed with RS256, whatever this option is.
   */
  idTokenSignedResponseAlg?: SigningAlgorithm | undefined;
  /**
   * Encrypts the password with GenAuth's public key, in addition to TLS: `none`, `rsa` or `sm2`. Default: `none`.
   *
   * With `rsa` the size of the key limits the password: a key of 1024 bits encrypts at most 117 bytes.
   */
  passwordEncryptType?: PasswordEncryptType | undefined;
  /**
   * The scopes that every sign-in requests: a list, or one string with spaces between the scopes. Must contain
   * `openid`. Default: `['openid', 'profile']`. `offline_access` requests a refresh token.
   */
  scope?: S | readonly S[] | undefined;
  /**
   * Options that are sent with a sign-in: an object, or a function that receives the request and returns the object or
   * a promise of it. Default: none.
   *
   * - Values of the request's body are never copied into these options. The exceptions are `captchaCode` and
   *   `captchaToken`, which login routes read from the body.
   * - An object applies to every sign-in. A function is called on login routes only, not by `GenAuthClient.signIn`. If
   *   it throws, the login is answered with 500.
   * - A `scope` here is requested in place of the client's option `scope`. Its type allows configured scopes only. The
   *   user still has the claims of all configured scopes. Claims that GenAuth does not send are `null`.
   * - On a login route the default of `context` is `{ userAgent }`, the header `User-Agent` of the request.
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
   * The language of the texts for the end user: `en` (English) or `zh` (Chinese). Default: the language that the header
   * `Accept-Language` of the request prefers, otherwise English.
   */
  language?: Language | undefined;
  /**
   * Whether the response to a refused login gives the reason to the end user. Default: `false`.
   *
   * - `true`: the text says that the account is locked or not allowed. The body has GenAuth's `apiCode` and
   *   `remainingAttempts`.
   * - `false`: a locked account and an account that is not allowed have the same text as a wrong password. Their status
   *   and `code` still differ (403 with `account_locked` or `access_denied`).
   *
   * A wrong password and an unknown account always have the same response.
   */
  exposeReasons?: boolean | undefined;
  /**
   * The prefix of the strategy names. With the default `genauth` they are `genauth-password`, `genauth-ad` and
   * `genauth-bearer`. If one process uses several GenAuth applications, give the options of each application a
   * different name. A name consists of letters, digits, `-` and `_`, and begins with a letter.
   */
  name?: string | undefined;
  /**
   * A function that receives the request and returns the end user's IP address or a promise of it. Login routes send
   * the address to GenAuth. Default: `req.ip` as the framework determines it, otherwise the address of the socket.
   *
   * The default is also used if the returned value is not an IP address. If the function throws, the login is answered
   * with 500.
   */
  clientIp?: ClientIpResolver | undefined;
  /**
   * Maximum duration of one HTTP exchange with GenAuth in milliseconds, from connecting to the last byte: 1 to 600,000.
   * Default: 10,000.
   *
   * Key sets, introspections and user info have a limit of 5,000 ms if `timeout` is greater, because guarded requests
   * wait for them. A sign-in is not repeated after a timeout.
   */
  timeout?: number | undefined;
  /**
   * Allowed clock difference in seconds when `exp`, `nbf` and `iat` of a token are checked: 0 to 300. Default: 5.
   */
  clockTolerance?: number | undefined;
  /**
   * The address of the key set (JWKS), a full `https:` address. It may be on another host than `appHost`. Default: the
   * `jwks_uri` of the discovery document, or GenAuth's documented address if there is no such document
   * ([OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).
   */
  jwksUri?: string | undefined;
  /**
   * Accepted audiences of access tokens: a string or a list. The claim `aud` must contain at least one of them
   * ([RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3)). Default: `appId`. The audience of
   * id_tokens must always contain `appId`.
   */
  audience?: string | readonly string[] | undefined;
  /**
   * Certificate authorities for a private deployment: PEM text, or a list of PEM texts. They replace the certificate
   * authorities that Node.js trusts. Default: those of Node.js.
   */
  ca?: string | readonly string[] | undefined;
  /**
   * The address of an HTTP proxy for the requests to GenAuth, `http://user:password@proxy.example.com:3128`. Write a
   * `%` in the password as `%25`. Default: none. Environment variables such as `HTTPS_PROXY` are not read. Requests to
   * an `http:` address (loopback hosts only) do not use the proxy.
   */
  proxy?: string | undefined;
  /** Times of the key set cache, in milliseconds. */
  jwks?: JwksOptions | undefined;
  /**
   * Where the user of a guarded route comes from: `token` or `userinfo`. Default: `token`.
   *
   * - `token`: the claims of the access token, `sub`, `scope` and `tenant_id`. No request to GenAuth is needed.
   * - `userinfo`: all claims of the configured scopes, from GenAuth's user info endpoint. They are requested once for
   *   each access token and cached for `userInfoMaxAge`.
   */
  userClaims?: UserClaimsSource | undefined;
  /**
   * How long user info is fresh in the cache, in milliseconds: 0 to 86,400,000 (24 hours). Default: 300,000 (5
   * minutes). With 0, user info is requested for every use. While GenAuth cannot be reached, older user info is used
   * for a further `jwks.staleIfError`.
   */
  userInfoMaxAge?: number | undefined;
  /**
   * Cache of RS256 tokens that passed verification, so that their signature is not verified again. An entry takes about
   * 1 kB of memory. `false` turns the cache off. Default: `{ maxEntries: 10_000 }`. The cache never changes whether a
   * token is accepted.
   */
  verifiedTokenCache?: false | VerifiedTokenCacheOptions | undefined;
}

export const USER_CLAIMS_SOURCES = ['token', 'userinfo'] as const;
/** Where the user of a guarded route comes from: the access token, or GenAuth's user info endpoint. */
export type UserClaimsSource = (typeof USER_CLAIMS_SOURCES)[number];

/** The option `verifiedTokenCache`. */
export interface VerifiedTokenCacheOptions {
  /** Maximum number of tokens: 1 to 1,000,000. Default: 10,000. The token unused for longest is removed first. */
  maxEntries?: number | undefined;
}

/**
 * The fields of a login request's body. A password login has `password` and exactly one of `account`, `email`,
 * `username` and `phone`. An Active Directory login has `password` and `sAMAccountName`. The captcha fields are
 * optional.
 */
export interface LoginFields {
  /** Username, phone number or e-mail address. GenAuth finds out which of them it is. Default: `account`. */
  account: string;
  /** Default: `email`. */
  email: string;
  /** Default: `username`. */
  username: string;
  /** Default: `phone`. */
  phone: string;
  /** The user's name in Active Directory. Default: `sAMAccountName`. */
  sAMAccountName: string;
  /** Default: `password`. */
  password: string;
  /** The text that the user read in the captcha picture. Default: `captchaCode`. */
  captchaCode: string;
  /** The token that came with the captcha picture. Default: `captchaToken`. */
  captchaToken: string;
}

export const LANGUAGES = ['en', 'zh'] as const;
/** A language of the texts for the end user: English or Chinese. */
export type Language = (typeof LANGUAGES)[number];

/**
 * The type of the user that a client with these options signs in.
 *
 * @typeParam Options - The type of the options: `GenAuthUserOf<typeof options>`.
 * @typeParam ExtendedFields - The custom fields of the user pool, with scope `extended_fields`.
 */
export type GenAuthUserOf<Options, ExtendedFields extends object = Record<string, unknown>> =
  Options extends GenAuthOptions<infer S> ? GenAuthUser<S, ExtendedFields> : never;

// TypeScript compares the parameters of methods bivariantly. Declared as methods, these types accept a function whose
// parameter is a subtype of GenAuthRequest: (req: express.Request) => …
interface Resolvers<S extends string> {
  signInOptions(req: GenAuthRequest): SignInOptions<S> | Promise<SignInOptions<S>>;
  clientIp(req: GenAuthRequest): string | undefined | Promise<string | undefined>;
}
/** Returns the sign-in options for a request, or a promise of them. */
export type SignInOptionsResolver<S extends string = string> = Resolvers<S>['signInOptions'];
/** Returns the end user's IP address for a request, `undefined` if it is not known, or a promise of either. */
export type ClientIpResolver = Resolvers<string>['clientIp'];

/** Times of the key set cache. All values are integers, in milliseconds. */
export interface JwksOptions {
  /**
   * How long a key set is fresh: 1,000 to 86,400,000 (24 hours). Default: 600,000 (10 minutes). After this time the key
   * set is fetched again, and keys that GenAuth has removed are no longer accepted.
   */
  maxAge?: number | undefined;
  /**
   * Minimum time between two fetches that tokens with an unknown key ID cause: 100 to 3,600,000 (1 hour). Default:
   * 30,000 (30 seconds).
   *
   * It also limits the pause after failed fetches. This pause begins at 2 seconds, doubles after each further failure,
   * and varies randomly by up to 25 %. It is longer if GenAuth sends `Retry-After`.
   */
  cooldown?: number | undefined;
  /**
   * How long after `maxAge` the last good key set is used while fetching fails: 0 to 2,678,400,000 (31 days). Default:
   * 86,400,000 (24 hours). It also applies to cached user info after `userInfoMaxAge`.
   */
  staleIfError?: number | undefined;
}

/** Checked options with all defaults filled in, frozen. {@link GenAuthOptions} describes each of them. */
export interface ResolvedOptions {
  readonly appId: string;
  readonly appSecret: AppSecretSource | undefined;
  readonly appHost: string;
  readonly issuer: string;
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  readonly idTokenSignedResponseAlg: SigningAlgorithm;
  readonly passwordEncryptType: PasswordEncryptType;
  readonly scope: readonly string[];
  readonly fields: Readonly<LoginFields>;
  readonly language: Language | undefined;
  readonly exposeReasons: boolean;
  readonly name: string;
  readonly signInOptions: SignInOptions | SignInOptionsResolver | undefined;
  readonly clientIp: ClientIpResolver | undefined;
  readonly timeout: number;
  readonly clockTolerance: number;
  readonly jwksUri: string | undefined;
  readonly audience: readonly string[];
  readonly ca: string | readonly string[] | undefined;
  readonly proxy: string | undefined;
  readonly jwks: { readonly maxAge: number; readonly cooldown: number; readonly staleIfError: number };
  readonly userClaims: UserClaimsSource;
  readonly userInfoMaxAge: number;
  readonly verifiedTokenCache: false | { readonly maxEntries: number };
}
