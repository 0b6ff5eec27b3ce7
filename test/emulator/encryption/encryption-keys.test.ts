import { constants, createPublicKey } from 'node:crypto';
import { asUser, getSystem, signIn, useEmulator } from '../support.js';
import { C1C2C3, encryptBySm2, encryptRsa } from './ciphertexts.js';

const PASSWORD = '\uFEFFpä密🔑 ';
const BASE64 = Buffer.from(PASSWORD).toString('base64');
const emulator = useEmulator({ users: [{ username: 'alice', password: PASSWORD }] });
const wrapped = useEmulator({ systemWrapped: true, rsaKeyFormat: 'base64' });
const ask = (passwordEncryptType: string, password: string, account = 'alice') =>
  signIn(emulator(), asUser(account, password, { passwordEncryptType }));

const rsa = (password: string | Buffer = PASSWORD, padding?: number) => encryptRsa(emulator(), password, padding);
const sm2 = (password: string | Uint8Array = PASSWORD, order?: number) => encryptBySm2(emulator(), password, order);

it.each<[type: string, title: string, number, () => string | Promise<string>]>([
  ['rsa', 'the right padding', 200, () => rsa()],
  ['rsa', 'base64 without padding', 2016, async () => (await rsa()).replaceAll('=', '')],
  ['rsa', 'OAEP padding', 2016, () => rsa('p', constants.RSA_PKCS1_OAEP_PADDING)],
  ['rsa', 'bytes that are not UTF-8', 2016, () => rsa(Buffer.from([0xff]))],
  ['sm2', 'both prefixes', 200, async () => `sm2:04${await sm2()}`],
  ['sm2', 'C1C2C3', 200, () => sm2(PASSWORD, C1C2C3)],
  ['sm2', 'the base64 text of the password', 200, () => sm2(BASE64)],
  ['sm2', 'text that is not hex', 2016, async () => `${(await sm2()).slice(0, -2)}0g`],
  ['sm2', 'one byte too few', 2016, async () => (await sm2()).slice(0, -2)],
  ['sm2', 'a point and a hash without a text', 2016, async () => (await sm2()).slice(0, 192)],
  ['sm2', 'a point that is not on the curve', 2016, async () => `${'1'.repeat(128)}${(await sm2()).slice(128)}`],
  ['sm2', 'bytes that are not UTF-8', 2016, () => sm2(Uint8Array.of(0xff))],
])('with %s, %s is answered with %i', async (type, _title, code, make) => {
  expect((await ask(type, await make())).code).toBe(code);
});

it('a replaced key is answered with 499, also to an unknown user', async () => {
  const [before, oldRsa, oldSm2] = [await getSystem(emulator()), await rsa(), await sm2()];
  expect(await getSystem(emulator())).toEqual(before);
  await emulator().rotateEncryptionKeys();
  const message = 'Decrypt password failed, please check your encryption configuration.';
  const refusal = { answer: { statusCode: 499, apiCode: 2016, message }, outcome: 'decryption_failed' };
  expect([await ask('rsa', oldRsa), await ask('sm2', oldSm2, 'unknown')]).toMatchObject([refusal, refusal]);
});

it('the system information has the keys, in each form of the options', async () => {
  const version = { server: '2.0.0', console: '2.0.0', login: '2.0.0' };
  const shared = { version, publicIps: ['127.0.0.1'], sm2: { publicKey: expect.stringMatching(/^04[\da-f]{128}$/) } };
  const { rsa: key, ...others } = await getSystem(emulator());
  expect([others, createPublicKey(key.publicKey).asymmetricKeyDetails?.modulusLength]).toEqual([shared, 1024]);
  const data = { ...shared, rsa: { publicKey: expect.stringMatching(/^MI[\w+/]+=*$/) } };
  const envelope = { statusCode: 200, message: '', requestId: expect.any(String), data };
  expect(await getSystem(wrapped())).toEqual(envelope);
});
