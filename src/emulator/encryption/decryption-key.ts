/** A key pair to which passwords are encrypted on their way (`options.passwordEncryptType` of a sign-in). */
export interface DecryptionKey {
  /** RSA: PEM (SubjectPublicKeyInfo). SM2: the uncompressed point in hex, with its `04`. */
  readonly publicKey: string;
  /**
   * @returns the clear text, or `undefined` whatever was wrong
   * @throws EmulatorError `node_forge_missing`
   */
  readonly decrypt: (ciphertext: string) => Promise<string | undefined>;
}
