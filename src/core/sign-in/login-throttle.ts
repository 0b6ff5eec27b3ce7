import type { LoginLimiter, LoginLimiterSettings } from '../../stores/login-limiter.js';
import { type GuardedStore, StoreError, guardStore } from '../guarded-store.js';
import type { ResolvedOptions } from '../options/types.js';
import { digestToken } from '../tokens/token-digest.js';
import type { Deadline } from '../util/deadline.js';
import type { ParsedCredentials } from './credentials.js';
import type { SignInOutcome } from './outcome.js';

type Settings = NonNullable<ResolvedOptions['loginThrottle']>;
type Kind = SignInOutcome['kind'];

/** The outcomes of a sign-in with a wrong password. Only these outcomes count. */
const FAILURES: readonly Kind[] = ['invalid_credentials', 'account_locked'];
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

/** The sign-ins of one account or one network in this process. */
class Queue {
  /** The number of sign-ins that are counted and in progress. */
  running = 0;
  readonly #waiting = new Set<() => void>();

  get isEmpty(): boolean {
    return this.running === 0 && this.#waiting.size === 0;
  }

  /** Waits for {@link wake}. Returns `false` after `timeout` milliseconds. */
  async wait(timeout: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isWoken: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve(isWoken);
      };
      const wake = (): void => end(true);
      const timer = setTimeout(() => end(false), timeout);
      this.#waiting.add(wake);
    });
  }

  /** Wakes the sign-in that has waited longest. */
  wake(): void {
    const [first] = this.#waiting;
    first?.();
  }
}

/** A sign-in that the throttle has let pass. */
export interface Attempt {
  /** Ends the sign-in. `undefined`: it has no outcome, because GenAuth or the network failed. */
  end(outcome: Kind | undefined): Promise<void>;
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
  #limiters: Promise<Limiters> | undefined;
  /** The sign-ins of this process that are in progress or wait, by the key of their account or network. */
  readonly #queues = new Map<string, Queue>();

  constructor(settings: Settings, options: Pick<ResolvedOptions, 'appId' | 'name'>, now: () => number) {
    this.#settings = settings;
    this.#options = options;
    const effect = 'Sign-ins are not limited until the store answers again.';
    this.#guard = guardStore({ appId: options.appId, name: options.name, store: 'loginThrottle', effect }, now);
  }

  /**
   * Begins a sign-in. If the limit is reached, and sign-ins of the same account or network are in progress in this
   * process, it waits for one of them, because most of them do not fail.
   *
   * @param clientIp - The IP address of the end user. `undefined`: the sign-in is not counted for a network.
   * @param deadline - The time limit of the sign-in.
   * @returns The sign-in, or the seconds until the next one if there were too many failed sign-ins.
   */
  async begin(
    credentials: ParsedCredentials,
    clientIp: string | undefined,
    deadline: Deadline,
  ): Promise<Attempt | number> {
    const { account, network } = await (this.#limiters ??= this.#createLimiters());
    const keys = [
      [account, toAccountKey(credentials)],
      [network, clientIp === undefined ? undefined : toNetwork(clientIp)],
    ] as const;
    const counted: Count[] = [];
    for (const [limiter, key] of keys) {
      if (limiter === undefined || key === undefined) continue;
      const count = { limiter, key, isAccount: limiter === account };
      const wait = await this.#count(count, deadline);
      if (wait !== undefined) {
        await this.#end(counted, undefined);
        return Math.max(1, Math.ceil(wait / 1000));
      }
      counted.push(count);
    }
    return { end: (outcome) => this.#end(counted, outcome) };
  }

  /** Counts a sign-in. Returns the milliseconds to wait if there were too many failed sign-ins. */
  async #count({ limiter, key }: Count, deadline: Deadline): Promise<number | undefined> {
    const queue = this.#queues.get(key) ?? new Queue();
    this.#queues.set(key, queue);
    try {
      for (;;) {
        const wait = await this.#consume(limiter, key);
        if (wait === undefined) queue.running += 1;
        if (wait === undefined || queue.running === 0) return wait;
        if (!(await queue.wait(deadline.left))) return wait;
      }
    } finally {
      this.#release(key, queue);
    }
  }

  /** Lets the next sign-in of a key try again, and removes the queue of a key without sign-ins. */
  #release(key: string, queue: Queue): void {
    if (queue.isEmpty) this.#queues.delete(key);
    else if (queue.running === 0) queue.wake();
  }

  async #createLimiters(): Promise<Limiters> {
    const { store } = this.#settings;
    let create = (settings: LoginLimiterSettings): LoginLimiter | undefined => store?.createLimiter(settings);
    if (store === undefined) {
      // The package is loaded on use, because most applications set no throttle.
      const { RateLimiterMemory } = await import('rate-limiter-flexible');
      create = (settings) => new RateLimiterMemory(settings);
    }
    const build = (kind: 'account' | 'network'): LoginLimiter | undefined => {
      const limit = this.#settings[kind];
      const keyPrefix = `passport-genauth:${this.#options.appId}:login-${kind}`;
      return limit && create({ points: limit.failures, duration: Math.ceil(limit.per / 1000), keyPrefix });
    };
    return { account: build('account'), network: build('network') };
  }

  /** Adds a sign-in to a count. Returns the milliseconds to wait if the count is above the limit. */
  async #consume(limiter: LoginLimiter, key: string): Promise<number | undefined> {
    try {
      return await this.#guard.call(async () => {
        try {
          await limiter.consume(key);
          return undefined;
        } catch (refusal) {
          if (refusal instanceof Error) throw refusal;
          // A refused sign-in must not count, because it was not tried.
          await limiter.reward(key);
          return (refusal as { msBeforeNext: number }).msBeforeNext;
        }
      });
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  }

  async #end(counted: readonly Count[], outcome: Kind | undefined): Promise<void> {
    await this.#settle(counted, outcome);
    for (const { key } of counted) {
      const queue = this.#queues.get(key);
      if (queue === undefined) continue;
      queue.running -= 1;
      queue.wake();
      this.#release(key, queue);
    }
  }

  async #settle(counted: readonly Count[], outcome: Kind | undefined): Promise<void> {
    if (outcome !== undefined && FAILURES.includes(outcome)) return;
    const isRight = outcome !== undefined && SUCCESSES.includes(outcome);
    await Promise.all(
      counted.map(async ({ limiter, key, isAccount }) => {
        const change = isAccount && isRight ? () => limiter.delete(key) : () => limiter.reward(key);
        await this.#guard.call(change).catch((error: unknown) => {
          if (!(error instanceof StoreError)) throw error;
        });
      }),
    );
  }
}

/**
 * Returns the key of an account. Active Directory compares names without case, and accepts `DOMAIN\name` and
 * `name@domain`. The key is a hash, because the store of another team may hold it.
 */
function toAccountKey({ connection, name }: ParsedCredentials): string {
  const plain = name.normalize('NFKC').trim().toLowerCase();
  const account = connection === 'AD' ? plain.replace(/^.*\\/s, '').replace(/@.*$/s, '') : plain;
  return digestToken(`${connection}:${account}`);
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
