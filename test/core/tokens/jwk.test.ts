import { randomBytes } from 'node:crypto';
import type { UnusableKey } from '../../../src/core/errors.js';
import { type VerificationKey, importVerificationKey } from '../../../src/core/tokens/jwk.js';
import { createRsaKey } from '../../support/rsa-key.js';

const { jwk } = createRsaKey({ kid: 'key' });
const importKey = (value: unknown, known?: VerificationKey): Promise<VerificationKey | UnusableKey> =>
  importVerificationKey(value, (kid, text) => (kid === known?.kid && text === known?.modulus ? known : undefined));

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
  ['alg, use and key_ops null', { alg: null, use: null, key_ops: null, x5c: null }],
  ['no kid', { kid: undefined }],
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

it('imports a key with kid null as a key without kid', async () => {
  expect(await importKey({ ...jwk, kid: null })).toMatchObject({ kid: undefined, modulus: jwk.n });
});

it('reports a process that cannot import keys as unsuitable, with the cause', async () => {
  const webCrypto = Object.getOwnPropertyDescriptor(globalThis, 'crypto') as PropertyDescriptor;
  Object.defineProperty(globalThis, 'crypto', { configurable: true, value: undefined });
  const error = await importKey(jwk).catch((thrown: unknown) => thrown);
  Object.defineProperty(globalThis, 'crypto', webCrypto);
  expect(error).toMatchObject({ code: 'runtime_unsuitable', statusCode: 500, cause: expect.any(Error) });
});

it('reads no member from a polluted Object.prototype', async () => {
  Object.assign(Object.prototype, { kid: 'polluted' });
  const imported = await importKey({ ...jwk, kid: null });
  Reflect.deleteProperty(Object.prototype, 'kid');
  expect(imported.kid).toBeUndefined();
  expect(imported).toHaveProperty('key');
});

it.each<[string, unknown]>([
  ['alg RS512', { ...jwk, alg: 'RS512' }],
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
  expect(Object.keys(await importKey(value))).toEqual(['kid', 'problem', 'isForTokens']);
});

it('returns the known key object if the numbers are equal, however they are written, otherwise a new one', async () => {
  const known = (await importKey(jwk)) as VerificationKey;
  expect(await importKey({ ...jwk, alg: undefined }, known)).toBe(known);
  const padded = Buffer.concat([Buffer.alloc(1), Buffer.from(jwk.n, 'base64url')]).toString('base64');
  expect(await importKey({ ...jwk, n: padded, e: 'AAAAAQAB' }, known)).toBe(known);
  const replaced = (await importKey({ ...createRsaKey().jwk, kid: 'key' }, known)) as VerificationKey;
  expect(replaced.modulus).not.toBe(known.modulus);
});

it.each([
  [7, 'is not an object'],
  [{ ...jwk, kid: 7 }, 'kid is not a string of 1 to 256 characters'],
  [{ ...jwk, kty: 'oct' }, 'kty is "oct"'],
  [{ ...jwk, use: 'enc' }, 'use is "enc"'],
  [{ ...jwk, alg: 'RSA256' }, 'alg is "RSA256"'],
  [{ ...jwk, key_ops: [] }, 'key_ops does not contain "verify"'],
  [{ ...jwk, n: null, x5c: ['x'] }, 'n or e is missing (x5c is not read)'],
  [{ ...jwk, e: 'Aw' }, 'the exponent is not 65537'],
  [{ ...jwk, n: createModulus(1024) }, 'the modulus has 1024 bits'],
])('names the problem of the key %j', async (value, problem) => {
  expect(await importKey(value)).toMatchObject({ kid: (value as { kid?: unknown }).kid, problem });
});

it.each<[object, boolean]>([
  [{ kty: 'EC' }, true],
  [{ use: 'enc' }, false],
  [{ alg: 'ES256' }, false],
])('knows whether the unusable key %j is meant for tokens', async (changes, isForTokens) => {
  expect(await importKey({ ...jwk, n: 'AQAB', ...changes })).toMatchObject({ isForTokens });
});
