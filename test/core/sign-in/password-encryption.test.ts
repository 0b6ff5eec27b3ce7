import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { PasswordEncryption } from '../../../src/core/sign-in/password-encryption.js';
import { findLeaks } from '../../support/leak.js';
import { type PasswordKeyPair, createRsaPasswordKey, createSm2PasswordKey } from '../../support/password-key.js';
import { catchError } from '../../support/promise.js';
import { propertyRuns } from '../../support/property.js';
import { catchThrown } from '../../support/thrown.js';
import { createVault } from '../../support/vault.js';

type Type = 'rsa' | 'sm2';

/** An SM2 key whose x begins with 04, as the prefix of an uncompressed point does. */
function createAmbiguousSm2Key(): PasswordKeyPair {
  const pair = createSm2PasswordKey();
  return pair.publicKey.startsWith('0404') ? pair : createAmbiguousSm2Key();
}
const rsa = createRsaPasswordKey();
const sm2 = createAmbiguousSm2Key();
const pairs = { rsa, sm2 };
const next = { rsa: createRsaPasswordKey(), sm2: createSm2PasswordKey() };

/** Imports a key that GenAuth publishes at `/api/v3/system`. */
const importKey = (type: Type, publicKey: unknown): ReturnType<PasswordEncryption['getKey']> =>
  new PasswordEncryption({ requestSystem: async () => ({ [type]: { publicKey } }), now: () => 0 }).getKey(type);

const toDer = (type: 'spki' | 'pkcs1'): string => rsa.key.export({ type, format: 'der' }).toString('base64');
const toPem = (key: ReturnType<typeof createPublicKey>): unknown => key.export({ type: 'spki', format: 'pem' });

// 1024 bits have 172 characters in base64. An SM2 ciphertext is C1 without 04, C3 and C2, without the prefix "sm2:".
const [BASE64, HEX] = [/^[A-Za-z0-9+/]{171}=$/, /^[0-9a-f]{208}$/];

it.each<[Type, string, string, RegExp]>([
  ['rsa', 'PEM with CRLF after a line of text', `GenAuth\n${rsa.publicKey}`.replaceAll('\n', '\r\n'), BASE64],
  ['rsa', 'PKCS#1 in PEM', rsa.key.export({ type: 'pkcs1', format: 'pem' }) as string, BASE64],
  ['rsa', 'base64 in lines', ` ${toDer('spki').replaceAll(/.{64}/g, '$&\r\n')}\n`, BASE64],
  ['rsa', 'PKCS#1 in base64', toDer('pkcs1'), BASE64],
  ['sm2', 'a point with 04', sm2.publicKey, HEX],
  ['sm2', 'a point without 04, in capitals', sm2.publicKey.slice(2).toUpperCase(), HEX],
])('accepts as %s key %s', async (type, _form, publicKey, form) => {
  const ciphertext = (await importKey(type, publicKey)).encrypt('passw0rd');
  expect(ciphertext).toMatch(form);
  expect(pairs[type].decrypt(ciphertext).toString()).toBe('passw0rd');
});

it.each([rsa, sm2])('encrypts by $type differently each time, and another library decrypts', async (pair) => {
  const { encrypt } = await importKey(pair.type, pair.publicKey);
  // Each character has at most 4 bytes, and the RSA key encrypts 117 bytes.
  const passwords = fc.string({ unit: 'binary', minLength: 1, maxLength: 29 });
  const property = fc.property(passwords, (password) => {
    const ciphertext = encrypt(password);
    expect(pair.decrypt(ciphertext).toString('hex')).toBe(Buffer.from(password).toString('hex'));
    expect(encrypt(password)).not.toBe(ciphertext);
  });
  fc.assert(property, { ...propertyRuns(20), examples: [['\0'], ['e\u0301👩‍👩‍👧'], ['\uFEFFa\uDC00b']] });
});

it('never sends a password of one letter unencrypted by SM2', async () => {
  // The key stream is zero in one of 256 encryptions of one byte. The letter would then end the ciphertext.
  const { encrypt } = await importKey('sm2', sm2.publicKey);
  const ends = Array.from({ length: 1000 }, () => encrypt('p').slice(192));
  expect(ends).not.toContain(Buffer.from('p').toString('hex'));
});

it.each([
  [1024, 3, 117],
  [1025, 65_537, 118],
])('encrypts with an RSA key of %i bits and the exponent %i at most %i bytes', async (bits, exponent, limit) => {
  const { publicKey, decrypt } = createRsaPasswordKey(bits, exponent);
  const { encrypt } = await importKey('rsa', publicKey);
  const longest = 'ü'.repeat(58).padEnd(limit - 58, 'x');
  expect(decrypt(encrypt(longest)).toString()).toBe(longest);
  const thrown = catchThrown(() => encrypt(`${longest}x`));
  const message = `The password has ${limit + 1} bytes: send at most ${limit} bytes.`;
  expect(thrown).toMatchObject({ name: 'RequestError', message, details: { field: 'password', limit, unit: 'bytes' } });
  expect(findLeaks(thrown, [longest])).toEqual([]);
});

/** A key with the same modulus and another exponent, in base64url. */
const withExponent = (e: string): unknown =>
  toPem(createPublicKey({ key: { ...rsa.key.export({ format: 'jwk' }), e }, format: 'jwk' }));
const signatureKey = generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).publicKey;

const point = sm2.publicKey.slice(2);
const [MISSING, RSA] = ['is missing', 'is not an RSA key of 1024 bits or more'];
const [HEX_POINT, CURVE] = ['is not a curve point in hex', 'is not a point on the curve'];
it.each<[Type, string, unknown, string]>([
  ['rsa', 'no key', undefined, MISSING],
  ['rsa', 'HTML', '<html>-----BEGIN PUBLIC KEY-----</html>', RSA],
  ['rsa', 'a key of 1016 bits', createRsaPasswordKey(1016).publicKey, RSA],
  ['rsa', 'a key with the exponent 1', withExponent('AQ'), RSA],
  ['rsa', 'a key with an even exponent', withExponent('AQAA'), RSA],
  ['rsa', 'an RSA key for signatures only', toPem(signatureKey), RSA],
  ['sm2', 'no key', undefined, MISSING],
  ['sm2', 'a hybrid point', `06${point}`, HEX_POINT],
  ['sm2', 'a point with one digit less', sm2.publicKey.slice(0, -1), HEX_POINT],
  ['sm2', 'a point with digits before it', `00${sm2.publicKey}`, HEX_POINT],
  ['sm2', 'a point with digits after it', `${sm2.publicKey}00`, HEX_POINT],
  ['sm2', 'a point that is not on the curve', `04${'1'.repeat(128)}`, CURVE],
])('refuses as %s key %s, and says why and what to do', async (type, _name, publicKey, problem) => {
  const error = await catchError(importKey(type, publicKey));
  const message =
    `GenAuth's ${type} key for passwords ${problem}, so no user can sign in with passwordEncryptType '${type}': ` +
    "ask GenAuth's support, or write passwordEncryptType: 'none'.";
  expect(error).toMatchObject({ name: 'UpstreamError', code: 'upstream_invalid_response', message });
});

let now = 0;
/** Answers each request with the next of these answers, and with the last one from then on. */
const open = (...answers: unknown[]) => {
  const { source, asked } = createVault(...answers);
  return { keys: new PasswordEncryption({ requestSystem: source, now: () => now }), asked };
};

it('the cache fetches both keys once for parallel logins, and uses no keys older than ten minutes', async () => {
  const down = Promise.reject(new Error('GenAuth is down'));
  const { keys, asked } = open(pairs, down, next);
  await Promise.all([keys.getKey('rsa'), keys.getKey('sm2')]);
  now = 599_999;
  await keys.getKey('sm2');
  expect(asked()).toBe(1);
  now = 600_000;
  expect(await catchError(keys.getKey('rsa'))).toBe(await catchError(down));
  await keys.getKey('rsa');
  expect(asked()).toBe(3);
});

it('the cache fetches the keys again after an unusable key, and caches no failed import', async () => {
  const unusable = { rsa: { publicKey: 'x' }, sm2: { publicKey: '1'.repeat(128) } };
  const { keys, asked } = open(unusable, unusable, pairs);
  await catchError(keys.getKey('rsa'));
  await catchError(keys.getKey('sm2'));
  await keys.getKey('sm2');
  expect(asked()).toBe(3);
});

it.each(['rsa', 'sm2'] as const)(
  'the cache imports the %s key again only if it changed after `forget`',
  async (type) => {
    const { keys, asked } = open(pairs, pairs, next);
    const key = await keys.getKey(type);
    keys.forget(key);
    const same = await keys.getKey(type);
    keys.forget(key);
    await keys.getKey(type);
    expect([same.encrypt, asked()]).toEqual([key.encrypt, 2]);
    keys.forget(same);
    expect(next[type].decrypt((await keys.getKey(type)).encrypt('p')).toString()).toBe('p');
  },
);
