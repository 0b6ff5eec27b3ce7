import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const running = new Set();

/** A process of its own that answers calls, one at a time; see `answerCalls`. */
export class Helper {
  #child;
  #exited;

  /**
   * @param file - Below `bench/`.
   * @param settings - What the process finds in `readSettings()`.
   */
  static async start(file, settings = {}, { execArgv = [], env = {} } = {}) {
    const helper = new Helper();
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const child = fork(path, { execArgv, env: { ...process.env, ...env, BENCH_SETTINGS: JSON.stringify(settings) } });
    helper.#child = child;
    running.add(child);
    helper.#exited = once(child, 'exit').then(([code, signal]) => {
      running.delete(child);
      return `${file} ended early (${signal ?? code})`;
    });
    helper.ready = await helper.#receive();
    return helper;
  }

  /** Keeps all threads of the process on one processor. */
  pin(processor) {
    if (canPin()) execFileSync('taskset', ['-acp', String(processor), String(this.#child.pid)], { stdio: 'ignore' });
  }

  async call(name, ...args) {
    this.#child.send({ name, args });
    return this.#receive();
  }

  /** Lets the process end by itself, so that it can write a profile. */
  async stop() {
    if (this.#child.connected) this.#child.disconnect();
    await this.#exited;
  }

  async #receive() {
    const early = this.#exited.then((reason) => Promise.reject(new Error(reason)));
    const [{ value, error }] = await Promise.race([once(this.#child, 'message'), early]);
    if (error !== undefined) throw new Error(error);
    return value;
  }
}

/** Ends every process that was started and is still there. */
export function stopAll() {
  for (const child of running) child.kill();
}

let pinning;
/** Two processors and Linux's `taskset`; elsewhere nothing is pinned, and the figures are noisier. */
export function canPin() {
  if (pinning === undefined) {
    try {
      execFileSync('taskset', ['--version'], { stdio: 'ignore' });
      pinning = availableParallelism() > 1;
    } catch {
      pinning = false;
    }
  }
  return pinning;
}

/** In a helper's process: what it was started with. */
export function readSettings() {
  return JSON.parse(process.env.BENCH_SETTINGS);
}

/**
 * In a helper's process: answers calls, and ends when the parent does.
 *
 * @param ready - What `helper.ready` is.
 */
export function answerCalls(functions, ready) {
  process.on('message', ({ name, args }) => {
    Promise.resolve()
      .then(() => functions[name](...args))
      .then(
        (value) => process.send({ value }),
        (error) => process.send({ error: error.stack ?? String(error) }),
      );
  });
  process.on('disconnect', () => process.exit());
  process.send({ value: ready });
}

/** Microseconds of processor time that this process has used, all its threads together. */
export function readCpuTime() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
