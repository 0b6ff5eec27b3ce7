import { AppSecret } from './app-secret.js';
import { KeySetSource } from './discovery.js';
import { ConfigurationError, TokenVerificationError, UpstreamError } from './errors.js';
import { publishSignIn } from './events.js';
import { Http } from './http.js';
import { Jwks } from './jwks.js';
import { type GenAuthOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { PasswordEncryption } from './password-encryption.js';
import { type DefaultScope, type GenAuthUser, parseScope, toUser } from './scopes.js';
import { type ParsedSignIn, type SignedInTokens, describeAnswer, parseSignInResponse } from './sign-in-response.js';
import {
  type Credentials,
  type ParsedCredentials,
  type SignInAnswer,
  type SignInOptions,
  type SignInOutcome,
  type TokenSet,
  buildAppHeaders,
  buildSignInRequest,
  checkSignInOptions,
  mergeSignInOptions,
  parseCredentials,
} from './sign-in.js';
import {
  type AccessTokenClaims,
  type IdTokenClaims,
  TokenVerifier,
  decodeUnverifiedAccessToken,
} from './token-verifier.js';
import { PATHS, parseCaptcha } from './wire.js';

/** Seconds since 1970, the last that a Date can hold. */
const LAST_SECOND = 8.64e12;
const MAX_DOCUMENT_BYTES = 256 * 1024;

/** What tests replace. */
interface ClientSeams {
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Faults of others than the person, which are thrown. */
type SignInFault = ConfigurationError | UpstreamError;

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
    this.#appSecret = new AppSecret(appSecret);
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
    const configured = this.options.signInOptions;
    const options = mergeSignInOptions(typeof configured === 'object' ? configured : {}, signInOptions);
    const parsed = parseCredentials(credentials);
    checkSignInOptions(options, parsed);
    const startedAt = performance.now();
    try {
      const outcome = await this.#toOutcome<T>(await this.#requestSignIn(parsed, options), options);
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
        return parseSignInResponse(await this.#http.request(buildSignInRequest(this.#options, parts)));
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
    options: SignInOptions,
  ): Promise<SignInOutcome<T, ExtendedFields>> {
    if (!('tokens' in parsed)) return parsed;
    const { envelope, tokens } = parsed;
    const scope = options.scope === undefined ? this.options.scope : parseScope(options.scope);
    const claims = await this.#verifyOwnTokens(tokens);
    const { statusCode, apiCode, requestId, message } = envelope;
    return {
      kind: 'success',
      statusCode,
      apiCode,
      requestId,
      message,
      user: toUser<GenAuthUser<T, ExtendedFields>>(claims, scope),
      tokens: this.#toTokenSet(tokens, claims, scope),
      claims,
    };
  }

  /** The tokens of a sign-in: if they are wrong, GenAuth is, and not whoever sent a request here. */
  async #verifyOwnTokens({ idToken, accessToken }: SignedInTokens): Promise<IdTokenClaims> {
    try {
      const claims = await this.#verifier.verifyIdToken(idToken, accessToken);
      const { sub } = decodeUnverifiedAccessToken(accessToken);
      if (sub === undefined || sub === claims.sub) return claims;
      throw new TokenVerificationError('token_subject_mismatch', 'The two tokens are not of one person.');
    } catch (cause) {
      if (!(cause instanceof TokenVerificationError)) throw cause;
      const message = `The tokens that GenAuth sent were refused. ${cause.message}`;
      throw new UpstreamError('upstream_token_invalid', message, { cause });
    }
  }

  #toTokenSet(tokens: SignedInTokens, claims: IdTokenClaims, requested: readonly string[]): TokenSet {
    const { accessToken, idToken, refreshToken, scope, expiresIn } = tokens;
    const { exp } = decodeUnverifiedAccessToken(accessToken);
    const expiresAt = exp ?? (expiresIn === undefined ? claims.exp : this.#now() / 1000 + expiresIn);
    return {
      accessToken,
      idToken,
      refreshToken,
      expiresAt: new Date(Math.min(Math.max(Math.floor(expiresAt), 0), LAST_SECOND) * 1000),
      scope: scope === undefined ? requested : parseScope(scope),
    };
  }

  /** A public answer of GenAuth's V3 interface. */
  async #requestDocument(path: string): Promise<unknown> {
    const headers = buildAppHeaders(this.options.appId);
    const answer = await this.#http.request({ method: 'GET', path, headers, maxBytes: MAX_DOCUMENT_BYTES });
    if (answer.status === 200 && answer.body !== undefined) return answer.body;
    const { status, retryAfter } = answer;
    const isDown = status === 429 || status >= 500;
    throw new UpstreamError(
      isDown ? 'upstream_unavailable' : 'upstream_invalid_response',
      `GenAuth answered GET ${path} with HTTP ${status}${isDown ? '' : ' and no JSON'}.`,
      { retryAfter },
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
        const unknown = { statusCode: undefined, apiCode: undefined, requestId: undefined };
        return { ...common, ...unknown, result: result.code, text: result.message };
      }
      const { kind, statusCode, apiCode, requestId } = result;
      return { ...common, result: kind, text: describeAnswer(result), statusCode, apiCode, requestId };
    });
  }
}
