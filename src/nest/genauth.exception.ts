import { HttpException, Logger } from '@nestjs/common';
import { type GenAuthError, SignInRejectedError } from '../core/errors.js';
import { describeAnswer } from '../core/sign-in/response.js';
import { getOwnCause } from '../web/operator-warning.js';
import type { Refusal, RefusalBody } from '../web/refusal.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

const logger = new Logger('GenAuth');

/**
 * What the guards and strategies throw in a Nest application: `getStatus()` and `getResponse()` are the answer, `cause` is for
 * the operator. The headers that belong to the answer (`www-authenticate`, `retry-after`, `cache-control`) are written already.
 */
export class GenAuthException extends HttpException {
  /** The stable code of the answer's body. */
  readonly code: string;
  declare readonly cause: GenAuthError;

  // Private: it may hold a token for the next step, and whoever logs the exception must not log that.
  readonly #body: RefusalBody;

  constructor({ body, status, error }: Refusal) {
    super(body.message, status, { cause: error });
    this.code = body.code;
    this.#body = body;
  }

  override getResponse(): RefusalBody {
    return this.#body;
  }
}

/** Tells the operator what the answer does not say. */
export function logRefusal({ action, error }: Refusal): void {
  if (action === 'error') logger.error(describe(error), getOwnCause(error)?.stack);
  // A request without a token is what every browser sends first: nothing to tell.
  else if (error.code !== 'token_missing') logger.debug(describe(error));
}

/** Tells the operator, and makes the exception. */
export function toException(refusal: Refusal): GenAuthException {
  logRefusal(refusal);
  return new GenAuthException(refusal);
}

/** The same in HTTP, where an answer has headers. */
export function toHttpException(refusal: Refusal, request: object): GenAuthException {
  writeHeaders(request, { ...refusal.headers, ...NO_STORE });
  return toException(refusal);
}

function describe(error: GenAuthError): string {
  return `${error.code}: ${error instanceof SignInRejectedError ? describeAnswer(error.outcome) : error.message}`;
}
