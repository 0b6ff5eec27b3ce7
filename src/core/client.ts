import { AppSecret } from './oidc/app-secret.js';
import { KeySetSource, MAX_DOCUMENT_BYTES } from './tokens/key-set-source.js';
import { ConfigurationError, RequestError, TokenVerificationError, UpstreamError } from './errors.js';
import { quote } from './util/quote.js';
import { publishSignIn } from './events.js';
import { Http } from './http/http.js';
import { Jwks, type KeySetStatus } from './tokens/jwks.js';
import { Introspections } from './oidc/introspection-cache.js';
import { OidcEndpoints, type TokenTypeHint } from './oidc/oidc-endpoints.js';
import type { GenAuthOptions, ResolvedOptions } from './options/types.js';
import { resolveOptions } from './options/resolve-options.js';
import { PasswordEncryption } from './sign-in/password-encryption.js';
import {
  type DefaultScope,
  type GenAuthTokenUser,
  type GenAuthUser,
  parseScope,
  toTokenUser,
  toUser,
} from './scopes.js';
import { type ParsedSignIn, describeAnswer, parseSignInResponse } from './sign-in/response.js';
import { isRecord } from './util/record.js';
import { type ReceivedRefresh, verifyRefreshedTokens, verifySignedInTokens } from './tokens/received-tokens.js';
import { type Credentials, type ParsedCredentials, parseCredentials } from './sign-in/credentials.js';
import type { SignInAnswer, SignInOutcome, TokenSet } from './sign-in/outcome.js';
import { type SignInOptions, checkSignInOptions, mergeSignInOptions } from './sign-in/sign-in-options.js';
import { buildAppHeaders, buildSignInRequest } from './sign-in/request.js';
import type { AccessTokenClaims, IdTokenClaims, TokenClaims } from './tokens/claims.js';
import { TokenVerifier } from './tokens/token-verifier.js';
import { MAX_TOKEN_LENGTH } from './tokens/unverified-token.js';
import { UserInfoCache } from './oidc/user-info-cache.js';
import { type Introspection, parseCaptcha, parseEnvelope } from './wire/parse.js';
import { PATHS } from './wire/facts.js';
import { withholdSecrets } from './http/redact.js';

/** Whose user info and introspection are kept. */
const MAX_REMEMBERED_TOKENS = 10_000;

/** What tests replace. */
interface ClientSeams {
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Faults of others than the person, which are thrown. */
type SignInFault = ConfigurationError | UpstreamError;

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

/** What `buildLogoutUrl` takes. */
export interface LogoutParameters {
  /** Tells GenAuth whose session ends; an expired one will do. */
  idToken?: string | undefined;
  /** Where GenAuth sends the browser afterwards. */
  postLogoutRedirectUri?: string | undefined;
  /** Comes back with the browser. */
  state?: string | undefined;
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
  readonly #options: ResolvedOptions;
  readonly #appSecret: AppSecret;
  readonly #http: Http;
  readonly #keySetSource: KeySetSource;
  readonly #jwks: Jwks | undefined;
  readonly #verifier: TokenVerifier;
  readonly #passwordEncryption: PasswordEncryption;
  readonly #endpoints: OidcEndpoints;
  readonly #introspections: Introspections;
  readonly #userInfo: UserInfoCache;
  readonly #refreshing = new Map<string, Promise<ReceivedRefresh>>();
  readonly #now: () => number;

  /** @throws ConfigurationError that names every mistake in the options. */
  constructor(options: GenAuthOptions<S>);
  /** @internal */
  constructor(options: GenAuthOptions<S>, seams: ClientSeams);
  constructor(options: GenAuthOptions<S>, { now = Date.now }: ClientSeams = {}) {
    this.#now = now;
    this.#options = resolveOptions(options);
    const { appSecret, proxy, ...shown } = this.#options;
    this.options = Object.freeze(shown);
    const { appHost, appId, issuer, audience, timeout, ca, clockTolerance } = shown;
    this.#appSecret = new AppSecret(appSecret, now);
    this.#http = new Http({ origin: appHost, timeout, ca, proxy });
    this.#keySetSource = new KeySetSource(this.#options, this.#http);
    const algorithms = { id_token: shown.idTokenSignedResponseAlg, access_token: shown.accessTokenSignedResponseAlg };
    this.#jwks = this.#makeJwks([...new Set(Object.values(algorithms))].filter((each) => each !== 'HS256'));
    this.#verifier = new TokenVerifier({
      issuer,
      appId,
      audience,
      clockTolerance,
      algorithms,
      jwks: this.#jwks,
      appSecret: this.#appSecret,
      maxVerifiedTokens: shown.verifiedTokenCache === false ? 0 : shown.verifiedTokenCache.maxEntries,
      now,
    });
    this.#endpoints = new OidcEndpoints({ options: shown, http: this.#http, appSecret: this.#appSecret });
    this.#introspections = new Introspections({
      requestIntrospection: (token) => this.introspect(token),
      maxEntries: MAX_REMEMBERED_TOKENS,
      now,
    });
    this.#userInfo = new UserInfoCache({
      requestUserInfo: (token) => this.userInfo(token),
      maxAge: shown.userInfoMaxAge,
      staleIfError: shown.jwks.staleIfError,
      maxEntries: MAX_REMEMBERED_TOKENS,
      now,
    });
    this.#passwordEncryption = new PasswordEncryption({
      requestSystem: () => this.#requestDocument(PATHS.system),
      now,
    });
  }

  /**
   * Signs a person in: one call, never repeated, since every failed try counts towards a lock-out; but for the two refusals that
   * come before the password is looked at (a key or a secret that was replaced). What comes back as `success` has a verified
   * id_token.
   *
   * @param credentials - The password with one of `account`, `email`, `username`, `phone`, or with `sAMAccountName` for Active
   * Directory.
   * @param signInOptions - What accompanies this sign-in, over the configured `signInOptions` where those are an object.
   * @returns The outcome; a wrong password is an outcome, not an error.
   * @throws RequestError for credentials that cannot be any (empty, too long); nothing is sent.
   * @throws UpstreamError where GenAuth or the network fails; `upstream_token_invalid` where a token that GenAuth sent does not
   * verify, with the reason as its `cause`.
   * @throws ConfigurationError where GenAuth refuses the application itself, and for options that are wrong.
   */
  async signIn<const T extends string = S>(
    credentials: Credentials,
    signInOptions: SignInOptions<T> = {},
  ): Promise<SignInOutcome<T, ExtendedFields>> {
    const given: unknown = signInOptions;
    if (!isRecord(given)) {
      throw new ConfigurationError(
        'invalid_sign_in_options',
        `The sign-in options are ${quote(given)}: write an object.`,
      );
    }
    const configured = this.options.signInOptions;
    const options = mergeSignInOptions(typeof configured === 'object' ? configured : {}, signInOptions);
    const parsed = parseCredentials(credentials);
    checkSignInOptions(options, parsed);
    const startedAt = performance.now();
    try {
      const outcome = await this.#toOutcome<T>(
        await this.#requestSignIn(parsed, options),
        options.scope,
        signInOptions.scope,
      );
      this.#publish(parsed, outcome, startedAt);
      return outcome;
    } catch (error) {
      if (error instanceof ConfigurationError || error instanceof UpstreamError)
        this.#publish(parsed, error, startedAt);
      throw error;
    }
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
   * Verifies the token that guarded routes take, by the option `bearerToken`.
   *
   * @throws TokenVerificationError, UpstreamError, ConfigurationError
   */
  verifyBearerToken(token: string): Promise<TokenClaims> {
    return this.options.bearerToken === 'id_token' ? this.verifyIdToken(token) : this.verifyAccessToken(token);
  }

  /**
   * The user behind a bearer token, by the options `bearerToken` and `userClaims`. For guards: the token is not verified here.
   *
   * @param claims - What `verifyBearerToken` returned for the token.
   * @throws TokenVerificationError `token_revoked`, UpstreamError; both with `userClaims: 'userinfo'` only.
   */
  async getUser<T extends string = S>(
    token: string,
    claims: TokenClaims,
  ): Promise<GenAuthTokenUser | GenAuthUser<T, ExtendedFields>> {
    const { bearerToken, userClaims, scope } = this.options;
    if (bearerToken === 'access_token' && userClaims === 'token') return toTokenUser(claims as AccessTokenClaims);
    return toUser(await this.getUserClaims(token, claims), scope);
  }

  /**
   * All claims of the person behind a bearer token: those of an id_token itself, behind an access token those of GenAuth's user
   * info, which is asked once for each token and `userInfoMaxAge`. For guards: the token is not verified here.
   *
   * @throws TokenVerificationError `token_revoked`, UpstreamError
   */
  async getUserClaims(token: string, claims: TokenClaims): Promise<Readonly<Record<string, unknown>>> {
    return this.options.bearerToken === 'id_token' ? claims : this.#userInfo.get(token);
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
   * For guards: makes sure that GenAuth has not revoked a verified access token, for routes that cannot wait until it expires.
   *
   * @param maxAge - Milliseconds that an earlier answer counts.
   * @throws TokenVerificationError `token_revoked`, UpstreamError, ConfigurationError
   */
  async requireActive(token: string, { sub }: TokenClaims, maxAge: number): Promise<void> {
    if (this.options.bearerToken === 'id_token') {
      throw new ConfigurationError(
        'invalid_options',
        "A route asks for introspection, which knows no id_tokens: leave the option bearerToken at 'access_token'.",
      );
    }
    const introspection = await this.#introspections.get(token, maxAge);
    if (introspection.active) {
      if (introspection.sub === undefined || introspection.sub === sub) return;
      throw new UpstreamError(
        'upstream_invalid_response',
        "GenAuth's introspection is not about the person of the token.",
      );
    }
    throw new TokenVerificationError('token_revoked', 'GenAuth says that the access token is not active.');
  }

  /**
   * Where to send the browser to end the session at GenAuth too (OpenID Connect RP-Initiated Logout 1.0 §2).
   *
   * @param parameters - `postLogoutRedirectUri` must be registered in the console, and needs `idToken`.
   * @throws ConfigurationError for an address that GenAuth cannot take.
   */
  buildLogoutUrl({ idToken, postLogoutRedirectUri, state }: LogoutParameters = {}): string {
    const url = new URL(PATHS.endSession, this.options.appHost);
    if (postLogoutRedirectUri !== undefined && (!idToken || !URL.canParse(postLogoutRedirectUri))) {
      throw new ConfigurationError(
        'invalid_options',
        `postLogoutRedirectUri is ${quote(postLogoutRedirectUri)}: write a full address, and give the idToken with it.`,
      );
    }
    if (idToken) url.searchParams.set('id_token_hint', idToken);
    if (postLogoutRedirectUri !== undefined) url.searchParams.set('post_logout_redirect_uri', postLogoutRedirectUri);
    if (state !== undefined) url.searchParams.set('state', state);
    return url.href;
  }

  /** How the keys are, without asking GenAuth. */
  status(): ClientStatus {
    const keys = this.#jwks?.status() ?? { count: 0, fetchedAt: undefined, isStale: false, lastError: undefined };
    return { ready: this.#jwks === undefined || keys.count > 0, keys };
  }

  /** Fetches the keys before the first token or password comes. @throws UpstreamError, ConfigurationError */
  async warmUp(): Promise<void> {
    const { passwordEncryptType } = this.options;
    await Promise.all([
      this.#jwks?.warmUp(),
      passwordEncryptType === 'none' ? undefined : this.#passwordEncryption.getKey(passwordEncryptType),
    ]);
  }

  /** Ends the kept connections. Calls under way fail; a later call opens new ones. */
  close(): void {
    this.#http.close();
    this.#keySetSource.close();
  }

  #makeJwks(algorithms: readonly string[]): Jwks | undefined {
    if (algorithms.length === 0) return undefined;
    const requestKeySet = (): Promise<unknown> => this.#keySetSource.requestKeySet();
    return new Jwks({ ...this.options.jwks, requestKeySet, algorithms, now: this.#now });
  }

  async #requestSignIn(credentials: ParsedCredentials, options: SignInOptions): Promise<ParsedSignIn> {
    const passwordEncryptType = options.passwordEncryptType ?? this.options.passwordEncryptType;
    const renewed = new Set<string>();
    for (;;) {
      const key =
        passwordEncryptType === 'none' ? undefined : await this.#passwordEncryption.getKey(passwordEncryptType);
      const password = key === undefined ? credentials.password : key.encrypt(credentials.password);
      const appSecret = await this.#appSecret.get();
      const parts = { credentials, options, password, passwordEncryptType, appSecret };
      try {
        const answer = await this.#http.request(buildSignInRequest(this.#options, parts));
        return parseSignInResponse(withholdSecrets(answer, [credentials.password, password, appSecret]));
      } catch (error) {
        // Neither of the two means that a password was tried, and each is tried anew once.
        const code = error instanceof ConfigurationError ? error.code : '';
        if (renewed.has(code)) throw error;
        renewed.add(code);
        if (code === 'password_decryption_failed' && key !== undefined) await this.#passwordEncryption.forget(key);
        else if (code !== 'client_authentication_failed' || !(await this.#appSecret.renew(appSecret))) throw error;
      }
    }
  }

  async #toOutcome<T extends string>(
    parsed: ParsedSignIn,
    requested: SignInOptions['scope'],
    promised: SignInOptions['scope'],
  ): Promise<SignInOutcome<T, ExtendedFields>> {
    if (!('tokens' in parsed)) return parsed;
    const { envelope, tokens: received } = parsed;
    const scope = parseScope(requested ?? this.options.scope);
    const { tokens, claims } = await verifySignedInTokens(this.#verifier, received, scope, this.#now);
    const { statusCode, apiCode, requestId, message } = envelope;
    this.#userInfo.prime(tokens.accessToken, claims);
    return {
      kind: 'success',
      statusCode,
      apiCode,
      requestId,
      message,
      // What the caller asked for, else what the client's type says.
      user: toUser<GenAuthUser<T, ExtendedFields>>(claims, parseScope(promised ?? this.options.scope)),
      tokens,
      claims,
    };
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
    const code = status === 200 ? (envelope?.statusCode ?? status) : status;
    if (code === 200 && body !== undefined) return body;
    const isDown = code === 429 || code >= 500;
    const said = envelope === undefined ? `HTTP ${status}${isDown ? '' : ' and no JSON'}` : describeAnswer(envelope);
    throw new UpstreamError(
      isDown ? 'upstream_unavailable' : 'upstream_invalid_response',
      `GET ${path} cannot be used: ${said}.`,
      { retryAfter, answer: envelope },
    );
  }

  #publish(
    { connection }: ParsedCredentials,
    result: (SignInAnswer & Pick<SignInOutcome, 'kind'>) | SignInFault,
    startedAt: number,
  ): void {
    publishSignIn(() => {
      const common = { appId: this.options.appId, connection, duration: performance.now() - startedAt };
      if (result instanceof Error) {
        const { statusCode, apiCode, requestId } = result.answer ?? {};
        return { ...common, result: result.code, text: result.message, statusCode, apiCode, requestId };
      }
      const { kind, statusCode, apiCode, requestId } = result;
      return { ...common, result: kind, text: describeAnswer(result), statusCode, apiCode, requestId };
    });
  }
}

/** A token that goes into a form: whatever it is, it must not be empty or endless. */
function expectToken(token: unknown, what = 'token'): string {
  if (typeof token === 'string' && token !== '' && token.length <= MAX_TOKEN_LENGTH.access_token) return token;
  throw new RequestError(`The ${what} must be a string of 1 to ${MAX_TOKEN_LENGTH.access_token} characters.`);
}
