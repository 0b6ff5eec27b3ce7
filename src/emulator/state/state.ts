import { AsyncLocalStorage } from 'node:async_hooks';
import { buildIssuer, type WireEnvelope } from '../../core/wire/facts.js';
import { Captchas } from './captchas.js';
import { readBoolean, readList, readObject, readOneOf, readString } from '../input/readers.js';
import { EmulatorClock } from './clock.js';
import type { Certificates } from '../encryption/certificates.js';
import { EncryptionKeys } from '../encryption/encryption-keys.js';
import { EmulatorError } from '../errors.js';
import { type EmulatorEndpoint, type EmulatorFault, ENDPOINTS, type PreparedFault, readFault } from './faults.js';
import { IssuedTokens } from '../tokens/issued-tokens.js';
import { createSigningKey, KeyRing } from '../tokens/signing-keys.js';
import { ExpiringMap } from './expiring-map.js';
import type { AuthorizationCode, Interaction, SentCode } from './interaction.js';
import { Journal } from './journal.js';
import { LoginProtection, readLoginProtection } from './login-protection.js';
import {
  type EmulatorConfig,
  type GenAuthEmulatorOptions,
  findRequestOrigin,
  readDrift,
  resolveOptions,
} from '../options.js';
import { type EmulatorSignInAnswer, type PreparedSignInAnswer, readSignInAnswer } from './queued-answers.js';
import { readTimes, RepeatQueue } from './repeat-queue.js';
import { type EmulatorQueuedFlaw, ID_TOKEN_FLAWS, type IdTokenFlaw } from '../tokens/id-token-flaws.js';
import { DEFAULT_AD_ACCOUNTS, DEFAULT_USERS } from '../users/default-users.js';
import { digestDefinition } from '../users/passwords.js';
import { type Account, UserStore } from '../users/user-store.js';

/** The maximum number of open sign-ins on the hosted page. It is also the maximum number of authorization codes. */
const MAX_INTERACTIONS = 1000;

const CONNECTIONS = ['PASSWORD', 'AD'] as const;

/** The maximum number of SSO sessions. If there are more, the user of the oldest session must sign in again. */
const MAX_SESSIONS = 10_000;

/**
 * The state of an emulator between requests. The operations of the endpoints read it. The control operations and the
 * methods of `GenAuthEmulator` change it.
 */
export class EmulatorState {
  readonly config: EmulatorConfig;
  readonly users: UserStore;
  readonly clock: EmulatorClock;
  readonly tokens: IssuedTokens;
  readonly flaws = new RepeatQueue<IdTokenFlaw>();
  readonly answers = new RepeatQueue<PreparedSignInAnswer>();
  readonly captchas = new Captchas();
  readonly journal = new Journal();
  /** The codes that the emulator sent for a second factor. */
  readonly sentCodes = new Journal<SentCode>();
  /** The open sign-ins on the hosted page. */
  readonly interactions: ExpiringMap<Interaction>;
  readonly authorizationCodes: ExpiringMap<AuthorizationCode>;
  /** The SSO sessions of browsers: the value of the cookie and the user. */
  readonly sessions: ExpiringMap<Account>;
  readonly encryptionKeys = new EncryptionKeys();
  readonly protection: LoginProtection;
  /** The certificates of the option `tls`. */
  certificates: Certificates | undefined;
  /** The digest of each user of the options, by `sub`. It is empty without the option `stateFile`. */
  readonly definitions = new Map<string, string>();
  /** Stores the state in the file of the option `stateFile`. Without this option it does nothing. */
  save: () => Promise<void> = async () => {};
  /** The port of the last start, which is used again if the option `port` chooses a free port. 0: none. */
  lastPort = 0;
  /** The address of the emulator, such as `http://127.0.0.1:PORT`, or `undefined` if the emulator does not listen. */
  origin: string | undefined;
  /** The address by which the request that is answered calls the emulator. */
  readonly #requestOrigin = new AsyncLocalStorage<string | undefined>();
  #keys: KeyRing | undefined;
  readonly #faults = new Map(ENDPOINTS.map((endpoint) => [endpoint, new RepeatQueue<PreparedFault>()]));
  readonly #requests = new Map<EmulatorEndpoint, number>();

  /** @throws EmulatorError with the code `invalid_input` if an option is wrong. */
  constructor(options: GenAuthEmulatorOptions) {
    this.config = resolveOptions(options);
    const { ad, catalogs, clockDrift, loginLimits } = this.config;
    this.protection = new LoginProtection(loginLimits);
    this.clock = new EmulatorClock(clockDrift);
    this.tokens = new IssuedTokens(this.clock);
    this.interactions = new ExpiringMap(this.clock, MAX_INTERACTIONS);
    this.authorizationCodes = new ExpiringMap(this.clock, MAX_INTERACTIONS);
    this.sessions = new ExpiringMap(this.clock, MAX_SESSIONS);
    this.users = new UserStore(catalogs, ad !== undefined);
    const { adAccounts, users } = options;
    this.users.addDefaults(users ? [] : DEFAULT_USERS, adAccounts || ad ? [] : DEFAULT_AD_ACCOUNTS);
    for (const { sub } of this.users.accounts()) this.#define(sub, 'default');
    readList(users ?? [], 'users').forEach((user, i) => this.#define(this.users.addUser(user, `users[${i}]`), user));
    readList(adAccounts ?? [], 'adAccounts').forEach((account, i) =>
      this.#define(this.users.addAdAccount(account, `adAccounts[${i}]`), account),
    );
  }

  #define(sub: string, definition: unknown): void {
    if (this.config.stateFile !== undefined) this.definitions.set(sub, digestDefinition(sub, definition));
  }

  /**
   * Creates new keys. All tokens and encrypted passwords that were created with the old keys become invalid. All
   * sign-ins on the hosted page and all SSO sessions end.
   */
  async createKeys(): Promise<void> {
    this.clearTokens();
    this.encryptionKeys.forget();
    this.useKeys(new KeyRing(await createSigningKey()));
  }

  /** Ends all tokens, all sign-ins on the hosted page and all SSO sessions. */
  clearTokens(): void {
    this.tokens.clear();
    this.interactions.clear();
    this.authorizationCodes.clear();
    this.sessions.clear();
  }

  useKeys(keys: KeyRing): void {
    this.#keys = keys;
  }

  /** @throws EmulatorError with the code `not_started` if the emulator was never started. */
  get keys(): KeyRing {
    return this.#keys ?? notStarted('keys');
  }

  /**
   * Answers a request.
   *
   * @param host - The header `Host` of the request.
   */
  serve(host: string | undefined, answer: () => void): void {
    this.#requestOrigin.run(findRequestOrigin(this.config, host), answer);
  }

  /**
   * The address of the emulator. While a request is answered: the address by which the request calls the emulator.
   *
   * @throws EmulatorError with the code `not_started` if the emulator does not listen.
   */
  get url(): string {
    return this.#requestOrigin.getStore() ?? this.origin ?? notStarted('address');
  }

  get issuer(): string {
    return buildIssuer(this.url);
  }

  /** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
  addFault(input: unknown): void {
    const { endpoint, times, fault } = readFault(input, 'fault');
    this.#faults.get(endpoint)?.add(fault, times);
  }

  /** The active faults. `times` is the remaining number of requests. */
  get faults(): EmulatorFault[] {
    const entries = [...this.#faults.values()].flatMap((queue) => queue.entries);
    return entries.map(({ item, ...times }) => structuredClone({ ...item.given, ...times }));
  }

  takeFault(endpoint: EmulatorEndpoint): PreparedFault | undefined {
    return this.#faults.get(endpoint)?.take();
  }

  clearFaults(): void {
    for (const queue of this.#faults.values()) queue.clear();
  }

  /** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
  addFlaw(input: unknown): void {
    const given = readObject(input, 'id-token-flaw', ['flaw', 'times']);
    const flaw = readOneOf(given.get('flaw'), 'flaw', ID_TOKEN_FLAWS);
    this.flaws.add(flaw, readTimes(given.get('times') ?? 1, 'times'));
  }

  /** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
  addSignInAnswer(input: unknown): void {
    const { answer, times } = readSignInAnswer(input, 'answer');
    this.answers.add(answer, times);
  }

  /** The queued sign-in answers. `times` is the remaining number of sign-ins. */
  get signInAnswers(): EmulatorSignInAnswer[] {
    return this.answers.entries.map(({ item: { account, envelope }, ...times }) =>
      structuredClone({ ...envelope, ...(account !== undefined && { account }), ...times }),
    );
  }

  /** The queued flaws. `times` is the remaining number of id_tokens. */
  get queuedFlaws(): EmulatorQueuedFlaw[] {
    return this.flaws.entries.map(({ item: flaw, times = Infinity }) => ({ flaw, times }));
  }

  /** Removes the next sign-in answer for this account from the queue and returns it. */
  takeSignInAnswer(connection: 'PASSWORD' | 'AD', name: string): WireEnvelope<unknown> | undefined {
    const key = this.users.keyOf(connection, name);
    const isForAccount = ({ account }: PreparedSignInAnswer) =>
      account === undefined || this.users.keyOf(connection, account) === key;
    return this.answers.take(isForAccount)?.envelope;
  }

  /** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
  protectLogins(input: unknown): void {
    this.protection.limits = readLoginProtection(input);
  }

  /** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
  unlock(input: unknown): void {
    const given = readObject(input, 'unlock', ['account']);
    if (!given.has('account')) return this.protection.forgetAll();
    const account = readString(given.get('account'), 'account');
    const keys = CONNECTIONS.map((connection) => this.users.keyOf(connection, account));
    // Failed sign-ins of a name without an account are counted too, so this name can also be unlocked.
    if (!keys.some((key) => this.protection.hasFailures(key))) this.users.getAccount(account);
    for (const key of keys) this.protection.forget(key);
  }

  /**
   * @throws EmulatorError with the code `invalid_input` if the value is wrong, or `not_started` if the emulator was
   * never started.
   */
  async rotateKeys(input: unknown): Promise<string> {
    const given = readObject(input, 'rotate', ['withdraw']);
    return this.keys.rotate(readBoolean(given.get('withdraw') ?? false, 'withdraw'));
  }

  /** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
  setClockDrift(input: unknown): void {
    const given = readObject(input, 'clock-drift', ['seconds']);
    this.clock.drift = readDrift(given.get('seconds'), 'seconds');
  }

  countRequest(endpoint: EmulatorEndpoint): void {
    this.#requests.set(endpoint, this.requests(endpoint) + 1);
  }

  /** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
  requests(endpoint: EmulatorEndpoint): number {
    return this.#requests.get(readOneOf(endpoint, 'endpoint', ENDPOINTS)) ?? 0;
  }

  /** The number of requests to each endpoint. */
  get requestCounts(): Record<EmulatorEndpoint, number> {
    const counts = ENDPOINTS.map((endpoint) => [endpoint, this.requests(endpoint)]);
    return Object.fromEntries(counts) as Record<EmulatorEndpoint, number>;
  }

  restoreRequestCounts(counts: Partial<Record<EmulatorEndpoint, number>>): void {
    for (const endpoint of ENDPOINTS) this.#requests.set(endpoint, counts[endpoint] ?? 0);
  }

  reset(): void {
    this.clearFaults();
    this.flaws.clear();
    this.answers.clear();
    this.captchas.clear();
    this.protection.limits = this.config.loginLimits;
    this.protection.forgetAll();
    this.clock.drift = this.config.clockDrift;
    this.journal.clear();
    this.sentCodes.clear();
    this.#requests.clear();
  }
}

function notStarted(what: string): never {
  throw new EmulatorError(
    'not_started',
    `The emulator is not started, so it has no ${what}. Call await emulator.start() first.`,
  );
}
