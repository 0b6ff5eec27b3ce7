import { jest } from '@jest/globals';
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

const ids = { statusCode: 403, apiCode: 2333, requestId: 'r-1' };
const answer = { ...ids, message: 'No' };
/** The member of `details` that names the description of a code. */
const docsOf = (code: string) => ({ docs: `passport-genauth/docs/errors.md#${code}` });
const TIME = { details: { seconds: 1 } };
const mistake = { option: 'timeout', problem: 'is 0', fix: 'write 1' };
const wrong = { kind: 'invalid_credentials', ...answer, remainingAttempts: 2 } as const;
const limited = { kind: 'rate_limited', ...answer, retryAfter: 7 } as const;
const mfa = { kind: 'mfa_required', ...answer, mfaToken: 'canary', applicationMfa: [] } as const;

it.each<[GenAuthError, code: string, statusCode: number, details: object]>([
  [new ConfigurationError('app_not_found', 'text'), 'app_not_found', 500, { mistakes: [] }],
  [new RequestError('text', { field: 'x', limit: 9 }), 'invalid_request', 400, { field: 'x', limit: 9 }],
  [new TokenVerificationError('token_expired', 'text', TIME), 'token_expired', 401, { seconds: 1 }],
  [new AuthorizationError('insufficient_role', 'text', { mode: 'any' }), 'insufficient_role', 403, { mode: 'any' }],
  [new UpstreamError('upstream_timeout', 'text', { details: { limit: 5 } }), 'upstream_timeout', 503, { limit: 5 }],
  [new SignInRejectedError(wrong, 401, 'text'), 'invalid_credentials', 401, { ...ids, remainingAttempts: 2 }],
  [new SignInRejectedError(limited, 429, 'text'), 'rate_limited', 429, { ...ids, retryAfter: 7 }],
  [new SignInRejectedError(mfa, 403, 'text'), 'mfa_required', 403, ids],
])('%s has the code %s, the status %i and frozen details, and is logged without its stack', (...row) => {
  const [error, code, statusCode, details] = row;
  const { name } = error.constructor;
  expect(error).toBeInstanceOf(GenAuthError);
  expect([error.details, Object.isFrozen(error.details), `${error}`]).toEqual([
    { ...details, ...docsOf(code) },
    true,
    `${name}: text`,
  ]);
  expect(JSON.parse(JSON.stringify(error))).toEqual({ name, code, statusCode, message: 'text' });
});

it('keeps a cause, has no property `cause` without one, and copies only three members of an answer', () => {
  const cause = new Error('the reason');
  const error = new ConfigurationError('app_not_found', 'text', { cause, answer });
  expect([error.cause, error.answer]).toEqual([cause, ids]);
  expect(Object.hasOwn(new ConfigurationError('app_not_found', 'text'), 'cause')).toBe(false);
});

it.each([
  ['upstream_unreachable', undefined, 503, { 'retry-after': '5' }],
  ['upstream_unavailable', 0, 503, { 'retry-after': '0' }],
  ['upstream_invalid_response', undefined, 502, {}],
  ['upstream_token_invalid', undefined, 502, {}],
] as const)('%s with retryAfter %s has status %i and the headers %j', (code, retryAfter, statusCode, headers) => {
  const { details, ...error } = new UpstreamError(code, 'text', { retryAfter, answer });
  expect([details, error]).toEqual([
    docsOf(code),
    expect.objectContaining({ statusCode, headers, retryAfter, answer: ids }),
  ]);
});

it('SignInRejectedError holds the outcome, and does not log its tokens', () => {
  const error = new SignInRejectedError(mfa, 403, 'text');
  expect(error.outcome).toBe(mfa);
  expect(inspect(error, { showHidden: true, depth: null })).not.toContain('canary');
});

it('freezes a copy of the mistakes in options', () => {
  const mistakes = [mistake];
  const { details } = new ConfigurationError('invalid_options', 'text', { details: { mistakes, expected: 'a' } });
  mistakes.pop();
  expect([details, Object.isFrozen(details.mistakes)]).toEqual([
    { mistakes: [mistake], expected: 'a', ...docsOf('invalid_options') },
    true,
  ]);
});

it('builds the error for one wrong option, with the mistake as its message or another one', () => {
  const error = { name: 'ConfigurationError', code: 'invalid_options', details: { mistakes: [mistake] } };
  expect(buildOptionError(mistake)).toMatchObject({ ...error, message: 'timeout is 0: write 1.' });
  expect(buildOptionError(mistake, 'text')).toMatchObject({ ...error, message: 'text' });
});

it('has the properties of http-errors, so that error handlers of frameworks answer with the status only', () => {
  const error = new UpstreamError('upstream_timeout', 'text');
  expect([error.status, error.expose]).toEqual([503, false]);
  // Error handlers and http-errors write these properties.
  expect(Object.assign(error, { status: 500, expose: true })).toMatchObject({ status: 500, expose: true });
  expect(JSON.stringify(error)).toContain('"statusCode":503');
});

it('instanceof recognizes the errors of another copy of the package', async () => {
  jest.resetModules();
  const copy = await import('../../src/core/errors.js');
  expect(copy.UpstreamError).not.toBe(UpstreamError);
  const error = new copy.UpstreamError('upstream_timeout', 'text');
  expect(error).toBeInstanceOf(UpstreamError);
  expect(error).toBeInstanceOf(GenAuthError);
  expect(error).not.toBeInstanceOf(ConfigurationError);
  class TheirOwn extends copy.UpstreamError {
    override readonly name = 'TheirOwn' as never;
  }
  expect(new TheirOwn('upstream_timeout', 'text')).toBeInstanceOf(UpstreamError);
  class OwnError extends UpstreamError {}
  expect(error).not.toBeInstanceOf(OwnError);
  expect(new OwnError('upstream_timeout', 'text')).toBeInstanceOf(OwnError);
  for (const value of [null, undefined, {}, { name: 'UpstreamError' }, new Error('x')]) {
    expect(value).not.toBeInstanceOf(UpstreamError);
  }
});
