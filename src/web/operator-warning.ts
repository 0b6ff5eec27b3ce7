import { ConfigurationError, type GenAuthError } from '../core/errors.js';
import type { Refusal } from './refusal.js';

const WARNING_PAUSE_MS = 60_000;
const warnedAt = new Map<string, number>();

/**
 * Returns the error that a function in the client's options threw, for example the function in `appSecret` or
 * `signInOptions`. The message of this error says why the function failed. The operator sees the message, so the
 * function must not put secrets into it.
 */
export function getOwnCause(error: GenAuthError): Error | undefined {
  return error instanceof ConfigurationError && error.cause instanceof Error ? error.cause : undefined;
}

/**
 * Emits a process warning if a request failed because of a wrong configuration, GenAuth or the network. The guards send
 * the response to this request themselves, so Express never gets the error and cannot log it. A warning with the same
 * source and the same error code is emitted at most once a minute, so that many requests do not fill the log.
 *
 * @param source - The first word of the warning: the name of the strategy or the client's option `name`.
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
