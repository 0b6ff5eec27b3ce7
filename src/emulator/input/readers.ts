import { EmulatorError, invalid, invalidSecret, show } from '../errors.js';

/** Whether a value is an object with named members, and not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `users[2]` and `email` make `users[2].email`; at the top a path is the name alone. */
export function at(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/**
 * The members of an object, without those that are `undefined`.
 *
 * @param known every name that may stand in it: a misspelt one would otherwise be ignored silently
 * @throws EmulatorError `invalid_input`
 */
export function readObject(value: unknown, path: string, known: readonly string[]): Map<string, unknown> {
  if (value instanceof Promise) throw new EmulatorError('invalid_input', `${path || 'options'}: a promise; await it.`);
  if (!isObject(value)) throw invalid(path || 'options', 'an object', value);
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const unknown = `${path || 'options'}: there is no ${show(key)} here; known are ${known.join(', ')}.`;
    throw new EmulatorError('invalid_input', unknown);
  }
  return new Map(Object.entries(value).filter(([, member]) => member !== undefined));
}

/** @throws EmulatorError `invalid_input` */
export function readInteger(value: unknown, path: string, min: number, max: number): number {
  if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return Number(value);
  throw invalid(path, `a whole number from ${min} to ${max}`, value);
}

/** @throws EmulatorError `invalid_input` */
export function readBoolean(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(path, 'true or false', value);
}

/** @throws EmulatorError `invalid_input` */
export function readString(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw invalid(path, 'a string', value);
}

/** @throws EmulatorError `invalid_input` */
export function readFilled(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(path, 'a string that is not empty', value);
}

/** The same for a secret, which no message shows. @throws EmulatorError `invalid_input` */
export function readSecret(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalidSecret(path, 'a string that is not empty', value);
}

/** @throws EmulatorError `invalid_input` */
export function readOneOf<T extends string>(value: unknown, path: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw invalid(path, `one of ${choices.join(', ')}`, value);
  return choice;
}

/** @throws EmulatorError `invalid_input` */
export function readFunction(value: unknown, path: string, expected: string): (...args: never[]) => unknown {
  if (typeof value === 'function') return value as (...args: never[]) => unknown;
  throw invalid(path, expected, value);
}

/** @throws EmulatorError `invalid_input` */
export function readList(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(path, 'a list', value);
}

/**
 * A value as JSON text.
 *
 * @throws EmulatorError `invalid_input`
 */
export function readJson(value: unknown, path: string): string {
  try {
    const json: string | undefined = JSON.stringify(value);
    if (json !== undefined) return json;
  } catch {
    // A cycle or a bigint: the same mistake as a function, named below.
  }
  throw invalid(path, 'a value that JSON can hold', value);
}
