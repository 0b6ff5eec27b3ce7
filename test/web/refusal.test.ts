import {
  AuthorizationError,
  type AuthorizationErrorCode,
  ConfigurationError,
  type ConfigurationErrorCode,
  GenAuthError,
  RequestError,
  TokenVerificationError,
  type TokenVerificationErrorCode,
  UpstreamError,
  type UpstreamErrorCode,
} from '../../src/index.js';
import { type Refusal, type RefusalContext, buildDenial, toRefusal } from '../../src/web/refusal.js';

/** Whatever the operator may know and a stranger must not. */
const CANARY = 'canary-of-the-cause';
const CAUSE = new Error(CANARY);

/** No option set, and a request that prefers no language. */
const CONTEXT: RefusalContext = { options: { language: undefined, exposeReasons: false } };
const refuse = (error: unknown, context = CONTEXT): Refusal | undefined => toRefusal(error, context);

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
    const refusal = refuse(thrown);
    expect(refusal).toStrictEqual(
      UPSTREAM[code] === 503
        ? {
            action: 'error',
            status: 503,
            headers: { 'retry-after': '9' },
            body: {
              statusCode: 503,
              error: 'Service Unavailable',
              message: 'The identity service is not available. Try again later.',
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
              message: 'The identity service returned an invalid response.',
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
    const refusal = refuse(new UpstreamError('upstream_timeout', '', { retryAfter }));
    expect(refusal?.headers).toEqual({ 'retry-after': expected });
  });

  const CONFIGURATION: Readonly<Record<ConfigurationErrorCode, true>> = {
    invalid_options: true,
    client_authentication_failed: true,
    app_not_found: true,
    grant_not_allowed: true,
    app_secret_unavailable: true,
    app_secret_too_short: true,
    password_decryption_failed: true,
    connection_misconfigured: true,
    plan_exhausted: true,
    invalid_sign_in_options: true,
    discovery_issuer_mismatch: true,
    discovery_jwks_uri_refused: true,
  };
  it.each(Object.keys(CONFIGURATION) as ConfigurationErrorCode[])('%s is our own error', (code) => {
    const thrown = new ConfigurationError(code, CANARY, { cause: CAUSE });
    expect(refuse(thrown)).toStrictEqual({
      action: 'error',
      status: 500,
      headers: {},
      body: {
        statusCode: 500,
        error: 'Internal Server Error',
        message: 'This service is not configured correctly. Contact its administrator.',
        code: 'configuration_error',
      },
      error: thrown,
    });
  });

  it('a RequestError is 400, with its text', () => {
    const thrown = new RequestError('"account" must be a non-empty string.');
    expect(refuse(thrown)).toStrictEqual({
      action: 'fail',
      status: 400,
      headers: {},
      body: {
        statusCode: 400,
        error: 'Bad Request',
        message: '"account" must be a non-empty string.',
        code: 'invalid_request',
      },
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
    expect(refuse(error)).toBeUndefined();
  });
});

describe('a token that does not verify', () => {
  type Others = 'token_missing' | 'refresh_token_refused';
  const CODES: Readonly<Record<Exclude<TokenVerificationErrorCode, Others>, true>> = {
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
    token_revoked: true,
  };
  const codes = Object.keys(CODES) as (keyof typeof CODES)[];

  it.each(codes)('%s on a guarded route is one and the same 401', (code) => {
    const thrown = new TokenVerificationError(code, CANARY, { cause: CAUSE });
    const description = 'The access token is malformed, expired, or not valid for this service';
    const refusal = refuse(thrown);
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
    expect(refuse(thrown)).toStrictEqual({
      action: 'fail',
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="genauth"' },
      body: { statusCode: 401, error: 'Unauthorized', message: 'An access token is required.', code: 'token_missing' },
      error: thrown,
    });
  });
});

it('a refresh token that is refused is 401 with a code of its own, and no challenge for a bearer token', () => {
  const thrown = new TokenVerificationError('refresh_token_refused', CANARY, { cause: CAUSE });
  expect(refuse(thrown)).toStrictEqual({
    action: 'fail',
    status: 401,
    headers: {},
    body: {
      statusCode: 401,
      error: 'Unauthorized',
      message: 'Your session has ended. Sign in again.',
      code: 'refresh_token_refused',
    },
    error: thrown,
  });
});

describe('a bearer who may not', () => {
  const CODES: Readonly<Record<AuthorizationErrorCode, string | undefined>> = {
    insufficient_scope: 'Bearer realm="genauth", error="insufficient_scope", scope="email orders:read"',
    insufficient_role: undefined,
    tenant_mismatch: undefined,
  };
  it.each(Object.entries(CODES) as [AuthorizationErrorCode, string | undefined][])(
    '%s: 403, and the challenge %s',
    (code, challenge) => {
      const thrown = new AuthorizationError(code, CANARY, { required: ['email', 'orders:read'] });
      expect(refuse(thrown)).toStrictEqual({
        action: 'fail',
        status: 403,
        headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
        body: { statusCode: 403, error: 'Forbidden', message: 'You are not allowed to access this resource.', code },
        error: thrown,
      });
    },
  );
});

it('an error of ours of a kind that nobody has thought of is our own fault, not an open door', () => {
  class NewError extends GenAuthError {
    readonly code = 'new';
    readonly statusCode = 200;
    readonly details = {};
  }
  expect(refuse(new NewError('x'))).toMatchObject({ action: 'error', status: 500 });
});

it.each([
  [undefined, undefined, 'The sign-in was refused.'],
  [undefined, 'zh-CN', '登录被拒绝。'],
  ['en', 'zh-CN', 'The sign-in was refused.'],
  ['zh', 'en', '登录被拒绝。'],
] as const)('a person whom the application refuses, language %s and Accept-Language %s, reads %s', (...row) => {
  const [language, acceptLanguage, message] = row;
  // Whatever the reason is, it is the application's own.
  for (const exposeReasons of [false, true]) {
    expect(buildDenial({ options: { language, exposeReasons }, acceptLanguage })).toStrictEqual({
      statusCode: 403,
      error: 'Forbidden',
      message,
      code: 'verify_denied',
    });
  }
});

describe('in Chinese', () => {
  const ZH: RefusalContext = {
    options: { language: undefined, exposeReasons: false },
    acceptLanguage: 'zh-CN,en;q=0.8',
  };
  const token = new TokenVerificationError('token_expired', CANARY);

  it.each<[string, GenAuthError]>([
    ['502', new UpstreamError('upstream_token_invalid', CANARY)],
    ['503', new UpstreamError('upstream_timeout', CANARY)],
    ['500', new ConfigurationError('invalid_options', CANARY)],
    ['no token', new TokenVerificationError('token_missing', CANARY)],
    ['a bad token', token],
    ['a refused refresh token', new TokenVerificationError('refresh_token_refused', CANARY)],
    ['a bearer who may not', new AuthorizationError('insufficient_role', CANARY)],
  ])('%s: only the message is another', (_name, error) => {
    const [chinese, english] = [refuse(error, ZH)?.body, refuse(error)?.body];
    expect(chinese?.message).toMatch(/^[\p{Script=Han}，。、]+$/u);
    expect({ ...chinese, message: '' }).toStrictEqual({ ...english, message: '' });
  });

  it('the challenge of RFC 6750 stays ASCII', () => {
    expect(refuse(token, ZH)?.headers).toEqual(refuse(token)?.headers);
    expect(refuse(token, ZH)?.headers['www-authenticate']).toMatch(/^[\x20-\x7E]+$/);
  });
});
