import type { ReceivedRefresh } from '../tokens/received-tokens.js';
import { digestToken } from '../tokens/token-digest.js';
import type { UnverifiedTokens } from '../wire/parse.js';
import { type SharedRefreshes, UNVERIFIED_LIFETIME_MS, listDigests } from './shared-refreshes.js';

/** Maximum number of rotated refresh tokens whose successor a process remembers. */
const MAX_ROTATIONS = 10_000;

export interface TokenRefreshSettings {
  /** Requests new tokens from GenAuth. */
  request: (refreshToken: string) => Promise<UnverifiedTokens>;
  /** Verifies new tokens. */
  verify: (tokens: UnverifiedTokens) => Promise<ReceivedRefresh>;
  /** Publishes the event of a request. `result` is `success`, or the error. */
  publish: (result: unknown, duration: number) => void;
  /** How long a rotated refresh token still gets the newest tokens, in milliseconds. 0: not at all. */
  grace: number;
  /** The results of other processes. `undefined`: this process shares no results. */
  shared: SharedRefreshes | undefined;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/** The tokens that GenAuth sent for a refresh token that it has replaced. */
interface Rotation {
  readonly tokens: UnverifiedTokens;
  /** The verified tokens. `undefined`: the tokens could not be verified yet. */
  received: ReceivedRefresh | undefined;
  /** The time until which the tokens are kept, in milliseconds since 1970. */
  until: number;
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
  /** The pending refreshes whose refresh token was revoked in the meantime. */
  readonly #revoked = new WeakSet<Promise<ReceivedRefresh>>();
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
    const digest = digestToken(refreshToken);
    const known = this.#pending.get(digest);
    if (known !== undefined) return known;
    const pending: Promise<ReceivedRefresh> = this.#run(refreshToken).finally(() => {
      this.#pending.delete(digest);
      if (this.#revoked.has(pending)) this.#rotations.delete(digest);
    });
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
      for (const [digest, { tokens }] of this.#rotations) {
        const related = [digest, ...listDigests(tokens)];
        if (related.some((each) => gone.has(each))) for (const each of related) gone.add(each);
      }
    }
    for (const digest of gone) this.#rotations.delete(digest);
    // A refresh that is pending now must not bring the tokens back.
    for (const [digest, refresh] of this.#pending) if (gone.has(digest)) this.#revoked.add(refresh);
    await this.#settings.shared?.forget([...gone]);
  }

  async #run(refreshToken: string): Promise<ReceivedRefresh> {
    const { shared, verify, publish, grace, now } = this.#settings;
    const { rotation: known, digests } = this.#findNewest(refreshToken);
    if (known !== undefined && (await shared?.hasRevoked(digests)) === true) {
      // Another process has revoked the tokens.
      for (const digest of digests) this.#rotations.delete(digest);
      return this.#run(refreshToken);
    }
    if (known?.received !== undefined) return known.received;
    const startedAt = performance.now();
    let isRequested = false;
    const request = async (): Promise<UnverifiedTokens> => {
      isRequested = true;
      return this.#settings.request(refreshToken);
    };
    try {
      const rotation = known ?? (await this.#request(refreshToken, request));
      rotation.received = await verify(rotation.tokens);
      // From now on the caller can have the new tokens.
      const until = now() + grace;
      if (rotation.until > until) {
        rotation.until = until;
        await shared?.shorten(refreshToken, rotation);
      }
      if (isRequested) publish('success', performance.now() - startedAt);
      return rotation.received;
    } catch (error) {
      if (isRequested) publish(error, performance.now() - startedAt);
      throw error;
    }
  }

  /** Requests new tokens, and keeps them before they are verified, because GenAuth does not send them again. */
  async #request(refreshToken: string, request: () => Promise<UnverifiedTokens>): Promise<Rotation> {
    const { shared, now } = this.#settings;
    const { tokens, until } =
      shared === undefined
        ? { tokens: await request(), until: now() + UNVERIFIED_LIFETIME_MS }
        : await shared.refresh(refreshToken, request);
    const rotation: Rotation = { tokens, until, received: undefined };
    this.#remember(refreshToken, rotation);
    return rotation;
  }

  /**
   * Returns the newest tokens that came from a refresh token, if it was replaced recently, and the hashes of all tokens
   * on the way.
   */
  #findNewest(refreshToken: string): { rotation: Rotation | undefined; digests: string[] } {
    let newest: Rotation | undefined;
    const digests = new Set([digestToken(refreshToken)]);
    for (let digest: string | undefined = digestToken(refreshToken); digest !== undefined;) {
      const rotation = this.#rotations.get(digest);
      const left = (rotation?.until ?? 0) - this.#settings.now();
      // If the clock was set back, the end of the time is not known.
      const longest = rotation?.received === undefined ? UNVERIFIED_LIFETIME_MS : this.#settings.grace;
      if (rotation === undefined || left <= 0 || left > longest) break;
      newest = rotation;
      const { refreshToken: next } = rotation.tokens;
      digest = next === undefined || digests.has(digestToken(next)) ? undefined : digestToken(next);
      for (const each of listDigests(rotation.tokens)) digests.add(each);
    }
    return { rotation: newest, digests: [...digests] };
  }

  #remember(refreshToken: string, rotation: Rotation): void {
    const { refreshToken: next } = rotation.tokens;
    const now = this.#settings.now();
    for (const [digest, { until }] of this.#rotations) {
      if (until <= now || this.#rotations.size >= MAX_ROTATIONS) this.#rotations.delete(digest);
    }
    // A refresh token that GenAuth has not replaced can be used again.
    if (next !== undefined && next !== refreshToken) this.#rotations.set(digestToken(refreshToken), rotation);
  }
}
