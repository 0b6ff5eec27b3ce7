import { hkdfSync } from 'node:crypto';
import { jwtDecrypt } from 'jose/jwt/decrypt';
import { EncryptJWT } from 'jose/jwt/encrypt';
import type { JWTPayload } from 'jose';

const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const;

/**
 * Encrypts data that is stored outside the process, for example in a cookie, as a JWE
 * ([RFC 7516](https://www.rfc-editor.org/rfc/rfc7516)) with AES-256-GCM. The first secret encrypts. Every secret
 * decrypts, so that a secret can be replaced.
 */
export class SealedBox {
  readonly #keys: readonly Uint8Array[];
  readonly #audience: string;

  /**
   * @param purpose - The purpose of the data. Data for one purpose cannot be opened for another purpose.
   * @param audience - The ID of the GenAuth application. Only a box with the same audience opens the data.
   */
  constructor(secrets: string | readonly string[], purpose: string, audience: string) {
    const toKey = (secret: string): Uint8Array => new Uint8Array(hkdfSync('sha256', secret, '', purpose, 32));
    this.#keys = [secrets].flat().map(toKey);
    this.#audience = audience;
  }

  /** Encrypts the members of an object. */
  async seal(data: object): Promise<string> {
    const [key = new Uint8Array()] = this.#keys;
    return new EncryptJWT({ ...data } as JWTPayload)
      .setProtectedHeader(ENCRYPTION)
      .setAudience(this.#audience)
      .encrypt(key);
  }

  /** Decrypts data. Returns `undefined` if the data was encrypted with another secret, or was changed. */
  async open(sealed: string): Promise<Record<string, unknown> | undefined> {
    for (const key of this.#keys) {
      try {
        const { payload } = await jwtDecrypt(sealed, key, {
          audience: this.#audience,
          keyManagementAlgorithms: [ENCRYPTION.alg],
          contentEncryptionAlgorithms: [ENCRYPTION.enc],
        });
        return payload;
      } catch {
        // The data was encrypted with another secret, or changed.
      }
    }
    return undefined;
  }
}
