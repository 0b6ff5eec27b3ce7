import { KeySetSource } from './discovery.js';
import { TokenVerificationError, UpstreamError } from './errors.js';
import { Http } from './http.js';
import { Jwks } from './jwks.js';
import { type GenAuthOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { type DefaultScope, parseScope, toUser } from './scopes.js';
import {
  type Credentials,
  type SignedInTokens,
  type SignInOptions,
  type SignInOutcome,
  type TokenSet,
  buildSignInRequest,
  mergeSignInOptions,
  parseSignInResponse,
} from './sign-in.js';
import {
  type AccessTokenClaims,
  type IdTokenClaims,
  TokenVerifier,
  decodeUnverifiedAccessToken,
} from './token-verifier.js';

/** Seconds since 1970, the last that a Date can hold. */
const LAST_SECOND = 8.64e12;

/** What tests replace. */
interface ClientSeams {
  /** Milliseconds since 1970. */
  now?: () => number;
}

/**
 * One application of one GenAuth tenant: signs in, verifies tokens, keeps the keys. It knows no framework. Make one and keep
 * it: caches and connections are its own, and never shared with another client.
 *
 * @typeParam S - The scopes, inferred from the option `scope`.
 */
export class GenAuthClient<const S extends string = DefaultScope> {
  /** The options with every default filled in, frozen, without those that are or may hold a secret. */
  readonly options: Readonly<Omit<ResolvedOptions, 'appSecret' | 'proxy'>>;
  readonly #options: ResolvedOptions;
  readonly #http: Http;
  readonly #keySetSource: KeySetSource;
  readonly #jwks: Jwks;
  readonly #verifier: TokenVerifier;
  readonly #now: () => number;

  /** @throws ConfigurationError that names every mistake in the options. */
  constructor(options: GenAuthOptions<S>);
  /** @internal */
  constructor(options: GenAuthOptions<S>, seams: ClientSeams);
  constructor(options: GenAuthOptions<S>, { now = Date.now }: ClientSeams = {}) {
    this.#now = now;
    this.#options = resolveOptions(options);
    const { appSecret: _, proxy, ...shown } = this.#options;
    this.options = Object.freeze(shown);
    const { appHost, appId, issuer, audience, timeout, ca, clockTolerance, jwks } = shown;
    this.#http = new Http({ origin: appHost, timeout, ca, proxy });
    this.#keySetSource = new KeySetSource(this.#options, this.#http);
    this.#jwks = new Jwks({
      ...jwks,
      requestKeySet: () => this.#keySetSource.requestKeySet(),
      algorithm: TokenVerifier.algorithm,
      now,
    });
    this.#verifier = new TokenVerifier({ issuer, appId, audience, clockTolerance, jwks: this.#jwks, now });
  }

  /**
   * Signs a person in: one call, never repeated, since every failed try counts towards a lock-out. What comes back as
   * `success` has a verified id_token.
   *
   * @param credentials - `{ account, password }`, or `{ sAMAccountName, password }` for Active Directory.
   * @param signInOptions - What accompanies this sign-in, over the configured `signInOptions` where those are an object.
   * @returns The outcome; a wrong password is an outcome, not an error.
   * @throws RequestError for credentials that cannot be any (empty, too long); nothing is sent.
   * @throws UpstreamError where GenAuth or the network fails; `upstream_token_invalid` where a token that GenAuth sent does not
   * verify, with the reason as its `cause`.
   * @throws ConfigurationError where GenAuth refuses the application itself.
   */
  async signIn(credentials: Credentials, signInOptions: SignInOptions = {}): Promise<SignInOutcome<S>> {
    const configured = this.options.signInOptions;
    const merged = mergeSignInOptions(typeof configured === 'object' ? configured : {}, signInOptions);
    const parsed = parseSignInResponse(
      await this.#http.request(buildSignInRequest(this.#options, credentials, merged)),
    );
    if (!('tokens' in parsed)) return parsed;
    const { envelope, tokens } = parsed;
    const claims = await this.#verifyOwnTokens(tokens);
    const { statusCode, apiCode, requestId, message } = envelope;
    return {
      kind: 'success',
      statusCode,
      apiCode,
      requestId,
      message,
      user: toUser<S>(claims, this.options.scope),
      tokens: this.#toTokenSet(tokens, claims),
      claims,
    };
  }

  /** Verifies an id_token: signature, issuer, audience, times. @throws TokenVerificationError, UpstreamError, ConfigurationError */
  verifyIdToken(token: string): Promise<IdTokenClaims> {
    return this.#verifier.verifyIdToken(token);
  }

  /** Verifies an access token, as a guarded route does. @throws TokenVerificationError, UpstreamError, ConfigurationError */
  verifyAccessToken(token: string): Promise<AccessTokenClaims> {
    return this.#verifier.verifyAccessToken(token);
  }

  /** Fetches the keys before the first token comes. @throws UpstreamError, ConfigurationError */
  warmUp(): Promise<void> {
    return this.#jwks.warmUp();
  }

  /** Ends the kept connections. Calls under way fail; a later call opens new ones. */
  close(): void {
    this.#http.close();
    this.#keySetSource.close();
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

  #toTokenSet(tokens: SignedInTokens, claims: IdTokenClaims): TokenSet {
    const { accessToken, idToken, refreshToken, scope, expiresIn } = tokens;
    const { exp } = decodeUnverifiedAccessToken(accessToken);
    const expiresAt = exp ?? (expiresIn === undefined ? claims.exp : this.#now() / 1000 + expiresIn);
    return {
      accessToken,
      idToken,
      refreshToken,
      expiresAt: new Date(Math.min(Math.max(Math.floor(expiresAt), 0), LAST_SECOND) * 1000),
      scope: scope === undefined ? this.options.scope : parseScope(scope),
    };
  }
}
