import { STATUS_CODES } from 'node:http';
import { RequestError } from '../core/errors.js';
import type { Refusal } from './refusal.js';

/**
 * The values of `type` on the errors of body-parser that a client can cause
 * (https://expressjs.com/en/resources/middleware/body-parser.html#errors).
 */
const BODY_ERRORS: ReadonlySet<unknown> = new Set([
  'charset.unsupported',
  'encoding.unsupported',
  'entity.parse.failed',
  'entity.too.large',
  'entity.verify.failed',
  'parameters.too.many',
  'querystring.parse.rangeError',
  'request.aborted',
  'request.size.invalid',
]);

/** The text of the response to a request whose body cannot be read. It contains no part of the body. */
export const UNREADABLE_BODY = 'The body of the request cannot be read.';

/**
 * Returns the response to an error of body-parser. The response has the code `invalid_request` and the HTTP status of
 * the error, for example 400, 413 or 415. It contains no text of the error: if a body is not JSON, the error quotes the
 * body, and the body of a login request contains the password.
 *
 * @returns The response, or `undefined` if the client did not cause the error, or if it is another error.
 */
export function toUnreadableBodyRefusal(error: unknown): Refusal | undefined {
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  if (!BODY_ERRORS.has(type) || typeof status !== 'number' || status < 400 || status > 499) return undefined;
  const code = 'invalid_request';
  const body = { statusCode: status, error: STATUS_CODES[status] ?? '', message: UNREADABLE_BODY, code } as const;
  return { action: 'fail', status, headers: {}, body, error: new RequestError(`${UNREADABLE_BODY} (${String(type)})`) };
}
