import { createHash } from 'node:crypto';
import { BoundedMap } from './bounded-map.js';
import { readInteger, readObject } from '../input/readers.js';

/** After how many failed sign-ins of one account it gets harder. What is left out never happens. */
export interface EmulatorLoginProtection {
  /** Failures after which a sign-in needs a captcha (403 / 2000, 403 / 2001); with 0, every one does. */
  captchaAfter?: number | undefined;
  /** Failures after which the account is locked (403 / 2005). At least 1. */
  lockAfter?: number | undefined;
}

/** Limits with `Infinity` for never. */
export type LoginLimits = Readonly<Record<keyof EmulatorLoginProtection, number>>;

/** Accounts whose failures are kept. The one that failed longest ago is dropped first. */
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
 * Counts failures by account. Unknown accounts are locked as well, so that no answer tells whether an account exists.
 */
export class LoginProtection {
  #limits: LoginLimits;
  readonly #failures = new BoundedMap<number>(MAX_ACCOUNTS);

  constructor(limits: LoginLimits) {
    this.#limits = limits;
  }

  /** Counts go on as they are. */
  set limits(limits: LoginLimits) {
    this.#limits = limits;
  }

  wantsCaptcha(account: string): boolean {
    return this.#count(account) >= this.#limits.captchaAfter;
  }

  isLocked(account: string): boolean {
    return this.#count(account) >= this.#limits.lockAfter;
  }

  /**
   * @returns how many tries are left until the lock, or where there is none until the captcha; `undefined` without
   *   limits
   */
  recordFailure(account: string): number | undefined {
    const { captchaAfter, lockAfter } = this.#limits;
    const limit = Number.isFinite(lockAfter) ? lockAfter : captchaAfter;
    if (!Number.isFinite(limit)) return undefined;
    const count = this.#count(account) + 1;
    this.#failures.set(digest(account), count);
    return Math.max(0, limit - count);
  }

  forget(account: string): void {
    this.#failures.delete(digest(account));
  }

  forgetAll(): void {
    this.#failures.clear();
  }

  #count(account: string): number {
    return this.#failures.get(digest(account)) ?? 0;
  }
}

/** A name from the network may be long, and the digest is what is kept. */
function digest(account: string): string {
  return createHash('sha256').update(account).digest('base64url');
}
