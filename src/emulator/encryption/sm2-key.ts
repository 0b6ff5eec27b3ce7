import { importSmCrypto } from '../optional-packages.js';
import { decodeUtf8 } from './text.js';

/** The functions of sm-crypto that this file uses. The published types of sm-crypto describe an older version. */
interface Sm2 {
  generateKeyPairHex(): { publicKey: string; privateKey: string };
  verifyPublicKey(point: string): boolean;
  /** Decrypts a ciphertext. Returns an empty array if the hash in the ciphertext does not match. */
  doDecrypt(ciphertext: string, privateKey: string, order: 0 | 1, options: { output: 'array' }): number[];
}

/**
 * The possible orders of the point (C1), the text (C2) and the hash (C3) in a ciphertext, with the numbers of
 * sm-crypto. 1 is C1C3C2, which GenAuth's web SDK uses. 0 is C1C2C3.
 */
const ORDERS = [1, 0] as const;

/** The length of the point without its prefix `04`, in hexadecimal digits. */
const POINT_DIGITS = 128;
/** The length of the hash, in hexadecimal digits. */
const HASH_DIGITS = 64;

/**
 * Creates an SM2 key pair for the encryption of passwords (GB/T 32918.4). `decrypt` returns `undefined` if the
 * decryption fails for any reason.
 *
 * @param stored - The key pair of a state file. Default: a new key pair.
 * @throws EmulatorError with the code `sm_crypto_missing` if the package `sm-crypto` is not installed.
 */
export async function createSm2Key(stored?: { publicKey: string; privateKey: string }) {
  const { sm2 } = (await importSmCrypto()) as unknown as { sm2: Sm2 };
  const { publicKey, privateKey } = stored ?? sm2.generateKeyPairHex();
  return {
    publicKey,
    privateKey,
    decrypt: async (text: string): Promise<string | undefined> => {
      const ciphertext = readCiphertext(text, (point) => sm2.verifyPublicKey(point));
      if (ciphertext === undefined) return undefined;
      for (const order of ORDERS) {
        const bytes = sm2.doDecrypt(ciphertext, privateKey, order, { output: 'array' });
        const clear = bytes.length > 0 ? decodeUtf8(Uint8Array.from(bytes)) : undefined;
        if (clear !== undefined) return clear;
      }
      return undefined;
    },
  };
}

/**
 * Reads a ciphertext in hexadecimal digits, in the forms of GenAuth's SDKs: with or without the prefix `sm2:`, and with
 * or without `04` before the point. A `04` at the beginning can also be the first byte of the point. Only one of these
 * two interpretations gives a point on the curve.
 */
function readCiphertext(text: string, isPoint: (point: string) => boolean): string | undefined {
  const hex = text.replace(/^sm2:/, '');
  if (!/^[\da-f]+$/i.test(hex) || hex.length % 2 !== 0) return undefined;
  const bare = [hex, ...(hex.startsWith('04') ? [hex.slice(2)] : [])];
  return bare.find(
    (candidate) => candidate.length > POINT_DIGITS + HASH_DIGITS && isPoint(`04${candidate.slice(0, POINT_DIGITS)}`),
  );
}
