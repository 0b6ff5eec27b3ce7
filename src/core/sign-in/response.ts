import { ConfigurationError, UpstreamError } from '../errors.js';
import type { HttpAnswer } from '../http/http.js';
import { isDown, toUpstreamError } from '../http/upstream.js';
import { quote } from '../util/quote.js';
import { PATHS } from '../wire/facts.js';
import {
  type Envelope,
  type SignedInTokens,
  parseEnvelope,
  parseOidcError,
  parseRejectionData,
  parseTokens,
} from '../wire/parse.js';
import { CLIENT_REFUSED, KINDS, OPERATOR_FAULTS, type OperatorFault, PLAN_EXHAUSTED } from './api-codes.js';
import type { SignInAnswer, SignInRejection } from './outcome.js';

const REQUEST = `POST ${PATHS.signIn}`;

/** GenAuth's answer before anything in it is verified: the tokens, or the reason why there are none. */
export type ParsedSignIn = { envelope: Envelope; tokens: SignedInTokens } | SignInRejection;

/**
 * Reads the answer: by the body first, since its HTTP status is 200 for nearly everything, then by the HTTP status. Only
 * `statusCode` 200 with both tokens is success.
 *
 * @throws UpstreamError where GenAuth is down or answers what cannot be used.
 * @throws ConfigurationError where it refuses the application itself.
 */
export function parseSignInResponse(answer: HttpAnswer): ParsedSignIn {
  const envelope = parseEnvelope(answer.body);
  if (envelope === undefined) return parseForeignAnswer(answer);
  if (envelope.statusCode !== 200) return toRejection(envelope, answer);
  const { idToken, accessToken, ...rest } = parseTokens(envelope.data);
  if (idToken !== undefined && accessToken !== undefined)
    return { envelope, tokens: { ...rest, idToken, accessToken } };
  throw new UpstreamError(
    'upstream_invalid_response',
    `GenAuth answered a sign-in with success and without ${idToken === undefined ? 'an id_token' : 'an access_token'} ` +
      `(request ${quote(envelope.requestId ?? '-')}).`,
    { answer: envelope, details: { request: REQUEST, httpStatus: answer.status } },
  );
}

/** What GenAuth said, in one line for the operator. */
export function describeAnswer({ statusCode, apiCode, message, requestId }: SignInAnswer): string {
  return `GenAuth answered ${statusCode}/${apiCode ?? '-'} ${quote(message)}, request ${quote(requestId ?? '-')}`;
}

/** An answer without GenAuth's envelope comes from something in between. */
function parseForeignAnswer({ status, body, retryAfter }: HttpAnswer): SignInRejection {
  // As OAuth has it (RFC 6749 §5.2), which GenAuth's other endpoints speak.
  if (parseOidcError(body) === 'invalid_client')
    throw new ConfigurationError(CLIENT_REFUSED[0], `${CLIENT_REFUSED[1]} (invalid_client).`);
  if (status === 429) {
    return { kind: 'rate_limited', statusCode: 429, apiCode: undefined, requestId: undefined, message: '', retryAfter };
  }
  throw toUpstreamError({ request: REQUEST, status, retryAfter }, (decisive) =>
    decisive.isDown
      ? `GenAuth's gateway answered HTTP ${status}.`
      : `The sign-in was answered with HTTP ${status} and without GenAuth's JSON: is appHost the application's address?`,
  );
}

/** By the code first, then by the class of `statusCode`. */
function toRejection(envelope: Envelope, http: HttpAnswer): SignInRejection {
  const { statusCode, apiCode, message, requestId, data } = envelope;
  const answer: SignInAnswer = { statusCode, apiCode, message, requestId };
  const kind = apiCode === undefined ? undefined : KINDS[apiCode];
  if (kind === undefined) throwForeignFault(answer, http);
  const { retryAfter } = http;
  const { remainingAttempts, mfaToken, applicationMfa, flowToken } = parseRejectionData(data);
  switch (kind) {
    case 'invalid_credentials':
      return { ...answer, kind, remainingAttempts };
    case 'mfa_required':
      return { ...answer, kind, mfaToken, applicationMfa };
    case 'password_change_required':
    case 'identity_binding_required':
    case 'profile_completion_required':
      return { ...answer, kind, flowToken };
    case 'captcha_required':
    case 'account_locked':
    case 'access_denied':
      return { ...answer, kind };
    case 'rate_limited':
      return { ...answer, kind, retryAfter };
    default:
      if (statusCode === 429) return { ...answer, kind: 'rate_limited', retryAfter };
      return { ...answer, kind: 'rejected', furtherStep: statusCode >= 300 && statusCode < 400 };
  }
}

/** What is not the person's matter. */
function throwForeignFault(answer: SignInAnswer, { status, retryAfter }: HttpAnswer): void {
  const { statusCode, apiCode } = answer;
  const said = describeAnswer(answer);
  const fault = findOperatorFault(answer);
  if (fault !== undefined) throw new ConfigurationError(fault[0], `${fault[1]} (${said}).`, { answer });
  // 408: the directory behind GenAuth did not answer in time. 6xx: something that GenAuth itself had to ask. 429 is an
  // outcome. apiCode 1000 is a fault of GenAuth's own, whatever the status.
  const decisive = apiCode === 1000 ? 500 : statusCode;
  if (decisive !== 429 && isDown(decisive)) {
    throw toUpstreamError(
      { request: REQUEST, status, statusCode: decisive, retryAfter, answer },
      () => `The sign-in could not be completed: ${said}.`,
    );
  }
}

function findOperatorFault({ statusCode, apiCode }: SignInAnswer): OperatorFault | undefined {
  const fault = apiCode === undefined ? undefined : OPERATOR_FAULTS[apiCode];
  if (fault !== undefined) return fault;
  if (statusCode === 401 && apiCode === undefined) return CLIENT_REFUSED;
  return statusCode === 402 ? PLAN_EXHAUSTED : undefined;
}
