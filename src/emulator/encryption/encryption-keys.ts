import { createRsaKey } from './rsa-key.js';
import { createSm2Key } from './sm2-key.js';

/**
 * A key pair for the encryption of passwords. The member `options.passwordEncryptType` of a sign-in names the key that
 * the client used.
 */
export interface DecryptionKey {
  /**
   * The public key. RSA: PEM text (SubjectPublicKeyInfo). SM2: the uncompressed point in hexadecimal digits, with the
   * prefix `04`.
   */
  readonly publicKey: string;
  /** The private key. RSA: PEM text (PKCS#1). SM2: hexadecimal digits. */
  readonly privateKey: string;
  /**
   * @returns The decrypted text, or `undefined` if the decryption fails for any reason.
   * @throws EmulatorError with the code `node_forge_missing` if the package `node-forge` is not installed (RSA only).
   */
  readonly decrypt: (ciphertext: string) => Promise<string | undefined>;
}

/** A key pair as JSON. */
export type EncryptionKeyPair = Pick<DecryptionKey, 'publicKey' | 'privateKey'>;

/** The key pairs that a state file holds. A key pair that was not used yet is absent. */
export interface EncryptionKeyPairs {
  readonly rsa?: EncryptionKeyPair;
  readonly sm2?: EncryptionKeyPair;
}

/**
 * The current key pairs for the encryption of passwords. Each key pair is created at its first use. Most tests encrypt
 * no passwords, so they do not wait for the creation.
 */
export class EncryptionKeys {
  #rsa: Promise<DecryptionKey> | undefined;
  #sm2: Promise<DecryptionKey> | undefined;
  /** The key pairs of a state file that were not used yet. */
  #stored: EncryptionKeyPairs = {};

  /** The RSA key pair. */
  get rsa(): Promise<DecryptionKey> {
    return (this.#rsa ??= createRsaKey(this.#stored.rsa));
  }

  /** The SM2 key pair. Rejects with EmulatorError `sm_crypto_missing` if the package `sm-crypto` is not installed. */
  get sm2(): Promise<DecryptionKey> {
    return (this.#sm2 ??= createSm2Key(this.#stored.sm2));
  }

  /** Returns the key pairs for a state file. A key pair that could not be created is absent. */
  async export(): Promise<EncryptionKeyPairs> {
    const load = async (key: Promise<DecryptionKey> | undefined) => key && toPair(await key);
    const [rsa, sm2] = await Promise.all([this.#rsa, this.#sm2].map((key) => load(key).catch(() => undefined)));
    return { ...this.#stored, ...(rsa && { rsa }), ...(sm2 && { sm2 }) };
  }

  /** Replaces both key pairs by those of a state file. */
  import(stored: EncryptionKeyPairs): void {
    this.forget();
    this.#stored = stored;
  }

  /** Deletes both key pairs. Passwords that were encrypted with them can no longer be decrypted. */
  forget(): void {
    this.#stored = {};
    this.#rsa = undefined;
    this.#sm2 = undefined;
  }

  /**
   * Replaces both key pairs by new key pairs.
   *
   * @throws EmulatorError with the code `sm_crypto_missing` if the package `sm-crypto` is not installed.
   */
  async rotate(): Promise<void> {
    this.forget();
    await Promise.all([this.rsa, this.sm2]);
  }
}

function toPair({ publicKey, privateKey }: DecryptionKey): EncryptionKeyPair {
  return { publicKey, privateKey };
}
