import type { SignInAnswer, SignInRejection } from './sign-in.js';

/**
 * The errors of this library, one class for each party that must act. Every one has a stable `code`, an HTTP `statusCode`
 * for frameworks and a message that says what is wrong, its value and the mend. None holds a password, a token, a secret
 * or a body: what comes from outside enters a message only through `quote`.
 */
export abstract class GenAuthError extends Error {
  /** Stable, part of the public interface: switch on this, never on the message. */
  abstract readonly code: string;
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

/** GenAuth's answer behind an error, if there was one: what its support and the operator's log want to know. */
export type AnswerIds = Pick<SignInAnswer, 'statusCode' | 'apiCode' | 'requestId'>;

interface AnsweredErrorOptions extends ErrorOptions {
  answer?: AnswerIds | undefined;
}

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
  readonly answer: AnswerIds | undefined;

  constructor(code: ConfigurationErrorCode, message: string, options?: AnsweredErrorOptions) {
    super(message, options);
    this.code = code;
    this.answer = toAnswerIds(options?.answer);
  }
}

/** The caller of a login route must act: the request lacks credentials or holds malformed ones. Nothing was sent to GenAuth. */
export class RequestError extends GenAuthError {
  override readonly name = 'RequestError';
  readonly code = 'invalid_request';
  readonly statusCode = 400;
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

/**
 * A token was refused. On a guarded route the bearer must act (401); at login it is GenAuth that sent it, and the login
 * answers 502 instead.
 */
export class TokenVerificationError extends GenAuthError {
  override readonly name = 'TokenVerificationError';
  readonly statusCode = 401;
  readonly code: TokenVerificationErrorCode;

  constructor(code: TokenVerificationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type AccessDeniedErrorCode = 'insufficient_scope' | 'insufficient_role' | 'tenant_mismatch';

/** The bearer is known, and may not do this: a scope, a role or the tenant is missing. */
export class AccessDeniedError extends GenAuthError {
  override readonly name = 'AccessDeniedError';
  readonly statusCode = 403;
  readonly code: AccessDeniedErrorCode;
  /** With `insufficient_scope`: what is needed, for `WWW-Authenticate` (RFC 6750 §3). */
  readonly scope: readonly string[];

  constructor(code: AccessDeniedErrorCode, message: string, scope: readonly string[] = []) {
    super(message);
    this.code = code;
    this.scope = scope;
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

/** GenAuth or the network must act. Never the person's fault, so never a 401. */
export class UpstreamError extends GenAuthError {
  override readonly name = 'UpstreamError';
  readonly statusCode: 502 | 503;
  readonly code: UpstreamErrorCode;
  readonly answer: AnswerIds | undefined;
  /** Seconds after which another try makes sense, where that is known. */
  readonly retryAfter: number | undefined;
  /** For an answer with `statusCode`; Express writes them where the error reaches it. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: UpstreamErrorCode,
    message: string,
    options?: AnsweredErrorOptions & { retryAfter?: number | undefined },
  ) {
    super(message, options);
    this.code = code;
    this.answer = toAnswerIds(options?.answer);
    this.statusCode = code === 'upstream_invalid_response' || code === 'upstream_token_invalid' ? 502 : 503;
    this.retryAfter = options?.retryAfter;
    this.headers = this.statusCode === 503 ? { 'retry-after': String(this.retryAfter ?? DEFAULT_RETRY_AFTER) } : {};
  }
}

/** Seconds, where GenAuth says nothing of when to come back. */
const DEFAULT_RETRY_AFTER = 5;

/** The person must act: GenAuth did not sign them in, and `outcome` says why and what the next step needs. */
export class SignInRejectedError extends GenAuthError {
  override readonly name = 'SignInRejectedError';
  readonly code: SignInRejection['kind'];
  readonly statusCode: number;
  // Private, so that whoever logs the error does not log an `mfaToken` with it.
  readonly #outcome: SignInRejection;

  constructor(outcome: SignInRejection, statusCode: number, message: string) {
    super(message);
    this.code = outcome.kind;
    this.statusCode = statusCode;
    this.#outcome = outcome;
  }

  /** What GenAuth said, and what the next step needs. */
  get outcome(): SignInRejection {
    return this.#outcome;
  }
}

const MAX_QUOTED_LENGTH = 64;
const MAX_QUOTED_ITEMS = 4;

/**
 * A value from outside as one safe piece of a message: texts JSON-escaped, with control, bidirectional and other invisible
 * characters escaped as well, cut at 64 characters; of objects only that they are objects.
 */
export function quote(value: unknown): string {
  if (typeof value === 'string') return quoteText(value);
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_QUOTED_ITEMS).map((item) => (Array.isArray(item) ? 'a list' : quote(item)));
    return `[${items.join(', ')}${value.length > MAX_QUOTED_ITEMS ? ', …' : ''}]`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  return String(value);
}

function quoteText(text: string): string {
  const cut = text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
  return JSON.stringify(cut).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
