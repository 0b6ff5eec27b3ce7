import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { answerJson } from './answer-json.js';

/** An Express error handler, 4 or 5, without either's types. */
export type ErrorHandler = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Express error handler for bodies that cannot be read, to stand behind `express.json()`: answers 400 (or 413, 415) as the other
 * refusals. The parser's own error holds the whole body, a password with it, and Express would write it to the log.
 */
export const bodyErrorHandler: ErrorHandler = (error, _req, res, next) => {
  // http-errors of body-parser: https://expressjs.com/en/resources/middleware/body-parser.html#errors
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  if (typeof type !== 'string' || typeof status !== 'number' || status < 400 || status > 499) return next(error);
  const message = 'The body of the request cannot be read.';
  answerJson(res, { statusCode: status, error: STATUS_CODES[status] ?? '', message, code: 'invalid_request' }, {});
};
