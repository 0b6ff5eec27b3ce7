import { randomBytes } from 'node:crypto';
import type { WireTokens } from '../../core/wire/facts.js';
import { buildScopeClaims } from '../users/claims.js';
import { digest, type Grant } from './issued-tokens.js';
import type { EmulatorConfig } from '../options.js';
import { signFlawedIdToken } from './id-token-flaws.js';
import { buildSigner, type Signer, signToken, type UnsignedToken } from './sign-token.js';
import type { SigningKey } from './signing-keys.js';
import type { EmulatorState } from '../state/state.js';

/**
 * New tokens of a grant, as sign-in and token endpoint answer them (LoginTokenResponseDataDto), and remembers them.
 *
 * @param scopes those of the access token and of the id_token, which there is with `openid` alone
 */
export async function issueTokens(
  state: EmulatorState,
  grant: Grant,
  { scopes, withRefreshToken }: { readonly scopes: readonly string[]; readonly withRefreshToken: boolean },
): Promise<WireTokens> {
  const { clock, config, keys } = state;
  const { account, tenantId } = grant;
  const iat = clock.nowInSeconds();
  const registered = { sub: account.sub, aud: config.appId, iat, exp: iat + config.tokenLifetime, iss: state.issuer };
  const scope = scopes.join(' ');
  const accessClaims = {
    ...registered,
    scope,
    jti: randomBytes(32).toString('base64url'),
    ...(scopes.includes('tenant_id') && { tenant_id: tenantId }),
  };
  const idClaims = { ...registered, ...buildScopeClaims({ ...account.claims, tenant_id: tenantId }, scopes) };
  const key = keys.current;
  const accessToken = await signToken({ claims: accessClaims, signer: buildSigner(key) });
  state.tokens.add(accessToken, {
    kind: 'access_token',
    grant,
    scopes,
    iat,
    exp: accessClaims.exp,
    jti: accessClaims.jti,
  });
  return {
    scope,
    token_type: 'Bearer',
    access_token: accessToken,
    ...(scopes.includes('openid') && { id_token: await signIdToken(state, idClaims, key) }),
    ...(withRefreshToken && { refresh_token: issueRefreshToken(state, grant, iat) }),
    ...(config.lifetimeField !== 'expire_in' && { expires_in: config.tokenLifetime }),
    ...(config.lifetimeField !== 'expires_in' && { expire_in: config.tokenLifetime }),
  };
}

/** Signs, with the next flaw if one waits. */
function signIdToken(
  { config, flaws }: EmulatorState,
  claims: UnsignedToken['claims'],
  key: SigningKey,
): Promise<string> {
  const flaw = flaws.take();
  const idToken = { claims, key, signer: buildIdTokenSigner(config, key) };
  return flaw ? signFlawedIdToken(flaw, idToken) : signToken(idToken);
}

/** An opaque one. It has all scopes of the grant, whatever its access token has (RFC 6749 §6). */
function issueRefreshToken({ config, tokens }: EmulatorState, grant: Grant, iat: number): string {
  const text = randomBytes(32).toString('base64url');
  const exp = iat + config.refreshTokenLifetime;
  // Introspection tells the jti, so it must not be the token.
  tokens.add(text, { kind: 'refresh_token', grant, scopes: grant.scopes, iat, exp, jti: digest(text) });
  return text;
}

/** Under HS256 the key is the text of the app secret, and no `kid` names it. */
function buildIdTokenSigner({ idTokenSignedResponseAlg: alg, appSecret }: EmulatorConfig, key: SigningKey): Signer {
  return alg === 'RS256' ? buildSigner(key) : { header: { alg }, key: Buffer.from(appSecret) };
}
