import { createHash } from 'node:crypto';
import { BoundedMap } from '../state/bounded-map.js';
import type { EmulatorClock } from '../state/clock.js';
import type { Account } from '../users/accounts.js';

/** How many tokens are kept. The oldest ones are dropped, and are unknown from then on. */
const MAX_TOKENS = 50_000;

/** The user that a token belongs to. */
type Holder = Pick<Account, 'sub' | 'claims' | 'removed'> & Partial<Pick<Account, 'states'>>;

/** The result of a sign-in. All of its tokens, also those of refreshes, share it and end with it. */
export interface Grant {
  readonly account: Holder;
  readonly scopes: readonly string[];
  /** `''` for none. */
  readonly tenantId: string;
  /** Set once, when the refresh token is revoked. */
  revoked: boolean;
}

/** A token that was issued. Its text is not kept. */
export interface IssuedToken {
  readonly kind: 'access_token' | 'refresh_token';
  readonly grant: Grant;
  /** A refresh may have asked for fewer than the grant has. */
  readonly scopes: readonly string[];
  /** Seconds since 1970. */
  readonly iat: number;
  /** Seconds since 1970: the first moment at which it is no longer live. */
  readonly exp: number;
  readonly jti: string;
}

/** The tokens that introspection, revocation, user info and refreshes know. */
export class IssuedTokens {
  readonly #clock: EmulatorClock;
  readonly #tokens: BoundedMap<IssuedToken>;

  constructor(clock: EmulatorClock, maxTokens: number = MAX_TOKENS) {
    this.#clock = clock;
    this.#tokens = new BoundedMap(maxTokens);
  }

  add(text: string, token: IssuedToken): void {
    this.#tokens.set(digest(text), token);
  }

  /**
   * Returns the live token with this text. A token that is expired, used or revoked, or whose user is removed or
   * disabled, is unknown.
   */
  find(text: string): IssuedToken | undefined {
    const token = this.#tokens.get(digest(text));
    if (!token || this.#clock.nowInSeconds() >= token.exp || token.grant.revoked) return undefined;
    const { removed, states } = token.grant.account;
    return removed || states?.disabled === true ? undefined : token;
  }

  /** Ends this one alone. */
  end(text: string): void {
    this.#tokens.delete(digest(text));
  }

  clear(): void {
    this.#tokens.clear();
  }
}

/** A digest of the whole text: 43 base64url characters. A token with another signature has another digest. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
