import { generateKeyPairSync } from 'node:crypto';

/** An app secret that HS256 accepts: at least 32 bytes. */
export const LONG_SECRET = 'app-secret-of-the-test-0123456789abcdef';

/** Makes a key for an elliptic curve, and returns its form in a key set. */
export function createAlgorithmKey(algorithm: 'ES256'): { jwk: Record<string, unknown> } {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { jwk: { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm, kid: `key-of-${algorithm}` } };
}
