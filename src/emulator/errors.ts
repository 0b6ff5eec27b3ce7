/**
 * What went wrong, for programs:
 * - `invalid_input`: a value that was handed in is wrong; the message names where it stood, what it was and what would
 *   do;
 * - `production_refused`: `NODE_ENV` is `production`;
 * - `express_missing`, `node_forge_missing`, `sm_crypto_missing`: that optional dependency is not installed. express is
 *   needed to start, node-forge to decrypt RSA passwords, sm-crypto to decrypt SM2 passwords and for the system
 *   information;
 * - `address_in_use`: another process listens on that port;
 * - `not_started`: something was asked that only a started emulator has.
 */
export type EmulatorErrorCode =
  | 'invalid_input'
  | 'production_refused'
  | 'express_missing'
  | 'node_forge_missing'
  | 'sm_crypto_missing'
  | 'address_in_use'
  | 'not_started';

/** Every error that the emulator throws on purpose. No message holds a password or an app secret. */
export class EmulatorError extends Error {
  override readonly name = 'EmulatorError';
  readonly code: EmulatorErrorCode;

  constructor(code: EmulatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The error for a wrong value: `users[2].email: expected an e-mail address, got "bob".` */
export function invalid(path: string, expected: string, value: unknown): EmulatorError {
  return new EmulatorError('invalid_input', `${path}: expected ${expected}, got ${show(value)}.`);
}

/** The same for a secret: the message tells its type and never its value. */
export function invalidSecret(path: string, expected: string, value: unknown): EmulatorError {
  const got = value === '' ? 'an empty one' : typeof value === 'string' ? 'another' : kindOf(value);
  return new EmulatorError('invalid_input', `${path}: expected ${expected}, got ${got}.`);
}

/** A value for a message: on one line, and cut, since it may come from a file or from the network. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
