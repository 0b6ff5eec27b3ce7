import { ConfigurationError, type ConfigurationErrorCode, UpstreamError } from '../errors.js';
import { quote } from '../util/quote.js';
import type { HttpAnswer } from '../http/http.js';
import type { SignInAnswer, SignInRejection } from './outcome.js';
import {
  type Envelope,
  type UnverifiedTokens,
  parseEnvelope,
  parseOidcError,
  parseRejectionData,
  parseTokens,
} from '../wire/parse.js';

type Kind = SignInRejection['kind'];

/**
 * GenAuth's codes for the cause (error page; codes seen in its own front end), as the kind of step that they ask for. Several
 * names for one thing, such as 2333, 2004 and 2006, are one kind. Codes that mean different things in different places, such as
 * 2021, have none.
 */
const KINDS: Readonly<Record<number, Kind>> = {
  1001: 'access_denied',
  1002: 'rate_limited',
  1108: 'profile_completion_required',
  1576: 'access_denied',
  1577: 'access_denied',
  1578: 'access_denied',
  1635: 'mfa_required',
  1636: 'mfa_required',
  1639: 'password_change_required',
  1640: 'identity_binding_required',
  1641: 'identity_binding_required',
  1642: 'profile_completion_required',
  1643: 'account_locked',
  1645: 'profile_completion_required',
  1666: 'identity_binding_required',
  2000: 'captcha_required',
  2001: 'captcha_required',
  2004: 'invalid_credentials',
  2005: 'account_locked',
  2006: 'invalid_credentials',
  2027: 'invalid_credentials',
  2031: 'access_denied',
  2042: 'access_denied',
  2057: 'account_locked',
  2058: 'password_change_required',
  2061: 'password_change_required',
  2071: 'password_change_required',
  2100: 'rate_limited',
  2333: 'invalid_credentials',
  2120008: 'access_denied',
  2130010: 'access_denied',
};

type OperatorFault = readonly [code: ConfigurationErrorCode, mend: string];
const APP_NOT_FOUND: OperatorFault = [
  'app_not_found',
  'GenAuth does not know this application: check appId and appHost against the console',
];
const PLAN_EXHAUSTED: OperatorFault = [
  'plan_exhausted',
  "The tenant's plan is exhausted: see the console's billing page",
];
const CLIENT_REFUSED: OperatorFault = [
  'client_authentication_failed',
  'GenAuth refused the application itself: check appSecret, and tokenEndpointAuthMethod against the console, application → ' +
    'configuration → token-exchange authentication method',
];
/** What is the operator's to mend, by GenAuth's code: our error's code, and what to do. */
const OPERATOR_FAULTS: Readonly<Record<number, OperatorFault>> = {
  2011: APP_NOT_FOUND,
  2016: ['password_decryption_failed', 'GenAuth could not decrypt the password: check passwordEncryptType'],
  2224: APP_NOT_FOUND,
  4021: PLAN_EXHAUSTED,
  3720001: PLAN_EXHAUSTED,
  3720002: PLAN_EXHAUSTED,
  3720003: PLAN_EXHAUSTED,
  2820002: [
    'connection_misconfigured',
    "The tenant's directory connection is wrong: see the console's LDAP and AD page",
  ],
};

/** GenAuth's answer before anything in it is verified: the tokens, or the reason why there are none. */
export type ParsedSignIn = { envelope: Envelope; tokens: SignedInTokens } | SignInRejection;

/** Both tokens are there, and nobody has verified them. */
export type SignedInTokens = UnverifiedTokens & { idToken: string; accessToken: string };

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
  if (envelope.statusCode !== 200) return toRejection(envelope, answer.retryAfter);
  const { idToken, accessToken, ...rest } = parseTokens(envelope.data);
  if (idToken !== undefined && accessToken !== undefined)
    return { envelope, tokens: { ...rest, idToken, accessToken } };
  throw new UpstreamError(
    'upstream_invalid_response',
    `GenAuth answered a sign-in with success and without ${idToken === undefined ? 'an id_token' : 'an access_token'} ` +
      `(request ${quote(envelope.requestId ?? '-')}).`,
    { answer: envelope },
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
  if (status >= 500) {
    throw new UpstreamError('upstream_unavailable', `GenAuth's gateway answered HTTP ${status}.`, { retryAfter });
  }
  throw new UpstreamError(
    'upstream_invalid_response',
    `The sign-in was answered with HTTP ${status} and without GenAuth's JSON: is appHost the application's address?`,
  );
}

/** By the code first, then by the class of `statusCode`. */
function toRejection(envelope: Envelope, retryAfter: number | undefined): SignInRejection {
  const { statusCode, apiCode, message, requestId, data } = envelope;
  const answer: SignInAnswer = { statusCode, apiCode, message, requestId };
  const kind = apiCode === undefined ? undefined : KINDS[apiCode];
  if (kind === undefined) throwForeignFault(answer, retryAfter);
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
function throwForeignFault(answer: SignInAnswer, retryAfter: number | undefined): void {
  const { statusCode, apiCode } = answer;
  const said = describeAnswer(answer);
  const fault = findOperatorFault(answer);
  if (fault !== undefined) throw new ConfigurationError(fault[0], `${fault[1]} (${said}).`, { answer });
  // 408: the directory behind GenAuth did not answer in time. 6xx: something that GenAuth itself had to ask.
  if (statusCode >= 500 || statusCode === 408 || apiCode === 1000) {
    throw new UpstreamError('upstream_unavailable', `The sign-in could not be completed: ${said}.`, {
      retryAfter,
      answer,
    });
  }
}

function findOperatorFault({ statusCode, apiCode }: SignInAnswer): OperatorFault | undefined {
  const fault = apiCode === undefined ? undefined : OPERATOR_FAULTS[apiCode];
  if (fault !== undefined) return fault;
  if (statusCode === 401 && apiCode === undefined) return CLIENT_REFUSED;
  return statusCode === 402 ? PLAN_EXHAUSTED : undefined;
}
