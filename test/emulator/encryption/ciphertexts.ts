import { constants, publicEncrypt } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getSystem } from '../support.js';

/** Orders of the parts of an SM2 ciphertext, by sm-crypto-v2's numbers. */
export const C1C3C2 = 1;
export const C1C2C3 = 0;

/** Encrypts with `node:crypto`. The emulator decrypts with node-forge. */
export async function encryptRsa(
  emulator: GenAuthEmulator,
  password: string | Buffer,
  padding = constants.RSA_PKCS1_PADDING,
): Promise<string> {
  const { publicKey } = (await getSystem(emulator)).rsa;
  return publicEncrypt({ key: publicKey, padding }, Buffer.from(password as string)).toString('base64');
}

/** Encrypts with sm-crypto-v2. The emulator decrypts with sm-crypto. */
export async function encryptBySm2(
  emulator: GenAuthEmulator,
  password: string | Uint8Array,
  order = C1C3C2,
): Promise<string> {
  return sm2.doEncrypt(password, (await getSystem(emulator)).sm2.publicKey, order);
}
