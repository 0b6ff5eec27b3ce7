import { buildIssuer } from '../core/wire.js';
import { readBoolean, readObject, readOneOf } from './check.js';
import { EmulatorError, invalid } from './errors.js';
import { type EmulatorEndpoint, ENDPOINTS, type PreparedFault, readFault, readTimes, TimedQueue } from './faults.js';
import { createSigningKey, KeyRing } from './keys.js';
import { type EmulatorConfig, type GenAuthEmulatorOptions, resolveOptions } from './options.js';
import { ID_TOKEN_FLAWS, type IdTokenFlaw } from './tokens.js';
import { DEFAULT_AD_ACCOUNTS, DEFAULT_USERS, UserDirectory } from './users.js';

/**
 * How a sign-in ended:
 * - `success`
 * - `invalid_credentials`: unknown user, wrong password, empty password (403, 2333)
 * - `invalid_request`: the body is not a sign-in that GenAuth documents (400)
 * - `client_authentication_failed`: wrong app secret, or sent in another way than the app's (401)
 * - `app_not_found`: another app's id, or none (499, 2011)
 * - `decryption_failed`: an encrypted password (499, 2016)
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
  | 'not_implemented'
  | 'fault';

/** One sign-in as it arrived. What was not sent, or was not a string, is `null`. Never a password or an app secret. */
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
  readonly users = new UserDirectory();
  readonly flaws = new TimedQueue<IdTokenFlaw>();
  /** `http://127.0.0.1:PORT`, while the emulator listens. */
  origin: string | undefined;
  #keys: KeyRing | undefined;
  #journal: SignInRecord[] = [];
  readonly #faults = new Map(ENDPOINTS.map((endpoint) => [endpoint, new TimedQueue<PreparedFault>()]));
  readonly #requests = new Map<EmulatorEndpoint, number>();

  /** @throws EmulatorError `invalid_input` */
  constructor(options: GenAuthEmulatorOptions) {
    this.config = resolveOptions(options);
    readList(options.users ?? DEFAULT_USERS, 'users').forEach((user, i) => this.users.addUser(user, `users[${i}]`));
    readList(options.adAccounts ?? DEFAULT_AD_ACCOUNTS, 'adAccounts').forEach((account, i) =>
      this.users.addAdAccount(account, `adAccounts[${i}]`),
    );
  }

  async createKeys(): Promise<void> {
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

  /** @throws EmulatorError `invalid_input`, `not_started` */
  async rotateKeys(input: unknown): Promise<string> {
    const given = readObject(input, 'rotate', ['withdraw']);
    return this.keys.rotate(readBoolean(given.get('withdraw') ?? false, 'withdraw'));
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
    this.clearSignIns();
    this.#requests.clear();
  }
}

function readList(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(path, 'a list', value);
}

function notStarted(what: string): never {
  throw new EmulatorError('not_started', `The emulator has no ${what} yet: await emulator.start() first.`);
}
