/**
 * The result of a recorded sign-in, with GenAuth's `statusCode` and `apiCode`:
 * - `success`: the user is signed in (200)
 * - `invalid_credentials`: unknown user, wrong password or empty password (403 / 2333)
 * - `invalid_request`: the body does not match GenAuth's documents (400)
 * - `client_authentication_failed`: wrong app secret, or another authentication method than the app's (401); or a
 *   request from a web page of another origin while the option `ad` is set (403)
 * - `app_not_found`: no app id, or the id of another app (499 / 2011)
 * - `decryption_failed`: the password cannot be decrypted with the current key (499 / 2016)
 * - `captcha_required`: too many failed sign-ins of the account, and no captcha was sent (403 / 2000)
 * - `captcha_wrong`: the captcha is wrong, used or expired (403 / 2001)
 * - `account_locked`: too many failed sign-ins of the account, or the user has the state `lockout` (403 / 2005)
 * - `account_disabled`: the user is disabled (403 / 2120008)
 * - `account_expired`: the function of the option `ad` reported an expired account (403 / 2120008)
 * - `access_denied`: the function of the option `ad` refused the user for another reason (403 / 2120008)
 * - `directory_failed`: the function of the option `ad` failed, or reported a failure of its directory (422 / 2820002,
 *   408, 601, 602)
 * - `tenant_refused`: the user is not a member of the tenant (403 / 2120008), or the tenant is unknown (403 / 2130010)
 * - `password_change_required`: the user must change the password first (301 / 1639 or 2058)
 * - `mfa_required`: a second factor is required (301 / 1635 or 1636)
 * - `user_exists`: `autoRegister` with an identifier of another user (409 / 2026)
 * - `answered`: a queued answer or the user's `signInAnswer` replaced the result
 * - `not_implemented`: the emulator does not implement the connection (501)
 * - `fault`: a fault replaced the response or closed the connection, or the client disconnected during a delay
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
 * A sign-in request that the emulator received. Passwords and app secrets in its options are replaced by `***`.
 */
export interface SignInRecord {
  /** `connection` of the body, for example `PASSWORD` or `AD`. `null` if it is absent or not a string. */
  readonly connection: string | null;
  /** The identifier: account, email, username, phone or sAMAccountName. `null` if there is none. */
  readonly account: string | null;
  /** `options.clientIp`. `null` if it is absent or not a string. */
  readonly clientIp: string | null;
  /** `options.context`, an object or a string as it was sent. `null` if it is absent. */
  readonly context: unknown;
  /** All properties of the member `options` of the request body, known or not. Empty if it is not an object. */
  readonly options: Readonly<Record<string, unknown>>;
  /** `requestId` of the response. */
  readonly requestId: string;
  /** The result of the sign-in. */
  readonly outcome: RecordedOutcome;
}

/** Maximum number of records. The oldest record is dropped first. */
const MAX_RECORDS = 1000;

/** Stores the recorded sign-ins, oldest first. */
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
