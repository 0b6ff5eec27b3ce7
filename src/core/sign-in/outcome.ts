import type { GenAuthUser } from '../scopes.js';
import type { IdTokenClaims } from '../tokens/claims.js';

/** The tokens of a verified sign-in. Keep them from logs and from `req.user`. */
export interface TokenSet {
  /** Sent as `Authorization: Bearer …` to guarded routes. */
  accessToken: string;
  idToken: string;
  /** With scope `offline_access`, if the application allows it. */
  refreshToken: string | undefined;
  /** When the access token ends. */
  expiresAt: Date;
  /** What was granted; may be more than was asked for. */
  scope: readonly string[];
}

/** What every answer of GenAuth carries; for the operator's log, not for the person. */
export interface SignInAnswer {
  statusCode: number;
  /** GenAuth's own code for the cause, where it gave one. */
  apiCode: number | undefined;
  /** GenAuth's ID for this request: quote it to their support. */
  requestId: string | undefined;
  /** GenAuth's text, in a language of its choosing. */
  message: string;
}

export interface SignInSuccess<User = GenAuthUser> extends SignInAnswer {
  kind: 'success';
  user: User;
  tokens: TokenSet;
  /** All claims of the verified id_token, also those that were not asked for. */
  claims: IdTokenClaims;
}

/** A factor that the person may use (GenAuth: MfaTriggerData). */
export interface ApplicationMfa {
  /** `SMS`, `EMAIL`, `OTP`, `FACE`, `PASSKEY`; others may come. */
  mfaPolicy: string;
  status: number;
  sort: number;
}

/** A sign-in that GenAuth understood and did not complete: the person must do something, or may not come in. */
export type SignInRejection = SignInAnswer &
  (
    | {
        /** Unknown account or wrong password. The answer does not say which of the two. */
        kind: 'invalid_credentials';
        /** Tries that are left before the account is locked, where GenAuth says so. */
        remainingAttempts: number | undefined;
      }
    /** Fetch a picture with `getCaptcha`, and sign in again with `captchaCode` and `captchaToken`. */
    | { kind: 'captcha_required' }
    | {
        kind: 'mfa_required';
        /** Bearer token for GenAuth's MFA calls. */
        mfaToken: string | undefined;
        applicationMfa: readonly ApplicationMfa[];
      }
    | {
        kind: 'password_change_required' | 'identity_binding_required' | 'profile_completion_required';
        /** Token for GenAuth's call that does it, where it gave one. */
        flowToken: string | undefined;
      }
    | { kind: 'account_locked' }
    | { kind: 'access_denied' }
    | {
        kind: 'rate_limited';
        /** Seconds, where GenAuth said so. */
        retryAfter: number | undefined;
      }
    | {
        /** Anything else that is not success, unknown codes among them. */
        kind: 'rejected';
        /** GenAuth wants one more step that has no kind here (`statusCode` 3xx); its own sign-in page offers it. */
        furtherStep: boolean;
      }
  );

/**
 * Every way a sign-in can go, told apart by `kind`. Faults of GenAuth, the network or the configuration are thrown
 * instead.
 */
export type SignInOutcome<S extends string = string, ExtendedFields extends object = Record<string, unknown>> =
  | SignInSuccess<GenAuthUser<S, ExtendedFields>>
  | SignInRejection;
