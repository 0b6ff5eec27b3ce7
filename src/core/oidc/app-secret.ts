import { ConfigurationError } from '../errors.js';
import { RefreshingValue } from '../util/refreshing-value.js';

/** The secret itself, or where it comes from: a vault, a file that is replaced. */
export type AppSecretSource = string | (() => string | Promise<string>);

/**
 * Milliseconds after a failure during which the function is not called again. Otherwise unauthenticated requests, whose
 * HS256 tokens need the secret too, could overload the vault.
 */
const FAILURE_PAUSE_MS = 1_000;

/**
 * The application's secret. A function is called at the first need, and again when GenAuth refuses what it returned, so
 * that a secret can be replaced without a restart.
 */
export class AppSecret {
  readonly #source: AppSecretSource | undefined;
  readonly #value: RefreshingValue<string>;

  /**
   * @param source - `undefined` for an application that has none.
   * @param now - Milliseconds since 1970.
   */
  constructor(source: AppSecretSource | undefined, now: () => number = Date.now) {
    this.#source = source;
    this.#value = new RefreshingValue({ maxAge: Infinity, staleIfError: 0, pause: FAILURE_PAUSE_MS, now });
  }

  /** @throws ConfigurationError `app_secret_unavailable` if the function throws or returns no usable secret. */
  async get(): Promise<string | undefined> {
    const source = this.#source;
    return typeof source === 'function' ? this.#value.get(() => loadSecret(source)) : source;
  }

  /**
   * Calls the function again, once for all requests that were refused with the same secret. The known secret stays
   * until there is another.
   *
   * @param minAge - Milliseconds: a secret that is younger is not renewed.
   * @returns Whether there is another secret now.
   * @throws ConfigurationError `app_secret_unavailable`
   */
  async renew(refused: string | undefined, minAge = 0): Promise<boolean> {
    const source = this.#source;
    if (typeof source !== 'function') return false;
    if ((await this.get()) !== refused) return true;
    if (this.#value.wasAttemptedWithin(minAge)) return false;
    return (await this.#value.refresh(() => loadSecret(source))) !== refused;
  }
}

async function loadSecret(source: () => string | Promise<string>): Promise<string> {
  return expectSecret(await callSource(source));
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
