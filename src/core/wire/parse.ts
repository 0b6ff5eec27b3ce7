/**
 * Builds and parses the bodies of GenAuth's HTTP interface. Only the client uses this file. It hides GenAuth's
 * inconsistencies, such as several names for one property, from the rest of the library.
 */

import { isRecord } from '../util/record.js';
import type { WireSignInOptions, WireSignInRequest } from './facts.js';

/** The parts of a sign-in's body. */
export interface SignInBodyParts {
  connection: 'PASSWORD' | 'AD';
  identifier: 'account' | 'email' | 'username' | 'phone' | 'sAMAccountName';
  /** The value of the identifier. */
  name: string;
  password: string;
  options: WireSignInOptions;
}

/** Builds the body of a sign-in, without the properties that prove the identity of the application. */
export function buildSignInBody(parts: SignInBodyParts): WireSignInRequest {
  const { connection, identifier, name, password, options } = parts;
  return {
    connection,
    ...(identifier === 'sAMAccountName'
      ? { adPayload: { sAMAccountName: name, password } }
      : { passwordPayload: { [identifier]: name, password } }),
    options,
  };
}

/**
 * An answer of GenAuth's V3 API in one form. `apiCode` is a number, whatever its name and its type were in the answer.
 */
export interface Envelope {
  statusCode: number;
  apiCode: number | undefined;
  message: string;
  requestId: string | undefined;
  data: Readonly<Record<string, unknown>>;
}

/** Parses an answer of the V3 API. Returns `undefined` if the body has another form, such as the HTML of a gateway. */
export function parseEnvelope(body: unknown): Envelope | undefined {
  if (!isRecord(body) || typeof body['statusCode'] !== 'number') return undefined;
  const code = body['apiCode'] ?? body['code'];
  const apiCode = typeof code === 'string' && /^\d+$/.test(code) ? Number(code) : code;
  return {
    statusCode: body['statusCode'],
    apiCode: typeof apiCode === 'number' && Number.isInteger(apiCode) ? apiCode : undefined,
    message: typeof body['message'] === 'string' ? body['message'] : '',
    requestId: toRequestId(body['requestId']),
    data: isRecord(body['data']) ? body['data'] : {},
  };
}

/** Returns a value only if it has the form of an ID, because request IDs are part of the response to the end user. */
function toRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined;
}

/**
 * Parses the answer to `GET /api/v3/system`, with or without an envelope.
 *
 * @returns The public keys, unchanged and not checked.
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

/** Additional data of a sign-in that is not complete. The `apiCode` determines which properties GenAuth sends. */
export interface RejectionData {
  /** With a wrong password, if a limit of attempts is set in the console. */
  remainingAttempts: number | undefined;
  mfaToken: string | undefined;
  applicationMfa: { mfaPolicy: string; status: number; sort: number }[];
  /** With a step for which GenAuth has another endpoint. */
  flowToken: string | undefined;
}

/** Parses `data` in the answer to a sign-in that is not complete. */
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

/** The tokens of an answer, as strings. They are not verified yet. */
export interface UnverifiedTokens {
  accessToken: string | undefined;
  idToken: string | undefined;
  refreshToken: string | undefined;
  /** The granted scopes, with spaces between them. */
  scope: string | undefined;
  /** Lifetime of the access token in seconds. */
  expiresIn: number | undefined;
}

/** The tokens of a successful sign-in. They are not verified yet. */
export type SignedInTokens = UnverifiedTokens & { idToken: string; accessToken: string };

/**
 * Parses the tokens of an answer. The name of the lifetime is `expires_in` in real answers and `expire_in` in GenAuth's
 * schema of the sign-in.
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

/** Parses an error of an OIDC endpoint (RFC 6749 §5.2). Returns its code, or `undefined` if there is none. */
export function parseOidcError(body: unknown): string | undefined {
  return isRecord(body) ? toText(body['error']) : undefined;
}

/**
 * GenAuth's information about a token, see
 * [RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2). The other properties are `undefined` or empty if
 * GenAuth does not send them, for example for a token that is not active.
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
  /** When the token expires, in seconds since 1970. */
  exp: number | undefined;
}

/**
 * Parses an introspection. GenAuth's samples have spaces between the scopes and `exp` as a number. Its tables have
 * commas and a string.
 *
 * @returns `undefined` if the answer does not state whether the token is active.
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
