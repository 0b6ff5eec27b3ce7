import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';

/** A key pair that signs tokens. */
export interface SigningKey {
  /** JWK thumbprint (RFC 7638): 43 base64url characters, the same form as GenAuth's own key ids. */
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** The public key as it appears in the key set (RFC 7517). */
  readonly jwk: JWK;
}

/** Creates an RSA-2048 key pair. It is extractable, because one id_token flaw needs the public key as text. */
export async function createSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const { e, n } = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint({ kty: 'RSA', e: String(e), n: String(n) });
  return { kid, privateKey, publicKey, jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid, e: String(e), n: String(n) } };
}

/** The signing key and the published public keys. The newest key signs. */
export class KeyRing {
  #current: SigningKey;
  #published: readonly JWK[];

  constructor(first: SigningKey) {
    this.#current = first;
    this.#published = [first.jwk];
  }

  get current(): SigningKey {
    return this.#current;
  }

  /** The key set. The newest key is first. */
  get jwks(): { keys: readonly JWK[] } {
    return { keys: this.#published };
  }

  /**
   * Creates a new key and signs with it from now on.
   *
   * @param withdraw Whether to remove all other keys from the key set.
   * @returns The `kid` of the new key.
   */
  async rotate(withdraw: boolean): Promise<string> {
    const next = await createSigningKey();
    this.#current = next;
    this.#published = withdraw ? [next.jwk] : [next.jwk, ...this.#published];
    return next.kid;
  }
}
