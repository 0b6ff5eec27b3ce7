import {
  AuthorizationError,
  ConfigurationError,
  GenAuthError,
  RequestError,
  type SignInRejection,
  TokenVerificationError,
  UpstreamError,
} from '../../src/index.js';
import { type Refusal, type RefusalContext, toError, toRefusal, toRejectedError } from '../../src/web/refusal.js';
import { setNextStep } from '../../src/web/next-step.js';
import { type Texts, getTexts } from '../../src/web/texts.js';
import { findLeaks } from '../support/leak.js';

/** The operator may read this text, the response must not contain it. */
const CANARY = 'canary-of-the-cause';
const PLAIN: RefusalContext = { options: { language: undefined, exposeReasons: false } };
const EXPOSING: RefusalContext = { options: { language: undefined, exposeReasons: true } };
const CHINESE: RefusalContext = { ...PLAIN, acceptLanguage: 'zh-CN,en;q=0.8' };
const CONFIGURED: RefusalContext = { options: { language: 'zh', exposeReasons: false }, acceptLanguage: 'en' };
const EN = getTexts('en', undefined);
const ZH = getTexts('zh', undefined);
const PHRASES = {
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

type Kind = SignInRejection['kind'];
type Text = keyof Texts;
const FACTORS = [{ mfaPolicy: 'SMS', status: 1, sort: 0 }];
/** The members of every kind at once, so that a response can show too many of them. */
const MEMBERS = { mfaToken: 'mfa', applicationMfa: FACTORS, flowToken: 'flow', remainingAttempts: 0, tokens: CANARY };
const NONE = { requestId: undefined, apiCode: undefined, applicationMfa: [] };
const WRONG = 'invalid_credentials';
const MFA = { applicationMfa: FACTORS };
type Row = [kind: Kind, status: keyof typeof PHRASES, text: Text, exposed: Text, step: object, attempts: object];

/** An outcome with GenAuth's own status, code and text, which are for the operator. */
const reject = (kind: Kind, more: object): SignInRejection => {
  const answer = { statusCode: 499, apiCode: 987654, requestId: 'request-1', message: CANARY };
  return { kind, ...answer, furtherStep: false, ...more } as SignInRejection;
};
const refuse = (kind: Kind, more: object, context = PLAIN) =>
  toRefusal(toRejectedError(reject(kind, more), context), context);

it.each<Row>([
  [WRONG, 401, WRONG, WRONG, {}, { remainingAttempts: 0 }],
  ['captcha_required', 403, 'captcha_required', 'captcha_required', {}, {}],
  ['mfa_required', 403, 'mfa_required', 'mfa_required', MFA, {}],
  ['password_change_required', 403, 'password_change_required', 'password_change_required', {}, {}],
  ['identity_binding_required', 403, 'identity_binding_required', 'identity_binding_required', {}, {}],
  ['profile_completion_required', 403, 'profile_completion_required', 'profile_completion_required', {}, {}],
  ['rate_limited', 429, 'rate_limited', 'rate_limited', {}, {}],
  ['rejected', 403, 'rejected', 'rejected', {}, {}],
])('a rejected sign-in with kind %s has status %i and the text %s', (kind, status, text, exposed, step, attempts) => {
  const error = toRejectedError(reject(kind, MEMBERS), PLAIN);
  expect(error).toMatchObject({ code: kind, statusCode: status, message: EN[text], outcome: { apiCode: 987654 } });
  const plain = { statusCode: status, error: PHRASES[status], message: EN[text], code: kind };
  const body = { ...plain, requestId: 'request-1', ...step };
  expect(toRefusal(error, PLAIN)).toStrictEqual({ action: 'fail', status, headers: {}, body, error });
  const reasons = { message: EN[exposed], apiCode: 987654, ...attempts };
  expect(refuse(kind, MEMBERS, EXPOSING)?.body).toStrictEqual({ ...body, ...reasons });
  expect(refuse(kind, MEMBERS, CHINESE)?.body).toStrictEqual({ ...body, message: ZH[text] });
  expect(refuse(kind, MEMBERS, CONFIGURED)?.body).toStrictEqual({ ...body, message: ZH[text] });
  expect(refuse(kind, NONE, EXPOSING)?.body).toStrictEqual({ ...plain, message: EN[exposed] });
});

it.each<[kind: Kind, furtherStep: boolean, hasNext: boolean]>([
  ['mfa_required', false, true],
  ['password_change_required', false, true],
  ['identity_binding_required', false, true],
  ['profile_completion_required', false, true],
  ['rejected', true, true],
  ['rejected', false, false],
  [WRONG, false, false],
  ['captcha_required', false, false],
  ['access_denied', false, false],
])('the response to %s (further step: %s) names the next step of its client: %s', (kind, furtherStep, hasNext) => {
  const client = { options: { ...PLAIN.options } };
  const next = { kind: 'redirect', url: '/auth/genauth' } as const;
  setNextStep(client, next);
  const bodies = [client, { options: { ...client.options } }].map(
    (context) => refuse(kind, { ...NONE, furtherStep }, context)?.body.next,
  );
  expect(bodies).toEqual([hasNext ? next : undefined, undefined]);
});

it.each<[title: string, kind: Kind, more: object]>([
  ['an unknown account', WRONG, { apiCode: 2004, statusCode: 404, message: 'User not exists.', remainingAttempts: 4 }],
  ['a locked account', 'account_locked', { apiCode: 2005, retryAfter: 7 }],
  ['a denied account', 'access_denied', { apiCode: 2120008, message: 'User is disabled.' }],
])('a rejected sign-in has the same response for %s as for a wrong password', (_title, kind, more) => {
  const { action, status, headers, body, error } = refuse(WRONG, { apiCode: 2006 }) as Refusal;
  const other = refuse(kind, more) as Refusal;
  expect(other).toStrictEqual({ action, status, headers, body, error: other.error });
  expect(other.error.toJSON()).toStrictEqual(error.toJSON());
  expect(other.error).toMatchObject({ code: WRONG, statusCode: 401, outcome: { kind } });
});

it.each(['account_locked', 'access_denied'] as const)('a rejected sign-in gives the reason %s if asked to', (kind) => {
  const body = { statusCode: 403, error: 'Forbidden', message: EN[kind], code: kind, requestId: 'request-1' };
  expect(refuse(kind, {}, EXPOSING)).toMatchObject({ status: 403, headers: {} });
  expect(refuse(kind, {}, EXPOSING)?.body).toStrictEqual({ ...body, apiCode: 987654 });
});

it('a rejected sign-in names a further step', () => {
  const bodies = [PLAIN, EXPOSING].map((context) => refuse('rejected', { furtherStep: true }, context)?.body);
  const body = { message: EN.further_step, code: 'rejected', furtherStep: true };
  expect(bodies).toMatchObject([body, { ...body, apiCode: 987654 }]);
});

it('a rejected sign-in has the header Retry-After only if its kind is rate_limited', () => {
  const rows = [
    ['rate_limited', 0],
    ['rate_limited', undefined],
    ['account_locked', 7],
  ] as const;
  const headers = rows.map(([kind, retryAfter]) => refuse(kind, { retryAfter })?.headers);
  expect(headers).toStrictEqual([{ 'retry-after': '0' }, {}, {}]);
});

/** A class that `toRefusal` does not know. */
class UnlistedError extends GenAuthError {
  readonly code = 'unlisted';
  readonly statusCode = 200;
  readonly details = { docs: '' };
}
const options = { cause: new Error(CANARY) };
const invalid = new UpstreamError('upstream_token_invalid', CANARY, options);
const down = new UpstreamError('upstream_timeout', CANARY, { ...options, retryAfter: 9 });
const wrong = new ConfigurationError('app_not_found', CANARY, options);
const expired = new TokenVerificationError('token_expired', CANARY, options);
const missing = new TokenVerificationError('token_missing', CANARY);
const refresh = new TokenVerificationError('refresh_token_refused', CANARY);
const scope = new AuthorizationError('insufficient_scope', CANARY, { required: ['email', 'orders:read'] });
const noScopes = new AuthorizationError('insufficient_scope', CANARY);
const role = new AuthorizationError('insufficient_role', CANARY, { required: ['admin'] });
const tenant = new AuthorizationError('tenant_mismatch', CANARY, { required: ['tenant-1'] });
const INVALID = 'The access token is malformed, expired, or not valid for this service';
const challenge = (parameters: string): object => ({ 'www-authenticate': `Bearer realm="genauth"${parameters}` });
const BAD_TOKEN = challenge(`, error="invalid_token", error_description="${INVALID}"`);
const SCOPES = challenge(', error="insufficient_scope", scope="email orders:read"');
const NO_SCOPES = challenge(', error="insufficient_scope", scope=""');

it.each<[GenAuthError, 'fail' | 'error', keyof typeof PHRASES, object, code: string, text: keyof Texts]>([
  [invalid, 'error', 502, {}, 'upstream_invalid_response', 'upstream_invalid_response'],
  [down, 'error', 503, { 'retry-after': '9' }, 'upstream_unavailable', 'upstream_unavailable'],
  [wrong, 'error', 500, {}, 'configuration_error', 'configuration_error'],
  [new UnlistedError(CANARY), 'error', 500, {}, 'configuration_error', 'configuration_error'],
  [expired, 'fail', 401, BAD_TOKEN, 'invalid_token', 'invalid_token'],
  [missing, 'fail', 401, challenge(''), 'token_missing', 'token_missing'],
  [refresh, 'fail', 401, {}, 'refresh_token_refused', 'sign_in_again'],
  [scope, 'fail', 403, SCOPES, 'insufficient_scope', 'forbidden'],
  [noScopes, 'fail', 403, NO_SCOPES, 'insufficient_scope', 'forbidden'],
  [role, 'fail', 403, {}, 'insufficient_role', 'forbidden'],
  [tenant, 'fail', 403, {}, 'tenant_mismatch', 'forbidden'],
])('toRefusal answers %s as %s with status %i', (error, action, status, headers, code, text) => {
  const body = { statusCode: status, error: PHRASES[status], message: EN[text], code };
  const refusal = { action, status, headers, body, error };
  expect(toRefusal(error, PLAIN)).toStrictEqual(refusal);
  expect(toRefusal(error, CHINESE)).toStrictEqual({ ...refusal, body: { ...body, message: ZH[text] } });
  expect(toRefusal(error, CONFIGURED)?.body.message).toBe(ZH[text]);
  expect(findLeaks([body, headers], [CANARY])).toEqual([]);
});

it.each([CHINESE, EXPOSING])('toRefusal answers a RequestError with its own text: %j', (context) => {
  const error = new RequestError('"account" is wrong.');
  const body = { statusCode: 400, error: 'Bad Request', message: '"account" is wrong.', code: 'invalid_request' };
  expect(toRefusal(error, context)).toStrictEqual({ action: 'fail', status: 400, headers: {}, body, error });
});

it.each([
  [Object.assign(new Error('x'), { statusCode: 401, code: 'invalid_request' })],
  [{ name: 'RequestError', code: 'invalid_request', statusCode: 400, message: 'x' }],
  [undefined],
])('toRefusal does not answer %j', (error) => {
  expect(toRefusal(error, PLAIN)).toBeUndefined();
});

it('toRefusal answers in the language of the context to a user whom verify or resolveUser refused', () => {
  const refuse = (callback: 'verify' | 'resolveUser', context: RefusalContext): object =>
    toRefusal(new AuthorizationError('verify_denied', CANARY, { callback }), context).body;
  const body = { statusCode: 403, error: 'Forbidden', code: 'verify_denied' };
  const bodies = [EN.rejected, ZH.rejected, ZH.forbidden].map((message) => ({ ...body, message }));
  expect([refuse('verify', EXPOSING), refuse('verify', CHINESE), refuse('resolveUser', CONFIGURED)]).toEqual(bodies);
});

it('toError returns an Error unchanged, and wraps another value, which Express would not treat as an error', () => {
  const error = new RangeError('x');
  expect(toError(error)).toBe(error);
  const message = 'A function of the application threw route: throw an Error instead.';
  expect(toError('route')).toEqual(new Error(message));
});
