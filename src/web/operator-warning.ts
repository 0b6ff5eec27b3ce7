import { ConfigurationError, type GenAuthError } from '../core/errors.js';
import type { Refusal } from './refusal.js';

const WARNING_PAUSE_MS = 60_000;
const warnedAt = new Map<string, number>();

/**
 * Where a function of the application's own failed, an option or a secret that it gets, only its error says why: the
 * application's own words, which it must keep free of secrets.
 */
export function getOwnCause(error: GenAuthError): Error | undefined {
  return error instanceof ConfigurationError && error.cause instanceof Error ? error.cause : undefined;
}

/**
 * Tells the operator of faults that are answered and so never get to Express: of each kind once a minute, however many requests.
 *
 * @param who - The strategy, or the application.
 */
export function warnOperator(who: string, { action, error }: Refusal): void {
  if (action !== 'error') return;
  const kind = `${who} ${error.code}`;
  const now = performance.now();
  if (now - (warnedAt.get(kind) ?? -Infinity) < WARNING_PAUSE_MS) return;
  warnedAt.set(kind, now);
  const cause = getOwnCause(error);
  process.emitWarning(`${who}: ${error.message}${cause === undefined ? '' : ` (${cause.message})`}`, {
    type: 'GenAuthWarning',
    code: `GENAUTH_${error.code.toUpperCase()}`,
  });
}
