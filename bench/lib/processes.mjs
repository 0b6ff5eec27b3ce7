import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const running = new Set();

/**
 * A child process whose functions the parent process calls, one at a time. The child process must call `answerCalls`.
 */
export class Helper {
  #child;
  #exited;

  /**
   * Starts a child process and waits until it is ready.
   *
   * @param file - The file to run, relative to `bench/`.
   * @param settings - The values that `readSettings()` returns in the child process.
   */
  static async start(file, settings = {}, { execArgv = [], env = {} } = {}) {
    const helper = new Helper();
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const child = fork(path, { execArgv, env: { ...process.env, ...env, BENCH_SETTINGS: JSON.stringify(settings) } });
    helper.#child = child;
    running.add(child);
    helper.#exited = once(child, 'exit').then(([code, signal]) => {
      running.delete(child);
      return `${file} ended too early with ${signal ?? `exit code ${code}`}.`;
    });
    helper.ready = await helper.#receive();
    return helper;
  }

  /** Runs all threads of the child process on one processor only. */
  pin(processor) {
    if (canPin()) execFileSync('taskset', ['-acp', String(processor), String(this.#child.pid)], { stdio: 'ignore' });
  }

  /** Calls a function in the child process and returns its result. */
  async call(name, ...args) {
    this.#child.send({ name, args });
    return this.#receive();
  }

  /** Disconnects the child process and waits until it has ended. */
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

/** Ends every child process that is still running. */
export function stopAll() {
  for (const child of running) child.kill();
}

let pinning;
/**
 * Returns whether a process can be limited to one processor. This needs two processors and the Linux command `taskset`.
 * If it is not possible, the results vary more.
 */
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

/** Returns the settings with which this child process was started. */
export function readSettings() {
  return JSON.parse(process.env.BENCH_SETTINGS);
}

/**
 * Calls the functions that the parent process requests, and sends their results to it. The child process ends when the
 * parent process disconnects or ends.
 *
 * @param ready - The value of `helper.ready` in the parent process.
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

/** Returns the processor time of all threads of this process, in microseconds. */
export function readCpuTime() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
