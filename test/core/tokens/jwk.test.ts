import { randomBytes } from 'node:crypto';
import { type VerificationKey, importVerificationKey } from '../../../src/core/tokens/jwk.js';
import { createRsaKey } from '../../support/rsa-key.js';

const { jwk } = createRsaKey({ kid: 'key' });
const importKey = (value: unknown, known?: VerificationKey): Promise<VerificationKey | undefined> =>
  importVerificationKey(value, (kid) => (kid === 'key' ? known : undefined));

/** A modulus of exactly this length after these zero bytes. It is not a product of two primes. */
function createModulus(bits: number, zeros = 0): string {
  const bytes = randomBytes(Math.ceil(bits / 8));
  const top = 1 << ((bits - 1) % 8);
  bytes[0] = top | (Number(bytes[0]) % top);
  return Buffer.concat([Buffer.alloc(zeros), bytes]).toString('base64url');
}

it.each<[string, object]>([
  ['all usual members', {}],
  ['neither alg nor use', { alg: undefined, use: undefined }],
  ['key_ops with verify', { key_ops: ['encrypt', 'verify'] }],
  ['a modulus of 2048 bits after a zero byte', { n: createModulus(2048, 1) }],
  ['a modulus of 8192 bits', { n: createModulus(8192) }],
  ['zero bytes before the exponent', { e: 'AAAAAQAB' }],
  ['a kid of 256 characters', { kid: 'k'.repeat(256) }],
  ['other members', { d: 'AQAB', k: 'c2VjcmV0', x5c: ['x'], x5u: 'http://127.0.0.1:9/', jku: 7 }],
])('imports a key with %s', async (_title, change) => {
  const { kid, n } = { ...jwk, ...change };
  const { key, ...imported } = (await importKey({ ...jwk, ...change })) as VerificationKey;
  const bytes = Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url');
  expect([imported.kid, key.type, key.asymmetricKeyType]).toEqual([kid, 'public', 'rsa']);
  expect(bytes.equals(Buffer.from(n, 'base64url').subarray(-bytes.length))).toBe(true);
});

it.each<[string, unknown]>([
  ['alg RS512', { ...jwk, alg: 'RS512' }],
  ['alg null', { ...jwk, alg: null }],
  ['use enc', { ...jwk, use: 'enc' }],
  ['key_ops with sign only', { ...jwk, key_ops: ['sign'] }],
  ['key_ops as a string', { ...jwk, key_ops: 'verify' }],
  ['kty EC', { ...jwk, kty: 'EC', crv: 'P-256', x: jwk.n.slice(0, 43), y: jwk.n.slice(0, 43) }],
  ['a missing modulus', { ...jwk, n: undefined }],
  ['a modulus of 256 zero bytes', { ...jwk, n: Buffer.alloc(256).toString('base64url') }],
  ['a modulus of 2047 bits', { ...jwk, n: createModulus(2047) }],
  ['a modulus of 1024 bits after zero bytes', { ...jwk, n: createModulus(1024, 200) }],
  ['a modulus of 8193 bits', { ...jwk, n: createModulus(8193) }],
  ['the exponent as an array', { ...jwk, e: ['AQAB'] }],
  ['exponent 65537 and one byte more', { ...jwk, e: 'AQABAQ' }],
  ['exponent 65537 after another character', { ...jwk, e: 'BAQAB' }],
  ['exponent 4096, which ends like 65537', { ...jwk, e: 'AAAQAB' }],
  ['kid as a number', { ...jwk, kid: 7 }],
  ['an empty kid', { ...jwk, kid: '' }],
  ['a kid of 257 characters', { ...jwk, kid: 'k'.repeat(257) }],
  ['all members inherited', Object.create(jwk)],
])('skips a key with %s', async (_title, value) => {
  expect(await importKey(value)).toBeUndefined();
});

it('returns the known key object if modulus and exponent are equal, otherwise a new one', async () => {
  const known = await importKey(jwk);
  expect(await importKey({ ...jwk, alg: undefined }, known)).toBe(known);
  const replaced = await importKey({ ...createRsaKey().jwk, kid: 'key' }, known);
  expect(replaced?.modulusAndExponent).not.toBe(known?.modulusAndExponent);
});
