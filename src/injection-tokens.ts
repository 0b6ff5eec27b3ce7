/**
 * Names of Nest's injection tokens, which the Nest module and the test kit share. This file imports nothing, so that
 * each of the two loads without the other.
 */

/** The injection token of the options that were passed to `GenAuthModule`. */
export const OPTIONS_TOKEN = 'passport-genauth:options';

/**
 * Builds the injection token of one part of a GenAuth application: its client, a strategy or its lifecycle.
 *
 * @param name - The option `name` of the GenAuth application.
 */
export function buildToken(name: string, part: 'client' | 'password' | 'ad' | 'bearer' | 'lifecycle'): string {
  return `passport-genauth:${name}:${part}`;
}
