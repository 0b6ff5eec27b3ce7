import type { ApplicationConfig } from '@nestjs/core';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { findGuardRole } from './guard-registry.js';

/**
 * Returns the global guards of a Nest application, from `APP_GUARD` and `useGlobalGuards`. A request-scoped guard has
 * no instance when the Nest application starts, so the class of the guard is returned. If a factory makes the
 * request-scoped guard and injects exactly one `GenAuthGuard`, the class of this `GenAuthGuard` is returned.
 */
export function listGlobalGuards(config: ApplicationConfig): unknown[] {
  const scoped = config.getGlobalRequestGuards().map(({ inject, metatype }): unknown => {
    const [guard, ...others] = (inject ?? []).filter(isGenAuthGuard);
    return others.length === 0 ? (guard ?? metatype) : metatype;
  });
  return [...config.getGlobalGuards(), ...scoped];
}

/** Whether a guard, or its class, is a `GenAuthGuard`. */
export function isGenAuthGuard(guard: unknown): boolean {
  return findGuardRole(guard)?.kind === 'bearer';
}

/** Returns the name of a `GenAuthGuard` for a message, such as `GenAuthGuard.named('staff')`. */
export function describeGlobalGuard(guard: unknown): string {
  const name = findGuardRole(guard)?.name;
  return name === DEFAULT_NAME ? 'GenAuthGuard' : `GenAuthGuard.named('${name}')`;
}
