import { type KeyObject, createHash, generateKeyPairSync } from 'node:crypto';

/** A public key as a key set shows it; tests add and bend members at will. */
interface RsaJwk {
  kty: string;
  kid: string;
  n: string;
  e: string;
  [member: string]: unknown;
}

/** An RSA key pair of the test's own, made at run time by node:crypto. */
export interface RsaKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** As GenAuth's key set would show the public half. */
  readonly jwk: RsaJwk;
}

/** Makes a key pair; its `kid` is derived from the modulus unless given. */
export function createRsaKey({
  kid,
  bits = 2048,
  exponent = 65537,
}: Partial<Record<'bits' | 'exponent', number>> & { kid?: string } = {}): RsaKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const id = kid ?? createHash('sha256').update(n).digest('base64url');
  return { kid: id, privateKey, publicKey, jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid: id, n, e } };
}
