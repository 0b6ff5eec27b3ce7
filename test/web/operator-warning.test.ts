import { jest } from '@jest/globals';
import {
  ConfigurationError,
  type GenAuthError,
  RequestError,
  TokenVerificationError,
  UpstreamError,
} from '../../src/index.js';
import { getOwnCause, warnOperator } from '../../src/web/operator-warning.js';
import { type Refusal, toRefusal } from '../../src/web/refusal.js';
import { listWarnings } from '../support/host-process.js';

const warnings = listWarnings();
let now = 0;
beforeEach(() => {
  // Each test begins a day later, after the pause of every earlier warning.
  now += 86_400_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const refuse = (error: GenAuthError): Refusal =>
  toRefusal(error, { options: { language: undefined, exposeReasons: false } }) as Refusal;
/** Warnings since the last call. */
const takeWarnings = async (): Promise<string[]> => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.splice(0);
};
const TIMEOUT = refuse(new UpstreamError('upstream_timeout', 'GenAuth is slow.'));

it.each<[string, GenAuthError, string]>([
  ['an outage', new UpstreamError('upstream_timeout', 'GenAuth is slow.'), 'UPSTREAM_TIMEOUT: app: GenAuth is slow.'],
  [
    'an outage without its cause',
    new UpstreamError('upstream_unreachable', 'No answer.', { cause: new Error('canary') }),
    'UPSTREAM_UNREACHABLE: app: No answer.',
  ],
  [
    'a wrong configuration with the error of the application',
    new ConfigurationError('app_secret_unavailable', 'No secret.', { cause: new Error('the vault is closed') }),
    'APP_SECRET_UNAVAILABLE: app: No secret. (the vault is closed)',
  ],
  [
    'a wrong configuration without a cause that is no Error',
    new ConfigurationError('app_not_found', 'Unknown app.', { cause: 'canary' }),
    'APP_NOT_FOUND: app: Unknown app.',
  ],
])('warns of %s', async (_title, error, warning) => {
  warnOperator('app', refuse(error));
  expect(await takeWarnings()).toEqual([`GENAUTH_${warning}`]);
});

it.each<[string, GenAuthError]>([
  ['a wrong request', new RequestError('x')],
  ['a wrong token', new TokenVerificationError('token_expired', 'x')],
])('does not warn of %s', async (_title, error) => {
  warnOperator('app', refuse(error));
  expect(await takeWarnings()).toEqual([]);
});

it('warns of the same code again after one minute', async () => {
  warnOperator('app', TIMEOUT);
  now += 59_999;
  warnOperator('app', TIMEOUT);
  expect(await takeWarnings()).toHaveLength(1);
  now += 1;
  warnOperator('app', TIMEOUT);
  warnOperator('app', TIMEOUT);
  expect(await takeWarnings()).toHaveLength(1);
});

it('counts the minute for each source and each code', async () => {
  warnOperator('app', TIMEOUT);
  warnOperator('staff', TIMEOUT);
  warnOperator('app', refuse(new UpstreamError('upstream_unavailable', 'x')));
  expect(await takeWarnings()).toHaveLength(3);
});

it('warns in the first minute of a process', async () => {
  now = 1;
  warnOperator('a new process', TIMEOUT);
  expect(await takeWarnings()).toHaveLength(1);
});

it.each<[string, GenAuthError, Error | undefined]>([
  [
    'the cause of a ConfigurationError',
    new ConfigurationError('app_not_found', '', { cause: TIMEOUT.error }),
    TIMEOUT.error,
  ],
  [
    'no cause of a ConfigurationError that is no Error',
    new ConfigurationError('app_not_found', '', { cause: 'x' }),
    undefined,
  ],
  ['no cause of another error', new UpstreamError('upstream_timeout', '', { cause: new Error('x') }), undefined],
])('getOwnCause returns %s', (_title, error, cause) => {
  expect(getOwnCause(error)).toBe(cause);
});
