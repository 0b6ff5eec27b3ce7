import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { DecryptionKey } from './decryption-key.js';
import { importOptional } from '../optional-dependency.js';
import { decodeUtf8 } from './text.js';

/** GenAuth's own length: 117 bytes of password at the most. */
const MODULUS_BYTES = 128;

/** What is decrypted in place of a text that cannot be a ciphertext: a number that is less than every modulus. */
const STAND_IN = Buffer.alloc(MODULUS_BYTES, 1);

/**
 * Makes an RSA-1024 key pair for passwords, with padding by PKCS#1 v1.5 (RFC 8017 §7.2).
 *
 * The decryption is node-forge's: Node 20 refuses that padding (CVE-2023-46809), and the client's own cryptography must
 * not be checked by itself. All failures do the same work and tell the same.
 */
export async function createRsaKey(): Promise<DecryptionKey> {
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: MODULUS_BYTES * 8,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return {
    publicKey: pair.publicKey,
    decrypt: async (text) => {
      const forge = await importOptional('node-forge', () => import('node-forge'));
      const key = forge.pki.privateKeyFromPem(pair.privateKey);
      const ciphertext = readCiphertext(text, Buffer.from(key.n.toString(16), 'hex'));
      try {
        const clear = key.decrypt((ciphertext ?? STAND_IN).toString('latin1'));
        // Once in some 200,000 keys, the stand-in has valid padding.
        return ciphertext && decodeUtf8(Buffer.from(clear, 'latin1'));
      } catch {
        return undefined;
      }
    },
  };
}

/** Standard base64 in its one canonical form, of a number below the modulus: forge would refuse any other without work. */
function readCiphertext(text: string, modulus: Buffer): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  const isWellFormed =
    bytes.length === MODULUS_BYTES && bytes.toString('base64') === text && bytes.compare(modulus) < 0;
  return isWellFormed ? bytes : undefined;
}
