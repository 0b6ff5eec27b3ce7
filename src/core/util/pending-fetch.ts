/** Maximum time that a request waits for a new value if the request can use the old value, in milliseconds. */
const STALE_WAIT_MS = 500;

/** A fetch that has started and not ended yet, with its start time. */
export class PendingFetch {
  readonly #startedAt = performance.now();

  /** @param done - Settles when the fetch ends. */
  constructor(readonly done: Promise<void>) {}

  /**
   * Waits until the fetch ends, but at most until 500 ms after the start of the fetch. If the fetch takes longer, the
   * caller can use its old value. A late result is still stored for the next request.
   *
   * The 500 ms begin with the fetch, not with the call of this method. If GenAuth does not answer, only requests in the
   * first 500 ms of the fetch have to wait.
   *
   * @returns Whether the fetch succeeded within this time.
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
