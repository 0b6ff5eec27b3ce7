import { type KeyObject, generateKeyPairSync } from 'node:crypto';
import { createRsaKey } from './rsa-key.js';
import { buildToken } from './token.js';

/** The algorithms that a tenant can be set to. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'HS256'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

/** Of an app secret that HS256 may have: 32 bytes at least. */
export const LONG_SECRET = 'app-secret-of-the-test-0123456789abcdef';

const CURVES: Partial<Record<Algorithm, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** A key for one algorithm, made at run time by node:crypto; for HS256 it is {@link LONG_SECRET}. */
interface AlgorithmKey {
  readonly algorithm: Algorithm;
  /** What a key set shows of it; none for HS256. */
  readonly jwk: Record<string, unknown> | undefined;
  /** A right header and a right signature over any payload, but for what the header is told. */
  sign(payload: object, header?: object): string;
}

function createEcKey(namedCurve: string): { privateKey: KeyObject; jwk: object } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) };
}

export function createAlgorithmKey(algorithm: Algorithm): AlgorithmKey {
  const kid = `key-of-${algorithm}`;
  const curve = CURVES[algorithm];
  if (algorithm === 'HS256') {
    const sign = (payload: object, header = {}): string =>
      buildToken({ alg: algorithm, typ: 'JWT', ...header }, payload, LONG_SECRET, algorithm);
    return { algorithm, jwk: undefined, sign };
  }
  const key = curve === undefined ? createRsaKey({ kid }) : createEcKey(curve);
  return {
    algorithm,
    jwk: { ...key.jwk, use: 'sig', alg: algorithm, kid },
    sign: (payload, header = {}) =>
      buildToken({ alg: algorithm, typ: 'JWT', kid, ...header }, payload, key.privateKey, algorithm),
  };
}
