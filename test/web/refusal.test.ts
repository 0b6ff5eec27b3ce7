import {
  AuthorizationError,
  ConfigurationError,
  GenAuthError,
  RequestError,
  type SignInRejection,
  TokenVerificationError,
  type TokenVerificationErrorCode,
  UpstreamError,
  type UpstreamErrorCode,
} from '../../src/index.js';
import {
  type Refusal,
  type RefusalContext,
  buildDenial,
  toError,
  toRefusal,
  toRejectedError,
} from '../../src/web/refusal.js';
import { type Texts, getTexts } from '../../src/web/texts.js';
import { findLeaks } from '../support/leak.js';

/** The operator may read this text, the response must not contain it. */
const CANARY = 'canary-of-the-cause';
const PLAIN: RefusalContext = { options: { language: undefined, exposeReasons: false } };
const EXPOSING: RefusalContext = { options: { language: undefined, exposeReasons: true } };
const CHINESE: RefusalContext = { ...PLAIN, acceptLanguage: 'zh-CN,en;q=0.8' };
const EN = getTexts('en', undefined);
const ZH = getTexts('zh', undefined);
const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

type Kind = SignInRejection['kind'];

describe('a rejected sign-in', () => {
  type Row = readonly [status: number, text: keyof Texts, exposed: keyof Texts, nextStep: object, attempts: object];
  const APPLICATION_MFA = [{ mfaPolicy: 'SMS', status: 1, sort: 0 }];
  const FLOW = { flowToken: 'flow-token' };
  const WRONG = 'invalid_credentials';
  // A new kind does not compile until it has a row here.
  const REJECTIONS: Readonly<Record<Kind, Row>> = {
    invalid_credentials: [401, WRONG, WRONG, {}, { remainingAttempts: 0 }],
    captcha_required: [403, 'captcha_required', 'captcha_required', {}, {}],
    mfa_required: [403, 'mfa_required', 'mfa_required', { mfaToken: 'mfa', applicationMfa: APPLICATION_MFA }, {}],
    password_change_required: [403, 'password_change_required', 'password_change_required', FLOW, {}],
    identity_binding_required: [403, 'identity_binding_required', 'identity_binding_required', FLOW, {}],
    profile_completion_required: [403, 'profile_completion_required', 'profile_completion_required', FLOW, {}],
    account_locked: [403, WRONG, 'account_locked', {}, {}],
    access_denied: [403, WRONG, 'access_denied', {}, {}],
    rate_limited: [429, 'rate_limited', 'rate_limited', {}, {}],
    rejected: [403, 'rejected', 'rejected', {}, {}],
  };
  const ROWS = (Object.keys(REJECTIONS) as Kind[]).map((kind) => [kind, ...REJECTIONS[kind]] as const);

  /** An outcome with GenAuth's own status, code and text, which are for the operator. */
  const reject = (kind: Kind, more: object = {}): SignInRejection => {
    const answer = { statusCode: 499, apiCode: 987654, requestId: 'request-1', message: CANARY };
    return { kind, ...answer, applicationMfa: [], furtherStep: false, ...more } as SignInRejection;
  };
  const refuse = (outcome: SignInRejection, context: RefusalContext): Refusal | undefined =>
    toRefusal(toRejectedError(outcome, context), context);
  /** The members of every kind at once, so that a response can show too many of them. */
  const MEMBERS = {
    remainingAttempts: 0,
    mfaToken: 'mfa',
    applicationMfa: APPLICATION_MFA,
    flowToken: 'flow-token',
    tokens: CANARY,
    data: { password: CANARY },
  };

  it.each(ROWS)('with kind %s has status %i and the text %s', (kind, status, text, _exposed, nextStep) => {
    const error = toRejectedError(reject(kind, MEMBERS), PLAIN);
    expect(error).toMatchObject({ code: kind, statusCode: status, message: EN[text], outcome: { apiCode: 987654 } });
    const body = { statusCode: status, error: PHRASES[status], message: EN[text], code: kind };
    expect(toRefusal(error, PLAIN)).toStrictEqual({
      action: 'fail',
      status,
      headers: {},
      body: { ...body, requestId: 'request-1', ...nextStep },
      error,
    });
  });

  it.each(ROWS)('with kind %s shows its reason with exposeReasons', (kind, status, _text, exposed, step, attempts) => {
    expect(refuse(reject(kind, MEMBERS), EXPOSING)?.body).toStrictEqual({
      statusCode: status,
      error: PHRASES[status],
      message: EN[exposed],
      code: kind,
      requestId: 'request-1',
      apiCode: 987654,
      ...step,
      ...attempts,
    });
  });

  it.each(ROWS)('with kind %s leaves out every member that GenAuth did not send', (kind) => {
    const none = { requestId: undefined, apiCode: undefined, remainingAttempts: undefined };
    const body = refuse(reject(kind, none), EXPOSING)?.body;
    expect(Object.keys(body ?? {})).toEqual(['statusCode', 'error', 'message', 'code']);
  });

  it.each(ROWS)('with kind %s differs in Chinese by its text only', (kind, _status, text) => {
    const english = refuse(reject(kind, MEMBERS), PLAIN);
    const chinese = refuse(reject(kind, MEMBERS), CHINESE);
    expect(chinese?.body).toStrictEqual({ ...english?.body, message: ZH[text] });
    expect(chinese?.headers).toStrictEqual(english?.headers);
  });

  it.each([
    ['the code of an unknown account', { apiCode: 2004 }],
    ['no code', { apiCode: undefined }],
    ['another status', { statusCode: 404 }],
    ['another text', { message: 'User not exists.' }],
    ['a number of attempts', { remainingAttempts: 4 }],
    ['the time of the next attempt', { retryAfter: 7 }],
  ])('does not reveal that an account exists by %s', (_title, more) => {
    const responses = [{ apiCode: 2006 }, more].map((members) => {
      const { headers, body } = refuse(reject('invalid_credentials', members), PLAIN) as Refusal;
      return JSON.stringify([headers, body]);
    });
    expect(responses[1]).toBe(responses[0]);
  });

  it.each([
    ['without', PLAIN, {}],
    ['with', EXPOSING, { apiCode: 987654 }],
  ] as const)('names a further step %s exposeReasons', (_title, context, exposed) => {
    expect(refuse(reject('rejected', { furtherStep: true }), context)?.body).toStrictEqual({
      statusCode: 403,
      error: 'Forbidden',
      message: EN.further_step,
      code: 'rejected',
      requestId: 'request-1',
      furtherStep: true,
      ...exposed,
    });
  });

  it.each([
    ['rate_limited', 7, { 'retry-after': '7' }],
    ['rate_limited', 0, { 'retry-after': '0' }],
    ['rate_limited', undefined, {}],
    ['account_locked', 7, {}],
  ] as const)('with kind %s and retryAfter %s has the headers %j', (kind, retryAfter, headers) => {
    expect(refuse(reject(kind, { retryAfter }), PLAIN)?.headers).toStrictEqual(headers);
  });
});

const UPSTREAM: Readonly<Record<UpstreamErrorCode, 502 | 503>> = {
  upstream_unreachable: 503,
  upstream_timeout: 503,
  upstream_unavailable: 503,
  upstream_invalid_response: 502,
  upstream_token_invalid: 502,
};
const UPSTREAM_ANSWERS = {
  502: ['error', 502, {}, 'upstream_invalid_response', 'upstream_invalid_response'],
  503: ['error', 503, { 'retry-after': '5' }, 'upstream_unavailable', 'upstream_unavailable'],
} as const;
const MISCONFIGURED = ['error', 500, {}, 'configuration_error', 'configuration_error'] as const;
const CHALLENGE = { 'www-authenticate': 'Bearer realm="genauth"' };
const INVALID_CHALLENGE = {
  'www-authenticate':
    'Bearer realm="genauth", error="invalid_token", ' +
    'error_description="The access token is malformed, expired, or not valid for this service"',
};
const SCOPE_CHALLENGE = 'Bearer realm="genauth", error="insufficient_scope", scope="email orders:read"';
const token = (code: TokenVerificationErrorCode): GenAuthError =>
  new TokenVerificationError(code, CANARY, { cause: new Error(CANARY) });
const denial = (code: AuthorizationError['code'], required?: string[]): GenAuthError =>
  new AuthorizationError(code, CANARY, required === undefined ? {} : { required });
/** A class that `toRefusal` does not know. */
class UnlistedError extends GenAuthError {
  readonly code = 'unlisted';
  readonly statusCode = 200;
  readonly details = {};
}

type ErrorRow = readonly [
  title: string,
  error: GenAuthError,
  action: Refusal['action'],
  status: number,
  headers: object,
  code: string,
  text: keyof Texts,
];
const ERRORS: readonly ErrorRow[] = [
  ...(Object.keys(UPSTREAM) as UpstreamErrorCode[]).map((code): ErrorRow => [
    code,
    new UpstreamError(code, CANARY, { cause: new Error(CANARY) }),
    ...UPSTREAM_ANSWERS[UPSTREAM[code]],
  ]),
  ['app_not_found', new ConfigurationError('app_not_found', CANARY, { cause: new Error(CANARY) }), ...MISCONFIGURED],
  ['a GenAuthError of an unlisted class', new UnlistedError(CANARY), ...MISCONFIGURED],
  ['token_expired', token('token_expired'), 'fail', 401, INVALID_CHALLENGE, 'invalid_token', 'invalid_token'],
  ['token_revoked', token('token_revoked'), 'fail', 401, INVALID_CHALLENGE, 'invalid_token', 'invalid_token'],
  ['token_missing', token('token_missing'), 'fail', 401, CHALLENGE, 'token_missing', 'token_missing'],
  ['refresh_token_refused', token('refresh_token_refused'), 'fail', 401, {}, 'refresh_token_refused', 'sign_in_again'],
  [
    'insufficient_scope',
    denial('insufficient_scope', ['email', 'orders:read']),
    'fail',
    403,
    { 'www-authenticate': SCOPE_CHALLENGE },
    'insufficient_scope',
    'forbidden',
  ],
  ['insufficient_role', denial('insufficient_role', ['admin']), 'fail', 403, {}, 'insufficient_role', 'forbidden'],
  ['tenant_mismatch', denial('tenant_mismatch', ['tenant-1']), 'fail', 403, {}, 'tenant_mismatch', 'forbidden'],
];

describe('toRefusal', () => {
  it.each(ERRORS)('answers %s', (_title, error, action, status, headers, code, text) => {
    const body = { statusCode: status, error: PHRASES[status], message: EN[text], code };
    const refusal = toRefusal(error, PLAIN);
    expect(refusal).toStrictEqual({ action, status, headers, body, error });
    expect(findLeaks([refusal?.body, refusal?.headers], [CANARY])).toEqual([]);
    expect(toRefusal(error, CHINESE)).toStrictEqual({
      action,
      status,
      headers,
      body: { ...body, message: ZH[text] },
      error,
    });
  });

  it.each([PLAIN, CHINESE, EXPOSING])('answers a RequestError with its own text: %j', (context) => {
    const error = new RequestError('"account" is wrong.');
    const body = { statusCode: 400, error: 'Bad Request', message: '"account" is wrong.', code: 'invalid_request' };
    expect(toRefusal(error, context)).toStrictEqual({ action: 'fail', status: 400, headers: {}, body, error });
  });

  it.each([
    [0, '0'],
    [3600, '3600'],
  ])('sends retryAfter %i of GenAuth as Retry-After', (retryAfter, header) => {
    const refusal = toRefusal(new UpstreamError('upstream_timeout', '', { retryAfter }), PLAIN);
    expect(refusal?.headers).toStrictEqual({ 'retry-after': header });
  });

  it('names an empty list of scopes if the error has no list', () => {
    expect(toRefusal(denial('insufficient_scope'), PLAIN)?.headers).toStrictEqual({
      'www-authenticate': 'Bearer realm="genauth", error="insufficient_scope", scope=""',
    });
  });

  it.each<[string, unknown]>([
    ['an Error', new Error('x')],
    ['an Error with a status', Object.assign(new Error('x'), { statusCode: 401, code: 'invalid_request' })],
    ['an object like a RequestError', { name: 'RequestError', code: 'invalid_request', statusCode: 400, message: 'x' }],
    ['a string', 'Bearer realm="genauth"'],
    ['undefined', undefined],
    ['null', null],
  ])('does not answer %s', (_title, error) => {
    expect(toRefusal(error, PLAIN)).toBeUndefined();
  });
});

it.each([
  [undefined, undefined, EN.rejected],
  [undefined, 'zh-CN', ZH.rejected],
  ['en', 'zh-CN', EN.rejected],
  ['zh', 'en', ZH.rejected],
] as const)('buildDenial with language %s and Accept-Language %s', (language, acceptLanguage, message) => {
  const body = { statusCode: 403, error: 'Forbidden', message, code: 'verify_denied' };
  expect(buildDenial({ options: { language, exposeReasons: false }, acceptLanguage })).toStrictEqual(body);
  expect(buildDenial({ options: { language, exposeReasons: true }, acceptLanguage })).toStrictEqual(body);
});

describe('toError', () => {
  it('returns an Error unchanged', () => {
    const error = new RangeError('x');
    expect(toError(error)).toBe(error);
  });

  it.each([undefined, null, 'route', 5])('wraps %j, which Express would not treat as an error', (thrown) => {
    const error = toError(thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe(`A function of the application threw ${thrown}: throw an Error instead.`);
  });
});
