import { HttpException, Logger } from '@nestjs/common';
import { type GenAuthError, SignInRejectedError } from '../core/errors.js';
import { describeAnswer } from '../core/sign-in/response.js';
import { getOwnCause } from '../web/operator-warning.js';
import type { Refusal, RefusalBody } from '../web/refusal.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

const logger = new Logger('GenAuth');

/**
 * The exception of the guards and strategies. `getStatus()` and `getResponse()` are the response for the caller,
 * `cause` is for the operator. In HTTP the headers of the response (`www-authenticate`, `retry-after`, `cache-control`)
 * are written before the exception is thrown.
 */
export class GenAuthException extends HttpException {
  /** The stable `code` of the response's body. */
  readonly code: string;
  declare readonly cause: GenAuthError;

  // Private: the body may hold a token for the next step of the sign-in, which a logged exception must not show.
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

/** Logs what the response does not say: faults as errors, refusals as debug lines. */
export function logRefusal({ action, error }: Refusal): void {
  if (action === 'error') logger.error(describe(error), getOwnCause(error)?.stack);
  // A request without a token is normal, because a client may try before it signs in.
  else if (error.code !== 'token_missing') logger.debug(describe(error));
}

/** Logs the refusal and builds the exception. */
export function toException(refusal: Refusal): GenAuthException {
  logRefusal(refusal);
  return new GenAuthException(refusal);
}

/** As {@link toException}, and writes the headers of the HTTP response. */
export function toHttpException(refusal: Refusal, request: object): GenAuthException {
  writeHeaders(request, { ...refusal.headers, ...NO_STORE });
  return toException(refusal);
}

function describe(error: GenAuthError): string {
  return `${error.code}: ${error instanceof SignInRejectedError ? describeAnswer(error.outcome) : error.message}`;
}
