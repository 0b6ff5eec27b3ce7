import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { GenAuthClient } from '../core/client.js';
import { answerJson } from './answer-json.js';
import { warnOperator } from '../web/operator-warning.js';
import { toRefusal } from '../web/refusal.js';

/** An Express error handler, 4 or 5, without either's types. */
export type ErrorHandler = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Express error handler, to stand behind the routes: answers what this library throws as the strategies and `requireAuth` do, and
 * bodies that cannot be read with 400 (or 413, 415). The parser's own error holds the whole body, a password with it, and Express
 * would write it to the log. All other errors go on.
 *
 * @param client - Whose option `language` counts. Default: by `Accept-Language`.
 */
export function genAuthErrorHandler(client?: Pick<GenAuthClient<string>, 'options'>): ErrorHandler {
  const { language, exposeReasons = false, name = 'passport-genauth' } = client?.options ?? {};
  return (error, req, res, next) => {
    // http-errors of body-parser: https://expressjs.com/en/resources/middleware/body-parser.html#errors
    const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
    if (typeof type === 'string' && typeof status === 'number' && status >= 400 && status <= 499) {
      const message = 'The body of the request cannot be read.';
      const body = { statusCode: status, error: STATUS_CODES[status] ?? '', message, code: 'invalid_request' };
      return answerJson(res, body, {});
    }
    const context = { options: { language, exposeReasons }, acceptLanguage: req.headers['accept-language'] };
    const refusal = toRefusal(error, context);
    if (refusal === undefined) return next(error);
    warnOperator(name, refusal);
    return answerJson(res, refusal.body, refusal.headers);
  };
}
