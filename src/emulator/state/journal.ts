/**
 * How a sign-in ended:
 * - `success`
 * - `invalid_credentials`: unknown user, wrong password, empty password (403, 2333)
 * - `invalid_request`: the body is not a sign-in that GenAuth documents (400)
 * - `client_authentication_failed`: wrong app secret, or sent in another way than the app's (401); a web page of
 *   another origin, while the option `ad` is set (403)
 * - `app_not_found`: another app's id, or none (499, 2011)
 * - `decryption_failed`: the password is no ciphertext under the current key (499, 2016)
 * - `captcha_required`: the account has failed too often, and there was no captcha (403, 2000)
 * - `captcha_wrong`: the captcha was wrong, used or too old (403, 2001)
 * - `account_locked`: the account has failed too often, or is locked as such (403, 2005)
 * - `account_disabled`: the user is disabled (403, 2120008)
 * - `account_expired`: the function of the option `ad` says that the account has expired (403, 2120008)
 * - `access_denied`: the function of the option `ad` refuses the user for another reason (403, 2120008)
 * - `directory_failed`: the function of the option `ad` failed, or says that its directory did (422 / 2820002, 408,
 *   601, 602)
 * - `tenant_refused`: the user is not a member of the tenant (403, 2120008), or the tenant is unknown (403, 2130010)
 * - `password_change_required`: 301, 1639 or 2058
 * - `mfa_required`: 301, 1635 or 1636
 * - `user_exists`: `autoRegister` for an identifier of another user (409, 2026)
 * - `answered`: an answer on demand was given in place of the sign-in's own
 * - `not_implemented`: a connection of GenAuth that the emulator does not implement (501)
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
 * One sign-in as it arrived. Members that were not sent, or were not strings, are `null`. It holds no password and no
 * app secret: among the options, they are replaced by `***`.
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

/** How many sign-ins are kept; the oldest ones are dropped. */
const MAX_RECORDS = 1000;

/** The recorded sign-ins, oldest first. */
export class Journal {
  #records: SignInRecord[] = [];

  get records(): readonly SignInRecord[] {
    return [...this.#records];
  }

  add(record: SignInRecord): void {
    this.#records.push(record);
    if (this.#records.length > MAX_RECORDS) this.#records.shift();
  }

  clear(): void {
    this.#records = [];
  }
}
