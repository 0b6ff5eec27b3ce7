import { HttpException, Logger } from '@nestjs/common';
import { ConfigurationError, type GenAuthError, SignInRejectedError, UpstreamError } from '../core/errors.js';
import { describeAnswer } from '../core/sign-in/response.js';
import { getOwnCause, limitLine } from '../web/operator-warning.js';
import type { Refusal, RefusalBody } from '../web/refusal.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

const logger = new Logger('GenAuth');

/**
 * The exception that the guards and strategies of this module throw if they refuse a request. `getStatus()` returns the
 * HTTP status and `getResponse()` the JSON body for the caller. Before the guard throws in an HTTP context, it writes
 * the response headers `WWW-Authenticate`, `Retry-After` and `Cache-Control`.
 */
export class GenAuthException extends HttpException {
  /** The member `code` of the response body. Programs can compare it, because it does not change. */
  readonly code: string;
  /** The error that caused the refusal, for the operator's log. */
  declare readonly cause: GenAuthError;

  // The field is private, because the body can contain a token for the next step of the sign-in. A log line of the
  // exception must not show this token.
  readonly #body: RefusalBody;

  constructor({ body, status, error }: Refusal) {
    super(body.message, status, { cause: error });
    this.code = body.code;
    this.#body = body;
  }

  /** Returns the JSON body of the response. */
  override getResponse(): RefusalBody {
    return this.#body;
  }
}

/**
 * Logs the error that caused a refusal, because the response does not show it. If the configuration is wrong, or
 * GenAuth or the network failed, the log level is error, and equal lines are written at most once a minute, with the
 * number of lines that were left out. For all other refusals the log level is debug.
 */
export function logRefusal({ action, error }: Refusal): void {
  if (action === 'error') {
    // A message with an answer of GenAuth differs from request to request, because it names the request.
    const isAnswer = error instanceof UpstreamError || (error instanceof ConfigurationError && error.answer);
    const more = limitLine(`nest ${isAnswer ? error.code : describe(error)}`);
    if (more !== undefined) logger.error(describe(error) + more, getOwnCause(error)?.stack);
  }
  // A request without an access token is not logged, because a client may send requests before its user signs in.
  else if (error.code !== 'token_missing') logger.debug(describe(error));
}

/** Logs a refusal and builds the exception for it. */
export function toException(refusal: Refusal): GenAuthException {
  logRefusal(refusal);
  return new GenAuthException(refusal);
}

/** Writes the headers of the refusal on the HTTP response, logs the refusal and builds the exception for it. */
export function toHttpException(refusal: Refusal, request: object): GenAuthException {
  writeHeaders(request, { ...refusal.headers, ...NO_STORE }, refusal.status);
  return toException(refusal);
}

function describe(error: GenAuthError): string {
  return `${error.code}: ${error instanceof SignInRejectedError ? describeAnswer(error.outcome) : error.message}`;
}
