/** The calls of a client that have begun and not ended. */
export class InFlight {
  readonly #buildError: () => Error;
  readonly #running = new Set<PromiseLike<unknown>>();
  #isEnding = false;

  /** @param buildError - Builds the error of a call after {@link end}. */
  constructor(buildError: () => Error) {
    this.#buildError = buildError;
  }

  /** Runs a call. Rejects after {@link end} was called. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isEnding) throw this.#buildError();
    return this.track(call());
  }

  /** Lets {@link end} wait for a call, also for one that began after it. */
  async track<T>(running: PromiseLike<T>): Promise<T> {
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /**
   * Refuses further calls, and waits for the calls that have begun.
   *
   * @param timeout - The longest time to wait, in milliseconds.
   */
  async end(timeout: number): Promise<void> {
    this.#isEnding = true;
    if (this.#running.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeout);
    });
    await Promise.race([Promise.allSettled(this.#running), expired]);
    clearTimeout(timer);
  }
}
