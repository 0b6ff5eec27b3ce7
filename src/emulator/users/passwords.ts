import { createHash, randomBytes, scrypt, scryptSync } from 'node:crypto';
import { promisify } from 'node:util';

/** A stored password: its scrypt key and the salt. */
export interface PasswordHash {
  readonly salt: Buffer;
  readonly key: Buffer;
}

const KEY_BYTES = 32;

/**
 * The parameters of scrypt. One hash takes only about 2 ms. This is intended, because tests sign in often and the
 * passwords are test data.
 */
const COST = { N: 1024, r: 8, p: 1 };

const deriveKey = promisify<string, Buffer, number, typeof COST, Buffer>(scrypt);

export function hashPassword(password: string): PasswordHash {
  const salt = randomBytes(16);
  return { salt, key: scryptSync(digest(password), salt, KEY_BYTES, COST) };
}

/**
 * Returns a digest of a user of the options, to find out later whether the options have changed. The digest is slow to
 * compute, because the definition contains the password.
 */
export function digestDefinition(sub: string, definition: unknown): string {
  return scryptSync(JSON.stringify(definition), sub, KEY_BYTES, COST).toString('base64url');
}

/**
 * Returns whether a password matches the stored password. Returns `false` if the account has no stored password. An
 * empty password is always wrong, because Active Directory would treat it as an anonymous bind (RFC 4513 §5.1.2).
 */
export async function isPassword(password: string, stored: PasswordHash | undefined): Promise<boolean> {
  if (stored === undefined || password === '') return false;
  return stored.key.equals(await deriveKey(digest(password), stored.salt, KEY_BYTES, COST));
}

/**
 * Returns the digest of a password, which is the input of scrypt. The HMAC in scrypt appends NUL bytes to a short
 * password, so without the digest `p` and `p\0` would be the same password.
 */
function digest(password: string): string {
  return createHash('sha256').update(password).digest('hex');
}
