import { jest } from '@jest/globals';
import { PATHS } from '../../src/core/wire/facts.js';
import { getTokens, send, signIn } from './support.js';

/** Loads the emulator anew. The emulator cannot import these packages. */
async function loadWithout(...names: string[]) {
  jest.resetModules();
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

it('without node-forge and sm-crypto signs in with a clear-text password, and names the missing package', async () => {
  await using emulator = await (await loadWithout('node-forge', 'sm-crypto')).start();
  await getTokens(emulator);
  const rsa = await signIn(emulator, { options: { passwordEncryptType: 'rsa' } });
  expect(rsa).toMatchObject({ status: 500, answer: { message: describeMissing('node-forge').message } });
  const missing = describeMissing('sm-crypto');
  const body = { statusCode: 500, message: missing.message };
  const system = await send(emulator.url + PATHS.system);
  const rotation = await send(`${emulator.url}/emulator/v1/encryption-keys/rotate`, { method: 'POST' });
  expect([system, rotation]).toMatchObject(Array(2).fill({ status: 500, body }));
  await expect(emulator.rotateEncryptionKeys()).rejects.toMatchObject(missing);
});

it('names the command that installs express when the emulator starts without it', async () => {
  const missing = { ...describeMissing('express'), cause: { message: "Cannot find package 'express'" } };
  await expect((await loadWithout('express')).start()).rejects.toMatchObject(missing);
});
