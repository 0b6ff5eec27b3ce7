import { chain, isThenable, preload, recover } from '../../../src/core/util/maybe-promise.js';

const native = globalThis.Promise;
afterEach(() => {
  globalThis.Promise = native;
});
const REJECTED = new Error('rejected');
const throwError = (): never => {
  throw REJECTED;
};

it('chain calls next at once with a value', () => {
  const values: unknown[] = [undefined, null, 0, '', JSON.parse('{"then":"text"}')];
  expect(values.map((value) => chain(value, (given) => [given]))).toEqual(values.map((value) => [value]));
});

it.each([
  ['a promise', native],
  ['a promise after a library has replaced the global Promise', class Replaced extends native<unknown> {}],
])('chain and recover wait for %s', async (_title, replacement) => {
  globalThis.Promise = replacement as PromiseConstructor;
  const chained = chain((async () => 1)(), (value) => value + 1);
  const recovered = recover<unknown>(
    async () => throwError(),
    (error) => [error],
  );
  expect([isThenable(chained), isThenable(recovered)]).toEqual([true, true]);
  expect([await chained, await recovered]).toEqual([2, [REJECTED]]);
});

it('recover handles an error that is thrown at once, and returns a value unchanged', () => {
  expect(recover<unknown>(throwError, (error) => [error])).toEqual([REJECTED]);
  expect(recover<unknown>(() => 1, throwError)).toBe(1);
});

it('preload begins at once, calls load once, and calls it again only after a failure', async () => {
  const results: (() => string)[] = [throwError, () => 'loaded', throwError];
  let calls = 0;
  const get = preload(async () => results[calls++]?.() ?? '');
  expect(calls).toBe(1);
  // Jest fails a test whose code has an unhandled rejection at this time.
  await new Promise(setImmediate);
  expect([await get(), await get(), calls]).toEqual(['loaded', 'loaded', 2]);
  const failing = preload<string>(async () => throwError());
  await expect(failing()).rejects.toBe(REJECTED);
});
