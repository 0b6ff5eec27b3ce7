import { readFile } from 'node:fs/promises';
import { isObject, readObject } from '../input/readers.js';
import { EmulatorError } from '../errors.js';
import type { GenAuthEmulatorOptions } from '../options.js';

/** The options that a users file can contain. */
const MEMBERS = ['users', 'adAccounts', 'tenants', 'roles', 'extendedFields'] as const;

/**
 * The content of a users file: some options of {@link GenAuthEmulatorOptions}. The emulator checks the values of the
 * options.
 */
export type UsersFile = Pick<GenAuthEmulatorOptions, (typeof MEMBERS)[number]>;

/**
 * Reads options of the emulator from a JSON file. The file contains a list of users, or an object with any of the
 * properties `users`, `adAccounts`, `tenants`, `roles` and `extendedFields`.
 *
 * This function does not check the elements of the lists. `new GenAuthEmulator()` checks them, and its errors name the
 * place of the mistake, for example `users[2].email`.
 *
 * @param path The path of the file. A relative path is relative to the working folder of the process.
 * @returns The options for `new GenAuthEmulator()`.
 * @throws EmulatorError with the code `invalid_input` if the file cannot be read, is not JSON, or has another content.
 *
 * @example
 * ```ts
 * import { GenAuthEmulator, readUsersFile } from 'passport-genauth/emulator';
 *
 * const emulator = new GenAuthEmulator(await readUsersFile('users.json'));
 * await emulator.start();
 * ```
 */
export async function readUsersFile(path: string): Promise<UsersFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new EmulatorError('invalid_input', `cannot read ${path} (${error.code}).`, { cause: error });
  });
  const content = parseJson(text, path);
  if (Array.isArray(content)) return { users: content };
  if (isObject(content)) return Object.fromEntries(readObject(content, path, MEMBERS));
  throw new EmulatorError(
    'invalid_input',
    `${path} must hold { "users": [...], "adAccounts": [...] } or a list of users.`,
  );
}

function parseJson(text: string, path: string): unknown {
  try {
    // Some editors on Windows write a byte order mark at the start of a file.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    // The error message of `JSON.parse` may contain a password. So only the position is used, and the `EmulatorError`
    // has no `cause`.
    const place = /position \d+/.exec(String(error))?.[0] ?? 'the end of the file';
    throw new EmulatorError('invalid_input', `${path} is not valid JSON. The error is at ${place}.`);
  }
}
