import { type CryptoKey, type JWTPayload, SignJWT } from 'jose';
import type { IdTokenAlg } from '../options.js';
import type { SigningKey } from './signing-keys.js';

/** A signing key and the JWT header for this key. */
export interface Signer {
  readonly header: { readonly alg: IdTokenAlg; readonly kid?: string };
  readonly key: CryptoKey | Uint8Array;
}

/** The claims of a token that is not yet signed, and its signer. */
export interface UnsignedToken {
  readonly claims: JWTPayload & { iat: number; exp: number };
  readonly signer: Signer;
}

export function buildSigner({ kid, privateKey }: SigningKey): Signer {
  return { header: { alg: 'RS256', kid }, key: privateKey };
}

export function signToken({ claims, signer: { header, key } }: UnsignedToken): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ ...header, typ: 'JWT' }).sign(key);
}
