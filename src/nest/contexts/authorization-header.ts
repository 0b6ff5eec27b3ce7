import type { GenAuthRequest } from '../../core/options/types.js';
import { isRecord } from '../../core/util/record.js';

/**
 * Returns the value of the key `authorization`, whose case is ignored. Several values are handled by `toSingleValue`.
 */
export function findAuthorization(source: Readonly<Record<string, unknown>>): unknown {
  return toSingleValue(Object.keys(source).flatMap((name) => (isAuthorization(name) ? source[name] : [])));
}

/** Whether a header name is `authorization`. The case is ignored. */
export function isAuthorization(name: string): boolean {
  return name.toLowerCase() === 'authorization';
}

/**
 * Returns the single value, `undefined` if there is none, or the array if there are several. Empty values are ignored.
 * The token parser rejects an array later as `token_malformed`, because its values may conflict.
 */
export function toSingleValue(given: unknown): unknown {
  const values = [given].flat().filter((value) => value !== undefined && value !== null && value !== '');
  const [only] = values;
  if (values.length > 1) return values;
  return Buffer.isBuffer(only) ? only.toString('latin1') : only;
}

/**
 * Returns a request with the given Authorization header and body. A request that needs neither is returned as it is.
 *
 * @param authorization - Replaces the Authorization header. `undefined` keeps it. A value that is not a string is kept,
 * so that the token parser rejects it.
 * @param message - The body, if the request has none.
 */
export function withAuthorization(given: object, authorization: unknown, message?: unknown): GenAuthRequest {
  const request = given as Partial<GenAuthRequest> & { rawHeaders?: unknown };
  const isComplete = isRecord(request.headers);
  if (isComplete && authorization === undefined && message === undefined) return given as GenAuthRequest;
  const { body = message, ip, socket, headers = {}, rawHeaders } = request;
  const rest = { body, ip, socket };
  if (authorization === undefined) return { ...rest, headers, rawHeaders } as GenAuthRequest;
  return { ...rest, headers: { ...headers, authorization: authorization as string } };
}
