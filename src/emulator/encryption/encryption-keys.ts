import type { DecryptionKey } from './decryption-key.js';
import { createRsaKey } from './rsa-key.js';
import { createSm2Key } from './sm2-key.js';

/** The current keys, each made when it is first asked for: a start must not wait for what most tests never use. */
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

  /** What was encrypted until now cannot be decrypted any more. */
  forget(): void {
    this.#rsa = undefined;
    this.#sm2 = undefined;
  }

  /**
   * Makes new keys.
   *
   * @throws EmulatorError `sm_crypto_missing`
   */
  async rotate(): Promise<void> {
    this.forget();
    await Promise.all([this.rsa, this.sm2]);
  }
}
