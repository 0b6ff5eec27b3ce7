import { buildIssuer, type WireEnvelope } from '../../core/wire/facts.js';
import { ActiveDirectory } from '../directory/active-directory.js';
import { Captchas } from './captchas.js';
import { readBoolean, readList, readObject, readOneOf, readString } from '../input/readers.js';
import { EmulatorClock } from './clock.js';
import { EncryptionKeys } from '../encryption/encryption-keys.js';
import { EmulatorError } from '../errors.js';
import { type EmulatorEndpoint, ENDPOINTS, type PreparedFault, readFault } from './faults.js';
import { IssuedTokens } from '../tokens/issued-tokens.js';
import { createSigningKey, KeyRing } from '../tokens/signing-keys.js';
import { LoginProtection, readLoginProtection } from './login-protection.js';
import { type EmulatorConfig, type GenAuthEmulatorOptions, readDrift, resolveOptions } from '../options.js';
import { type PreparedSignInAnswer, readSignInAnswer } from './queued-answers.js';
import { readTimes, TimedQueue } from './repeat-queue.js';
import { ID_TOKEN_FLAWS, type IdTokenFlaw } from '../tokens/issue-tokens.js';
import { DEFAULT_AD_ACCOUNTS, DEFAULT_USERS, UserDirectory } from '../users/user-store.js';

/**
 * How a sign-in ended:
 * - `success`
 * - `invalid_credentials`: unknown user, wrong password, empty password (403, 2333)
 * - `invalid_request`: the body is not a sign-in that GenAuth documents (400)
 * - `client_authentication_failed`: wrong app secret, or sent in another way than the app's (401); a web page, while a real
 *   directory judges (403)
 * - `app_not_found`: another app's id, or none (499, 2011)
 * - `decryption_failed`: the password is no ciphertext under the current key (499, 2016)
 * - `captcha_required`: the account has failed too often, and there was no captcha (403, 2000)
 * - `captcha_wrong`: the captcha was wrong, used or too old (403, 2001)
 * - `account_locked`: the account has failed too often, or is locked as such (403, 2005)
 * - `account_disabled`: the user is disabled (403, 2120008)
 * - `account_expired`: the directory says so (403, 2120008)
 * - `access_denied`: the directory lets the user in at another time or from another computer (403, 2120008)
 * - `directory_failed`: the real directory of the connection AD cannot be asked (422 / 2820002, 408, 601, 602)
 * - `tenant_refused`: another tenant than the user's (403, 2120008), or one that there is not (403, 2130010)
 * - `password_change_required`: 301, 1639 or 2058
 * - `mfa_required`: 301, 1635 or 1636
 * - `user_exists`: `autoRegister` for an identifier that somebody else has (409, 2026)
 * - `answered`: an answer on demand was given in place of the sign-in's own
 * - `not_implemented`: a connection of GenAuth that the emulator has not (501)
 * - `fault`: a fault answered in its place, or dropped it, or the caller left during a delay
 */
export type RecordedOutcome =
  | 'success'
  | 'invalid_credentials'
  | 'invalid_request'
  | 'client_authentication_failed'
  | 'app_not_found'
  | 'decryption_failed'
  | 'captcha_required'
  | 'captcha_wrong'
  | 'account_locked'
  | 'account_disabled'
  | 'account_expired'
  | 'access_denied'
  | 'directory_failed'
  | 'tenant_refused'
  | 'password_change_required'
  | 'mfa_required'
  | 'user_exists'
  | 'answered'
  | 'not_implemented'
  | 'fault';

/**
 * One sign-in as it arrived. What was not sent, or was not a string, is `null`. Never a password or an app secret: where one
 * stands among the options, it is `***`.
 */
export interface SignInRecord {
  readonly connection: string | null;
  /** The identifier as it was sent, whichever member it stood in: account, email, username, phone or sAMAccountName. */
  readonly account: string | null;
  readonly clientIp: string | null;
  /** As it was sent: a string stays a string. */
  readonly context: unknown;
  /** The whole of `options` as it was sent, known members or not; empty if there were none. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The answer's `requestId`. */
  readonly requestId: string;
  readonly outcome: RecordedOutcome;
}

const JOURNAL_LENGTH = 1000;

/** All that an emulator knows between two requests. Operations read it; the control endpoints and the tests' methods change it. */
export class EmulatorState {
  readonly config: EmulatorConfig;
  readonly users: UserDirectory;
  readonly activeDirectory: ActiveDirectory | undefined;
  readonly clock: EmulatorClock;
  readonly tokens: IssuedTokens;
  readonly flaws = new TimedQueue<IdTokenFlaw>();
  readonly answers = new TimedQueue<PreparedSignInAnswer>();
  readonly captchas = new Captchas();
  readonly encryptionKeys = new EncryptionKeys();
  readonly protection: LoginProtection;
  /** `http://127.0.0.1:PORT`, while the emulator listens. */
  origin: string | undefined;
  #keys: KeyRing | undefined;
  #journal: SignInRecord[] = [];
  readonly #faults = new Map(ENDPOINTS.map((endpoint) => [endpoint, new TimedQueue<PreparedFault>()]));
  readonly #requests = new Map<EmulatorEndpoint, number>();

  /** @throws EmulatorError `invalid_input` */
  constructor(options: GenAuthEmulatorOptions) {
    this.config = resolveOptions(options);
    const { ad, catalogs, clockDrift, loginLimits } = this.config;
    this.protection = new LoginProtection(loginLimits);
    this.clock = new EmulatorClock(clockDrift);
    this.tokens = new IssuedTokens(this.clock);
    this.activeDirectory = ad && new ActiveDirectory(ad);
    this.users = new UserDirectory(catalogs, ad !== undefined);
    readList(options.users ?? DEFAULT_USERS, 'users').forEach((user, i) => this.users.addUser(user, `users[${i}]`));
    readList(options.adAccounts ?? (ad ? [] : DEFAULT_AD_ACCOUNTS), 'adAccounts').forEach((account, i) =>
      this.users.addAdAccount(account, `adAccounts[${i}]`),
    );
  }

  /** What was signed or encrypted until now is over. */
  async createKeys(): Promise<void> {
    this.encryptionKeys.forget();
    this.tokens.clear();
    this.#keys = new KeyRing(await createSigningKey());
  }

  /** @throws EmulatorError `not_started` */
  get keys(): KeyRing {
    return this.#keys ?? notStarted('keys');
  }

  /** @throws EmulatorError `not_started` */
  get url(): string {
    return this.origin ?? notStarted('address');
  }

  get issuer(): string {
    return buildIssuer(this.url);
  }

  get signIns(): readonly SignInRecord[] {
    return [...this.#journal];
  }

  recordSignIn(record: SignInRecord): void {
    this.#journal.push(record);
    if (this.#journal.length > JOURNAL_LENGTH) this.#journal.shift();
  }

  clearSignIns(): void {
    this.#journal = [];
  }

  /** @throws EmulatorError `invalid_input` */
  addFault(input: unknown): void {
    const { endpoint, times, fault } = readFault(input, 'fault');
    this.#faults.get(endpoint)?.add(fault, times);
  }

  takeFault(endpoint: EmulatorEndpoint): PreparedFault | undefined {
    return this.#faults.get(endpoint)?.take();
  }

  clearFaults(): void {
    for (const queue of this.#faults.values()) queue.clear();
  }

  /** @throws EmulatorError `invalid_input` */
  addFlaw(input: unknown): void {
    const given = readObject(input, 'id-token-flaw', ['flaw', 'times']);
    const flaw = readOneOf(given.get('flaw'), 'flaw', ID_TOKEN_FLAWS);
    this.flaws.add(flaw, readTimes(given.get('times') ?? 1, 'times'));
  }

  /** @throws EmulatorError `invalid_input` */
  addSignInAnswer(input: unknown): void {
    const { answer, times } = readSignInAnswer(input, 'answer');
    this.answers.add(answer, times);
  }

  /** The next answer on demand that is meant for this sign-in. */
  takeSignInAnswer(connection: 'PASSWORD' | 'AD', name: string): WireEnvelope<unknown> | undefined {
    const key = this.users.keyOf(connection, name);
    const isMeant = ({ account }: PreparedSignInAnswer) =>
      account === undefined || this.users.keyOf(connection, account) === key;
    return this.answers.take(isMeant)?.envelope;
  }

  /** @throws EmulatorError `invalid_input` */
  protectLogins(input: unknown): void {
    this.protection.limits = readLoginProtection(input);
  }

  /** @throws EmulatorError `invalid_input` */
  unlock(input: unknown): void {
    const given = readObject(input, 'unlock', ['account']);
    if (!given.has('account')) return this.protection.forgetAll();
    const account = readString(given.get('account'), 'account');
    for (const connection of ['PASSWORD', 'AD'] as const) this.protection.forget(this.users.keyOf(connection, account));
  }

  /** @throws EmulatorError `invalid_input`, `not_started` */
  async rotateKeys(input: unknown): Promise<string> {
    const given = readObject(input, 'rotate', ['withdraw']);
    return this.keys.rotate(readBoolean(given.get('withdraw') ?? false, 'withdraw'));
  }

  /** @throws EmulatorError `invalid_input` */
  setClockDrift(input: unknown): void {
    const given = readObject(input, 'clock-drift', ['seconds']);
    this.clock.drift = readDrift(given.get('seconds'), 'seconds');
  }

  countRequest(endpoint: EmulatorEndpoint): void {
    this.#requests.set(endpoint, this.requests(endpoint) + 1);
  }

  /** @throws EmulatorError `invalid_input` */
  requests(endpoint: EmulatorEndpoint): number {
    return this.#requests.get(readOneOf(endpoint, 'endpoint', ENDPOINTS)) ?? 0;
  }

  reset(): void {
    this.clearFaults();
    this.flaws.clear();
    this.answers.clear();
    this.captchas.clear();
    this.protection.limits = this.config.loginLimits;
    this.protection.forgetAll();
    this.clock.drift = this.config.clockDrift;
    this.clearSignIns();
    this.#requests.clear();
  }
}

function notStarted(what: string): never {
  throw new EmulatorError('not_started', `The emulator has no ${what} yet: await emulator.start() first.`);
}
