import { randomBytes } from 'node:crypto';
import type { WireTokens } from '../../core/wire/facts.js';
import { buildScopeClaims } from '../users/claims.js';
import { digest, type Grant } from './issued-tokens.js';
import type { EmulatorConfig } from '../options.js';
import { signFlawedIdToken } from './id-token-flaws.js';
import { buildSigner, type Signer, signToken, type UnsignedToken } from './sign-token.js';
import type { SigningKey } from './signing-keys.js';
import type { EmulatorState } from '../state/state.js';

/** The parts of a token set that differ between two requests with the same grant. */
interface TokenSet {
  readonly scopes: readonly string[];
  readonly withRefreshToken: boolean;
  readonly nonce?: string | undefined;
  /** The lifetime of the access token and the id_token, in seconds. Default: the option `tokenLifetime`. */
  readonly lifetime?: number;
}

/**
 * Issues the tokens of a grant and stores them. Returns them in the form that the responses of the sign-in endpoint and
 * the token endpoint have (LoginTokenResponseDataDto).
 *
 * @param nonce The `nonce` of the authorization request, if there is one.
 * @param scopes The scopes of the access token and the id_token. Without `openid` no id_token is issued.
 */
export async function issueTokens(
  state: EmulatorState,
  grant: Grant,
  { nonce, scopes, withRefreshToken, lifetime = state.config.tokenLifetime }: TokenSet,
): Promise<WireTokens> {
  const { clock, config, keys } = state;
  const { account, tenantId } = grant;
  const iat = clock.nowInSeconds();
  const registered = { sub: account.sub, aud: config.appId, iat, exp: iat + lifetime, iss: state.issuer };
  const scope = scopes.join(' ');
  const accessClaims = {
    ...registered,
    scope,
    jti: randomBytes(32).toString('base64url'),
    ...(scopes.includes('tenant_id') && { tenant_id: tenantId }),
  };
  const idClaims = {
    ...registered,
    ...(nonce !== undefined && { nonce }),
    ...buildScopeClaims({ ...account.claims, tenant_id: tenantId }, scopes),
  };
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
    ...(config.lifetimeField !== 'expire_in' && { expires_in: lifetime }),
    ...(config.lifetimeField !== 'expires_in' && { expire_in: lifetime }),
  };
}

/** Signs an id_token. If the queue of flaws is not empty, the id_token gets the next flaw. */
function signIdToken(
  { config, flaws }: EmulatorState,
  claims: UnsignedToken['claims'],
  key: SigningKey,
): Promise<string> {
  const flaw = flaws.take();
  const idToken = { claims, key, signer: buildIdTokenSigner(config, key) };
  return flaw ? signFlawedIdToken(flaw, idToken) : signToken(idToken);
}

/**
 * Issues an opaque refresh token. The refresh token has all scopes of the grant, even if the access token has fewer
 * scopes (RFC 6749 §6).
 */
function issueRefreshToken({ config, tokens }: EmulatorState, grant: Grant, iat: number): string {
  const text = randomBytes(32).toString('base64url');
  const exp = iat + config.refreshTokenLifetime;
  // The `jti` is a digest of the refresh token, because introspection returns the `jti` and must not reveal the refresh
  // token.
  tokens.add(text, { kind: 'refresh_token', grant, scopes: grant.scopes, iat, exp, jti: digest(text) });
  return text;
}

/**
 * Returns the signer of id_tokens. With HS256 the key is the text of the application secret, and the header has no
 * `kid`.
 */
function buildIdTokenSigner({ idTokenSignedResponseAlg: alg, appSecret }: EmulatorConfig, key: SigningKey): Signer {
  return alg === 'RS256' ? buildSigner(key) : { header: { alg }, key: Buffer.from(appSecret) };
}
