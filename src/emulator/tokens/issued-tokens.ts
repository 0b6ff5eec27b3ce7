import { createHash } from 'node:crypto';
import { BoundedMap } from '../state/bounded-map.js';
import type { EmulatorClock } from '../state/clock.js';
import type { Account } from '../users/accounts.js';

/** Maximum number of stored tokens. The oldest token is dropped first, and is unknown from then on. */
const MAX_TOKENS = 50_000;

/** The parts of an account that its tokens depend on. */
type Holder = Pick<Account, 'sub' | 'claims' | 'removed'> & Partial<Pick<Account, 'states'>>;

/** The result of a sign-in. All tokens of the sign-in and of its refreshes share the grant, and end with it. */
export interface Grant {
  readonly account: Holder;
  readonly scopes: readonly string[];
  /** Id of the tenant. `''` if the sign-in named no tenant. */
  readonly tenantId: string;
  /** Becomes `true` when a refresh token of the grant is revoked. */
  revoked: boolean;
}

/** An issued token. The text of the token is not stored. */
export interface IssuedToken {
  readonly kind: 'access_token' | 'refresh_token';
  readonly grant: Grant;
  /** The scopes of the token. A refresh may have requested fewer scopes than the grant has. */
  readonly scopes: readonly string[];
  /** Seconds since 1970. */
  readonly iat: number;
  /** Seconds since 1970. The token is expired from this second on. */
  readonly exp: number;
  readonly jti: string;
}

/** Stores the issued tokens for introspection, revocation, user info and refreshes. */
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
   * Returns the token with this text. Returns `undefined` if the token is unknown, expired, used or revoked, or if its
   * user is removed or disabled.
   */
  find(text: string): IssuedToken | undefined {
    const token = this.#tokens.get(digest(text));
    if (!token || this.#clock.nowInSeconds() >= token.exp || token.grant.revoked) return undefined;
    const { removed, states } = token.grant.account;
    return removed || states?.disabled === true ? undefined : token;
  }

  /** Invalidates one token. Other tokens of its grant stay valid. */
  end(text: string): void {
    this.#tokens.delete(digest(text));
  }

  clear(): void {
    this.#tokens.clear();
  }
}

/**
 * Returns the SHA-256 digest of the whole token as 43 base64url characters. A token with another signature has another
 * digest.
 */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
