import type { KeyObject } from 'node:crypto';
import { type UnusableKey, UpstreamError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { isRecord } from '../util/record.js';
import { JWK_ALGORITHM, type RefusedKey, type VerificationKey, importVerificationKey } from './jwk.js';

/** Maximum number of keys with the same key ID. Further keys are passed over. */
const MAX_KEYS_PER_KID = 4;
/** Maximum number of unusable keys in the details of an error. */
const MAX_SHOWN_KEYS = 20;

/** A usable key, with the path of the key set document that contains it. */
interface LocatedKey extends VerificationKey {
  readonly path: string;
}

/**
 * The keys of a key set document (RFC 7517 §5). While the right address is not known, it also has the keys of the other
 * addresses that were asked.
 */
export class KeySet {
  /** The usable keys, by key ID. The key ID of the keys without one is `undefined`. */
  readonly #keys = new Map<string | undefined, LocatedKey[]>();
  readonly unusable: RefusedKey[] = [];
  /** Whether there are addresses that were not asked, because the keys of other addresses were sufficient. */
  isPartial = false;
  /** The error of an address that may have further keys, but could not be reached. */
  failure: UpstreamError | undefined;

  /**
   * Imports the usable keys of a key set document and passes over all other keys.
   *
   * @param known - The previous key set. Its key objects are used again for equal keys.
   * @throws UpstreamError if the document has no array `keys`.
   * @throws ConfigurationError `runtime_unsuitable` if this process cannot import keys.
   */
  async import(document: unknown, path: string, known: KeySet): Promise<void> {
    const list: unknown = isRecord(document) ? document['keys'] : undefined;
    if (!Array.isArray(list)) {
      throw new UpstreamError(
        'upstream_invalid_response',
        "GenAuth's key set has no array 'keys': check appHost and jwksUri.",
      );
    }
    for (const jwk of list as unknown[]) {
      const key = await importVerificationKey(jwk, (kid, modulus) => known.#get(kid, modulus));
      if ('problem' in key) this.unusable.push(key);
      else this.#add({ ...key, path });
    }
  }

  #add(key: LocatedKey): void {
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

  #get(kid: string | undefined, modulus: string): LocatedKey | undefined {
    return this.#keys.get(kid)?.find((key) => key.modulus === modulus);
  }

  get #all(): LocatedKey[] {
    return [...this.#keys.values()].flat();
  }

  /** The number of usable keys. */
  get size(): number {
    return this.#all.length;
  }

  /** The key IDs of the usable keys. */
  get kids(): (string | undefined)[] {
    return [...this.#keys.keys()];
  }

  /**
   * Returns the keys that can verify a token with this key ID: usually one, at most four. A token without a key ID
   * needs a key that is the only one without a key ID, or the only one at all (OpenID Connect Core 1.0 §10.1).
   */
  find(kid: string | undefined): readonly KeyObject[] {
    const sameId = this.#keys.get(kid) ?? [];
    if (kid !== undefined) return sameId.map(({ key }) => key);
    const candidates = sameId.length > 0 ? sameId : this.#all;
    return candidates.length === 1 ? candidates.map(({ key }) => key) : [];
  }

  /** Returns the path of the document that contains this key. `undefined` if this key set does not have the key. */
  getPath(key: KeyObject): string | undefined {
    return this.#all.find((each) => each.key === key)?.path;
  }

  /** Removes the keys of all other documents than the one at this path. */
  retain(path: string): void {
    for (const [kid, keys] of this.#keys) {
      const retained = keys.filter((key) => key.path === path);
      if (retained.length > 0) this.#keys.set(kid, retained);
      else this.#keys.delete(kid);
    }
    this.isPartial = false;
    this.failure = undefined;
  }

  /** The unusable keys for the details of an error. Empty if there are none. */
  get details(): { unusableKeys?: readonly UnusableKey[] } {
    const shown = this.unusable.slice(0, MAX_SHOWN_KEYS);
    return shown.length === 0
      ? {}
      : { unusableKeys: shown.map(({ kid, problem }) => ({ kid: toDetail(kid), problem })) };
  }

  /** Throws an error that names the problem of each key if the key set has no usable key. */
  assertUsable(): void {
    if (this.size > 0) return;
    const { unusable, details } = this;
    const problems = unusable.slice(0, MAX_SHOWN_KEYS).map(({ kid, problem }) => `kid ${quote(kid)}: ${problem}`);
    const shown = problems.length === 0 ? '' : ` (${problems.join('; ')})`;
    throw new UpstreamError(
      'upstream_invalid_response',
      `None of the ${unusable.length} keys in GenAuth's key set can verify ${JWK_ALGORITHM} tokens${shown}: ` +
        "ask GenAuth's support for a new signing key. If jwksUri is set, check it first.",
      { details },
    );
  }
}
