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

it('returns at once whether a fetch succeeded, and leaves no timer', async () => {
  const fetches = [Promise.resolve(), Promise.reject(new Error('down'))].map((fetch) => new PendingFetch(fetch));
  const results = fetches.map((fetch) => resultAfter(0, fetch.settlesInTime()));
  expect([await Promise.all(results), jest.getTimerCount()]).toEqual([[true, false], 0]);
});
