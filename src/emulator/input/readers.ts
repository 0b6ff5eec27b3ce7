import { EmulatorError, invalid, invalidSecret, show } from '../errors.js';

/** Returns whether a value is an object. `null` and arrays do not count as objects. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Builds the path of a property for error messages: `users[2]` and `email` give `users[2].email`. */
export function at(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/**
 * Returns the properties of an object. Properties with the value `undefined` are left out.
 *
 * @param known The allowed names of properties. Every other name causes an error, because a misspelled name must not be
 * ignored.
 * @throws EmulatorError with the code `invalid_input` if the value is not an object, or has a property that is not
 * allowed.
 */
export function readObject(value: unknown, path: string, known: readonly string[]): Map<string, unknown> {
  if (value instanceof Promise) {
    const message = `${path || 'options'}: expected an object, got a promise. Write await before it.`;
    throw new EmulatorError('invalid_input', message);
  }
  if (!isObject(value)) throw invalid(path || 'options', 'an object', value);
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const message = `${path || 'options'}: unknown property ${show(key)}. Use one of: ${known.join(', ')}.`;
    throw new EmulatorError('invalid_input', message);
  }
  return new Map(Object.entries(value).filter(([, member]) => member !== undefined));
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readInteger(value: unknown, path: string, min: number, max: number): number {
  if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return Number(value);
  throw invalid(path, `a whole number from ${min} to ${max}`, value);
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readBoolean(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(path, 'true or false', value);
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readString(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw invalid(path, 'a string', value);
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readNonEmptyString(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(path, 'a string that is not empty', value);
}

/**
 * Reads a secret. The error message never contains the secret.
 *
 * @throws EmulatorError with the code `invalid_input` if the value is wrong.
 */
export function readSecret(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalidSecret(path, 'a string that is not empty', value);
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readOneOf<T extends string>(value: unknown, path: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw invalid(path, `one of ${choices.join(', ')}`, value);
  return choice;
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readFunction(value: unknown, path: string, expected: string): (...args: never[]) => unknown {
  if (typeof value === 'function') return value as (...args: never[]) => unknown;
  throw invalid(path, expected, value);
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readList(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(path, 'a list', value);
}

/**
 * Returns a value as JSON text.
 *
 * @throws EmulatorError with the code `invalid_input` if the value is wrong.
 */
export function readJson(value: unknown, path: string): string {
  try {
    const json: string | undefined = JSON.stringify(value);
    if (json !== undefined) return json;
  } catch {
    // `JSON.stringify` throws for a circular reference and for a bigint. It returns `undefined` for a function. In all
    // three cases the error below is thrown.
  }
  throw invalid(path, 'a value that JSON can hold', value);
}
