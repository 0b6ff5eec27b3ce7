import type { SignInAnswer, SignInRejection } from './sign-in/outcome.js';
import { isRecord } from './util/record.js';

/** Property of the errors of every copy of passport-genauth in a process: the name of the class of this package. */
const ERROR_CLASS = Symbol.for('passport-genauth: error class');
/** The value of `name` of each error class. A bundler can change the names of the classes themselves. */
const names = new Map<unknown, string>();

/** The page with a heading for each error code. The path begins with the name of the package, as in `node_modules`. */
const ERROR_PAGE = 'passport-genauth/docs/errors.md';

/** The member that `details` of every {@link GenAuthError} has. */
export interface ErrorDetails {
  /**
   * The description of the error's `code`: causes and fixes. It is a path below `node_modules`, for example
   * `passport-genauth/docs/errors.md#token_expired`.
   */
  readonly docs: string;
}

/** Completes the details of an error. */
function toDetails<Details extends object>(code: string, details: Details | undefined): Details & ErrorDetails {
  return Object.freeze({ ...details, docs: `${ERROR_PAGE}#${code}` } as Details & ErrorDetails);
}

/**
 * The base class of the errors of passport-genauth. Each subclass shows who must act: the operator, the caller, the end
 * user, or GenAuth. The message states what is wrong, the value and the fix. `details` contains the same facts as data.
 * The message and `details` never contain a password, a token, a secret or the body of a request or response.
 *
 * `statusCode`, `status` and `expose` are the properties of the package http-errors. Error handlers of Express and Nest
 * read them: the response has the right HTTP status, and does not contain the message.
 *
 * `instanceof` also recognizes errors of another copy of passport-genauth in the same process.
 */
export abstract class GenAuthError extends Error {
  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    const name = names.get(this);
    const theirs = isRecord(value) ? (value as Partial<GenAuthError>)[ERROR_CLASS] : undefined;
    return name !== undefined && theirs !== undefined && (name === 'GenAuthError' || theirs === name);
  }

  // A value from a token, a response or the options is put into a message with `quote`, and into `details` with
  // `toDetail`.

  /** Identifies the error. Programs must compare this value, never the message, because the message can change. */
  abstract readonly code: string;
  /**
   * The values that `message` mentions, as properties for programs. The `code` decides which properties are present.
   * The object is frozen.
   */
  abstract readonly details: ErrorDetails;
  /** The HTTP status of the response that reports this error, unless the application chooses another status. */
  abstract readonly statusCode: number;

  /** The same number as `statusCode`. */
  get status(): number {
    return this.statusCode;
  }
  // Some error handlers write `error.status ??= 500`, and the function of http-errors writes both properties.
  set status(value: number) {
    Object.defineProperty(this, 'status', { value, writable: true, configurable: true });
  }

  /** `false`, so that error handlers do not send the message: it is for the operator. */
  get expose(): boolean {
    return false;
  }
  set expose(value: boolean) {
    Object.defineProperty(this, 'expose', { value, writable: true, configurable: true });
  }

  /** @internal */
  get [ERROR_CLASS](): string | undefined {
    let type: unknown = this.constructor;
    while (typeof type === 'function' && !names.has(type)) type = Object.getPrototypeOf(type);
    return names.get(type);
  }

  /** Returns the properties for a log. The properties `stack` and `cause` are left out. */
  toJSON(): { name: string; code: string; statusCode: number; message: string } {
    return { name: this.name, code: this.code, statusCode: this.statusCode, message: this.message };
  }
}

/** The `code` of a {@link ConfigurationError}. */
export type ConfigurationErrorCode =
  /** One or more options are wrong. */
  | 'invalid_options'
  /** GenAuth refused the credentials of the application: `appSecret` or `tokenEndpointAuthMethod` is wrong. */
  | 'client_authentication_failed'
  /** GenAuth does not know the application: `appId` or `appHost` is wrong. */
  | 'app_not_found'
  /** GenAuth's console does not allow the application to use this OAuth grant, for example `refresh_token`. */
  | 'grant_not_allowed'
  /** GenAuth refused the request that begins a sign-in on its hosted page, for example because of an unknown scope. */
  | 'authorization_refused'
  /** The function in the option `appSecret` threw an error or returned no usable secret. */
  | 'app_secret_unavailable'
  /** The application secret has fewer than 32 bytes. HS256 requires 32 bytes or more. */
  | 'app_secret_too_short'
  /** GenAuth could not decrypt the password: `passwordEncryptType` is wrong. */
  | 'password_decryption_failed'
  /**
   * In GenAuth's console, the connection of the tenant to its user directory (LDAP, Active Directory) is set up
   * wrongly.
   */
  | 'connection_misconfigured'
  /** The tenant has reached the limit of its GenAuth plan. */
  | 'plan_exhausted'
  /**
   * The sign-in options of one sign-in are wrong, or the function in the option `signInOptions` or `clientIp` threw an
   * error.
   */
  | 'invalid_sign_in_options'
  /** The function `verify` or `resolveUser` of the application returned neither a user nor `null`. */
  | 'invalid_callback_result'
  /** The promise of a function of the application took longer than the option `timeout`. */
  | 'callback_timeout'
  /** A function of the application threw an error while a socket was authenticated. The `cause` is this error. */
  | 'callback_failed'
  /** GenAuth's discovery document has a different issuer than the option `issuer`. */
  | 'discovery_issuer_mismatch'
  /** The `jwks_uri` of GenAuth's discovery document is not on the host of `appHost`. */
  | 'discovery_jwks_uri_refused'
  /** This Node.js process cannot import a well-formed RSA key, for example because it has no global WebCrypto. */
  | 'runtime_unsuitable'
  /**
   * The package `@nestjs/microservices` or `@nestjs/websockets` cannot be loaded. A message to a microservice or to a
   * WebSocket gateway is refused with an exception of this package.
   */
  | 'package_missing';

/**
 * `statusCode`, `apiCode` and `requestId` of GenAuth's answer. They are for the operator's log and for GenAuth's
 * support.
 */
export type AnswerIds = Pick<SignInAnswer, 'statusCode' | 'apiCode' | 'requestId'>;

/** One wrong option. The error's message contains the text `option problem: fix.` for each wrong option. */
export interface OptionMistake {
  /** Name of the option. A nested option begins with the name of its parent option, for example `jwks.maxAge`. */
  readonly option: string;
  /** The problem, with the wrong value, for example `is "abc"`. The value of a secret is never included. */
  readonly problem: string;
  /** The fix, for example `write true or false`. */
  readonly fix: string;
}

/** Formats a wrong option as a sentence: `jwks.maxAge is "abc": write a whole number of milliseconds.` */
export function describeMistake({ option, problem, fix }: OptionMistake): string {
  return `${option} ${problem}: ${fix}.`;
}

/** `details` of a {@link ConfigurationError}. */
export interface ConfigurationErrorDetails extends ErrorDetails {
  /**
   * All wrong options, if the error has the code `invalid_options`, `invalid_sign_in_options`,
   * `invalid_callback_result` or `callback_timeout`. With other codes, the list is empty.
   */
  readonly mistakes: readonly OptionMistake[];
  /**
   * With the code `discovery_issuer_mismatch`: the option `issuer`. With `discovery_jwks_uri_refused`: the option
   * `appHost`.
   */
  readonly expected?: unknown;
  /**
   * With the code `discovery_issuer_mismatch` or `discovery_jwks_uri_refused`: the value in GenAuth's discovery
   * document, cut at 512 characters.
   */
  readonly actual?: unknown;
}

/** The optional facts of a {@link ConfigurationError}. */
interface ConfigurationErrorOptions extends ErrorOptions {
  /** GenAuth's answer, if GenAuth sent one. */
  answer?: AnswerIds | undefined;
  /** The facts of the message as data. Default of `mistakes`: an empty list. */
  details?: Partial<Omit<ConfigurationErrorDetails, 'docs'>>;
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
 * wrong. The HTTP response has status 500 and does not contain the error's message.
 */
export class ConfigurationError extends GenAuthError {
  /** The name of the class. */
  override readonly name = 'ConfigurationError';
  /** The response has status 500, because the caller cannot fix the problem. */
  readonly statusCode = 500;
  /** The reason of the error. */
  readonly code: ConfigurationErrorCode;
  /** The wrong options, or the expected and the actual value. The object is frozen. */
  readonly details: ConfigurationErrorDetails;
  /** `statusCode`, `apiCode` and `requestId` of GenAuth's answer, if GenAuth sent them. */
  readonly answer: AnswerIds | undefined;

  constructor(code: ConfigurationErrorCode, message: string, options?: ConfigurationErrorOptions) {
    super(message, options);
    this.code = code;
    const { mistakes = [], ...details } = options?.details ?? {};
    this.details = toDetails(code, { ...details, mistakes: Object.freeze([...mistakes]) });
    this.answer = toAnswerIds(options?.answer);
  }
}

/** Builds the error for a function of the application that returned a wrong result, or none in time. */
export function buildCallbackError(
  code: ConfigurationErrorCode,
  option: string,
  problem: string,
  fix: string,
): ConfigurationError {
  return new ConfigurationError(code, `The function ${option} ${problem}: ${fix}.`, {
    details: { mistakes: [{ option, problem, fix }] },
  });
}

/** Builds the error for a promise of the application that did not settle in time. */
export function buildCallbackTimeout(option: string, timeout: number): ConfigurationError {
  const fix = 'make the function faster, or raise timeout';
  return buildCallbackError('callback_timeout', option, `gave no result within ${timeout} ms`, fix);
}

/** `details` of a {@link RequestError}. */
export interface RequestErrorDetails extends ErrorDetails {
  /** Name of the wrong field in the request. Absent if the error is not about one field. */
  readonly field?: string;
  /** Maximum length of the field, in `unit`. Absent if the message states no maximum length. */
  readonly limit?: number;
  /** The unit of `limit`. */
  readonly unit?: 'characters' | 'bytes';
}

/**
 * Builds the error for one wrong option.
 *
 * @param message - The error's message. Default: `option problem: fix.`
 */
export function buildOptionError(mistake: OptionMistake, message = describeMistake(mistake)): ConfigurationError {
  return new ConfigurationError('invalid_options', message, { details: { mistakes: [mistake] } });
}

/**
 * Builds the error for several wrong options.
 *
 * @param title - The first line of the message. The mistakes follow, one on each line.
 */
export function buildMistakesError(title: string, mistakes: readonly OptionMistake[]): ConfigurationError {
  const lines = mistakes.map((mistake) => `  - ${describeMistake(mistake)}`);
  return new ConfigurationError('invalid_options', [title, ...lines].join('\n'), {
    details: { mistakes: Object.freeze([...mistakes]) },
  });
}

/** The `code` of a {@link RequestError}. */
export type RequestErrorCode =
  /** A value in the request is missing or malformed. */
  | 'invalid_request'
  /**
   * A callback of GenAuth's hosted page belongs to no sign-in of this browser: the sign-in is too old, was already
   * completed, or was begun in another browser. The user must start the sign-in again.
   */
  | 'sign_in_expired';

/**
 * The caller must act: a credential or another value in the request is missing or malformed. No password and no token
 * was sent to GenAuth. The HTTP response has status 400. With the code `invalid_request` it contains the error's
 * message.
 */
export class RequestError extends GenAuthError {
  /** The name of the class. */
  override readonly name = 'RequestError';
  /** The reason of the error. */
  readonly code: RequestErrorCode;
  /** The response has status 400. */
  readonly statusCode = 400;
  /** The wrong field and its limit. The object is frozen. */
  readonly details: RequestErrorDetails;

  constructor(
    message: string,
    details?: Omit<RequestErrorDetails, 'docs'>,
    code: RequestErrorCode = 'invalid_request',
  ) {
    super(message);
    this.code = code;
    this.details = toDetails(code, details);
  }
}

/** The `code` of a {@link TokenVerificationError}. */
export type TokenVerificationErrorCode =
  /**
   * The token is missing: the request has no header `Authorization` or a header with another scheme, or the value is
   * empty or is not a string.
   */
  | 'token_missing'
  /**
   * The token is not a JWT, or the header `Authorization` of the request does not contain exactly one bearer token, for
   * example because the word `Bearer` is missing.
   */
  | 'token_malformed'
  /** The token is too long. An access token has at most 8,192 characters. An id_token has at most 65,536 characters. */
  | 'token_too_large'
  /** The token is an id_token but an access token is required, or it is an access token but an id_token is required. */
  | 'token_type_mismatch'
  /** The token is signed with an algorithm that is not accepted for this kind of token. */
  | 'token_algorithm_mismatch'
  /** GenAuth's key set does not have the key that signed the token. */
  | 'token_key_unknown'
  /** The signature of the token is wrong. */
  | 'token_signature_invalid'
  /** The claim `iss` is not equal to the option `issuer`. */
  | 'token_issuer_mismatch'
  /** The claim `aud` contains no accepted audience, or the claim `azp` is not `appId`. */
  | 'token_audience_mismatch'
  /** The time of the claim `exp` is in the past. */
  | 'token_expired'
  /** The time of the claim `nbf` or `iat` is in the future. */
  | 'token_not_yet_valid'
  /** A claim is missing or has a wrong form. */
  | 'token_claim_invalid'
  /** The claim `at_hash` of the id_token does not match the access token. */
  | 'token_hash_mismatch'
  /** The id_token and the access token belong to different users. */
  | 'token_subject_mismatch'
  /** GenAuth reports that the access token is not valid, for example because it was revoked. */
  | 'token_revoked'
  /**
   * GenAuth refused the refresh token: it has expired, was revoked or was already used. The user must sign in again.
   */
  | 'refresh_token_refused';

/** `details` of a {@link TokenVerificationError}. A value from the token is cut at 512 characters. */
export interface TokenVerificationErrorDetails extends ErrorDetails {
  /** The kind of the refused token. Absent if the kind is not known. */
  readonly token?: 'id_token' | 'access_token' | 'refresh_token';
  /** Name of the wrong claim or header parameter of the token, for example `iss` or `alg`. */
  readonly claim?: string;
  /** The value, or the list of values, that is accepted. With `token_too_large`: the maximum length in characters. */
  readonly expected?: unknown;
  /** The value in the token. With `token_too_large`: the length of the token in characters. */
  readonly actual?: unknown;
  /**
   * With `token_expired` and `token_not_yet_valid`: number of seconds between the time in the token and the time of
   * this machine's clock.
   */
  readonly seconds?: number;
  /** With `token_key_unknown`: the keys of the key set that cannot verify tokens, at most 20, each with its problem. */
  readonly unusableKeys?: readonly UnusableKey[];
}

/** A key of GenAuth's key set that cannot verify tokens. */
export interface UnusableKey {
  /** The key ID as GenAuth sent it. It can have any type. */
  readonly kid: unknown;
  /** Why the key cannot verify tokens, for example `alg is "RS512"`. */
  readonly problem: string;
}

/**
 * A token was refused. On a guarded route the token comes from the caller. The caller must act, and the HTTP response
 * has status 401 ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)). At a login the token comes from
 * GenAuth, so this error is the `cause` of an {@link UpstreamError} and the HTTP response has status 502.
 */
export class TokenVerificationError extends GenAuthError {
  /** The name of the class. */
  override readonly name = 'TokenVerificationError';
  /** The response of a guarded route has status 401. */
  readonly statusCode = 401;
  /** The reason why the token was refused. */
  readonly code: TokenVerificationErrorCode;
  /** The kind of the token, and the expected and the actual value. The object is frozen. */
  readonly details: TokenVerificationErrorDetails;

  constructor(
    code: TokenVerificationErrorCode,
    message: string,
    { details, ...options }: ErrorOptions & { details?: Omit<TokenVerificationErrorDetails, 'docs'> } = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = toDetails(code, details);
  }
}

/**
 * The `code` of an {@link AuthorizationError}: a required scope or role is missing, the user did not sign in to the
 * required tenant, the application's function `verify` or `resolveUser` refused the user, or a page of another site
 * sent the request.
 */
export type AuthorizationErrorCode =
  | 'insufficient_scope'
  | 'insufficient_role'
  | 'tenant_mismatch'
  | 'verify_denied'
  | 'cross_site_request';

/** `details` of an {@link AuthorizationError}. */
export interface AuthorizationErrorDetails extends ErrorDetails {
  /** The scopes or roles that the route requires. With `tenant_mismatch`: the tenant that the request targets. */
  readonly required?: readonly string[];
  /**
   * `all` if the route requires all scopes or roles in `required`. `any` if one scope or role in `required` is enough.
   */
  readonly mode?: 'all' | 'any';
  /** With `verify_denied`: the function of the application that refused the user. */
  readonly callback?: 'verify' | 'resolveUser';
}

/**
 * The token or the sign-in is valid, but the scopes, the roles or the tenant do not meet the requirements of the route,
 * or the application's own function refused the user. The HTTP response has status 403
 * ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
 */
export class AuthorizationError extends GenAuthError {
  /** The name of the class. */
  override readonly name = 'AuthorizationError';
  /** The response has status 403. */
  readonly statusCode = 403;
  /** The requirement that is not met. */
  readonly code: AuthorizationErrorCode;
  /** The required scopes, roles or tenant. The object is frozen. */
  readonly details: AuthorizationErrorDetails;

  constructor(code: AuthorizationErrorCode, message: string, details?: Omit<AuthorizationErrorDetails, 'docs'>) {
    super(message);
    this.code = code;
    this.details = toDetails(code, details);
  }
}

/** The `code` of an {@link UpstreamError}. */
export type UpstreamErrorCode =
  /**
   * GenAuth did not answer: the connection was refused or reset, the host name is unknown, or the certificate is not
   * trusted.
   */
  | 'upstream_unreachable'
  /** GenAuth sent no complete answer within the time limit, see the option `timeout`. */
  | 'upstream_timeout'
  /** GenAuth, or a gateway in front of GenAuth, answered that GenAuth cannot serve requests now. */
  | 'upstream_unavailable'
  /** GenAuth's answer does not have the form that GenAuth documents. */
  | 'upstream_invalid_response'
  /** A token in GenAuth's answer to a sign-in or a token refresh is not valid. The error's `cause` has the reason. */
  | 'upstream_token_invalid';

/** An address at which the key set was searched. */
export interface TriedAddress {
  /** The path on the host of `appHost`. */
  readonly path: string;
  /** The HTTP status, or the reason why the answer is not usable. */
  readonly problem: string;
}

/** `details` of an {@link UpstreamError}. */
export interface UpstreamErrorDetails extends ErrorDetails {
  /** Method and URL, or method and path, of the request to GenAuth, for example `GET /oidc/me`. */
  readonly request?: string;
  /** HTTP status of GenAuth's answer. */
  readonly httpStatus?: number;
  /** With `upstream_unreachable`: the error code of Node.js, for example `ECONNREFUSED`. */
  readonly systemCode?: string;
  /**
   * With `upstream_unreachable` or `upstream_timeout`: whether the request was sent completely. If `true`, GenAuth may
   * have received it, so a failed sign-in may count as an attempt.
   */
  readonly requestSent?: boolean;
  /**
   * With `upstream_timeout`: the time limit in milliseconds. If GenAuth's answer is too large: the size limit in bytes.
   */
  readonly limit?: number;
  /** If no key of the key set can verify tokens: the keys, at most 20, each with its problem. */
  readonly unusableKeys?: readonly UnusableKey[];
  /** If a discovery document or a key set cannot be used: the reason. */
  readonly problem?: string;
  /** If no address has a key set: the addresses that were asked, in this order. */
  readonly tried?: readonly TriedAddress[];
}

/**
 * GenAuth or the network failed. The end user did nothing wrong, so the HTTP response never has status 401. The status
 * is 503 if GenAuth cannot be reached or cannot serve requests now. The status is 502 if GenAuth's answer cannot be
 * used.
 */
export class UpstreamError extends GenAuthError {
  /** The name of the class. */
  override readonly name = 'UpstreamError';
  /** 503 if GenAuth cannot be reached or cannot serve requests now. 502 if the answer of GenAuth cannot be used. */
  readonly statusCode: 502 | 503;
  /** The reason of the failure. */
  readonly code: UpstreamErrorCode;
  /** The request, and the error code or the limit. The object is frozen. */
  readonly details: UpstreamErrorDetails;
  /** `statusCode`, `apiCode` and `requestId` of GenAuth's answer, if GenAuth sent them. */
  readonly answer: AnswerIds | undefined;
  /** Seconds to wait before the next attempt, if GenAuth sent the header `Retry-After`. */
  readonly retryAfter: number | undefined;
  /**
   * Headers for the HTTP response that reports this error. With status 503 there is one header: `retry-after`, in
   * seconds. The value of `retry-after` is 5 if GenAuth sent no `Retry-After`. Express's own error handler adds these
   * headers to the response.
   */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: UpstreamErrorCode,
    message: string,
    options?: ErrorOptions & {
      answer?: AnswerIds | undefined;
      retryAfter?: number | undefined;
      details?: Omit<UpstreamErrorDetails, 'docs'>;
    },
  ) {
    super(message, options);
    this.code = code;
    this.details = toDetails(code, options?.details);
    this.answer = toAnswerIds(options?.answer);
    this.statusCode = code === 'upstream_invalid_response' || code === 'upstream_token_invalid' ? 502 : 503;
    this.retryAfter = options?.retryAfter;
    this.headers = this.statusCode === 503 ? { 'retry-after': String(this.retryAfter ?? DEFAULT_RETRY_AFTER) } : {};
  }
}

/** Value of the response header `retry-after` if GenAuth sent no `Retry-After`, in seconds. */
const DEFAULT_RETRY_AFTER = 5;

/** `details` of a {@link SignInRejectedError}. The details contain no `mfaToken` and no `flowToken`. */
export interface SignInRejectedErrorDetails extends AnswerIds, ErrorDetails {
  /**
   * With the code `invalid_credentials`: number of attempts before GenAuth locks the account, if GenAuth sent this
   * number.
   */
  readonly remainingAttempts?: number | undefined;
  /**
   * With the code `rate_limited`: seconds to wait before the next attempt, if GenAuth sent the header `Retry-After`.
   */
  readonly retryAfter?: number | undefined;
}

/**
 * The end user must act: GenAuth did not sign the user in. Login routes (strategies, handlers and guards) use this
 * error. `GenAuthClient.signIn` returns the outcome and does not throw this error.
 */
export class SignInRejectedError extends GenAuthError {
  /** The name of the class. */
  override readonly name = 'SignInRejectedError';
  /**
   * The `code` of the response: the `kind` of the outcome. Without the option `exposeReasons` it is
   * `invalid_credentials` for the kinds `account_locked` and `access_denied`.
   */
  readonly code: SignInRejection['kind'];
  /** The HTTP status of the response to the login: 401, 403 or 429. */
  readonly statusCode: number;
  /** The identifiers of GenAuth's answer, and how many attempts or seconds are left. The object is frozen. */
  readonly details: SignInRejectedErrorDetails;
  // The outcome is in a private field, so that a log of the error does not contain the outcome's `mfaToken`.
  readonly #outcome: SignInRejection;

  constructor(outcome: SignInRejection, statusCode: number, message: string, code = outcome.kind) {
    super(message);
    this.code = code;
    this.statusCode = statusCode;
    this.details = toDetails(code, {
      ...toAnswerIds(outcome),
      ...(outcome.kind === 'invalid_credentials' && { remainingAttempts: outcome.remainingAttempts }),
      ...(outcome.kind === 'rate_limited' && { retryAfter: outcome.retryAfter }),
    });
    this.#outcome = outcome;
  }

  /** The outcome of the sign-in: its real `kind`, and the tokens of the next step (`mfaToken`, `flowToken`). */
  get outcome(): SignInRejection {
    return this.#outcome;
  }
}

const CLASSES = { GenAuthError, ConfigurationError, RequestError, TokenVerificationError, AuthorizationError };
for (const [name, type] of Object.entries({ ...CLASSES, UpstreamError, SignInRejectedError })) names.set(type, name);
