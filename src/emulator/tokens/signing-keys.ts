import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

/** A key pair that signs tokens. */
export interface SigningKey {
  /**
   * The key ID: the JWK thumbprint (RFC 7638) with 43 base64url characters. GenAuth's own key IDs have the same form.
   */
  readonly kid: string;
  /** The key that signs tokens. */
  readonly privateKey: CryptoKey;
  /** The key that verifies the signatures of `privateKey`. */
  readonly publicKey: CryptoKey;
  /** The public key as it appears in the key set (RFC 7517). */
  readonly jwk: JWK;
}

/** A key of the key set. */
export interface EmulatorSigningKey {
  /** The key ID. */
  kid: string;
  /** Whether this key signs new tokens. The other keys verify older tokens. */
  isCurrent: boolean;
  /** The real time since which the key is in the key set, in ISO 8601. */
  publishedSince: string;
}

/**
 * Creates an RSA-2048 key pair. The keys are extractable, because the id_token flaw `hs256_public_key` needs the public
 * key as text.
 */
export async function createSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const { e, n } = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint({ kty: 'RSA', e: String(e), n: String(n) });
  return { kid, privateKey, publicKey, jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid, e: String(e), n: String(n) } };
}

/** The keys of a {@link KeyRing} as JSON: the private key that signs, and the published public keys, newest first. */
export interface StoredKeys {
  readonly current: JWK;
  readonly published: readonly JWK[];
  /** The time at which each published key was published, by its `kid`. */
  readonly times: Readonly<Record<string, string>>;
}

/** The current signing key and all published public keys. The newest key signs. */
export class KeyRing {
  #current: SigningKey;
  #published: readonly JWK[];
  /** The real time at which each key was published, by its `kid`. */
  readonly #times = new Map<string, Date>();

  constructor(current: SigningKey, published: readonly JWK[] = [current.jwk]) {
    this.#current = current;
    this.#published = published;
    this.#times.set(current.kid, new Date());
  }

  /** Creates the keys of a state file. */
  static async import({ current, published, times }: StoredKeys): Promise<KeyRing> {
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...jwk } = current;
    const load = (key: JWK) => importJWK(key, 'RS256', { extractable: true }) as Promise<CryptoKey>;
    const [privateKey, publicKey] = await Promise.all([load(current), load(jwk)]);
    const keys = new KeyRing({ kid: String(jwk.kid), privateKey, publicKey, jwk }, published);
    for (const [kid, time] of Object.entries(times)) keys.#times.set(kid, new Date(time));
    return keys;
  }

  /** Returns the keys for a state file. */
  async export(): Promise<StoredKeys> {
    const { privateKey, jwk } = this.#current;
    const times = Object.fromEntries(this.list().map(({ kid, publishedSince }) => [kid, publishedSince]));
    return { current: { ...(await exportJWK(privateKey)), ...jwk }, published: this.#published, times };
  }

  get current(): SigningKey {
    return this.#current;
  }

  /** The key set. The newest key is first. */
  get jwks(): { keys: readonly JWK[] } {
    return { keys: this.#published };
  }

  /** The published keys, newest first. */
  list(): EmulatorSigningKey[] {
    return this.#published.map(({ kid = '' }) => ({
      kid,
      isCurrent: kid === this.#current.kid,
      publishedSince: (this.#times.get(kid) ?? new Date()).toISOString(),
    }));
  }

  /**
   * Creates a new signing key and signs all new tokens with it.
   *
   * @param withdraw Whether to remove all other keys from the key set.
   * @returns The key ID (`kid`) of the new key.
   */
  async rotate(withdraw: boolean): Promise<string> {
    const next = await createSigningKey();
    this.#current = next;
    this.#times.set(next.kid, new Date());
    this.#published = withdraw ? [next.jwk] : [next.jwk, ...this.#published];
    return next.kid;
  }
}
