import { createHash, randomBytes } from 'node:crypto';
import { exportSPKI } from 'jose';
import { signToken, type UnsignedToken } from './sign-token.js';
import { createSigningKey, type SigningKey } from './signing-keys.js';

/**
 * The ways in which an id_token can be wrong. Everything else about the token stays right.
 *
 * - `expired`: `exp` lies an hour back
 * - `not_yet_valid`: `nbf` lies an hour ahead
 * - `wrong_audience`: `aud` is another app
 * - `wrong_issuer`: `iss` is another host
 * - `unsigned`: `alg` is `none` and the signature is empty
 * - `hs256_public_key`: HS256, keyed with the text of the public key's PEM (algorithm confusion)
 * - `unknown_kid`: `kid` is in no key set; under HS256, where a right token has none, it has one: the signature is
 *   right
 * - `no_kid`: the header has no `kid`; under HS256 no token has one, so this is a right token
 * - `foreign_key`: the right header, but another key signed; under HS256 another secret
 * - `missing_sub`: no `sub`
 * - `other_subject`: `sub` is not the access token's
 * - `tampered`: `exp` was raised after the token was signed
 * - `bad_at_hash`: `at_hash` is that of another access token (OpenID Connect Core 1.0 §3.1.3.6)
 */
export type IdTokenFlaw = (typeof ID_TOKEN_FLAWS)[number];

/** Every {@link IdTokenFlaw}. */
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

/** An id_token before it is signed, with the published key. Only under RS256 is that the signer's own key. */
export type UnsignedIdToken = UnsignedToken & { readonly key: SigningKey };

/** Signs an id_token with one flaw. */
export function signFlawedIdToken(flaw: IdTokenFlaw, token: UnsignedIdToken): Promise<string> {
  return FLAWS[flaw](token);
}

const HOUR = 3600;

/** Flaw → what signs an id_token with it. */
const FLAWS: Record<IdTokenFlaw, (token: UnsignedIdToken) => Promise<string>> = {
  expired: ({ claims, signer }) => {
    const exp = claims.iat - HOUR;
    return signToken({ signer, claims: { ...claims, exp, iat: exp - (claims.exp - claims.iat) } });
  },
  not_yet_valid: ({ claims, signer }) => signToken({ signer, claims: { ...claims, nbf: claims.iat + HOUR } }),
  wrong_audience: ({ claims, signer }) => signToken({ signer, claims: { ...claims, aud: 'another-app' } }),
  wrong_issuer: ({ claims, signer }) =>
    signToken({ signer, claims: { ...claims, iss: 'https://issuer.invalid/oidc' } }),
  unsigned: async ({ claims, signer }) => `${encode({ ...signer.header, alg: 'none', typ: 'JWT' })}.${encode(claims)}.`,
  hs256_public_key: async ({ claims, key, signer }) => {
    // With the line break at the end, as a PEM file has it and as node:crypto writes it.
    const pem = `${(await exportSPKI(key.publicKey)).trim()}\n`;
    return signToken({ claims, signer: { header: { ...signer.header, alg: 'HS256' }, key: Buffer.from(pem) } });
  },
  unknown_kid: ({ claims, signer }) => {
    const kid = randomBytes(32).toString('base64url');
    return signToken({ claims, signer: { ...signer, header: { ...signer.header, kid } } });
  },
  no_kid: ({ claims, signer: { header, key } }) => signToken({ claims, signer: { header: { alg: header.alg }, key } }),
  foreign_key: async ({ claims, signer: { header } }) => {
    const key = header.alg === 'RS256' ? (await createSigningKey()).privateKey : randomBytes(32);
    return signToken({ claims, signer: { header, key } });
  },
  missing_sub: ({ claims, signer }) => {
    const { sub: _, ...others } = claims;
    return signToken({ signer, claims: { ...others, iat: claims.iat, exp: claims.exp } });
  },
  other_subject: ({ claims, signer }) =>
    signToken({ signer, claims: { ...claims, sub: randomBytes(12).toString('hex') } }),
  tampered: async (token) => {
    const [header, , signature] = (await signToken(token)).split('.');
    return `${header}.${encode({ ...token.claims, exp: token.claims.exp + 1 })}.${signature}`;
  },
  bad_at_hash: ({ claims, signer }) => {
    const hash = createHash('sha256').update('another access token').digest();
    return signToken({ signer, claims: { ...claims, at_hash: hash.subarray(0, 16).toString('base64url') } });
  },
};

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
