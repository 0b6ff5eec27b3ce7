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

/** The class itself for the application without a name, so that `constructor(client: GenAuthClient)` works there. */
export function getProviderToken<P extends Part>(part: P, name: string): (typeof CLASSES)[P] | string {
  return name === DEFAULT_NAME ? CLASSES[part] : buildToken(name, part);
}

/** Injection token of the client of the application with that `name`. */
export function getGenAuthClientToken(name: string = DEFAULT_NAME): typeof GenAuthClient | string {
  return getProviderToken('client', name);
}

/** `@InjectGenAuthClient('staff') client: GenAuthClient` where several applications are in one process. */
export const InjectGenAuthClient = (name?: string): ParameterDecorator & PropertyDecorator =>
  Inject(getGenAuthClientToken(name));

/** One class for each name, whenever it is asked for: Nest tells guards apart by their class. */
export function memoizeByName<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    const known = made.get(name) ?? make(name);
    made.set(name, known);
    return known;
  };
}
