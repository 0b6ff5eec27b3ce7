import { Inject } from '@nestjs/common';
import { GenAuthClient } from '../core/client.js';
import { buildToken } from '../injection-tokens.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import { GenAuthBearerStrategy } from '../passport/bearer.strategy.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';

const CLASSES = {
  client: GenAuthClient,
  password: GenAuthPasswordStrategy,
  ad: GenAuthAdStrategy,
  bearer: GenAuthBearerStrategy,
} as const;
type Part = keyof typeof CLASSES;

/**
 * Returns the injection token of the client or a strategy of the GenAuth application with this `name`. With the default
 * name the injection token is the class, so that `constructor(client: GenAuthClient)` works.
 */
export function getProviderToken<P extends Part>(part: P, name: string): (typeof CLASSES)[P] | string {
  return name === DEFAULT_NAME ? CLASSES[part] : buildToken(name, part);
}

/**
 * Returns the injection token of the client of the GenAuth application with this `name`. Use the injection token in
 * `inject` of a factory and in `overrideProvider`.
 *
 * @param name - The `name` that was given to `GenAuthModule`. Default: `'genauth'`.
 */
export function getGenAuthClientToken(name: string = DEFAULT_NAME): typeof GenAuthClient | string {
  return getProviderToken('client', name);
}

/**
 * Injects the `GenAuthClient` of the GenAuth application with this `name`.
 *
 * @param name - The `name` that was given to `GenAuthModule`. Default: `'genauth'`.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import type { GenAuthClient } from 'passport-genauth';
 * import { InjectGenAuthClient } from 'passport-genauth/nest';
 *
 * @Injectable()
 * export class StaffService {
 *   constructor(@InjectGenAuthClient('staff') readonly client: GenAuthClient<string>) {}
 * }
 * ```
 */
export const InjectGenAuthClient = (name?: string): ParameterDecorator & PropertyDecorator =>
  Inject(getGenAuthClientToken(name));

/**
 * Returns a function that calls `make` once for each name and caches the result. Nest identifies a guard by its class,
 * so each name must always give the same class.
 */
export function memoizeByName<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    const known = made.get(name) ?? make(name);
    made.set(name, known);
    return known;
  };
}
