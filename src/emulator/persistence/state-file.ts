import { mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmulatorError } from '../errors.js';

/** The file of the option `stateFile`. */
export class StateFile {
  readonly path: string;
  /** The text of the last write. */
  #written = '';
  /** The write that runs, or the last one. */
  #running: Promise<void> = Promise.resolve();
  /** The write that waits for the running one. It also stores the changes that are made until it begins. */
  #waiting: Promise<void> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Returns the parsed content of the file, or `undefined` if the file does not exist.
   *
   * @throws EmulatorError with the code `state_file_unusable` if the file cannot be read or is not JSON.
   */
  async read(): Promise<unknown> {
    const text = await readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      if (error.code === 'EISDIR')
        throw this.#fail('is a folder', `Name a file in it, such as ${this.path}/state.json`);
      throw this.#fail(`cannot be read (${error.code})`, 'Check its permissions, or use another file');
    });
    try {
      return text === undefined ? undefined : (JSON.parse(text) as unknown);
    } catch {
      // The error of `JSON.parse` quotes a part of the file, and the file contains private keys.
      throw this.unusable();
    }
  }

  /** Builds the error for a file with another content. */
  unusable(): EmulatorError {
    const fix = 'Delete the file, and the emulator creates it anew. Or use another file';
    return this.#fail('is not a state of this version of the emulator', fix);
  }

  /** Builds the error for the state of an emulator with another application ID. */
  foreign(appId: string): EmulatorError {
    const fix = `Use the appId ${JSON.stringify(appId)}, or another file`;
    return this.#fail(`belongs to the application ${JSON.stringify(appId)}`, fix);
  }

  /**
   * Replaces the content of the file, unless it is the same. The file is replaced as a whole, so a process that is
   * killed leaves a complete file. Only the owner of the file can read it.
   *
   * @param build - Builds the content. It is called when the write begins.
   * @throws EmulatorError with the code `state_file_unusable` if the file cannot be written.
   */
  write(build: () => Promise<object>): Promise<void> {
    this.#waiting ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#running = this.#waiting ?? this.#running;
        this.#waiting = undefined;
        return this.#replace(build);
      });
    return this.#waiting;
  }

  async #replace(build: () => Promise<object>): Promise<void> {
    const text = JSON.stringify(await build());
    if (text === this.#written) return;
    // A symbolic link stays a link.
    const path = await realpath(this.path).catch(() => this.path);
    const temporary = `${path}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, path).catch(async (error: NodeJS.ErrnoException) => {
        // A file that is mounted into a container cannot be replaced, only written.
        if (error.code !== 'EBUSY') throw error;
        await writeFile(path, text);
        await rm(temporary, { force: true });
      });
      this.#written = text;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      const { code } = error as NodeJS.ErrnoException;
      throw this.#fail(`cannot be written (${code})`, 'Check its folder, or use another file');
    }
  }

  #fail(problem: string, fix: string): EmulatorError {
    return new EmulatorError('state_file_unusable', `stateFile: ${this.path} ${problem}. ${fix}.`);
  }
}
