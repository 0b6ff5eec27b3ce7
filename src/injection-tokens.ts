/**
 * Names of the NestJS injection tokens that both the NestJS module and the test kit use. This file imports nothing, so
 * that the NestJS module and the test kit can be loaded separately.
 */

/** The NestJS injection token of the options that were passed to `GenAuthModule`. */
export const OPTIONS_TOKEN = 'passport-genauth:options';

/**
 * The NestJS injection token of the options of the client: the options of `GenAuthModule` without `verify` and such.
 */
export const CLIENT_OPTIONS_TOKEN = 'passport-genauth:client-options';

/** The NestJS injection token of an object that lists the findings of the check at the start. */
export const STARTUP_TOKEN = 'passport-genauth:startup';

/**
 * Builds the NestJS injection token of one object that the modules of passport-genauth create for a GenAuth
 * application: the client, a strategy, the lifecycle hooks or the option `verify`.
 *
 * @param name - The option `name` in the options of the GenAuth application.
 */
export function buildToken(
  name: string,
  part: 'client' | 'password' | 'ad' | 'bearer' | 'redirect' | 'lifecycle' | 'verify',
): string {
  return `passport-genauth:${name}:${part}`;
}
