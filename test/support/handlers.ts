import type { Type } from '@nestjs/common';
import { CurrentUser } from '../../src/nest/index.js';

/** Builds a class with these decorators and handlers. Each handler returns its user as JSON. */
export function buildHandlers(
  handlers: Record<string, readonly MethodDecorator[]>,
  ...classDecorators: ClassDecorator[]
): Type {
  class Handlers {}
  for (const [name, decorators] of Object.entries(handlers)) {
    const value = (user: unknown): string => JSON.stringify({ user: user ?? null });
    Object.defineProperty(Handlers.prototype, name, { value, configurable: true, writable: true });
    const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, name) ?? {};
    CurrentUser()(Handlers.prototype, name, 0);
    for (const decorate of decorators) decorate(Handlers.prototype, name, descriptor);
  }
  for (const decorate of classDecorators) decorate(Handlers);
  return Handlers;
}
