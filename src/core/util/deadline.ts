import { type MaybePromise, isThenable } from './maybe-promise.js';

/** The time limit for several steps that run one after the other. */
export class Deadline {
  /** The time limit for all steps together, in milliseconds. */
  readonly timeout: number;
  readonly #endsAt: number;

  constructor(timeout: number) {
    this.timeout = timeout;
    this.#endsAt = performance.now() + timeout;
  }

  /** The milliseconds that are left, at least 1. */
  get left(): number {
    return Math.max(1, Math.ceil(this.#endsAt - performance.now()));
  }

  /**
   * Waits for a promise, but not longer than the time that is left. Returns any other value at once.
   *
   * @param buildError - Builds the error that is thrown if the time has passed.
   */
  wait<T>(pending: Promise<T>, buildError: (timeout: number) => Error): Promise<T>;
  wait<T>(pending: MaybePromise<T>, buildError: (timeout: number) => Error): MaybePromise<T>;
  wait<T>(pending: MaybePromise<T>, buildError: (timeout: number) => Error): MaybePromise<T> {
    return isThenable(pending) ? this.#race(pending, buildError) : pending;
  }

  async #race<T>(pending: PromiseLike<T>, buildError: (timeout: number) => Error): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(buildError(this.timeout)), this.left);
    });
    try {
      return await Promise.race([pending, expired]);
    } finally {
      clearTimeout(timer);
    }
  }
}
