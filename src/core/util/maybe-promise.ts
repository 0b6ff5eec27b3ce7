/**
 * A value, or a promise of the value. A guarded request whose token is cached needs no promise, and each promise would
 * take about 1 µs of the request.
 */
export type MaybePromise<T> = T | Promise<T>;

/** Calls `next` with a value: at once, or when the promise of the value is fulfilled. Errors are not handled. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Calls `call`, and handles the error that it throws, or the error with which its promise is rejected. */
export function recover<T>(call: () => MaybePromise<T>, handle: (error: unknown) => MaybePromise<T>): MaybePromise<T> {
  try {
    const result = call();
    return result instanceof Promise ? result.catch(handle) : result;
  } catch (error) {
    return handle(error);
  }
}
