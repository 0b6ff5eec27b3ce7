/** Claims that every verified token has (RFC 7519 §4.1). */
export interface TokenClaims {
  iss: string;
  /** GenAuth's user ID. */
  sub: string;
  aud: string | string[];
  /** Seconds since 1970. */
  exp: number;
  /** Seconds since 1970. */
  iat: number;
  [claim: string]: unknown;
}

/** Claims of a verified id_token (OpenID Connect Core 1.0 §2). */
export type IdTokenClaims = TokenClaims;

/** Claims of a verified access token. GenAuth puts no profile into it. */
export interface AccessTokenClaims extends TokenClaims {
  /** Granted scopes, with spaces between. */
  scope: string;
}
