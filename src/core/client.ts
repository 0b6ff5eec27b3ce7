import { hasSubscribers, publishEvent, publishResult, publishVerification, toResult } from './events.js';
import { RequestError, TokenVerificationError, UpstreamError } from './errors.js';
import { pickConnectionSettings } from './http/connections.js';
import { Http, type HttpSettings } from './http/http.js';
import { MAX_DOCUMENT_BYTES, toUpstreamError } from './http/upstream.js';
import { AppSecret } from './oidc/app-secret.js';
import { ClientAuthentication } from './oidc/client-authentication.js';
import { IntrospectionCache } from './oidc/introspection-cache.js';
import { type LogoutParameters, buildLogoutUrl } from './oidc/logout-url.js';
import { type CodeGrant, OidcEndpoints, type TokenTypeHint } from './oidc/oidc-endpoints.js';
import { createSharedRefreshes } from './oidc/shared-refreshes.js';
import { TokenRefresh } from './oidc/token-refresh.js';
import { UserInfoCache, type UserInfoClaims } from './oidc/user-info-cache.js';
import { resolveOptions } from './options/resolve-options.js';
import type { GenAuthOptions, ResolvedOptions } from './options/types.js';
import { type DefaultScope, type GenAuthUser, type ScopeNames, toTokenUser, toUser } from './scopes.js';
import { type Credentials, type ParsedCredentials, parseCredentials } from './sign-in/credentials.js';
import type { SignInOutcome, SignInSuccess, TokenSet } from './sign-in/outcome.js';
import { LoginThrottle } from './sign-in/login-throttle.js';
import { PasswordEncryption } from './sign-in/password-encryption.js';
import { buildAppHeaders } from './sign-in/request.js';
import { describeAnswer } from './sign-in/response.js';
import { SignIn, type SignInLayers } from './sign-in/sign-in.js';
import type { SignInOptions } from './sign-in/sign-in-options.js';
import type { AccessTokenClaims, IdTokenClaims } from './tokens/claims.js';
import { Jwks, type KeySetStatus } from './tokens/jwks.js';
import { KeySetSource } from './tokens/key-set-source.js';
import { verifyRefreshedTokens } from './tokens/received-tokens.js';
import { TokenVerifier } from './tokens/token-verifier.js';
import { MAX_TOKEN_LENGTH, hasBearerScheme } from './tokens/unverified-token.js';
import { InFlight } from './util/in-flight.js';
import { type MaybePromise, chain, isThenable } from './util/maybe-promise.js';
import { quote } from './util/quote.js';
import { isRecord } from './util/record.js';
import { PATHS, type PasswordEncryptType } from './wire/facts.js';
import { type Introspection, parseCaptcha, parseEnvelope } from './wire/parse.js';

/** Maximum number of access tokens in each of the two caches: the user-info cache and the introspection cache. */
const MAX_CACHED_TOKENS = 10_000;

/** Key of a property that exists only in the type of a client: the scopes. */
declare const SCOPES: unique symbol;

/** Dependencies of `GenAuthClient` that tests and the doctor command replace. */
interface ClientSeams {
  /** Returns the current time, in milliseconds since 1970. */
  now?: () => number;
  /**
   * Creates the HTTP client for one origin: the origin of `appHost`, or the origin of `jwksUri` if that is a different
   * origin.
   */
  createHttp?: (settings: HttpSettings) => Http;
}

/**
 * The requirements of a guarded route for an access token. The requirements are checked after the token is verified.
 */
export interface TokenRequirements {
  /**
   * Maximum age of a cached introspection response, in milliseconds. If absent, the access token is not introspected.
   */
  introspect?: number | undefined;
  /**
   * Checks the scopes, the roles and the tenant that the route requires. Default: the route requires none of them.
   *
   * @param getUserClaims - Returns the user's claims from GenAuth's user-info endpoint, for claims that the access
   * token does not have.
   * @throws AuthorizationError if the token or the user does not meet the requirements of the route.
   */
  authorize?:
    | ((
        claims: AccessTokenClaims,
        getUserClaims: () => MaybePromise<Readonly<Record<string, unknown>>>,
      ) => MaybePromise<void>)
    | undefined;
}

/** The user of a verified access token, and the claims of the token. */
interface Authenticated {
  user: object;
  info: { claims: AccessTokenClaims };
}

/** The options of {@link GenAuthClient.refresh}. */
export interface RefreshOptions {
  /**
   * The `sub` of the user to whom the refresh token must belong, for example from the session of the request. The new
   * tokens of another user are refused. Default: every user.
   */
  sub?: string;
}

/** The result of {@link GenAuthClient.refresh}. */
export interface RefreshedTokens<User = GenAuthUser> {
  /**
   * The new tokens. Store them in place of the old tokens. `refreshToken` is the new refresh token. If GenAuth sent no
   * new refresh token, `refreshToken` is the refresh token that was passed to `refresh`. `idToken` is `undefined` if
   * GenAuth sent no new id_token.
   */
  tokens: Omit<TokenSet, 'idToken'> & { refreshToken: string; idToken: string | undefined };
  /** The user, built from the new id_token. `undefined` if GenAuth sent no new id_token. */
  user: User | undefined;
  /** All claims of the new access token. The new access token is verified. */
  claims: AccessTokenClaims;
}

/** The state of a `GenAuthClient`, for a health check. {@link GenAuthClient.status} returns this object. */
export interface ClientStatus {
  /**
   * Whether at least one usable key of GenAuth's key set is cached, so that tokens can be verified even if GenAuth
   * cannot be reached.
   */
  ready: boolean;
  /** The state of GenAuth's cached key set. */
  keys: KeySetStatus;
}

/** A captcha image and its token. {@link GenAuthClient.getCaptcha} returns this object. */
export interface Captcha {
  /**
   * The image as SVG text. Show the SVG text as an image (`data:image/svg+xml,…`). Do not insert the SVG text as markup
   * into a page.
   */
  svg: string;
  /**
   * The token of the captcha. Send this token with the next sign-in as `captchaToken`, and the text that the user typed
   * as `captchaCode`.
   */
  token: string;
}

/** A client with any scopes. Use it as the type of a parameter that accepts every client. */
// oxlint-disable-next-line typescript/no-explicit-any -- An interface is not assignable to an index signature.
export type AnyGenAuthClient = GenAuthClient<string, any>;

/**
 * The client for one application of one GenAuth tenant. The client signs users in, verifies tokens and caches GenAuth's
 * key set. It does not depend on a web framework.
 *
 * Create one client for each GenAuth application and reuse this client. Each client has its own caches and connections,
 * and never shares them with another client.
 *
 * @typeParam S - The scopes, inferred from the option `scope`. The scopes decide the type of the user.
 * @typeParam ExtendedFields - The type of the custom fields of the user pool, for the scope `extended_fields`.
 */
export class GenAuthClient<
  const S extends string = DefaultScope,
  ExtendedFields extends object = Record<string, unknown>,
> {
  /**
   * The options of this client, with all defaults filled in. The object is frozen. `appSecret`, `key`,
   * `storeSecret` and `proxy` are left out: they are secrets, and `proxy` may contain a password.
   */
  readonly options: Readonly<Omit<ResolvedOptions, 'appSecret' | 'key' | 'proxy' | 'storeSecret'>>;
  /**
   * Makes TypeScript refuse a client with other scopes. The type for any scopes is `GenAuthClient<string>`. No object
   * has this property.
   */
  declare readonly [SCOPES]?: {
    readonly scope: ScopeNames<S>;
    readonly scopes: { readonly [Scope in ScopeNames<S>]: true };
  };
  readonly #http: Http;
  readonly #keySetSource: KeySetSource;
  readonly #jwks: Jwks;
  readonly #verifier: TokenVerifier;
  readonly #passwordEncryption: PasswordEncryption;
  readonly #signIn: SignIn;
  readonly #endpoints: OidcEndpoints;
  readonly #refresh: TokenRefresh;
  readonly #introspections: IntrospectionCache;
  readonly #userInfo: UserInfoCache;
  readonly #inFlight = new InFlight(buildClosedError);
  #isClosed = false;

  /**
   * Creates a client. Sends no request to GenAuth.
   *
   * @param options - `appId` and `appHost` are required. `appSecret` is required unless `tokenEndpointAuthMethod` is
   * `'none'` and `idTokenSignedResponseAlg` is `RS256`.
   * @throws ConfigurationError `invalid_options` if options are wrong. The message and `details.mistakes` list every
   * wrong option.
   */
  constructor(options: GenAuthOptions<S>);
  /** @internal */
  constructor(options: GenAuthOptions<S>, seams: ClientSeams);
  constructor(
    given: GenAuthOptions<S>,
    { now = () => Date.now(), createHttp = (settings) => new Http(settings) }: ClientSeams = {},
  ) {
    const { appSecret: appSecretSource, key, proxy, storeSecret, ...options } = resolveOptions(given);
    this.options = Object.freeze(options);
    const { appHost: origin, appId, jwks, verifiedTokenCache } = options;
    const connection = pickConnectionSettings({ ...options, key, proxy });
    const http = createHttp({ origin, ...connection });
    const appSecret = new AppSecret(appSecretSource, now, options.timeout);
    const authentication = new ClientAuthentication(options, appSecret);
    this.#http = http;
    this.#keySetSource = new KeySetSource({ ...options, key, proxy }, http, createHttp);
    this.#jwks = new Jwks({
      ...jwks,
      source: this.#keySetSource,
      now,
      publish: (event) => {
        // The end of the application also ends its requests. This is no fault of GenAuth.
        if (this.#isClosed) return;
        publishEvent('genauth:keys', () => ({ appId, count: 0, reason: undefined, kid: undefined, ...event }));
      },
    });
    this.#verifier = new TokenVerifier({
      issuer: options.issuer,
      appId,
      audience: options.audience,
      clockTolerance: options.clockTolerance,
      idTokenAlgorithm: options.idTokenSignedResponseAlg,
      jwks: this.#jwks,
      appSecret,
      maxVerifiedTokens: verifiedTokenCache === false ? 0 : verifiedTokenCache.maxEntries,
      now,
    });
    this.#endpoints = new OidcEndpoints({ http, authentication, timeout: options.timeout });
    this.#refresh = new TokenRefresh({
      request: (token) => this.#endpoints.requestRefresh(token),
      verify: (tokens) => verifyRefreshedTokens(this.#verifier, tokens),
      publish: (result, duration) =>
        publishEvent('genauth:refresh', () => ({ appId, result: toResult(result), duration })),
      grace: options.refreshGrace,
      shared: createSharedRefreshes({ ...options, storeSecret }, now),
      now,
    });
    this.#introspections = new IntrospectionCache({
      requestIntrospection: (token) => this.#endpoints.requestIntrospection(token, 'access_token'),
      maxEntries: MAX_CACHED_TOKENS,
      now,
    });
    this.#userInfo = new UserInfoCache({
      requestUserInfo: (token) => publishResult('genauth:user-info', appId, () => this.#requestUserInfo(token)),
      onStale: () => publishEvent('genauth:user-info', () => ({ appId, result: 'stale_served', duration: 0 })),
      isNeeded: options.userClaims === 'userinfo',
      maxAge: options.userInfoMaxAge,
      staleIfError: jwks.staleIfError,
      maxEntries: MAX_CACHED_TOKENS,
      now,
    });
    this.#passwordEncryption = new PasswordEncryption({
      type: findPasswordEncryptType(options),
      requestSystem: () => this.#requestDocument(PATHS.system),
      now,
    });
    this.#signIn = new SignIn({
      options,
      http,
      authentication,
      passwordEncryption: this.#passwordEncryption,
      verifier: this.#verifier,
      throttle: options.loginThrottle && new LoginThrottle(options.loginThrottle, options, now),
      onSuccess: (accessToken, claims) => this.#userInfo.prime(accessToken, claims),
      now,
    });
  }

  /**
   * Signs a user in with a password.
   *
   * The sign-in request is sent once, because GenAuth locks an account after too many failed attempts. In two cases,
   * GenAuth refuses the request before it checks the password, and the request is sent a second time:
   *
   * - GenAuth has replaced its key for password encryption.
   * - The application secret was replaced, and the function in the option `appSecret` returns the new secret.
   *
   * @param credentials - For a password login: `password` and exactly one of `account`, `email`, `username` and
   * `phone`. For an Active Directory login: `password` and `sAMAccountName`.
   * @param signInOptions - Options of this sign-in. They override the client's option `signInOptions` if this option is
   * an object. If this option is a function, the function is not called, because there is no HTTP request to pass to
   * the function.
   * @returns The outcome. The property `kind` distinguishes the outcomes. A wrong password is an outcome, not an error.
   * The outcome `success` has the tokens, the verified claims of the id_token, and the user with the claims of the
   * requested scopes.
   * @throws RequestError `invalid_request` if the credentials are malformed, for example empty or too long. The
   * password is not sent to GenAuth.
   * @throws UpstreamError if GenAuth or the network fails. The error's code is `upstream_token_invalid` if GenAuth sent
   * a token that is not valid. The `cause` of this error has the reason.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application, or if `signInOptions` are wrong.
   *
   * @example
   * ```ts
   * import { GenAuthClient } from 'passport-genauth';
   *
   * const client = new GenAuthClient({ appId: 'app-id', appSecret: 'secret', appHost: 'https://example.genauth.ai' });
   * const outcome = await client.signIn({ account: 'alice', password: 'correct horse' });
   * switch (outcome.kind) {
   *   case 'success':
   *     console.log(`Signed in: ${outcome.user.sub}, until ${outcome.tokens.expiresAt.toISOString()}`);
   *     break;
   *   case 'captcha_required':
   *     console.log('Show the image of client.getCaptcha(), then sign in again with captchaCode and captchaToken.');
   *     break;
   *   default:
   *     console.log(`Not signed in: ${outcome.kind}`);
   * }
   * ```
   */
  async signIn<const T extends string = S>(
    credentials: Credentials,
    signInOptions: SignInOptions<T> = {},
  ): Promise<SignInOutcome<T, ExtendedFields>> {
    return this.#inFlight.run(() =>
      this.#signIn.run<T, ExtendedFields>(
        parseCredentials(credentials),
        { given: signInOptions },
        (given, configured) => (given.length > 0 ? given : configured),
      ),
    );
  }

  /**
   * Signs a user in for a login route. The returned user has the claims of all configured scopes and of the scopes in
   * `layers.given`. The configured scopes are always included, because the type of the user has their claims.
   *
   * @internal
   */
  async signInRoute(credentials: ParsedCredentials, layers: SignInLayers): Promise<SignInOutcome> {
    return this.#inFlight.run(() =>
      this.#signIn.run(credentials, layers, (given, configured) => [...configured, ...given]),
    );
  }

  /**
   * Exchanges an authorization code of GenAuth's hosted page for tokens, verifies the id_token and its `nonce`, and
   * builds the user with the claims of the configured scopes.
   *
   * @throws RequestError `sign_in_expired` if GenAuth refuses the code.
   * @throws UpstreamError if GenAuth or the network fails, or if the id_token is not valid.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application, or does not allow it to use
   * authorization codes (`grant_not_allowed`).
   * @internal
   */
  async exchangeCode(grant: CodeGrant & { nonce: string }): Promise<SignInSuccess> {
    return this.#inFlight.run(() =>
      this.#signIn.runCode(() => this.#endpoints.requestCodeExchange(grant), grant.nonce),
    );
  }

  /**
   * Publishes the sign-in event of a sign-in on GenAuth's hosted page that failed before the code was exchanged.
   *
   * @returns The given error.
   * @internal
   */
  publishCodeFailure<T extends Error>(error: T): T {
    this.#signIn.publishCodeFailure(error);
    return error;
  }

  /**
   * Requests a captcha for a user whose sign-in ended with the outcome `captcha_required`. Each captcha is valid for
   * one sign-in attempt.
   *
   * @returns The captcha image and its token. Send the token with the next sign-in, together with the text that the
   * user typed.
   * @throws UpstreamError if GenAuth cannot be reached, or if its response has no captcha.
   */
  async getCaptcha(): Promise<Captcha> {
    const captcha = parseCaptcha(await this.#inFlight.run(() => this.#requestDocument(PATHS.captcha)));
    if (captcha !== undefined) return captcha;
    throw new UpstreamError('upstream_invalid_response', `GenAuth's response to GET ${PATHS.captcha} has no captcha.`);
  }

  /**
   * Verifies an id_token: form, algorithm, signature, issuer, audience and times
   * ([OpenID Connect Core 1.0 §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).
   * Requests GenAuth's key set only if the cached key set is too old or does not have the token's key.
   *
   * @param token - The id_token, at most 65,536 characters.
   * @returns The claims. The object is frozen.
   * @throws TokenVerificationError if the token is not valid. The error's `code` has the reason.
   * @throws UpstreamError if the key set cannot be loaded and no usable key is cached.
   * @throws ConfigurationError if the discovery document contradicts the options, or if `appSecret`, which is the key
   * of HS256, is not usable.
   */
  async verifyIdToken(token: string): Promise<IdTokenClaims> {
    return this.#inFlight.track(Promise.resolve(this.#verifier.verifyIdToken(token)));
  }

  /**
   * Verifies an access token in the same way as a guarded route: form, algorithm (RS256), signature, issuer, audience
   * and times ([RFC 7519 §7.2](https://www.rfc-editor.org/rfc/rfc7519#section-7.2)). Requests GenAuth's key set only if
   * the cached key set is too old or does not have the token's key. Does not detect a revoked token: use `introspect`
   * to detect revoked tokens.
   *
   * @param token - The access token, at most 8,192 characters, without the word `Bearer`.
   * @returns The claims. The object is frozen.
   * @throws TokenVerificationError if the token is not valid. The error's `code` has the reason.
   * @throws UpstreamError if the key set cannot be loaded and no usable key is cached.
   * @throws ConfigurationError if the discovery document contradicts the options.
   *
   * @example
   * ```ts
   * import { GenAuthClient, TokenVerificationError } from 'passport-genauth';
   *
   * const client = new GenAuthClient({ appId: 'app-id', appSecret: 'secret', appHost: 'https://example.genauth.ai' });
   * try {
   *   const claims = await client.verifyAccessToken('eyJhbGciOiJSUzI1NiIs…');
   *   console.log(claims.sub, claims.scope);
   * } catch (error) {
   *   if (!(error instanceof TokenVerificationError)) throw error;
   *   console.log(`Refused: ${error.code}`);
   * }
   * ```
   */
  async verifyAccessToken(token: string): Promise<AccessTokenClaims> {
    return this.#inFlight.track(Promise.resolve(this.#verifier.verifyAccessToken(token)));
  }

  /**
   * Verifies an access token and checks the requirements of a guarded route.
   *
   * @returns The claims of the token, and the user. The option `userClaims` decides whether the user comes from the
   * token or from GenAuth's user info. A promise is returned only if GenAuth must be asked, or if `authorize` returns a
   * promise. The errors below are thrown in the same way.
   * @throws TokenVerificationError if the token is not valid or was revoked.
   * @throws AuthorizationError if the token or the user does not meet the requirements.
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if the options or the settings of the tenant are wrong.
   * @internal
   */
  authenticate(token: string, requirements: TokenRequirements): MaybePromise<Authenticated> {
    // Most applications have no subscriber. Then a request pays for no function and no time.
    const result = hasSubscribers('genauth:verification')
      ? publishVerification(this.options.appId, () => this.#authenticate(token, requirements))
      : this.#authenticate(token, requirements);
    return isThenable(result) ? this.#inFlight.track(result) : result;
  }

  #authenticate(token: string, { introspect, authorize }: TokenRequirements): MaybePromise<Authenticated> {
    const { userClaims, scope } = this.options;
    const verified = this.#verifier.verifyAccessToken(token);
    // Most routes need only the token. They do not create the functions below.
    if (introspect === undefined && authorize === undefined && userClaims === 'token') {
      return chain(verified, toTokenResult);
    }
    const getUserClaims = (): MaybePromise<UserInfoClaims> => this.#userInfo.get(token);
    return chain(verified, (claims) =>
      chain(introspect === undefined ? undefined : this.#expectActive(token, claims.sub, introspect), () =>
        chain(authorize?.(claims, getUserClaims), (): MaybePromise<Authenticated> => {
          if (userClaims === 'token') return toTokenResult(claims);
          return chain(getUserClaims(), (userInfo) => ({ user: toUser(userInfo, scope), info: { claims } }));
        }),
      ),
    );
  }

  /**
   * Verifies an access token and requests the claims of its user from GenAuth
   * ([OpenID Connect Core 1.0 §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)). Each call sends
   * one request to GenAuth's user-info endpoint. The result is not cached.
   *
   * @param accessToken - The access token, at most 8,192 characters.
   * @returns The claims as GenAuth sends them. Only `sub` is present if the scopes of the token grant no claims. `sub`
   * always equals the `sub` of the token.
   * @throws TokenVerificationError if the token is not valid. The error's code is `token_revoked` if GenAuth no longer
   * accepts the token.
   * @throws UpstreamError if GenAuth or the network fails, or if the response belongs to another user.
   * @throws ConfigurationError if the discovery document contradicts the options.
   */
  async userInfo(accessToken: string): Promise<Readonly<Record<string, unknown>> & { sub: string }> {
    return this.#inFlight.run(() => this.#requestUserInfo(accessToken));
  }

  async #requestUserInfo(accessToken: string): Promise<Readonly<Record<string, unknown>> & { sub: string }> {
    const { sub } = await this.#verifier.verifyAccessToken(accessToken);
    const claims = await this.#endpoints.requestUserInfo(accessToken);
    // OpenID Connect Core 1.0 §5.3.2 requires this check. Without it, the claims of another user could be returned.
    if (claims === undefined || claims['sub'] === sub) return { ...claims, sub };
    throw new UpstreamError(
      'upstream_invalid_response',
      "GenAuth's user info belongs to another user: its sub is not the sub of the access token.",
    );
  }

  /**
   * Requests new tokens with a refresh token ([RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)) and
   * verifies the new tokens. Concurrent calls with the same refresh token share one request to GenAuth, because GenAuth
   * may accept a refresh token only once. If GenAuth replaced the refresh token less than `refreshGrace` ago, the
   * newest tokens are returned. With the option `refreshStore` this is also true for the calls of other processes.
   *
   * @typeParam T - The scopes that decide the type of the user. Default: the configured scopes.
   * @param refreshToken - The newest refresh token of the user, at most 8,192 characters.
   * @param options - `sub`: the user to whom the refresh token must belong.
   * @returns The new tokens, the claims of the new access token, and the user if GenAuth sent a new id_token. The user
   * has the claims of the configured scopes.
   * @throws TokenVerificationError `refresh_token_refused` if the refresh token expired, was revoked or was already
   * used, or if it does not belong to the user in `options`. The user must sign in again.
   * @throws UpstreamError if GenAuth or the network fails. The error's code is `upstream_token_invalid` if a new token
   * is not valid.
   * @throws RequestError `invalid_request` if the token is not a string, is empty or is too long.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application, or does not allow the application
   * to refresh tokens (`grant_not_allowed`).
   *
   * @example
   * ```ts
   * import { GenAuthClient } from 'passport-genauth';
   *
   * const client = new GenAuthClient({ appId: 'app-id', appSecret: 'secret', appHost: 'https://example.genauth.ai' });
   * const { tokens, user } = await client.refresh('stored refresh token');
   * console.log(user?.sub, tokens.expiresAt);
   * // Store tokens.refreshToken in place of the old refresh token.
   * ```
   */
  async refresh<T extends string = S>(
    refreshToken: string,
    options: RefreshOptions = {},
  ): Promise<RefreshedTokens<GenAuthUser<T, ExtendedFields>>> {
    const sub = readExpectedSubject(options);
    const token = expectToken(refreshToken, 'refresh token');
    const received = await this.#inFlight.run(() => this.#refresh.refresh(token));
    const { tokens, claims, idClaims } = received;
    if (sub !== undefined && claims.sub !== sub) throw buildForeignTokenError(sub, claims.sub);
    if (idClaims !== undefined) this.#userInfo.prime(tokens.accessToken, idClaims);
    return {
      // Calls that share a request must not share an object that a caller can change. `scope` is frozen.
      tokens: {
        ...tokens,
        refreshToken: tokens.refreshToken ?? refreshToken,
        expiresAt: new Date(tokens.expiresAt),
      },
      user: idClaims === undefined ? undefined : toUser(idClaims, this.options.scope),
      claims,
    };
  }

  /**
   * Revokes a token at GenAuth ([RFC 7009 §2](https://www.rfc-editor.org/rfc/rfc7009#section-2)). An unknown token is
   * not an error. Each call sends one request to GenAuth, and removes the token from the caches of this client.
   *
   * A guarded route verifies access tokens without a request to GenAuth. It accepts a revoked access token until the
   * token expires, unless the route uses introspection.
   *
   * @param token - The token, at most 8,192 characters.
   * @param hint - The type of the token. Default: `refresh_token`, because the revocation of a refresh token also
   * prevents new access tokens.
   * @throws RequestError `invalid_request` if the token is not a string, is empty or is too long.
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application.
   */
  async revoke(token: string, hint: TokenTypeHint = 'refresh_token'): Promise<void> {
    const given = expectToken(token);
    await this.#inFlight.run(async () => {
      await this.#endpoints.requestRevocation(given, hint);
      await this.#refresh.forget(given);
    });
    this.#verifier.forget(token);
    this.#userInfo.forget(token);
    this.#introspections.forget(token);
  }

  /**
   * Asks GenAuth whether an access token or a refresh token is active now
   * ([RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662#section-2)). Each call sends one request to GenAuth. The
   * result is not cached. GenAuth reports every id_token as inactive.
   *
   * @param token - The token, at most 8,192 characters.
   * @param hint - The type of the token. Default: `access_token`.
   * @returns GenAuth's introspection response. `active` is `false` for a token that expired, was revoked or is unknown.
   * @throws RequestError `invalid_request` if the token is not a string, is empty or is too long.
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application.
   *
   * @example
   * ```ts
   * import { GenAuthClient } from 'passport-genauth';
   *
   * const client = new GenAuthClient({ appId: 'app-id', appSecret: 'secret', appHost: 'https://example.genauth.ai' });
   * const { active, scope } = await client.introspect('eyJhbGciOiJSUzI1NiIs…');
   * console.log(active ? `Active, scopes: ${scope.join(' ')}` : 'Expired, revoked or unknown');
   * ```
   */
  async introspect(token: string, hint: TokenTypeHint = 'access_token'): Promise<Introspection> {
    const given = expectToken(token);
    return this.#inFlight.run(() => this.#endpoints.requestIntrospection(given, hint));
  }

  /**
   * Builds the URL that ends the user's session at GenAuth. Redirect the browser to this URL after the application has
   * ended its own session. Sends no request to GenAuth. See
   * [OpenID Connect RP-Initiated Logout §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout).
   *
   * @param parameters - All parameters are optional. `postLogoutRedirectUri` requires `idToken`, and must be registered
   * in GenAuth's console.
   * @returns The absolute URL.
   * @throws ConfigurationError `invalid_options` if `postLogoutRedirectUri` is not an absolute URL, if it is given
   * without `idToken`, or if a parameter is unknown.
   *
   * @example
   * ```ts
   * import { GenAuthClient } from 'passport-genauth';
   *
   * const client = new GenAuthClient({ appId: 'app-id', appSecret: 'secret', appHost: 'https://example.genauth.ai' });
   * const url = client.buildLogoutUrl({ idToken: 'eyJ…', postLogoutRedirectUri: 'https://app.example.com/' });
   * console.log(`Redirect the browser to ${url}`);
   * ```
   */
  buildLogoutUrl(parameters: LogoutParameters = {}): string {
    return buildLogoutUrl(this.options.appHost, parameters);
  }

  /**
   * Returns the state of the cached key set ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)), for a
   * health check. Sends no request to GenAuth and throws no error.
   *
   * @returns `ready`, and the state of the key set.
   */
  status(): ClientStatus {
    const keys = this.#jwks.status();
    return { ready: keys.count > 0, keys };
  }

  /**
   * Fetches GenAuth's key set. Also fetches GenAuth's public key for passwords, if the option `passwordEncryptType` or
   * `signInOptions.passwordEncryptType` requires this key. Call this method at start-up, so that the first request does
   * not wait for the keys. Keys that are already cached and fresh are not fetched again.
   *
   * @throws UpstreamError if GenAuth cannot be reached or sends unusable keys.
   * @throws ConfigurationError if the discovery document contradicts the options.
   */
  async warmUp(): Promise<void> {
    const type = findPasswordEncryptType(this.options);
    await Promise.all([this.#jwks.warmUp(), type === 'none' ? undefined : this.#passwordEncryption.getKey(type)]);
  }

  /**
   * Closes the client. Logins and other calls that have begun may end, for at most the time of the option `timeout`.
   * Then all connections to GenAuth are closed. Every new call that needs GenAuth fails with an `UpstreamError` (HTTP
   * status 503). Tokens whose keys are cached are still verified.
   *
   * @returns A promise that resolves when all connections are closed. It never rejects.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#jwks.stop();
    await this.#inFlight.end(this.options.timeout);
    this.#http.close();
    this.#keySetSource.close();
  }

  /**
   * Whether the application has called `close`.
   *
   * @internal
   */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Checks that GenAuth reports an access token as active. Guarded routes with introspection use this check to refuse
   * revoked tokens.
   */
  #expectActive(token: string, sub: string, maxAge: number): MaybePromise<void> {
    return chain(this.#introspections.get(token, maxAge), (introspection) => {
      if (!introspection.active) {
        throw new TokenVerificationError(
          'token_revoked',
          'GenAuth reports the access token as inactive: refresh it, or sign the user in again.',
          { details: { token: 'access_token' } },
        );
      }
      if (introspection.sub === undefined || introspection.sub === sub) return;
      throw new UpstreamError(
        'upstream_invalid_response',
        "GenAuth's introspection belongs to another user: its sub is not the sub of the access token.",
      );
    });
  }

  /** Requests public data from GenAuth's V3 API: a captcha, or the public keys for passwords. */
  async #requestDocument(path: string): Promise<unknown> {
    const headers = buildAppHeaders(this.options.appId);
    const { status, body, retryAfter } = await this.#http.request({
      method: 'GET',
      path,
      headers,
      maxBytes: MAX_DOCUMENT_BYTES,
    });
    // GenAuth answers most failures with HTTP 200. The `statusCode` in the JSON body (the envelope) is the actual
    // status.
    const envelope = parseEnvelope(body);
    if (status === 200 && (envelope?.statusCode ?? 200) === 200 && body !== undefined) return body;
    throw toUpstreamError(
      { request: `GET ${path}`, status, statusCode: envelope?.statusCode, retryAfter, answer: envelope },
      ({ isDown }) => {
        const reason =
          envelope === undefined ? `HTTP ${status}${isDown ? '' : ' and no JSON'}` : describeAnswer(envelope);
        return `GenAuth's response to GET ${path} cannot be used: ${reason}.`;
      },
    );
  }
}

/**
 * Returns how the password of a sign-in is encrypted. An option of a single sign-in, or a function in `signInOptions`,
 * can still override it.
 */
function findPasswordEncryptType({
  passwordEncryptType,
  signInOptions,
}: Pick<ResolvedOptions, 'passwordEncryptType' | 'signInOptions'>): PasswordEncryptType {
  const own = typeof signInOptions === 'object' ? signInOptions.passwordEncryptType : undefined;
  return own ?? passwordEncryptType;
}

/** Returns the result for a route whose user has the claims of the access token. */
function toTokenResult(claims: AccessTokenClaims): Authenticated {
  return { user: toTokenUser(claims), info: { claims } };
}

/**
 * Checks a token that is sent to GenAuth in a form. The token need not be a JWT, but it must be a string of 1 to 8,192
 * characters without the word `Bearer`.
 */
function expectToken(token: unknown, field = 'token'): string {
  if (hasBearerScheme(token)) {
    throw new RequestError(`The ${field} begins with the word Bearer: pass only the text after it.`, { field });
  }
  if (typeof token === 'string' && token !== '' && token.length <= MAX_TOKEN_LENGTH.access_token) return token;
  throw new RequestError(`The ${field} must be a string of 1 to ${MAX_TOKEN_LENGTH.access_token} characters.`, {
    field,
    limit: MAX_TOKEN_LENGTH.access_token,
    unit: 'characters',
  });
}

/**
 * Returns the user to whom a refresh token must belong. A missing value is refused, so that a session without a user
 * does not turn the check off.
 */
function readExpectedSubject(options: RefreshOptions): string | undefined {
  const given: unknown = options;
  const [unknown] = isRecord(given) ? Object.keys(given).filter((name) => name !== 'sub') : [quote(given)];
  if (unknown !== undefined) {
    throw new RequestError(`refresh has no option ${unknown}: write refresh(token, { sub }), or leave it out.`);
  }
  if (!Object.hasOwn(options, 'sub')) return undefined;
  const { sub }: { sub?: unknown } = options;
  if (typeof sub === 'string' && sub !== '') return sub;
  throw new RequestError(`The option sub of refresh is ${quote(sub)}: pass the sub of the user, or leave it out.`, {
    field: 'sub',
  });
}

function buildForeignTokenError(expected: string, actual: string): TokenVerificationError {
  const message = 'The refresh token belongs to another user than the option sub names. Let the user sign in again.';
  return new TokenVerificationError('refresh_token_refused', message, {
    details: { token: 'refresh_token', claim: 'sub', expected, actual },
  });
}

function buildClosedError(): UpstreamError {
  return new UpstreamError('upstream_unreachable', 'The application has closed the client, so GenAuth is not asked.');
}
