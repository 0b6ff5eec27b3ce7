import type { GenAuthUser } from '../scopes.js';
import type { IdTokenClaims } from '../tokens/claims.js';

/** The tokens of a sign-in. The id_token is verified. Keep the tokens out of logs and out of `req.user`. */
export interface TokenSet {
  /** The access token. Clients send it to guarded routes in the header `Authorization: Bearer …`. */
  accessToken: string;
  /** The id_token, a JWT. It states who signed in, and is not accepted on guarded routes. */
  idToken: string;
  /** The refresh token, with scope `offline_access` and if the console allows it for the application. */
  refreshToken: string | undefined;
  /** When the access token expires. */
  expiresAt: Date;
  /** The granted scopes. They can be more than the requested ones. */
  scope: readonly string[];
}

/**
 * The properties that every answer of GenAuth to a sign-in has. They are for the operator's log, not for the end user.
 */
export interface SignInAnswer {
  /** GenAuth's `statusCode` from the body of the answer: 200 is success, 3xx is a further step. */
  statusCode: number;
  /** GenAuth's code for the cause, if it gave one. */
  apiCode: number | undefined;
  /** GenAuth's ID of the request, if it gave one. GenAuth's support asks for it. */
  requestId: string | undefined;
  /** GenAuth's text. GenAuth chooses its language. */
  message: string;
}

/** The outcome of a successful sign-in: the id_token is verified. */
export interface SignInSuccess<User = GenAuthUser> extends SignInAnswer {
  kind: 'success';
  /** The user, with the claims of the requested scopes. */
  user: User;
  tokens: TokenSet;
  /** All claims of the verified id_token, including claims of scopes that were not requested. */
  claims: IdTokenClaims;
}

/** A second factor that the user may use. GenAuth's API calls it MfaTriggerData. */
export interface ApplicationMfa {
  /** `SMS`, `EMAIL`, `OTP`, `FACE` or `PASSKEY`. Other values are possible. */
  mfaPolicy: string;
  /** GenAuth's status of the factor. 0 if GenAuth sent none. */
  status: number;
  /** GenAuth's position of the factor in a list. 0 if GenAuth sent none. */
  sort: number;
}

/** A sign-in that GenAuth understood but did not complete: one more step is needed, or the user is not allowed in. */
export type SignInRejection = SignInAnswer &
  (
    | {
        /** The account is unknown or the password is wrong. An attacker must not learn which of the two. */
        kind: 'invalid_credentials';
        /** Number of attempts before the account is locked, if GenAuth sent it. */
        remainingAttempts: number | undefined;
      }
    /** Get a picture with `GenAuthClient.getCaptcha`. Then sign in again with `captchaCode` and `captchaToken`. */
    | { kind: 'captcha_required' }
    | {
        /** A second factor is required. */
        kind: 'mfa_required';
        /** The bearer token for GenAuth's MFA endpoints, if GenAuth sent one. */
        mfaToken: string | undefined;
        /** The factors that the user may use. */
        applicationMfa: readonly ApplicationMfa[];
      }
    | {
        /** The user must first change the password, bind an identity or complete the profile. */
        kind: 'password_change_required' | 'identity_binding_required' | 'profile_completion_required';
        /** The token for the GenAuth endpoint of this step, if GenAuth sent one. */
        flowToken: string | undefined;
      }
    /** The account is locked, for example after too many failed sign-ins. */
    | { kind: 'account_locked' }
    /** The account is disabled, or it is not allowed to use this application. */
    | { kind: 'access_denied' }
    | {
        /** There were too many attempts. */
        kind: 'rate_limited';
        /** Seconds to wait before the next attempt, if GenAuth sent them. */
        retryAfter: number | undefined;
      }
    | {
        /** Any other answer that is not a success, including answers with an unknown `apiCode`. */
        kind: 'rejected';
        /**
         * Whether GenAuth requires a step that has no `kind` here (`statusCode` 3xx). GenAuth's sign-in page offers it.
         */
        furtherStep: boolean;
      }
  );

/**
 * Every possible result of a sign-in. Compare `kind` to distinguish them. Errors of GenAuth, of the network or of the
 * configuration are thrown instead.
 *
 * @typeParam S - The scopes of the user.
 * @typeParam ExtendedFields - The custom fields of the user pool, with scope `extended_fields`.
 */
export type SignInOutcome<S extends string = string, ExtendedFields extends object = Record<string, unknown>> =
  | SignInSuccess<GenAuthUser<S, ExtendedFields>>
  | SignInRejection;
