import { inspect } from 'node:util';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  ConfigurationError,
  type GenAuthError,
  SignInRejectedError,
  type SignInRejection,
  TokenVerificationError,
  UpstreamError,
} from '../../src/index.js';
import { toException } from '../../src/nest/genauth.exception.js';
import { type Refusal, toRefusal } from '../../src/web/refusal.js';
import { MemoryLogger } from '../support/nest-app.js';

const logger = new MemoryLogger();
beforeEach(() => {
  Logger.overrideLogger(logger);
  logger.lines.length = 0;
});

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

const details = { token: 'access_token' } as const;
const cause = new Error('the vault is shut');
const FAULT = new ConfigurationError('app_secret_unavailable', 'why', { cause });
const GENAUTH_ANSWER = 'GenAuth answered statusCode 301, apiCode 1636, message "m", request ID "r"';
it.each<[title: string, error: GenAuthError, lines: unknown[]]>([
  ['the answer of GenAuth', rejected, [`debug mfa_required: ${GENAUTH_ANSWER} GenAuth`]],
  ['nothing without a token', new TokenVerificationError('token_missing', 'why', { details }), []],
  ['a fault with its stack', FAULT, [`error app_secret_unavailable: why ${cause.stack} GenAuth`]],
])('logs %s', (_title, error, lines) => {
  toException(refuse(error));
  expect(logger.lines).toEqual(lines);
});

it('logs an outage once a minute, with the number of lines that were left out', () => {
  const clock = jest.spyOn(performance, 'now').mockReturnValue(1e9);
  for (let i = 0; i < 5; i++) toException(refuse(new UpstreamError('upstream_timeout', `Request ${i}.`)));
  toException(refuse(new UpstreamError('upstream_unavailable', 'Another outage.')));
  clock.mockReturnValue(1e9 + 60_000);
  toException(refuse(new UpstreamError('upstream_timeout', 'Request 5.')));
  clock.mockRestore();
  expect(logger.lines).toEqual([
    'error upstream_timeout: Request 0. undefined GenAuth',
    'error upstream_unavailable: Another outage. undefined GenAuth',
    'error upstream_timeout: Request 5. (4 more since the last line) undefined GenAuth',
  ]);
});
