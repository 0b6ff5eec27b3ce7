import { type MaybePromise, chain, isThenable, recover } from '../../../src/core/util/maybe-promise.js';

/** A promise that is no instance of the global `Promise`, as after a library has replaced it. */
class Foreign {
  constructor(private readonly promise: Promise<unknown>) {}
  then(...handlers: Parameters<Promise<unknown>['then']>): Foreign {
    return new Foreign(this.promise.then(...handlers));
  }
}
const foreign = <T>(promise: Promise<T>): Promise<T> => new Foreign(promise) as unknown as Promise<T>;
const REJECTED = new Error('rejected');
const throwError = (): never => {
  throw REJECTED;
};

it('chain calls next at once with a value', () => {
  const values = [undefined, null, 0, '', { then: 'text' }];
  expect(values.map((value) => chain(value, (given) => [given]))).toEqual(values.map((value) => [value]));
});

it.each<[string, (promise: Promise<number>) => Promise<number>]>([
  ['a promise', (promise) => promise],
  ['a promise of another kind', foreign],
])('chain and recover wait for %s', async (_title, make) => {
  const chained: MaybePromise<number> = chain(make(Promise.resolve(1)), (value) => value + 1);
  expect([isThenable(chained), await chained]).toEqual([true, 2]);
  const recovered = recover<unknown>(
    () => make(Promise.reject(REJECTED)),
    (error) => [error],
  );
  expect([isThenable(recovered), await recovered]).toEqual([true, [REJECTED]]);
});

it('recover handles an error that is thrown at once, and returns a value unchanged', () => {
  expect(recover<unknown>(throwError, (error) => [error])).toEqual([REJECTED]);
  expect(recover<unknown>(() => 1, throwError)).toBe(1);
});
