import { jest } from '@jest/globals';
import type { GenAuthEmulator } from '../../src/emulator/index.js';
import { control, getTokens, postSignIn, rawRequest, signInBody } from './support.js';

let emulator: GenAuthEmulator;

beforeAll(async () => {
  for (const name of ['node-forge', 'sm-crypto']) {
    jest.unstable_mockModule(name, () => {
      throw new Error(`Cannot find package '${name}'`);
    });
  }
  const { GenAuthEmulator: Emulator } = await import('../../src/emulator/index.js');
  emulator = await new Emulator().start();
});
afterAll(() => emulator.stop());

test('without the packages for encrypted passwords, all else works: nothing loads them before they are needed', async () => {
  await getTokens(emulator);
});

test.each([
  ['rsa', 'node-forge'],
  ['sm2', 'sm-crypto'],
])('a sign-in with %s then says: npm install %s', async (passwordEncryptType, name) => {
  const { status, answer } = await postSignIn(emulator, signInBody(emulator, { options: { passwordEncryptType } }));
  expect([status, answer.statusCode]).toEqual([500, 500]);
  expect(answer.message).toBe(`The GenAuth emulator requires the package ${name}. Install it: npm install ${name}`);
});

test('and so do the system information and the new keys', async () => {
  const message = expect.stringContaining('npm install sm-crypto') as string;
  const { status, body } = await rawRequest(`${emulator.url}/api/v3/system`);
  expect([status, JSON.parse(body)]).toMatchObject([500, { message }]);
  expect(await control(emulator, 'POST', '/encryption-keys/rotate')).toMatchObject({
    status: 500,
    answer: { message },
  });
  await expect(emulator.rotateEncryptionKeys()).rejects.toMatchObject({
    code: 'sm_crypto_missing',
    message,
    cause: expect.objectContaining({ message: "Cannot find package 'sm-crypto'" }),
  });
});
