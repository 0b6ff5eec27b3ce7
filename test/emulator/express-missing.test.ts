import { jest } from '@jest/globals';

test('without Express, start() says what to install and keeps the cause', async () => {
  jest.unstable_mockModule('express', () => {
    throw new Error("Cannot find package 'express'");
  });
  const { GenAuthEmulator } = await import('../../src/emulator/index.js');
  const emulator = new GenAuthEmulator();
  await expect(emulator.start()).rejects.toMatchObject({
    code: 'express_missing',
    message: expect.stringContaining('npm install express'),
    cause: expect.objectContaining({ message: expect.stringContaining("Cannot find package 'express'") }),
  });
  await emulator.stop();
});
