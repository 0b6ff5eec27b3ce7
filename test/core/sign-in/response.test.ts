import type { HttpAnswer } from '../../../src/core/http/http.js';
import { parseSignInResponse } from '../../../src/core/sign-in/response.js';
import { catchThrown } from '../../support/thrown.js';

const UNKNOWN_CODE = 424_242;
const TOKENS = { access_token: 'access-token', id_token: 'id-token' };
const NO_IDS = { apiCode: undefined, requestId: undefined };
const REQUEST = 'POST /api/v3/signin';
const REFUSED =
  'GenAuth refused the application itself: compare appSecret and tokenEndpointAuthMethod with the console, ' +
  'application → configuration → token-exchange authentication method';

/** Parses an answer. Returns the result or the error. */
const parse = (body: unknown, { status = 200, retryAfter }: Partial<HttpAnswer> = {}): unknown =>
  catchThrown(() => parseSignInResponse({ status, body, retryAfter }));

it('is a success with statusCode 200 and both tokens, with any HTTP status', () => {
  const data = { ...TOKENS, refresh_token: 'r', scope: 'openid', expires_in: 7200 };
  const envelope = { statusCode: 200, apiCode: undefined, message: 'm', requestId: 'r-1', data };
  const { id_token: idToken, access_token: accessToken } = TOKENS;
  const tokens = { idToken, accessToken, refreshToken: 'r', scope: 'openid', expiresIn: 7200 };
  expect(parse(envelope, { status: 500 })).toEqual({ envelope, tokens });
});

it.each([
  ['id_token', 'r-1', 'request ID "r-1"'],
  ['access_token', undefined, 'no request ID'],
])('is an unusable answer with statusCode 200 and without %s', (name, requestId, shown) => {
  const message = `GenAuth reported a successful sign-in but sent no ${name}: ask GenAuth's support (${shown}).`;
  const answer = { statusCode: 200, apiCode: undefined, requestId };
  const error = { code: 'upstream_invalid_response', message, answer, details: { request: REQUEST, httpStatus: 200 } };
  expect(parse({ statusCode: 200, requestId, data: { ...TOKENS, [name]: '' } })).toMatchObject(error);
});

const REJECTED = { kind: 'rejected', furtherStep: false };
const FURTHER_STEP = { kind: 'rejected', furtherStep: true };
const DOWN = { code: 'upstream_unavailable', retryAfter: 7, details: { request: REQUEST, httpStatus: 200 } };

it.each<[statusCode: number, result: object]>([
  [299, REJECTED],
  [300, FURTHER_STEP],
  [399, FURTHER_STEP],
  [400, REJECTED],
  [402, { code: 'plan_exhausted' }],
  [408, DOWN],
  [429, { kind: 'rate_limited', retryAfter: 7 }],
  [500, DOWN],
])('maps statusCode %i to %j, without an apiCode and with an unknown one', (statusCode, result) => {
  expect(parse({ statusCode }, { retryAfter: 7 })).toMatchObject(result);
  expect(parse({ statusCode, apiCode: UNKNOWN_CODE }, { retryAfter: 7 })).toMatchObject(result);
});

it('maps statusCode 401 to a fault of the operator without an apiCode, and to a rejection with an unknown one', () => {
  const message = `${REFUSED} (GenAuth answered statusCode 401, no apiCode, message "", no request ID).`;
  const fault = { code: 'client_authentication_failed', message, answer: { statusCode: 401, ...NO_IDS } };
  expect(parse({ statusCode: 401 })).toMatchObject(fault);
  expect(parse({ statusCode: 401, apiCode: UNKNOWN_CODE })).toMatchObject(REJECTED);
});

it.each([
  [401, undefined, 401, 'client_authentication_failed'],
  [401, '401', undefined, 'client_authentication_failed'],
  [499, 400, 400, undefined],
  [400, 400, undefined, undefined],
  [500, 500, 500, 'upstream_unavailable'],
])('maps statusCode %i with the apiCode %s and the code %s as without them', (statusCode, apiCode, code, expected) => {
  const result = parse({ uniqueId: 'u-1', statusCode, apiCode, code, message: 'no' });
  const rejection = { ...REJECTED, requestId: 'u-1', apiCode: undefined, statusCode };
  expect(result).toMatchObject(expected === undefined ? rejection : { code: expected, answer: { requestId: 'u-1' } });
});

it.each([
  ['密码解密失败', 499, 'password_decryption_failed'],
  ['Decrypt password failed', 499, 'password_decryption_failed'],
  ['密码解密失败', 403, undefined],
  ['密码错误', 499, undefined],
])('maps the message %s with statusCode %i and the code 400 to the fault %s', (message, statusCode, code) => {
  const result = parse({ statusCode, code: 400, apiCode: 400, message });
  expect((result as { code?: string }).code).toBe(code);
});

it('maps apiCode 1000 to a failure of GenAuth with any statusCode, and describes the answer on one line', () => {
  const answer = { statusCode: 403, apiCode: 1000, requestId: 'r-1' };
  const shown = 'statusCode 403, apiCode 1000, message "No\\u{202e} \\"x\\"\\n", request ID "r-1"';
  const message = `The sign-in could not be completed: GenAuth answered ${shown}.`;
  const body = { ...answer, message: 'No\u202E "x"\n' };
  expect(parse(body, { retryAfter: 7 })).toMatchObject({ ...DOWN, message, answer });
});

it('lets the body decide before the HTTP status, and copies no data into a rejection', () => {
  const answer = { statusCode: 403, apiCode: UNKNOWN_CODE, message: 'GenAuth says no', requestId: 'r-1' };
  expect(parse({ ...answer, data: TOKENS, ...TOKENS }, { status: 503 })).toStrictEqual({ ...answer, ...REJECTED });
});

const GATEWAY = { ...DOWN, message: "GenAuth's gateway answered HTTP 502.", details: { httpStatus: 502 } };
const FOREIGN = {
  code: 'upstream_invalid_response',
  message: "The sign-in was answered with HTTP 401 and without GenAuth's JSON: compare appHost with the console.",
  retryAfter: undefined,
};
const UNPROVEN = { code: 'client_authentication_failed', message: `${REFUSED} (invalid_client).`, answer: undefined };
const LIMITED = { kind: 'rate_limited', statusCode: 429, ...NO_IDS, message: '', retryAfter: 7 };
it.each<[string, number, unknown, object]>([
  ['an outage as HTML with HTTP 502', 502, '<html>', GATEWAY],
  ['an outcome as HTML with HTTP 429', 429, '<html>', LIMITED],
  ['unusable as HTML with HTTP 401', 401, '<html>', FOREIGN],
  ['unusable as another OAuth error', 401, { error: 'invalid_grant' }, FOREIGN],
  ['unusable as tokens alone', 401, TOKENS, FOREIGN],
  ['a fault of the operator as the OAuth error invalid_client', 429, { error: 'invalid_client', ...TOKENS }, UNPROVEN],
])('without an envelope is %s', (_name, status, body, result) => {
  expect(parse(body, { status, retryAfter: 7 })).toMatchObject(result);
});
