/**
 * A value, or a promise of the value. A guarded request whose token is cached needs no promise, and each promise would
 * take about 1 µs of the request.
 */
export type MaybePromise<T> = T | Promise<T>;

/**
 * Returns whether a value is a promise of any kind. `instanceof Promise` is not enough: an `async` function returns a
 * native promise also if a library has replaced the global `Promise`, as zone.js does. A promise that is taken for a
 * value would let a request pass.
 */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Calls `next` with a value: at once, or when the promise of the value is fulfilled. Errors are not handled. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** Calls `call`, and handles the error that it throws, or the error with which its promise is rejected. */
export function recover<T>(call: () => MaybePromise<T>, handle: (error: unknown) => MaybePromise<T>): MaybePromise<T> {
  try {
    const result = call();
    return isPromise(result) ? result.then(undefined, handle) : result;
  } catch (error) {
    return handle(error);
  }
}

function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return isThenable(value);
}

/**
 * Begins to load an optional module when a client is created, and not on use. A process under load can have too many
 * open files to load a module, and after one failure Node.js 20 never loads the module again.
 *
 * @returns A function that returns the loaded value. After a failure, the function calls `load` again.
 */
export function preload<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  const get = (): Promise<T> => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  get().catch(() => {
    // The next call of `get` loads the module again, or throws the error.
  });
  return get;
}
