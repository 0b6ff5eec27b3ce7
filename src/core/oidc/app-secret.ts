import { isWithin } from '../util/clock.js';
import { ConfigurationError } from '../errors.js';

/** The secret itself, or where it comes from: a vault, a file that is replaced. */
export type AppSecretSource = string | (() => string | Promise<string>);

/** How long a function that failed is left alone: whoever keeps the secret may be down, and a stranger's token needs it too. */
const FAILURE_PAUSE_MS = 1_000;

/**
 * The application's secret. A function is asked at the first need and again when what it gave is refused, so that a secret can
 * be replaced without a restart.
 */
export class AppSecret {
  readonly #source: AppSecretSource | undefined;
  readonly #now: () => number;
  #current: string | undefined;
  #pending: Promise<string> | undefined;
  #lastError: unknown;
  #askedAt = -Infinity;
  #failedAt = -Infinity;

  /**
   * @param source - `undefined` for an application that has none.
   * @param now - Milliseconds since 1970.
   */
  constructor(source: AppSecretSource | undefined, now: () => number = Date.now) {
    this.#source = source;
    this.#now = now;
  }

  /** @throws ConfigurationError `app_secret_unavailable` where the function throws or returns what is no secret. */
  async get(): Promise<string | undefined> {
    if (typeof this.#source !== 'function') return this.#source;
    return this.#current ?? this.#ask(this.#source);
  }

  /**
   * Asks again, once for all that were refused with the same secret. The one that is known stays until there is another.
   *
   * @param minAge - Milliseconds: a secret that is younger is not asked for again.
   * @returns Whether there is another one now.
   * @throws ConfigurationError `app_secret_unavailable`
   */
  async renew(refused: string | undefined, minAge = 0): Promise<boolean> {
    if (typeof this.#source !== 'function') return false;
    const known = await this.get();
    if (known !== refused) return true;
    if (this.#pending === undefined && this.#now() - this.#askedAt < minAge) return false;
    return (await this.#ask(this.#source)) !== refused;
  }

  #ask(source: () => string | Promise<string>): Promise<string> {
    if (this.#pending !== undefined) return this.#pending;
    if (isWithin(FAILURE_PAUSE_MS, this.#failedAt, this.#now())) return Promise.reject(this.#lastError as Error);
    this.#pending = this.#load(source).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #load(source: () => string | Promise<string>): Promise<string> {
    this.#askedAt = this.#now();
    try {
      this.#current = expectSecret(await callSource(source));
      return this.#current;
    } catch (error) {
      this.#failedAt = this.#now();
      this.#lastError = error;
      throw error;
    }
  }
}

async function callSource(source: () => string | Promise<string>): Promise<unknown> {
  try {
    return await source();
  } catch (cause) {
    throw new ConfigurationError('app_secret_unavailable', 'The option appSecret threw an error; see its cause.', {
      cause,
    });
  }
}

function expectSecret(secret: unknown): string {
  if (typeof secret === 'string' && secret !== '' && secret === secret.trim()) return secret;
  const problem =
    typeof secret !== 'string'
      ? 'returned no string: return the secret.'
      : secret === ''
        ? 'returned an empty string: return the secret.'
        : 'returned a secret with white space around it, as a file ends with: return it trimmed.';
  throw new ConfigurationError('app_secret_unavailable', `The option appSecret ${problem}`);
}
