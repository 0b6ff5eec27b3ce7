import { ConfigurationError, RequestError, SignInRejectedError, UpstreamError } from '../errors.js';
import { type SignInEvent, publishEvent } from '../events.js';
import type { Http } from '../http/http.js';
import type { ClientAuthentication, ClientProof } from '../oidc/client-authentication.js';
import type { ResolvedOptions } from '../options/types.js';
import { type GenAuthUser, parseScope, toUser } from '../scopes.js';
import type { IdTokenClaims } from '../tokens/claims.js';
import { Deadline } from '../util/deadline.js';
import { type MaybePromise, chain } from '../util/maybe-promise.js';
import { getOwn } from '../util/record.js';
import { verifySignedInTokens } from '../tokens/received-tokens.js';
import type { TokenVerifier } from '../tokens/token-verifier.js';
import type { SignedInTokens, UnverifiedTokens } from '../wire/parse.js';
import type { ParsedCredentials } from './credentials.js';
import { parseIpAddress } from './ip-address.js';
import type { LoginThrottle } from './login-throttle.js';
import type { SignInAnswer, SignInOutcome, SignInRejection, SignInSuccess } from './outcome.js';
import type { PasswordEncryption } from './password-encryption.js';
import { buildSignInRequest } from './request.js';
import { type ParsedSignIn, describeAnswer, parseSignInResponse } from './response.js';
import { type SignInOptions, checkAutoRegister, checkSignInOptions, mergeSignInOptions } from './sign-in-options.js';

/**
 * Errors that a sign-in throws and also publishes in the sign-in event: wrong configuration (`ConfigurationError`),
 * failures of GenAuth or the network (`UpstreamError`), and a refused authorization code (`RequestError`).
 */
type SignInFault = ConfigurationError | UpstreamError | RequestError;

const REDIRECT = { connection: 'REDIRECT' } as const;

/**
 * The sign-in options of one sign-in, from two sources. The client's option `signInOptions`, if it is an object,
 * overrides `request`. `given` overrides both.
 */
export interface SignInLayers {
  /** Options from the HTTP request: IP address, user agent and captcha. */
  request?: SignInOptions;
  /**
   * Options from the caller of `GenAuthClient.signIn`, or from the client's option `signInOptions` if it is a function.
   */
  given: SignInOptions;
  /** The time limit of the login. Default: a time limit with the client's option `timeout` that begins now. */
  deadline?: Deadline;
}

export interface SignInSettings {
  options: Pick<ResolvedOptions, 'appId' | 'scope' | 'signInOptions' | 'passwordEncryptType' | 'timeout'>;
  http: Http;
  authentication: ClientAuthentication;
  passwordEncryption: PasswordEncryption;
  verifier: TokenVerifier;
  /** Limits failed sign-ins. `undefined`: no limit. */
  throttle: LoginThrottle | undefined;
  /** Called after each successful sign-in, with the access token and the verified claims of the id_token. */
  onSuccess: (accessToken: string, claims: IdTokenClaims) => void;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/**
 * Signs users in. Merges the sign-in options, sends the sign-in request, parses GenAuth's answer, verifies the tokens,
 * builds the user and publishes the sign-in event.
 */
export class SignIn {
  readonly #settings: SignInSettings;

  constructor(settings: SignInSettings) {
    this.#settings = settings;
  }

  /**
   * Signs one user in.
   *
   * @param toUserScope - Returns the scopes whose claims the user has. The argument `given` is the `scope` in the given
   * sign-in options. The argument `configured` is the client's option `scope`.
   * @throws RequestError, UpstreamError, ConfigurationError, as the documentation of `GenAuthClient.signIn` describes.
   */
  async run<S extends string, ExtendedFields extends object>(
    credentials: ParsedCredentials,
    { request = {}, given, deadline = new Deadline(this.#settings.options.timeout) }: SignInLayers,
    toUserScope: (given: readonly string[], configured: readonly string[]) => readonly string[],
  ): Promise<SignInOutcome<S, ExtendedFields>> {
    checkSignInOptions(given);
    const { scope: configuredScope, signInOptions: configured } = this.#settings.options;
    const configuredOptions = typeof configured === 'object' ? configured : {};
    const merged = mergeSignInOptions(request, configuredOptions, given);
    checkAutoRegister(merged, credentials);
    const scope = merged.scope === undefined ? configuredScope : parseScope(merged.scope);
    const options = Object.assign(merged, { scope });
    const userScope = toUserScope(parseScope(getOwn(given, 'scope') ?? []), configuredScope);
    const startedAt = performance.now();
    const attempt = await this.#settings.throttle?.begin(credentials, parseIpAddress(options.clientIp));
    if (typeof attempt === 'number') {
      const refusal = buildThrottled(attempt);
      this.#publish(credentials, refusal, startedAt);
      return refusal;
    }
    let kind: SignInOutcome['kind'] | 'unanswered' | undefined;
    try {
      const parsed = await this.#request(credentials, options, deadline);
      const verifying = this.#toOutcome<S, ExtendedFields>(parsed, scope, userScope);
      const outcome = await deadline.wait(verifying, buildTimeoutError);
      ({ kind } = outcome);
      this.#publish(credentials, outcome, startedAt);
      return outcome;
    } catch (error) {
      if (error instanceof ConfigurationError || error instanceof UpstreamError) {
        this.#publish(credentials, error, startedAt);
      }
      if (error instanceof UpstreamError && error.details.requestSent === true) kind = 'unanswered';
      throw error;
    } finally {
      await attempt?.end(kind);
    }
  }

  /**
   * Sends the sign-in request. The request is sent a second time in two cases only: with a new public key if GenAuth
   * could not decrypt the password, and with a new application secret if GenAuth refused the application secret. In
   * both cases GenAuth has not checked the password yet. In all other cases the request is not repeated, because
   * GenAuth locks the account after too many failed sign-ins.
   */
  #request(
    credentials: ParsedCredentials,
    options: SignInOptions & { scope: readonly string[] },
    deadline: Deadline,
  ): Promise<ParsedSignIn> {
    const { http, authentication, passwordEncryption, options: configured } = this.#settings;
    const passwordEncryptType = options.passwordEncryptType ?? configured.passwordEncryptType;
    const parts = { appId: configured.appId, credentials, options, passwordEncryptType, deadline };
    let mayRenewKey = passwordEncryptType !== 'none';
    const exchange = async (proof: ClientProof): Promise<ParsedSignIn> => {
      for (;;) {
        const key =
          passwordEncryptType === 'none'
            ? undefined
            : await deadline.wait(passwordEncryption.getKey(passwordEncryptType), buildTimeoutError);
        const password = key === undefined ? credentials.password : key.encrypt(credentials.password);
        try {
          return parseSignInResponse(await http.request(buildSignInRequest(parts, password, proof)));
        } catch (error) {
          const isKeyRefused = error instanceof ConfigurationError && error.code === 'password_decryption_failed';
          if (!isKeyRefused || !mayRenewKey || key === undefined) throw error;
          mayRenewKey = false;
          passwordEncryption.forget(key);
        }
      }
    };
    return authentication.prove('json', exchange, deadline);
  }

  /**
   * Signs in the user of an authorization code of GenAuth's hosted page.
   *
   * @param request - Exchanges the authorization code for tokens.
   * @param nonce - The `nonce` of the authorization request.
   * @throws UpstreamError, ConfigurationError and RequestError, as `GenAuthClient.exchangeCode` describes.
   */
  async runCode(request: () => Promise<UnverifiedTokens>, nonce: string): Promise<SignInSuccess> {
    const { scope } = this.#settings.options;
    const startedAt = performance.now();
    try {
      const { idToken, accessToken, ...rest } = await request();
      if (idToken === undefined || accessToken === undefined) {
        const missing = idToken === undefined ? 'id_token' : 'access_token';
        throw new UpstreamError(
          'upstream_invalid_response',
          `GenAuth's response to an authorization code has no ${missing}.`,
        );
      }
      const envelope = { statusCode: 200, apiCode: undefined, requestId: undefined, message: '' };
      const outcome = await this.#toSuccess<string, Record<string, unknown>>(
        { tokens: { idToken, accessToken, ...rest }, envelope },
        scope,
        scope,
        nonce,
      );
      this.#publish(REDIRECT, outcome, startedAt);
      return outcome;
    } catch (error) {
      this.publishCodeFailure(error, startedAt);
      throw error;
    }
  }

  /** Publishes the event of a sign-in on GenAuth's hosted page that has failed. */
  publishCodeFailure(error: unknown, startedAt = performance.now()): void {
    if (error instanceof SignInRejectedError) this.#publish(REDIRECT, error.outcome, startedAt);
    else if (error instanceof ConfigurationError || error instanceof UpstreamError || error instanceof RequestError) {
      this.#publish(REDIRECT, error, startedAt);
    }
  }

  #toOutcome<S extends string, ExtendedFields extends object>(
    parsed: ParsedSignIn,
    scope: readonly string[],
    userScope: readonly string[],
  ): MaybePromise<SignInOutcome<S, ExtendedFields>> {
    return 'tokens' in parsed ? this.#toSuccess(parsed, scope, userScope) : parsed;
  }

  #toSuccess<S extends string, ExtendedFields extends object>(
    parsed: { tokens: SignedInTokens; envelope: SignInAnswer },
    scope: readonly string[],
    userScope: readonly string[],
    nonce?: string,
  ): MaybePromise<SignInSuccess<GenAuthUser<S, ExtendedFields>>> {
    const { verifier, onSuccess, now } = this.#settings;
    const { statusCode, apiCode, requestId, message } = parsed.envelope;
    return chain(verifySignedInTokens(verifier, parsed.tokens, scope, now, nonce), ({ tokens, claims }) => {
      onSuccess(tokens.accessToken, claims);
      const user = toUser<GenAuthUser<S, ExtendedFields>>(claims, userScope);
      return { kind: 'success', statusCode, apiCode, requestId, message, user, tokens, claims };
    });
  }

  #publish(
    { connection }: Pick<SignInEvent, 'connection'>,
    result: (SignInAnswer & Pick<SignInOutcome, 'kind'>) | SignInFault,
    startedAt: number,
  ): void {
    publishEvent('genauth:sign-in', () => {
      const { appId } = this.#settings.options;
      const common = { appId, connection, duration: performance.now() - startedAt };
      if (result instanceof Error) {
        const { statusCode, apiCode, requestId } = (result instanceof RequestError ? undefined : result.answer) ?? {};
        return { ...common, result: result.code, text: result.message, statusCode, apiCode, requestId };
      }
      const { kind, statusCode, apiCode, requestId } = result;
      const answered = { statusCode: statusCode === 0 ? undefined : statusCode, apiCode, requestId };
      return { ...common, result: kind, text: describeAnswer(result), ...answered };
    });
  }
}

/** Builds the outcome of a sign-in that the client's option `loginThrottle` has refused. */
function buildThrottled(retryAfter: number): SignInRejection {
  const message = 'The option loginThrottle has refused the sign-in, because too many sign-ins have failed.';
  return { kind: 'rate_limited', statusCode: 0, apiCode: undefined, requestId: undefined, message, retryAfter };
}

/** Builds the error for a login that ends while it waits for GenAuth's keys. */
function buildTimeoutError(timeout: number): UpstreamError {
  return new UpstreamError('upstream_timeout', `GenAuth's keys did not arrive within the ${timeout} ms of a login`, {
    details: { limit: timeout },
  });
}
