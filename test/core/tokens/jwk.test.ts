import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { type VerificationKey, importVerificationKey } from '../../../src/core/tokens/jwk.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { propertyRuns } from '../../support/property.js';

const rsa = createRsaKey({ kid: 'key' });
const { n } = rsa.jwk;
const importKey = (value: unknown, known?: VerificationKey): Promise<VerificationKey | undefined> =>
  importVerificationKey(value, (kid) => (kid === 'key' ? known : undefined));

/** A modulus of exactly this length. It is not a product of two primes. */
function createModulus(bits: number): string {
  const number = (1n << BigInt(bits - 1)) | BigInt(`0x${randomBytes(Math.floor((bits - 1) / 8)).toString('hex')}`) | 1n;
  const hex = number.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
}
const addZeros = (text: string, count: number): string =>
  Buffer.concat([Buffer.alloc(count), Buffer.from(text, 'base64url')]).toString('base64url');

it.each<[string, object]>([
  ['use sig and alg RS256', {}],
  ['a missing alg', { alg: undefined }],
  ['a missing use', { use: undefined }],
  ['key_ops with verify', { key_ops: ['encrypt', 'verify'] }],
  ['a modulus of 2048 bits', { n: createModulus(2048) }],
  ['a modulus of 2049 bits', { n: createModulus(2049) }],
  ['a modulus of 8192 bits', { n: createModulus(8192) }],
  ['a zero byte before the modulus', { n: addZeros(n, 1) }],
  ['zero bytes before the exponent', { e: `AAAA${rsa.jwk.e}` }],
  ['a kid of 256 characters', { kid: 'k'.repeat(256) }],
  ['kid __proto__', { kid: '__proto__' }],
  ['other members', { d: 'AQAB', k: 'c2VjcmV0', x5c: ['x'], x5u: 'http://127.0.0.1:9/', jku: 7 }],
])('imports a key with %s', async (_title, change) => {
  const jwk = { ...rsa.jwk, ...change };
  const imported = await importKey(jwk);
  expect(imported).toMatchObject({ kid: jwk.kid, key: { type: 'public', asymmetricKeyType: 'rsa' } });
  expect(BigInt(`0x${Buffer.from(imported?.key.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`)).toBe(
    BigInt(`0x${Buffer.from(jwk.n, 'base64url').toString('hex')}`),
  );
});

it.each<[string, unknown]>([
  ['alg RS512', { ...rsa.jwk, alg: 'RS512' }],
  ['alg HS256', { ...rsa.jwk, alg: 'HS256' }],
  ['alg none', { ...rsa.jwk, alg: 'none' }],
  ['alg null', { ...rsa.jwk, alg: null }],
  ['alg as an array', { ...rsa.jwk, alg: ['RS256'] }],
  ['use enc', { ...rsa.jwk, use: 'enc' }],
  ['key_ops with sign only', { ...rsa.jwk, key_ops: ['sign'] }],
  ['key_ops as a string', { ...rsa.jwk, key_ops: 'verify' }],
  ['kty rsa', { ...rsa.jwk, kty: 'rsa' }],
  ['kty EC', { ...rsa.jwk, kty: 'EC', crv: 'P-256', x: n.slice(0, 43), y: n.slice(0, 43) }],
  ['kty oct', { kty: 'oct', kid: 'key', k: 'c2VjcmV0' }],
  ['a missing modulus', { ...rsa.jwk, n: undefined }],
  ['an empty modulus', { ...rsa.jwk, n: '' }],
  ['a modulus that is not base64url', { ...rsa.jwk, n: '§'.repeat(342) }],
  ['a modulus of 2047 bits', { ...rsa.jwk, n: createModulus(2047) }],
  ['a modulus of 8193 bits', { ...rsa.jwk, n: createModulus(8193) }],
  ['a modulus of 1024 bits after 200 zero bytes', { ...rsa.jwk, n: addZeros(createModulus(1024), 200) }],
  ['a missing exponent', { ...rsa.jwk, e: undefined }],
  ['the exponent as a number', { ...rsa.jwk, e: 65_537 }],
  ['exponent 3 of a real key', { ...createRsaKey({ exponent: 3 }).jwk, kid: 'key' }],
  ['exponent 65537 and one byte more', { ...rsa.jwk, e: 'AQABAQ' }],
  ['exponent 65537 after other characters', { ...rsa.jwk, e: 'BAQAB' }],
  ['exponent 4096, which ends like 65537', { ...rsa.jwk, e: 'AAAQAB' }],
  ['a missing kid', { ...rsa.jwk, kid: undefined }],
  ['an empty kid', { ...rsa.jwk, kid: '' }],
  ['a kid of 257 characters', { ...rsa.jwk, kid: 'k'.repeat(257) }],
  ['all members inherited', Object.create(rsa.jwk)],
  ['the value null', null],
  ['an array around it', [rsa.jwk]],
])('skips a key with %s', async (_title, value) => {
  expect(await importKey(value)).toBeUndefined();
});

it('returns the known key object if modulus and exponent are equal, otherwise a new one', async () => {
  const known = await importKey(rsa.jwk);
  expect(await importKey({ ...rsa.jwk, alg: undefined }, known)).toBe(known);
  const replaced = await importKey({ ...createRsaKey().jwk, kid: 'key' }, known);
  expect(replaced?.modulusAndExponent).not.toBe(known?.modulusAndExponent);
});

it('imports from values of any shape only RSA keys of 2048 to 8192 bits with exponent 65537', async () => {
  const maybe = (...likely: unknown[]) => fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...likely) }, fc.anything());
  const jwk = fc.record(
    {
      kty: maybe('RSA', 'RSA', 'EC'),
      kid: maybe('key', 'other'),
      n: maybe(n, n, createModulus(2047), createModulus(8193)),
      e: maybe('AQAB', 'AQAB', 'AAAAAQAB', 'AAAQAB', 'AAQAB', 'Aw'),
      use: maybe('sig', undefined, 'enc'),
      alg: maybe('RS256', undefined, 'RS512'),
      key_ops: maybe(['verify'], undefined, ['sign']),
    },
    { requiredKeys: ['kty', 'kid', 'n', 'e'] },
  );
  const property = fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: jwk }, fc.anything()), async (value) => {
    const imported = await importKey(value);
    const { modulusLength = 0, publicExponent } = imported?.key.asymmetricKeyDetails ?? {};
    const isUsable = publicExponent === 65_537n && modulusLength >= 2048 && modulusLength <= 8192;
    expect(isUsable && imported?.key.type === 'public').toBe(imported !== undefined);
  });
  await fc.assert(property, propertyRuns(300));
});
