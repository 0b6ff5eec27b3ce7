/**
 * The reason of an {@link EmulatorError}, as a code for programs:
 * - `invalid_input`: an option or an argument is wrong. The message names the option or argument, its value and the
 *   expected value.
 * - `production_refused`: `NODE_ENV` is `production`, or another value that is not for development.
 * - `express_missing`: the package express is not installed. The emulator needs it to start.
 * - `node_forge_missing`: the package node-forge is not installed. The emulator needs it to decrypt RSA passwords and
 *   for the option `tls`.
 * - `sm_crypto_missing`: the package sm-crypto is not installed. The emulator needs it to decrypt SM2 passwords and for
 *   the system information.
 * - `state_file_unusable`: the file of the option `stateFile` cannot be read or written, or has another content.
 * - `address_in_use`: another process listens on the port.
 * - `not_started`: the emulator is not started. Only a started emulator has the requested value.
 */
export type EmulatorErrorCode =
  | 'invalid_input'
  | 'production_refused'
  | 'express_missing'
  | 'node_forge_missing'
  | 'sm_crypto_missing'
  | 'state_file_unusable'
  | 'address_in_use'
  | 'not_started';

/**
 * The error that the emulator and the test kit throw. The message never contains a password or an application secret.
 */
export class EmulatorError extends Error {
  /** The name of the class. */
  override readonly name = 'EmulatorError';
  /** The reason of the error, as a code for programs. */
  readonly code: EmulatorErrorCode;

  constructor(code: EmulatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Builds the error for a wrong value: `users[2].email: expected an e-mail address, got "bob".` */
export function invalid(path: string, expected: string, value: unknown): EmulatorError {
  return new EmulatorError('invalid_input', `${path}: expected ${expected}, got ${show(value)}.`);
}

/** Builds the error for a wrong secret. The message contains the type of the secret, never the secret itself. */
export function invalidSecret(path: string, expected: string, value: unknown): EmulatorError {
  const got = value === '' ? 'an empty string' : describeType(value);
  return new EmulatorError('invalid_input', `${path}: expected ${expected}, got ${got}.`);
}

/**
 * Formats a value for an error message. The result is on one line. A string is cut after 64 characters, because it may
 * come from a file or a request.
 */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describeType(value);
}

function describeType(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
