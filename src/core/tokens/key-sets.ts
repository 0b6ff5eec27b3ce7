import type { KeyObject } from 'node:crypto';
import { type ConfigurationError, type UnusableKey, UpstreamError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { isRecord } from '../util/record.js';
import { JWK_ALGORITHM, type RefusedKey, type VerificationKey, importVerificationKey } from './jwk.js';

/** Maximum number of keys with the same key ID. Further keys are passed over. */
const MAX_KEYS_PER_KID = 4;
/** Maximum number of unusable keys in the details of an error. */
const MAX_SHOWN_KEYS = 20;

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

/**
 * The key sets that a fetch found: one, or one for each address that was asked while the right address is not known.
 */
export class KeySets {
  readonly list: readonly KeySet[];
  /**
   * Whether no other address can have the key of a token. `false` if some addresses were not asked, or did not answer.
   */
  readonly isComplete: boolean;
  /** The error of an address that did not answer, if the addresses before it have usable keys. */
  readonly failure: UpstreamError | ConfigurationError | undefined;

  constructor(
    list: readonly KeySet[] = [],
    { isComplete = true, failure }: { isComplete?: boolean; failure?: KeySets['failure'] } = {},
  ) {
    this.list = list;
    this.isComplete = isComplete;
    this.failure = failure;
  }

  /** The number of usable keys. */
  get size(): number {
    return this.all.length;
  }

  /** The key IDs of the usable keys, without repetitions. */
  get kids(): (string | undefined)[] {
    return [...new Set(this.list.flatMap(({ keys }) => keys.map(({ kid }) => kid)))];
  }

  /** All usable keys. */
  get all(): readonly KeyObject[] {
    return this.list.flatMap(({ keys }) => keys.map(({ key }) => key));
  }

  /** Returns the key set from this path. */
  get(path: string): KeySet | undefined {
    return this.list.find((keySet) => keySet.path === path);
  }

  /** Returns the keys that can verify a token with this key ID. */
  find(kid: string | undefined): readonly KeyObject[] {
    const [first, ...others] = this.list;
    if (first === undefined || others.length === 0) return first?.find(kid) ?? [];
    return this.list.flatMap((keySet) => keySet.find(kid));
  }

  /** Returns the key set that has this key. */
  findOwner(key: KeyObject): KeySet | undefined {
    return this.list.find(({ keys }) => keys.some((each) => each.key === key));
  }

  /** The unusable keys for the details of an error. Empty if there are none. */
  get details(): { unusableKeys?: readonly UnusableKey[] } {
    const shown = this.#unusable.slice(0, MAX_SHOWN_KEYS);
    return shown.length === 0
      ? {}
      : { unusableKeys: shown.map(({ kid, problem }) => ({ kid: toDetail(kid), problem })) };
  }

  get #unusable(): UnusableKey[] {
    return this.list.flatMap(({ unusable }) => unusable);
  }

  /** Throws an error that names the problem of each key if there is no usable key. */
  assertUsable(): void {
    if (this.size > 0) return;
    const unusable = this.#unusable;
    const problems = unusable.slice(0, MAX_SHOWN_KEYS).map(({ kid, problem }) => `kid ${quote(kid)}: ${problem}`);
    const shown = problems.length === 0 ? '' : ` (${problems.join('; ')})`;
    throw new UpstreamError(
      'upstream_invalid_response',
      `None of the ${unusable.length} keys in GenAuth's key set can verify ${JWK_ALGORITHM} tokens${shown}: ` +
        "ask GenAuth's support for a new signing key. If jwksUri is set, check it first.",
      { details: this.details },
    );
  }
}
