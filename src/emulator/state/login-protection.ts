import { createHash } from 'node:crypto';
import { BoundedMap } from './bounded-map.js';
import { readInteger, readObject } from '../input/readers.js';

/** Limits for the failed sign-ins of one account. */
export interface EmulatorLoginProtection {
  /**
   * Number of failed sign-ins after which a captcha is required (403 / 2000; wrong captcha: 403 / 2001). With 0, every
   * sign-in requires a captcha. Default: never.
   */
  captchaAfter?: number | undefined;
  /** Number of failed sign-ins after which the account is locked (403 / 2005). At least 1. Default: never. */
  lockAfter?: number | undefined;
}

/** The checked limits. `Infinity` means never. */
export type LoginLimits = Readonly<Record<keyof EmulatorLoginProtection, number>>;

/** Maximum number of accounts with a count. The account whose last failure is oldest is dropped first. */
const MAX_ACCOUNTS = 10_000;

/** @throws EmulatorError `invalid_input` */
export function readLoginProtection(input: unknown): LoginLimits {
  return readLimits(readObject(input, 'loginProtection', ['captchaAfter', 'lockAfter']));
}

/** @throws EmulatorError `invalid_input` */
export function readLimits(given: ReadonlyMap<string, unknown>): LoginLimits {
  const read = (name: string, min: number) =>
    given.has(name) ? readInteger(given.get(name), name, min, Number.MAX_SAFE_INTEGER) : Infinity;
  return { captchaAfter: read('captchaAfter', 0), lockAfter: read('lockAfter', 1) };
}

/**
 * Counts the failed sign-ins per account. Unknown accounts are counted and locked too, so that a response does not
 * reveal whether an account exists.
 */
export class LoginProtection {
  #limits: LoginLimits;
  readonly #failures = new BoundedMap<number>(MAX_ACCOUNTS);

  constructor(limits: LoginLimits) {
    this.#limits = limits;
  }

  /** Replaces the limits. The counts are kept. */
  set limits(limits: LoginLimits) {
    this.#limits = limits;
  }

  requiresCaptcha(account: string): boolean {
    return this.#count(account) >= this.#limits.captchaAfter;
  }

  isLocked(account: string): boolean {
    return this.#count(account) >= this.#limits.lockAfter;
  }

  /**
   * Counts a failed sign-in. Does nothing if no limit is set.
   *
   * @returns The number of attempts before the account is locked. Without that limit, the number of attempts before a
   *   captcha is required. `undefined` if no limit is set.
   */
  recordFailure(account: string): number | undefined {
    const { captchaAfter, lockAfter } = this.#limits;
    const limit = Number.isFinite(lockAfter) ? lockAfter : captchaAfter;
    if (!Number.isFinite(limit)) return undefined;
    const count = this.#count(account) + 1;
    this.#failures.set(digest(account), count);
    return Math.max(0, limit - count);
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
    return this.#failures.get(digest(account)) ?? 0;
  }
}

/** Returns the key of an account. It is a digest, because a name in a request may be long. */
function digest(account: string): string {
  return createHash('sha256').update(account).digest('base64url');
}
