/** Something that a test waits for, or makes others wait for, instead of sleeping. */
export class Gate<Value = void> {
  /** Settles when the gate is opened. */
  readonly opened: Promise<Value>;
  #open: (value: Value) => void = () => {};

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(value: Value): void {
    this.#open(value);
  }
}

/** What a promise was rejected with, as an object to look into; fails where it was fulfilled. */
export async function catchError(promise: Promise<unknown>): Promise<Error & { code?: string; cause?: unknown }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('The promise was fulfilled.');
}

/** Lets the event loop turn until something holds; fails where that takes too long. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 4000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
