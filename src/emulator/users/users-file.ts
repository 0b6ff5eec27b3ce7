import { readFile } from 'node:fs/promises';
import { isObject, readObject } from '../input/readers.js';
import { EmulatorError } from '../errors.js';
import type { GenAuthEmulatorOptions } from '../options.js';

const MEMBERS = ['users', 'adAccounts', 'tenants', 'roles', 'extendedFields'] as const;

/**
 * What a users file may hold: options of {@link GenAuthEmulatorOptions}, which are checked where an emulator takes
 * them.
 */
export type UsersFile = Pick<GenAuthEmulatorOptions, (typeof MEMBERS)[number]>;

/**
 * Reads who can sign in from a JSON file: `{ "users": [...], "adAccounts": [...], "tenants": [...], "roles": [...],
 * "extendedFields": [...] }`, each of which may be left out, or a list of users.
 *
 * ```ts
 * const emulator = new GenAuthEmulator({ ...(await readUsersFile('users.json')) });
 * ```
 *
 * @throws EmulatorError `invalid_input`: the file cannot be read, is not JSON, or holds something else. What is in the
 *   lists is checked by the emulator that takes them; it names the place, as `users[2].email`.
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
    // Editors on Windows begin a file with a byte order mark.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    // Of the parser's message the place only, and no cause: the rest may quote a password.
    const place = /position \d+/.exec(String(error))?.[0] ?? 'its end';
    throw new EmulatorError('invalid_input', `${path} is not JSON: see ${place}.`);
  }
}
