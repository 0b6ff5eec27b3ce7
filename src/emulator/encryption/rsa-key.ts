import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { importOptional } from '../optional-dependency.js';
import { decodeUtf8, readBase64 } from './text.js';

/** GenAuth's own length: 117 bytes of password at the most. */
const MODULUS_BYTES = 128;

/**
 * Makes an RSA-1024 key pair for passwords, with padding by PKCS#1 v1.5 (RFC 8017 §7.2).
 *
 * node-forge decrypts, for two reasons: Node 20 refuses that padding (CVE-2023-46809), and the client's own
 * cryptography must not be its own check. Every failure gives the same result.
 */
export async function createRsaKey() {
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: MODULUS_BYTES * 8,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return {
    publicKey: pair.publicKey,
    decrypt: async (text: string): Promise<string | undefined> => {
      const forge = await importOptional('node-forge', () => import('node-forge'));
      const key = forge.pki.privateKeyFromPem(pair.privateKey);
      const ciphertext = readBase64(text);
      if (ciphertext === undefined) return undefined;
      try {
        // forge also refuses another length, and a number that is not below the modulus.
        return decodeUtf8(Buffer.from(key.decrypt(ciphertext.toString('latin1')), 'latin1'));
      } catch {
        return undefined;
      }
    },
  };
}
