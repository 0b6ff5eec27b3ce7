import type { KeyObject } from 'node:crypto';
import { UpstreamError } from '../errors.js';
import { isRecord } from '../util/record.js';
import { type RefusedKey, type VerificationKey, importVerificationKey } from './jwk.js';

/** Maximum number of keys with the same key ID. Further keys are passed over. */
const MAX_KEYS_PER_KID = 4;

/** The keys of one key set document (RFC 7517 §5). */
export class KeySet {
  /** The path of the document. */
  readonly path: string;
  /** The usable keys, by key ID. The key ID of the keys without one is `undefined`. */
  readonly #keys = new Map<string | undefined, VerificationKey[]>();
  readonly unusable: RefusedKey[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Imports the usable keys of a key set document and passes over all other keys.
   *
   * @param known - The previous key set of this path. Its key objects are used again for equal keys.
   * @throws UpstreamError if the document has no array `keys`.
   * @throws ConfigurationError `runtime_unsuitable` if this process cannot import keys.
   */
  static async import(document: unknown, path: string, known: KeySet | undefined): Promise<KeySet> {
    const list: unknown = isRecord(document) ? document['keys'] : undefined;
    if (!Array.isArray(list)) {
      throw new UpstreamError(
        'upstream_invalid_response',
        "GenAuth's key set has no array 'keys': check appHost and jwksUri.",
      );
    }
    const keySet = new KeySet(path);
    for (const jwk of list as unknown[]) {
      const key = await importVerificationKey(jwk, (kid, modulus) =>
        known === undefined ? undefined : known.#get(kid, modulus),
      );
      if ('problem' in key) keySet.unusable.push(key);
      else keySet.#add(key);
    }
    return keySet;
  }

  #add(key: VerificationKey): void {
    const sameId = this.#keys.get(key.kid) ?? [];
    // Equal numbers are one key, even if the key set lists them twice.
    if (sameId.some(({ modulus }) => modulus === key.modulus)) return;
    if (sameId.length === MAX_KEYS_PER_KID) {
      const problem = `${MAX_KEYS_PER_KID} keys before it have the same kid`;
      this.unusable.push({ kid: key.kid, problem, isForTokens: true });
      return;
    }
    this.#keys.set(key.kid, [...sameId, key]);
  }

  #get(kid: string | undefined, modulus: string): VerificationKey | undefined {
    return this.#keys.get(kid)?.find((key) => key.modulus === modulus);
  }

  /** The usable keys. */
  get keys(): readonly VerificationKey[] {
    return [...this.#keys.values()].flat();
  }

  /**
   * Returns the keys that can verify a token with this key ID: usually one, at most four. A token without a key ID
   * needs a key that is the only one without a key ID, or the only one at all (OpenID Connect Core 1.0 §10.1).
   */
  find(kid: string | undefined): readonly KeyObject[] {
    const sameId = this.#keys.get(kid) ?? [];
    if (kid !== undefined) return sameId.map(({ key }) => key);
    const candidates = sameId.length > 0 ? sameId : this.keys;
    return candidates.length === 1 ? candidates.map(({ key }) => key) : [];
  }
}
