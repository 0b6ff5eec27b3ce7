import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { RefreshStore } from '../../stores/refresh-store.js';
import { UpstreamError } from '../errors.js';
import { digestToken } from '../tokens/token-digest.js';
import type { ResolvedOptions } from '../options/types.js';
import { type GuardedStore, StoreError, guardStore } from '../guarded-store.js';
import { preload } from '../util/maybe-promise.js';
import { getOwn, isRecord } from '../util/record.js';
import type { SealedBox } from '../util/sealed-box.js';
import type { UnverifiedTokens } from '../wire/parse.js';

/**
 * How long new tokens are kept that could not be verified, because GenAuth's keys could not be fetched, in
 * milliseconds. The user would be signed out without them, because GenAuth has replaced the refresh token.
 */
export const UNVERIFIED_LIFETIME_MS = 10 * 60_000;

/** The lock outlives the longest request of its owner by this time, in milliseconds. */
const LOCK_MARGIN_MS = 1_000;
/** The first and the longest pause between two looks at the store, in milliseconds. */
const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 200;

export interface SharedRefreshesSettings {
  store: RefreshStore;
  /** Limits the calls of the store. */
  guard: GuardedStore;
  /** Loads the encryption of the tokens. */
  loadBox: () => Promise<SealedBox>;
  /** Is called for each stored value that the option `storeSecret` cannot decrypt. */
  onUnreadable: () => void;
  appId: string;
  /** Maximum duration of a refresh, in milliseconds. */
  timeout: number;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/** The tokens of a refresh that this process or another process has requested. */
export interface SharedRefresh {
  tokens: UnverifiedTokens;
  /** The time until which the tokens are kept, in milliseconds since 1970. */
  until: number;
}

type SharingOptions = Pick<ResolvedOptions, 'appId' | 'name' | 'refreshStore' | 'storeSecret' | 'timeout'>;

/** Creates the sharing of token refreshes, or returns `undefined` if the options do not ask for it. */
export function createSharedRefreshes(options: SharingOptions, now: () => number): SharedRefreshes | undefined {
  const { appId, name, refreshStore: store, storeSecret, timeout } = options;
  if (store === undefined || storeSecret === undefined) return undefined;
  // Most applications have no store, and do not load the encryption.
  const loadBox = preload(async () => {
    const { SealedBox: Box } = await import('../util/sealed-box.js');
    return new Box(storeSecret, 'passport-genauth refresh', appId);
  });
  const effect = 'Each process refreshes tokens on its own until the store answers again.';
  const guard = guardStore({ appId, name, store: 'refreshStore', effect }, now);
  let hasWarned = false;
  const onUnreadable = (): void => {
    if (hasWarned) return;
    hasWarned = true;
    const text =
      `${name}: refreshStore has tokens that storeSecret cannot decrypt, so users may be signed out. ` +
      'Give all processes the same secrets. To replace a secret, write storeSecret: [newSecret, oldSecret].';
    process.emitWarning(text, { type: 'GenAuthWarning', code: 'GENAUTH_STORE_SECRET' });
  };
  return new SharedRefreshes({ store, guard, loadBox, onUnreadable, appId, timeout, now });
}

/**
 * Shares the results of token refreshes between the processes of an application, so that a refresh token is sent to
 * GenAuth once. A process that wants to refresh takes a lock in the store. Every other process waits for its result.
 *
 * If the store is down, each process refreshes on its own. A process that ends with the lock blocks the refresh token
 * until the lock expires.
 */
export class SharedRefreshes {
  readonly #settings: SharedRefreshesSettings;

  constructor(settings: SharedRefreshesSettings) {
    this.#settings = settings;
  }

  /**
   * Returns the stored result for a refresh token, or the result of `request`.
   *
   * @throws UpstreamError `upstream_timeout` if another process takes too long. Otherwise throws the error of
   * `request`.
   */
  async refresh(refreshToken: string, request: () => Promise<UnverifiedTokens>): Promise<SharedRefresh> {
    const { store, timeout, guard, loadBox } = this.#settings;
    // GenAuth sends new tokens once. Without the encryption they could not be stored, so no request is sent.
    await loadBox();
    const digest = digestToken(refreshToken);
    const lock = this.#toKey('lock', digest);
    const owner = randomUUID();
    const endsAt = performance.now() + timeout;
    try {
      for (let pause = MIN_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
        const found = await this.#findNewest(refreshToken);
        if (found !== undefined) return found;
        if (await guard.call(() => store.add(lock, owner, timeout + LOCK_MARGIN_MS))) break;
        if (performance.now() >= endsAt) throw buildWaitError(timeout);
        await wait(pause);
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // A late answer of the store can have set the lock, for which other processes would wait in vain.
      const result = await this.#store(digest, await request(), true);
      await guard.call(() => store.remove(lock, owner), true).catch(ignoreStore);
      return result;
    }
    try {
      // The last owner of the lock may have stored its result after this process had looked.
      return (await this.#findNewest(refreshToken).catch(ignoreStore)) ?? (await this.#store(digest, await request()));
    } finally {
      await guard.call(() => store.remove(lock, owner)).catch(ignoreStore);
    }
  }

  /** Shortens the time for which a result is stored, after its tokens were verified. */
  async shorten(refreshToken: string, { tokens, until }: SharedRefresh): Promise<void> {
    await this.#write(digestToken(refreshToken), { tokens, until });
  }

  /** Makes all processes forget the tokens with these hashes, and the tokens that came from them. */
  async forget(digests: readonly string[]): Promise<void> {
    const { store, guard } = this.#settings;
    const gone = new Set(digests);
    const forget = async (digest: string): Promise<void> => {
      await guard.call(() => store.set(this.#toKey('revoked', digest), '1', UNVERIFIED_LIFETIME_MS), true);
      const found = await this.#find(digest);
      const next = found === undefined ? [] : listDigests(found.tokens).filter((each) => !gone.has(each));
      for (const each of next) gone.add(each);
      await Promise.all(next.map(forget));
    };
    await Promise.all(digests.map(forget)).catch(ignoreStore);
  }

  /** Returns whether a process has revoked one of these tokens. If the store is down, it is not known. */
  async hasRevoked(digests: readonly string[]): Promise<boolean> {
    return this.#hasMark(digests).catch((error: unknown) => ignoreStore(error) ?? false);
  }

  async #store(digest: string, tokens: UnverifiedTokens, isUrgent = false): Promise<SharedRefresh> {
    const result = { tokens, until: this.#settings.now() + UNVERIFIED_LIFETIME_MS };
    await this.#write(digest, result, isUrgent);
    return result;
  }

  async #write(digest: string, { tokens, until }: SharedRefresh, isUrgent = false): Promise<void> {
    const { store, guard, loadBox, now } = this.#settings;
    const { refreshToken } = tokens;
    // With the option `refreshGrace: 0` the value ends at once.
    const ttl = Math.max(1, until - now());
    // A refresh token that GenAuth has not replaced can be used again.
    if (refreshToken === undefined || digestToken(refreshToken) === digest) return;
    // The hash prevents that a value is read under the key of another refresh token.
    const sealed = await (await loadBox()).seal({ digest, tokens, until });
    await guard.call(() => store.set(this.#toKey('result', digest), sealed, ttl), isUrgent).catch(ignoreStore);
  }

  /**
   * Returns the newest tokens that came from a refresh token, or `undefined` if it was not replaced recently, or if one
   * of the tokens on the way was revoked.
   */
  async #findNewest(refreshToken: string): Promise<SharedRefresh | undefined> {
    let newest: SharedRefresh | undefined;
    let token: string | undefined = refreshToken;
    const seen = new Set<string>();
    while (token !== undefined) {
      const digest = digestToken(token);
      if (seen.has(digest)) break;
      seen.add(digest);
      const found = await this.#find(digest);
      if (found === undefined) break;
      newest = found;
      for (const each of listDigests({ ...found.tokens, refreshToken: undefined })) seen.add(each);
      token = found.tokens.refreshToken;
    }
    return newest !== undefined && (await this.#hasMark([...seen])) ? undefined : newest;
  }

  async #find(digest: string): Promise<SharedRefresh | undefined> {
    const { store, guard, loadBox, onUnreadable, now } = this.#settings;
    const sealed: unknown = await guard.call(() => store.get(this.#toKey('result', digest)));
    const opened = typeof sealed !== 'string' ? undefined : await (await loadBox()).open(sealed);
    if (typeof sealed === 'string' && opened === undefined) onUnreadable();
    const [tokens, until] = [opened?.['tokens'], opened?.['until']];
    if (!isRecord(tokens) || typeof until !== 'number' || until <= now() || opened?.['digest'] !== digest) {
      return undefined;
    }
    return { tokens: toTokens(tokens), until };
  }

  async #hasMark(digests: readonly string[]): Promise<boolean> {
    const { store, guard } = this.#settings;
    const read = (digest: string) => guard.call(() => store.get(this.#toKey('revoked', digest)));
    return (await Promise.all(digests.map(read))).some((mark) => typeof mark === 'string');
  }

  #toKey(kind: 'lock' | 'result' | 'revoked', digest: string): string {
    return `passport-genauth:${this.#settings.appId}:refresh-${kind}:${digest}`;
  }
}

function toTokens(stored: Readonly<Record<string, unknown>>): UnverifiedTokens {
  const toText = (name: string): string | undefined => {
    const value = getOwn(stored, name);
    return typeof value === 'string' ? value : undefined;
  };
  const expiresIn = getOwn(stored, 'expiresIn');
  return {
    accessToken: toText('accessToken'),
    idToken: toText('idToken'),
    refreshToken: toText('refreshToken'),
    scope: toText('scope'),
    expiresIn: typeof expiresIn === 'number' ? expiresIn : undefined,
  };
}

function ignoreStore(error: unknown): undefined {
  if (!(error instanceof StoreError)) throw error;
}

function buildWaitError(timeout: number): UpstreamError {
  const message = `Another process of the application has not ended the refresh of this token within ${timeout} ms.`;
  return new UpstreamError('upstream_timeout', message, { details: { limit: timeout } });
}

/** Returns the hashes of the tokens of a refresh. */
export function listDigests({ refreshToken, accessToken }: UnverifiedTokens): string[] {
  return [refreshToken, accessToken].filter((token) => token !== undefined).map(digestToken);
}
