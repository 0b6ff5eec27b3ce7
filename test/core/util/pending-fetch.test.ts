import { jest } from '@jest/globals';
import { PendingFetch } from '../../../src/core/util/pending-fetch.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';

failOnUnhandledRejections();
beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate'] }));
afterEach(() => void jest.useRealTimers());

/** What is said after so many milliseconds more, or `undefined` where nothing is. */
async function saidAfter(milliseconds: number, promise: Promise<boolean>): Promise<boolean | undefined> {
  let said: boolean | undefined;
  void promise.then((value) => (said = value));
  await jest.advanceTimersByTimeAsync(milliseconds);
  return said;
}

it('what never comes is waited for half a second, and no timer is left', async () => {
  const fetching = new PendingFetch(new Promise(() => {}));
  const waiting = fetching.settlesInTime();
  expect(await saidAfter(499, waiting)).toBeUndefined();
  expect(await saidAfter(1, waiting)).toBe(false);
  expect(jest.getTimerCount()).toBe(0);
});

it('the half second counts from the start of the fetch: whoever asks later waits for the rest, and then not at all', async () => {
  const fetching = new PendingFetch(new Promise(() => {}));
  await jest.advanceTimersByTimeAsync(400);
  const late = fetching.settlesInTime();
  expect(await saidAfter(99, late)).toBeUndefined();
  expect(await saidAfter(1, late)).toBe(false);
  expect(await saidAfter(0, fetching.settlesInTime())).toBe(false);
});

it.each<[string, () => Promise<void>, boolean]>([
  ['what is fulfilled', () => Promise.resolve(), true],
  ['what fails', () => Promise.reject(new Error('down')), false],
])('%s is known at once, and no timer is left', async (_, make, expected) => {
  expect(await saidAfter(0, new PendingFetch(make()).settlesInTime())).toBe(expected);
  expect(jest.getTimerCount()).toBe(0);
});
