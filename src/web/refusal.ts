import { STATUS_CODES } from 'node:http';
import {
  AuthorizationError,
  GenAuthError,
  RequestError,
  SignInRejectedError,
  TokenVerificationError,
  UpstreamError,
} from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import type { ApplicationMfa, SignInRejection } from '../core/sign-in/outcome.js';
import { type Texts, getTexts } from './texts.js';

/** The JSON body of the response to a refused request. */
export interface RefusalBody {
  /** The HTTP status. */
  statusCode: number;
  /** The reason phrase of the status, such as `Unauthorized`. */
  error: string;
  /**
   * Text for the end user, in English or Chinese. With `invalid_request` it is in English and for the developer of the
   * form. Without the option `exposeReasons` it does not reveal whether an account exists.
   */
  message: string;
  /** Stable code for programs. The README lists all codes. */
  code: string;
  /** The request ID of GenAuth's response to the sign-in. Quote it to GenAuth's support. */
  requestId?: string;
  /** With `mfa_required`: the bearer token for GenAuth's MFA calls. */
  mfaToken?: string;
  /** With `mfa_required`: the factors from which the user can choose. */
  applicationMfa?: readonly ApplicationMfa[];
  /**
   * With `password_change_required`, `identity_binding_required` and `profile_completion_required`: the token for
   * GenAuth's call that completes this step.
   */
  flowToken?: string;
  /** With `rejected`: GenAuth requires one more step that this library does not support. */
  furtherStep?: true;
  /** GenAuth's own code of the reason. Only with the option `exposeReasons`. */
  apiCode?: number;
  /** Number of attempts that are left before the account is locked. Only with the option `exposeReasons`. */
  remainingAttempts?: number;
}

/** The response to a request that does not pass, for any framework. */
export interface Refusal {
  /**
   * Passport's action. `fail`: the caller or the end user must act. `error`: the operator must act, or GenAuth or the
   * network failed.
   */
  action: 'fail' | 'error';
  status: number;
  headers: Readonly<Record<string, string>>;
  body: RefusalBody;
  /** The error behind the refusal, for the operator's log. */
  error: GenAuthError;
}

/** The options and the header that decide about the text of a refusal. */
export interface RefusalContext {
  options: Pick<ResolvedOptions, 'language' | 'exposeReasons'>;
  /** The request's header Accept-Language. */
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
/** `error_description` of the challenge. RFC 6750 §3 allows ASCII only, so it is not translated. */
const INVALID_TOKEN = 'The access token is malformed, expired, or not valid for this service';

/** Builds the error for a rejected sign-in, with the status and the text for the end user. */
export function toRejectedError(
  outcome: SignInRejection,
  { options, acceptLanguage }: RefusalContext,
): SignInRejectedError {
  const texts = getTexts(options.language, acceptLanguage);
  return new SignInRejectedError(outcome, STATUSES[outcome.kind], toMessage(outcome, texts, options.exposeReasons));
}

function toMessage(outcome: SignInRejection, texts: Texts, exposeReasons: boolean): string {
  switch (outcome.kind) {
    case 'account_locked':
    case 'access_denied':
      // By default the text is the same as for a wrong password, so that it does not reveal the reason.
      return exposeReasons ? texts[outcome.kind] : texts.invalid_credentials;
    case 'rejected':
      return outcome.furtherStep ? texts.further_step : texts.rejected;
    default:
      return texts[outcome.kind];
  }
}

/**
 * Decides the response to each error of this library: status, headers, body and log level.
 *
 * @returns The refusal, or `undefined` if the error is not an error of this library. The caller then rethrows it.
 */
export function toRefusal(error: unknown, context: RefusalContext): Refusal | undefined {
  const texts = getTexts(context.options.language, context.acceptLanguage);
  if (error instanceof SignInRejectedError) return toRejectionRefusal(error, context.options.exposeReasons);
  if (error instanceof RequestError) return build('fail', error, error.code, error.message);
  if (error instanceof TokenVerificationError) return toTokenRefusal(error, texts);
  if (error instanceof AuthorizationError) return toDenialRefusal(error, texts);
  if (error instanceof UpstreamError) {
    const code = error.statusCode === 502 ? 'upstream_invalid_response' : 'upstream_unavailable';
    return { ...build('error', error, code, texts[code]), headers: error.headers };
  }
  if (error instanceof GenAuthError) {
    // A ConfigurationError, or a class that is not listed here. Both are the operator's fault, so the status is 500.
    return build('error', error, 'configuration_error', texts.configuration_error, 500);
  }
  return undefined;
}

/**
 * Converts a thrown value to an Error. Express lets a request pass if `next` receives `undefined` or `'route'`, so a
 * value that is not an Error must not reach `next`.
 */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`A function of the application threw ${String(thrown)}: throw an Error instead.`);
}

/** Builds the body of the response if the application's function `verify` refuses the user. */
export function buildDenial({ options, acceptLanguage }: RefusalContext): RefusalBody {
  const { rejected: message } = getTexts(options.language, acceptLanguage);
  return { statusCode: 403, error: 'Forbidden', message, code: 'verify_denied' };
}

function build(
  action: Refusal['action'],
  error: GenAuthError,
  code: string,
  message: string,
  status = error.statusCode,
): Refusal {
  const body = { statusCode: status, error: STATUS_CODES[status] ?? '', message, code };
  return { action, status, headers: {}, body, error };
}

function toRejectionRefusal(error: SignInRejectedError, exposeReasons: boolean): Refusal {
  const { outcome } = error;
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
      ...toNextStep(outcome),
      ...(exposeReasons && apiCode !== undefined && { apiCode }),
      ...(exposeReasons && toRemainingAttempts(outcome)),
    },
  };
}

/** Returns the members of the body that the application's front end needs for the next step of the sign-in. */
function toNextStep(outcome: SignInRejection): Partial<RefusalBody> {
  switch (outcome.kind) {
    case 'mfa_required': {
      const { mfaToken, applicationMfa } = outcome;
      return { ...(mfaToken !== undefined && { mfaToken }), ...(applicationMfa.length > 0 && { applicationMfa }) };
    }
    case 'password_change_required':
    case 'identity_binding_required':
    case 'profile_completion_required':
      return outcome.flowToken === undefined ? {} : { flowToken: outcome.flowToken };
    case 'rejected':
      return outcome.furtherStep ? { furtherStep: true } : {};
    default:
      return {};
  }
}

function toRemainingAttempts(outcome: SignInRejection): Partial<RefusalBody> {
  if (outcome.kind !== 'invalid_credentials' || outcome.remainingAttempts === undefined) return {};
  return { remainingAttempts: outcome.remainingAttempts };
}

/**
 * Builds the refusal of a token. The challenge of a request without a token has no error code (RFC 6750 §3.1). The
 * response does not say why a token is not valid.
 */
function toTokenRefusal(error: TokenVerificationError, texts: Texts): Refusal {
  // A refresh token is not a bearer token, so the response has no Bearer challenge.
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
 * Builds the refusal of a token that lacks a scope, a role or the tenant. The challenge names the required scopes
 * (RFC 6750 §3.1). The response does not name roles or tenants.
 */
function toDenialRefusal(error: AuthorizationError, texts: Texts): Refusal {
  const refusal = build('fail', error, error.code, texts.forbidden);
  if (error.code !== 'insufficient_scope') return refusal;
  const challenge = `Bearer ${REALM}, error="insufficient_scope", scope="${(error.details.required ?? []).join(' ')}"`;
  return { ...refusal, headers: { 'www-authenticate': challenge } };
}
