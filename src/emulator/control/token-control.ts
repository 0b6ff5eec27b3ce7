import { EmulatorError, invalid, show } from '../errors.js';
import { readInteger, readObject, readString } from '../input/readers.js';
import { MAX_SECONDS } from '../options.js';
import { DEFAULT_SCOPE } from '../sign-in/request.js';
import type { EmulatorState } from '../state/state.js';
import { issueTokens } from '../tokens/issue-tokens.js';
import type { IssuedToken, TokenState } from '../tokens/issued-tokens.js';
import { nameOf } from '../users/accounts.js';
import { grantScopes, SCOPES_SUPPORTED } from '../users/claims.js';
import { checkKnown } from '../users/user-states.js';

/** A token that the emulator issued. It does not contain the text of the token. */
export interface EmulatorIssuedToken {
  /** The kind of the token. */
  kind: IssuedToken['kind'];
  /** The user ID. */
  sub: string;
  /** The user name, otherwise the e-mail address or the phone number of the user. */
  account: string;
  /** The scopes of the token. */
  scopes: string[];
  /** The time by the emulator's clock in ISO 8601. */
  issuedAt: string;
  /** The time by the emulator's clock in ISO 8601. */
  expiresAt: string;
  /** The ID of the token. A refresh token has a digest of its text as ID. */
  jti: string;
  /** Whether the emulator still accepts the token, or why not. */
  state: TokenState;
}

/** Which tokens are issued without a sign-in. */
export interface EmulatorTokenRequest {
  /** Any identifier of a user, the `sAMAccountName` of an AD account, or a `sub`. */
  account: string;
  /**
   * The scopes, with spaces between them. Without `openid` no id_token is issued, with `offline_access` also a refresh
   * token. Default: `openid profile tenant_id`, as at a sign-in.
   */
  scope?: string;
  /** The lifetime of the access token and the id_token, in seconds. Default: the option `tokenLifetime`. */
  expiresIn?: number;
  /** The ID of the tenant in the claim `tenant_id` of the scope `tenant_id`. Default: empty. */
  tenantId?: string;
}

/** The tokens that the emulator issued without a sign-in, as the token endpoint answers them. */
export interface EmulatorTokens {
  /** The access token, a JWT. */
  access_token: string;
  /** `Bearer`. */
  token_type: string;
  /** The granted scopes. */
  scope: string;
  /** The id_token, with the scope `openid`. */
  id_token?: string;
  /** The refresh token, with the scope `offline_access`. */
  refresh_token?: string;
  /** The lifetime in seconds. The option `lifetimeField` sets which of `expires_in` and `expire_in` is present. */
  expires_in?: number;
  /** The same as `expires_in`. */
  expire_in?: number;
}

/** The last 1,000 tokens, newest first. */
export function listTokens({ tokens }: EmulatorState): EmulatorIssuedToken[] {
  return tokens.recent.map((token) => ({
    kind: token.kind,
    sub: token.grant.account.sub,
    account: nameOf(token.grant.account),
    scopes: [...token.scopes],
    issuedAt: toIsoTime(token.iat),
    expiresAt: toIsoTime(token.exp),
    jti: token.jti,
    state: tokens.stateOf(token),
  }));
}

function toIsoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/**
 * Issues tokens of a user without a sign-in. The states of the user are not checked.
 *
 * @throws EmulatorError with the code `invalid_input` if a property is wrong, or if no account has this name.
 */
export async function mintTokens(state: EmulatorState, input: unknown): Promise<EmulatorTokens> {
  const { catalogs, tokenLifetime } = state.config;
  const given = readObject(input, 'tokens', ['account', 'scope', 'expiresIn', 'tenantId']);
  const account = state.users.getAccount(given.get('account'));
  const scopes = readScopes(given.get('scope') ?? DEFAULT_SCOPE);
  const lifetime = readInteger(given.get('expiresIn') ?? tokenLifetime, 'expiresIn', 1, MAX_SECONDS);
  const tenantId = readString(given.get('tenantId') ?? '', 'tenantId');
  if (tenantId !== '') checkKnown(tenantId, 'tenantId', 'tenants', catalogs);
  const withRefreshToken = scopes.includes('offline_access');
  const tokens = await issueTokens(
    state,
    { account, scopes, tenantId, revoked: false },
    { scopes, withRefreshToken, lifetime },
  );
  return tokens as EmulatorTokens;
}

function readScopes(value: unknown): readonly string[] {
  const requested = readString(value, 'scope').split(' ').filter(Boolean);
  const scopes = grantScopes(requested.join(' '));
  const unknown = requested.find((scope) => !scopes.includes(scope));
  if (unknown === undefined && scopes.length > 0) return scopes;
  throw invalid('scope', `scopes of ${SCOPES_SUPPORTED.join(', ')}`, unknown ?? value);
}

/**
 * Revokes one token, or signs a user out everywhere: revokes all tokens, and ends the SSO sessions and the
 * authorization codes.
 *
 * @param input The object `{ jti }` or `{ account }`.
 * @returns The number of active tokens that were revoked.
 * @throws EmulatorError with the code `invalid_input` if the token or the account is unknown.
 */
export function revokeTokens(state: EmulatorState, input: unknown): number {
  const { authorizationCodes, sessions, tokens, users } = state;
  const given = readObject(input, 'revoke', ['jti', 'account']);
  if (given.size !== 1) {
    throw new EmulatorError('invalid_input', 'revoke: expected jti or account, and not both. Set one of the two.');
  }
  if (given.has('jti')) {
    const jti = readString(given.get('jti'), 'jti');
    if (!tokens.has(jti)) throw unknownToken(jti);
    return tokens.revoke((token) => token.jti === jti);
  }
  const account = users.getAccount(given.get('account'));
  sessions.deleteIf((user) => user === account);
  authorizationCodes.deleteIf(({ grant }) => grant.account === account);
  return tokens.revoke(({ grant }) => grant.account === account);
}

function unknownToken(jti: string): EmulatorError {
  const fix = 'GET /emulator/v1/tokens lists the tokens';
  return new EmulatorError('invalid_input', `jti: the emulator has issued no token with the ID ${show(jti)}. ${fix}.`);
}
