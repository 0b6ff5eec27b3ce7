import { type ArgumentsHost, Catch } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { GenAuthException } from './genauth.exception.js';

interface HeaderWriter {
  header(name: string, value: string): unknown;
}

/** Writes the headers of a refusal. Express's response and Fastify's reply have the same method for it. */
export function writeHeaders(response: HeaderWriter, exception: GenAuthException): void {
  for (const [name, value] of Object.entries(exception.headers)) response.header(name, value);
}

/**
 * Adds the headers where `AuthGuard` of @nestjs/passport is used as it is: it hands on the exception, and has no place for
 * headers.
 */
@Catch(GenAuthException)
export class GenAuthExceptionFilter extends BaseExceptionFilter {
  override catch(exception: GenAuthException, host: ArgumentsHost): void {
    if (host.getType() === 'http') writeHeaders(host.switchToHttp().getResponse<HeaderWriter>(), exception);
    super.catch(exception, host);
  }
}
