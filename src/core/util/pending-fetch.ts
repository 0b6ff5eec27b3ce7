/** How long a request waits for something new when there is something old that would do. */
const STALE_WAIT_MS = 500;

/** Something that is being fetched, and since when. */
export class PendingFetch {
  readonly #startedAt = performance.now();

  constructor(readonly done: Promise<void>) {}

  /**
   * Waits for it, as long as a request with an old answer may: counted from the start of the fetch, so that while GenAuth hangs only
   * the first requests wait. What comes later is nobody's loss.
   *
   * @returns Whether it came in that time.
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
