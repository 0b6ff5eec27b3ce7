import type { KeyObject } from 'node:crypto';
import { type ConfigurationError, type UnusableKey, UpstreamError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { JWK_ALGORITHM } from './jwk.js';
import type { KeySet } from './key-set.js';

/** Maximum number of unusable keys in the details of an error. */
const MAX_SHOWN_KEYS = 20;

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
