import {
  ConfigurationError,
  type ConfigurationErrorCode,
  GenAuthError,
  RequestError,
  type SignInRejection,
  TokenVerificationError,
  type TokenVerificationErrorCode,
  UpstreamError,
  type UpstreamErrorCode,
} from '../../src/index.js';
import { DENIED, toRefusal, toRejectedError } from '../../src/passport/outcome.js';
import { findLeaks } from '../support/leak.js';

/** Whatever the operator may know and a stranger must not. */
const CANARY = 'canary-of-the-cause';
const CAUSE = new Error(CANARY);

const WRONG = 'The account or the password is wrong.';
/** Kind → status, its words, and what the person reads. A new kind does not compile until it stands here. */
const REJECTIONS: Readonly<Record<SignInRejection['kind'], readonly [status: number, error: string, message: string]>> =
  {
    invalid_credentials: [401, 'Unauthorized', WRONG],
    captcha_required: [403, 'Forbidden', 'Enter the characters of the picture to sign in.'],
    mfa_required: [403, 'Forbidden', 'A second factor is needed to sign in.'],
    password_change_required: [403, 'Forbidden', 'The password must be changed before signing in.'],
    identity_binding_required: [403, 'Forbidden', 'The account must be bound to an identity before signing in.'],
    profile_completion_required: [403, 'Forbidden', 'The profile must be completed before signing in.'],
    account_locked: [403, 'Forbidden', WRONG],
    access_denied: [403, 'Forbidden', WRONG],
    rate_limited: [429, 'Too Many Requests', 'Too many attempts. Try again later.'],
    rejected: [403, 'Forbidden', 'The sign-in was refused.'],
  };
const KINDS = Object.keys(REJECTIONS) as SignInRejection['kind'][];

function reject(kind: SignInRejection['kind'], more: object = {}): SignInRejection {
  // GenAuth's own status, code and text are for the operator.
  return { kind, statusCode: 499, apiCode: 987654, requestId: 'r-1', message: CANARY, ...more } as SignInRejection;
}

describe('a rejected sign-in', () => {
  it.each(KINDS)('%s', (kind) => {
    const [status, error, message] = REJECTIONS[kind];
    const thrown = toRejectedError(reject(kind));
    expect(thrown).toMatchObject({ code: kind, statusCode: status, message, outcome: { apiCode: 987654 } });
    const refusal = toRefusal(thrown);
    expect(refusal).toStrictEqual({
      action: 'fail',
      status,
      headers: {},
      body: { statusCode: status, error, message, code: kind, requestId: 'r-1' },
      error: thrown,
    });
    expect(findLeaks(refusal?.body, [CANARY, '987654'])).toEqual([]);
  });

  it.each(KINDS)('%s shows nothing of what the answer held beside, but what the next step needs', (kind) => {
    const secrets = ['canary-mfa', 'canary-tokens', 'canary-attempts'];
    const [mfaToken, tokens, remainingAttempts] = secrets;
    const rejection = reject(kind, { mfaToken, tokens, remainingAttempts, requestId: undefined });
    const body = toRefusal(toRejectedError(rejection))?.body;
    expect(findLeaks(body, secrets)).toEqual(kind === 'mfa_required' ? ['canary-mfa'] : []);
    const names = ['statusCode', 'error', 'message', 'code'];
    expect(Object.keys(body ?? {})).toEqual(kind === 'mfa_required' ? [...names, 'mfaToken'] : names);
  });

  it('mfa_required without a token has none', () => {
    expect(toRefusal(toRejectedError(reject('mfa_required', { mfaToken: undefined })))?.body).not.toHaveProperty(
      'mfaToken',
    );
  });

  it.each([
    [7, { 'retry-after': '7' }],
    [0, { 'retry-after': '0' }],
    [undefined, {}],
  ])('rate_limited with retryAfter %s has the headers %j', (retryAfter, headers) => {
    expect(toRefusal(toRejectedError(reject('rate_limited', { retryAfter })))?.headers).toEqual(headers);
  });
});

const UPSTREAM: Readonly<Record<UpstreamErrorCode, 502 | 503>> = {
  upstream_unreachable: 503,
  upstream_timeout: 503,
  upstream_unavailable: 503,
  upstream_invalid_response: 502,
  upstream_token_invalid: 502,
};

describe('the other errors', () => {
  it.each(Object.keys(UPSTREAM) as UpstreamErrorCode[])('%s is an error, never a refusal of the person', (code) => {
    const thrown = new UpstreamError(code, CANARY, { cause: CAUSE, retryAfter: 9 });
    const refusal = toRefusal(thrown);
    expect(refusal).toStrictEqual(
      UPSTREAM[code] === 503
        ? {
            action: 'error',
            status: 503,
            headers: { 'retry-after': '9' },
            body: {
              statusCode: 503,
              error: 'Service Unavailable',
              message: 'The identity service cannot be reached. Try again later.',
              code: 'upstream_unavailable',
            },
            error: thrown,
          }
        : {
            action: 'error',
            status: 502,
            headers: {},
            body: {
              statusCode: 502,
              error: 'Bad Gateway',
              message: 'The identity service gave an unusable answer.',
              code: 'upstream_invalid_response',
            },
            error: thrown,
          },
    );
  });

  it.each([
    [undefined, '5'],
    [0, '0'],
    [3600, '3600'],
  ])('a 503 with retryAfter %s says Retry-After: %s', (retryAfter, expected) => {
    const refusal = toRefusal(new UpstreamError('upstream_timeout', '', { retryAfter }));
    expect(refusal?.headers).toEqual({ 'retry-after': expected });
  });

  const CONFIGURATION: Readonly<Record<ConfigurationErrorCode, true>> = {
    invalid_options: true,
    client_authentication_failed: true,
    app_not_found: true,
    invalid_sign_in_options: true,
    discovery_issuer_mismatch: true,
    discovery_jwks_uri_refused: true,
  };
  it.each(Object.keys(CONFIGURATION) as ConfigurationErrorCode[])('%s is our own error', (code) => {
    const thrown = new ConfigurationError(code, CANARY, { cause: CAUSE });
    expect(toRefusal(thrown)).toStrictEqual({
      action: 'error',
      status: 500,
      headers: {},
      body: {
        statusCode: 500,
        error: 'Internal Server Error',
        message: 'The service is not set up correctly.',
        code: 'configuration_error',
      },
      error: thrown,
    });
  });

  it('a RequestError is 400, with its text', () => {
    const thrown = new RequestError('"account" must be a text.');
    expect(toRefusal(thrown)).toStrictEqual({
      action: 'fail',
      status: 400,
      headers: {},
      body: { statusCode: 400, error: 'Bad Request', message: '"account" must be a text.', code: 'invalid_request' },
      error: thrown,
    });
  });

  it.each([
    ['an Error', new Error('x')],
    ['a TypeError', new TypeError('x')],
    ["somebody's error with a status", Object.assign(new Error('x'), { statusCode: 401, code: 'invalid_request' })],
    ['what looks like ours', { name: 'RequestError', code: 'invalid_request', statusCode: 400, message: 'x' }],
    ['a text', 'Bearer realm="genauth"'],
    ['nothing', undefined],
    ['null', null],
  ])('%s is not this library’s', (_name, error) => {
    expect(toRefusal(error)).toBeUndefined();
  });
});

describe('a token that does not verify', () => {
  const CODES: Readonly<Record<Exclude<TokenVerificationErrorCode, 'token_missing'>, true>> = {
    token_malformed: true,
    token_too_large: true,
    token_type_mismatch: true,
    token_algorithm_mismatch: true,
    token_key_unknown: true,
    token_signature_invalid: true,
    token_issuer_mismatch: true,
    token_audience_mismatch: true,
    token_expired: true,
    token_not_yet_valid: true,
    token_claim_invalid: true,
    token_hash_mismatch: true,
    token_subject_mismatch: true,
  };
  const codes = Object.keys(CODES) as (keyof typeof CODES)[];

  it.each(codes)('%s on a guarded route is one and the same 401', (code) => {
    const thrown = new TokenVerificationError(code, CANARY, { cause: CAUSE });
    const description = 'The access token is malformed, expired, or not for this service';
    const refusal = toRefusal(thrown);
    expect(refusal).toStrictEqual({
      action: 'fail',
      status: 401,
      headers: {
        'www-authenticate': `Bearer realm="genauth", error="invalid_token", error_description="${description}"`,
      },
      body: { statusCode: 401, error: 'Unauthorized', message: `${description}.`, code: 'invalid_token' },
      error: thrown,
    });
  });

  it('token_missing on a guarded route is 401 without an error code (RFC 6750 §3.1)', () => {
    const thrown = new TokenVerificationError('token_missing', CANARY);
    expect(toRefusal(thrown)).toStrictEqual({
      action: 'fail',
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="genauth"' },
      body: { statusCode: 401, error: 'Unauthorized', message: 'An access token is needed.', code: 'token_missing' },
      error: thrown,
    });
  });
});

it('an error of ours of a kind that nobody has thought of is our own fault, not an open door', () => {
  class NewError extends GenAuthError {
    readonly code = 'new';
    readonly statusCode = 200;
  }
  expect(toRefusal(new NewError('x'))).toMatchObject({ action: 'error', status: 500 });
});

it('the answer to a person whom the application itself refuses is frozen', () => {
  expect(DENIED).toStrictEqual({
    statusCode: 403,
    error: 'Forbidden',
    message: 'The sign-in was refused.',
    code: 'access_denied',
  });
  expect(Object.isFrozen(DENIED)).toBe(true);
});
