/**
 * Functions that build the bodies of requests to GenAuth and parse the bodies of GenAuth's answers. The client and the
 * doctor command use this file. GenAuth has more than one name for some properties. The functions accept all names and
 * return one name, so that no other file has to know all names.
 */

import { isRecord } from '../util/record.js';
import type { WireSignInOptions, WireSignInRequest } from './facts.js';

/** The kind of a sign-in, and its user. */
export interface SignInIdentity {
  connection: 'PASSWORD' | 'AD';
  identifier: 'account' | 'email' | 'username' | 'phone' | 'sAMAccountName';
  /** The value of the identifier, for example the username. */
  name: string;
}

/** Builds the body of a sign-in request, without the properties that prove the identity of the application. */
export function buildSignInBody(
  { connection, identifier, name }: SignInIdentity,
  password: string,
  options: WireSignInOptions,
): WireSignInRequest {
  return identifier === 'sAMAccountName'
    ? { connection, adPayload: { sAMAccountName: name, password }, options }
    : { connection, passwordPayload: { [identifier]: name, password }, options };
}

/** The smallest `apiCode` of GenAuth. Some answers repeat their `statusCode` or their HTTP status in this place. */
const MIN_API_CODE = 1000;

/**
 * The body (envelope) of an answer of GenAuth's V3 API, always in the same form. `apiCode` is a number, even if the
 * answer has it as a string or with the name `code`. A number below 1000 is not an `apiCode`: it is `undefined` here.
 * `requestId` has the name `uniqueId` in some answers.
 */
export interface Envelope {
  statusCode: number;
  apiCode: number | undefined;
  message: string;
  requestId: string | undefined;
  data: Readonly<Record<string, unknown>>;
}

/**
 * Parses the body of an answer of GenAuth's V3 API. Returns `undefined` if the body is not an envelope, for example if
 * it is the HTML of a gateway.
 */
export function parseEnvelope(body: unknown): Envelope | undefined {
  if (!isRecord(body) || typeof body['statusCode'] !== 'number') return undefined;
  return {
    statusCode: body['statusCode'],
    apiCode: toApiCode(body['apiCode']) ?? toApiCode(body['code']),
    message: typeof body['message'] === 'string' ? body['message'] : '',
    requestId: toRequestId(body['requestId']) ?? toRequestId(body['uniqueId']),
    data: isRecord(body['data']) ? body['data'] : {},
  };
}

function toApiCode(value: unknown): number | undefined {
  const code = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof code === 'number' && Number.isInteger(code) && code >= MIN_API_CODE ? code : undefined;
}

/**
 * Returns the value if it has the form of a request ID, otherwise `undefined`. A request ID is part of the response to
 * the end user, so any other text is refused.
 */
function toRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined;
}

/**
 * Parses the answer to `GET /api/v3/system`, with or without an envelope.
 *
 * @returns GenAuth's public keys for passwords, unchanged and not checked.
 */
export function parseSystemKeys(body: unknown): Partial<Record<'rsa' | 'sm2', string>> {
  if (!isRecord(body)) return {};
  const system = isRecord(body['rsa']) || isRecord(body['sm2']) ? body : body['data'];
  const keys: Partial<Record<'rsa' | 'sm2', string>> = {};
  for (const type of ['rsa', 'sm2'] as const) {
    const entry = isRecord(system) ? system[type] : undefined;
    const key = isRecord(entry) ? entry['publicKey'] : undefined;
    if (typeof key === 'string') keys[type] = key;
  }
  return keys;
}

/** Parses the answer to `GET /api/v3/get-captcha-code`. Returns `undefined` if the picture or the token is missing. */
export function parseCaptcha(body: unknown): { svg: string; token: string } | undefined {
  const { captchaCodeSvg: svg, captchaToken: token } = parseEnvelope(body)?.data ?? {};
  return typeof svg === 'string' && typeof token === 'string' ? { svg, token } : undefined;
}

/**
 * Additional data in GenAuth's answer to a sign-in that did not succeed. The `apiCode` of the answer determines which
 * properties GenAuth sends.
 */
export interface RejectionData {
  /**
   * Number of attempts before GenAuth locks the account. GenAuth sends this number after a wrong password, if GenAuth's
   * console has a limit of attempts.
   */
  remainingAttempts: number | undefined;
  mfaToken: string | undefined;
  applicationMfa: { mfaPolicy: string; status: number; sort: number }[];
  /** Token for a further step. GenAuth sends this token if GenAuth has a separate endpoint for this step. */
  flowToken: string | undefined;
}

/** Parses the property `data` in GenAuth's answer to a sign-in that did not succeed. */
export function parseRejectionData(data: Readonly<Record<string, unknown>>): RejectionData {
  const { remainCount, mfaToken, applicationMfa, token } = data;
  const factors: unknown[] = Array.isArray(applicationMfa) ? applicationMfa : [];
  return {
    remainingAttempts: toNumber(remainCount),
    mfaToken: toText(mfaToken),
    applicationMfa: factors.filter(isRecord).flatMap(({ mfaPolicy, status, sort }) => {
      return typeof mfaPolicy === 'string'
        ? [{ mfaPolicy, status: toNumber(status) ?? 0, sort: toNumber(sort) ?? 0 }]
        : [];
    }),
    flowToken: toText(token),
  };
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function toNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The tokens in an answer of GenAuth, as strings. The tokens are not verified yet. */
export interface UnverifiedTokens {
  accessToken: string | undefined;
  idToken: string | undefined;
  refreshToken: string | undefined;
  /** The granted scopes, with spaces between them. */
  scope: string | undefined;
  /** Lifetime of the access token in seconds. */
  expiresIn: number | undefined;
}

/** The tokens in GenAuth's answer to a successful sign-in. The tokens are not verified yet. */
export type SignedInTokens = UnverifiedTokens & { idToken: string; accessToken: string };

/**
 * Parses the tokens in an answer of GenAuth. The lifetime of the access token has the name `expires_in` in real
 * answers, and the name `expire_in` in GenAuth's documented schema of the sign-in.
 */
export function parseTokens(data: Readonly<Record<string, unknown>>): UnverifiedTokens {
  return {
    accessToken: toText(data['access_token']),
    idToken: toText(data['id_token']),
    refreshToken: toText(data['refresh_token']),
    scope: toText(data['scope']),
    expiresIn: toNumber(data['expires_in'] ?? data['expire_in']),
  };
}

/**
 * Parses the body of an answer of an OIDC endpoint. Returns the error code (RFC 6749 §5.2), or `undefined` if the body
 * has no error code.
 */
export function parseOidcError(body: unknown): string | undefined {
  return isRecord(body) ? toText(body['error']) : undefined;
}

/**
 * GenAuth's information about a token, see [RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2). All
 * properties except `active` are `undefined` or empty if GenAuth does not send them, for example for a token that is
 * not active.
 */
export interface Introspection {
  /** Whether the token is valid at this moment. */
  active: boolean;
  /** The user's ID. */
  sub: string | undefined;
  /** ID of the application that the token was issued to. */
  clientId: string | undefined;
  /** The granted scopes. */
  scope: readonly string[];
  /** Time when the token expires, in seconds since 1970. */
  exp: number | undefined;
}

/**
 * Parses the body of GenAuth's introspection response. In the samples of GenAuth's documentation, spaces separate the
 * scopes and `exp` is a number. In the tables of GenAuth's documentation, commas separate the scopes and `exp` is a
 * string.
 *
 * @returns `undefined` if the body does not state whether the token is active.
 */
export function parseIntrospection(body: unknown): Introspection | undefined {
  if (!isRecord(body) || typeof body['active'] !== 'boolean') return undefined;
  const { active, sub, client_id: clientId, scope, exp } = body;
  return {
    active,
    sub: toText(sub),
    clientId: toText(clientId),
    scope: (toText(scope) ?? '').split(/[ ,]+/).filter((name) => name !== ''),
    exp: typeof exp === 'string' && /^\d{1,12}$/.test(exp) ? Number(exp) : toNumber(exp),
  };
}
