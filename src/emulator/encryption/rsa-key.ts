import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { importNodeForge } from '../optional-packages.js';
import { decodeUtf8, readBase64 } from './text.js';

/**
 * The length of GenAuth's own RSA key, in bytes. With the padding of PKCS#1 v1.5 this key encrypts passwords of at most
 * 117 bytes.
 */
const MODULUS_BYTES = 128;

/**
 * Creates an RSA-1024 key pair for the encryption of passwords, with the padding of PKCS#1 v1.5 (RFC 8017 §7.2).
 * `decrypt` returns `undefined` if the decryption fails for any reason.
 *
 * `decrypt` uses node-forge for two reasons. Node.js 20 does not decrypt this padding (CVE-2023-46809). The client
 * encrypts with `node:crypto`, so node-forge checks the client independently.
 *
 * @param stored - The key pair of a state file. Default: a new key pair.
 */
export async function createRsaKey(stored?: { publicKey: string; privateKey: string }) {
  const pair = stored ?? (await generateRsaKey(MODULUS_BYTES * 8));
  return {
    ...pair,
    decrypt: async (text: string): Promise<string | undefined> => {
      const forge = await importNodeForge();
      const key = forge.pki.privateKeyFromPem(pair.privateKey);
      const ciphertext = readBase64(text);
      if (ciphertext === undefined) return undefined;
      try {
        // node-forge also throws if the ciphertext has a wrong length or is not smaller than the modulus.
        return decodeUtf8(Buffer.from(key.decrypt(ciphertext.toString('latin1')), 'latin1'));
      } catch {
        return undefined;
      }
    },
  };
}

/** Generates an RSA key pair in PEM. */
export function generateRsaKey(modulusLength: number): Promise<{ publicKey: string; privateKey: string }> {
  return promisify(generateKeyPair)('rsa', {
    modulusLength,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
}
