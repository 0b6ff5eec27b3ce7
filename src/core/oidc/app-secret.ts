import { ConfigurationError } from '../errors.js';
import { RefreshingValue } from '../util/refreshing-value.js';

/**
 * The application secret, or a function that returns it, for example from a vault or a file. The function is called
 * when the secret is first needed. It is called again if GenAuth refuses the secret, so that a secret can be replaced
 * without a restart.
 */
export type AppSecretSource = string | (() => string | Promise<string>);

/**
 * Pause after a failure of the function, in milliseconds. During it the function is not called again. Otherwise
 * unauthenticated callers could overload the vault with HS256 tokens, because their verification needs the secret.
 */
const FAILURE_PAUSE_MS = 1_000;

/** Provides the application secret: the configured string, or the cached result of the configured function. */
export class AppSecret {
  readonly #source: AppSecretSource | undefined;
  readonly #value: RefreshingValue<string>;

  /**
   * @param source - The option `appSecret`. `undefined` for an application without a secret.
   * @param now - Returns the current time, in milliseconds since 1970.
   */
  constructor(source: AppSecretSource | undefined, now: () => number = Date.now) {
    this.#source = source;
    this.#value = new RefreshingValue({ maxAge: Infinity, staleIfError: 0, pause: FAILURE_PAUSE_MS, now });
  }

  /**
   * Returns the secret.
   *
   * @throws ConfigurationError `app_secret_unavailable` if the function throws or returns no usable secret.
   */
  async get(): Promise<string | undefined> {
    const source = this.#source;
    return typeof source === 'function' ? this.#value.get(() => loadSecret(source)) : source;
  }

  /**
   * Calls the function again, because GenAuth refused a secret or a signature did not match it. Concurrent calls share
   * one call of the function. The cached secret stays in use until the function returns another one.
   *
   * @param refused - The secret that was refused.
   * @param minAge - Minimum time since the last call of the function, in milliseconds. Before it has passed, the
   * function is not called.
   * @returns Whether the secret now differs from `refused`.
   * @throws ConfigurationError `app_secret_unavailable` if the function throws or returns no usable secret.
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
    throw new ConfigurationError(
      'app_secret_unavailable',
      'The function appSecret threw an error: fix the error that is the cause of this one.',
      { cause },
    );
  }
}

function expectSecret(secret: unknown): string {
  if (typeof secret === 'string' && secret !== '' && secret === secret.trim()) return secret;
  const problem =
    typeof secret !== 'string'
      ? 'did not return a string: return the secret as a string.'
      : secret === ''
        ? 'returned an empty string: return the secret.'
        : 'returned a secret with white space at its start or end (a file often ends with a line break): trim it.';
  throw new ConfigurationError('app_secret_unavailable', `The function appSecret ${problem}`);
}
