import type { SignInAnswer, SignInRejection } from './sign-in/outcome.js';

/**
 * The errors of this library, one class for each party that must act. Every error has a stable `code`, an HTTP
 * `statusCode` for frameworks, `details` as data, and a message that says what is wrong, the value and the fix. No
 * error holds a password, a token, a secret or a body: a foreign value enters a message only through `quote`, and
 * `details` only through `toDetail`.
 */
export abstract class GenAuthError extends Error {
  /** Stable, part of the public interface: switch on this, never on the message. */
  abstract readonly code: string;
  /** The facts of the message as data. Which members are present depends on the `code`. Frozen. */
  abstract readonly details: object;
  /** The HTTP status that fits when nothing else is known about the request. */
  abstract readonly statusCode: number;

  /** What a log may hold: no stack, no cause. */
  toJSON(): { name: string; code: string; statusCode: number; message: string } {
    return { name: this.name, code: this.code, statusCode: this.statusCode, message: this.message };
  }
}

export type ConfigurationErrorCode =
  | 'invalid_options'
  | 'client_authentication_failed'
  | 'app_not_found'
  | 'grant_not_allowed'
  | 'app_secret_unavailable'
  | 'app_secret_too_short'
  | 'password_decryption_failed'
  | 'connection_misconfigured'
  | 'plan_exhausted'
  | 'invalid_sign_in_options'
  | 'discovery_issuer_mismatch'
  | 'discovery_jwks_uri_refused';

/** The numbers of GenAuth's answer behind an error, for its support and the operator's log. */
export type AnswerIds = Pick<SignInAnswer, 'statusCode' | 'apiCode' | 'requestId'>;

/** One wrong option. The error's message has a line `option problem: fix` for each. */
export interface OptionMistake {
  /** Name of the option, with its parent: `jwks.maxAge`. */
  readonly option: string;
  /** What is wrong, with the value: `is "abc"`. A secret's value is left out. */
  readonly problem: string;
  /** What to write instead. */
  readonly fix: string;
}

/** A mistake as one line of a message: `jwks.maxAge is "abc": write a whole number of milliseconds.` */
export function describeMistake({ option, problem, fix }: OptionMistake): string {
  return `${option} ${problem}: ${fix}.`;
}

/** `details` of a {@link ConfigurationError}. */
export interface ConfigurationErrorDetails {
  /** With `invalid_options` and `invalid_sign_in_options`: every mistake. Otherwise empty. */
  readonly mistakes: readonly OptionMistake[];
  /**
   * With `discovery_issuer_mismatch`: the configured issuer. With `discovery_jwks_uri_refused`: the expected origin.
   */
  readonly expected?: unknown;
  /** With the same codes: the value of GenAuth's document, at most 512 characters. */
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

/** Our own developer or operator must act: an option, a secret or a setting of the tenant is wrong. */
export class ConfigurationError extends GenAuthError {
  override readonly name = 'ConfigurationError';
  readonly statusCode = 500;
  readonly code: ConfigurationErrorCode;
  readonly details: ConfigurationErrorDetails;
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
  /** The field that is wrong, as the request calls it; absent if the request as a whole is wrong. */
  readonly field?: string;
  /** The most that the field may have, if it has more. */
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

/** The caller of a login route must act: the request lacks credentials or holds malformed ones. Nothing was sent to GenAuth. */
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

export type TokenVerificationErrorCode =
  | 'token_missing'
  | 'token_malformed'
  | 'token_too_large'
  | 'token_type_mismatch'
  | 'token_algorithm_mismatch'
  | 'token_key_unknown'
  | 'token_signature_invalid'
  | 'token_issuer_mismatch'
  | 'token_audience_mismatch'
  | 'token_expired'
  | 'token_not_yet_valid'
  | 'token_claim_invalid'
  | 'token_hash_mismatch'
  | 'token_subject_mismatch'
  /** GenAuth says that the token is not, or not any more, a valid one. */
  | 'token_revoked'
  /** GenAuth does not renew with this refresh token: expired, revoked or used up. The person signs in again. */
  | 'refresh_token_refused';

/** `details` of a {@link TokenVerificationError}. Values of the token are cut at 512 characters. */
export interface TokenVerificationErrorDetails {
  /** The kind of token that was refused; absent if its kind is not known. */
  readonly token?: 'id_token' | 'access_token' | 'refresh_token';
  /** The claim or header parameter that is wrong: `iss`, `aud`, `alg`, `kid`. */
  readonly claim?: string;
  /** The value that this client accepts, or a list of them. */
  readonly expected?: unknown;
  /** The value of the token. */
  readonly actual?: unknown;
  /** With `token_expired` and `token_not_yet_valid`: seconds between the token's time and the clock of this machine. */
  readonly seconds?: number;
}

/**
 * A token was refused. On a guarded route the bearer must act (401); at login it is GenAuth that sent it, and the login
 * answers 502 instead.
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

export type AuthorizationErrorCode = 'insufficient_scope' | 'insufficient_role' | 'tenant_mismatch';

/** `details` of an {@link AuthorizationError}. */
export interface AuthorizationErrorDetails {
  /** Scopes or roles that the route requires. With `tenant_mismatch`: the tenant that the request targets. */
  readonly required?: readonly string[];
  /** Whether the route requires `all` scopes or roles, or `any` one. */
  readonly mode?: 'all' | 'any';
}

/** The token is valid, but its scopes, the user's roles or the user's tenant do not satisfy the route. */
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

export type UpstreamErrorCode =
  /** No answer: refused, reset, name not found, TLS not trusted. */
  | 'upstream_unreachable'
  /** No answer within `timeout`. */
  | 'upstream_timeout'
  /** GenAuth, or a gateway before it, says that it cannot serve now. */
  | 'upstream_unavailable'
  /** An answer that is not what GenAuth's documents promise. */
  | 'upstream_invalid_response'
  /** A token of GenAuth's own sign-in answer does not verify; the `cause` says why. */
  | 'upstream_token_invalid';

/** `details` of an {@link UpstreamError}. */
export interface UpstreamErrorDetails {
  /** Method and address of the request, `GET https://example.genauth.ai/oidc/me`, or its path alone. */
  readonly request?: string;
  /** HTTP status of the answer. */
  readonly httpStatus?: number;
  /** With `upstream_unreachable`: the code of Node.js, `ECONNREFUSED`. */
  readonly systemCode?: string;
  /** With `upstream_timeout`: milliseconds. With an answer that is too large: bytes. */
  readonly limit?: number;
}

/** GenAuth or the network must act. Never the person's fault, so never a 401. */
export class UpstreamError extends GenAuthError {
  override readonly name = 'UpstreamError';
  readonly statusCode: 502 | 503;
  readonly code: UpstreamErrorCode;
  readonly details: UpstreamErrorDetails;
  readonly answer: AnswerIds | undefined;
  /** Seconds after which another try makes sense, where that is known. */
  readonly retryAfter: number | undefined;
  /** For an answer with `statusCode`; Express writes them where the error reaches it. */
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

/** Seconds, where GenAuth says nothing of when to come back. */
const DEFAULT_RETRY_AFTER = 5;

/** `details` of a {@link SignInRejectedError}. No token for a next step is among them. */
export interface SignInRejectedErrorDetails extends AnswerIds {
  /** With `invalid_credentials`: attempts left before the account is locked, if GenAuth says so. */
  readonly remainingAttempts?: number | undefined;
  /** With `rate_limited`: seconds, if GenAuth says so. */
  readonly retryAfter?: number | undefined;
}

/** The person must act: GenAuth did not sign them in, and `outcome` says why and what the next step needs. */
export class SignInRejectedError extends GenAuthError {
  override readonly name = 'SignInRejectedError';
  readonly code: SignInRejection['kind'];
  readonly statusCode: number;
  readonly details: SignInRejectedErrorDetails;
  // Private, so that whoever logs the error does not log an `mfaToken` with it.
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

  /** What GenAuth said, and what the next step needs. */
  get outcome(): SignInRejection {
    return this.#outcome;
  }
}
