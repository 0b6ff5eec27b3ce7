import type { TokenEndpointAuthMethod } from '../core/wire/facts.js';
import type { EmulatorEndpoint, EmulatorFault } from './state/faults.js';
import { EmulatorError } from './errors.js';
import type { EmulatorLoginProtection } from './state/login-protection.js';
import { buildOrigin, type GenAuthEmulatorOptions, type IdTokenAlg } from './options.js';
import { type Listener, listen } from './http/server.js';
import type { EmulatorSignInAnswer } from './state/queued-answers.js';
import type { SignInRecord } from './state/journal.js';
import { EmulatorState } from './state/state.js';
import type { IdTokenFlaw } from './tokens/id-token-flaws.js';
import type { EmulatorAdAccount, EmulatorUser } from './users/user-store.js';

/** The part of the client's options that an emulator knows. */
export interface EmulatorClientOptions {
  appId: string;
  /** Left out with `tokenEndpointAuthMethod: 'none'`. */
  appSecret?: string;
  appHost: string;
  tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  /** Left out where it is RS256, the client's default. */
  idTokenSignedResponseAlg?: IdTokenAlg;
}

/**
 * GenAuth on this machine, for tests and development: sign-in by password and Active Directory, with what belongs to it
 * (keys for passwords, captcha); refreshes, introspection, revocation, user info and logout; discovery and key set. All
 * of it on production's paths, with tokens that are really signed. Its own knobs are this class's methods, and the same
 * over HTTP below `/emulator/v1`.
 *
 * ```ts
 * const emulator = await new GenAuthEmulator().start();
 * const options = { ...emulator.clientOptions, scope: ['openid', 'email'] };
 * // … sign in as alice / passw0rd …
 * await emulator.stop();
 * ```
 *
 * Not for production: its default users and its default secret are public, and it refuses `NODE_ENV=production`.
 */
export class GenAuthEmulator {
  readonly #state: EmulatorState;
  #running: Promise<Listener> | undefined;
  #stopped: Promise<unknown> = Promise.resolve();

  /** @throws EmulatorError `invalid_input`: the option, its value and what would do */
  constructor(options: GenAuthEmulatorOptions = {}) {
    this.#state = new EmulatorState(options);
  }

  /**
   * Makes a key pair and listens. A started emulator stays as it is; a stopped one starts anew, with new keys (those
   * for passwords as well) and the users it had; it knows no token from before.
   *
   * @returns the emulator itself
   * @throws EmulatorError `production_refused`, `express_missing`, `address_in_use`
   */
  async start(): Promise<this> {
    const running = (this.#running ??= this.#open());
    try {
      await running;
    } catch (error) {
      if (this.#running === running) this.#running = undefined;
      throw error;
    }
    return this;
  }

  /**
   * Closes the port and every connection, busy ones too, and ends the delays of faults. Resolves when nothing is left;
   * may be called at any time and more than once.
   */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.#state.origin = undefined;
    this.#stopped = Promise.all([this.#stopped, this.#close(running)]);
    await this.#stopped;
  }

  /** {@link stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * `http://127.0.0.1:PORT`, GenAuth's "app host". The issuer is this and `/oidc`.
   *
   * @throws EmulatorError `not_started`
   */
  get url(): string {
    return this.#state.url;
  }

  /** @throws EmulatorError `not_started` */
  get port(): number {
    return Number(this.url.slice(this.url.lastIndexOf(':') + 1));
  }

  get appId(): string {
    return this.#state.config.appId;
  }

  get appSecret(): string {
    return this.#state.config.appSecret;
  }

  /**
   * What an app needs to sign in here: the options of the client, of the strategies and of the Nest module.
   *
   * @throws EmulatorError `not_started`
   */
  get clientOptions(): EmulatorClientOptions {
    const { appId, appSecret, tokenEndpointAuthMethod, idTokenSignedResponseAlg } = this.#state.config;
    return {
      appId,
      ...(tokenEndpointAuthMethod !== 'none' && { appSecret }),
      appHost: this.url,
      tokenEndpointAuthMethod,
      ...(idTokenSignedResponseAlg !== 'RS256' && { idTokenSignedResponseAlg }),
    };
  }

  /** The last 1,000 sign-ins as they arrived, oldest first; no password in them. `GET /emulator/v1/sign-ins` */
  get signIns(): readonly SignInRecord[] {
    return this.#state.journal.records;
  }

  /** `DELETE /emulator/v1/sign-ins` */
  clearSignIns(): void {
    this.#state.journal.clear();
  }

  /**
   * Returns how many requests an endpoint has received, including those that a fault answered. Both addresses of the
   * key set are one endpoint.
   *
   * @throws EmulatorError `invalid_input`
   */
  requests(endpoint: EmulatorEndpoint): number {
    return this.#state.requests(endpoint);
  }

  /**
   * Adds a user to those of the options. `POST /emulator/v1/users`
   *
   * @returns the `sub` of the user's tokens
   * @throws EmulatorError `invalid_input`, also if an identifier is another user's
   */
  addUser(user: EmulatorUser): { sub: string } {
    return { sub: this.#state.users.addUser(user, 'user') };
  }

  /**
   * Changes a user: user info tells it at once, and the next id_token. What is left out stays as it was, and so does
   * the `sub`. `updated_at` becomes now, unless it is among the changes.
   *
   * ```ts
   * emulator.updateUser('alice', { roles: [] });
   * ```
   *
   * `PATCH /emulator/v1/users/alice`
   *
   * @param account any of the user's identifiers, as it was before
   * @throws EmulatorError `invalid_input`, also if an identifier is another user's
   */
  updateUser(account: string, changes: Partial<EmulatorUser>): void {
    this.#state.users.updateUser(account, changes);
  }

  /**
   * Removes a user. Its tokens end, and stay invalid for a user that is added under the same name.
   * `DELETE /emulator/v1/users/alice`
   *
   * @param account any of the user's identifiers
   * @throws EmulatorError `invalid_input`
   */
  removeUser(account: string): void {
    this.#state.users.removeUser(account);
  }

  /**
   * Adds an AD account to those of the options. `POST /emulator/v1/users`, with a `sAMAccountName` in the body.
   *
   * @returns the `sub` of the account's tokens
   * @throws EmulatorError `invalid_input`, also if the name is another account's
   */
  addAdAccount(adAccount: EmulatorAdAccount): { sub: string } {
    return { sub: this.#state.users.addAdAccount(adAccount, 'adAccount') };
  }

  /**
   * Changes an AD account, whose name stays, as {@link updateUser} does. `PATCH /emulator/v1/ad-accounts/zhangsan`
   *
   * @throws EmulatorError `invalid_input`
   */
  updateAdAccount(sAMAccountName: string, changes: Partial<Omit<EmulatorAdAccount, 'sAMAccountName'>>): void {
    this.#state.users.updateAdAccount(sAMAccountName, changes);
  }

  /**
   * Removes an AD account, as {@link removeUser} does. `DELETE /emulator/v1/ad-accounts/zhangsan`
   *
   * @throws EmulatorError `invalid_input`
   */
  removeAdAccount(sAMAccountName: string): void {
    this.#state.users.removeAdAccount(sAMAccountName);
  }

  /**
   * Makes trouble at an endpoint. Several faults of one endpoint are used up in order.
   * `POST /emulator/v1/faults`
   *
   * @throws EmulatorError `invalid_input`
   */
  fault(fault: EmulatorFault): void {
    this.#state.addFault(fault);
  }

  /** `DELETE /emulator/v1/faults` */
  clearFaults(): void {
    this.#state.clearFaults();
  }

  /**
   * Makes the next `times` id_tokens (default 1) wrong in one way. Several flaws are used up in order, one a token.
   * `POST /emulator/v1/id-token-flaw`
   *
   * @throws EmulatorError `invalid_input`
   */
  flawIdToken(flaw: IdTokenFlaw, times = 1): void {
    this.#state.addFlaw({ flaw, times });
  }

  /**
   * Signs with a new key from now on. The old keys stay in the key set, as tokens that they signed are still alive;
   * `withdraw` takes them out, as after a theft. `POST /emulator/v1/keys/rotate`
   *
   * @returns the new key's `kid`
   * @throws EmulatorError `not_started`, `invalid_input`
   */
  async rotateKeys(options: { withdraw?: boolean } = {}): Promise<{ kid: string }> {
    return { kid: await this.#state.rotateKeys(options) };
  }

  /**
   * Sets the emulator's clock so many seconds ahead, or back if negative, in place of the option's. It is the clock by
   * which tokens begin and end: with `tokenLifetime` ahead, those of now are over. `POST /emulator/v1/clock-drift`
   *
   * @throws EmulatorError `invalid_input`
   */
  setClockDrift(seconds: number): void {
    this.#state.setClockDrift({ seconds });
  }

  /**
   * Makes new keys for passwords at once: what is encrypted under the old ones fails from now on (499 / 2016).
   * `POST /emulator/v1/encryption-keys/rotate`
   *
   * @throws EmulatorError `sm_crypto_missing`
   */
  async rotateEncryptionKeys(): Promise<void> {
    await this.#state.encryptionKeys.rotate();
  }

  /**
   * Answers the next `times` sign-ins (default 1) with this envelope, whatever the password, once the app and the form
   * of the request have been found right. Several answers are used up in order. No such sign-in counts as a failure;
   * the journal calls it `answered`. `POST /emulator/v1/sign-in-answers`
   *
   * ```ts
   * emulator.answerSignIn({ statusCode: 301, apiCode: 1636, data: { mfaToken: '…' }, account: 'alice' });
   * ```
   *
   * @throws EmulatorError `invalid_input`
   */
  answerSignIn(answer: EmulatorSignInAnswer): void {
    this.#state.addSignInAnswer(answer);
  }

  /** `DELETE /emulator/v1/sign-in-answers` */
  clearSignInAnswers(): void {
    this.#state.answers.clear();
  }

  /**
   * Sets both limits anew, in place of the options'; one that is left out means never. Failures count while a limit is
   * on, by account, known or not, and until that account's next success. They are failures of the password: not those
   * of a captcha, nor a password that cannot be decrypted. `POST /emulator/v1/login-protection`
   *
   * @throws EmulatorError `invalid_input`
   */
  protectLogins(limits: EmulatorLoginProtection): void {
    this.#state.protectLogins(limits);
  }

  /**
   * Forgets the failures of an account, by any of its identifiers, or of all. `POST /emulator/v1/unlock`
   *
   * @throws EmulatorError `invalid_input`
   */
  unlock(account?: string): void {
    this.#state.unlock({ account });
  }

  /**
   * Forgets faults, flaws, answers, captchas, failures, recorded sign-ins and counts, and puts the options' limits and
   * clock back; users, tokens and keys stay. `POST /emulator/v1/reset`
   */
  reset(): void {
    this.#state.reset();
  }

  async #open(): Promise<Listener> {
    if (process.env['NODE_ENV'] === 'production') {
      const message =
        'The GenAuth emulator does not start with NODE_ENV=production: its users and passwords are public.';
      throw new EmulatorError('production_refused', message);
    }
    await this.#stopped;
    const listener = await listen(this.#state, this.#state.createKeys());
    this.#state.origin = buildOrigin(this.#state.config.host, listener.port);
    return listener;
  }

  async #close(running: Promise<Listener> | undefined): Promise<void> {
    // A start that failed has nothing to close, and has thrown at its caller.
    const listener = await running?.catch(() => undefined);
    await listener?.close();
    this.#state.origin = undefined;
  }
}
