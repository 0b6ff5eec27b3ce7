import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { kdf, sm2, sm3 } from 'sm-crypto-v2';
import { EncryptionKeys } from '../../../src/emulator/encryption/encryption-keys.js';
import { asAd, asUser, getSystem, signIn, useEmulator } from '../support.js';
import { C1C2C3, C1C3C2, encryptBySm2, encryptRsa } from './ciphertexts.js';

const keys = new EncryptionKeys();
const rsaEncrypt = async (password: string | Buffer, padding = constants.RSA_PKCS1_PADDING) =>
  publicEncrypt({ key: (await keys.rsa).publicKey, padding }, Buffer.from(password as string)).toString('base64');
const sm2Encrypt = async (password: string | Uint8Array, order = C1C3C2) =>
  sm2.doEncrypt(password, (await keys.sm2).publicKey, order);
/** Encrypts a block of 128 bytes without padding. */
const rsaEncryptBlock = (...parts: (readonly number[] | Uint8Array)[]) => {
  const start = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return rsaEncrypt(Buffer.concat([start, Buffer.alloc(128 - start.length, 0x41)]), constants.RSA_NO_PADDING);
};
const change = (text: string, encoding: 'hex' | 'base64', edit: (bytes: Buffer) => Uint8Array) =>
  Buffer.from(edit(Buffer.from(text, encoding))).toString(encoding);
const flip = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]);

const PASSWORDS = ['passw0rd', '\uFEFFpä密🔑 ', 'x'.repeat(117), ''];

describe('the RSA key', () => {
  it('has 1024 bits and is exported as PEM', async () => {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey((await keys.rsa).publicKey);
    expect([asymmetricKeyType, asymmetricKeyDetails?.modulusLength]).toEqual(['rsa', 1024]);
  });

  it.each(PASSWORDS)('decrypts the password %j that node:crypto encrypted', async (password) => {
    expect(await (await keys.rsa).decrypt(await rsaEncrypt(password))).toBe(password);
  });

  it.each<[string, () => string | Promise<string>]>([
    ['text that is not base64', () => '!'.repeat(172)],
    ['base64 without padding', async () => (await rsaEncrypt('p')).replaceAll('=', '')],
    ['hex', async () => Buffer.from(await rsaEncrypt('p'), 'base64').toString('hex')],
    ['one byte too few', async () => change(await rsaEncrypt('p'), 'base64', (bytes) => bytes.subarray(1))],
    [
      'one byte too many',
      async () => change(await rsaEncrypt('p'), 'base64', (bytes) => Buffer.concat([bytes, Buffer.of(0)])),
    ],
    ['a changed bit', async () => change(await rsaEncrypt('p'), 'base64', flip)],
    ['a number above the modulus', () => Buffer.alloc(128, 0xff).toString('base64')],
    ['OAEP padding', () => rsaEncrypt('p', constants.RSA_PKCS1_OAEP_PADDING)],
    ['signature padding', () => rsaEncryptBlock([0, 1], Buffer.alloc(117, 0xff), [0])],
    ['unknown padding', () => rsaEncryptBlock([0, 3], Buffer.alloc(117, 9), [0])],
    ['padding without an end', () => rsaEncryptBlock([0, 2], Buffer.alloc(126, 9))],
    [
      '7 bytes of padding',
      () =>
        rsaEncryptBlock(
          [0, 2],
          randomBytes(7).map((byte) => byte || 1),
          [0],
        ),
    ],
    ['bytes that are not UTF-8', () => rsaEncrypt(Buffer.from([0xff]))],
  ])('does not decrypt %s', async (_title, make) => {
    expect(await (await keys.rsa).decrypt(await make())).toBeUndefined();
  });
});

describe('the SM2 key', () => {
  it.each<[string, (password: string) => Promise<string>]>([
    ['C1C3C2', (password) => sm2Encrypt(password)],
    ['C1C3C2 in upper case', async (password) => (await sm2Encrypt(password)).toUpperCase()],
    ['C1C3C2 with the prefix 04', async (password) => `04${await sm2Encrypt(password)}`],
    ['C1C3C2 with the prefix sm2:', async (password) => `sm2:${await sm2Encrypt(password)}`],
    ['C1C3C2 with both prefixes', async (password) => `sm2:04${await sm2Encrypt(password)}`],
    ['C1C2C3', (password) => sm2Encrypt(password, C1C2C3)],
    ['C1C2C3 with the prefix 04', async (password) => `04${await sm2Encrypt(password, C1C2C3)}`],
  ])('decrypts %s of sm-crypto-v2', async (_title, encrypt) => {
    expect(await (await keys.sm2).decrypt(await encrypt(PASSWORDS[1] ?? ''))).toBe(PASSWORDS[1]);
  });

  it('decrypts a ciphertext whose point begins with 04, with and without the prefix 04', async () => {
    // One private number in 256 gives such a point. The rest is the encryption of GB/T 32918.4 §6.1.
    const number = '863900fe928df5baf9d3e3a07c88b0e866f90d191c3d81462fde9a55ae956eb7';
    const { publicKey, decrypt } = await keys.sm2;
    const point = sm2.getPublicKeyFromPrivateKey(number).slice(2);
    const shared = sm2.ecdh(number, publicKey, false).slice(1);
    const clear = Buffer.from('passw0rd');
    const mask = kdf(shared, clear.length);
    const hash = sm3(Buffer.concat([shared.subarray(0, 32), clear, shared.subarray(32)]));
    const ciphertext = `${point}${hash}${Buffer.from(clear.map((byte, i) => byte ^ (mask[i] ?? 0))).toString('hex')}`;
    expect([point.slice(0, 2), await decrypt(ciphertext), await decrypt(`04${ciphertext}`)]).toEqual([
      '04',
      'passw0rd',
      'passw0rd',
    ]);
  });

  it.each<[string, () => string | Promise<string>]>([
    ['two prefixes sm2:', async () => `sm2:sm2:${await sm2Encrypt('p')}`],
    ['two prefixes 04', async () => `0404${await sm2Encrypt('p')}`],
    ['text that is not hex', async () => `${(await sm2Encrypt('passw0rd')).slice(0, -2)}0g`],
    ['an odd number of digits', async () => `${await sm2Encrypt('p')}0`],
    ['one byte too few', async () => (await sm2Encrypt('passw0rd')).slice(0, -2)],
    ['one byte too many', async () => `${await sm2Encrypt('p')}00`],
    ['a point and a hash without a text', async () => (await sm2Encrypt('p')).slice(0, 192)],
    ['a point that is not on the curve', async () => `${'1'.repeat(128)}${(await sm2Encrypt('p')).slice(128)}`],
    ['the point at infinity', async () => `${'0'.repeat(128)}${(await sm2Encrypt('p')).slice(128)}`],
    ['another hash', async () => (await sm2Encrypt('p')).replace(/(?<=^.{128}).{64}/, '0'.repeat(64))],
    ['a changed bit', async () => change(await sm2Encrypt('p'), 'hex', flip)],
    ['bytes that are not UTF-8', () => sm2Encrypt(Uint8Array.of(0xff))],
    ['bytes that are not UTF-8 in the order C1C2C3', () => sm2Encrypt(Uint8Array.of(0xff), C1C2C3)],
  ])('does not decrypt %s', async (_title, make) => {
    expect(await (await keys.sm2).decrypt(await make())).toBeUndefined();
  });
});

describe('a sign-in', () => {
  const emulator = useEmulator();
  const ask = (type: string, password: string, account = 'alice') =>
    signIn(emulator(), asUser(account, password, { passwordEncryptType: type }));
  const ENCRYPT = { rsa: encryptRsa, sm2: encryptBySm2 };

  it.each(['rsa', 'sm2'] as const)('compares a password that was decrypted with %s', async (type) => {
    const encrypt = (password: string) => ENCRYPT[type](emulator(), password);
    expect(await ask(type, await encrypt('passw0rd'))).toMatchObject({ code: 200, outcome: 'success' });
    expect(await ask(type, await encrypt('passw0rd\0'))).toMatchObject({ code: 2333, outcome: 'invalid_credentials' });
    const ad = asAd('zhangsan', await encrypt('AdPassw0rd'), { passwordEncryptType: type });
    expect(await signIn(emulator(), ad)).toMatchObject({ code: 200 });
  });

  it.each(['alice', 'unknown'])('answers an undecryptable password of %s with 499', async (account) => {
    const message = 'Decrypt password failed, please check your encryption configuration.';
    const refusal = { answer: { statusCode: 499, apiCode: 2016, message }, outcome: 'decryption_failed' };
    expect(await ask('rsa', 'x', account)).toMatchObject(refusal);
    expect(await ask('sm2', 'x', account)).toMatchObject(refusal);
  });

  it.each([
    ['sm2', btoa('passw0rd'), 200],
    ['sm2', btoa('passw0rd').replace('=', ''), 2333],
    ['sm2', `${btoa('passw0rd')}\n`, 2333],
    ['rsa', btoa('passw0rd'), 2333],
    ['rsa', '', 2333],
  ] as const)('with %s of the text %j is answered with %i', async (type, password, code) => {
    expect((await ask(type, await ENCRYPT[type](emulator(), password))).code).toBe(code);
  });

  it.each(['rsa', 'sm2'] as const)('refuses a password that was encrypted with a replaced %s key', async (type) => {
    const [before, old] = [await getSystem(emulator()), await ENCRYPT[type](emulator(), 'passw0rd')];
    expect([await getSystem(emulator()), await getSystem(emulator())]).toEqual([before, before]);
    await emulator().rotateEncryptionKeys();
    expect((await getSystem(emulator()))[type]).not.toEqual(before[type]);
    expect((await ask(type, old)).code).toBe(2016);
    expect((await ask(type, await ENCRYPT[type](emulator(), 'passw0rd'))).code).toBe(200);
  });
});
