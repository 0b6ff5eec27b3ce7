import { createHash } from 'node:crypto';
import { BoundedMap } from './bounded-map.js';
import { readInteger, readObject } from '../input/readers.js';

/** The limits for the failed sign-ins of each account. */
export interface EmulatorLoginProtection {
  /**
   * The number of failed sign-ins after which a captcha is required (`statusCode` 403, `apiCode` 2000). A wrong captcha
   * has the `apiCode` 2001. With 0 every sign-in requires a captcha. Default: never.
   */
  captchaAfter?: number | undefined;
  /**
   * The number of failed sign-ins after which the account is locked (`statusCode` 403, `apiCode` 2005). At least 1.
   * Default: never.
   */
  lockAfter?: number | undefined;
}

/** The checked limits for failed sign-ins. `Infinity` means that there is no limit. */
export type LoginLimits = Readonly<Record<keyof EmulatorLoginProtection, number>>;

/** An account with failed sign-ins. */
export interface EmulatorFailedSignIns {
  /** The name that the user typed at the last failed sign-in. At most 256 characters of it. */
  account: string;
  /** The number of failed sign-ins since the last successful sign-in. */
  failures: number;
  /** Whether the next sign-in requires a captcha. */
  requiresCaptcha: boolean;
  /** Whether the account is locked. */
  isLocked: boolean;
}

/** The limits for failed sign-ins and the accounts that have failed sign-ins. */
export interface EmulatorLoginProtectionState extends EmulatorLoginProtection {
  /** The accounts with failed sign-ins. The account whose last failure is the newest is first. */
  accounts: EmulatorFailedSignIns[];
}

/** The failed sign-ins of an account, with the name that the user typed at the last one. */
interface Failures {
  readonly name: string;
  readonly count: number;
}

/** The number of characters of a name that are stored. */
const MAX_NAME_LENGTH = 256;

/**
 * The maximum number of accounts whose failed sign-ins are counted. If there are more, the account whose last failure
 * is the oldest is deleted.
 */
const MAX_ACCOUNTS = 10_000;

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readLoginProtection(input: unknown): LoginLimits {
  return readLimits(readObject(input, 'loginProtection', ['captchaAfter', 'lockAfter']));
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readLimits(given: ReadonlyMap<string, unknown>): LoginLimits {
  const read = (name: string, min: number) =>
    given.has(name) ? readInteger(given.get(name), name, min, Number.MAX_SAFE_INTEGER) : Infinity;
  return { captchaAfter: read('captchaAfter', 0), lockAfter: read('lockAfter', 1) };
}

/**
 * Counts the failed sign-ins of each account. Accounts that do not exist are also counted and locked, so that a
 * response does not reveal whether an account exists.
 */
export class LoginProtection {
  #limits: LoginLimits;
  readonly #failures = new BoundedMap<Failures>(MAX_ACCOUNTS);

  constructor(limits: LoginLimits) {
    this.#limits = limits;
  }

  get limits(): LoginLimits {
    return this.#limits;
  }
  /** Replaces the limits and keeps the counts. */
  set limits(limits: LoginLimits) {
    this.#limits = limits;
  }

  /** Returns the count of each account. The accounts are digests of their names. */
  entries(): readonly (readonly [account: string, failures: Failures])[] {
    return this.#failures.entries();
  }

  /** Replaces the counts by those of a state file. */
  restore(failures: readonly (readonly [account: string, failures: Failures])[]): void {
    this.#failures.clear();
    for (const [account, value] of failures) this.#failures.set(account, value);
  }

  /** The limits and the accounts with failed sign-ins. A limit that is not set is absent. */
  get state(): EmulatorLoginProtectionState {
    const { captchaAfter, lockAfter } = this.#limits;
    return {
      ...(Number.isFinite(captchaAfter) && { captchaAfter }),
      ...(Number.isFinite(lockAfter) && { lockAfter }),
      accounts: [...this.#failures.values()].reverse().map(({ name, count }) => ({
        account: name,
        failures: count,
        requiresCaptcha: count >= captchaAfter,
        isLocked: count >= lockAfter,
      })),
    };
  }

  /** Returns whether the next sign-in of the account needs a captcha. */
  requiresCaptcha(account: string): boolean {
    return this.#count(account) >= this.#limits.captchaAfter;
  }

  /** Returns whether the account is locked. */
  isLocked(account: string): boolean {
    return this.#count(account) >= this.#limits.lockAfter;
  }

  /**
   * Counts a failed sign-in. Does nothing if no limit is set.
   *
   * @param name The name that the user typed.
   * @returns The number of attempts that are left before the account is locked. If no `lockAfter` is set, the number of
   * attempts that are left before a captcha is required. `undefined` if no limit is set.
   */
  recordFailure(account: string, name: string): number | undefined {
    const { captchaAfter, lockAfter } = this.#limits;
    const limit = Number.isFinite(lockAfter) ? lockAfter : captchaAfter;
    if (!Number.isFinite(limit)) return undefined;
    const count = this.#count(account) + 1;
    this.#failures.set(digest(account), { name: name.slice(0, MAX_NAME_LENGTH), count });
    return Math.max(0, limit - count);
  }

  /** Returns whether failed sign-ins of the account are counted. */
  hasFailures(account: string): boolean {
    return this.#count(account) > 0;
  }

  /** Resets the count of one account. */
  forget(account: string): void {
    this.#failures.delete(digest(account));
  }

  /** Resets all counts. */
  forgetAll(): void {
    this.#failures.clear();
  }

  #count(account: string): number {
    return this.#failures.get(digest(account))?.count ?? 0;
  }
}

/** Returns the key of an account in the map. The key is a digest, because a name in a request may be long. */
function digest(account: string): string {
  return createHash('sha256').update(account).digest('base64url');
}
