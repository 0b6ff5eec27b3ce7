import {
  BadGatewayException,
  BadRequestException,
  ForbiddenException,
  HttpException,
  InternalServerErrorException,
  Logger,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import { ConfigurationError, type GenAuthError, SignInRejectedError, UpstreamError } from '../core/errors.js';
import { describeAnswer } from '../core/sign-in/response.js';
import { getOwnCause, limitLine } from '../web/operator-warning.js';
import type { Refusal, RefusalBody, RefusalCode } from '../web/refusal.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

const logger = new Logger('GenAuth');

/** Nest's exception class of each HTTP status of a refusal. Nest has no class for the other statuses, such as 429. */
const CLASSES = {
  400: BadRequestException,
  401: UnauthorizedException,
  403: ForbiddenException,
  500: InternalServerErrorException,
  502: BadGatewayException,
  503: ServiceUnavailableException,
};

/** The exceptions that {@link toException} has built. */
const exceptions = new WeakSet<object>();

/**
 * The exception that the guards and strategies of this module throw if they refuse a request. It is also an instance of
 * Nest's class of its HTTP status, for example of `UnauthorizedException`, so `@Catch(UnauthorizedException)` receives
 * it. `getStatus()` returns the HTTP status and `getResponse()` the JSON body for the caller. Before the guard throws in
 * an HTTP context, it writes the response headers `WWW-Authenticate`, `Retry-After` and `Cache-Control`.
 */
export abstract class GenAuthException extends HttpException {
  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && exceptions.has(value);
  }

  /** The member `code` of the response body. Programs can compare it, because it does not change. */
  abstract readonly code: RefusalCode;
  /** The error that caused the refusal, for the operator's log. */
  declare readonly cause: GenAuthError;
  /** Returns the JSON body of the response. */
  abstract override getResponse(): RefusalBody;
}

/**
 * Builds an exception of Nest's class of the HTTP status. The property `response` of the exception has no token for the
 * next step of the sign-in, because a log line of the exception can contain it. Only `getResponse()` returns the whole
 * body.
 */
function buildException({ body, status, error }: Refusal): GenAuthException {
  const { statusCode, error: phrase, message, code } = body;
  const [response, options] = [{ statusCode, error: phrase, message, code }, { cause: error }];
  const Class = CLASSES[status as keyof typeof CLASSES] as (typeof CLASSES)[401] | undefined;
  const exception = Class === undefined ? new HttpException(response, status, options) : new Class(response, options);
  exceptions.add(exception);
  Object.defineProperty(exception, 'getResponse', { value: () => body });
  return Object.assign(exception as GenAuthException, { name: 'GenAuthException', code });
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
  return buildException(refusal);
}

/** Writes the headers of the refusal on the HTTP response, logs the refusal and builds the exception for it. */
export function toHttpException(refusal: Refusal, request: object): GenAuthException {
  writeHeaders(request, { ...refusal.headers, ...NO_STORE }, refusal.status);
  return toException(refusal);
}

function describe(error: GenAuthError): string {
  return `${error.code}: ${error instanceof SignInRejectedError ? describeAnswer(error.outcome) : error.message}`;
}
