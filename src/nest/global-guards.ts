import type { ApplicationConfig } from '@nestjs/core';
import { buildOptionError } from '../core/errors.js';
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

/**
 * Checks that at most one `GenAuthGuard` is global. A request has one access token. This token could never pass the
 * guards of two GenAuth applications.
 *
 * @throws ConfigurationError if two `GenAuthGuard`s are global.
 */
export function refuseSecondGlobalGuard(config: ApplicationConfig): void {
  const [first, second] = listGlobalGuards(config).filter(isGenAuthGuard).map(describe);
  if (first === undefined || second === undefined) return;
  const mistake = {
    option: 'APP_GUARD',
    problem: `makes two guards global, ${first} and ${second}`,
    fix:
      first === second
        ? 'remove one of the two registrations'
        : `keep one of them, ${first} for example, and write @Public() @UseGuards(${second}) on the routes ` +
          'of the other',
  };
  throw buildOptionError(mistake);
}

function isGenAuthGuard(guard: unknown): boolean {
  return findGuardRole(guard)?.kind === 'bearer';
}

function describe(guard: unknown): string {
  const name = findGuardRole(guard)?.name;
  return name === DEFAULT_NAME ? 'GenAuthGuard' : `GenAuthGuard.named('${name}')`;
}
