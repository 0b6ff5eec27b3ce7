import { constants, createPublicKey } from 'node:crypto';
import { asUser, getSystem, signIn, useEmulator } from '../support.js';
import { C1C2C3, encryptBySm2, encryptRsa } from './ciphertexts.js';

const PASSWORD = '\uFEFFpä密🔑 ';
const BASE64 = Buffer.from(PASSWORD).toString('base64');
const emulator = useEmulator({ users: [{ username: 'alice', password: PASSWORD }] });
const wrapped = useEmulator({ systemWrapped: true, rsaKeyFormat: 'base64' });
const ENCRYPT = { rsa: encryptRsa, sm2: encryptBySm2 };
const ask = (passwordEncryptType: string, password: string, account = 'alice') =>
  signIn(emulator(), asUser(account, password, { passwordEncryptType }));

const rsa = (password: string | Buffer, padding?: number) => encryptRsa(emulator(), password, padding);
const sm2 = (password: string | Uint8Array = PASSWORD, order?: number) => encryptBySm2(emulator(), password, order);
/** Encrypts a block of 128 bytes without padding. */
const rsaBlock = (...start: number[]) =>
  rsa(Buffer.concat([Buffer.from(start), Buffer.alloc(128 - start.length, 0x41)]), constants.RSA_NO_PADDING);
/** Changes the last bit. */
const flip = (text: string, encoding: 'hex' | 'base64') => {
  const bytes = Buffer.from(text, encoding);
  return Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]).toString(encoding);
};

it.each<[string, number, () => string | Promise<string>]>([
  ['the right padding', 200, () => rsa(PASSWORD)],
  ['the base64 text of the password', 2333, () => rsa(BASE64)],
  ['an empty password', 2333, () => rsa('')],
  ['base64 without padding', 2016, async () => (await rsa(PASSWORD)).replaceAll('=', '')],
  ['hex', 2016, async () => Buffer.from(await rsa(PASSWORD), 'base64').toString('hex')],
  ['a changed bit', 2016, async () => flip(await rsa(PASSWORD), 'base64')],
  ['a number above the modulus', 2016, () => Buffer.alloc(128, 0xff).toString('base64')],
  ['OAEP padding', 2016, () => rsa('p', constants.RSA_PKCS1_OAEP_PADDING)],
  ['signature padding', 2016, () => rsaBlock(0, 1, ...Array<number>(117).fill(0xff), 0)],
  ['padding without an end', 2016, () => rsaBlock(0, 2)],
  ['7 bytes of padding', 2016, () => rsaBlock(0, 2, 9, 9, 9, 9, 9, 9, 9, 0)],
  ['bytes that are not UTF-8', 2016, () => rsa(Buffer.from([0xff]))],
])('with RSA, %s is answered with %i', async (_title, code, make) => {
  expect((await ask('rsa', await make())).code).toBe(code);
});

it.each<[string, number, () => string | Promise<string>]>([
  ['C1C3C2 in upper case', 200, async () => (await sm2()).toUpperCase()],
  ['C1C3C2 with the prefix 04', 200, async () => `04${await sm2()}`],
  ['C1C3C2 with both prefixes', 200, async () => `sm2:04${await sm2()}`],
  ['C1C2C3', 200, () => sm2(PASSWORD, C1C2C3)],
  ['C1C2C3 with the prefix sm2:', 200, async () => `sm2:${await sm2(PASSWORD, C1C2C3)}`],
  ['the base64 text of the password', 200, () => sm2(BASE64)],
  ['the base64 text without its padding', 2333, () => sm2(BASE64.replaceAll('=', ''))],
  ['two prefixes sm2:', 2016, async () => `sm2:sm2:${await sm2()}`],
  ['two prefixes 04', 2016, async () => `0404${await sm2()}`],
  ['text that is not hex', 2016, async () => `${(await sm2()).slice(0, -2)}0g`],
  ['an odd number of digits', 2016, async () => `${await sm2()}0`],
  ['one byte too few', 2016, async () => (await sm2()).slice(0, -2)],
  ['a point and a hash without a text', 2016, async () => (await sm2()).slice(0, 192)],
  ['a point that is not on the curve', 2016, async () => `${'1'.repeat(128)}${(await sm2()).slice(128)}`],
  ['a changed bit', 2016, async () => flip(await sm2(), 'hex')],
  ['bytes that are not UTF-8', 2016, () => sm2(Uint8Array.of(0xff))],
  ['bytes that are not UTF-8 in the order C1C2C3', 2016, () => sm2(Uint8Array.of(0xff), C1C2C3)],
])('with SM2, %s is answered with %i', async (_title, code, make) => {
  expect((await ask('sm2', await make())).code).toBe(code);
});

it('decrypts an SM2 ciphertext whose point begins with 04, with and without the prefix 04', async () => {
  let text = '';
  // One ciphertext in 256 begins with 04.
  while (!text.startsWith('04')) text = await sm2();
  expect([(await ask('sm2', text)).code, (await ask('sm2', `04${text}`)).code]).toEqual([200, 200]);
});

it.each(['rsa', 'sm2'] as const)('a replaced %s key is answered with 499, also to an unknown user', async (type) => {
  const [before, old] = [await getSystem(emulator()), await ENCRYPT[type](emulator(), PASSWORD)];
  expect(await getSystem(emulator())).toEqual(before);
  await emulator().rotateEncryptionKeys();
  expect((await getSystem(emulator()))[type]).not.toEqual(before[type]);
  const message = 'Decrypt password failed, please check your encryption configuration.';
  const refusal = { answer: { statusCode: 499, apiCode: 2016, message }, outcome: 'decryption_failed' };
  expect([await ask(type, old), await ask(type, old, 'unknown')]).toMatchObject([refusal, refusal]);
});

it('the system information has the keys, in each form of the options', async () => {
  const version = { server: '2.0.0', console: '2.0.0', login: '2.0.0' };
  const shared = { version, publicIps: ['127.0.0.1'], sm2: { publicKey: expect.stringMatching(/^04[\da-f]{128}$/) } };
  const pem: unknown = expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n[\w+/=\n]+-----END PUBLIC KEY-----\n$/);
  const { rsa: key, ...others } = await getSystem(emulator());
  expect([key, others]).toEqual([{ publicKey: pem }, shared]);
  expect(createPublicKey(key.publicKey).asymmetricKeyDetails?.modulusLength).toBe(1024);
  const data = { ...shared, rsa: { publicKey: expect.stringMatching(/^MI[\w+/]+=*$/) } };
  const envelope = { statusCode: 200, message: '', requestId: expect.any(String), data };
  expect(await getSystem(wrapped())).toEqual(envelope);
});
