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

/** Parts of the client that tests and the doctor replace. */
interface ClientSeams {
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Creates the connection to one origin: the application's host, and the host of the option `jwksUri`. */
  createHttp?: (settings: HttpSettings) => Http;
}

/** What a guard requires of an access token that verifies. */
export interface TokenRequirements {
  /** Milliseconds that an introspection may be old. Absent: the token is not introspected. */
  introspect?: number | undefined;
  /**
   * Checks scopes, roles and tenant.
   *
   * @param getUserClaims - Requests the claims that the token lacks, from GenAuth's user info.
   * @throws AuthorizationError
   */
  authorize: (
    claims: AccessTokenClaims,
    getUserClaims: () => Promise<Readonly<Record<string, unknown>>>,
  ) => Promise<void>;
}

/** What `refresh` brings. */
export interface RefreshedTokens<User = GenAuthUser> {
  /** Keep these in place of the old ones: `refreshToken` is the newest there is, a new one or the one that was sent. */
  tokens: Omit<TokenSet, 'idToken'> & { refreshToken: string; idToken: string | undefined };
  /** Who the person is now; `undefined` where GenAuth sent no new id_token. */
  user: User | undefined;
  /** All claims of the new access token. */
  claims: AccessTokenClaims;
}

/** How things are, for a health check. */
export interface ClientStatus {
  /** Whether a token of a known key could be verified now. */
  ready: boolean;
  keys: KeySetStatus;
}

/** A picture that the person has to read, and the token that stands for it. */
export interface Captcha {
  /** SVG text. Show it as an image (`data:image/svg+xml,…`), not as markup of your page. */
  svg: string;
  /** Goes back as `captchaToken`, with what the person read as `captchaCode`. */
  token: string;
}

/**
 * One application of one GenAuth tenant: signs in, verifies tokens, keeps the keys. It knows no framework. Make one and keep
 * it: caches and connections are its own, and never shared with another client.
 *
 * @typeParam S - The scopes, inferred from the option `scope`.
 * @typeParam ExtendedFields - The user pool's own fields, with scope `extended_fields`.
 */
export class GenAuthClient<
  const S extends string = DefaultScope,
  ExtendedFields extends object = Record<string, unknown>,
> {
  /** The options with every default filled in, frozen, without those that are or may hold a secret. */
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
  readonly #refreshing = new Map<string, Promise<ReceivedRefresh>>();

  /** @throws ConfigurationError that names every mistake in the options. */
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
   * Signs a user in: one request, never repeated, because every failed attempt counts towards the account's lock-out.
   * The two exceptions are refusals that come before GenAuth looks at the password: a replaced encryption key, a
   * replaced secret.
   *
   * @param credentials - The password with one of `account`, `email`, `username`, `phone`, or with `sAMAccountName` for
   * Active Directory.
   * @param signInOptions - Options of this sign-in. They override the configured `signInOptions`, if those are an
   * object.
   * @returns The outcome. A wrong password is an outcome, not an error. `success` has a verified id_token and the
   * claims of the requested scopes.
   * @throws RequestError for credentials that no account can have (empty, too long); nothing is sent.
   * @throws UpstreamError if GenAuth or the network fails; `upstream_token_invalid` if a token that GenAuth sent does
   * not verify, with the reason as its `cause`.
   * @throws ConfigurationError if GenAuth refuses the application itself, and for wrong options.
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
   * Signs in for a login route. The user has the claims of the configured scopes, which its type promises, and of those
   * that `given` adds.
   *
   * @internal
   */
  async signInRoute(credentials: ParsedCredentials, layers: SignInLayers): Promise<SignInOutcome> {
    return this.#signIn.run(credentials, layers, (given, configured) => [...configured, ...given]);
  }

  /**
   * A picture for a person whose sign-in ended as `captcha_required`; each is good for one try.
   *
   * @throws UpstreamError
   */
  async getCaptcha(): Promise<Captcha> {
    const captcha = parseCaptcha(await this.#requestDocument(PATHS.captcha));
    if (captcha !== undefined) return captcha;
    throw new UpstreamError('upstream_invalid_response', 'GenAuth answered without a captcha.');
  }

  /** Verifies an id_token: signature, issuer, audience, times. @throws TokenVerificationError, UpstreamError, ConfigurationError */
  verifyIdToken(token: string): Promise<IdTokenClaims> {
    return this.#verifier.verifyIdToken(token);
  }

  /** Verifies an access token, as a guarded route does. @throws TokenVerificationError, UpstreamError, ConfigurationError */
  verifyAccessToken(token: string): Promise<AccessTokenClaims> {
    return this.#verifier.verifyAccessToken(token);
  }

  /**
   * Verifies an access token and everything that a route requires of it.
   *
   * @returns The user, by the option `userClaims`, and the claims of the token.
   * @throws TokenVerificationError, AuthorizationError, UpstreamError, ConfigurationError
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
   * Asks GenAuth whose an access token is (OpenID Connect Core 1.0 §5.3); each call is one request.
   *
   * @returns The claims as GenAuth sends them, `sub` alone where the token's scopes bring none. Their `sub` is the token's.
   * @throws TokenVerificationError for a token that does not verify or that GenAuth has revoked.
   * @throws UpstreamError, ConfigurationError
   */
  async userInfo(accessToken: string): Promise<Readonly<Record<string, unknown>> & { sub: string }> {
    const { sub } = await this.verifyAccessToken(accessToken);
    const claims = await this.#endpoints.requestUserInfo(accessToken);
    // OpenID Connect Core 1.0 §5.3.2: else somebody else's profile would be taken for this person's.
    if (claims === undefined || claims['sub'] === sub) return { ...claims, sub };
    throw new UpstreamError('upstream_invalid_response', "GenAuth's user info is not about the person of the token.");
  }

  /**
   * New tokens for a refresh token (RFC 6749 §6). Calls for one refresh token at one time are one request, so that parallel
   * requests of a browser do not use each other's token up.
   *
   * @throws TokenVerificationError `refresh_token_refused`: the person signs in again.
   * @throws UpstreamError, also `upstream_token_invalid` for new tokens that do not verify.
   * @throws RequestError for what cannot be a refresh token, ConfigurationError
   */
  async refresh<T extends string = S>(refreshToken: string): Promise<RefreshedTokens<GenAuthUser<T, ExtendedFields>>> {
    const pending =
      this.#refreshing.get(refreshToken) ??
      this.#requestRefresh(refreshToken).finally(() => this.#refreshing.delete(refreshToken));
    this.#refreshing.set(refreshToken, pending);
    const { tokens, claims, idClaims } = await pending;
    if (idClaims !== undefined) this.#userInfo.prime(tokens.accessToken, idClaims);
    return {
      tokens: { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken },
      user: idClaims === undefined ? undefined : toUser(idClaims, this.options.scope),
      claims,
    };
  }

  /**
   * Makes GenAuth forget a token (RFC 7009); an unknown one is no failure. Tokens are verified offline, so guarded routes go on
   * taking an access token until it expires, but for routes with introspection.
   *
   * @param hint - Default: `refresh_token`, which ends the person's access at its root.
   * @throws UpstreamError, ConfigurationError
   */
  async revoke(token: string, hint: TokenTypeHint = 'refresh_token'): Promise<void> {
    await this.#endpoints.requestRevocation(expectToken(token), hint);
    this.#userInfo.forget(token);
    this.#introspections.forget(token);
  }

  /**
   * Asks GenAuth whether a token is valid at this moment (RFC 7662); each call is one request. id_tokens never are.
   *
   * @throws UpstreamError, ConfigurationError
   */
  async introspect(token: string, hint: TokenTypeHint = 'access_token'): Promise<Introspection> {
    return this.#endpoints.requestIntrospection(expectToken(token), hint);
  }

  /**
   * Where to send the browser to end the session at GenAuth too (OpenID Connect RP-Initiated Logout 1.0 §2).
   *
   * @param parameters - `postLogoutRedirectUri` must be registered in the console, and needs `idToken`.
   * @throws ConfigurationError for an address that GenAuth cannot take.
   */
  buildLogoutUrl(parameters: LogoutParameters = {}): string {
    return buildLogoutUrl(this.options.appHost, parameters);
  }

  /** How the keys are, without asking GenAuth. */
  status(): ClientStatus {
    const keys = this.#jwks.status();
    return { ready: keys.count > 0, keys };
  }

  /** Fetches the keys before the first token or password comes. @throws UpstreamError, ConfigurationError */
  async warmUp(): Promise<void> {
    const { passwordEncryptType } = this.options;
    await Promise.all([
      this.#jwks.warmUp(),
      passwordEncryptType === 'none' ? undefined : this.#passwordEncryption.getKey(passwordEncryptType),
    ]);
  }

  /** Ends the kept connections. Calls under way fail; a later call opens new ones. */
  close(): void {
    this.#http.close();
    this.#keySetSource.close();
  }

  /** For routes that cannot wait until a revoked access token expires. */
  async #expectActive(token: string, sub: string, maxAge: number): Promise<void> {
    const introspection = await this.#introspections.get(token, maxAge);
    if (!introspection.active) {
      throw new TokenVerificationError('token_revoked', 'GenAuth says that the access token is not active.', {
        details: { token: 'access_token' },
      });
    }
    if (introspection.sub === undefined || introspection.sub === sub) return;
    throw new UpstreamError(
      'upstream_invalid_response',
      "GenAuth's introspection is not about the person of the token.",
    );
  }

  async #requestRefresh(refreshToken: string): Promise<ReceivedRefresh> {
    const tokens = await this.#endpoints.requestRefresh(expectToken(refreshToken, 'refresh token'));
    return verifyRefreshedTokens(this.#verifier, tokens);
  }

  /** A public answer of GenAuth's V3 interface. */
  async #requestDocument(path: string): Promise<unknown> {
    const headers = buildAppHeaders(this.options.appId);
    const { status, body, retryAfter } = await this.#http.request({
      method: 'GET',
      path,
      headers,
      maxBytes: MAX_DOCUMENT_BYTES,
    });
    // The HTTP status is 200 for nearly everything, here too.
    const envelope = parseEnvelope(body);
    if (status === 200 && (envelope?.statusCode ?? 200) === 200 && body !== undefined) return body;
    throw toUpstreamError(
      { request: `GET ${path}`, status, statusCode: envelope?.statusCode, retryAfter, answer: envelope },
      ({ isDown }) => {
        const said =
          envelope === undefined ? `HTTP ${status}${isDown ? '' : ' and no JSON'}` : describeAnswer(envelope);
        return `GET ${path} cannot be used: ${said}.`;
      },
    );
  }
}

/** A token that goes into a form: whatever it is, it must not be empty or endless. */
function expectToken(token: unknown, what = 'token'): string {
  if (typeof token === 'string' && token !== '' && token.length <= MAX_TOKEN_LENGTH.access_token) return token;
  throw new RequestError(`The ${what} must be a string of 1 to ${MAX_TOKEN_LENGTH.access_token} characters.`, {
    field: what,
    limit: MAX_TOKEN_LENGTH.access_token,
    unit: 'characters',
  });
}
