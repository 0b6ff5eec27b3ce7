import {
  BadGatewayException,
  BadRequestException,
  ForbiddenException,
  HttpException,
  InternalServerErrorException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import type { GenAuthError } from '../core/errors.js';
import { isRecord } from '../core/util/record.js';
import type { Refusal, RefusalBody, RefusalCode } from '../web/refusal.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

/** Nest's exception class of each HTTP status of a refusal. Nest has no class for the other statuses, such as 429. */
const CLASSES = {
  400: BadRequestException,
  401: UnauthorizedException,
  403: ForbiddenException,
  500: InternalServerErrorException,
  502: BadGatewayException,
  503: ServiceUnavailableException,
};

/** Property of the exceptions of every copy of passport-genauth in a process. */
const IS_EXCEPTION = Symbol.for('passport-genauth: exception');
type Marked = { readonly [IS_EXCEPTION]?: unknown };
/**
 * The exception that the guards and strategies of this module throw if they refuse a request. It is also an instance of
 * Nest's class of its HTTP status, for example of `UnauthorizedException`, so `@Catch(UnauthorizedException)` gets it.
 * `getStatus()` returns the HTTP status and `getResponse()` the JSON body for the caller. Before the guard throws in
 * an HTTP context, it writes the response headers `WWW-Authenticate`, `Retry-After` and `Cache-Control`.
 */
export abstract class GenAuthException extends HttpException {
  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    return this === GenAuthException && isRecord(value) && (value as Marked)[IS_EXCEPTION] === true;
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
export function toException({ body, status, error }: Refusal): GenAuthException {
  const { statusCode, error: phrase, message, code } = body;
  const [response, options] = [{ statusCode, error: phrase, message, code }, { cause: error }];
  const Class = CLASSES[status as keyof typeof CLASSES] as (typeof CLASSES)[401] | undefined;
  const exception = Class === undefined ? new HttpException(response, status, options) : new Class(response, options);
  Object.defineProperty(exception, IS_EXCEPTION, { value: true });
  Object.defineProperty(exception, 'getResponse', { value: () => body });
  return Object.assign(exception as GenAuthException, { name: 'GenAuthException', code });
}

/** Writes the headers of the refusal on the HTTP response, and builds the exception for it. */
export function toHttpException(refusal: Refusal, request: object): GenAuthException {
  writeHeaders(request, { ...refusal.headers, ...NO_STORE }, refusal.status);
  return toException(refusal);
}
