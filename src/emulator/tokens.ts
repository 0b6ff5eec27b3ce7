import { createHash, randomBytes } from 'node:crypto';
import { exportSPKI, type CryptoKey, type JWTPayload, SignJWT } from 'jose';
import type { WireTokens } from '../core/wire.js';
import { buildScopeClaims } from './claims.js';
import { createSigningKey, type SigningKey } from './keys.js';
import type { EmulatorState } from './state.js';
import type { Account } from './users.js';

/**
 * Ways in which an id_token can be wrong, one thing at a time: all else about the token stays right.
 *
 * - `expired`: `exp` lies an hour back
 * - `not_yet_valid`: `nbf` lies an hour ahead
 * - `wrong_audience`: `aud` is another app
 * - `wrong_issuer`: `iss` is another host
 * - `unsigned`: `alg` is `none` and the signature is empty
 * - `hs256_public_key`: HS256, keyed with the text of the public key's PEM (algorithm confusion)
 * - `unknown_kid`: `kid` is in no key set
 * - `no_kid`: the header has no `kid`
 * - `foreign_key`: the right `kid`, but another key signed
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

/** What a sign-in came to: who, for which scopes, in which tenant (`''` for none). */
export interface Grant {
  readonly account: Account;
  readonly scopes: readonly string[];
  readonly tenantId: string;
}

/** The tokens of a sign-in, as `data` carries them (LoginTokenResponseDataDto). */
export async function issueTokens(state: EmulatorState, grant: Grant): Promise<WireTokens> {
  const { config, keys } = state;
  const { account, scopes, tenantId } = grant;
  const iat = Math.floor(Date.now() / 1000);
  const registered = { sub: account.sub, aud: config.appId, iat, exp: iat + config.tokenLifetime, iss: state.issuer };
  const scope = scopes.join(' ');
  const accessClaims = {
    ...registered,
    scope,
    jti: randomBytes(32).toString('base64url'),
    ...(scopes.includes('tenant_id') && { tenant_id: tenantId }),
  };
  const idClaims = { ...registered, ...buildScopeClaims({ ...account.claims, tenant_id: tenantId }, scopes) };
  const flaw = state.flaws.take();
  const key = keys.current;
  const idToken = { key, claims: idClaims };
  return {
    scope,
    token_type: 'Bearer',
    access_token: await sign({ key, claims: accessClaims }),
    id_token: await (flaw ? FLAWS[flaw](idToken) : sign(idToken)),
    // No later call takes it yet; an app that stores it can do so already.
    ...(scopes.includes('offline_access') && { refresh_token: randomBytes(32).toString('base64url') }),
    ...(config.lifetimeField !== 'expire_in' && { expires_in: config.tokenLifetime }),
    ...(config.lifetimeField !== 'expires_in' && { expire_in: config.tokenLifetime }),
  };
}

interface Unsigned {
  readonly key: SigningKey;
  readonly claims: JWTPayload & { iat: number; exp: number };
}

const HOUR = 3600;

const FLAWS: Record<IdTokenFlaw, (token: Unsigned) => Promise<string>> = {
  expired: ({ key, claims }) => {
    const exp = claims.iat - HOUR;
    return sign({ key, claims: { ...claims, exp, iat: exp - (claims.exp - claims.iat) } });
  },
  not_yet_valid: ({ key, claims }) => sign({ key, claims: { ...claims, nbf: claims.iat + HOUR } }),
  wrong_audience: ({ key, claims }) => sign({ key, claims: { ...claims, aud: 'another-app' } }),
  wrong_issuer: ({ key, claims }) => sign({ key, claims: { ...claims, iss: 'https://issuer.invalid/oidc' } }),
  unsigned: async ({ key, claims }) => `${encode({ alg: 'none', typ: 'JWT', kid: key.kid })}.${encode(claims)}.`,
  hs256_public_key: async ({ key, claims }) => {
    // With the line break at the end, as a PEM file has it and as node:crypto writes it.
    const pem = `${(await exportSPKI(key.publicKey)).trim()}\n`;
    return sign({ key, claims }, { alg: 'HS256', kid: key.kid }, Buffer.from(pem));
  },
  unknown_kid: (token) => sign(token, { alg: 'RS256', kid: randomBytes(32).toString('base64url') }),
  no_kid: (token) => sign(token, { alg: 'RS256' }),
  foreign_key: async (token) => {
    const { privateKey } = await createSigningKey();
    return sign(token, { alg: 'RS256', kid: token.key.kid }, privateKey);
  },
  missing_sub: ({ key, claims }) => {
    const { sub: _, ...others } = claims;
    return sign({ key, claims: { ...others, iat: claims.iat, exp: claims.exp } });
  },
  other_subject: ({ key, claims }) => sign({ key, claims: { ...claims, sub: randomBytes(12).toString('hex') } }),
  tampered: async (token) => {
    const [header, , signature] = (await sign(token)).split('.');
    return `${header}.${encode({ ...token.claims, exp: token.claims.exp + 1 })}.${signature}`;
  },
  bad_at_hash: ({ key, claims }) => {
    const hash = createHash('sha256').update('another access token').digest();
    return sign({ key, claims: { ...claims, at_hash: hash.subarray(0, 16).toString('base64url') } });
  },
};

function sign(
  { key, claims }: Unsigned,
  header: { alg: string; kid?: string } = { alg: 'RS256', kid: key.kid },
  signWith: CryptoKey | Uint8Array = key.privateKey,
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ ...header, typ: 'JWT' }).sign(signWith);
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
