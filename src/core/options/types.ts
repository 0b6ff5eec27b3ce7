import type { AppSecretSource } from '../oidc/app-secret.js';
import type { GenAuthUser, ScopeNames } from '../scopes.js';
import type { SignInOptions } from '../sign-in/sign-in-options.js';
import type { SigningAlgorithm } from '../tokens/unverified-token.js';
import type { PasswordEncryptType, TokenEndpointAuthMethod } from '../wire/facts.js';

/** What the library reads of a request. Express 4 and 5, Fastify, Nest and Node's own requests have it. */
export interface GenAuthRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body?: unknown;
  /** The address that the framework trusts: Express under `trust proxy`, Fastify under `trustProxy`. */
  readonly ip?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

/**
 * Everything there is to set. `appId`, `appSecret` and `appHost` are the words of GenAuth's console.
 *
 * @typeParam S - The scopes, inferred from `scope`; the type of the signed-in user follows them.
 */
export interface GenAuthOptions<S extends string = string> {
  /** Application ID (console: application → endpoint information). */
  appId: string;
  /**
   * Application secret, or a function that gets it from where it is kept; that one is asked once, and again when GenAuth
   * refuses what it gave. Left out with `tokenEndpointAuthMethod: 'none'`.
   */
  appSecret?: AppSecretSource | undefined;
  /** The application's address, `https://example.genauth.ai`. Plain http is accepted for loopback hosts only. */
  appHost: string;
  /** `iss` of the tokens, compared as it stands. Default: `${appHost}/oidc`. */
  issuer?: string | undefined;
  /** As the console says under token-exchange authentication. Default: `client_secret_post`. */
  tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /**
   * The algorithm that id_tokens are signed with, and the only one that is accepted for them. Default: `RS256`. GenAuth
   * uses `HS256` until the console says otherwise; its key is `appSecret`, of 32 bytes at least. Access tokens are
   * always RS256.
   */
  idTokenSignedResponseAlg?: SigningAlgorithm | undefined;
  /** Encrypts passwords on the way with GenAuth's key, on top of TLS. Default: `none`. */
  passwordEncryptType?: PasswordEncryptType | undefined;
  /** A list, or one string with spaces; must hold `openid`. Default: `['openid', 'profile']`. */
  scope?: S | readonly S[] | undefined;
  /**
   * What accompanies a sign-in, fixed or made for each request on the server's side. Nothing of it is ever read from the
   * request's body by itself. What the function throws makes the login fail with 500. A `scope` in it is one of the configured
   * ones or several; the user has the claims of all that are configured, `null` where they were not asked for. Default
   * of `context` on a login route: `{ userAgent }`, the request's `User-Agent` header.
   */
  signInOptions?:
    | SignInOptions<NoInfer<S | ScopeNames<S>>>
    | SignInOptionsResolver<NoInfer<S | ScopeNames<S>>>
    | undefined;
  /**
   * What the fields of a login's body are called. Default: each by its own name.
   */
  fields?: Partial<LoginFields> | undefined;
  /** Language of the texts for the person. Default: what the request's `Accept-Language` prefers, else English. */
  language?: Language | undefined;
  /**
   * Tells the person in words why they are not let in: locked, not allowed, how many tries are left, and GenAuth's `apiCode`.
   * Default: false. Either way a wrong password and an unknown account are answered alike, and the answer's `code` tells
   * `account_locked` and `access_denied` from them.
   */
  exposeReasons?: boolean | undefined;
  /**
   * Begins the names of the strategies, `genauth-password`, `genauth-ad` and `genauth-bearer`: for several applications in one
   * process. Default: `genauth`.
   */
  name?: string | undefined;
  /**
   * The person's IP address. Default: the address that the framework trusts, else the socket's. What this function
   * returns, or its promise, counts only if it is an IP address; what it throws makes the login fail with 500.
   */
  clientIp?: ClientIpResolver | undefined;
  /** Milliseconds for one whole exchange with GenAuth. Default: 10,000. A sign-in is never repeated. */
  timeout?: number | undefined;
  /** Seconds that clocks may differ when `exp`, `nbf` and `iat` are checked; 0 to 300. Default: 5. */
  clockTolerance?: number | undefined;
  /** Address of the key set. Default: what discovery says. */
  jwksUri?: string | undefined;
  /** `aud` that access tokens on guarded routes must have one of. Default: `appId`. The id_token's is always `appId`. */
  audience?: string | readonly string[] | undefined;
  /** Certificate authorities (PEM) to trust instead of Node's own, for a private deployment. */
  ca?: string | readonly string[] | undefined;
  /**
   * HTTP proxy for the calls to GenAuth, `http://user:password@proxy:3128`. Default: none; the environment is not read. A
   * loopback `appHost` is reached directly.
   */
  proxy?: string | undefined;
  /** The key set's cache, in milliseconds. */
  jwks?: JwksOptions | undefined;
  /**
   * Where the user of a guarded route comes from: `token` (nothing is asked of GenAuth; an access token holds `sub`, `scope` and
   * `tenant_id`) or `userinfo` (all claims of the scopes, from GenAuth's user info, kept for `userInfoMaxAge`). Default: `token`.
   */
  userClaims?: UserClaimsSource | undefined;
  /** Milliseconds that user info counts as fresh. Default: 300,000 (5 minutes). */
  userInfoMaxAge?: number | undefined;
  /**
   * Cache of tokens that passed verification, so that their signature is not computed again: at most `maxEntries` of
   * them (default: 10,000; about 1 kB each). `false` turns the cache off. The decisions are the same either way.
   */
  verifiedTokenCache?: false | VerifiedTokenCacheOptions | undefined;
}

export const USER_CLAIMS_SOURCES = ['token', 'userinfo'] as const;
export type UserClaimsSource = (typeof USER_CLAIMS_SOURCES)[number];

export interface VerifiedTokenCacheOptions {
  /** 1 to 1,000,000. */
  maxEntries?: number | undefined;
}

/** The fields of a login's body: exactly one of the four identifiers (or `sAMAccountName`), the password, and a captcha. */
export interface LoginFields {
  account: string;
  email: string;
  username: string;
  phone: string;
  sAMAccountName: string;
  password: string;
  captchaCode: string;
  captchaToken: string;
}

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The user that a client with these options signs in: `GenAuthUserOf<typeof options>`. */
export type GenAuthUserOf<Options, ExtendedFields extends object = Record<string, unknown>> =
  Options extends GenAuthOptions<infer S> ? GenAuthUser<S, ExtendedFields> : never;

// Methods, not properties: their parameters are compared both ways, so `(req: express.Request) => …` fits.
interface Resolvers<S extends string> {
  signInOptions(req: GenAuthRequest): SignInOptions<S> | Promise<SignInOptions<S>>;
  clientIp(req: GenAuthRequest): string | undefined | Promise<string | undefined>;
}
export type SignInOptionsResolver<S extends string = string> = Resolvers<S>['signInOptions'];
export type ClientIpResolver = Resolvers<string>['clientIp'];

export interface JwksOptions {
  /** How long a key set counts as fresh: a withdrawn key is gone after it. Default: 600,000 (10 minutes). */
  maxAge?: number | undefined;
  /** Shortest time between two fetches that unknown key IDs cause. Default: 30,000. */
  cooldown?: number | undefined;
  /** How long after `maxAge` the last good set serves while GenAuth cannot be reached. Default: 86,400,000 (a day). */
  staleIfError?: number | undefined;
}

/** Options with every default filled in, checked and frozen. */
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
