/** Time that a request with a usable old value waits for a new one, in milliseconds. */
const STALE_WAIT_MS = 500;

/** A fetch that is under way, with its start time. */
export class PendingFetch {
  readonly #startedAt = performance.now();

  /** @param done - Settles when the fetch ends. */
  constructor(readonly done: Promise<void>) {}

  /**
   * Waits until the fetch ends, but at most until 500 ms after its start. After that the caller can use its old value.
   * The time is counted from the start of the fetch, so that only the requests of the first 500 ms wait while GenAuth
   * hangs. A late result is still stored for the next request.
   *
   * @returns Whether the fetch succeeded in that time.
   */
  async settlesInTime(): Promise<boolean> {
    const left = STALE_WAIT_MS - (performance.now() - this.#startedAt);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, left), false);
      timer.unref();
    });
    const settled = this.done.then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([settled, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}
