import { createRsaKey } from './rsa-key.js';
import { createSm2Key } from './sm2-key.js';

/** A key pair that passwords are encrypted with on their way (`options.passwordEncryptType` of a sign-in). */
export interface DecryptionKey {
  /** RSA: PEM (SubjectPublicKeyInfo). SM2: the uncompressed point in hex, with its `04`. */
  readonly publicKey: string;
  /**
   * @returns the clear text; `undefined` if decryption fails, for whatever reason
   * @throws EmulatorError `node_forge_missing`
   */
  readonly decrypt: (ciphertext: string) => Promise<string | undefined>;
}

/**
 * The current keys. Each is created when it is first needed, because most tests use none and should not wait for them.
 */
export class EncryptionKeys {
  #rsa: Promise<DecryptionKey> | undefined;
  #sm2: Promise<DecryptionKey> | undefined;

  get rsa(): Promise<DecryptionKey> {
    return (this.#rsa ??= createRsaKey());
  }

  /** Rejects with EmulatorError `sm_crypto_missing`. */
  get sm2(): Promise<DecryptionKey> {
    return (this.#sm2 ??= createSm2Key());
  }

  /** Drops both keys. Nothing that was encrypted before can be decrypted any more. */
  forget(): void {
    this.#rsa = undefined;
    this.#sm2 = undefined;
  }

  /**
   * Creates new keys.
   *
   * @throws EmulatorError `sm_crypto_missing`
   */
  async rotate(): Promise<void> {
    this.forget();
    await Promise.all([this.rsa, this.sm2]);
  }
}
