import { ConfigurationError } from './errors.js';

/** The secret itself, or where it comes from: a vault, a file that is replaced. */
export type AppSecretSource = string | (() => string | Promise<string>);

/**
 * The application's secret. A function is asked at the first need and again when GenAuth refuses what it gave, so that a
 * secret can be replaced without a restart.
 */
export class AppSecret {
  readonly #source: AppSecretSource | undefined;
  #current: Promise<string> | undefined;

  /** @param source - `undefined` for an application that has none. */
  constructor(source: AppSecretSource | undefined) {
    this.#source = source;
  }

  /** @throws ConfigurationError `app_secret_unavailable` where the function throws or returns no string. */
  async get(): Promise<string | undefined> {
    if (typeof this.#source !== 'function') return this.#source;
    const asked = (this.#current ??= ask(this.#source));
    try {
      return await asked;
    } catch (error) {
      if (this.#current === asked) this.#current = undefined;
      throw error;
    }
  }

  /** Asks again, once for all that were refused with the same secret. @returns Whether there is another one now. */
  async renew(refused: string | undefined): Promise<boolean> {
    if (typeof this.#source !== 'function') return false;
    if ((await this.get()) === refused) this.#current = undefined;
    return (await this.get()) !== refused;
  }
}

async function ask(source: () => string | Promise<string>): Promise<string> {
  let secret: unknown;
  try {
    secret = await source();
  } catch (cause) {
    throw new ConfigurationError('app_secret_unavailable', 'The option appSecret threw an error; see its cause.', {
      cause,
    });
  }
  if (typeof secret === 'string' && secret !== '') return secret;
  throw new ConfigurationError('app_secret_unavailable', 'The option appSecret returned no string: return the secret.');
}
