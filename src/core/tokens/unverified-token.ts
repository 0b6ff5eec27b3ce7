import { TokenVerificationError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { isRecord, ownProperties } from '../util/record.js';

/** Characters. An access token comes from anybody, an id_token with many roles from GenAuth alone. */
export const MAX_TOKEN_LENGTH = { access_token: 8 * 1024, id_token: 64 * 1024 } as const;
/** Characters. */
export const MAX_KID_LENGTH = 256;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/** Media types that a JWT may have (RFC 7519 §5.1, RFC 9068 §2.1), in lower case. */
const TOKEN_TYPES = {
  id_token: ['jwt', 'application/jwt'],
  access_token: ['jwt', 'application/jwt', 'at+jwt', 'application/at+jwt'],
} as const;

export type TokenKind = 'id_token' | 'access_token';

/** The algorithms that GenAuth offers for id_tokens (RFC 7518 §3.1). RS256 is verified through the key set. */
export const SIGNING_ALGORITHMS = ['RS256', 'HS256'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** Takes the token apart without believing anything in it: three canonical base64url parts, a JSON object first. */
export function decomposeUnverifiedToken(
  token: unknown,
  kind: TokenKind,
): { header: Record<string, unknown>; payload: Buffer; signingInput: Buffer; signature: Buffer } {
  if (typeof token !== 'string' || token === '') {
    throw new TokenVerificationError('token_missing', `There is no ${kind}.`, { details: { token: kind } });
  }
  if (token.length > MAX_TOKEN_LENGTH[kind]) {
    throw new TokenVerificationError(
      'token_too_large',
      `The ${kind} has ${token.length} characters, more than ${MAX_TOKEN_LENGTH[kind]}.`,
      { details: { token: kind, expected: MAX_TOKEN_LENGTH[kind], actual: token.length } },
    );
  }
  const segments = token.split('.');
  const [header, payload, signature] = segments;
  if (segments.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw new TokenVerificationError(
      'token_malformed',
      `The ${kind} is not a signed JWT: it has ${segments.length} parts, not 3.`,
      { details: { token: kind } },
    );
  }
  return {
    signature: decodeSegment(signature, 'signature', kind),
    signingInput: Buffer.from(token.slice(0, token.lastIndexOf('.'))),
    header: parseJsonObject(decodeSegment(header, 'header', kind), 'header', kind),
    payload: decodeSegment(payload, 'payload', kind),
  };
}

/**
 * What an access token says of itself, for a caller that got it from GenAuth directly, and so of any size that GenAuth sends;
 * nothing for one that is no JWT.
 */
export function decodeUnverifiedAccessToken(token: string): { sub: unknown; exp: number | undefined } {
  try {
    const { payload } = decomposeUnverifiedToken(token, 'id_token');
    const { sub, exp } = parseJsonObject(payload, 'payload', 'access_token');
    return { sub, exp: isTime(exp) ? exp : undefined };
  } catch {
    return { sub: undefined, exp: undefined };
  }
}

/** A segment that does not encode back to itself would give one token many spellings, and get round deny-lists and caches. */
function decodeSegment(segment: string, what: string, token: TokenKind): Buffer {
  const bytes = BASE64URL.test(segment) ? Buffer.from(segment, 'base64url') : undefined;
  if (bytes === undefined || bytes.toString('base64url') !== segment) {
    throw new TokenVerificationError('token_malformed', `The ${what} of the ${token} is not canonical base64url.`, {
      details: { token },
    });
  }
  return bytes;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses the JSON object of a token's segment.
 *
 * @returns An object without a prototype, so that a member that the token lacks is never found in `Object.prototype`.
 * @throws TokenVerificationError `token_malformed`
 */
export function parseJsonObject(bytes: Uint8Array, what: string, token: TokenKind): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    value = undefined;
  }
  if (!isRecord(value)) {
    throw new TokenVerificationError('token_malformed', `The ${what} of the ${token} is not a JSON object.`, {
      details: { token },
    });
  }
  return ownProperties(value);
}

/** Everything in a header that would name, bring or point to a key is left unread but `kid`. Returns the `kid`. */
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
      `The header of the ${kind} asks for an extension (crit, b64 or zip).`,
      { details: { token: kind } },
    );
  }
  const types: readonly string[] = TOKEN_TYPES[kind];
  if (typ !== undefined && !(typeof typ === 'string' && types.includes(typ.toLowerCase()))) {
    throw new TokenVerificationError('token_type_mismatch', `The ${kind} has typ ${quote(typ)}.`, {
      details: { token: kind, claim: 'typ', expected: types, actual: toDetail(typ) },
    });
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH)) {
    throw new TokenVerificationError('token_malformed', `The ${kind} has kid ${quote(kid)}.`, {
      details: { token: kind, claim: 'kid', actual: toDetail(kid) },
    });
  }
  return kid;
}

function algorithmMismatch(alg: unknown, kind: TokenKind, algorithm: SigningAlgorithm): TokenVerificationError {
  const known = kind === 'id_token' ? SIGNING_ALGORITHMS.find((each) => each === alg) : undefined;
  const fix =
    known === undefined ? '' : ` If that is how the tenant signs, set the option idTokenSignedResponseAlg: '${known}'.`;
  const advice =
    alg === 'HS256' && kind === 'id_token'
      ? ' HS256 is what GenAuth signs with until it is told otherwise. Better than the option is RS256: in the console open the' +
        ' application, protocol configuration, authorization, id_token signature algorithm.'
      : '';
  return new TokenVerificationError(
    'token_algorithm_mismatch',
    `The ${kind} is signed with ${quote(alg)}, this service accepts only ${algorithm}.${fix}${advice}`,
    { details: { token: kind, claim: 'alg', expected: algorithm, actual: toDetail(alg) } },
  );
}

/** Seconds since 1970. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
