import { jest } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATHS } from '../../src/core/wire/facts.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { getTokens, send, signIn } from './support.js';

/** Loads the emulator anew. The emulator cannot import these packages. */
async function loadWithout(names: readonly string[], options: GenAuthEmulatorOptions = {}) {
  jest.resetModules();
  names.forEach((name) =>
    jest.unstable_mockModule(name, () => {
      throw new Error(`Cannot find package '${name}'`);
    }),
  );
  const loaded = await import('../../src/emulator/index.js');
  return new loaded.GenAuthEmulator(options);
}

const describeMissing = (name: string) => ({
  code: `${name.replace('-', '_')}_missing`,
  message: `The GenAuth emulator requires the package ${name}. Install it: npm install ${name}`,
});

// This test is the first, because a package stays missing for the statically loaded emulator.
it('without sm-crypto keeps its state in a file, also in a file with an SM2 key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'emulator-optional-'));
  const stateFile = join(folder, 'state.json');
  const before = await new GenAuthEmulator({ stateFile }).start();
  await send(before.url + PATHS.system);
  await before.stop();
  const readKeys = async () =>
    (JSON.parse(await readFile(stateFile, 'utf8')) as { encryptionKeys: { sm2?: object } }).encryptionKeys;
  const keys = await readKeys();
  const without = await (await loadWithout(['sm-crypto'], { stateFile })).start();
  const system = await send(without.url + PATHS.system);
  await getTokens(without);
  await without.stop();
  const kept = await readKeys();
  await rm(folder, { recursive: true });
  expect(keys).toHaveProperty('sm2');
  expect([system.status, kept]).toEqual([500, keys]);
});

it('without node-forge and sm-crypto signs in with a clear-text password, and names the missing package', async () => {
  await using emulator = await (await loadWithout(['node-forge', 'sm-crypto'])).start();
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
  await expect((await loadWithout(['express'])).start()).rejects.toMatchObject(missing);
});
