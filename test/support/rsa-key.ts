import { type KeyObject, createHash, generateKeyPairSync } from 'node:crypto';

/** An RSA key pair that is made at run time by node:crypto. */
export interface RsaKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public half in the form of GenAuth's key set. */
  readonly jwk: Record<'kty' | 'kid' | 'n' | 'e', string> & Record<string, unknown>;
}

/** @param options.kid - Default: the hash of the modulus. */
export function createRsaKey({ kid, bits = 2048 }: { kid?: string; bits?: number } = {}): RsaKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const id = kid ?? createHash('sha256').update(n).digest('base64url');
  return { kid: id, privateKey, publicKey, jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid: id, n, e } };
}
