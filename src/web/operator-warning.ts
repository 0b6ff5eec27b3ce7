import { ConfigurationError, type GenAuthError } from '../core/errors.js';
import type { Refusal } from './refusal.js';

const WARNING_PAUSE_MS = 60_000;
const warnedAt = new Map<string, number>();

/**
 * Returns the error that a function of the application threw, such as `appSecret` or `signInOptions`. Only that error
 * says why the function failed. The application must keep secrets out of its message.
 */
export function getOwnCause(error: GenAuthError): Error | undefined {
  return error instanceof ConfigurationError && error.cause instanceof Error ? error.cause : undefined;
}

/**
 * Emits a process warning for a fault of the application, GenAuth or the network. The guards answer such a fault
 * themselves, so Express never sees the error and cannot log it. Each pair of source and error code warns at most once
 * a minute, so that a flood of requests does not flood the log.
 *
 * @param source - The name of the strategy or of the application, with which the warning begins.
 */
export function warnOperator(source: string, { action, error }: Refusal): void {
  if (action !== 'error') return;
  const kind = `${source} ${error.code}`;
  const now = performance.now();
  if (now - (warnedAt.get(kind) ?? -Infinity) < WARNING_PAUSE_MS) return;
  warnedAt.set(kind, now);
  const cause = getOwnCause(error);
  process.emitWarning(`${source}: ${error.message}${cause === undefined ? '' : ` (${cause.message})`}`, {
    type: 'GenAuthWarning',
    code: `GENAUTH_${error.code.toUpperCase()}`,
  });
}
