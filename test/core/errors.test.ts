import { inspect } from 'node:util';
import {
  AuthorizationError,
  ConfigurationError,
  GenAuthError,
  RequestError,
  SignInRejectedError,
  TokenVerificationError,
  UpstreamError,
  buildOptionError,
} from '../../src/core/errors.js';

const cause = new Error('the reason');
const outcome = {
  kind: 'invalid_credentials',
  statusCode: 403,
  apiCode: 2333,
  requestId: 'r-1',
  message: 'No',
  remainingAttempts: 2,
} as const;
const { kind: _kind, message: _message, remainingAttempts: _remainingAttempts, ...ids } = outcome;
const mistake = { option: 'timeout', problem: 'is 0', fix: 'write 1' };

it.each<[GenAuthError, string, string, number, unknown, object]>([
  [
    new ConfigurationError('invalid_options', 'text', { cause }),
    'ConfigurationError',
    'invalid_options',
    500,
    cause,
    { mistakes: [] },
  ],
  [
    new RequestError('text', { field: 'password', limit: 1024, unit: 'characters' }),
    'RequestError',
    'invalid_request',
    400,
    undefined,
    { field: 'password', limit: 1024, unit: 'characters' },
  ],
  [
    new TokenVerificationError('token_expired', 'text', { cause, details: { claim: 'exp' } }),
    'TokenVerificationError',
    'token_expired',
    401,
    cause,
    { claim: 'exp' },
  ],
  [
    new AuthorizationError('insufficient_role', 'text', { required: ['admin'], mode: 'any' }),
    'AuthorizationError',
    'insufficient_role',
    403,
    undefined,
    { required: ['admin'], mode: 'any' },
  ],
  [
    new UpstreamError('upstream_timeout', 'text', { cause, details: { limit: 5 } }),
    'UpstreamError',
    'upstream_timeout',
    503,
    cause,
    { limit: 5 },
  ],
  [
    new SignInRejectedError(outcome, 401, 'text'),
    'SignInRejectedError',
    'invalid_credentials',
    401,
    undefined,
    { ...ids, remainingAttempts: 2 },
  ],
])('%s has a code, a status and frozen details, and is logged without stack and cause', (...row) => {
  const [error, name, code, statusCode, expectedCause, details] = row;
  expect(error).toBeInstanceOf(GenAuthError);
  expect([error.cause, error.details]).toEqual([expectedCause, details]);
  expect([Object.isFrozen(error.details), `${error}`]).toEqual([true, `${name}: text`]);
  expect(inspect(error)).toContain(`${name}: text`);
  expect(JSON.parse(JSON.stringify(error))).toEqual({ name, code, statusCode, message: 'text' });
});

it('an error without a cause has no property `cause`', () => {
  expect(Object.hasOwn(new ConfigurationError('invalid_options', 'text'), 'cause')).toBe(false);
});

describe('UpstreamError', () => {
  it.each([
    ['upstream_unreachable', 503, { 'retry-after': '5' }],
    ['upstream_timeout', 503, { 'retry-after': '5' }],
    ['upstream_unavailable', 503, { 'retry-after': '5' }],
    ['upstream_invalid_response', 502, {}],
    ['upstream_token_invalid', 502, {}],
  ] as const)('%s has status %i and the headers %j', (code, statusCode, headers) => {
    expect(new UpstreamError(code, 'text')).toMatchObject({ statusCode, headers, details: {}, answer: undefined });
  });

  it.each([0, 7])('repeats Retry-After: %i', (retryAfter) => {
    const headers = { 'retry-after': String(retryAfter) };
    expect(new UpstreamError('upstream_unavailable', 'text', { retryAfter })).toMatchObject({ retryAfter, headers });
  });
});

it('copies of an answer its status, code and request ID only', () => {
  const answer = { ...ids, message: 'No', data: { token: 'x' } };
  expect(new ConfigurationError('app_not_found', 'text', { answer }).answer).toEqual(ids);
  expect(new UpstreamError('upstream_unavailable', 'text', { answer }).answer).toEqual(ids);
});

it('SignInRejectedError holds the outcome, and logs no token of it', () => {
  const mfa = { ...ids, kind: 'mfa_required', message: 'No', mfaToken: 'canary', applicationMfa: [] } as const;
  const error = new SignInRejectedError(mfa, 403, 'text');
  expect([error.outcome, error.details]).toEqual([mfa, ids]);
  expect(inspect(error, { showHidden: true, depth: null })).not.toContain('canary');
  const limited = { ...ids, kind: 'rate_limited', message: 'No', retryAfter: 7 } as const;
  expect(new SignInRejectedError(limited, 429, 'text').details).toEqual({ ...ids, retryAfter: 7 });
});

it('freezes a copy of the mistakes in options', () => {
  const mistakes = [mistake];
  const { details } = new ConfigurationError('invalid_options', 'text', { details: { mistakes, expected: 'a' } });
  mistakes.pop();
  expect(details).toEqual({ mistakes: [mistake], expected: 'a' });
  expect(Object.isFrozen(details.mistakes)).toBe(true);
});

it('builds the error for one wrong option, with the mistake as its message or another one', () => {
  const error = { name: 'ConfigurationError', code: 'invalid_options', details: { mistakes: [mistake] } };
  expect(buildOptionError(mistake)).toMatchObject({ ...error, message: 'timeout is 0: write 1.' });
  expect(buildOptionError(mistake, 'text')).toMatchObject({ ...error, message: 'text' });
});
