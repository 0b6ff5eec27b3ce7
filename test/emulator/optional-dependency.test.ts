import { jest } from '@jest/globals';
import { control, getTokens, rawRequest, signIn } from './support.js';

/** Loads the emulator anew. The emulator cannot import these packages. */
async function loadWithout(...names: string[]) {
  jest.resetModules();
  jest.unstable_unmockModule('express');
  names.forEach((name) =>
    jest.unstable_mockModule(name, () => {
      throw new Error(`Cannot find package '${name}'`);
    }),
  );
  const { GenAuthEmulator } = await import('../../src/emulator/index.js');
  return new GenAuthEmulator();
}

const describeMissing = (name: string) => ({
  code: `${name.replace('-', '_')}_missing`,
  message: `The GenAuth emulator requires the package ${name}. Install it: npm install ${name}`,
});

it('names the command that installs express when the emulator starts without it', async () => {
  const emulator = await loadWithout('express');
  const cause = { message: "Cannot find package 'express'" };
  await expect(emulator.start()).rejects.toMatchObject({ ...describeMissing('express'), cause });
});

describe('without node-forge and sm-crypto', () => {
  let emulator: Awaited<ReturnType<typeof loadWithout>>;
  beforeAll(async () => {
    emulator = await (await loadWithout('node-forge', 'sm-crypto')).start();
  });
  afterAll(() => emulator.stop());

  it('signs in with a clear-text password', async () => {
    await getTokens(emulator);
  });

  it.each([
    ['rsa', 'node-forge'],
    ['sm2', 'sm-crypto'],
  ])('answers 500 to a password encrypted with %s and names the package %s', async (passwordEncryptType, name) => {
    const { status, answer } = await signIn(emulator, { options: { passwordEncryptType } });
    expect([status, answer]).toMatchObject([500, { statusCode: 500, message: describeMissing(name).message }]);
  });

  it('answers 500 to the system information and to a rotation of the keys for passwords', async () => {
    const { message } = describeMissing('sm-crypto');
    const { status, body } = await rawRequest(`${emulator.url}/api/v3/system`);
    expect([status, JSON.parse(body)]).toMatchObject([500, { message }]);
    const rotation = await control(emulator, 'POST', '/encryption-keys/rotate');
    expect(rotation).toMatchObject({ status: 500, answer: { message } });
    await expect(emulator.rotateEncryptionKeys()).rejects.toMatchObject(describeMissing('sm-crypto'));
  });
});
