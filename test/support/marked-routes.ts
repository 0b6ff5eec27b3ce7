import { type Issuer } from './issuer.js';

/** What GenAuth's OIDC side answers at, beside the key set. */
export const USER_INFO_PATH = '/oidc/me';
export const INTROSPECTION_PATH = '/oidc/token/introspection';

/** `Authorization` for a right access token but for these claims. */
export function bearer(issuer: Issuer, claims: object = {}): string {
  return `Bearer ${issuer.sign({ ...issuer.accessTokenClaims(), ...claims })}`;
}
