import { TokenVerificationError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { getOwn, isRecord, ownProperties } from '../util/record.js';

/**
 * Maximum length of a token, in characters. An access token may come from any caller, so the limit for access tokens is
 * lower. An id_token comes from GenAuth and may contain many roles.
 */
export const MAX_TOKEN_LENGTH = { access_token: 8 * 1024, id_token: 64 * 1024 } as const;
/** Maximum length of a key ID, in characters. */
export const MAX_KID_LENGTH = 256;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/**
 * The last characters of canonical base64url, by the number of characters after the last group of 4. The unused bits of
 * the last character must be 0 ([RFC 4648 §3.5](https://www.rfc-editor.org/rfc/rfc4648#section-3.5)). One character
 * after the last group is never valid.
 */
const LAST_CHARACTERS = [undefined, '', 'AQgw', 'AEIMQUYcgkosw048'];
/** Accepted values of the token header parameter `typ`, in lower case (RFC 7519 §5.1, RFC 9068 §2.1). */
const TOKEN_TYPES = {
  id_token: ['jwt', 'application/jwt'],
  access_token: ['jwt', 'application/jwt', 'at+jwt', 'application/at+jwt'],
} as const;

export type TokenKind = 'id_token' | 'access_token';

/** The signature algorithms that GenAuth offers for id_tokens (RFC 7518 §3.1). */
export const SIGNING_ALGORITHMS = ['RS256', 'HS256'] as const;
/**
 * A signature algorithm of id_tokens ([RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1)). A signature
 * with `RS256` is verified with GenAuth's key set. A signature with `HS256` is verified with the application secret.
 */
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** Returns whether a value is the content of the header `Authorization: Bearer …`, and not only the token. */
export function hasBearerScheme(value: unknown): boolean {
  return typeof value === 'string' && /^\s*bearer(?:[\s:]|$)/i.test(value);
}

/**
 * Splits a token into its three parts. Decodes the signature and the payload, but not the header: `parseHeader` decodes
 * it. Nothing in the result is verified.
 *
 * @throws TokenVerificationError if the value is not a JWT of three parts, if the signature or the payload is not
 * canonical base64url, or if the value is too long.
 */
export function decomposeUnverifiedToken(
  token: unknown,
  kind: TokenKind,
): { header: string; payload: Buffer; signingInput: string; signature: Buffer } {
  if (typeof token !== 'string' || token === '') {
    throw new TokenVerificationError('token_missing', `The ${kind} is missing.`, { details: { token: kind } });
  }
  if (hasBearerScheme(token)) {
    throw new TokenVerificationError(
      'token_malformed',
      `The ${kind} begins with the word Bearer: pass only the text after it.`,
      { details: { token: kind } },
    );
  }
  if (token.length > MAX_TOKEN_LENGTH[kind]) {
    throw new TokenVerificationError(
      'token_too_large',
      `The ${kind} has ${token.length} characters, but at most ${MAX_TOKEN_LENGTH[kind]} are accepted.`,
      { details: { token: kind, expected: MAX_TOKEN_LENGTH[kind], actual: token.length } },
    );
  }
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  if (second === -1 || token.includes('.', second + 1)) {
    const message = `The ${kind} is not a signed JWT: it has ${token.split('.').length} parts, not 3.`;
    throw new TokenVerificationError('token_malformed', message, { details: { token: kind } });
  }
  return {
    signature: decodeSegment(token.slice(second + 1), 'signature', kind),
    signingInput: token.slice(0, second),
    header: token.slice(0, first),
    payload: decodeSegment(token.slice(first + 1, second), 'payload', kind),
  };
}

/**
 * Decodes the header of a token.
 *
 * @param header - The first part of the token.
 * @returns The header, without a prototype.
 * @throws TokenVerificationError if the header is not canonical base64url, or not a JSON object.
 */
export function parseHeader(header: string, kind: TokenKind): Record<string, unknown> {
  return ownProperties(parseJsonObject(decodeSegment(header, 'header', kind), 'header', kind));
}

/**
 * Decodes `sub` and `exp` of an access token that came directly from GenAuth. Does not verify the token. The length
 * limit is the limit for id_tokens, because the token does not come from an unknown caller.
 *
 * @returns `sub` and `exp`. Both are `undefined` if the token does not have the three parts and the claims of a JWT.
 */
export function decodeUnverifiedAccessToken(token: string): { sub: unknown; exp: number | undefined } {
  try {
    const { payload } = decomposeUnverifiedToken(token, 'id_token');
    const claims = parseJsonObject(payload, 'payload', 'access_token');
    const exp = getOwn(claims, 'exp');
    return { sub: getOwn(claims, 'sub'), exp: isTime(exp) ? exp : undefined };
  } catch {
    return { sub: undefined, exp: undefined };
  }
}

/**
 * Reads the subject and the key ID of an access token for a log. Does not verify the token.
 *
 * @returns Both are `undefined` if the token is not a JWT.
 */
export function readUnverifiedToken(token: string): { sub: string | undefined; kid: string | undefined } {
  try {
    const { header, payload } = decomposeUnverifiedToken(token, 'access_token');
    const sub = getOwn(parseJsonObject(payload, 'payload', 'access_token'), 'sub');
    const { kid } = parseHeader(header, 'access_token');
    const isKid = typeof kid === 'string' && kid.length <= MAX_KID_LENGTH;
    return { sub: typeof sub === 'string' ? sub : undefined, kid: isKid ? kid : undefined };
  } catch {
    return { sub: undefined, kid: undefined };
  }
}

/**
 * Decodes one part of a token. Only the canonical base64url encoding is accepted. With other encodings, the same token
 * could be written in several ways, and a deny list or a cache would not recognize the token.
 */
function decodeSegment(segment: string, name: string, token: TokenKind): Buffer {
  if (!BASE64URL.test(segment) || LAST_CHARACTERS[segment.length % 4]?.includes(segment.slice(-1)) === false) {
    throw new TokenVerificationError('token_malformed', `The ${name} of the ${token} is not canonical base64url.`, {
      details: { token },
    });
  }
  return Buffer.from(segment, 'base64url');
}

/** Keeps a byte order mark in the text, so that a token with this mark is refused. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses the JSON object in one part of a token.
 *
 * @returns The object as `JSON.parse` returns it. Its members must be read with
 * `getOwn` or `ownProperties`, because other code may have changed `Object.prototype`.
 * @throws TokenVerificationError `token_malformed` if the bytes are not a JSON object in UTF-8.
 */
export function parseJsonObject(bytes: Uint8Array, name: string, token: TokenKind): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    value = undefined;
  }
  if (!isRecord(value)) {
    throw new TokenVerificationError('token_malformed', `The ${name} of the ${token} is not a JSON object.`, {
      details: { token },
    });
  }
  return value;
}

/**
 * Checks the header of a token. Of the header parameters that select a key, only `kid` is read. The parameters `jwk`,
 * `jku`, `x5c` and `x5u` are ignored, because an attacker could supply a key with them.
 *
 * @returns The `kid`, or `undefined` if the header has no `kid`.
 * @throws TokenVerificationError if a header parameter is not accepted.
 */
export function checkHeader(
  header: Record<string, unknown>,
  kind: TokenKind,
  algorithm: SigningAlgorithm,
): string | undefined {
  const { alg, kid, typ, crit, b64, zip } = header;
  if (alg !== algorithm) throw algorithmMismatch(alg, kind, algorithm);
  if (crit !== undefined || b64 !== undefined || zip !== undefined) {
    throw new TokenVerificationError(
      'token_malformed',
      `The header of the ${kind} has crit, b64 or zip, which are not supported.`,
      { details: { token: kind } },
    );
  }
  const types: readonly string[] = TOKEN_TYPES[kind];
  if (typ !== undefined && !(typeof typ === 'string' && types.includes(typ.toLowerCase()))) {
    throw new TokenVerificationError(
      'token_type_mismatch',
      `The ${kind} has typ ${quote(typ)}, but its typ must be one of ${types.join(', ')}.`,
      { details: { token: kind, claim: 'typ', expected: types, actual: toDetail(typ) } },
    );
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH)) {
    throw new TokenVerificationError('token_malformed', `The ${kind} has an invalid kid: ${quote(kid)}.`, {
      details: { token: kind, claim: 'kid', actual: toDetail(kid) },
    });
  }
  return kid;
}

function algorithmMismatch(alg: unknown, kind: TokenKind, algorithm: SigningAlgorithm): TokenVerificationError {
  const known = kind === 'id_token' ? SIGNING_ALGORITHMS.find((each) => each === alg) : undefined;
  const advice =
    alg === 'HS256' && kind === 'id_token'
      ? ' HS256 is the default of GenAuth. Choose RS256 in the console under application → protocol configuration → ' +
        'authorization → id_token signature algorithm.'
      : '';
  const fix =
    known === undefined ? '' : ` If the tenant must use ${known}, set the option idTokenSignedResponseAlg: '${known}'.`;
  return new TokenVerificationError(
    'token_algorithm_mismatch',
    `The ${kind} is signed with ${quote(alg)}, but this service accepts only ${algorithm}.${advice}${fix}`,
    { details: { token: kind, claim: 'alg', expected: algorithm, actual: toDetail(alg) } },
  );
}

/** Returns whether a value is a time in seconds since 1970. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
