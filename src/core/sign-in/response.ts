import { ConfigurationError, UpstreamError } from '../errors.js';
import type { HttpAnswer } from '../http/http.js';
import { isDown, toUpstreamError } from '../http/upstream.js';
import { quote } from '../util/quote.js';
import { PATHS } from '../wire/facts.js';
import {
  type Envelope,
  type SignedInTokens,
  type UnverifiedTokens,
  parseEnvelope,
  parseOidcError,
  parseRejectionData,
  parseTokens,
} from '../wire/parse.js';
import {
  CLIENT_REFUSED,
  DECRYPTION_FAILED,
  KINDS,
  OPERATOR_FAULTS,
  type OperatorFault,
  PLAN_EXHAUSTED,
} from './api-codes.js';
import type { SignInAnswer, SignInRejection } from './outcome.js';

const REQUEST = `POST ${PATHS.signIn}`;

/**
 * GenAuth's answer to a sign-in: the tokens, which are not verified yet, or the outcome of a sign-in without tokens.
 */
export type ParsedSignIn = { envelope: Envelope; tokens: SignedInTokens } | SignInRejection;

/**
 * Parses GenAuth's answer to a sign-in. If the body is GenAuth's JSON envelope, the body decides the result, because
 * the HTTP status is 200 for nearly all answers. If the body is not an envelope, the HTTP status decides the result.
 * Only an answer with `statusCode` 200, an id_token and an access token is a success.
 *
 * @throws UpstreamError if GenAuth is down, or if GenAuth's answer cannot be used.
 * @throws ConfigurationError if GenAuth's answer reports wrong configuration, for example a wrong application secret.
 */
export function parseSignInResponse(answer: HttpAnswer): ParsedSignIn {
  const envelope = parseEnvelope(answer.body);
  if (envelope === undefined) return parseAnswerWithoutEnvelope(answer);
  if (envelope.statusCode !== 200) return toRejection(envelope, answer);
  const tokens = parseTokens(envelope.data);
  if (isComplete(tokens)) return { envelope, tokens };
  const { idToken } = tokens;
  throw new UpstreamError(
    'upstream_invalid_response',
    `GenAuth reported a successful sign-in but sent no ${idToken === undefined ? 'id_token' : 'access_token'}: ` +
      `ask GenAuth's support (${describeRequestId(envelope.requestId)}).`,
    { answer: envelope, details: { request: REQUEST, httpStatus: answer.status } },
  );
}

function isComplete(tokens: UnverifiedTokens): tokens is SignedInTokens {
  return tokens.idToken !== undefined && tokens.accessToken !== undefined;
}

/** Describes GenAuth's answer in one line, for the operator. */
export function describeAnswer({ statusCode, apiCode, message, requestId }: SignInAnswer): string {
  // GenAuth was not asked, or sent no answer.
  if (statusCode === 0) return message;
  const code = apiCode === undefined ? 'no apiCode' : `apiCode ${apiCode}`;
  const request = describeRequestId(requestId);
  return `GenAuth answered statusCode ${statusCode}, ${code}, message ${quote(message)}, ${request}`;
}

function describeRequestId(requestId: string | undefined): string {
  return requestId === undefined ? 'no request ID' : `request ID ${quote(requestId)}`;
}

/**
 * Parses an answer whose body is not GenAuth's JSON envelope. The answer comes from a gateway, or it is an OAuth error.
 */
function parseAnswerWithoutEnvelope({ status, body, retryAfter }: HttpAnswer): SignInRejection {
  // GenAuth's OIDC endpoints send errors in the OAuth form (RFC 6749 §5.2). The answer to a sign-in can have this form
  // too.
  if (parseOidcError(body) === 'invalid_client') {
    throw new ConfigurationError(CLIENT_REFUSED[0], `${CLIENT_REFUSED[1]} (invalid_client).`);
  }
  if (status === 429) {
    return { kind: 'rate_limited', statusCode: 429, apiCode: undefined, requestId: undefined, message: '', retryAfter };
  }
  throw toUpstreamError({ request: REQUEST, status, retryAfter }, (decisive) =>
    decisive.isDown
      ? `GenAuth's gateway answered HTTP ${status}.`
      : `The sign-in was answered with HTTP ${status} and without GenAuth's JSON: compare appHost with the console.`,
  );
}

/**
 * Converts the answer to a sign-in that did not succeed to an outcome. The `apiCode` decides the outcome if it is
 * known, otherwise the `statusCode` in the body decides the outcome.
 */
function toRejection(envelope: Envelope, http: HttpAnswer): SignInRejection {
  const { statusCode, apiCode, message, requestId, data } = envelope;
  const answer: SignInAnswer = { statusCode, apiCode, message, requestId };
  const kind = apiCode === undefined ? undefined : KINDS[apiCode];
  if (kind === undefined) throwIfNotUserFault(answer, http);
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

/**
 * Throws a `ConfigurationError` if the answer reports wrong configuration, or an `UpstreamError` if it reports a
 * failure of GenAuth.
 */
function throwIfNotUserFault(answer: SignInAnswer, { status, retryAfter }: HttpAnswer): void {
  const { statusCode, apiCode } = answer;
  const description = describeAnswer(answer);
  const fault = findOperatorFault(answer);
  if (fault !== undefined) throw new ConfigurationError(fault[0], `${fault[1]} (${description}).`, { answer });
  // `statusCode` 408 in the body: the tenant's user directory did not answer GenAuth in time. `statusCode` 6xx: another
  // service that GenAuth called has failed. `statusCode` 429 is the outcome `rate_limited`, not an error. `apiCode`
  // 1000 is a failure of GenAuth itself, with any `statusCode`.
  const decisive = apiCode === 1000 ? 500 : statusCode;
  if (decisive !== 429 && isDown(decisive)) {
    throw toUpstreamError(
      { request: REQUEST, status, statusCode: decisive, retryAfter, answer },
      () => `The sign-in could not be completed: ${description}.`,
    );
  }
}

/** The message of older tenants after a failed decryption. Their answer has `statusCode` 499 and no `apiCode`. */
const DECRYPTION_MESSAGE = /解密|decrypt/i;

function findOperatorFault({ statusCode, apiCode, message }: SignInAnswer): OperatorFault | undefined {
  const fault = apiCode === undefined ? undefined : OPERATOR_FAULTS[apiCode];
  if (fault !== undefined) return fault;
  if (statusCode === 401 && apiCode === undefined) return CLIENT_REFUSED;
  if (statusCode === 499 && apiCode === undefined && DECRYPTION_MESSAGE.test(message)) return DECRYPTION_FAILED;
  return statusCode === 402 ? PLAN_EXHAUSTED : undefined;
}
