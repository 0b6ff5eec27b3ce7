import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';

/** A key pair that signs tokens. */
export interface SigningKey {
  /** JWK thumbprint (RFC 7638): 43 base64url characters, the form of GenAuth's own key ids. */
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** The public key as the key set shows it (RFC 7517). */
  readonly jwk: JWK;
}

/** Makes an RSA-2048 key pair. Extractable, since a flaw needs the public key as text. */
export async function createSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const { e, n } = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint({ kty: 'RSA', e: String(e), n: String(n) });
  return { kid, privateKey, publicKey, jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid, e: String(e), n: String(n) } };
}

/** The published keys. The newest one signs. */
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

  /** The key set, newest first. */
  get jwks(): { keys: readonly JWK[] } {
    return { keys: this.#published };
  }

  /** Signs with a new key from now on, and withdraws all others if asked to. */
  async rotate(withdraw: boolean): Promise<string> {
    const next = await createSigningKey();
    this.#current = next;
    this.#published = withdraw ? [next.jwk] : [next.jwk, ...this.#published];
    return next.kid;
  }
}
