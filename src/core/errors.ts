import type { SignInAnswer, SignInRejection } from './sign-in/outcome.js';

/**
 * The base class of this library's errors. There is one subclass for each party that must act: the operator, the
 * caller, the user, or GenAuth. The message states what is wrong, the value and the fix. The same facts are in
 * `details` as data. The message and `details` never contain a password, a token, a secret or the body of a request or
 * response.
 */
export abstract class GenAuthError extends Error {
  // Values from outside enter a message only through `quote`, and `details` only through `toDetail`.

  /** Identifies the error. It is stable: compare this value, never the message. */
  abstract readonly code: string;
  /** The facts of the message as data. Which members are present depends on the `code`. Frozen. */
  abstract readonly details: object;
  /** The HTTP status of the response, unless the application chooses another one. */
  abstract readonly statusCode: number;

  /** Returns the properties for a log. Stack and cause are left out. */
  toJSON(): { name: string; code: string; statusCode: number; message: string } {
    return { name: this.name, code: this.code, statusCode: this.statusCode, message: this.message };
  }
}

/** The `code` of a {@link ConfigurationError}. */
export type ConfigurationErrorCode =
  /** One or more options are wrong. */
  | 'invalid_options'
  /** GenAuth refused the application: `appSecret` or `tokenEndpointAuthMethod` is wrong. */
  | 'client_authentication_failed'
  /** GenAuth does not know the application: `appId` or `appHost` is wrong. */
  | 'app_not_found'
  /** The console does not allow the application to use this grant, for example refresh tokens. */
  | 'grant_not_allowed'
  /** The function `appSecret` threw an error, or it returned no usable secret. */
  | 'app_secret_unavailable'
  /** The secret has fewer than 32 bytes, which HS256 requires. */
  | 'app_secret_too_short'
  /** GenAuth could not decrypt the password: `passwordEncryptType` is wrong. */
  | 'password_decryption_failed'
  /** The connection of the GenAuth tenant to its user directory (LDAP, Active Directory) is set up wrongly. */
  | 'connection_misconfigured'
  /** The GenAuth plan of the tenant is used up. */
  | 'plan_exhausted'
  /** The options of one sign-in are wrong, or one of the functions `signInOptions` and `clientIp` threw an error. */
  | 'invalid_sign_in_options'
  /** The discovery document names another issuer than the option `issuer`. */
  | 'discovery_issuer_mismatch'
  /** The `jwks_uri` of the discovery document is not on the host of `appHost`. */
  | 'discovery_jwks_uri_refused';

/** The status, the code and the request ID of GenAuth's answer. They are for the log, and for GenAuth's support. */
export type AnswerIds = Pick<SignInAnswer, 'statusCode' | 'apiCode' | 'requestId'>;

/** One wrong option. The message of the error has a line `option problem: fix.` for each of them. */
export interface OptionMistake {
  /** Name of the option, with the name of the option that contains it: `jwks.maxAge`. */
  readonly option: string;
  /** What is wrong, with the value: `is "abc"`. The value of a secret is never included. */
  readonly problem: string;
  /** What to write instead: `write true or false`. */
  readonly fix: string;
}

/** Formats a mistake as a line of a message: `jwks.maxAge is "abc": write a whole number of milliseconds.` */
export function describeMistake({ option, problem, fix }: OptionMistake): string {
  return `${option} ${problem}: ${fix}.`;
}

/** `details` of a {@link ConfigurationError}. */
export interface ConfigurationErrorDetails {
  /** All mistakes, with the codes `invalid_options` and `invalid_sign_in_options`. Otherwise empty. */
  readonly mistakes: readonly OptionMistake[];
  /**
   * The configured issuer, with `discovery_issuer_mismatch`. The expected origin, with `discovery_jwks_uri_refused`.
   */
  readonly expected?: unknown;
  /** The value in GenAuth's discovery document, with the same two codes: at most 512 characters. */
  readonly actual?: unknown;
}

interface ConfigurationErrorOptions extends ErrorOptions {
  answer?: AnswerIds | undefined;
  details?: Partial<ConfigurationErrorDetails>;
}

function toAnswerIds(answer: AnswerIds): AnswerIds;
function toAnswerIds(answer: AnswerIds | undefined): AnswerIds | undefined;
function toAnswerIds(answer: AnswerIds | undefined): AnswerIds | undefined {
  if (answer === undefined) return undefined;
  const { statusCode, apiCode, requestId } = answer;
  return { statusCode, apiCode, requestId };
}

/**
 * The developer or operator of the application must act: an option, a secret or a setting in GenAuth's console is
 * wrong. The response has status 500 and does not contain the message.
 */
export class ConfigurationError extends GenAuthError {
  override readonly name = 'ConfigurationError';
  readonly statusCode = 500;
  readonly code: ConfigurationErrorCode;
  readonly details: ConfigurationErrorDetails;
  /** The status, the code and the request ID of GenAuth's answer, if GenAuth answered. */
  readonly answer: AnswerIds | undefined;

  constructor(code: ConfigurationErrorCode, message: string, options?: ConfigurationErrorOptions) {
    super(message, options);
    this.code = code;
    const { mistakes = [], ...details } = options?.details ?? {};
    this.details = Object.freeze({ ...details, mistakes: Object.freeze([...mistakes]) });
    this.answer = toAnswerIds(options?.answer);
  }
}

/** `details` of a {@link RequestError}. */
export interface RequestErrorDetails {
  /** The wrong field, by its name in the request. Absent if the mistake is not in one field. */
  readonly field?: string;
  /** Maximum length of the field, in `unit`. Absent if the mistake is not the length. */
  readonly limit?: number;
  /** The unit of `limit`. */
  readonly unit?: 'characters' | 'bytes';
}

/**
 * Builds the error for one wrong option.
 *
 * @param message - Default: `option problem: fix.`
 */
export function buildOptionError(mistake: OptionMistake, message = describeMistake(mistake)): ConfigurationError {
  return new ConfigurationError('invalid_options', message, { details: { mistakes: [mistake] } });
}

/**
 * The caller must act: credentials, or another value of the request, are missing or malformed. No password and no token
 * was sent to GenAuth. The response has status 400, and its text is the message of the error.
 */
export class RequestError extends GenAuthError {
  override readonly name = 'RequestError';
  readonly code = 'invalid_request';
  readonly statusCode = 400;
  readonly details: RequestErrorDetails;

  constructor(message: string, details: RequestErrorDetails = {}) {
    super(message);
    this.details = Object.freeze({ ...details });
  }
}

/** The `code` of a {@link TokenVerificationError}. */
export type TokenVerificationErrorCode =
  /** The request has no token. */
  | 'token_missing'
  /** The token is not a JWT, or the header `Authorization` does not contain exactly one bearer token. */
  | 'token_malformed'
  /** The token is longer than the limit of this library. */
  | 'token_too_large'
  /** The token is an id_token where an access token is required, or the opposite. */
  | 'token_type_mismatch'
  /** The token is signed with another algorithm than the configured one. */
  | 'token_algorithm_mismatch'
  /** The key set does not have the key of the token. */
  | 'token_key_unknown'
  /** The signature does not match the key. */
  | 'token_signature_invalid'
  /** The claim `iss` is not the option `issuer`. */
  | 'token_issuer_mismatch'
  /** The claim `aud` contains no accepted audience, or the claim `azp` is not `appId`. */
  | 'token_audience_mismatch'
  /** The time of the claim `exp` is in the past. */
  | 'token_expired'
  /** The time of the claim `nbf` or `iat` is in the future. */
  | 'token_not_yet_valid'
  /** A claim is missing or has a wrong form. */
  | 'token_claim_invalid'
  /** The `at_hash` of the id_token belongs to another access token. */
  | 'token_hash_mismatch'
  /** The id_token and the access token are of different users. */
  | 'token_subject_mismatch'
  /** GenAuth reports that the token is not valid, or no longer valid. */
  | 'token_revoked'
  /**
   * GenAuth refused the refresh token: it has expired, was revoked or was already used. The user must sign in again.
   */
  | 'refresh_token_refused';

/** `details` of a {@link TokenVerificationError}. Values from the token are cut at 512 characters. */
export interface TokenVerificationErrorDetails {
  /** The kind of the refused token. Absent if it is not known. */
  readonly token?: 'id_token' | 'access_token' | 'refresh_token';
  /** The wrong claim or header parameter: `iss`, `aud`, `alg`, `kid`. */
  readonly claim?: string;
  /** The value, or the list of values, that this client accepts. */
  readonly expected?: unknown;
  /** The value in the token. */
  readonly actual?: unknown;
  /** With `token_expired` and `token_not_yet_valid`: seconds between the time in the token and this server's clock. */
  readonly seconds?: number;
}

/**
 * A token was refused. On a guarded route the caller must act, and the response is 401
 * ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)). At a login the token comes from GenAuth. The
 * error is then the `cause` of an {@link UpstreamError}, and the response is 502.
 */
export class TokenVerificationError extends GenAuthError {
  override readonly name = 'TokenVerificationError';
  readonly statusCode = 401;
  readonly code: TokenVerificationErrorCode;
  readonly details: TokenVerificationErrorDetails;

  constructor(
    code: TokenVerificationErrorCode,
    message: string,
    { details, ...options }: ErrorOptions & { details?: TokenVerificationErrorDetails } = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}

/** The `code` of an {@link AuthorizationError}: a required scope, a required role or the tenant is missing. */
export type AuthorizationErrorCode = 'insufficient_scope' | 'insufficient_role' | 'tenant_mismatch';

/** `details` of an {@link AuthorizationError}. */
export interface AuthorizationErrorDetails {
  /** The scopes or roles that the route requires. With `tenant_mismatch`: the tenant that the request targets. */
  readonly required?: readonly string[];
  /** Whether the route requires `all` of the scopes or roles, or `any` one of them. */
  readonly mode?: 'all' | 'any';
}

/**
 * The token is valid, but its scopes, the user's roles or the user's tenant do not satisfy the route. The response has
 * status 403 ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
 */
export class AuthorizationError extends GenAuthError {
  override readonly name = 'AuthorizationError';
  readonly statusCode = 403;
  readonly code: AuthorizationErrorCode;
  readonly details: AuthorizationErrorDetails;

  constructor(code: AuthorizationErrorCode, message: string, details: AuthorizationErrorDetails = {}) {
    super(message);
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}

/** The `code` of an {@link UpstreamError}. */
export type UpstreamErrorCode =
  /** No answer: the connection was refused or reset, the host name is unknown, or the certificate is not trusted. */
  | 'upstream_unreachable'
  /** No complete answer within the time limit, see the option `timeout`. */
  | 'upstream_timeout'
  /** GenAuth, or a gateway in front of it, answered that it cannot serve requests now. */
  | 'upstream_unavailable'
  /** The answer does not have the form that GenAuth documents. */
  | 'upstream_invalid_response'
  /** A token in GenAuth's answer to a sign-in or a refresh does not verify. The `cause` has the reason. */
  | 'upstream_token_invalid';

/** `details` of an {@link UpstreamError}. */
export interface UpstreamErrorDetails {
  /** Method and address of the request: `GET https://example.genauth.ai/oidc/me`, or `GET /oidc/me`. */
  readonly request?: string;
  /** HTTP status of the answer. */
  readonly httpStatus?: number;
  /** With `upstream_unreachable`: the error code of Node.js, for example `ECONNREFUSED`. */
  readonly systemCode?: string;
  /** With `upstream_timeout`: the limit in milliseconds. With an answer that is too large: the limit in bytes. */
  readonly limit?: number;
}

/**
 * GenAuth or the network failed. The user did nothing wrong, so the response is never 401. It is 503 if GenAuth cannot
 * be reached or cannot serve requests now, and 502 if its answer cannot be used.
 */
export class UpstreamError extends GenAuthError {
  override readonly name = 'UpstreamError';
  readonly statusCode: 502 | 503;
  readonly code: UpstreamErrorCode;
  readonly details: UpstreamErrorDetails;
  /** The status, the code and the request ID of GenAuth's answer, if GenAuth answered. */
  readonly answer: AnswerIds | undefined;
  /** Seconds to wait before the next attempt, if GenAuth sent `Retry-After`. */
  readonly retryAfter: number | undefined;
  /**
   * Headers of the response: `retry-after` with status 503, in seconds. It is 5 if GenAuth sent no `Retry-After`.
   * Express writes them if the error reaches its own error handler.
   */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: UpstreamErrorCode,
    message: string,
    options?: ErrorOptions & {
      answer?: AnswerIds | undefined;
      retryAfter?: number | undefined;
      details?: UpstreamErrorDetails;
    },
  ) {
    super(message, options);
    this.code = code;
    this.details = Object.freeze({ ...options?.details });
    this.answer = toAnswerIds(options?.answer);
    this.statusCode = code === 'upstream_invalid_response' || code === 'upstream_token_invalid' ? 502 : 503;
    this.retryAfter = options?.retryAfter;
    this.headers = this.statusCode === 503 ? { 'retry-after': String(this.retryAfter ?? DEFAULT_RETRY_AFTER) } : {};
  }
}

/** Seconds. The `retry-after` of a response if GenAuth sent none. */
const DEFAULT_RETRY_AFTER = 5;

/** `details` of a {@link SignInRejectedError}. They contain no `mfaToken` and no `flowToken`. */
export interface SignInRejectedErrorDetails extends AnswerIds {
  /** With `invalid_credentials`: number of attempts before the account is locked, if GenAuth sent it. */
  readonly remainingAttempts?: number | undefined;
  /** With `rate_limited`: seconds to wait before the next attempt, if GenAuth sent them. */
  readonly retryAfter?: number | undefined;
}

/**
 * The end user must act: GenAuth did not sign the user in. The `code` is the kind of the outcome. Login routes
 * (strategies, handlers and guards) use this error. `GenAuthClient.signIn` returns the outcome instead.
 */
export class SignInRejectedError extends GenAuthError {
  override readonly name = 'SignInRejectedError';
  readonly code: SignInRejection['kind'];
  readonly statusCode: number;
  readonly details: SignInRejectedErrorDetails;
  // A private field, so that logging the error does not log an `mfaToken`.
  readonly #outcome: SignInRejection;

  constructor(outcome: SignInRejection, statusCode: number, message: string) {
    super(message);
    this.code = outcome.kind;
    this.statusCode = statusCode;
    this.details = Object.freeze({
      ...toAnswerIds(outcome),
      ...(outcome.kind === 'invalid_credentials' && { remainingAttempts: outcome.remainingAttempts }),
      ...(outcome.kind === 'rate_limited' && { retryAfter: outcome.retryAfter }),
    });
    this.#outcome = outcome;
  }

  /** The outcome of the sign-in, with the tokens that the next step needs (`mfaToken`, `flowToken`). */
  get outcome(): SignInRejection {
    return this.#outcome;
  }
}
