import type { GenAuthUser } from '../scopes.js';
import type { IdTokenClaims } from '../tokens/claims.js';

/**
 * The tokens of a sign-in or a token refresh. The id_token is verified. Do not put the tokens into logs or into
 * `req.user`.
 */
export interface TokenSet {
  /**
   * The access token. A caller sends the access token to guarded routes in the request header
   * `Authorization: Bearer …`.
   */
  accessToken: string;
  /** The id_token, a JWT that identifies the signed-in user. Guarded routes do not accept an id_token. */
  idToken: string;
  /**
   * The refresh token. GenAuth sends it if the scope `offline_access` was requested and GenAuth's console allows
   * refresh tokens for the application.
   */
  refreshToken: string | undefined;
  /** The time when the access token expires. */
  expiresAt: Date;
  /** The scopes that GenAuth granted. They can include scopes that were not requested. */
  scope: readonly string[];
}

/**
 * The properties that every answer of GenAuth to a sign-in has. These properties are for the operator's log, not for
 * the end user.
 */
export interface SignInAnswer {
  /**
   * `statusCode` in the body of GenAuth's answer: 200 is success, 3xx is a further step. If a gateway answered with
   * HTTP status 429 and without GenAuth's JSON, this value is 429. 0 if `loginThrottle` has refused the sign-in.
   */
  statusCode: number;
  /** `apiCode` in the body of GenAuth's answer, if GenAuth sent one. This number identifies the cause. */
  apiCode: number | undefined;
  /** GenAuth's ID of the sign-in request, if GenAuth sent one. GenAuth's support asks for this ID. */
  requestId: string | undefined;
  /** GenAuth's text about the result. GenAuth chooses the language of this text. */
  message: string;
}

/** The outcome of a successful sign-in: the id_token is verified. */
export interface SignInSuccess<User = GenAuthUser> extends SignInAnswer {
  /** The user is signed in. This value distinguishes the outcome from the outcomes of {@link SignInRejection}. */
  kind: 'success';
  /** The user, with the claims of the requested scopes. */
  user: User;
  /** The tokens that GenAuth issued. The application stores them. They must not be logged. */
  tokens: TokenSet;
  /** All claims of the verified id_token, including claims of scopes that were not requested. */
  claims: IdTokenClaims;
}

/** A second factor that the user may use. GenAuth's API calls this type MfaTriggerData. */
export interface ApplicationMfa {
  /** The kind of second factor: `SMS`, `EMAIL`, `OTP`, `FACE` or `PASSKEY`. Other values are possible. */
  mfaPolicy: string;
  /** GenAuth's status number of the second factor. 0 if GenAuth sent no status. */
  status: number;
  /** The position of the second factor in GenAuth's list of factors. 0 if GenAuth sent no position. */
  sort: number;
}

/**
 * The outcome of a sign-in that GenAuth answered without tokens: a further step is required, or GenAuth refused the
 * sign-in.
 */
export type SignInRejection = SignInAnswer &
  (
    | {
        /**
         * The account is unknown or the password is wrong. Do not show the end user which of the two is true, because
         * an attacker could use this to find accounts.
         */
        kind: 'invalid_credentials';
        /** Number of attempts before GenAuth locks the account, if GenAuth sent this number. */
        remainingAttempts: number | undefined;
      }
    | {
        /**
         * A captcha is required. Request a captcha with `GenAuthClient.getCaptcha`. Repeat the sign-in with
         * `captchaCode` and `captchaToken`.
         */
        kind: 'captcha_required';
      }
    | {
        /** A second factor is required. */
        kind: 'mfa_required';
        /** The bearer token for GenAuth's MFA endpoints, if GenAuth sent one. */
        mfaToken: string | undefined;
        /** The second factors that the user may use. */
        applicationMfa: readonly ApplicationMfa[];
      }
    | {
        /** The user must first change the password, bind an identity or complete the profile. */
        kind: 'password_change_required' | 'identity_binding_required' | 'profile_completion_required';
        /** The token for the GenAuth endpoint that completes this step, if GenAuth sent one. */
        flowToken: string | undefined;
      }
    | {
        /** The account is locked, for example after too many failed sign-ins. */
        kind: 'account_locked';
      }
    | {
        /** The account is disabled, or it is not allowed to use this application. */
        kind: 'access_denied';
      }
    | {
        /** GenAuth, a gateway or `loginThrottle` refused the sign-in, because there were too many attempts. */
        kind: 'rate_limited';
        /** Seconds to wait before the next attempt, from `loginThrottle` or from the header `Retry-After`. */
        retryAfter: number | undefined;
      }
    | {
        /**
         * GenAuth did not sign the user in, and no other `kind` describes the answer, for example because `apiCode` is
         * unknown.
         */
        kind: 'rejected';
        /**
         * Whether GenAuth requires a further step for which there is no `kind` (`statusCode` 3xx). The user can
         * complete this step on GenAuth's own sign-in page.
         */
        furtherStep: boolean;
      }
  );

/**
 * Every possible outcome of a sign-in. The property `kind` distinguishes the outcomes. A failure of GenAuth or the
 * network, and a wrong configuration, are not outcomes: they are thrown as errors.
 *
 * @typeParam S - The scopes that decide the type of the user.
 * @typeParam ExtendedFields - The type of the custom fields of the user pool, for the scope `extended_fields`.
 */
export type SignInOutcome<S extends string = string, ExtendedFields extends object = Record<string, unknown>> =
  | SignInSuccess<GenAuthUser<S, ExtendedFields>>
  | SignInRejection;
