import { inspect } from 'node:util';
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
import {
  ConfigurationError,
  type GenAuthError,
  RequestError,
  SignInRejectedError,
  type SignInRejection,
  TokenVerificationError,
  UpstreamError,
} from '../../src/index.js';
import { GenAuthException, toException } from '../../src/nest/genauth.exception.js';
import { logByNest } from '../../src/nest/nest-log.js';
import { type Refusal, toRefusal } from '../../src/web/refusal.js';
import { MemoryLogger } from '../support/nest-app.js';

const refuse = (error: GenAuthError): Refusal =>
  toRefusal(error, { options: { language: 'en', exposeReasons: false }, acceptLanguage: undefined }) as Refusal;
const ANSWER = { statusCode: 301, apiCode: 1636, message: 'm', requestId: 'r' };
const MFA: SignInRejection = { ...ANSWER, kind: 'mfa_required', mfaToken: 'canary-token', applicationMfa: [] };
const rejected = new SignInRejectedError(MFA, 403, 'text for the end user');

it('has the facts of the refusal, but does not show the token of the next step in a log', () => {
  const refusal = refuse(rejected);
  const exception = toException(refusal);
  expect(exception.getStatus()).toBe(403);
  expect(exception.getResponse()).toBe(refusal.body);
  expect(exception).toMatchObject({ code: 'mfa_required', cause: rejected, message: refusal.body.message });
  const texts = [inspect(exception, { depth: 9, showHidden: true }), JSON.stringify(exception), String(exception)];
  expect(texts.join()).not.toContain('canary-token');
});

it.each<[status: number, error: GenAuthError, type: unknown]>([
  [400, new RequestError('why'), BadRequestException],
  [401, new TokenVerificationError('token_expired', 'why'), UnauthorizedException],
  [403, rejected, ForbiddenException],
  [
    429,
    new SignInRejectedError({ ...ANSWER, kind: 'rate_limited', retryAfter: undefined }, 429, 'text'),
    HttpException,
  ],
  [500, new ConfigurationError('invalid_options', 'why'), InternalServerErrorException],
  [502, new UpstreamError('upstream_invalid_response', 'why'), BadGatewayException],
  [503, new UpstreamError('upstream_timeout', 'why'), ServiceUnavailableException],
])('with status %i it is an instance of the class of Nest', (status, error, type) => {
  const exception = toException(refuse(error));
  expect(exception).toBeInstanceOf(type);
  expect(exception).toBeInstanceOf(GenAuthException);
  expect([exception.getStatus(), exception.name]).toEqual([status, 'GenAuthException']);
  expect(new UnauthorizedException()).not.toBeInstanceOf(GenAuthException);
  abstract class LoginRequired extends GenAuthException {}
  expect(exception).not.toBeInstanceOf(LoginRequired);
  expect(Object.create(LoginRequired.prototype)).toBeInstanceOf(LoginRequired);
});

it('the default of the option log in Nest writes the lines with the stack of the cause', () => {
  const logger = new MemoryLogger();
  Logger.overrideLogger(logger);
  const cause = new Error('the vault is shut');
  const details = { name: 'n', status: 500, code: 'c', reason: 'r', route: undefined };
  logByNest('error', 'text', { ...details, cause });
  logByNest('debug', 'other text', { ...details, cause: undefined });
  expect(logger.lines).toEqual([`error text ${cause.stack} GenAuth`, 'debug other text GenAuth']);
});
