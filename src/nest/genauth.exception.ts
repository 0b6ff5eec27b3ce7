import { HttpException, Logger } from '@nestjs/common';
import { ConfigurationError, type GenAuthError, SignInRejectedError } from '../core/errors.js';
import { describeAnswer } from '../core/sign-in-response.js';
import type { Refusal } from '../passport/outcome.js';
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

  constructor({ body, status, error }: Refusal) {
    super(body, status, { cause: error });
    this.code = body.code;
    // What is sent to the person may hold a token for the next step; whoever logs the exception must not log it.
    Object.defineProperty(this, 'response', { enumerable: false });
  }
}

/** Writes the headers, tells the operator what the answer does not say, and makes the exception. */
export function toException(refusal: Refusal, request: object): GenAuthException {
  const { action, error, headers } = refusal;
  writeHeaders(request, { ...headers, ...NO_STORE });
  // Of a function of the application's own, only its error says what is wrong.
  const own = error instanceof ConfigurationError && error.cause instanceof Error ? error.cause.stack : undefined;
  if (action === 'error') logger.error(describe(error), own);
  // A request without a token is what every browser sends first: nothing to tell.
  else if (error.code !== 'token_missing') logger.debug(describe(error));
  return new GenAuthException(refusal);
}

function describe(error: GenAuthError): string {
  return `${error.code}: ${error instanceof SignInRejectedError ? describeAnswer(error.outcome) : error.message}`;
}
