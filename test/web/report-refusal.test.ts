import { jest } from '@jest/globals';
import { ConfigurationError, type GenAuthError, RequestError, UpstreamError } from '../../src/index.js';
import { getOwnCause, warnOperator } from '../../src/web/operator-warning.js';
import { type Refusal, toRefusal } from '../../src/web/refusal.js';
import { listWarnings } from '../support/host-process.js';

const warnings = listWarnings();
let now = 1;
beforeEach(() => {
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  // The next test begins a day later, after the pause of every earlier warning.
  now += 86_400_000;
  jest.restoreAllMocks();
});

const refuse = (error: GenAuthError): Refusal =>
  toRefusal(error, { options: { language: undefined, exposeReasons: false } }) as Refusal;
/** Warnings since the last call. */
const takeWarnings = async (): Promise<string[]> => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.splice(0);
};
const TIMEOUT = refuse(new UpstreamError('upstream_timeout', 'Slow.', { cause: new Error('canary') }));
const SECRET = new ConfigurationError('app_secret_unavailable', 'No secret.', { cause: new Error('of the vault') });

it.each<[string, Refusal, string[]]>([
  ['an outage without its cause, in the first minute of a process', TIMEOUT, ['UPSTREAM_TIMEOUT: app: Slow.']],
  ['the error of the application', refuse(SECRET), ['APP_SECRET_UNAVAILABLE: app: No secret. (of the vault)']],
  ['no wrong request', refuse(new RequestError('x')), []],
])('warns of %s', async (_title, refusal, expected) => {
  warnOperator('app', refusal);
  expect(await takeWarnings()).toEqual(expected.map((warning) => `GENAUTH_${warning}`));
});

it('warns of the same code of the same source again after one minute', async () => {
  warnOperator('app', TIMEOUT);
  now += 59_999;
  warnOperator('app', TIMEOUT);
  expect(await takeWarnings()).toHaveLength(1);
  warnOperator('staff', TIMEOUT);
  warnOperator('app', refuse(new UpstreamError('upstream_unavailable', 'x')));
  expect(await takeWarnings()).toHaveLength(2);
  now += 1;
  warnOperator('app', TIMEOUT);
  warnOperator('app', TIMEOUT);
  expect(await takeWarnings()).toEqual(['GENAUTH_UPSTREAM_TIMEOUT: app: Slow. (1 more since the last line)']);
});

it.each<[string, GenAuthError, unknown]>([
  ['the cause of a ConfigurationError', SECRET, SECRET.cause],
  ['no cause that is not an Error', new ConfigurationError('app_not_found', '', { cause: 'x' }), undefined],
  ['no cause of another error', TIMEOUT.error, undefined],
])('getOwnCause returns %s', (_title, error, cause) => {
  expect(getOwnCause(error)).toBe(cause);
});
