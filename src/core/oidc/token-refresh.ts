import type { ReceivedRefresh } from '../tokens/received-tokens.js';
import { digestToken } from '../tokens/token-digest.js';
import type { UnverifiedTokens } from '../wire/parse.js';
import type { SharedRefreshes } from './shared-refreshes.js';

/** Maximum number of rotated refresh tokens whose successor a process remembers. */
const MAX_ROTATIONS = 10_000;

export interface TokenRefreshSettings {
  /** Requests new tokens from GenAuth, verifies them, and publishes the event of the refresh. */
  request: (refreshToken: string) => Promise<UnverifiedTokens>;
  /** Verifies the new tokens, which another process may have stored. */
  verify: (tokens: UnverifiedTokens) => Promise<ReceivedRefresh>;
  /** How long a rotated refresh token still gets the newest tokens, in milliseconds. 0: not at all. */
  grace: number;
  /** The results of other processes. `undefined`: this process shares no results. */
  shared: SharedRefreshes | undefined;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/** The tokens that GenAuth sent for a refresh token that it has replaced. */
interface Rotation {
  readonly received: ReceivedRefresh;
  /** The end of the grace period, in milliseconds since 1970. */
  readonly until: number;
}

/**
 * Refreshes tokens. GenAuth accepts a refresh token once if it replaces refresh tokens (rotation). A browser with
 * several tabs, or a response that did not arrive, sends the old refresh token again. For a short time the old refresh
 * token gets the newest tokens, so that the user stays signed in.
 */
export class TokenRefresh {
  readonly #settings: TokenRefreshSettings;
  /** The pending refresh of each refresh token, by the hash of the token. */
  readonly #pending = new Map<string, Promise<ReceivedRefresh>>();
  /** The last rotations, oldest first, by the hash of the replaced refresh token. */
  readonly #rotations = new Map<string, Rotation>();

  constructor(settings: TokenRefreshSettings) {
    this.#settings = settings;
  }

  /**
   * Returns new tokens for a refresh token. Concurrent calls with the same refresh token share one request to GenAuth.
   *
   * @throws TokenVerificationError, UpstreamError, ConfigurationError, as `GenAuthClient.refresh` describes.
   */
  async refresh(refreshToken: string): Promise<ReceivedRefresh> {
    const known = this.#findNewest(refreshToken);
    if (known !== undefined) return known;
    const digest = digestToken(refreshToken);
    const pending = this.#pending.get(digest) ?? this.#run(refreshToken).finally(() => this.#pending.delete(digest));
    this.#pending.set(digest, pending);
    return pending;
  }

  /**
   * Forgets the tokens of a refresh token or an access token that was revoked, and all rotations that led to it or came
   * from it.
   */
  async forget(token: string): Promise<void> {
    const gone = new Set([digestToken(token)]);
    for (let count = 0; count !== gone.size;) {
      count = gone.size;
      for (const [digest, { received }] of this.#rotations) {
        const related = [digest, ...listDigests(received)];
        if (related.some((each) => gone.has(each))) for (const each of related) gone.add(each);
      }
    }
    for (const digest of gone) this.#rotations.delete(digest);
    await this.#settings.shared?.forget([...gone]);
  }

  async #run(refreshToken: string): Promise<ReceivedRefresh> {
    const { request, verify, shared, grace, now } = this.#settings;
    if (shared === undefined) {
      const received = await verify(await request(refreshToken));
      this.#remember(refreshToken, received, now() + grace);
      return received;
    }
    const { tokens, until } = await shared.refresh(refreshToken, () => request(refreshToken));
    const received = await verify(tokens);
    this.#remember(refreshToken, received, until);
    return received;
  }

  /** Returns the newest tokens that came from a refresh token, or `undefined` if it was not replaced recently. */
  #findNewest(refreshToken: string): ReceivedRefresh | undefined {
    let newest: ReceivedRefresh | undefined;
    let token: string | undefined = refreshToken;
    while (token !== undefined) {
      const rotation = this.#rotations.get(digestToken(token));
      const left = (rotation?.until ?? 0) - this.#settings.now();
      // If the clock was set back, the end of the grace period is not known.
      if (rotation === undefined || left <= 0 || left > this.#settings.grace) return newest;
      newest = rotation.received;
      token = newest.tokens.refreshToken;
    }
    return newest;
  }

  #remember(refreshToken: string, received: ReceivedRefresh, until: number): void {
    const { refreshToken: next } = received.tokens;
    const now = this.#settings.now();
    for (const [digest, rotation] of this.#rotations) {
      if (rotation.until > now && this.#rotations.size < MAX_ROTATIONS) break;
      this.#rotations.delete(digest);
    }
    // A refresh token that GenAuth has not replaced can be used again.
    if (until > now && next !== undefined && next !== refreshToken) {
      this.#rotations.set(digestToken(refreshToken), { received, until });
    }
  }
}

/** Returns the hashes of the new tokens of a refresh. */
function listDigests({ tokens: { refreshToken, accessToken } }: ReceivedRefresh): string[] {
  return [refreshToken, accessToken].filter((token) => token !== undefined).map(digestToken);
}
