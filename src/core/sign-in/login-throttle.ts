import type { LoginLimiter, LoginLimiterSettings } from '../../stores/login-limiter.js';
import { type GuardedStore, StoreError, guardStore } from '../guarded-store.js';
import type { ResolvedOptions } from '../options/types.js';
import { digestToken } from '../tokens/token-digest.js';
import { type MaybePromise, preload } from '../util/maybe-promise.js';
import type { ParsedCredentials } from './credentials.js';
import type { SignInOutcome } from './outcome.js';

type Settings = NonNullable<ResolvedOptions['loginThrottle']>;
type Kind = SignInOutcome['kind'];

/**
 * The outcomes of a sign-in with a wrong password, and an answer with an unknown code, which can also be one. Only
 * these outcomes count.
 */
const FAILURES: readonly Kind[] = ['invalid_credentials', 'account_locked', 'rejected'];
/** The outcomes of a sign-in with the right password. They remove the count of the account. */
const SUCCESSES: readonly Kind[] = [
  'success',
  'mfa_required',
  'password_change_required',
  'identity_binding_required',
  'profile_completion_required',
];

type Limiters = Readonly<Record<'account' | 'network', LoginLimiter | undefined>>;
/** What a sign-in has counted. */
interface Count {
  readonly limiter: LoginLimiter;
  readonly key: string;
  readonly isAccount: boolean;
}

/** A sign-in that the throttle has let pass. */
export interface Attempt {
  /**
   * Ends the sign-in. `unanswered`: GenAuth may have checked the password, and sent no answer. `undefined`: the
   * password was not checked.
   */
  end(outcome: Kind | 'unanswered' | undefined): Promise<void>;
}

/**
 * Limits the failed sign-ins of each account and of each network, before GenAuth is asked. So an attacker who tries
 * passwords does not make GenAuth, or the Active Directory behind it, lock the account of an employee.
 *
 * A sign-in is counted when it begins, and the count is taken back if it does not fail. So parallel sign-ins cannot
 * exceed the limit. If the store is down, every sign-in passes.
 */
export class LoginThrottle {
  readonly #options: Pick<ResolvedOptions, 'appId' | 'name'>;
  readonly #settings: Settings;
  readonly #guard: GuardedStore;
  readonly #getLimiters: () => MaybePromise<Limiters>;

  constructor(settings: Settings, options: Pick<ResolvedOptions, 'appId' | 'name'>, now: () => number) {
    this.#settings = settings;
    this.#options = options;
    const effect = 'Sign-ins are not limited until the store answers again.';
    this.#guard = guardStore({ appId: options.appId, name: options.name, store: 'loginThrottle', effect }, now);
    const { store } = settings;
    if (store === undefined) {
      this.#getLimiters = preload(() => this.#loadLimiters());
    } else {
      // An error of the store's function is thrown when the client is created.
      const limiters = this.#buildLimiters((each) => store.createLimiter(each));
      this.#getLimiters = () => limiters;
    }
  }

  /**
   * Begins a sign-in.
   *
   * @param clientIp - The IP address of the end user. `undefined`: the sign-in is not counted for a network.
   * @returns The sign-in, or the seconds until the next one if there were too many failed sign-ins.
   */
  async begin(credentials: ParsedCredentials, clientIp: string | undefined): Promise<Attempt | number> {
    const { account, network } = await this.#getLimiters();
    const keys = [
      [network, clientIp === undefined ? undefined : toNetwork(clientIp)],
      [account, toAccountKey(credentials)],
    ] as const;
    const counted: Count[] = [];
    for (const [limiter, key] of keys) {
      if (limiter === undefined || key === undefined) continue;
      const count = { limiter, key, isAccount: limiter === account };
      const result = await this.#consume(count);
      if (typeof result === 'number') {
        await this.#end(counted, undefined);
        return Math.max(1, Math.ceil(result / 1000));
      }
      if (result === 'counted') counted.push(count);
    }
    return { end: (outcome) => this.#end(counted, outcome) };
  }

  /** Loads the limiters in the memory of the process. Most applications set no throttle, and do not load them. */
  async #loadLimiters(): Promise<Limiters> {
    const { RateLimiterMemory } = await import('rate-limiter-flexible');
    return this.#buildLimiters((settings) => new RateLimiterMemory(settings));
  }

  #buildLimiters(create: (settings: LoginLimiterSettings) => LoginLimiter): Limiters {
    const build = (kind: 'account' | 'network'): LoginLimiter | undefined => {
      const limit = this.#settings[kind];
      const keyPrefix = `passport-genauth:${this.#options.appId}:login-${kind}`;
      return limit && create({ points: limit.failures, duration: Math.ceil(limit.per / 1000), keyPrefix });
    };
    return { account: build('account'), network: build('network') };
  }

  /**
   * Adds a sign-in to a count.
   *
   * @returns The milliseconds to wait if the count is above the limit. `unknown`: the store is down.
   */
  async #consume(count: Count): Promise<number | 'counted' | 'unknown'> {
    try {
      return await this.#guard.call(async () => {
        try {
          await count.limiter.consume(count.key);
          return 'counted';
        } catch (refusal) {
          if (refusal instanceof Error) throw refusal;
          // A refused sign-in must not count, because it was not tried.
          await giveBack(count);
          return (refusal as { msBeforeNext: number }).msBeforeNext;
        }
      });
    } catch (error) {
      if (error instanceof StoreError) return 'unknown';
      throw error;
    }
  }

  async #end(counted: readonly Count[], outcome: Kind | 'unanswered' | undefined): Promise<void> {
    if (outcome === 'unanswered' || (outcome !== undefined && FAILURES.includes(outcome))) return;
    const isRight = outcome !== undefined && SUCCESSES.includes(outcome);
    await Promise.all(
      counted.map(async (count) => {
        const change = count.isAccount && isRight ? () => count.limiter.delete(count.key) : () => giveBack(count);
        await this.#guard.call<unknown>(change).catch((error: unknown) => {
          if (!(error instanceof StoreError)) throw error;
        });
      }),
    );
  }
}

/** Takes back what a sign-in has counted. A count below zero would let more sign-ins fail than the limit. */
async function giveBack({ limiter, key }: Count): Promise<void> {
  const state = await limiter.get(key);
  if (state !== null && state.consumedPoints > 0) await limiter.reward(key);
}

/**
 * Returns the key of an account. Different spellings that a directory can take for the same account have the same key:
 * Active Directory compares names without case, accents, width and kind of kana, and accepts `DOMAIN\\name` and
 * `name@domain`. A phone number is compared by its last ten digits. The key is a hash, because the store of another
 * team may hold it.
 */
function toAccountKey({ connection, name }: ParsedCredentials): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}\p{Cc}]/gu, '')
    .replaceAll(/[\u30A1-\u30F6]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60))
    .replaceAll(/\s+/g, ' ')
    .trim()
    .toLowerCase();
  const account = connection === 'AD' ? plain.replace(/^.*[\\/]/s, '').replace(/@.*$/s, '') : plain;
  const digits = /^[+\d\s().-]+$/.test(account) ? account.replaceAll(/\D/g, '').slice(-10) : '';
  return digestToken(`${connection}:${digits.length === 10 ? digits : account}`);
}

/**
 * Returns the network of an IP address: an IPv4 address itself, and the first 64 bits of an IPv6 address, because a
 * provider assigns a network of this size to one customer (RFC 6177).
 *
 * @param address - An address in the form that `parseIpAddress` returns.
 */
export function toNetwork(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - rest.length;
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...rest];
  return `${all.slice(0, 4).join(':')}::/64`;
}
