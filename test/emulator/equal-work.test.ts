import { jest } from '@jest/globals';
import { createHook } from 'node:async_hooks';
import forge from 'node-forge';
import smCrypto from 'sm-crypto';
import { encryptBySm2, encryptRsa, type EncryptType, UNDECRYPTABLE } from './ciphertexts.js';
import { postSignIn, signInBody, useEmulator } from './support.js';

// Counted where the time goes: the time itself would tell it on a quiet machine only.
const emulator = useEmulator();

/** How often passwords were derived. */
let scrypts = 0;
const hook = createHook({
  init: (_id, type) => {
    if (type === 'SCRYPTREQUEST') scrypts += 1;
  },
});
const modPow = jest.spyOn(forge.jsbn.BigInteger.prototype, 'modPow');
const doDecrypt = jest.spyOn(smCrypto.sm2, 'doDecrypt');

beforeAll(() => hook.enable());
afterAll(() => {
  hook.disable();
  modPow.mockRestore();
  doDecrypt.mockRestore();
});

/** What a sign-in of `account` costs, and what came of it. */
async function work(account: string, password: string, options: object = {}, more: object = {}) {
  scrypts = 0;
  modPow.mockClear();
  doDecrypt.mockClear();
  const body = signInBody(emulator(), { passwordPayload: { account, password }, options, ...more });
  const { answer } = await postSignIn(emulator(), body);
  return {
    apiCode: answer.apiCode,
    scrypts,
    modPows: modPow.mock.calls.length,
    decryptions: doDecrypt.mock.calls.length,
  };
}

const ONE_CHECK = { scrypts: 1, modPows: 0, decryptions: 0 };

test.each(['alice', 'nobody'])('a wrong password is one check: %s', async (account) => {
  expect(await work(account, 'wrong')).toEqual({ apiCode: 2333, ...ONE_CHECK });
  expect(await work(account, '')).toEqual({ apiCode: 2333, ...ONE_CHECK });
});

test.each(['zhangsan', 'nobody'])('and so it is for AD: %s', async (sAMAccountName) => {
  const more = { connection: 'AD', adPayload: { sAMAccountName, password: 'wrong' } };
  expect(await work('', '', {}, more)).toEqual({ apiCode: 2333, ...ONE_CHECK });
});

test.each(['alice', 'nobody'])('a locked account is one check, whatever the password: %s', async (account) => {
  emulator().protectLogins({ lockAfter: 1 });
  await work(account, 'wrong');
  for (const password of ['wrong', 'passw0rd', '']) {
    expect(await work(account, password)).toEqual({ apiCode: 2005, ...ONE_CHECK });
  }
});

test.each(['alice', 'nobody'])('a captcha that is missing costs nothing: %s', async (account) => {
  emulator().protectLogins({ captchaAfter: 0 });
  expect(await work(account, 'wrong')).toEqual({ apiCode: 2000, scrypts: 0, modPows: 0, decryptions: 0 });
});

describe.each<EncryptType>(['rsa', 'sm2'])('with %s', (passwordEncryptType) => {
  const options = { passwordEncryptType };
  const encrypt = (password: string) =>
    passwordEncryptType === 'rsa' ? encryptRsa(emulator(), password) : encryptBySm2(emulator(), password);

  test('a wrong password is the same for those who exist and those who do not', async () => {
    const password = await encrypt('wrong');
    const known = await work('alice', password, options);
    expect(known).toMatchObject({ apiCode: 2333, scrypts: passwordEncryptType === 'rsa' ? 1 : 2 });
    expect(await work('nobody', password, options)).toEqual(known);
  });

  test('what cannot be decrypted is the same whatever is wrong with it: one RSA decryption or two of SM2', async () => {
    const { apiCode: _, ...right } = await work('alice', await encrypt('wrong'), options);
    expect(right.modPows > 0).toBe(passwordEncryptType === 'rsa');
    const expected = { ...right, apiCode: 2016, decryptions: right.decryptions * 2 };
    for (const [name, make] of UNDECRYPTABLE[passwordEncryptType]) {
      expect([name, await work('alice', await make(emulator()), options)]).toEqual([name, expected]);
    }
    expect(await work('nobody', 'x', options)).toEqual(expected);
  });

  test('a locked account is the same as one that is not', async () => {
    const password = await encrypt('wrong');
    const open = await work('alice', password, options);
    emulator().protectLogins({ lockAfter: 1 });
    await work('alice', 'wrong');
    expect(await work('alice', password, options)).toEqual({ ...open, apiCode: 2005 });
  });
});
