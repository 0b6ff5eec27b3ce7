import { ConfigurationError, UpstreamError } from '../../../src/core/errors.js';
import type { HttpAnswer } from '../../../src/core/http/http.js';
import { describeAnswer, parseSignInResponse } from '../../../src/core/sign-in/response.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const UNKNOWN_CODE = 424_242;
const TOKENS = { access_token: 'canary-access-token', id_token: 'canary-id-token' };
const IDS = { apiCode: undefined, requestId: undefined };

/** Parses an answer. Returns the result or the error. */
const parse = (body: unknown, { status = 200, retryAfter }: Partial<HttpAnswer> = {}): unknown =>
  catchThrown(() => parseSignInResponse({ status, body, retryAfter }));

describe('a success', () => {
  it.each([200, 201, 500])('is statusCode 200 in the body, with HTTP status %i', (status) => {
    const data = { ...TOKENS, refresh_token: 'r', scope: 'openid', expires_in: 7200 };
    expect(parse({ statusCode: 200, message: 'm', requestId: 'r-1', data }, { status })).toEqual({
      envelope: { statusCode: 200, apiCode: undefined, message: 'm', requestId: 'r-1', data },
      tokens: {
        idToken: TOKENS.id_token,
        accessToken: TOKENS.access_token,
        refreshToken: 'r',
        scope: 'openid',
        expiresIn: 7200,
      },
    });
  });

  it.each<[string, unknown]>([
    ['without data', { statusCode: 200 }],
    ['without id_token', { statusCode: 200, data: { access_token: 'canary-access-token' } }],
    ['without access_token', { statusCode: 200, data: { id_token: 'canary-id-token' } }],
    ['with an access_token that is a number', { statusCode: 200, data: { ...TOKENS, access_token: 5 } }],
    ['with the code of a wrong password and no token', { statusCode: 200, apiCode: 2333 }],
    ['whose statusCode is a string', { statusCode: '200', data: TOKENS }],
    ['without envelope', TOKENS],
  ])('%s is an unusable answer', (_name, body) => {
    const thrown = parse(body);
    expect(thrown).toBeInstanceOf(UpstreamError);
    expect(thrown).toMatchObject({
      code: 'upstream_invalid_response',
      details: { request: 'POST /api/v3/signin', httpStatus: 200 },
    });
    expect(findLeaks(thrown, Object.values(TOKENS))).toEqual([]);
  });
});

const REJECTED = { kind: 'rejected', furtherStep: false };
const FURTHER_STEP = { kind: 'rejected', furtherStep: true };
const LIMITED = { kind: 'rate_limited', retryAfter: 7 };
const DOWN = { code: 'upstream_unavailable', statusCode: 503, retryAfter: 7 };

it.each<[statusCode: number, result: object]>([
  ...[0, 201, 299, 400, 403, 407, 499].map((statusCode): [number, object] => [statusCode, REJECTED]),
  ...[300, 301, 399].map((statusCode): [number, object] => [statusCode, FURTHER_STEP]),
  ...[408, 500, 599, 603, 999].map((statusCode): [number, object] => [statusCode, DOWN]),
  [402, { code: 'plan_exhausted' }],
  [429, LIMITED],
])('maps statusCode %i to %j, without an apiCode and with an unknown one', (statusCode, result) => {
  expect(parse({ statusCode }, { retryAfter: 7 })).toMatchObject(result);
  expect(parse({ statusCode, apiCode: UNKNOWN_CODE }, { retryAfter: 7 })).toMatchObject(result);
});

it('maps statusCode 401 to a fault of the operator without an apiCode, and to a rejection with an unknown one', () => {
  expect(parse({ statusCode: 401 })).toMatchObject({ code: 'client_authentication_failed' });
  expect(parse({ statusCode: 401, apiCode: UNKNOWN_CODE })).toMatchObject(REJECTED);
});

it.each([200, 401, 404, 429, 503])('lets the body decide before HTTP status %i', (status) => {
  expect(parse({ statusCode: 403, apiCode: 2333 }, { status })).toMatchObject({ kind: 'invalid_credentials' });
  expect(parse({ statusCode: 403 }, { status })).toMatchObject(REJECTED);
  expect(parse({ statusCode: 499, apiCode: 2011 }, { status })).toMatchObject({ code: 'app_not_found' });
  const details = { request: 'POST /api/v3/signin', httpStatus: status };
  expect(parse({ statusCode: 500 }, { status })).toMatchObject({ code: 'upstream_unavailable', details });
});

describe('an answer without envelope', () => {
  const INVALID = { code: 'upstream_invalid_response', statusCode: 502, retryAfter: undefined };

  it.each<[number, object]>([
    ...[200, 401, 404, 499].map((status): [number, object] => [status, INVALID]),
    ...[408, 500, 599].map((status): [number, object] => [status, DOWN]),
    [429, { ...LIMITED, ...IDS, statusCode: 429, message: '' }],
  ])('and with HTTP status %i has the result %j', (status, expected) => {
    expect(parse(undefined, { status, retryAfter: 7 })).toMatchObject(expected);
  });

  it.each<[string, unknown]>([
    ['HTML', '<html>403</html>'],
    ['an array', [{ statusCode: 200 }]],
    ['a number', 200],
    ['another OAuth error', { error: 'invalid_grant' }],
    ['an OAuth error that is an array', { error: ['invalid_client'] }],
    ['an empty OAuth error', { error: '' }],
  ])('is unusable as %s', (_name, body) => {
    expect(parse(body, { status: 401 })).toMatchObject(INVALID);
  });

  it.each([200, 401, 500])('is a fault of the operator as the OAuth error invalid_client, HTTP status %i', (status) => {
    const thrown = parse({ error: 'invalid_client', error_description: 'canary', ...TOKENS }, { status });
    expect(thrown).toMatchObject({ code: 'client_authentication_failed', statusCode: 500, answer: undefined });
    expect(findLeaks(thrown, ['canary'])).toEqual([]);
  });
});

describe('the data of an outcome', () => {
  const factors = [{ mfaPolicy: 'SMS', status: 1, sort: 2 }];
  it.each<[kind: string, statusCode: number, apiCode: number, data: object, properties: object]>([
    ['invalid_credentials', 403, 2333, { remainCount: 2 }, { remainingAttempts: 2 }],
    ['captcha_required', 403, 2000, {}, {}],
    ['mfa_required', 301, 1636, { mfaToken: 't', applicationMfa: factors }, { mfaToken: 't', applicationMfa: factors }],
    ['password_change_required', 301, 1639, { token: 'f' }, { flowToken: 'f' }],
    ['identity_binding_required', 301, 1640, { token: 'f' }, { flowToken: 'f' }],
    ['profile_completion_required', 301, 1642, { token: 'f' }, { flowToken: 'f' }],
    ['account_locked', 403, 2005, {}, {}],
    ['access_denied', 403, 1001, {}, {}],
    ['rate_limited', 403, 1002, {}, { retryAfter: 7 }],
    ['rate_limited', 429, UNKNOWN_CODE, {}, { retryAfter: 7 }],
    ['rejected', 403, UNKNOWN_CODE, {}, { furtherStep: false }],
  ])('of kind %s are copied, and nothing else', (kind, statusCode, apiCode, data, properties) => {
    const ids = { statusCode, apiCode, message: 'GenAuth says no', requestId: 'r-1' };
    const outcome = parse({ ...ids, data: { ...data, ...TOKENS }, access_token: 'x' }, { retryAfter: 7 });
    expect(outcome).toStrictEqual({ ...ids, kind, ...properties });
  });
});

describe('a fault', () => {
  it.each<[statusCode: number, apiCode: number | undefined, code: string, fix: string]>([
    [
      401,
      undefined,
      'client_authentication_failed',
      'GenAuth refused the application itself: compare appSecret and tokenEndpointAuthMethod with the console, ' +
        'application → configuration → token-exchange authentication method',
    ],
    [499, 2011, 'app_not_found', 'GenAuth does not know this application: compare appId and appHost with the console'],
    [
      499,
      2016,
      'password_decryption_failed',
      "GenAuth could not decrypt the password: change passwordEncryptType, or write passwordEncryptType: 'none'",
    ],
    [402, 4021, 'plan_exhausted', "The tenant's GenAuth plan is used up: extend it on the console's billing page"],
    [
      422,
      2_820_002,
      'connection_misconfigured',
      "The tenant's connection to its directory is set up wrongly: correct it on the console's LDAP and AD page",
    ],
  ])('of the operator, statusCode %j and apiCode %j, is a %s with the fix', (statusCode, apiCode, code, fix) => {
    const answer = { statusCode, apiCode, requestId: 'r-1' };
    const thrown = parse({ ...answer, message: 'no', data: TOKENS });
    expect(thrown).toBeInstanceOf(ConfigurationError);
    const description = describeAnswer({ ...answer, message: 'no' });
    expect(thrown).toMatchObject({ code, statusCode: 500, answer, message: `${fix} (${description}).` });
    expect(findLeaks(thrown, Object.values(TOKENS))).toEqual([]);
  });

  const missing = 'GenAuth reported a successful sign-in but sent no';
  it.each<[body: object, answer: object, message: string]>([
    [
      { statusCode: 200, requestId: 'r-1', data: { access_token: 'a' } },
      { statusCode: 200, apiCode: undefined, requestId: 'r-1' },
      `${missing} id_token: ask GenAuth's support (request ID "r-1").`,
    ],
    [
      { statusCode: 200, data: { id_token: 'i' } },
      { statusCode: 200, ...IDS },
      `${missing} access_token: ask GenAuth's support (no request ID).`,
    ],
    [
      { statusCode: 403, apiCode: 1000, message: 'x' },
      { statusCode: 403, apiCode: 1000, requestId: undefined },
      'The sign-in could not be completed: GenAuth answered statusCode 403, apiCode 1000, message "x", no request ID.',
    ],
  ])('of GenAuth in %j has a message for the operator', (body, answer, message) => {
    expect(parse(body)).toMatchObject({ message, answer });
  });

  it.each([
    [502, "GenAuth's gateway answered HTTP 502."],
    [404, "The sign-in was answered with HTTP 404 and without GenAuth's JSON: compare appHost with the console."],
  ])('of a gateway with HTTP status %i has a message for the operator', (status, message) => {
    expect(parse('<html>', { status })).toMatchObject({ message, answer: undefined });
  });
});

it('describes an answer on one line of visible characters', () => {
  const answer = { statusCode: 403, apiCode: 2333, message: 'No\u202E "x"\n', requestId: 'r-1' };
  const description =
    'GenAuth answered statusCode 403, apiCode 2333, message "No\\u{202e} \\"x\\"\\n", request ID "r-1"';
  expect(describeAnswer(answer)).toBe(description);
  expect(describeAnswer({ ...answer, ...IDS, message: '' })).toBe(
    'GenAuth answered statusCode 403, no apiCode, message "", no request ID',
  );
});
