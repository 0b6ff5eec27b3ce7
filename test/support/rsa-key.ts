import { type KeyObject, createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { POOL_FILE } from './rsa-key-pool.js';

/** An RSA key pair that is made at run time by node:crypto. */
export interface RsaKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public half in the form of GenAuth's key set. */
  readonly jwk: Record<'kty' | 'kid' | 'n' | 'e', string> & Record<string, unknown>;
}

const pool = JSON.parse(readFileSync(POOL_FILE, 'utf8')) as string[];

/**
 * Returns a key that no other call in the same test file returns. Different test files can get the same key.
 *
 * @param options.kid - Default: the hash of the modulus.
 */
export function createRsaKey({ kid, bits = 2048 }: { kid?: string; bits?: number } = {}): RsaKey {
  const pem = bits === 2048 ? pool.pop() : undefined;
  const privateKey =
    pem === undefined ? generateKeyPairSync('rsa', { modulusLength: bits }).privateKey : createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const id = kid ?? createHash('sha256').update(n).digest('base64url');
  return { kid: id, privateKey, publicKey, jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid: id, n, e } };
}
