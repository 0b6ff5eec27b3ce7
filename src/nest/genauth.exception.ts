import { HttpException, Logger } from '@nestjs/common';
import { type GenAuthError, SignInRejectedError } from '../core/errors.js';
import { describeAnswer } from '../core/sign-in/response.js';
import { getOwnCause } from '../web/operator-warning.js';
import type { Refusal, RefusalBody } from '../web/refusal.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

const logger = new Logger('GenAuth');

/**
 * The exception that the guards and strategies throw if they refuse a request. `getStatus()` returns the HTTP status
 * and `getResponse()` the JSON body for the caller. In HTTP the guard has already written the response headers
 * (`WWW-Authenticate`, `Retry-After`, `Cache-Control`).
 */
export class GenAuthException extends HttpException {
  /** The stable `code` of the response body. */
  readonly code: string;
  /** The error behind the refusal, for the operator's log. */
  declare readonly cause: GenAuthError;

  // Private, because the body can hold a token for the next step of the sign-in. A logged exception must not show it.
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
 * Logs the error behind a refusal, which the response does not show. Faults of the application, GenAuth or the network
 * are logged as errors, all other refusals as debug lines.
 */
export function logRefusal({ action, error }: Refusal): void {
  if (action === 'error') logger.error(describe(error), getOwnCause(error)?.stack);
  // A request without a token is not logged, because a client may send one before it signs in.
  else if (error.code !== 'token_missing') logger.debug(describe(error));
}

/** Logs a refusal and builds its exception. */
export function toException(refusal: Refusal): GenAuthException {
  logRefusal(refusal);
  return new GenAuthException(refusal);
}

/** Writes the headers of the HTTP response, logs the refusal and builds its exception. */
export function toHttpException(refusal: Refusal, request: object): GenAuthException {
  writeHeaders(request, { ...refusal.headers, ...NO_STORE });
  return toException(refusal);
}

function describe(error: GenAuthError): string {
  return `${error.code}: ${error instanceof SignInRejectedError ? describeAnswer(error.outcome) : error.message}`;
}
