/**
 * The result of a recorded sign-in. The numbers in parentheses are GenAuth's `statusCode` and `apiCode`:
 * - `success`: the user is signed in (200)
 * - `invalid_credentials`: unknown user, wrong password or empty password (403 / 2333)
 * - `invalid_request`: the request body does not match GenAuth's documents (400)
 * - `client_authentication_failed`: the application secret is wrong, or the authentication method is not the method of
 *   the option `tokenEndpointAuthMethod` (401); or the option `ad` is set and the request is from a web page of another
 *   origin (403)
 * - `app_not_found`: the application ID is missing or wrong (499 / 2011)
 * - `decryption_failed`: the password cannot be decrypted with the current key (499 / 2016)
 * - `captcha_required`: the account has too many failed sign-ins, and the request contains no captcha (403 / 2000)
 * - `captcha_wrong`: the captcha is wrong, expired or already used (403 / 2001)
 * - `account_locked`: the account has too many failed sign-ins, or the user has the state `lockout` (403 / 2005)
 * - `account_disabled`: the user is disabled (403 / 2120008)
 * - `account_expired`: the function of the option `ad` reported an expired account (403 / 2120008)
 * - `access_denied`: the function of the option `ad` refused the user for any other reason (403 / 2120008)
 * - `directory_failed`: the function of the option `ad` failed, or reported a failure of its directory (422 / 2820002,
 *   408, 601, 602)
 * - `tenant_refused`: the user is not a member of the tenant (403 / 2120008), or the tenant is unknown (403 / 2130010)
 * - `password_change_required`: the user must change the password before the sign-in (301 / 1639 or 2058)
 * - `mfa_required`: a second factor is required (301 / 1635 or 1636)
 * - `profile_completion_required`: the user must complete the profile before the sign-in (301 / 1642)
 * - `identity_binding_required`: the user must bind an e-mail address before the sign-in (301 / 1640)
 * - `user_exists`: the request contains `autoRegister` and an identifier of another user (409 / 2026)
 * - `answered`: a queued sign-in answer or the user's `signInAnswer` replaced the result
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
  | 'profile_completion_required'
  | 'identity_binding_required'
  | 'user_exists'
  | 'answered'
  | 'not_implemented'
  | 'fault';

/**
 * A sign-in that the emulator received: a request to `/api/v3/signin`, or a form of the hosted page in the same shape.
 * Passwords and application secrets in its options are replaced by `***`.
 */
export interface SignInRecord {
  /**
   * The member `connection` of the request body, for example `PASSWORD` or `AD`. `null` if the member is absent or not
   * a string.
   */
  readonly connection: string | null;
  /**
   * The identifier of the user: account, email, username, phone or sAMAccountName. `null` if the request contains no
   * identifier.
   */
  readonly account: string | null;
  /** The member `options.clientIp` of the request body. `null` if the member is absent or not a string. */
  readonly clientIp: string | null;
  /**
   * The member `options.context` of the request body, an object or a string as it was sent. `null` if the member is
   * absent.
   */
  readonly context: unknown;
  /**
   * All properties of the member `options` of the request body, also unknown properties. Empty if `options` is not an
   * object.
   */
  readonly options: Readonly<Record<string, unknown>>;
  /** The member `requestId` of the response body. */
  readonly requestId: string;
  /** The result of the sign-in. */
  readonly outcome: RecordedOutcome;
}

/** The maximum number of records. If there are more, the oldest record is deleted. */
const MAX_RECORDS = 1000;

/** Stores records, oldest first. */
export class Journal<Entry = SignInRecord> {
  #records: Entry[] = [];

  get records(): readonly Entry[] {
    return [...this.#records];
  }

  add(record: Entry): void {
    this.#records.push(record);
    if (this.#records.length > MAX_RECORDS) this.#records.shift();
  }

  clear(): void {
    this.#records = [];
  }
}
