import { jest } from '@jest/globals';
import { AppSecret, type AppSecretSource } from '../../../src/core/oidc/app-secret.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { findLeaks } from '../../support/leak.js';
import { catchError } from '../../support/promise.js';
import { createVault } from '../../support/vault.js';

failOnUnhandledRejections();
const OLD = 'canary-old-secret-0123456789abcdef';
const NEW = 'canary-new-secret-0123456789abcdef';
const UNAVAILABLE = { name: 'ConfigurationError', code: 'app_secret_unavailable', statusCode: 500 };

let now = 0;
beforeEach(() => {
  now = 1_760_000_000_000;
});
const open = (source: unknown): AppSecret => new AppSecret(source as AppSecretSource, () => now);

it.each(['secret', undefined])('get returns the constant secret %j, which cannot be renewed', async (source) => {
  const secret = new AppSecret(source);
  expect([await secret.get(), await secret.renew(source)]).toEqual([source, false]);
});

it('get calls the function at the first call, once for parallel calls, and without arguments', async () => {
  const source = jest.fn(() => 'secret');
  const secret = open(source);
  expect(source).not.toHaveBeenCalled();
  expect(await Promise.all([secret.get(), secret.get()])).toEqual(['secret', 'secret']);
  now += 1e12;
  await secret.get();
  expect(source.mock.calls).toEqual([[]]);
});

it('get throws an error with the cause if the function throws, and does not call it again for one second', async () => {
  const cause = new Error('the vault is sealed');
  const source = jest.fn(() => Promise.reject(cause));
  const secret = open(source);
  expect(await catchError(Promise.resolve(secret.get()))).toMatchObject({ ...UNAVAILABLE, cause });
  now += 999;
  await catchError(Promise.resolve(secret.get()));
  expect(source).toHaveBeenCalledTimes(1);
  now += 1;
  await catchError(Promise.resolve(secret.get()));
  expect(source).toHaveBeenCalledTimes(2);
});

it('get throws an error after the time limit, and a later call gets the result of a new call', async () => {
  const source = jest.fn<() => Promise<string>>(() => new Promise<string>(() => {}));
  const secret = new AppSecret(source, () => now, 20);
  const message = expect.stringContaining('appSecret gave no result within 20 ms');
  expect(await catchError(Promise.resolve(secret.get()))).toMatchObject({ code: 'callback_timeout', message });
  source.mockResolvedValue(NEW);
  now += 1000;
  expect(await secret.get()).toBe(NEW);
});

const NO_STRING = 'did not return a string: return the secret as a string.';
const EMPTY = 'returned an empty string: return the secret.';
const WHITE_SPACE =
  'returned a secret with white space at its start or end (a file often ends with a line break): trim it.';
it.each<[string, unknown, string]>([
  ['an empty string', '', EMPTY],
  ['a secret with a line break', `${OLD}\n`, WHITE_SPACE],
  ['bytes', Buffer.from(OLD), NO_STRING],
])('get throws an error without the value if the function returns %s', async (_name, value, problem) => {
  const error = await catchError(Promise.resolve(open(async () => value).get()));
  expect(error).toMatchObject({ ...UNAVAILABLE, message: `The function appSecret ${problem}` });
  expect(findLeaks(error, [OLD])).toEqual([]);
});

it('renew calls the function once after minAge, and returns whether another secret is cached now', async () => {
  const { source, asked } = createVault(OLD, NEW);
  const secret = open(source);
  expect([await secret.renew(NEW), asked()]).toEqual([true, 1]);
  now += 29_999;
  expect([await secret.renew(OLD, 30_000), asked()]).toEqual([false, 1]);
  now += 1;
  expect(await Promise.all([secret.renew(OLD, 30_000), secret.renew(OLD)])).toEqual([true, true]);
  expect([await secret.get(), asked()]).toEqual([NEW, 2]);
  expect([await secret.renew(NEW), asked()]).toEqual([false, 3]);
});
