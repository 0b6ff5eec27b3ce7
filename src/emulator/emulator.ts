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

/** The options with which a `GenAuthClient`, a strategy or the Nest module uses a started emulator. */
export interface EmulatorClientOptions {
  /** Id of the emulator's application. */
  appId: string;
  /** Secret of the emulator's application. Absent if `tokenEndpointAuthMethod` is `'none'`. */
  appSecret?: string;
  /** Address of the emulator, for example `http://127.0.0.1:3999`. */
  appHost: string;
  /** Client authentication that the emulator requires. */
  tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  /** Signature algorithm of id_tokens. Absent if it is `'RS256'`, which is the client's default. */
  idTokenSignedResponseAlg?: IdTokenAlg;
}

/**
 * An emulator of GenAuth on this machine, for tests and development.
 *
 * It serves GenAuth's paths and signs its tokens with a real key:
 * - sign-in by password and by Active Directory, with password encryption and captcha;
 * - refresh, introspection, revocation, user info and logout;
 * - discovery and the key set.
 *
 * The methods of this class control the emulator. Most of them are also available over HTTP, below `/emulator/v1`.
 *
 * Do not use it in production. Its default users and its default secret are public. {@link start} throws if `NODE_ENV`
 * is `production`.
 *
 * @example
 * ```ts
 * import { GenAuthClient } from 'passport-genauth';
 * import { GenAuthEmulator } from 'passport-genauth/emulator';
 *
 * const emulator = await new GenAuthEmulator().start();
 * const client = new GenAuthClient({ ...emulator.clientOptions, scope: ['openid', 'email'] });
 * const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
 * console.log(outcome.kind); // success
 * client.close();
 * await emulator.stop();
 * ```
 */
export class GenAuthEmulator {
  readonly #state: EmulatorState;
  #running: Promise<Listener> | undefined;
  #stopped: Promise<unknown> = Promise.resolve();

  /**
   * Checks the options. The emulator does not listen before {@link start}.
   *
   * @throws EmulatorError `invalid_input` if an option is wrong. The message names the option, its value and the
   *   expected value.
   */
  constructor(options: GenAuthEmulatorOptions = {}) {
    this.#state = new EmulatorState(options);
  }

  /**
   * Creates a signing key and listens. Does nothing if the emulator is already started.
   *
   * A stopped emulator can be started again. It keeps its users, creates new signing keys and new keys for passwords,
   * and does not accept tokens from before.
   *
   * @returns The emulator itself.
   * @throws EmulatorError `production_refused` if `NODE_ENV` is `production`.
   * @throws EmulatorError `express_missing` if the package express is not installed.
   * @throws EmulatorError `address_in_use` if another process listens on the port.
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
   * Closes the port and all connections, including connections with a request in progress. Delays of faults end.
   * Resolves when everything is closed. It may be called at any time, and more than once.
   */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.#state.origin = undefined;
    this.#stopped = Promise.all([this.#stopped, this.#close(running)]);
    await this.#stopped;
  }

  /** Calls {@link stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Address of the emulator, `http://127.0.0.1:PORT` by default. It is the option `appHost` of the client. The issuer
   * of the tokens is this address followed by `/oidc`.
   *
   * @throws EmulatorError `not_started` if the emulator does not listen.
   */
  get url(): string {
    return this.#state.url;
  }

  /**
   * TCP port on which the emulator listens.
   *
   * @throws EmulatorError `not_started` if the emulator does not listen.
   */
  get port(): number {
    return Number(this.url.slice(this.url.lastIndexOf(':') + 1));
  }

  /** Id of the emulator's application. */
  get appId(): string {
    return this.#state.config.appId;
  }

  /** Secret of the emulator's application. */
  get appSecret(): string {
    return this.#state.config.appSecret;
  }

  /**
   * The options with which a client, a strategy or the Nest module uses this emulator. Add your own options, such as
   * `scope`.
   *
   * @throws EmulatorError `not_started` if the emulator does not listen.
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

  /**
   * The last 1,000 sign-in requests that the emulator received, oldest first. Passwords and app secrets are masked.
   * Over HTTP: `GET /emulator/v1/sign-ins`.
   */
  get signIns(): readonly SignInRecord[] {
    return this.#state.journal.records;
  }

  /** Deletes the recorded sign-ins. Over HTTP: `DELETE /emulator/v1/sign-ins`. */
  clearSignIns(): void {
    this.#state.journal.clear();
  }

  /**
   * Returns how many requests an endpoint has received since the emulator was created or {@link reset}. Requests that
   * a fault answered are included. Both addresses of the key set count as one endpoint.
   *
   * @throws EmulatorError `invalid_input` if there is no endpoint of this name.
   */
  requests(endpoint: EmulatorEndpoint): number {
    return this.#state.requests(endpoint);
  }

  /**
   * Adds a user. Over HTTP: `POST /emulator/v1/users`.
   *
   * @returns The `sub` of the user's tokens.
   * @throws EmulatorError `invalid_input` if a property is wrong, or if another user has one of the identifiers.
   */
  addUser(user: EmulatorUser): { sub: string } {
    return { sub: this.#state.users.addUser(user, 'user') };
  }

  /**
   * Changes a user. User info returns the new claims immediately, and so does the next id_token.
   *
   * Properties that are not given keep their values. The `sub` never changes. `updated_at` is set to the current time,
   * unless it is given. Over HTTP: `PATCH /emulator/v1/users/alice`.
   *
   * @param account Any identifier that the user has before the change.
   * @param changes The properties to change, for example `{ roles: [] }`.
   * @throws EmulatorError `invalid_input` if there is no such user, if a property is wrong, or if another user has one
   *   of the identifiers. Nothing is changed then.
   */
  updateUser(account: string, changes: Partial<EmulatorUser>): void {
    this.#state.users.updateUser(account, changes);
  }

  /**
   * Removes a user. The user's tokens become invalid. They stay invalid even if a user with the same name is added
   * later. Over HTTP: `DELETE /emulator/v1/users/alice`.
   *
   * @param account Any of the user's identifiers.
   * @throws EmulatorError `invalid_input` if there is no such user.
   */
  removeUser(account: string): void {
    this.#state.users.removeUser(account);
  }

  /**
   * Adds an AD account. Over HTTP: `POST /emulator/v1/users` with a `sAMAccountName` in the body.
   *
   * @returns The `sub` of the account's tokens.
   * @throws EmulatorError `invalid_input` if a property is wrong, if another account has the name, or if the option
   *   `ad` is set.
   */
  addAdAccount(adAccount: EmulatorAdAccount): { sub: string } {
    return { sub: this.#state.users.addAdAccount(adAccount, 'adAccount') };
  }

  /**
   * Changes an AD account in the same way as {@link updateUser}. The `sAMAccountName` cannot be changed. With the
   * option `ad`, the account must have signed in before, and its password cannot be changed.
   * Over HTTP: `PATCH /emulator/v1/ad-accounts/zhangsan`.
   *
   * @throws EmulatorError `invalid_input` if there is no such account, or if a property is wrong.
   */
  updateAdAccount(sAMAccountName: string, changes: Partial<Omit<EmulatorAdAccount, 'sAMAccountName'>>): void {
    this.#state.users.updateAdAccount(sAMAccountName, changes);
  }

  /**
   * Removes an AD account in the same way as {@link removeUser}.
   * Over HTTP: `DELETE /emulator/v1/ad-accounts/zhangsan`.
   *
   * @throws EmulatorError `invalid_input` if there is no such account.
   */
  removeAdAccount(sAMAccountName: string): void {
    this.#state.users.removeAdAccount(sAMAccountName);
  }

  /**
   * Injects a fault into an endpoint, for example `{ endpoint: 'jwks', status: 503, times: 1 }`. Several faults of one
   * endpoint are applied in the order in which they were added. Over HTTP: `POST /emulator/v1/faults`.
   *
   * @throws EmulatorError `invalid_input` if a property is wrong, or if two properties contradict each other.
   */
  fault(fault: EmulatorFault): void {
    this.#state.addFault(fault);
  }

  /** Removes all faults of all endpoints. Over HTTP: `DELETE /emulator/v1/faults`. */
  clearFaults(): void {
    this.#state.clearFaults();
  }

  /**
   * Makes the next id_tokens wrong in one way. Several flaws are applied in the order in which they were added, one per
   * id_token. Over HTTP: `POST /emulator/v1/id-token-flaw`.
   *
   * @param flaw What is wrong, for example `'expired'`.
   * @param times Number of id_tokens that get the flaw. Default 1.
   * @throws EmulatorError `invalid_input` if the flaw or the number is wrong.
   */
  flawIdToken(flaw: IdTokenFlaw, times = 1): void {
    this.#state.addFlaw({ flaw, times });
  }

  /**
   * Creates a new signing key and signs all later tokens with it. Over HTTP: `POST /emulator/v1/keys/rotate`.
   *
   * @param options With `withdraw: true`, the old keys are removed from the key set, as after a key theft. Default
   *   `false`: the old keys stay in the key set, so that tokens signed with them can still be verified.
   * @returns The `kid` of the new key.
   * @throws EmulatorError `not_started` if the emulator was never started.
   * @throws EmulatorError `invalid_input` if an option is wrong.
   */
  async rotateKeys(options: { withdraw?: boolean } = {}): Promise<{ kid: string }> {
    return { kid: await this.#state.rotateKeys(options) };
  }

  /**
   * Sets the difference between the emulator's clock and the real time. It replaces the option `clockDrift`.
   *
   * The emulator's clock decides when tokens are issued and when they expire. If the clock is set ahead by
   * `tokenLifetime`, all tokens issued before have expired. Over HTTP: `POST /emulator/v1/clock-drift`.
   *
   * @param seconds Whole seconds by which the clock is ahead, or behind if negative. At most 10 years.
   * @throws EmulatorError `invalid_input` if the number is wrong.
   */
  setClockDrift(seconds: number): void {
    this.#state.setClockDrift({ seconds });
  }

  /**
   * Creates new keys for the encryption of passwords. A password that was encrypted with an old key is refused from now
   * on (499 / 2016). Over HTTP: `POST /emulator/v1/encryption-keys/rotate`.
   *
   * @throws EmulatorError `sm_crypto_missing` if the package sm-crypto is not installed.
   */
  async rotateEncryptionKeys(): Promise<void> {
    await this.#state.encryptionKeys.rotate();
  }

  /**
   * Queues an answer that replaces the result of the next sign-ins, whatever their password is. Over HTTP:
   * `POST /emulator/v1/sign-in-answers`.
   *
   * The emulator still checks the client authentication and the form of the request before it uses the answer. Several
   * answers are used in the order in which they were added. A sign-in that gets such an answer does not count as a
   * failed sign-in. Its outcome in {@link signIns} is `answered`.
   *
   * @param answer For example `{ statusCode: 301, apiCode: 1636, data: { mfaToken: 'x' }, account: 'alice' }`.
   * @throws EmulatorError `invalid_input` if a property is wrong.
   */
  answerSignIn(answer: EmulatorSignInAnswer): void {
    this.#state.addSignInAnswer(answer);
  }

  /** Removes all queued answers. Over HTTP: `DELETE /emulator/v1/sign-in-answers`. */
  clearSignInAnswers(): void {
    this.#state.answers.clear();
  }

  /**
   * Sets both limits for failed sign-ins. They replace the limits of the options. A limit that is not given is off.
   * Over HTTP: `POST /emulator/v1/login-protection`.
   *
   * Failed sign-ins are counted per account while a limit is set, also for unknown accounts. A successful sign-in
   * resets the count of its account. Only a wrong password counts. A wrong captcha and a password that cannot be
   * decrypted do not count.
   *
   * @throws EmulatorError `invalid_input` if a limit is wrong.
   */
  protectLogins(limits: EmulatorLoginProtection): void {
    this.#state.protectLogins(limits);
  }

  /**
   * Resets the count of failed sign-ins. Over HTTP: `POST /emulator/v1/unlock`.
   *
   * @param account Any identifier of the account to unlock. Default: all accounts.
   * @throws EmulatorError `invalid_input` if `account` is not a string.
   */
  unlock(account?: string): void {
    this.#state.unlock({ account });
  }

  /**
   * Removes faults, id_token flaws, queued answers, captchas, counts of failed sign-ins, recorded sign-ins and request
   * counts. Restores the limits and the clock drift of the options. Users, tokens and keys are kept.
   * Over HTTP: `POST /emulator/v1/reset`.
   */
  reset(): void {
    this.#state.reset();
  }

  async #open(): Promise<Listener> {
    if (process.env['NODE_ENV'] === 'production') {
      const message =
        'The GenAuth emulator does not start with NODE_ENV=production, because its users and passwords are public. ' +
        'Connect to a GenAuth tenant in production, or set NODE_ENV=development.';
      throw new EmulatorError('production_refused', message);
    }
    await this.#stopped;
    const listener = await listen(this.#state, this.#state.createKeys());
    this.#state.origin = buildOrigin(this.#state.config.host, listener.port);
    return listener;
  }

  async #close(running: Promise<Listener> | undefined): Promise<void> {
    // After a failed start there is nothing to close. Its error was already thrown to the caller of start().
    const listener = await running?.catch(() => undefined);
    await listener?.close();
    this.#state.origin = undefined;
  }
}
