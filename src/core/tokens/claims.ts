/** Claims that every verified token has ([RFC 7519 §4.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1)). */
export interface TokenClaims {
  /** Issuer. The value equals the option `issuer`. */
  iss: string;
  /** Subject: the user ID in GenAuth. */
  sub: string;
  /**
   * Audience. In an id_token, it contains the application ID. In an access token, it contains a value of the option
   * `audience`.
   */
  aud: string | string[];
  /** Expiration time, in seconds since 1970. */
  exp: number;
  /** Time at which the token was issued, in seconds since 1970. */
  iat: number;
  [claim: string]: unknown;
}

/**
 * Claims of a verified id_token
 * ([OpenID Connect Core 1.0 §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
 */
export type IdTokenClaims = TokenClaims;

/** Claims of a verified access token. A GenAuth access token has no profile claims. */
export interface AccessTokenClaims extends TokenClaims {
  /** The granted scopes, separated by spaces. */
  scope: string;
}
