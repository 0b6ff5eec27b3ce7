import type { GenAuthRequest } from '../../core/options/types.js';
import { isRecord } from '../../core/util/record.js';

/** The spellings of the key that are read. Other keys are not looked at, because a caller chooses their number. */
const KEYS = ['authorization', 'Authorization'];

/**
 * Returns the value of the key `authorization` or `Authorization` of an object. If the object has both, the result of
 * `toSingleValue` is returned. The time does not depend on the size of the object: a guard calls this function for each
 * message of a connection, and the object may have any size.
 */
export function findAuthorization(source: Readonly<Record<string, unknown>>): unknown {
  return toSingleValue(KEYS.flatMap((name) => (Object.hasOwn(source, name) ? source[name] : [])));
}

/** Whether a header name is `authorization`, in upper or lower case. */
export function isAuthorization(name: string): boolean {
  return name.toLowerCase() === 'authorization';
}

/**
 * Returns the value if `given` contains exactly one value, `undefined` if it contains none, or the array if it contains
 * several. Empty values are ignored. The parser of the bearer token rejects the array with the code `token_malformed`,
 * because the values may be different.
 */
export function toSingleValue(given: unknown): unknown {
  const values = [given].flat().filter((value) => value !== undefined && value !== null && value !== '');
  const [only] = values;
  if (values.length > 1) return values;
  return Buffer.isBuffer(only) ? only.toString('latin1') : only;
}

/**
 * Returns a new request object with the given Authorization header and body. If neither is given and the request has
 * headers, the request itself is returned.
 *
 * @param authorization - The new value of the Authorization header. If it is `undefined`, the request keeps its own
 * header. A value that is not a string is also stored, so that the parser of the bearer token rejects it.
 * @param message - The body of the returned request, if the given request has no body.
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
