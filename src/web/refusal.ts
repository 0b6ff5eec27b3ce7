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

/** The JSON that a refused request is answered with. */
export interface RefusalBody {
  statusCode: number;
  /** The status in words. */
  error: string;
  /** For the person, and with `invalid_request` for the developer of the form; says nothing that a stranger should not know. */
  message: string;
  /** Stable; see the table in the README. */
  code: string;
  /** GenAuth's ID of its answer. */
  requestId?: string;
  /** With `mfa_required`: the bearer token for GenAuth's MFA calls, and the factors to choose from. */
  mfaToken?: string;
  applicationMfa?: readonly ApplicationMfa[];
  /** With the other steps: the token for GenAuth's call that does them. */
  flowToken?: string;
  /** With `rejected`: GenAuth wants a step that is not offered here. */
  furtherStep?: true;
  /** With the option `exposeReasons`. */
  apiCode?: number;
  /** With the option `exposeReasons`: tries that are left. */
  remainingAttempts?: number;
}

/** What a request that does not pass is answered with, on any framework. */
export interface Refusal {
  /** Passport's two ways: `fail` is the caller's or the person's matter, `error` is ours or GenAuth's. */
  action: 'fail' | 'error';
  status: number;
  headers: Readonly<Record<string, string>>;
  body: RefusalBody;
  /** The cause, for the operator. */
  error: GenAuthError;
}

/** What else decides about an answer. */
export interface RefusalContext {
  options: Pick<ResolvedOptions, 'language' | 'exposeReasons'>;
  /** The request's header. */
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
/** RFC 6750 §3.1: ASCII, and the same in every language. */
const INVALID_TOKEN = 'The access token is malformed, expired, or not for this service';

/** A rejected sign-in as an error that Passport, Express and Nest can pass on. */
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
      // One text for every reason that a stranger must not be able to tell apart.
      return exposeReasons ? texts[outcome.kind] : texts.invalid_credentials;
    case 'rejected':
      return outcome.furtherStep ? texts.further_step : texts.rejected;
    default:
      return texts[outcome.kind];
  }
}

/**
 * The one place that decides what a fault is answered with.
 *
 * @returns `undefined` for errors that are not this library's: they go on as they are.
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
    // A class that this function does not know is our own fault, whatever status it names.
    return build('error', error, 'configuration_error', texts.configuration_error, 500);
  }
  return undefined;
}

/** Frameworks let a request through whose error is nothing, or a word that they know. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`a function of the application threw ${String(thrown)}`);
}

/** The answer where the application's own `verify` keeps a person out. */
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

/** What the person's side needs to go on. */
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

/** RFC 6750 §3: no error code for a request that brought no token, and never the cause. */
function toTokenRefusal(error: TokenVerificationError, texts: Texts): Refusal {
  // Not a bearer's token, so no challenge for one.
  if (error.code === 'refresh_token_refused') return build('fail', error, error.code, texts.sign_in_again);
  const isMissing = error.code === 'token_missing';
  const code = isMissing ? 'token_missing' : 'invalid_token';
  const challenge = isMissing ? '' : `, error="invalid_token", error_description="${INVALID_TOKEN}"`;
  return {
    ...build('fail', error, code, texts[code]),
    headers: { 'www-authenticate': `Bearer ${REALM}${challenge}` },
  };
}

/** RFC 6750 §3.1: what scope would do is said, of roles and tenants nothing. */
function toDenialRefusal(error: AuthorizationError, texts: Texts): Refusal {
  const refusal = build('fail', error, error.code, texts.forbidden);
  if (error.code !== 'insufficient_scope') return refusal;
  const challenge = `Bearer ${REALM}, error="insufficient_scope", scope="${(error.details.required ?? []).join(' ')}"`;
  return { ...refusal, headers: { 'www-authenticate': challenge } };
}
