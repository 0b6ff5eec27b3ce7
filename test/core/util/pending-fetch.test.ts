import { jest } from '@jest/globals';
import { PendingFetch } from '../../../src/core/util/pending-fetch.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';

failOnUnhandledRejections();
beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate'] }));
afterEach(() => void jest.useRealTimers());

/** Returns the result after more milliseconds, `undefined` if there is none yet. */
async function resultAfter(milliseconds: number, promise: Promise<boolean>): Promise<boolean | undefined> {
  let result: boolean | undefined;
  void promise.then((value) => (result = value));
  await jest.advanceTimersByTimeAsync(milliseconds);
  return result;
}

it('waits at most until 500 ms after the start of the fetch, and leaves no timer', async () => {
  const fetch = new PendingFetch(new Promise(() => {}));
  const first = fetch.settlesInTime();
  expect(await resultAfter(400, first)).toBeUndefined();
  const second = fetch.settlesInTime();
  expect(await resultAfter(99, Promise.race([first, second]))).toBeUndefined();
  expect([await resultAfter(1, first), await resultAfter(0, second)]).toEqual([false, false]);
  expect(await resultAfter(0, fetch.settlesInTime())).toBe(false);
  expect(jest.getTimerCount()).toBe(0);
});

it.each<[string, () => Promise<void>, boolean]>([
  ['true at once if the fetch succeeds', () => Promise.resolve(), true],
  ['false at once if the fetch fails', () => Promise.reject(new Error('down')), false],
])('returns %s', async (_, make, expected) => {
  expect(await resultAfter(0, new PendingFetch(make()).settlesInTime())).toBe(expected);
  expect(jest.getTimerCount()).toBe(0);
});
