/** Writes and reads the bodies of GenAuth's wire, for the client alone. GenAuth's oddities end here. */

import { isRecord } from '../util/record.js';
import type { WireSignInOptions, WireSignInRequest } from './facts.js';

/** Who wants to sign in and how, in words of our own. */
export interface SignInBodyParts {
  connection: 'PASSWORD' | 'AD';
  identifier: 'account' | 'email' | 'username' | 'phone' | 'sAMAccountName';
  /** What the person is called by. */
  name: string;
  password: string;
  options: WireSignInOptions;
}

/** Builds the body of a sign-in, without the proof of the application. */
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

/** A V3 answer in one form: `apiCode` as a number wherever and however it was written, nothing optional but the two ids. */
export interface Envelope {
  statusCode: number;
  apiCode: number | undefined;
  message: string;
  requestId: string | undefined;
  data: Readonly<Record<string, unknown>>;
}

/** Reads a V3 answer; `undefined` for a body that is none, such as a gateway's page. */
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

/** It goes into answers to the person: what is no ID is not repeated. */
function toRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined;
}

/** Reads `GET /api/v3/system`, with or without an envelope: the public keys as they stand, none of them checked. */
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

/** Reads `GET /api/v3/get-captcha-code`; `undefined` for an answer without picture and token. */
export function parseCaptcha(body: unknown): { svg: string; token: string } | undefined {
  const { captchaCodeSvg: svg, captchaToken: token } = parseEnvelope(body)?.data ?? {};
  return typeof svg === 'string' && typeof token === 'string' ? { svg, token } : undefined;
}

/** What GenAuth adds to a sign-in that is not complete; which of it is there depends on the code. */
export interface RejectionData {
  /** With a wrong password, where a limit is on. */
  remainingAttempts: number | undefined;
  mfaToken: string | undefined;
  applicationMfa: { mfaPolicy: string; status: number; sort: number }[];
  /** With a step that another call of GenAuth does. */
  flowToken: string | undefined;
}

/** Reads `data` of a sign-in that is not complete. */
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

/** The tokens of a sign-in answer, as texts, not verified yet. */
export interface UnverifiedTokens {
  accessToken: string | undefined;
  idToken: string | undefined;
  refreshToken: string | undefined;
  /** Granted scopes. */
  scope: string | undefined;
  /** Seconds. */
  expiresIn: number | undefined;
}

/** The tokens of a successful sign-in, not verified yet. */
export type SignedInTokens = UnverifiedTokens & { idToken: string; accessToken: string };

/**
 * Reads `data` of a successful sign-in; the lifetime goes by `expires_in` in real answers and by `expire_in` in the
 * schema.
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

/** What `POST /oidc/token` and its neighbours say of a refusal (RFC 6749 §5.2): the code, or `undefined` where there is none. */
export function parseOidcError(body: unknown): string | undefined {
  return isRecord(body) ? toText(body['error']) : undefined;
}

/** What GenAuth says of a token (RFC 7662 §2.2). */
export interface Introspection {
  active: boolean;
  sub: string | undefined;
  /** The application that the token was issued to. */
  clientId: string | undefined;
  /** Between spaces in GenAuth's samples, between commas in its tables. */
  scope: readonly string[];
  /** Seconds since 1970; a number in samples, a text in one table. */
  exp: number | undefined;
}

/** Reads an introspection; `undefined` for an answer that does not say whether the token is active. */
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
