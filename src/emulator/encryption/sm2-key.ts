import { importOptional } from '../optional-dependency.js';
import { decodeUtf8 } from './text.js';

/** The functions of sm-crypto that are used here; its published types describe an older version. */
interface Sm2 {
  generateKeyPairHex(): { publicKey: string; privateKey: string };
  verifyPublicKey(point: string): boolean;
  /** Returns an empty list if the hash in the ciphertext does not match. */
  doDecrypt(ciphertext: string, privateKey: string, order: 0 | 1, options: { output: 'array' }): number[];
}

/**
 * Orders of point (C1), text (C2) and hash (C3), by sm-crypto's numbers: C1C3C2, which is GenAuth's web SDK's, first.
 */
const ORDERS = [1, 0] as const;

const POINT = 128;
const HASH = 64;

/**
 * Makes an SM2 key pair for passwords (GB/T 32918.4). Every failure gives the same result.
 *
 * @throws EmulatorError `sm_crypto_missing`
 */
export async function createSm2Key() {
  const { sm2 } = (await importOptional('sm-crypto', () => import('sm-crypto'))) as unknown as { sm2: Sm2 };
  const { publicKey, privateKey } = sm2.generateKeyPairHex();
  return {
    publicKey,
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
 * Reads hex as GenAuth's SDKs write it: with or without the prefix `sm2:`, with or without the `04` before the point. A
 * leading `04` may also be the first byte of the point. Only one of the two readings gives a point on the curve.
 */
function readCiphertext(text: string, isPoint: (point: string) => boolean): string | undefined {
  const hex = text.replace(/^sm2:/, '');
  if (!/^[\da-f]+$/i.test(hex) || hex.length % 2 !== 0) return undefined;
  const bare = [hex, ...(hex.startsWith('04') ? [hex.slice(2)] : [])];
  return bare.find((candidate) => candidate.length > POINT + HASH && isPoint(`04${candidate.slice(0, POINT)}`));
}
