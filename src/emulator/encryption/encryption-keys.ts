import { createRsaKey } from './rsa-key.js';
import { createSm2Key } from './sm2-key.js';

/** A key pair for passwords that the client encrypts (`options.passwordEncryptType` of a sign-in). */
export interface DecryptionKey {
  /** RSA: PEM (SubjectPublicKeyInfo). SM2: the uncompressed point in hex, with the prefix `04`. */
  readonly publicKey: string;
  /**
   * @returns The clear text. `undefined` for every failure of the decryption.
   * @throws EmulatorError `node_forge_missing` if the package node-forge is not installed (RSA only).
   */
  readonly decrypt: (ciphertext: string) => Promise<string | undefined>;
}

/**
 * The current key pairs for passwords. Each is created at its first use, because most tests encrypt no passwords and
 * should not wait for the creation.
 */
export class EncryptionKeys {
  #rsa: Promise<DecryptionKey> | undefined;
  #sm2: Promise<DecryptionKey> | undefined;

  /** The RSA key pair. */
  get rsa(): Promise<DecryptionKey> {
    return (this.#rsa ??= createRsaKey());
  }

  /** The SM2 key pair. Rejects with EmulatorError `sm_crypto_missing` if the package sm-crypto is not installed. */
  get sm2(): Promise<DecryptionKey> {
    return (this.#sm2 ??= createSm2Key());
  }

  /** Deletes both key pairs. Passwords that were encrypted before can no longer be decrypted. */
  forget(): void {
    this.#rsa = undefined;
    this.#sm2 = undefined;
  }

  /**
   * Replaces both key pairs.
   *
   * @throws EmulatorError `sm_crypto_missing` if the package sm-crypto is not installed.
   */
  async rotate(): Promise<void> {
    this.forget();
    await Promise.all([this.rsa, this.sm2]);
  }
}
