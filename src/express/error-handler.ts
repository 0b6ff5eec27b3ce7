import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GenAuthClient } from '../core/client.js';
import { buildOptionError } from '../core/errors.js';
import { isRecord } from '../core/util/record.js';
import { describeArgument, expectCalled } from '../web/describe-argument.js';
import { answerJson } from './answer-json.js';
import { toRefusal } from '../web/refusal.js';
import { reportRefusal } from '../web/report-refusal.js';
import { toUnreadableBodyRefusal } from '../web/unreadable-body.js';

/** An error handler for Express 4 and 5. This type does not import types of Express. */
export type ErrorHandler = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Creates an Express error handler. Register the error handler after all routes of the Express application. For errors
 * of passport-genauth it sends the same JSON responses as `signInHandler` and `requireAuth`. It passes other errors to
 * `next`.
 *
 * The error handler also answers errors of body-parser. The response has the code `invalid_request` and the HTTP status
 * of the error: 400 for JSON that cannot be parsed, 413 or 415. Without this error handler Express logs the error of
 * body-parser, and the log then contains the whole request body with the password.
 *
 * @param client - The client whose options `language`, `exposeReasons`, `name` and `log` are used. Without a client the
 * text is in the language of the request's header `Accept-Language`, the response gives no reasons, and warnings begin
 * with `passport-genauth`.
 * @throws ConfigurationError if `client` is given and is not a client.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { GenAuthClient, genAuthErrorHandler } from 'passport-genauth';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 * });
 * const app = express().use(express.json());
 * app.get('/captcha', async (_req, res) => void res.json(await client.getCaptcha()));
 * app.use(genAuthErrorHandler(client));
 * ```
 */
export function genAuthErrorHandler(client?: Pick<GenAuthClient<string>, 'options'>): ErrorHandler {
  const line = 'app.use(genAuthErrorHandler(client)) behind all routes';
  expectCalled('genAuthErrorHandler', line, client);
  if (client !== undefined && !isRecord((client as Partial<typeof client> | null)?.options)) {
    const problem = `got ${describeArgument(client)} in place of a client`;
    throw buildOptionError({ option: 'genAuthErrorHandler', problem, fix: `write ${line}` });
  }
  const { language, exposeReasons = false } = client?.options ?? {};
  return (error, req, res, next) => {
    const unreadable = toUnreadableBodyRefusal(error);
    if (unreadable !== undefined) {
      reportRefusal(unreadable, client?.options ?? {}, req);
      return answerJson(res, unreadable.body, {});
    }
    const context = { options: { language, exposeReasons }, acceptLanguage: req.headers['accept-language'] };
    const refusal = toRefusal(error, context);
    if (refusal === undefined) return next(error);
    reportRefusal(refusal, client?.options ?? {}, req);
    return answerJson(res, refusal.body, refusal.headers);
  };
}
