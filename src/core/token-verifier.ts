import { createHash, timingSafeEqual } from 'node:crypto';
import { type CryptoKey, compactVerify } from 'jose';
import { ConfigurationError, TokenVerificationError, quote } from './errors.js';
import type { AppSecret } from './app-secret.js';
import { type Jwks, MAX_KID_LENGTH } from './jwks.js';
import { ownProperties } from './record.js';

/** Characters. An access token comes from anybody, an id_token with many roles from GenAuth alone. */
const MAX_TOKEN_LENGTH = { access_token: 8 * 1024, id_token: 64 * 1024 } as const;
const MAX_SUBJECT_LENGTH = 255;
/** Seconds. No tenant grants a year; a lifetime beyond it is a time in milliseconds or worse. */
const MAX_LIFETIME = 366 * 24 * 3600;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/** Media types that a JWT may have (RFC 7519 §5.1, RFC 9068 §2.1), in lower case. */
const TOKEN_TYPES = {
  id_token: ['jwt', 'application/jwt'],
  access_token: ['jwt', 'application/jwt', 'at+jwt', 'application/at+jwt'],
} as const;

type TokenKind = 'id_token' | 'access_token';

/** Algorithms that a tenant can be set to (RFC 7518 §3.1). The asymmetric ones are verified through the key set. */
export const SIGNING_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'HS256',
] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];
/** Bytes of an HS256 key (RFC 7518 §3.2). */
export const MIN_HS256_SECRET_BYTES = 32;

/** Claims that every verified token has (RFC 7519 §4.1). */
export interface TokenClaims {
  iss: string;
  /** GenAuth's user ID. */
  sub: string;
  aud: string | string[];
  /** Seconds since 1970. */
  exp: number;
  /** Seconds since 1970. */
  iat: number;
  [claim: string]: unknown;
}

/** Claims of a verified id_token (OpenID Connect Core 1.0 §2). */
export type IdTokenClaims = TokenClaims;

/** Claims of a verified access token. GenAuth puts no profile into it. */
export interface AccessTokenClaims extends TokenClaims {
  /** Granted scopes, with spaces between. */
  scope: string;
}

export interface TokenVerifierSettings {
  /** Compared with `===`. */
  issuer: string;
  /** The application: `aud` of id_tokens, and `azp` of any token that has one. */
  appId: string;
  /** An access token must be for one of them. */
  audience: readonly string[];
  /** Seconds. */
  clockTolerance: number;
  /** What each kind of token must be signed with: the only algorithm that is accepted for it. */
  algorithms: Readonly<Record<TokenKind, SigningAlgorithm>>;
  /** Left out where no algorithm has public keys. */
  jwks: Jwks | undefined;
  /** Key of HS256. */
  appSecret: AppSecret;
  /** Milliseconds since 1970. */
  now: () => number;
}

/**
 * Decides which tokens count. In this order: form, header, algorithm (our constant, before any key is looked up), key,
 * signature, claims. Nothing of it can be switched off.
 */
export class TokenVerifier {
  readonly #settings: TokenVerifierSettings;

  constructor(settings: TokenVerifierSettings) {
    this.#settings = settings;
  }

  /**
   * Verifies an id_token (OpenID Connect Core 1.0 §3.1.3.7).
   *
   * @param accessToken - The access token that came with it, straight from GenAuth: checked against `at_hash` if the id_token
   * has one (§3.1.3.6). An unknown key is then looked for at once, see `Jwks.getKey`.
   * @throws TokenVerificationError
   * @throws UpstreamError, ConfigurationError where the keys cannot be had.
   */
  async verifyIdToken(token: string, accessToken?: string): Promise<IdTokenClaims> {
    const claims = await this.#verify(token, 'id_token', accessToken !== undefined);
    const { scope, jti, at_hash: hash } = ownProperties(claims);
    // An access token of GenAuth has both, an id_token neither; else one would pass for the other.
    if (typeof scope === 'string' && typeof jti === 'string') {
      throw new TokenVerificationError('token_type_mismatch', 'This is an access token, not an id_token.');
    }
    if (accessToken !== undefined && hash !== undefined) {
      checkAccessTokenHash(hash, accessToken, this.#settings.algorithms.id_token);
    }
    return claims;
  }

  /**
   * Verifies an access token.
   *
   * @throws TokenVerificationError
   * @throws UpstreamError, ConfigurationError where the keys cannot be had.
   */
  async verifyAccessToken(token: string): Promise<AccessTokenClaims> {
    const claims = await this.#verify(token, 'access_token', false);
    const { scope, nonce, at_hash: hash } = ownProperties(claims);
    if (typeof scope !== 'string' || nonce !== undefined || hash !== undefined) {
      throw new TokenVerificationError(
        'token_type_mismatch',
        'This is not an access token (it has no scope, or has the nonce or at_hash of an id_token): send the access token.',
      );
    }
    return claims as AccessTokenClaims;
  }

  async #verify(token: string, kind: TokenKind, fromGenAuth: boolean): Promise<TokenClaims> {
    const { header, payload } = decomposeUnverifiedToken(token, kind);
    // From our configuration alone, never from a token, a key or a document of the server (RFC 8725 §3.1).
    const algorithm = this.#settings.algorithms[kind];
    const kid = checkHeader(header, kind, algorithm);
    if (algorithm === 'HS256') await this.#checkSharedSecret(token, kind, fromGenAuth);
    else {
      const key = await this.#settings.jwks?.getKey(algorithm, kid, fromGenAuth);
      if (key === undefined)
        throw new TokenVerificationError('token_key_unknown', `There are no keys for ${algorithm}.`);
      await checkSignature(token, kind, algorithm, key);
    }
    return this.#checkClaims(parseJsonObject(payload, `payload of the ${kind}`), kind);
  }

  /** HS256 is a way of its own: its key is the application's secret, and no public key ever gets here. */
  async #checkSharedSecret(token: string, kind: TokenKind, fromGenAuth: boolean): Promise<void> {
    const { appSecret } = this.#settings;
    const secret = await appSecret.get();
    try {
      await checkSignature(token, kind, 'HS256', toHs256Key(secret));
    } catch (error) {
      // A secret that is replaced while we run: tokens of the new one come before GenAuth refuses the old one. What a stranger
      // sends must not make us ask for the secret again.
      if (!fromGenAuth || !(await appSecret.renew(secret))) throw error;
      await checkSignature(token, kind, 'HS256', toHs256Key(await appSecret.get()));
    }
  }

  #checkClaims(claims: Readonly<Record<string, unknown>>, kind: TokenKind): TokenClaims {
    const { issuer, appId, audience, clockTolerance, now } = this.#settings;
    const { iss, sub, aud, azp, exp, iat, nbf } = ownProperties(claims);
    if (iss !== issuer) {
      throw new TokenVerificationError(
        'token_issuer_mismatch',
        `The ${kind} is from issuer ${quote(iss)}, this service trusts ${quote(issuer)}: correct appHost, or set the option issuer.`,
      );
    }
    if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_LENGTH) throw claimInvalid(kind, 'sub', sub);
    const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
    if (audiences.length === 0 || !audiences.every((item) => typeof item === 'string' && item !== '')) {
      throw claimInvalid(kind, 'aud', aud);
    }
    const accepted: readonly unknown[] = kind === 'id_token' ? [appId] : audience;
    if (!audiences.some((item) => accepted.includes(item))) {
      const mend = kind === 'id_token' ? 'check appId' : 'check appId, or set the option audience';
      throw new TokenVerificationError(
        'token_audience_mismatch',
        `The ${kind} is for ${quote(aud)}, this service is ${quote(accepted.length === 1 ? accepted[0] : accepted)}: ${mend}.`,
      );
    }
    if ((audiences.length > 1 || azp !== undefined) && azp !== appId) {
      throw new TokenVerificationError(
        'token_audience_mismatch',
        `The ${kind} was issued to ${quote(azp)} (azp), this service is ${quote(appId)}.`,
      );
    }
    if (!isTime(exp)) throw claimInvalid(kind, 'exp', exp);
    if (!isTime(iat)) throw claimInvalid(kind, 'iat', iat);
    if (nbf !== undefined && !isTime(nbf)) throw claimInvalid(kind, 'nbf', nbf);
    if (exp <= iat || exp - iat > MAX_LIFETIME) throw claimInvalid(kind, 'exp', exp);
    const seconds = Math.floor(now() / 1000);
    if (seconds >= exp + clockTolerance) {
      throw new TokenVerificationError('token_expired', `The ${kind} expired ${seconds - exp} seconds ago.`);
    }
    const ahead = Math.max(iat, nbf ?? iat) - seconds;
    if (ahead > clockTolerance) {
      throw new TokenVerificationError(
        'token_not_yet_valid',
        `The ${kind} becomes valid in ${ahead} seconds: one of the two clocks is wrong, or set the option clockTolerance.`,
      );
    }
    return claims as TokenClaims;
  }
}

/** Takes the token apart without believing anything in it: three canonical base64url parts, a JSON object first. */
function decomposeUnverifiedToken(
  token: unknown,
  kind: TokenKind,
): { header: Record<string, unknown>; payload: Buffer } {
  if (typeof token !== 'string' || token === '') {
    throw new TokenVerificationError('token_missing', `There is no ${kind}.`);
  }
  if (token.length > MAX_TOKEN_LENGTH[kind]) {
    throw new TokenVerificationError(
      'token_too_large',
      `The ${kind} has ${token.length} characters, more than ${MAX_TOKEN_LENGTH[kind]}.`,
    );
  }
  const segments = token.split('.');
  const [header, payload, signature] = segments;
  if (segments.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw new TokenVerificationError(
      'token_malformed',
      `The ${kind} is not a signed JWT: it has ${segments.length} parts, not 3.`,
    );
  }
  decodeSegment(signature, `signature of the ${kind}`);
  return {
    header: parseJsonObject(decodeSegment(header, `header of the ${kind}`), `header of the ${kind}`),
    payload: decodeSegment(payload, `payload of the ${kind}`),
  };
}

/**
 * What an access token says of itself, for a caller that got it from GenAuth directly, and so of any size that GenAuth sends;
 * nothing for one that is no JWT.
 */
export function decodeUnverifiedAccessToken(token: string): { sub: unknown; exp: number | undefined } {
  try {
    const { payload } = decomposeUnverifiedToken(token, 'id_token');
    const { sub, exp } = ownProperties(parseJsonObject(payload, 'payload'));
    return { sub, exp: isTime(exp) ? exp : undefined };
  } catch {
    return { sub: undefined, exp: undefined };
  }
}

/** A segment that does not encode back to itself would give one token many spellings, and get round deny-lists and caches. */
function decodeSegment(segment: string, what: string): Buffer {
  const bytes = BASE64URL.test(segment) ? Buffer.from(segment, 'base64url') : undefined;
  if (bytes === undefined || bytes.toString('base64url') !== segment) {
    throw new TokenVerificationError('token_malformed', `The ${what} is not canonical base64url.`);
  }
  return bytes;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseJsonObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TokenVerificationError('token_malformed', `The ${what} is not a JSON object.`);
  }
  return value as Record<string, unknown>;
}

/** Everything in a header that would name, bring or point to a key is left unread but `kid`. Returns the `kid`. */
function checkHeader(
  header: Record<string, unknown>,
  kind: TokenKind,
  algorithm: SigningAlgorithm,
): string | undefined {
  const { alg, kid, typ, crit, b64, zip } = ownProperties(header);
  if (alg !== algorithm) throw algorithmMismatch(alg, kind, algorithm);
  if (crit !== undefined || b64 !== undefined || zip !== undefined) {
    throw new TokenVerificationError(
      'token_malformed',
      `The header of the ${kind} asks for an extension (crit, b64 or zip).`,
    );
  }
  const types: readonly string[] = TOKEN_TYPES[kind];
  if (typ !== undefined && !(typeof typ === 'string' && types.includes(typ.toLowerCase()))) {
    throw new TokenVerificationError('token_type_mismatch', `The ${kind} has typ ${quote(typ)}.`);
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH)) {
    throw new TokenVerificationError('token_malformed', `The ${kind} has kid ${quote(kid)}.`);
  }
  return kid;
}

function algorithmMismatch(alg: unknown, kind: TokenKind, algorithm: SigningAlgorithm): TokenVerificationError {
  const option = kind === 'id_token' ? 'idTokenSignedResponseAlg' : 'accessTokenSignedResponseAlg';
  const known = SIGNING_ALGORITHMS.find((each) => each === alg);
  const mend = known === undefined ? '' : ` If that is how the tenant signs, set the option ${option}: '${known}'.`;
  const advice =
    alg === 'HS256' && kind === 'id_token'
      ? ' HS256 is what GenAuth signs with until it is told otherwise. Better than the option is RS256: in the console open the' +
        ' application, protocol configuration, authorization, id_token signature algorithm.'
      : '';
  return new TokenVerificationError(
    'token_algorithm_mismatch',
    `The ${kind} is signed with ${quote(alg)}, this service accepts only ${algorithm}.${mend}${advice}`,
  );
}

async function checkSignature(
  token: string,
  kind: TokenKind,
  algorithm: SigningAlgorithm,
  key: CryptoKey | Uint8Array,
): Promise<void> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
  } catch (cause) {
    throw new TokenVerificationError('token_signature_invalid', `The signature of the ${kind} is wrong.`, { cause });
  }
}

/** The UTF-8 bytes of the secret; one that is missing or short would let anybody sign. */
function toHs256Key(secret: string | undefined): Uint8Array {
  const key = new TextEncoder().encode(secret ?? '');
  if (key.length >= MIN_HS256_SECRET_BYTES) return key;
  throw new ConfigurationError(
    'app_secret_too_short',
    `The app secret has ${key.length} bytes, and HS256 needs ${MIN_HS256_SECRET_BYTES}: choose RS256 in the console.`,
  );
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function claimInvalid(kind: TokenKind, claim: string, value: unknown): TokenVerificationError {
  return new TokenVerificationError('token_claim_invalid', `The ${kind} has ${claim} ${quote(value)}.`);
}

/** `at_hash`: the left half of the access token's hash, with the hash function of the id_token's algorithm. */
function checkAccessTokenHash(hash: unknown, accessToken: string, algorithm: SigningAlgorithm): void {
  const digest = createHash(`sha${algorithm.slice(2)}`)
    .update(accessToken, 'ascii')
    .digest();
  const expected = digest.subarray(0, digest.length / 2);
  const actual = Buffer.from(typeof hash === 'string' ? hash : '', 'base64url');
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) {
    throw new TokenVerificationError('token_hash_mismatch', 'The id_token belongs to another access token (at_hash).');
  }
}
