import { jest } from '@jest/globals';
import forge from 'node-forge';
import { createRsaKey } from '../../src/emulator/encryption/rsa-key.js';

test('a text that is no ciphertext is never taken for one, even if its stand-in can be decrypted', async () => {
  // One key in some 200,000 finds valid padding in the stand-in; this one finds it in everything.
  const { privateKeyFromPem } = forge.pki;
  const spy = jest.spyOn(forge.pki, 'privateKeyFromPem');
  spy.mockImplementation((pem) => ({ ...privateKeyFromPem(pem), decrypt: () => 'clear' }));
  try {
    const key = await createRsaKey();
    expect(await key.decrypt(Buffer.alloc(128, 1).toString('base64'))).toBe('clear');
    for (const text of [
      '',
      'passw0rd',
      Buffer.alloc(128, 0xff).toString('base64'),
      Buffer.alloc(127).toString('base64'),
    ]) {
      expect(await key.decrypt(text)).toBeUndefined();
    }
  } finally {
    spy.mockRestore();
  }
});
