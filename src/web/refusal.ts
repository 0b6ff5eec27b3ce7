import { STATUS_CODES } from 'node:http';
import {
  AuthorizationError,
  type AuthorizationErrorCode,
  GenAuthError,
  RequestError,
  SignInRejectedError,
  TokenVerificationError,
  UpstreamError,
} from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import type { ApplicationMfa, SignInRejection } from '../core/sign-in/outcome.js';
import { type NextStep, findNextStep } from './next-step.js';
import { type Texts, getTexts } from './texts.js';

/** The `code` in the body of the response to a refused request. The page docs/errors.md explains each code. */
export type RefusalCode =
  /** The status is 400: the request has no usable credentials. With a body that cannot be read also 413 or 415. */
  | 'invalid_request'
  /** The status is 400: a callback of GenAuth's hosted page belongs to no sign-in of this browser. */
  | 'sign_in_expired'
  /** The status is 401: a guarded route needs an access token. */
  | 'token_missing'
  | 'invalid_token'
  /** The status is 401: the user must sign in again. */
  | 'refresh_token_refused'
  /** The status is 401, 403 or 429: GenAuth did not sign the user in. */
  | SignInRejection['kind']
  /** The status is 403. */
  | AuthorizationErrorCode
  /** The status is 500. */
  | 'configuration_error'
  /** The status is 503. */
  | 'upstream_unavailable'
  /** The status is 502. */
  | 'upstream_invalid_response';

/** The JSON body of the response to a refused request. */
export interface RefusalBody {
  /** The HTTP status of the response. */
  statusCode: number;
  /** The reason phrase of the HTTP status, such as `Unauthorized`. */
  error: string;
  /**
   * Text for the end user, in English or Chinese. With the code `invalid_request` the text is in English and for the
   * developer of the login form. Without the option `exposeReasons` the text does not reveal whether an account exists.
   */
  message: string;
  /** The reason of the refusal as a stable code for programs. The page docs/errors.md lists all codes. */
  code: RefusalCode;
  /** The request ID of GenAuth's response to the sign-in. Give this ID to GenAuth's support if you report a problem. */
  requestId?: string;
  /**
   * With the codes `mfa_required`, `password_change_required`, `identity_binding_required` and
   * `profile_completion_required`, and with `furtherStep`: where the user can complete the sign-in. The front end sends
   * the browser to `url`, which begins a sign-in on GenAuth's hosted page. Present if the application uses
   * `passport-genauth/redirect`.
   */
  next?: NextStep;
  /** With the code `mfa_required`: the second factors from which the end user can choose. */
  applicationMfa?: readonly ApplicationMfa[];
  /** With the code `rejected`: GenAuth requires one more step of the sign-in for which there is no code. */
  furtherStep?: true;
  /** GenAuth's own number for the reason of the refusal. Present only with the option `exposeReasons`. */
  apiCode?: number;
  /**
   * Number of sign-in attempts that are left before GenAuth locks the account. Present only with the option
   * `exposeReasons`.
   */
  remainingAttempts?: number;
}

/** The response to a request that must not pass, in a form for any framework. */
export interface Refusal {
  /**
   * The action of Passport that ends the request. `fail`: the caller or the end user must act. `error`: the operator
   * must act, or GenAuth or the network failed.
   */
  action: 'fail' | 'error';
  /** The HTTP status. */
  status: number;
  /** The response headers, with names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** The JSON body of the response. */
  body: RefusalBody;
  /** The error that caused the refusal, for the operator's log. */
  error: GenAuthError;
}

/** The client's options and the request header that determine the text of a refusal. */
export interface RefusalContext {
  options: Pick<ResolvedOptions, 'language' | 'exposeReasons'>;
  /** The request's header `Accept-Language`. */
  acceptLanguage?: unknown;
}

const STATUSES: Readonly<Record<SignInRejection['kind'], 401 | 403 | 429>> = {
  invalid_credentials: 401,
  captcha_required: 403,
  mfa_required: 403,
  password_change_required: 403,
  identity_binding_required: 403,
  profile_completion_required: 403,
  account_locked: 403,
  access_denied: 403,
  rate_limited: 429,
  rejected: 403,
};
const REALM = 'realm="genauth"';
/**
 * The `error_description` in the header `WWW-Authenticate`. RFC 6750 §3 allows only ASCII characters there, so the text
 * is not translated.
 */
const INVALID_TOKEN = 'The access token is malformed, expired, or not valid for this service';

/**
 * Builds the error for a rejected sign-in, with the HTTP status and the text for the end user. Without the option
 * `exposeReasons` a locked account and an account that may not sign in here are answered like a wrong password, so that
 * the response does not confirm that an account exists or that a password is right.
 */
export function toRejectedError(
  outcome: SignInRejection,
  { options, acceptLanguage }: RefusalContext,
): SignInRejectedError {
  const texts = getTexts(options.language, acceptLanguage);
  const isHidden = !options.exposeReasons && (outcome.kind === 'account_locked' || outcome.kind === 'access_denied');
  const code = isHidden ? 'invalid_credentials' : outcome.kind;
  const message = outcome.kind === 'rejected' && outcome.furtherStep ? texts.further_step : texts[code];
  return new SignInRejectedError(outcome, STATUSES[code], message, code);
}

/**
 * Returns the response to an error of passport-genauth: HTTP status, headers, body, and whether the operator must act.
 *
 * @returns The response, or `undefined` if `error` is not an error of passport-genauth. In this case the caller of
 * `toRefusal` passes the error on.
 */
export function toRefusal(error: GenAuthError, context: RefusalContext): Refusal;
export function toRefusal(error: unknown, context: RefusalContext): Refusal | undefined;
export function toRefusal(error: unknown, context: RefusalContext): Refusal | undefined {
  const texts = getTexts(context.options.language, context.acceptLanguage);
  if (error instanceof SignInRejectedError) return toRejectionRefusal(error, context.options);
  if (error instanceof RequestError) {
    const { code, message } = error;
    return build('fail', error, code, code === 'invalid_request' ? message : texts[code]);
  }
  if (error instanceof TokenVerificationError) return toTokenRefusal(error, texts);
  if (error instanceof AuthorizationError) return toDenialRefusal(error, texts);
  if (error instanceof UpstreamError) {
    const code = error.statusCode === 502 ? 'upstream_invalid_response' : 'upstream_unavailable';
    return { ...build('error', error, code, texts[code]), headers: error.headers };
  }
  if (error instanceof GenAuthError) {
    // The error is a `ConfigurationError`, or its class is not listed above. In both cases the operator must act, so
    // the HTTP status is 500.
    return build('error', error, 'configuration_error', texts.configuration_error, 500);
  }
  return undefined;
}

/**
 * Converts a thrown value to an `Error`. Express lets a request pass if `next` receives `undefined` or `'route'`. So
 * only an `Error` may be passed to `next`.
 */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`A function of the application threw ${String(thrown)}: throw an Error instead.`);
}

function build(
  action: Refusal['action'],
  error: GenAuthError,
  code: RefusalCode,
  message: string,
  status = error.statusCode,
): Refusal {
  const body = { statusCode: status, error: STATUS_CODES[status] ?? '', message, code };
  return { action, status, headers: {}, body, error };
}

function toRejectionRefusal(error: SignInRejectedError, options: RefusalContext['options']): Refusal {
  const { outcome } = error;
  const { exposeReasons } = options;
  const { requestId, apiCode } = outcome;
  const refusal = build('fail', error, error.code, error.message);
  return {
    ...refusal,
    headers:
      outcome.kind === 'rate_limited' && outcome.retryAfter !== undefined
        ? { 'retry-after': String(outcome.retryAfter) }
        : {},
    body: {
      ...refusal.body,
      ...(requestId !== undefined && { requestId }),
      ...toNextStep(outcome, findNextStep(options)),
      ...(exposeReasons && apiCode !== undefined && { apiCode }),
      ...(exposeReasons && toRemainingAttempts(outcome)),
    },
  };
}

/** Returns the members of the response body that the application's front end needs for the next step of the sign-in. */
function toNextStep(outcome: SignInRejection, step: NextStep | undefined): Partial<RefusalBody> {
  const next = step === undefined ? {} : { next: step };
  switch (outcome.kind) {
    case 'mfa_required':
      return { ...next, ...(outcome.applicationMfa.length > 0 && { applicationMfa: outcome.applicationMfa }) };
    case 'password_change_required':
    case 'identity_binding_required':
    case 'profile_completion_required':
      return next;
    case 'rejected':
      return outcome.furtherStep ? { ...next, furtherStep: true } : {};
    default:
      return {};
  }
}

function toRemainingAttempts(outcome: SignInRejection): Partial<RefusalBody> {
  if (outcome.kind !== 'invalid_credentials' || outcome.remainingAttempts === undefined) return {};
  return { remainingAttempts: outcome.remainingAttempts };
}

/**
 * Builds the response to a request whose access token is missing or not valid. If the token is missing, the header
 * `WWW-Authenticate` contains no error code (RFC 6750 §3.1). The response does not say why a token is not valid.
 */
function toTokenRefusal(error: TokenVerificationError, texts: Texts): Refusal {
  // A refresh token is not a bearer token, so the response has no header `WWW-Authenticate`.
  if (error.code === 'refresh_token_refused') return build('fail', error, error.code, texts.sign_in_again);
  const isMissing = error.code === 'token_missing';
  const code = isMissing ? 'token_missing' : 'invalid_token';
  const challenge = isMissing ? '' : `, error="invalid_token", error_description="${INVALID_TOKEN}"`;
  return {
    ...build('fail', error, code, texts[code]),
    headers: { 'www-authenticate': `Bearer ${REALM}${challenge}` },
  };
}

/**
 * Builds the response to a valid access token without a required scope, role or tenant, and to a user whom the
 * application's own function refused. If a scope is missing, the header `WWW-Authenticate` names the required scopes
 * (RFC 6750 §3.1). The response does not name roles or tenants.
 */
function toDenialRefusal(error: AuthorizationError, texts: Texts): Refusal {
  const text = error.details.callback === 'verify' ? texts.rejected : texts.forbidden;
  const refusal = build('fail', error, error.code, text);
  if (error.code !== 'insufficient_scope') return refusal;
  const challenge = `Bearer ${REALM}, error="insufficient_scope", scope="${(error.details.required ?? []).join(' ')}"`;
  return { ...refusal, headers: { 'www-authenticate': challenge } };
}
