/**
 * Names of injection tokens, shared by the Nest module and the test kit. Imports nothing, so that either loads alone.
 */

/** The options that `GenAuthModule` was given. */
export const OPTIONS_TOKEN = 'passport-genauth:options';

/** The token of a part of the application with that `name`: its client, a strategy or its lifecycle. */
export function buildToken(name: string, part: 'client' | 'password' | 'ad' | 'bearer' | 'lifecycle'): string {
  return `passport-genauth:${name}:${part}`;
}
