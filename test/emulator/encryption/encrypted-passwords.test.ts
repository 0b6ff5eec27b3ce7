import { randomBytes } from 'node:crypto';
import { kdf, sm2, sm3 } from 'sm-crypto-v2';
import {
  C1C2C3,
  C1C3C2,
  encryptBySm2,
  encryptRsa,
  encryptRsaBlock,
  type EncryptType,
  UNDECRYPTABLE,
} from './ciphertexts.js';
import { type Answer, getSystem, postSignIn, postSignInBytes, signInBody, useEmulator } from '../support.js';

const LONGEST = 'x'.repeat(117);
const emulator = useEmulator({
  users: [
    { username: 'alice', password: 'passw0rd' },
    { username: 'unicode', password: '\uFEFFpä密🔑 ' },
    { username: 'longest', password: LONGEST },
    { username: 'replaced', password: '\uFFFD' },
  ],
});

const rsa = (password: string | Buffer) => encryptRsa(emulator(), password);
const encryptSm2 = (password: string | Uint8Array, order = C1C3C2) => encryptBySm2(emulator(), password, order);

async function signIn(
  passwordEncryptType: EncryptType,
  password: string,
  account = 'alice',
  more: object = {},
): Promise<Answer> {
  const passwordPayload = { account, password };
  const body = signInBody(emulator(), { passwordPayload, options: { passwordEncryptType }, ...more });
  const { status, answer } = await postSignIn(emulator(), body);
  expect(status).toBe(200);
  return answer;
}

describe('RSA', () => {
  test.each([
    ['alice', 'passw0rd'],
    ['unicode', '\uFEFFpä密🔑 '],
    ['longest', LONGEST],
  ])('signs in %s', async (account, password) => {
    expect(await signIn('rsa', await rsa(password), account)).toMatchObject({ statusCode: 200 });
  });

  test('gives another ciphertext each time, and all of them sign in', async () => {
    const [one, two] = [await rsa('passw0rd'), await rsa('passw0rd')];
    expect(one).not.toBe(two);
    for (const ciphertext of [one, two, one]) expect((await signIn('rsa', ciphertext)).statusCode).toBe(200);
  });

  test('does not take the base64 of a password for it', async () => {
    const ciphertext = await rsa(Buffer.from('passw0rd').toString('base64'));
    expect(await signIn('rsa', ciphertext)).toMatchObject({ statusCode: 403, apiCode: 2333 });
  });
});

describe('SM2', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  test.each<[string, (password: string) => Promise<string>]>([
    ['A: C1C3C2', (password) => encryptSm2(password)],
    ['A, in upper case', async (password) => (await encryptSm2(password)).toUpperCase()],
    ['B: with its prefix', async (password) => `sm2:${await encryptSm2(password)}`],
    ['C: C1C2C3 of the base64, with 04', async (password) => `04${await encryptSm2(base64(password), C1C2C3)}`],
    ['A with 04', async (password) => `04${await encryptSm2(password)}`],
    ['A of the base64', (password) => encryptSm2(base64(password))],
    ['B with 04', async (password) => `sm2:04${await encryptSm2(password)}`],
    ['C1C2C3 of the password', (password) => encryptSm2(password, C1C2C3)],
    ['C without 04', (password) => encryptSm2(base64(password), C1C2C3)],
  ])('signs in by variant %s', async (_name, encrypt) => {
    for (const [account, password] of [
      ['alice', 'passw0rd'],
      ['unicode', '\uFEFFpä密🔑 '],
      ['longest', LONGEST],
    ] as const) {
      expect(await signIn('sm2', await encrypt(password), account)).toMatchObject({ statusCode: 200 });
    }
  });

  test.each(['cGFzc3cwcmQ', 'cGFzc3cwcmQ=\n', ' cGFzc3cwcmQ='])(
    'does not take %j for base64, which has one form',
    async (password) => {
      expect(await signIn('sm2', await encryptSm2(password))).toMatchObject({ statusCode: 403, apiCode: 2333 });
    },
  );

  test('takes a point that begins with 04 for what it is', async () => {
    // One number in 256 makes such a point; this is one. The rest is the encryption of GB/T 32918.4 §6.1 by hand.
    const number = '863900fe928df5baf9d3e3a07c88b0e866f90d191c3d81462fde9a55ae956eb7';
    const point = sm2.getPublicKeyFromPrivateKey(number).slice(2);
    expect(point).toMatch(/^04/);
    const shared = sm2.ecdh(number, (await getSystem(emulator())).sm2.publicKey, false).slice(1);
    const clear = Buffer.from('passw0rd');
    const mask = kdf(shared, clear.length);
    const hash = sm3(Buffer.concat([shared.subarray(0, 32), clear, shared.subarray(32)]));
    const ciphertext = `${point}${hash}${Buffer.from(clear.map((byte, i) => byte ^ (mask[i] ?? 0))).toString('hex')}`;
    expect((await signIn('sm2', ciphertext)).statusCode).toBe(200);
    expect((await signIn('sm2', `04${ciphertext}`)).statusCode).toBe(200);
  });
});

describe('a password that was decrypted', () => {
  test.each<[EncryptType, (password: string) => Promise<string>]>([
    ['rsa', (password) => rsa(password)],
    ['sm2', (password) => encryptSm2(password)],
  ])('with %s is compared as one that came in the clear', async (type, encrypt) => {
    for (const [account, password] of [
      ['alice', 'Passw0rd'],
      ['alice', 'passw0rd '],
      ['alice', 'passw0rd\0'],
      ['nobody', 'passw0rd'],
    ] as const) {
      const { requestId: _, ...answer } = await signIn(type, await encrypt(password), account);
      expect(answer).toEqual({
        statusCode: 403,
        apiCode: 2333,
        message: 'Account not exists or password is incorrect.',
      });
    }
    expect(emulator().signIns.map(({ outcome }) => outcome)).toEqual(Array(4).fill('invalid_credentials'));
  });

  test.each<[EncryptType, (password: string) => Promise<string>]>([
    ['rsa', (password) => rsa(password)],
    ['sm2', (password) => encryptSm2(password)],
  ])('with %s signs in to AD', async (passwordEncryptType, encrypt) => {
    const ad = async (sAMAccountName: string, password: string) =>
      signIn(passwordEncryptType, '', '', {
        connection: 'AD',
        adPayload: { sAMAccountName, password: await encrypt(password) },
      });
    expect(await ad('zhangsan', 'AdPassw0rd')).toMatchObject({ statusCode: 200 });
    expect(await ad('zhangsan', 'passw0rd')).toMatchObject({ statusCode: 403, apiCode: 2333 });
  });

  test('and is empty signs nobody in', async () => {
    for (const account of ['alice', 'nobody']) {
      expect(await signIn('rsa', await rsa(''), account)).toMatchObject({ statusCode: 403, apiCode: 2333 });
    }
  });
});

describe.each(['rsa', 'sm2'] as const)('what %s cannot decrypt', (passwordEncryptType) => {
  const bytes = (account: string, password: string) =>
    postSignInBytes(
      emulator(),
      signInBody(emulator(), { passwordPayload: { account, password }, options: { passwordEncryptType } }),
    );
  const encrypt = (password: string) => (passwordEncryptType === 'rsa' ? rsa(password) : encryptSm2(password));
  let expected: Awaited<ReturnType<typeof bytes>>;

  beforeAll(async () => {
    expected = await bytes('alice', 'x');
    emulator().clearSignIns();
  });

  test('is answered with the sentence of GenAuth', async () => {
    const { requestId: _, ...answer } = await signIn(passwordEncryptType, 'passw0rd');
    expect(answer).toEqual({
      statusCode: 499,
      apiCode: 2016,
      message: 'Decrypt password failed, please check your encryption configuration.',
    });
    expect(emulator().signIns).toMatchObject([{ outcome: 'decryption_failed' }]);
  });

  test.each(UNDECRYPTABLE[passwordEncryptType])(
    'is one answer, to the byte, for everybody: %s',
    async (_name, make) => {
      const password = await make(emulator());
      for (const account of ['alice', 'nobody']) expect(await bytes(account, password)).toEqual(expected);
      expect(emulator().signIns.every(({ outcome }) => outcome === 'decryption_failed')).toBe(true);
    },
  );

  test('is no text, though a user’s password is what stands for that', async () => {
    const password = passwordEncryptType === 'rsa' ? rsa(Buffer.from([0xff])) : encryptSm2(Uint8Array.of(0xff));
    expect(await bytes('replaced', await password)).toEqual(expected);
  });

  test('is what was encrypted under the key before', async () => {
    const old = await encrypt('passw0rd');
    expect((await signIn(passwordEncryptType, old)).statusCode).toBe(200);
    await emulator().rotateEncryptionKeys();
    expect(await bytes('alice', old)).toEqual(expected);
    expect((await signIn(passwordEncryptType, await encrypt('passw0rd'))).statusCode).toBe(200);
  });
});

test('bad padding is one answer a hundred times', async () => {
  const answers = new Set<string>();
  for (let round = 0; round < 100; round++) {
    // At most 7 bytes of padding, and then whatever comes.
    const padding = randomBytes(round % 8).map((byte) => byte || 1);
    const { requestId: _, ...answer } = await signIn(
      'rsa',
      await encryptRsaBlock(emulator(), [0, 2], padding, [0], randomBytes(100)),
    );
    answers.add(JSON.stringify(answer));
  }
  expect([...answers]).toEqual([expect.stringContaining('"apiCode":2016')]);
});
