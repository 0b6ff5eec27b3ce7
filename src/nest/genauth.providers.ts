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

/** Returns the class for the default application, so that `constructor(client: GenAuthClient)` works there. */
export function getProviderToken<P extends Part>(part: P, name: string): (typeof CLASSES)[P] | string {
  return name === DEFAULT_NAME ? CLASSES[part] : buildToken(name, part);
}

/** Returns the injection token of the client of the application with that `name`. */
export function getGenAuthClientToken(name: string = DEFAULT_NAME): typeof GenAuthClient | string {
  return getProviderToken('client', name);
}

/** Injects the client of one of several applications: `@InjectGenAuthClient('staff') client: GenAuthClient`. */
export const InjectGenAuthClient = (name?: string): ParameterDecorator & PropertyDecorator =>
  Inject(getGenAuthClientToken(name));

/** Returns the same class for the same name each time, because Nest tells guards apart by their class. */
export function memoizeByName<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    const known = made.get(name) ?? make(name);
    made.set(name, known);
    return known;
  };
}
