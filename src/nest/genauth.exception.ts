import { HttpException, Logger } from '@nestjs/common';
import { type GenAuthError, SignInRejectedError, quote } from '../core/errors.js';
import type { Refusal } from '../passport/outcome.js';

const logger = new Logger('GenAuth');

/**
 * What the guards and strategies throw in a Nest application: `getStatus()` and `getResponse()` are the answer,
 * `headers` belong to it (`www-authenticate`, `retry-after`), `cause` is for the operator.
 */
export class GenAuthException extends HttpException {
  readonly headers: Readonly<Record<string, string>>;
  /** The stable code of the answer's body. */
  readonly code: string;
  declare readonly cause: GenAuthError;

  constructor(refusal: Refusal) {
    super(refusal.body, refusal.status, { cause: refusal.error });
    this.headers = refusal.headers;
    this.code = refusal.body.code;
  }
}

/** Makes the exception, and tells the operator what the answer does not say. */
export function toException(refusal: Refusal): GenAuthException {
  const { error } = refusal;
  if (refusal.action === 'error')
    logger.error(describe(error), error.cause instanceof Error ? error.cause.stack : undefined);
  // A request without a token is what every browser sends first: nothing to tell.
  else if (error.code !== 'token_missing') logger.debug(describe(error));
  return new GenAuthException(refusal);
}

function describe(error: GenAuthError): string {
  if (!(error instanceof SignInRejectedError)) return `${error.code}: ${error.message}`;
  const { statusCode, apiCode, message, requestId } = error.outcome;
  return `${error.code}: GenAuth answered ${statusCode}/${apiCode ?? '-'} ${quote(message)}, request ${quote(requestId ?? '-')}`;
}
