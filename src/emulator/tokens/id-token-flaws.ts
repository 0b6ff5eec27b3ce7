import { createHash, randomBytes } from 'node:crypto';
import { exportSPKI } from 'jose';
import { signToken, type UnsignedToken } from './sign-token.js';
import { createSigningKey, type SigningKey } from './signing-keys.js';

/**
 * One way in which an id_token can be wrong. All other parts of the id_token are right.
 *
 * - `expired`: `exp` is one hour in the past
 * - `not_yet_valid`: `nbf` is one hour in the future
 * - `wrong_audience`: `aud` is another application ID
 * - `wrong_issuer`: `iss` is another host
 * - `unsigned`: `alg` is `none` and the signature is empty
 * - `hs256_public_key`: signed with HS256, with the PEM text of the public key as the secret (algorithm confusion)
 * - `unknown_kid`: the key set has no key with the `kid` of the header. With HS256 the signature is right, but the
 *   header has a `kid`, which a correct HS256 token does not have
 * - `no_kid`: the header has no `kid`. With HS256 an id_token without `kid` is correct
 * - `foreign_key`: the header is right, but the token is signed with another key, or with another secret for HS256
 * - `missing_sub`: the claim `sub` is absent
 * - `other_subject`: `sub` differs from the `sub` of the access token
 * - `tampered`: `exp` was increased after the token was signed
 * - `nonce`: the claim `nonce` differs from the `nonce` of the authorization request. An id_token without authorization
 *   request gets a `nonce`
 * - `bad_at_hash`: `at_hash` is the hash of another access token
 *   ([OpenID Connect Core 1.0 §3.1.3.6](https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken))
 */
export type IdTokenFlaw = (typeof ID_TOKEN_FLAWS)[number];

/** The list of all values of {@link IdTokenFlaw}. */
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
  'nonce',
  'bad_at_hash',
] as const;

/** A flaw that the next id_tokens get. */
export interface EmulatorQueuedFlaw {
  /** The mistake in the id_tokens. */
  flaw: IdTokenFlaw;
  /** The number of id_tokens that still get the flaw. */
  times: number;
}

/** An id_token before it is signed, with the current key of the key set. With RS256 `signer` uses the same key. */
export type UnsignedIdToken = UnsignedToken & { readonly key: SigningKey };

/** Signs an id_token with one flaw. */
export function signFlawedIdToken(flaw: IdTokenFlaw, token: UnsignedIdToken): Promise<string> {
  return FLAWS[flaw](token);
}

const HOUR = 3600;

/** For each flaw, the function that signs an id_token with this flaw. */
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
    // The PEM text ends with a line break, as in a PEM file and in the output of node:crypto.
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
  nonce: ({ claims, signer }) =>
    signToken({ signer, claims: { ...claims, nonce: randomBytes(16).toString('base64url') } }),
  bad_at_hash: ({ claims, signer }) => {
    const hash = createHash('sha256').update('another access token').digest();
    return signToken({ signer, claims: { ...claims, at_hash: hash.subarray(0, 16).toString('base64url') } });
  },
};

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
