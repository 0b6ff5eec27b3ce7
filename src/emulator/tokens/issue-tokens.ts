import { createHash, randomBytes } from 'node:crypto';
import { exportSPKI, type CryptoKey, type JWTPayload, SignJWT } from 'jose';
import type { WireTokens } from '../../core/wire/facts.js';
import { buildScopeClaims } from '../users/claims.js';
import { digest, type Grant } from './issued-tokens.js';
import { createSigningKey, type SigningKey } from './signing-keys.js';
import type { EmulatorConfig, IdTokenAlg } from '../options.js';
import type { EmulatorState } from '../state/state.js';

/**
 * Ways in which an id_token can be wrong, one thing at a time: all else about the token stays right.
 *
 * - `expired`: `exp` lies an hour back
 * - `not_yet_valid`: `nbf` lies an hour ahead
 * - `wrong_audience`: `aud` is another app
 * - `wrong_issuer`: `iss` is another host
 * - `unsigned`: `alg` is `none` and the signature is empty
 * - `hs256_public_key`: HS256, keyed with the text of the public key's PEM (algorithm confusion)
 * - `unknown_kid`: `kid` is in no key set; under HS256, where a right token has none, it has one: the signature is right
 * - `no_kid`: the header has no `kid`; under HS256 no token has one, so this is a right token
 * - `foreign_key`: the right header, but another key signed; under HS256 another secret
 * - `missing_sub`: no `sub`
 * - `other_subject`: `sub` is not the access token's
 * - `tampered`: `exp` was raised after the token was signed
 * - `bad_at_hash`: `at_hash` is that of another access token (OpenID Connect Core 1.0 §3.1.3.6)
 */
export type IdTokenFlaw = (typeof ID_TOKEN_FLAWS)[number];

/** Every {@link IdTokenFlaw}, for tests that go through all of them. */
export const ID_TOKEN_FLAWS = [
  'expired',
  'not_yet_valid',
  'wrong_audience',
  'wrong_issuer',
  'unsigned',
  'hs256_public_key',
  'unknown_kid',
  'no_kid',
  'foreign_key',
  'missing_sub',
  'other_subject',
  'tampered',
  'bad_at_hash',
] as const;

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
  const accessToken = await sign({ claims: accessClaims, signer: buildSigner(key) });
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
function signIdToken({ config, flaws }: EmulatorState, claims: Unsigned['claims'], key: SigningKey): Promise<string> {
  const flaw = flaws.take();
  const idToken = { claims, key, signer: buildIdTokenSigner(config, key) };
  return flaw ? FLAWS[flaw](idToken) : sign(idToken);
}

/** An opaque one. It has all scopes of the grant, whatever its access token has (RFC 6749 §6). */
function issueRefreshToken({ config, tokens }: EmulatorState, grant: Grant, iat: number): string {
  const text = randomBytes(32).toString('base64url');
  const exp = iat + config.refreshTokenLifetime;
  // Introspection tells the jti, so it must not be the token.
  tokens.add(text, { kind: 'refresh_token', grant, scopes: grant.scopes, iat, exp, jti: digest(text) });
  return text;
}

/** What signs a token, and the header that says so. */
interface Signer {
  readonly header: { readonly alg: IdTokenAlg; readonly kid?: string };
  readonly key: CryptoKey | Uint8Array;
}

function buildSigner({ kid, privateKey }: SigningKey): Signer {
  return { header: { alg: 'RS256', kid }, key: privateKey };
}

/** Under HS256 the key is the text of the app secret, and no `kid` names it. */
function buildIdTokenSigner({ idTokenSignedResponseAlg: alg, appSecret }: EmulatorConfig, key: SigningKey): Signer {
  return alg === 'RS256' ? buildSigner(key) : { header: { alg }, key: Buffer.from(appSecret) };
}

interface Unsigned {
  readonly claims: JWTPayload & { iat: number; exp: number };
  readonly signer: Signer;
}

/** An id_token about to be signed, with the published key, which is the signer's own under RS256 alone. */
type UnsignedIdToken = Unsigned & { readonly key: SigningKey };

const HOUR = 3600;

const FLAWS: Record<IdTokenFlaw, (token: UnsignedIdToken) => Promise<string>> = {
  expired: ({ claims, signer }) => {
    const exp = claims.iat - HOUR;
    return sign({ signer, claims: { ...claims, exp, iat: exp - (claims.exp - claims.iat) } });
  },
  not_yet_valid: ({ claims, signer }) => sign({ signer, claims: { ...claims, nbf: claims.iat + HOUR } }),
  wrong_audience: ({ claims, signer }) => sign({ signer, claims: { ...claims, aud: 'another-app' } }),
  wrong_issuer: ({ claims, signer }) => sign({ signer, claims: { ...claims, iss: 'https://issuer.invalid/oidc' } }),
  unsigned: async ({ claims, signer }) => `${encode({ ...signer.header, alg: 'none', typ: 'JWT' })}.${encode(claims)}.`,
  hs256_public_key: async ({ claims, key, signer }) => {
    // With the line break at the end, as a PEM file has it and as node:crypto writes it.
    const pem = `${(await exportSPKI(key.publicKey)).trim()}\n`;
    return sign({ claims, signer: { header: { ...signer.header, alg: 'HS256' }, key: Buffer.from(pem) } });
  },
  unknown_kid: ({ claims, signer }) => {
    const kid = randomBytes(32).toString('base64url');
    return sign({ claims, signer: { ...signer, header: { ...signer.header, kid } } });
  },
  no_kid: ({ claims, signer: { header, key } }) => sign({ claims, signer: { header: { alg: header.alg }, key } }),
  foreign_key: async ({ claims, signer: { header } }) => {
    const key = header.alg === 'RS256' ? (await createSigningKey()).privateKey : randomBytes(32);
    return sign({ claims, signer: { header, key } });
  },
  missing_sub: ({ claims, signer }) => {
    const { sub: _, ...others } = claims;
    return sign({ signer, claims: { ...others, iat: claims.iat, exp: claims.exp } });
  },
  other_subject: ({ claims, signer }) => sign({ signer, claims: { ...claims, sub: randomBytes(12).toString('hex') } }),
  tampered: async (token) => {
    const [header, , signature] = (await sign(token)).split('.');
    return `${header}.${encode({ ...token.claims, exp: token.claims.exp + 1 })}.${signature}`;
  },
  bad_at_hash: ({ claims, signer }) => {
    const hash = createHash('sha256').update('another access token').digest();
    return sign({ signer, claims: { ...claims, at_hash: hash.subarray(0, 16).toString('base64url') } });
  },
};

function sign({ claims, signer: { header, key } }: Unsigned): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ ...header, typ: 'JWT' }).sign(key);
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
