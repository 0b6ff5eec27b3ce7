import { createECDH, createPublicKey, generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';
import smCrypto from 'sm-crypto';

/** GenAuth's key for passwords. Other libraries than those of `src` decrypt with its private half. */
export interface PasswordKeyPair {
  type: 'rsa' | 'sm2';
  /** The form that GenAuth sends: PEM, or hex with the leading `04`. */
  publicKey: string;
  decrypt: (ciphertext: string) => Buffer;
}

/** RSA, decrypted by node-forge. */
export function createRsaPasswordKey(modulusLength = 1024, publicExponent = 65537) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength,
    publicExponent,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const opener = forge.pki.privateKeyFromPem(privateKey);
  const decrypt = (ciphertext: string): Buffer =>
    Buffer.from(opener.decrypt(forge.util.decode64(ciphertext), 'RSAES-PKCS1-V1_5'), 'latin1');
  return { type: 'rsa', publicKey, key: createPublicKey(publicKey), decrypt } as const;
}

/** SM2 (C1C3C2 without `04`), decrypted by sm-crypto. */
export function createSm2PasswordKey(): PasswordKeyPair {
  // OpenSSL makes a key two hundred times faster than sm-crypto does.
  const pair = createECDH('SM2');
  const publicKey = pair.generateKeys('hex');
  const privateKey = pair.getPrivateKey('hex').padStart(64, '0');
  const decrypt = (ciphertext: string): Buffer =>
    Buffer.from(smCrypto.sm2.doDecrypt(ciphertext, privateKey, 1, { output: 'array' }) as unknown as number[]);
  return { type: 'sm2', publicKey, decrypt };
}
