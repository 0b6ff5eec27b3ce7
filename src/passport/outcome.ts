import { STATUS_CODES } from 'node:http';
import {
  GenAuthError,
  RequestError,
  SignInRejectedError,
  TokenVerificationError,
  UpstreamError,
} from '../core/errors.js';
import type { SignInRejection } from '../core/sign-in.js';

/** The JSON that a refused request is answered with. */
export interface RefusalBody {
  statusCode: number;
  /** The status in words. */
  error: string;
  /** For the person; says nothing of the cause that a stranger should not know. */
  message: string;
  /** Stable; see the table in the README. */
  code: string;
  /** GenAuth's ID of its answer. */
  requestId?: string;
  /** With `mfa_required`: the bearer token for GenAuth's MFA calls. */
  mfaToken?: string;
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

/** One text for every reason that a stranger must not be able to tell apart. */
const WRONG = 'The account or the password is wrong.';

const REJECTIONS: Readonly<Record<SignInRejection['kind'], { status: number; message: string }>> = {
  invalid_credentials: { status: 401, message: WRONG },
  captcha_required: { status: 403, message: 'Enter the characters of the picture to sign in.' },
  mfa_required: { status: 403, message: 'A second factor is needed to sign in.' },
  password_change_required: { status: 403, message: 'The password must be changed before signing in.' },
  identity_binding_required: { status: 403, message: 'The account must be bound to an identity before signing in.' },
  profile_completion_required: { status: 403, message: 'The profile must be completed before signing in.' },
  account_locked: { status: 403, message: WRONG },
  access_denied: { status: 403, message: WRONG },
  rate_limited: { status: 429, message: 'Too many attempts. Try again later.' },
  rejected: { status: 403, message: 'The sign-in was refused.' },
};

/** The answer where the application's own `verify` lets a person not in. */
export const DENIED: RefusalBody = Object.freeze({
  statusCode: 403,
  error: 'Forbidden',
  message: 'The sign-in was refused.',
  code: 'access_denied',
});

const REALM = 'realm="genauth"';
/** A rejected sign-in as an error that Passport, Express and Nest can pass on. */
export function toRejectedError(outcome: SignInRejection): SignInRejectedError {
  const { status, message } = REJECTIONS[outcome.kind];
  return new SignInRejectedError(outcome, status, message);
}

/**
 * The one place that decides what a fault is answered with.
 *
 * @returns `undefined` for errors that are not this library's: they go on as they are.
 */
export function toRefusal(error: unknown): Refusal | undefined {
  if (error instanceof SignInRejectedError) return toRejectionRefusal(error);
  if (error instanceof RequestError) return build('fail', 400, error, error.code, error.message);
  if (error instanceof TokenVerificationError) return toTokenRefusal(error);
  if (error instanceof UpstreamError) {
    if (error.statusCode === 502) {
      return build('error', 502, error, 'upstream_invalid_response', 'The identity service gave an unusable answer.');
    }
    const text = 'The identity service cannot be reached. Try again later.';
    return { ...build('error', 503, error, 'upstream_unavailable', text), headers: error.headers };
  }
  if (error instanceof GenAuthError) {
    return build('error', 500, error, 'configuration_error', 'The service is not set up correctly.');
  }
  return undefined;
}

function build(action: Refusal['action'], status: number, error: GenAuthError, code: string, message: string): Refusal {
  const body = { statusCode: status, error: STATUS_CODES[status] ?? '', message, code };
  return { action, status, headers: {}, body, error };
}

function toRejectionRefusal(error: SignInRejectedError): Refusal {
  const { outcome } = error;
  const refusal = build('fail', error.statusCode, error, error.code, error.message);
  return {
    ...refusal,
    headers:
      outcome.kind === 'rate_limited' && outcome.retryAfter !== undefined
        ? { 'retry-after': String(outcome.retryAfter) }
        : {},
    body: {
      ...refusal.body,
      ...(outcome.requestId === undefined ? {} : { requestId: outcome.requestId }),
      ...(outcome.kind === 'mfa_required' && outcome.mfaToken !== undefined ? { mfaToken: outcome.mfaToken } : {}),
    },
  };
}

/** RFC 6750 §3: no error code for a request that brought no token, and never the cause. */
function toTokenRefusal(error: TokenVerificationError): Refusal {
  if (error.code === 'token_missing') {
    const refusal = build('fail', 401, error, 'token_missing', 'An access token is needed.');
    return { ...refusal, headers: { 'www-authenticate': `Bearer ${REALM}` } };
  }
  const description = 'The access token is malformed, expired, or not for this service';
  const refusal = build('fail', 401, error, 'invalid_token', `${description}.`);
  return {
    ...refusal,
    headers: { 'www-authenticate': `Bearer ${REALM}, error="invalid_token", error_description="${description}"` },
  };
}
