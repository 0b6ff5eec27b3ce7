import { type KeyObject, createECDH, createPublicKey, generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';
import smCrypto from 'sm-crypto';

/** GenAuth's key for passwords with its private half, as the other side would use it. */
export interface PasswordKeyPair {
  type: 'rsa' | 'sm2';
  /** As GenAuth shows it: PEM, or hex with the leading `04`. */
  publicKey: string;
  /** By a library that is not the one under test. */
  decrypt: (ciphertext: string) => Buffer;
}

interface RsaPasswordKeyPair extends PasswordKeyPair {
  type: 'rsa';
  key: KeyObject;
  privatePem: string;
}

/** RSA, decrypted by node-forge. */
export function createRsaPasswordKey(modulusLength = 1024, publicExponent = 65537): RsaPasswordKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength,
    publicExponent,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const opener = forge.pki.privateKeyFromPem(privateKey);
  return {
    type: 'rsa',
    publicKey,
    key: createPublicKey(publicKey),
    privatePem: privateKey,
    decrypt: (ciphertext) => Buffer.from(opener.decrypt(forge.util.decode64(ciphertext), 'RSAES-PKCS1-V1_5'), 'latin1'),
  };
}

/** SM2 (C1C3C2 without `04`), decrypted by sm-crypto. */
export function createSm2PasswordKey(): PasswordKeyPair {
  // OpenSSL makes a key two hundred times faster than sm-crypto does.
  const pair = createECDH('SM2');
  const publicKey = pair.generateKeys('hex');
  const privateKey = pair.getPrivateKey('hex').padStart(64, '0');
  return {
    type: 'sm2',
    publicKey,
    decrypt: (ciphertext) => {
      const bytes: unknown = smCrypto.sm2.doDecrypt(ciphertext, privateKey, 1, { output: 'array' });
      return Buffer.from(bytes as number[]);
    },
  };
}
