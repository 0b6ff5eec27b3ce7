import { RequestError, TokenVerificationError, UpstreamError } from './errors.js';
import { Http, type HttpSettings } from './http/http.js';
import { MAX_DOCUMENT_BYTES, toUpstreamError } from './http/upstream.js';
import { AppSecret } from './oidc/app-secret.js';
import { ClientAuthentication } from './oidc/client-authentication.js';
import { IntrospectionCache } from './oidc/introspection-cache.js';
import { type LogoutParameters, buildLogoutUrl } from './oidc/logout-url.js';
import { OidcEndpoints, type TokenTypeHint } from './oidc/oidc-endpoints.js';
import { UserInfoCache } from './oidc/user-info-cache.js';
import { resolveOptions } from './options/resolve-options.js';
import type { GenAuthOptions, ResolvedOptions } from './options/types.js';
import { type DefaultScope, type GenAuthUser, toTokenUser, toUser } from './scopes.js';
import { type Credentials, type ParsedCredentials, parseCredentials } from './sign-in/credentials.js';
import type { SignInOutcome, TokenSet } from './sign-in/outcome.js';
import { PasswordEncryption } from './sign-in/password-encryption.js';
import { buildAppHeaders } from './sign-in/request.js';
import { describeAnswer } from './sign-in/response.js';
import { SignIn, type SignInLayers } from './sign-in/sign-in.js';
import type { SignInOptions } from './sign-in/sign-in-options.js';
import type { AccessTokenClaims, IdTokenClaims } from './tokens/claims.js';
import { Jwks, type KeySetStatus } from './tokens/jwks.js';
import { KeySetSource } from './tokens/key-set-source.js';
import { type ReceivedRefresh, verifyRefreshedTokens } from './tokens/received-tokens.js';
import { TokenVerifier } from './tokens/token-verifier.js';
import { MAX_TOKEN_LENGTH } from './tokens/unverified-token.js';
import { PATHS } from './wire/facts.js';
import { type Introspection, parseCaptcha, parseEnvelope } from './wire/parse.js';

/** Maximum number of tokens whose user info or introspection is cached. */
const MAX_CACHED_TOKENS = 10_000;

/** Dependencies of the client that tests and the doctor replace. */
interface ClientSeams {
  /** Returns the current time, in milliseconds since 1970. */
  now?: () => number;
  /** Creates the HTTP client for one origin: that of `appHost`, and that of the option `jwksUri` if it differs. */
  createHttp?: (settings: HttpSettings) => Http;
}

/** The requirements of a guarded route for an access token. They are checked after the token is verified. */
export interface TokenRequirements {
  /** Maximum age of an introspection response, in milliseconds. If absent, the token is not introspected. */
  introspect?: number | undefined;
  /**
   * Checks scopes, roles and tenant.
   *
   * @param getUserClaims - Returns the claims from GenAuth's user info, for claims that the token does not have.
   * @throws AuthorizationError if the token or the user does not meet the requirements of the route.
   */
  authorize: (
    claims: AccessTokenClaims,
    getUserClaims: () => Promise<Readonly<Record<string, unknown>>>,
  ) => Promise<void>;
}

/** The result of {@link GenAuthClient.refresh}. */
export interface RefreshedTokens<User = GenAuthUser> {
  /**
   * The new tokens. Store them in place of the old ones. `refreshToken` is the new refresh token, or the sent refresh
   * token if GenAuth issued no new one. `idToken` is `undefined` if GenAuth sent no new id_token.
   */
  tokens: Omit<TokenSet, 'idToken'> & { refreshToken: string; idToken: string | undefined };
  /** The user, from the new id_token. `undefined` if GenAuth sent no new id_token. */
  user: User | undefined;
  /** All claims of the new access token, which is verified. */
  claims: AccessTokenClaims;
}

/** The state of a client, for a health check. {@link GenAuthClient.status} returns it. */
export interface ClientStatus {
  /** Whether at least one usable key is cached, so that tokens can be verified even if GenAuth cannot be reached. */
  ready: boolean;
  /** The state of the cached key set. */
  keys: KeySetStatus;
}

/** A captcha image and its token. {@link GenAuthClient.getCaptcha} returns it. */
export interface Captcha {
  /** The image as SVG text. Show it as an image (`data:image/svg+xml,…`). Do not insert it as markup into a page. */
  svg: string;
  /** Send it back as `captchaToken`, with the text that the user typed as `captchaCode`. */
  token: string;
}

/**
 * The client for one application of one GenAuth tenant. It signs users in, verifies tokens and caches the key set. It
 * does not depend on a web framework.
 *
 * Create one client for each application and reuse it. Each client has its own caches and connections, and never shares
 * them with another client.
 *
 * @typeParam S - The scopes, inferred from the option `scope`. They decide the type of the user.
 * @typeParam ExtendedFields - Type of the custom fields of the user pool, for the scope `extended_fields`.
 */
export class GenAuthClient<
  const S extends string = DefaultScope,
  ExtendedFields extends object = Record<string, unknown>,
> {
  /**
   * The options with every default filled in. Frozen. `appSecret` and `proxy` are left out, because they hold or may
   * hold a secret.
   */
  readonly options: Readonly<Omit<ResolvedOptions, 'appSecret' | 'proxy'>>;
  readonly #http: Http;
  readonly #keySetSource: KeySetSource;
  readonly #jwks: Jwks;
  readonly #verifier: TokenVerifier;
  readonly #passwordEncryption: PasswordEncryption;
  readonly #signIn: SignIn;
  readonly #endpoints: OidcEndpoints;
  readonly #introspections: IntrospectionCache;
  readonly #userInfo: UserInfoCache;
  /** The pending refresh of each refresh token. */
  readonly #pendingRefreshes = new Map<string, Promise<ReceivedRefresh>>();

  /**
   * Creates a client. Sends no request.
   *
   * @param options - `appId` and `appHost` are required. `appSecret` is required unless `tokenEndpointAuthMethod` is
   * `'none'`.
   * @throws ConfigurationError `invalid_options` if options are wrong. The message and `details.mistakes` list every
   * mistake.
   */
  constructor(options: GenAuthOptions<S>);
  /** @internal */
  constructor(options: GenAuthOptions<S>, seams: ClientSeams);
  constructor(
    given: GenAuthOptions<S>,
    { now = Date.now, createHttp = (settings) => new Http(settings) }: ClientSeams = {},
  ) {
    const { appSecret: appSecretSource, proxy, ...options } = resolveOptions(given);
    this.options = Object.freeze(options);
    const { appHost: origin, appId, timeout, ca, jwks, verifiedTokenCache } = options;
    const http = createHttp({ origin, timeout, ca, proxy });
    const appSecret = new AppSecret(appSecretSource, now);
    const authentication = new ClientAuthentication(options, appSecret);
    this.#http = http;
    this.#keySetSource = new KeySetSource({ ...options, proxy }, http, createHttp);
    this.#jwks = new Jwks({ ...jwks, requestKeySet: () => this.#keySetSource.requestKeySet(), now });
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
    this.#endpoints = new OidcEndpoints({ http, authentication });
    this.#introspections = new IntrospectionCache({
      requestIntrospection: (token) => this.introspect(token),
      maxEntries: MAX_CACHED_TOKENS,
      now,
    });
    this.#userInfo = new UserInfoCache({
      requestUserInfo: (token) => this.userInfo(token),
      maxAge: options.userInfoMaxAge,
      staleIfError: jwks.staleIfError,
      maxEntries: MAX_CACHED_TOKENS,
      now,
    });
    this.#passwordEncryption = new PasswordEncryption({
      requestSystem: () => this.#requestDocument(PATHS.system),
      now,
    });
    this.#signIn = new SignIn({
      options,
      http,
      authentication,
      passwordEncryption: this.#passwordEncryption,
      verifier: this.#verifier,
      onSuccess: (accessToken, claims) => this.#userInfo.prime(accessToken, claims),
      now,
    });
  }

  /**
   * Signs a user in with a password.
   *
   * The request is sent once, because every failed attempt counts towards the lock-out of the account. There are two
   * exceptions. In both, GenAuth refuses the request before it checks the password, and the request is sent once more:
   *
   * - GenAuth has replaced its key for password encryption.
   * - The application secret was replaced, and the function `appSecret` returns the new one.
   *
   * @param credentials - `password` and exactly one of `account`, `email`, `username` and `phone`. For Active
   * Directory: `password` and `sAMAccountName`.
   * @param signInOptions - Options of this sign-in. They override the configured object `signInOptions`. A configured
   * function `signInOptions` is not called, because there is no request to pass to it.
   * @returns The outcome. Switch on its `kind`. A wrong password is an outcome, not an error. The outcome `success` has
   * the tokens, the verified claims of the id_token, and the user with the claims of the requested scopes.
   * @throws RequestError `invalid_request` if the credentials are malformed, for example empty or too long. The
   * password is not sent to GenAuth.
   * @throws UpstreamError if GenAuth or the network fails. The code is `upstream_token_invalid` if GenAuth sent a token
   * that does not verify. The `cause` then has the reason.
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
    return this.#signIn.run(parseCredentials(credentials), { given: signInOptions }, (given, configured) =>
      given.length > 0 ? given : configured,
    );
  }

  /**
   * Signs a user in for a login route. The user has the claims of all configured scopes, because the type of the user
   * promises them, and the claims of the scopes in `layers.given`.
   *
   * @internal
   */
  async signInRoute(credentials: ParsedCredentials, layers: SignInLayers): Promise<SignInOutcome> {
    return this.#signIn.run(credentials, layers, (given, configured) => [...configured, ...given]);
  }

  /**
   * Requests a captcha for a user whose sign-in ended with the outcome `captcha_required`. Each captcha is valid for
   * one attempt.
   *
   * @returns The image, and the token to send back with the text that the user typed.
   * @throws UpstreamError if GenAuth cannot be reached, or if its response has no captcha.
   */
  async getCaptcha(): Promise<Captcha> {
    const captcha = parseCaptcha(await this.#requestDocument(PATHS.captcha));
    if (captcha !== undefined) return captcha;
    throw new UpstreamError('upstream_invalid_response', `GenAuth's response to GET ${PATHS.captcha} has no captcha.`);
  }

  /**
   * Verifies an id_token: form, algorithm, signature, issuer, audience and times
   * ([OpenID Connect Core 1.0 §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).
   * Requests the key set only if the cached key set is too old or does not have the key.
   *
   * @param token - The id_token, at most 65,536 characters.
   * @returns The claims. Frozen.
   * @throws TokenVerificationError if the token is not valid. Its `code` says why.
   * @throws UpstreamError if the key set cannot be loaded and no usable key is cached.
   * @throws ConfigurationError if the discovery document contradicts the options, or if `appSecret`, which is the key
   * of HS256, is not usable.
   */
  verifyIdToken(token: string): Promise<IdTokenClaims> {
    return this.#verifier.verifyIdToken(token);
  }

  /**
   * Verifies an access token in the same way as a guarded route: form, algorithm (RS256), signature, issuer, audience
   * and times ([RFC 7519 §7.2](https://www.rfc-editor.org/rfc/rfc7519#section-7.2)). Requests the key set only if the
   * cached key set is too old or does not have the key. Does not detect a revoked token: use `introspect` for that.
   *
   * @param token - The access token, at most 8,192 characters, without the word `Bearer`.
   * @returns The claims. Frozen.
   * @throws TokenVerificationError if the token is not valid. Its `code` says why.
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
  verifyAccessToken(token: string): Promise<AccessTokenClaims> {
    return this.#verifier.verifyAccessToken(token);
  }

  /**
   * Verifies an access token and checks the requirements of a route.
   *
   * @returns The claims of the token, and the user. The option `userClaims` decides whether the user comes from the
   * token or from GenAuth's user info.
   * @throws TokenVerificationError if the token is not valid or was revoked.
   * @throws AuthorizationError if the requirements are not met.
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if the options or the settings of the tenant are wrong.
   * @internal
   */
  async authenticate(
    token: string,
    { introspect, authorize }: TokenRequirements,
  ): Promise<{ user: object; claims: AccessTokenClaims }> {
    const claims = await this.#verifier.verifyAccessToken(token);
    if (introspect !== undefined) await this.#expectActive(token, claims.sub, introspect);
    const getUserClaims = (): Promise<Readonly<Record<string, unknown>>> => this.#userInfo.get(token);
    await authorize(claims, getUserClaims);
    const { userClaims, scope } = this.options;
    return { user: userClaims === 'token' ? toTokenUser(claims) : toUser(await getUserClaims(), scope), claims };
  }

  /**
   * Verifies an access token and requests the claims of its user from GenAuth
   * ([OpenID Connect Core 1.0 §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)). Each call sends
   * one request to GenAuth's user-info endpoint. The result is not cached.
   *
   * @param accessToken - The access token, at most 8,192 characters.
   * @returns The claims as GenAuth sends them. Only `sub` is present if the scopes of the token grant no claims. `sub`
   * always equals the `sub` of the token.
   * @throws TokenVerificationError if the token is not valid. The code is `token_revoked` if GenAuth no longer accepts
   * it.
   * @throws UpstreamError if GenAuth or the network fails, or if the response belongs to another user.
   * @throws ConfigurationError if the discovery document contradicts the options.
   */
  async userInfo(accessToken: string): Promise<Readonly<Record<string, unknown>> & { sub: string }> {
    const { sub } = await this.verifyAccessToken(accessToken);
    const claims = await this.#endpoints.requestUserInfo(accessToken);
    // OpenID Connect Core 1.0 §5.3.2: without this check the profile of another user could be returned.
    if (claims === undefined || claims['sub'] === sub) return { ...claims, sub };
    throw new UpstreamError(
      'upstream_invalid_response',
      "GenAuth's user info belongs to another user: its sub is not the sub of the access token.",
    );
  }

  /**
   * Requests new tokens with a refresh token ([RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)) and
   * verifies them. Concurrent calls with the same refresh token share one request, because GenAuth may accept a refresh
   * token only once.
   *
   * @typeParam T - The scopes that decide the type of the user. Default: the configured scopes.
   * @param refreshToken - The newest refresh token of the user, at most 8,192 characters.
   * @returns The new tokens, the claims of the new access token, and the user if GenAuth sent a new id_token. The user
   * has the claims of the configured scopes.
   * @throws TokenVerificationError `refresh_token_refused` if the refresh token expired, was revoked or was already
   * used. The user must sign in again.
   * @throws UpstreamError if GenAuth or the network fails. The code is `upstream_token_invalid` if a new token does not
   * verify.
   * @throws RequestError `invalid_request` if the value is not a string, is empty or is too long.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application, or does not allow it to refresh
   * tokens (`grant_not_allowed`).
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
  async refresh<T extends string = S>(refreshToken: string): Promise<RefreshedTokens<GenAuthUser<T, ExtendedFields>>> {
    const pending =
      this.#pendingRefreshes.get(refreshToken) ??
      this.#requestRefresh(refreshToken).finally(() => this.#pendingRefreshes.delete(refreshToken));
    this.#pendingRefreshes.set(refreshToken, pending);
    const { tokens, claims, idClaims } = await pending;
    if (idClaims !== undefined) this.#userInfo.prime(tokens.accessToken, idClaims);
    return {
      tokens: { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken },
      user: idClaims === undefined ? undefined : toUser(idClaims, this.options.scope),
      claims,
    };
  }

  /**
   * Revokes a token at GenAuth ([RFC 7009 §2](https://www.rfc-editor.org/rfc/rfc7009#section-2)). An unknown token is
   * not an error. Each call sends one request.
   *
   * Guarded routes verify access tokens offline. They accept a revoked access token until it expires, unless the route
   * uses introspection.
   *
   * @param token - The token, at most 8,192 characters.
   * @param hint - The type of the token. Default: `refresh_token`, because its revocation also prevents new access
   * tokens.
   * @throws RequestError `invalid_request` if the value is not a string, is empty or is too long.
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application.
   */
  async revoke(token: string, hint: TokenTypeHint = 'refresh_token'): Promise<void> {
    await this.#endpoints.requestRevocation(expectToken(token), hint);
    this.#userInfo.forget(token);
    this.#introspections.forget(token);
  }

  /**
   * Asks GenAuth whether an access token or a refresh token is active now
   * ([RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662#section-2)). Each call sends one request. The result is not
   * cached. GenAuth reports every id_token as inactive.
   *
   * @param token - The token, at most 8,192 characters.
   * @param hint - The type of the token. Default: `access_token`.
   * @returns The response. `active` is `false` for a token that expired, was revoked or is unknown.
   * @throws RequestError `invalid_request` if the value is not a string, is empty or is too long.
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
    return this.#endpoints.requestIntrospection(expectToken(token), hint);
  }

  /**
   * Builds the URL that ends the user's session at GenAuth. Redirect the browser to it after the application has ended
   * its own session. Sends no request. Clause:
   * [OpenID Connect RP-Initiated Logout §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout).
   *
   * @param parameters - All are optional. `postLogoutRedirectUri` requires `idToken`, and must be registered in the
   * console.
   * @returns The absolute URL.
   * @throws ConfigurationError `invalid_options` if `postLogoutRedirectUri` is not an absolute URL, or if `idToken` is
   * missing beside it.
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
   * health check. Sends no request and throws no error.
   *
   * @returns `ready`, and the state of the key set.
   */
  status(): ClientStatus {
    const keys = this.#jwks.status();
    return { ready: keys.count > 0, keys };
  }

  /**
   * Fetches the key set, and the key for password encryption if the option `passwordEncryptType` requires one. Call it
   * at start-up, so that the first request does not wait for the keys. Keys that are already cached and fresh are not
   * fetched again.
   *
   * @throws UpstreamError if GenAuth cannot be reached or sends unusable keys.
   * @throws ConfigurationError if the discovery document contradicts the options.
   */
  async warmUp(): Promise<void> {
    const { passwordEncryptType } = this.options;
    await Promise.all([
      this.#jwks.warmUp(),
      passwordEncryptType === 'none' ? undefined : this.#passwordEncryption.getKey(passwordEncryptType),
    ]);
  }

  /** Closes all connections. Pending requests fail. A later call opens new connections. */
  close(): void {
    this.#http.close();
    this.#keySetSource.close();
  }

  /** Introspects an access token, for routes that must not accept a revoked token until it expires. */
  async #expectActive(token: string, sub: string, maxAge: number): Promise<void> {
    const introspection = await this.#introspections.get(token, maxAge);
    if (!introspection.active) {
      throw new TokenVerificationError('token_revoked', 'GenAuth reports the access token as inactive.', {
        details: { token: 'access_token' },
      });
    }
    if (introspection.sub === undefined || introspection.sub === sub) return;
    throw new UpstreamError(
      'upstream_invalid_response',
      "GenAuth's introspection belongs to another user: its sub is not the sub of the access token.",
    );
  }

  async #requestRefresh(refreshToken: string): Promise<ReceivedRefresh> {
    const tokens = await this.#endpoints.requestRefresh(expectToken(refreshToken, 'refresh token'));
    return verifyRefreshedTokens(this.#verifier, tokens);
  }

  /** Requests a public document of GenAuth's V3 API. */
  async #requestDocument(path: string): Promise<unknown> {
    const headers = buildAppHeaders(this.options.appId);
    const { status, body, retryAfter } = await this.#http.request({
      method: 'GET',
      path,
      headers,
      maxBytes: MAX_DOCUMENT_BYTES,
    });
    // GenAuth answers most failures with HTTP 200. The `statusCode` of the envelope is the actual status.
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

/** Checks a token that is sent in a form. It need not be a JWT, but it must be a string of limited length. */
function expectToken(token: unknown, field = 'token'): string {
  if (typeof token === 'string' && token !== '' && token.length <= MAX_TOKEN_LENGTH.access_token) return token;
  throw new RequestError(`The ${field} must be a string of 1 to ${MAX_TOKEN_LENGTH.access_token} characters.`, {
    field,
    limit: MAX_TOKEN_LENGTH.access_token,
    unit: 'characters',
  });
}
