import { ConfigurationError, type GenAuthError } from '../core/errors.js';
import { LruMap } from '../core/util/lru-map.js';
import type { Refusal } from './refusal.js';

/** The time for which further lines of the same kind are only counted, in milliseconds. */
const PAUSE_MS = 60_000;
const MAX_KINDS = 200;
/** The last line of each kind, and how many lines of the kind were left out since. */
const lastLines = new LruMap<string, { at: number; leftOut: number }>(MAX_KINDS);

/**
 * Limits the lines of one kind to one a minute, so that callers cannot fill the log while GenAuth is down.
 *
 * @returns The text to append to the line: empty, or how many lines were left out. `undefined`: the line must not be
 * written.
 */
export function limitLine(kind: string): string | undefined {
  const now = performance.now();
  const last = lastLines.get(kind);
  if (last !== undefined && now - last.at < PAUSE_MS) {
    last.leftOut += 1;
    return undefined;
  }
  lastLines.set(kind, { at: now, leftOut: 0 });
  return last === undefined || last.leftOut === 0 ? '' : ` (${last.leftOut} more since the last line)`;
}

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
 * source and the same error code is emitted at most once a minute, with the number of warnings that were left out.
 *
 * @param source - The first word of the warning: the name of the strategy or the client's option `name`.
 */
export function warnOperator(source: string, { action, error }: Refusal): void {
  if (action !== 'error') return;
  const more = limitLine(`${source} ${error.code}`);
  if (more === undefined) return;
  const cause = getOwnCause(error);
  process.emitWarning(`${source}: ${error.message}${cause === undefined ? '' : ` (${cause.message})`}${more}`, {
    type: 'GenAuthWarning',
    code: `GENAUTH_${error.code.toUpperCase()}`,
  });
}
