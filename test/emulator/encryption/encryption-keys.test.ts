import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import { EncryptionKeys } from '../../../src/emulator/encryption/encryption-keys.js';
import { asAd, asUser, getSystem, signIn, useEmulator } from '../support.js';
import { C1C2C3, C1C3C2, encryptBySm2, encryptRsa } from './ciphertexts.js';

const keys = new EncryptionKeys();
const rsaEncrypt = async (password: string | Buffer, padding = constants.RSA_PKCS1_PADDING) =>
  publicEncrypt({ key: (await keys.rsa).publicKey, padding }, Buffer.from(password as string)).toString('base64');
const sm2Encrypt = async (password: string | Uint8Array, order = C1C3C2) =>
  sm2.doEncrypt(password, (await keys.sm2).publicKey, order);
/** Encrypts a block of 128 bytes without padding. */
const rsaEncryptBlock = (...start: number[]) =>
  rsaEncrypt(Buffer.concat([Buffer.from(start), Buffer.alloc(128 - start.length, 0x41)]), constants.RSA_NO_PADDING);
/** Changes the last bit of a hexadecimal text or of a base64 text of 128 bytes. */
const flip = (text: string, encoding: 'hex' | 'base64') => {
  const bytes = Buffer.from(text, encoding);
  return Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]).toString(encoding);
};
const PASSWORD = '\uFEFFpä密🔑 ';

describe('the RSA key', () => {
  it('has 1024 bits and is exported as PEM', async () => {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey((await keys.rsa).publicKey);
    expect([asymmetricKeyType, asymmetricKeyDetails?.modulusLength]).toEqual(['rsa', 1024]);
  });

  it.each([PASSWORD, 'x'.repeat(117), ''])('decrypts the password %j that node:crypto encrypted', async (password) => {
    expect(await (await keys.rsa).decrypt(await rsaEncrypt(password))).toBe(password);
  });

  it.each<[string, () => string | Promise<string>]>([
    ['base64 without padding', async () => (await rsaEncrypt('p')).replaceAll('=', '')],
    ['hex', async () => Buffer.from(await rsaEncrypt('p'), 'base64').toString('hex')],
    ['a changed bit', async () => flip(await rsaEncrypt('p'), 'base64')],
    ['a number above the modulus', () => Buffer.alloc(128, 0xff).toString('base64')],
    ['OAEP padding', () => rsaEncrypt('p', constants.RSA_PKCS1_OAEP_PADDING)],
    ['signature padding', () => rsaEncryptBlock(0, 1, ...Array<number>(117).fill(0xff), 0)],
    ['padding without an end', () => rsaEncryptBlock(0, 2)],
    ['7 bytes of padding', () => rsaEncryptBlock(0, 2, 9, 9, 9, 9, 9, 9, 9, 0)],
    ['bytes that are not UTF-8', () => rsaEncrypt(Buffer.from([0xff]))],
  ])('does not decrypt %s', async (_title, make) => {
    expect(await (await keys.rsa).decrypt(await make())).toBeUndefined();
  });
});

describe('the SM2 key', () => {
  it.each<[string, string, number]>([
    ['C1C3C2', '', C1C3C2],
    ['C1C3C2 with the prefix 04', '04', C1C3C2],
    ['C1C3C2 with both prefixes', 'sm2:04', C1C3C2],
    ['C1C2C3', '', C1C2C3],
    ['C1C2C3 with the prefix sm2:', 'sm2:', C1C2C3],
  ])('decrypts %s of sm-crypto-v2, in any case', async (_title, prefix, order) => {
    const ciphertext = await sm2Encrypt(PASSWORD, order);
    expect(await (await keys.sm2).decrypt(prefix + ciphertext)).toBe(PASSWORD);
    expect(await (await keys.sm2).decrypt(prefix + ciphertext.toUpperCase())).toBe(PASSWORD);
  });

  it('decrypts a ciphertext whose point begins with 04, with and without the prefix 04', async () => {
    let ciphertext = '';
    // One ciphertext in 256 begins with 04.
    while (!ciphertext.startsWith('04')) ciphertext = await sm2Encrypt('p');
    const { decrypt } = await keys.sm2;
    expect([await decrypt(ciphertext), await decrypt(`04${ciphertext}`)]).toEqual(['p', 'p']);
  });

  it.each<[string, (right: string) => string | Promise<string>]>([
    ['two prefixes sm2:', (right) => `sm2:sm2:${right}`],
    ['two prefixes 04', (right) => `0404${right}`],
    ['text that is not hex', (right) => `${right.slice(0, -2)}0g`],
    ['an odd number of digits', (right) => `${right}0`],
    ['one byte too few', (right) => right.slice(0, -2)],
    ['a point and a hash without a text', (right) => right.slice(0, 192)],
    ['a point that is not on the curve', (right) => `${'1'.repeat(128)}${right.slice(128)}`],
    ['a changed bit', (right) => flip(right, 'hex')],
    ['bytes that are not UTF-8', () => sm2Encrypt(Uint8Array.of(0xff))],
    ['bytes that are not UTF-8 in the order C1C2C3', () => sm2Encrypt(Uint8Array.of(0xff), C1C2C3)],
  ])('does not decrypt %s', async (_title, make) => {
    expect(await (await keys.sm2).decrypt(await make(await sm2Encrypt('p')))).toBeUndefined();
  });
});

describe('a sign-in', () => {
  const emulator = useEmulator();
  const wrapped = useEmulator({ systemWrapped: true, rsaKeyFormat: 'base64' });
  const ask = (passwordEncryptType: string, password: string, account = 'alice') =>
    signIn(emulator(), asUser(account, password, { passwordEncryptType }));
  const ENCRYPT = { rsa: encryptRsa, sm2: encryptBySm2 };

  it.each([
    ['rsa', 'passw0rd', 200],
    ['rsa', 'passw0rd\0', 2333],
    ['rsa', btoa('passw0rd'), 2333],
    ['rsa', '', 2333],
    ['sm2', 'passw0rd', 200],
    ['sm2', btoa('passw0rd'), 200],
    ['sm2', btoa('passw0rd').replace('=', ''), 2333],
  ] as const)('with %s of the text %j is answered with %i', async (type, password, code) => {
    expect((await ask(type, await ENCRYPT[type](emulator(), password))).code).toBe(code);
  });

  it('decrypts a password of AD, and answers an undecryptable password with 499', async () => {
    const password = await encryptRsa(emulator(), 'AdPassw0rd');
    const ad = asAd('zhangsan', password, { passwordEncryptType: 'rsa' });
    expect((await signIn(emulator(), ad)).code).toBe(200);
    const message = 'Decrypt password failed, please check your encryption configuration.';
    const refusal = { answer: { statusCode: 499, apiCode: 2016, message }, outcome: 'decryption_failed' };
    const answers = [await ask('rsa', 'x'), await ask('sm2', 'x'), await ask('rsa', 'x', 'unknown')];
    expect(answers).toMatchObject([refusal, refusal, refusal]);
  });

  it.each(['rsa', 'sm2'] as const)('refuses a password that was encrypted with a replaced %s key', async (type) => {
    const [before, old] = [await getSystem(emulator()), await ENCRYPT[type](emulator(), 'passw0rd')];
    expect(await getSystem(emulator())).toEqual(before);
    await emulator().rotateEncryptionKeys();
    expect((await getSystem(emulator()))[type]).not.toEqual(before[type]);
    expect((await ask(type, old)).code).toBe(2016);
    expect((await ask(type, await ENCRYPT[type](emulator(), 'passw0rd'))).code).toBe(200);
  });

  it('finds the keys in the system information, in each form of the options', async () => {
    const version = { server: '2.0.0', console: '2.0.0', login: '2.0.0' };
    const shared = { version, publicIps: ['127.0.0.1'], sm2: { publicKey: expect.stringMatching(/^04[\da-f]{128}$/) } };
    const pem: unknown = expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n[\w+/=\n]+-----END PUBLIC KEY-----\n$/);
    expect(await getSystem(emulator())).toEqual({ ...shared, rsa: { publicKey: pem } });
    const data = { ...shared, rsa: { publicKey: expect.stringMatching(/^MI[\w+/]+=*$/) } };
    const envelope = { statusCode: 200, message: '', requestId: expect.any(String), data };
    expect(await getSystem(wrapped())).toEqual(envelope);
  });
});
