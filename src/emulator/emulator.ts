import type { TokenEndpointAuthMethod } from '../core/wire/facts.js';
import type { EmulatorEndpoint, EmulatorFault } from './state/faults.js';
import { refuseProduction } from './environment.js';
import { areUsable, createCertificates } from './encryption/certificates.js';
import {
  type EmulatorIssuedToken,
  type EmulatorTokenRequest,
  type EmulatorTokens,
  listTokens,
  mintTokens,
  revokeTokens,
} from './control/token-control.js';
import { buildPageAddress, buildOrigin, type GenAuthEmulatorOptions, type IdTokenAlg, listHosts } from './options.js';
import { restoreState, takeSnapshot } from './persistence/snapshot.js';
import { StateFile } from './persistence/state-file.js';
import type { EmulatorCaptcha } from './state/captchas.js';
import type { EmulatorLoginProtection, EmulatorLoginProtectionState } from './state/login-protection.js';
import { type EmulatorTotp, readTotp } from './hosted/totp.js';
import { type Listener, listen } from './http/server.js';
import type { EmulatorSignInAnswer } from './state/queued-answers.js';
import type { SentCode } from './state/interaction.js';
import type { SignInRecord } from './state/journal.js';
import { EmulatorState } from './state/state.js';
import type { EmulatorSigningKey } from './tokens/signing-keys.js';
import type { EmulatorQueuedFlaw, IdTokenFlaw } from './tokens/id-token-flaws.js';
import { listUsers } from './users/list-users.js';
import type { EmulatorAdAccount, EmulatorUser, EmulatorUserList } from './users/user-store.js';

/** The facts of a start that a developer needs to sign in. */
export interface EmulatorStart {
  readonly url: string;
  readonly issuer: string;
  /**
   * The address of the page that shows and controls the emulator. It works on this machine only. `undefined` if the
   * emulator does not listen on loopback.
   */
  readonly page: string | undefined;
  /** The users and the AD accounts in words, with the passwords of the default users. */
  readonly users: string;
  readonly adAccounts: string;
}

/** The options with which a `GenAuthClient`, a strategy or the Nest module connects to a started emulator. */
export interface EmulatorClientOptions {
  /** The application ID that the emulator accepts. */
  appId: string;
  /** The application secret that the emulator accepts. Absent if `tokenEndpointAuthMethod` is `'none'`. */
  appSecret?: string;
  /** The address of the emulator, for example `http://127.0.0.1:3999`. */
  appHost: string;
  /** The client authentication method that the emulator requires. */
  tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  /** The certificate of the emulator's certificate authority in PEM. Absent without the option `tls`. */
  ca?: string;
  /** The signature algorithm of id_tokens. Absent if it is `'RS256'`, the default of `GenAuthClient`. */
  idTokenSignedResponseAlg?: IdTokenAlg;
}

/**
 * An emulator of GenAuth on this machine, for tests and development.
 *
 * The emulator serves GenAuth's paths and signs its tokens with a real key:
 * - sign-in by password and by Active Directory, with password encryption and captcha;
 * - the hosted sign-in page with the authorization code flow, second factor and SSO session;
 * - refresh, introspection, revocation, user info and logout;
 * - discovery and the key set.
 *
 * The methods of this class control the emulator. Most of them are also available over HTTP, below `/emulator/v1`. The
 * page `/emulator` shows and changes the state in a browser.
 *
 * Do not use the emulator in production. Its default users and its default secret are public. {@link start} throws if
 * `NODE_ENV` is not for development.
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
  readonly #file: StateFile | undefined;
  /** Whether the state of the file was read. A second start continues with the state in memory, which is newer. */
  #isRestored = false;
  readonly #announce: (start: EmulatorStart) => void;

  /**
   * Checks the options. The emulator listens only after {@link start}.
   *
   * @throws EmulatorError with the code `invalid_input` if an option is wrong. The message names the option, its value
   * and the expected value.
   */
  constructor(options?: GenAuthEmulatorOptions);
  /** @internal The second argument replaces the function that writes the address and the users to standard error. */
  constructor(options: GenAuthEmulatorOptions, announce: (start: EmulatorStart) => void);
  constructor(options: GenAuthEmulatorOptions = {}, announce = printStart) {
    this.#state = new EmulatorState(options);
    const { stateFile } = this.#state.config;
    this.#file = stateFile === undefined ? undefined : new StateFile(stateFile);
    this.#announce = announce;
  }

  /**
   * Creates a signing key and starts to listen. Writes the address and the names of the users to standard error. Does
   * nothing if the emulator is already started.
   *
   * A stopped emulator can be started again. Without the option `stateFile`, the restarted emulator keeps its users,
   * creates new signing keys and new keys for password encryption, and refuses all tokens that it issued before the
   * restart.
   *
   * @returns This emulator.
   * @throws EmulatorError with the code `production_refused` if `NODE_ENV` is `production`, or a value other than
   * `development`, `test`, `ci` and the option `allowNodeEnv`.
   * @throws EmulatorError with the code `express_missing` if the package `express` is not installed.
   * @throws EmulatorError with the code `node_forge_missing` if the option `tls` is set, and the package `node-forge`
   * is not installed.
   * @throws EmulatorError with the code `address_in_use` if another process listens on the port.
   * @throws EmulatorError with the code `state_file_unusable` if the file of the option `stateFile` cannot be read or
   * written, or has another content.
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
   * Closes the port and all connections, including connections with a request in progress. Ends all delays of faults.
   * The promise resolves when everything is closed. This method may be called at any time, and more than once.
   */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.#state.origin = undefined;
    this.#stopped = Promise.all([this.#stopped, this.#close(running)]);
    await this.#stopped;
  }

  /** Calls {@link stop} when a variable of `await using` goes out of scope. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * The address of the emulator, `http://127.0.0.1:PORT` by default. Use it as the client's option `appHost`. The
   * issuer of the tokens is this address followed by `/oidc`. A client with `appHost: 'http://localhost:PORT'` or
   * `http://[::1]:PORT` gets tokens of an issuer with that name.
   *
   * @throws EmulatorError with the code `not_started` if the emulator does not listen.
   */
  get url(): string {
    return this.#state.url;
  }

  /**
   * The TCP port on which the emulator listens.
   *
   * @throws EmulatorError with the code `not_started` if the emulator does not listen.
   */
  get port(): number {
    return Number(this.url.slice(this.url.lastIndexOf(':') + 1));
  }

  /**
   * The certificate of the emulator's certificate authority in PEM, for the client's option `ca`. `undefined` without
   * the option `tls`.
   *
   * @throws EmulatorError with the code `not_started` if the emulator does not listen.
   */
  get ca(): string | undefined {
    // The getter `url` throws if the emulator is not started.
    void this.url;
    return this.#state.certificates?.ca;
  }

  /** The application ID that the emulator accepts. */
  get appId(): string {
    return this.#state.config.appId;
  }

  /** The application secret that the emulator accepts. */
  get appSecret(): string {
    return this.#state.config.appSecret;
  }

  /**
   * The options with which a client, a strategy or the Nest module connects to this emulator. Add your own options,
   * such as `scope`.
   *
   * @throws EmulatorError with the code `not_started` if the emulator does not listen.
   */
  get clientOptions(): EmulatorClientOptions {
    const { appId, appSecret, tokenEndpointAuthMethod, idTokenSignedResponseAlg } = this.#state.config;
    return {
      appId,
      ...(tokenEndpointAuthMethod !== 'none' && { appSecret }),
      appHost: this.url,
      tokenEndpointAuthMethod,
      ...(this.ca !== undefined && { ca: this.ca }),
      ...(idTokenSignedResponseAlg !== 'RS256' && { idTokenSignedResponseAlg }),
    };
  }

  /**
   * The last 1,000 sign-ins that the emulator received, oldest first. The sign-ins on the hosted page are included.
   * Passwords and application secrets are masked. Over HTTP: `GET /emulator/v1/sign-ins`.
   */
  get signIns(): readonly SignInRecord[] {
    return this.#state.journal.records;
  }

  /** Deletes the recorded sign-ins. Over HTTP: `DELETE /emulator/v1/sign-ins`. */
  clearSignIns(): void {
    this.#state.journal.clear();
  }

  /**
   * Returns the last 1,000 codes that the emulator sent for a second factor by `SMS` or `EMAIL`, oldest first. The
   * emulator does not deliver them. Over HTTP: `GET /emulator/v1/codes`.
   */
  codes(): readonly SentCode[] {
    return this.#state.sentCodes.records;
  }

  /**
   * Returns the secret and the current code of the second factor `OTP` of a user (TOTP, RFC 6238). The secret is
   * created at the first call. Over HTTP: `POST /emulator/v1/totp`.
   *
   * @param account Any identifier of a user, or the `sAMAccountName` of an AD account.
   * @throws EmulatorError with the code `invalid_input` if no account has this name.
   */
  totp(account: string): EmulatorTotp {
    return readTotp(this.#state, { account });
  }

  /**
   * The captchas that are neither used nor expired, newest first, with their codes. Over HTTP:
   * `GET /emulator/v1/captchas`.
   */
  get captchas(): readonly EmulatorCaptcha[] {
    return this.#state.captchas.open;
  }

  /**
   * The last 1,000 access tokens and refresh tokens that the emulator issued, newest first, without their text. Over
   * HTTP: `GET /emulator/v1/tokens`.
   */
  get issuedTokens(): readonly EmulatorIssuedToken[] {
    return listTokens(this.#state);
  }

  /**
   * Issues tokens of a user without a sign-in. The states of the user are not checked, so for example `mfa` does not
   * matter. The next id_token flaw in the queue applies. Over HTTP: `POST /emulator/v1/tokens`.
   *
   * @example
   * ```ts
   * import { GenAuthEmulator } from 'passport-genauth/emulator';
   *
   * const emulator = await new GenAuthEmulator().start();
   * const tokens = await emulator.issueTokens({ account: 'alice', scope: 'openid email', expiresIn: 60 });
   * console.log(tokens.token_type); // Bearer
   * await emulator.stop();
   * ```
   *
   * @throws EmulatorError with the code `invalid_input` if a property is wrong, or if no account has this name.
   * @throws EmulatorError with the code `not_started` if the emulator does not listen.
   */
  async issueTokens(request: EmulatorTokenRequest): Promise<EmulatorTokens> {
    return mintTokens(this.#state, request);
  }

  /**
   * Revokes one token, or signs a user out everywhere. A refresh token is revoked with all tokens of its sign-in. With
   * `account` the SSO sessions and the authorization codes of the user end too. Over HTTP:
   * `POST /emulator/v1/tokens/revoke`.
   *
   * @param which The `jti` of a token in {@link issuedTokens}, or the name or the `sub` of an account.
   * @returns The number of active tokens that were revoked.
   * @throws EmulatorError with the code `invalid_input` if the token or the account is unknown.
   */
  revokeTokens(which: { jti: string } | { account: string }): { revoked: number } {
    return { revoked: revokeTokens(this.#state, which) };
  }

  /**
   * Returns how many requests an endpoint has received since the emulator was created or since the last {@link reset}.
   * Requests that a fault answered are included. Both addresses of the key set count as one endpoint. Over HTTP, for
   * all endpoints: `GET /emulator/v1/requests`.
   *
   * @throws EmulatorError with the code `invalid_input` if no endpoint has this name.
   */
  requests(endpoint: EmulatorEndpoint): number {
    return this.#state.requests(endpoint);
  }

  /**
   * Adds a user. Over HTTP: `POST /emulator/v1/users`.
   *
   * @returns The `sub` of the user's tokens.
   * @throws EmulatorError with the code `invalid_input` if a property is wrong, or if another user has one of the
   * user's identifiers.
   */
  addUser(user: EmulatorUser): { sub: string } {
    return { sub: this.#state.users.addUser(user, 'user') };
  }

  /**
   * Returns the users and AD accounts with their claims and states, in the order in which they were added. The member
   * `publicPassword` is the password of a default user whose password was not changed. Over HTTP:
   * `GET /emulator/v1/users`.
   */
  listUsers(): EmulatorUserList {
    return this.#state.users.list() as EmulatorUserList;
  }

  /**
   * Changes a user. After the change, user info and the next id_token contain the new claims.
   *
   * Properties that are not in `changes` keep their values. The `sub` never changes. `updated_at` is set to the current
   * time, unless `changes` contains it. Over HTTP: `PATCH /emulator/v1/users/alice`.
   *
   * @param account Any identifier that the user has before the change.
   * @param changes The properties with their new values, for example `{ roles: [] }`.
   * @throws EmulatorError with the code `invalid_input` if no user has this identifier, if a property is wrong, or if
   * another user has one of the new identifiers. If this error is thrown, nothing is changed.
   */
  updateUser(account: string, changes: Partial<EmulatorUser>): void {
    this.#state.users.updateUser(account, changes);
  }

  /**
   * Removes a user. The user's tokens become invalid. They stay invalid even if a user with the same name is added
   * again. Over HTTP: `DELETE /emulator/v1/users/alice`.
   *
   * @param account Any of the user's identifiers.
   * @throws EmulatorError with the code `invalid_input` if no user has this identifier.
   */
  removeUser(account: string): void {
    this.#state.users.removeUser(account);
  }

  /**
   * Adds an Active Directory (AD) account. Over HTTP: `POST /emulator/v1/users` with a `sAMAccountName` in the request
   * body.
   *
   * @returns The `sub` of the account's tokens.
   * @throws EmulatorError with the code `invalid_input` if a property is wrong, if another account has the same
   * `sAMAccountName`, or if the option `ad` is set.
   */
  addAdAccount(adAccount: EmulatorAdAccount): { sub: string } {
    return { sub: this.#state.users.addAdAccount(adAccount, 'adAccount') };
  }

  /**
   * Changes an Active Directory (AD) account in the same way as {@link updateUser}. The `sAMAccountName` cannot be
   * changed. If the option `ad` is set, only an account that has already signed in can be changed, and its password
   * cannot be changed. Over HTTP: `PATCH /emulator/v1/ad-accounts/zhangsan`.
   *
   * @throws EmulatorError with the code `invalid_input` if no AD account has this `sAMAccountName`, or if a property is
   * wrong.
   */
  updateAdAccount(sAMAccountName: string, changes: Partial<Omit<EmulatorAdAccount, 'sAMAccountName'>>): void {
    this.#state.users.updateAdAccount(sAMAccountName, changes);
  }

  /**
   * Removes an Active Directory (AD) account in the same way as {@link removeUser}. Over HTTP:
   * `DELETE /emulator/v1/ad-accounts/zhangsan`.
   *
   * @throws EmulatorError with the code `invalid_input` if no AD account has this `sAMAccountName`.
   */
  removeAdAccount(sAMAccountName: string): void {
    this.#state.users.removeAdAccount(sAMAccountName);
  }

  /**
   * Adds a fault to an endpoint, for example `{ endpoint: 'jwks', status: 503, times: 1 }`. Several faults of one
   * endpoint are applied in the order in which they were added. Over HTTP: `POST /emulator/v1/faults`.
   *
   * @throws EmulatorError with the code `invalid_input` if a property is wrong, or if two properties cannot be
   * combined.
   */
  fault(fault: EmulatorFault): void {
    this.#state.addFault(fault);
  }

  /**
   * The active faults. `times` is the remaining number of requests, and absent if the fault has no limit. Over HTTP:
   * `GET /emulator/v1/faults`.
   */
  get faults(): readonly EmulatorFault[] {
    return this.#state.faults;
  }

  /** Removes all faults of all endpoints. Over HTTP: `DELETE /emulator/v1/faults`. */
  clearFaults(): void {
    this.#state.clearFaults();
  }

  /**
   * Makes the next id_tokens wrong in one way. Several flaws are applied in the order in which they were added. One
   * id_token gets only one flaw. Over HTTP: `POST /emulator/v1/id-token-flaw`.
   *
   * @param flaw The mistake in the id_token, for example `'expired'`.
   * @param times The number of id_tokens that get the flaw. Default: 1.
   * @throws EmulatorError with the code `invalid_input` if `flaw` or `times` is wrong.
   */
  flawIdToken(flaw: IdTokenFlaw, times = 1): void {
    this.#state.addFlaw({ flaw, times });
  }

  /** The id_token flaws in the queue. Over HTTP: `GET /emulator/v1/id-token-flaw`. */
  get idTokenFlaws(): readonly EmulatorQueuedFlaw[] {
    return this.#state.queuedFlaws;
  }

  /** Removes all id_token flaws from the queue. Over HTTP: `DELETE /emulator/v1/id-token-flaw`. */
  clearIdTokenFlaws(): void {
    this.#state.flaws.clear();
  }

  /**
   * The published signing keys, newest first. Over HTTP: `GET /emulator/v1/keys`.
   *
   * @throws EmulatorError with the code `not_started` if the emulator was never started.
   */
  get signingKeys(): readonly EmulatorSigningKey[] {
    return this.#state.keys.list();
  }

  /**
   * Creates a new signing key and signs all new tokens with it. Over HTTP: `POST /emulator/v1/keys/rotate`.
   *
   * @param options With `withdraw: true` the old keys are removed from the key set, as if a key was stolen. With
   * `withdraw: false` the old keys stay in the key set, so tokens that were signed with them can still be verified.
   * Default: `false`.
   * @returns The key ID (`kid`) of the new key.
   * @throws EmulatorError with the code `not_started` if the emulator was never started.
   * @throws EmulatorError with the code `invalid_input` if an option is wrong.
   */
  async rotateKeys(options: { withdraw?: boolean } = {}): Promise<{ kid: string }> {
    return { kid: await this.#state.rotateKeys(options) };
  }

  /**
   * Sets the difference between the emulator's clock and the real time. This value replaces the option `clockDrift`.
   *
   * The emulator's clock decides when tokens are issued and when they expire. If the clock is set ahead by
   * `tokenLifetime`, all tokens that were issued before this call are expired. Over HTTP:
   * `POST /emulator/v1/clock-drift`.
   *
   * @param seconds The whole number of seconds by which the emulator's clock is ahead of the real time. With a negative
   * number the clock is behind. At most 10 years.
   * @throws EmulatorError with the code `invalid_input` if `seconds` is wrong.
   */
  setClockDrift(seconds: number): void {
    this.#state.setClockDrift({ seconds });
  }

  /** The number of seconds by which the clock is ahead. Over HTTP: `GET /emulator/v1/clock-drift`. */
  get clockDrift(): number {
    return this.#state.clock.drift;
  }

  /**
   * Creates new keys for the encryption of passwords. After this call, a sign-in with a password that was encrypted
   * with an old key is refused (`statusCode` 499, `apiCode` 2016). Over HTTP:
   * `POST /emulator/v1/encryption-keys/rotate`.
   *
   * @throws EmulatorError with the code `sm_crypto_missing` if the package `sm-crypto` is not installed.
   */
  async rotateEncryptionKeys(): Promise<void> {
    await this.#state.encryptionKeys.rotate();
  }

  /**
   * Adds a sign-in answer to the queue. The answer replaces the result of the next sign-ins, even if their password is
   * wrong. Over HTTP: `POST /emulator/v1/sign-in-answers`.
   *
   * Before the emulator uses the answer, it checks the client authentication and the form of the request. Several
   * answers are used in the order in which they were added. A sign-in with a queued answer does not count as a failed
   * sign-in. Its outcome in {@link signIns} is `answered`.
   *
   * @param answer The answer, for example
   * `{ statusCode: 301, apiCode: 1636, data: { mfaToken: 'x' }, account: 'alice' }`.
   * @throws EmulatorError with the code `invalid_input` if a property is wrong.
   */
  answerSignIn(answer: EmulatorSignInAnswer): void {
    this.#state.addSignInAnswer(answer);
  }

  /**
   * The sign-in answers in the queue. `times` is the remaining number of sign-ins. Over HTTP:
   * `GET /emulator/v1/sign-in-answers`.
   */
  get signInAnswers(): readonly EmulatorSignInAnswer[] {
    return this.#state.signInAnswers;
  }

  /** Removes all sign-in answers from the queue. Over HTTP: `DELETE /emulator/v1/sign-in-answers`. */
  clearSignInAnswers(): void {
    this.#state.answers.clear();
  }

  /**
   * Sets both limits for failed sign-ins. They replace the limits in the options of the emulator. A limit that is
   * absent in `limits` is off. Over HTTP: `POST /emulator/v1/login-protection`.
   *
   * While a limit is set, the failed sign-ins of each account are counted, including accounts that do not exist. A
   * successful sign-in resets the count of its account. Only a wrong password counts. A wrong captcha and a password
   * that cannot be decrypted do not count.
   *
   * @throws EmulatorError with the code `invalid_input` if a limit is wrong.
   */
  protectLogins(limits: EmulatorLoginProtection): void {
    this.#state.protectLogins(limits);
  }

  /** The limits and the accounts with failed sign-ins. Over HTTP: `GET /emulator/v1/login-protection`. */
  get loginProtection(): EmulatorLoginProtectionState {
    return this.#state.protection.state;
  }

  /**
   * Resets the count of failed sign-ins. Over HTTP: `POST /emulator/v1/unlock`.
   *
   * @param account Any identifier of the account whose count is reset. Default: the counts of all accounts are reset.
   * @throws EmulatorError with the code `invalid_input` if `account` is neither an account nor a name with failed
   * sign-ins.
   */
  unlock(account?: string): void {
    this.#state.unlock({ account });
  }

  /**
   * Removes faults, id_token flaws, queued sign-in answers, captchas, counts of failed sign-ins, recorded sign-ins,
   * sent codes and request counts. Sets the limits and the clock drift to the values in the options of the emulator.
   * Keeps users, tokens, keys and SSO sessions. Over HTTP: `POST /emulator/v1/reset`.
   */
  reset(): void {
    this.#state.reset();
  }

  async #open(): Promise<Listener> {
    refuseProduction('emulator', 'its users and passwords are public', this.#state.config.allowNodeEnv);
    await this.#stopped;
    const listener = await listen(this.#state, this.#prepare());
    // If the port was in use, the file is read again at the next start.
    this.#isRestored = this.#file !== undefined;
    if (this.#file) this.#state.lastPort = listener.port;
    this.#state.origin = buildOrigin(this.#state.config, listener.port);
    try {
      await this.#state.save();
    } catch (error) {
      this.#state.origin = undefined;
      await listener.close();
      throw error;
    }
    const { issuer, url, users } = this.#state;
    const page = buildPageAddress(this.#state.config, listener.port);
    this.#announce({
      url,
      issuer,
      page,
      users: listUsers(users, 'user'),
      adAccounts: listUsers(users, 'adAccount'),
    });
    return listener;
  }

  /** Creates or restores what must exist before the first request. */
  async #prepare(): Promise<void> {
    const state = this.#state;
    const file = this.#file;
    if (file === undefined) await state.createKeys();
    else if (!this.#isRestored) {
      await restoreState(state, file);
      state.save = () => file.write(() => takeSnapshot(state));
    }
    const hosts = listHosts(state.config);
    if (!state.config.tls) state.certificates = undefined;
    else if (!state.certificates || !areUsable(state.certificates, hosts)) {
      state.certificates = await createCertificates(hosts);
    }
  }

  async #close(running: Promise<Listener> | undefined): Promise<void> {
    // If `start()` failed, there is no listener to close. `start()` has already thrown the error to its caller.
    const listener = await running?.catch(() => undefined);
    // The state is stored while the port is still in use, so that another emulator on this port reads a complete file.
    if (listener) await this.#state.save().catch((error: Error) => process.emitWarning(error));
    await listener?.close();
    this.#state.origin = undefined;
  }
}

function printStart({ url, page, users, adAccounts }: EmulatorStart): void {
  process.stderr.write(
    `GenAuth emulator listening on ${url}\n` +
      `  Not for production. These users can sign in: ${users}. Active Directory: ${adAccounts}.\n` +
      (page === undefined ? '' : `  Page: ${page}\n`),
  );
}
