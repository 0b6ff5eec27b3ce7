import { ConfigurationError, buildCallbackTimeout } from '../errors.js';
import { Deadline } from '../util/deadline.js';
import type { MaybePromise } from '../util/maybe-promise.js';
import { RefreshingValue } from '../util/refreshing-value.js';

/**
 * The application secret, or a function that returns the secret, for example from a vault or a file. The function is
 * called when the secret is first needed. The function is called again if GenAuth refuses the secret or if an HS256
 * signature does not match the secret. The secret can therefore be replaced without a restart of the application.
 */
export type AppSecretSource = string | (() => string | Promise<string>);

/**
 * Pause after a failed call of the function `appSecret`, in milliseconds. During the pause the function is not called
 * again. Without the pause, unauthenticated callers could overload a vault: they send HS256 tokens, and the
 * verification of each token needs the secret.
 */
const FAILURE_PAUSE_MS = 1_000;

/** Provides the application secret: the configured string, or the cached result of the configured function. */
export class AppSecret {
  readonly #source: AppSecretSource | undefined;
  readonly #value: RefreshingValue<string>;
  readonly #timeout: number;

  /**
   * @param source - The option `appSecret`. `undefined` if the application has no secret.
   * @param now - Returns the current time, in milliseconds since 1970.
   * @param timeout - Maximum time to wait for the promise of the function, in milliseconds.
   */
  constructor(source: AppSecretSource | undefined, now: () => number = () => Date.now(), timeout = 10_000) {
    this.#source = source;
    this.#timeout = timeout;
    this.#value = new RefreshingValue({ maxAge: Infinity, staleIfError: 0, pause: FAILURE_PAUSE_MS, now });
  }

  /**
   * Returns the application secret, or `undefined` if the application has no secret. Returns a promise only if the
   * option `appSecret` is a function.
   *
   * @throws ConfigurationError `app_secret_unavailable` if the function `appSecret` throws or returns no usable secret,
   * and `callback_timeout` if it gives no result in time.
   */
  get(): MaybePromise<string | undefined> {
    const source = this.#source;
    return typeof source === 'function' ? this.#value.get(() => loadSecret(source, this.#timeout)) : source;
  }

  /**
   * Calls the function `appSecret` again. Use this method if GenAuth refused the secret or if an HS256 signature does
   * not match the secret. Concurrent calls of `renew` share one call of the function. The cached secret is used until
   * the function returns a different secret.
   *
   * @param refused - The secret that GenAuth refused or that does not match the signature.
   * @param minAge - Minimum time since the last call of the function, in milliseconds. Before this time has passed, the
   * function is not called.
   * @returns Whether the secret now differs from `refused`.
   * @throws ConfigurationError `app_secret_unavailable` if the function `appSecret` throws or returns no usable secret,
   * and `callback_timeout` if it gives no result in time.
   */
  async renew(refused: string | undefined, minAge = 0): Promise<boolean> {
    const source = this.#source;
    if (typeof source !== 'function') return false;
    if ((await this.get()) !== refused) return true;
    if (this.#value.wasAttemptedWithin(minAge)) return false;
    return (await this.#value.refresh(() => loadSecret(source, this.#timeout))) !== refused;
  }
}

async function loadSecret(source: () => string | Promise<string>, timeout: number): Promise<string> {
  const calling = callSource(source);
  return expectSecret(await new Deadline(timeout).wait(calling, () => buildCallbackTimeout('appSecret', timeout)));
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
