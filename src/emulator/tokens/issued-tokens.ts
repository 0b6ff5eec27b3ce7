import { createHash } from 'node:crypto';
import { BoundedMap } from '../state/bounded-map.js';
import type { EmulatorClock } from '../state/clock.js';
import { Journal } from '../state/journal.js';
import type { Account } from '../users/accounts.js';

/**
 * The maximum number of stored tokens. If there are more, the oldest token is deleted, and the emulator no longer knows
 * it.
 */
const MAX_TOKENS = 50_000;

/** The parts of an account on which its tokens depend. */
type Holder = Pick<Account, 'sub' | 'claims' | 'removed'> & Partial<Pick<Account, 'states'>>;

/**
 * The result of a sign-in. All tokens of the sign-in and of its refreshes belong to the grant. If the grant is revoked,
 * all these tokens are invalid.
 */
export interface Grant {
  readonly account: Holder;
  readonly scopes: readonly string[];
  /** The ID of the tenant, or `''` if the sign-in requested no tenant. */
  readonly tenantId: string;
  /** Whether the grant is revoked. It becomes `true` when a refresh token of the grant is revoked. */
  revoked: boolean;
}

/** An issued token. The text of the token is not stored. */
export interface IssuedToken {
  readonly kind: 'access_token' | 'refresh_token';
  readonly grant: Grant;
  /** The scopes of the token. They can be fewer than the scopes of the grant, if a refresh requested fewer scopes. */
  readonly scopes: readonly string[];
  /** The time at which the token was issued, in seconds since 1970. */
  readonly iat: number;
  /** The time at which the token expires, in seconds since 1970. From this second on, the token is invalid. */
  readonly exp: number;
  readonly jti: string;
  /** Why this token alone is invalid. Absent if it is not used and not revoked. */
  end?: 'used' | 'revoked';
}

/**
 * The state of an issued token:
 * - `active`: introspection and user info accept the token
 * - `expired`: the lifetime is over, by the emulator's clock
 * - `used`: the refresh token was replaced by a new refresh token
 * - `revoked`: the token or its sign-in was revoked
 * - `user_disabled`: the user has the state `disabled`
 * - `user_removed`: the user was removed
 */
export type TokenState = 'active' | 'expired' | 'used' | 'revoked' | 'user_disabled' | 'user_removed';

/** Stores the issued tokens for introspection, revocation, user info and refreshes. */
export class IssuedTokens {
  readonly #clock: EmulatorClock;
  readonly #tokens: BoundedMap<IssuedToken>;
  /** The last tokens, also those that {@link end} has deleted from the map. */
  readonly #recent = new Journal<IssuedToken>();

  constructor(clock: EmulatorClock, maxTokens: number = MAX_TOKENS) {
    this.#clock = clock;
    this.#tokens = new BoundedMap(maxTokens);
  }

  add(text: string, token: IssuedToken): void {
    this.#tokens.set(digest(text), token);
    this.#recent.add(token);
  }

  /**
   * Returns the token with this text. Returns `undefined` if the token is unknown, expired, used or revoked, or if its
   * user is removed or disabled.
   */
  find(text: string): IssuedToken | undefined {
    const token = this.#tokens.get(digest(text));
    return token && this.stateOf(token) === 'active' ? token : undefined;
  }

  stateOf({ end, exp, grant }: IssuedToken): TokenState {
    const { removed, states } = grant.account;
    if (removed) return 'user_removed';
    if (end !== undefined) return end;
    if (grant.revoked) return 'revoked';
    if (this.#clock.nowInSeconds() >= exp) return 'expired';
    return states?.disabled === true ? 'user_disabled' : 'active';
  }

  /** The last 1,000 tokens, newest first. */
  get recent(): readonly IssuedToken[] {
    return this.#recent.records.toReversed();
  }

  /** Returns whether a token with this ID was issued. */
  has(jti: string): boolean {
    return [...this.#tokens.values(), ...this.#recent.records].some((token) => token.jti === jti);
  }

  /** Invalidates one token. All other tokens of its grant stay valid. */
  end(text: string, reason: 'used' | 'revoked'): void {
    const token = this.#tokens.get(digest(text));
    if (token) token.end = reason;
    this.#tokens.delete(digest(text));
  }

  /** Returns all stored tokens with the digests of their texts, oldest first. */
  entries(): readonly (readonly [digest: string, token: IssuedToken])[] {
    return this.#tokens.entries();
  }

  /** Adds a token of a state file. */
  restore(textDigest: string, token: IssuedToken): void {
    this.#tokens.set(textDigest, token);
    this.#recent.add(token);
  }

  /**
   * Revokes the active tokens that match, as the revocation endpoint does: the refresh token with all tokens of its
   * sign-in, an access token alone.
   *
   * @returns The number of active tokens that matched.
   */
  revoke(isMatch: (token: IssuedToken) => boolean): number {
    const matches = [...this.#tokens.values()].filter((token) => this.stateOf(token) === 'active' && isMatch(token));
    for (const token of matches) {
      if (token.kind === 'refresh_token') token.grant.revoked = true;
      else token.end = 'revoked';
    }
    return matches.length;
  }

  clear(): void {
    this.#tokens.clear();
    this.#recent.clear();
  }
}

/**
 * Returns the SHA-256 digest of the whole token as 43 base64url characters. Two tokens that differ only in the
 * signature have different digests.
 */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
