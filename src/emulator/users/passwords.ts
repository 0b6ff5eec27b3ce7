import { createHash, randomBytes, scrypt, scryptSync } from 'node:crypto';
import { promisify } from 'node:util';

/** A stored password. */
export interface PasswordHash {
  readonly salt: Buffer;
  readonly key: Buffer;
}

const KEY_BYTES = 32;

/** Cheap on purpose, about 2 ms: tests sign in by the hundred, and the passwords are test data. */
const COST = { N: 1024, r: 8, p: 1 };

const deriveKey = promisify<string, Buffer, number, typeof COST, Buffer>(scrypt);

export function hashPassword(password: string): PasswordHash {
  const salt = randomBytes(16);
  return { salt, key: scryptSync(digest(password), salt, KEY_BYTES, COST) };
}

/**
 * Returns whether `password` is the stored one; `undefined` stands for an account without a password. An empty password
 * is always wrong: Active Directory would take it for an anonymous bind (RFC 4513 §5.1.2).
 */
export async function isPassword(password: string, stored: PasswordHash | undefined): Promise<boolean> {
  if (stored === undefined || password === '') return false;
  return stored.key.equals(await deriveKey(digest(password), stored.salt, KEY_BYTES, COST));
}

/** scrypt's HMAC pads a short password with NUL bytes. Without the digest, `p` and `p\0` would be the same password. */
function digest(password: string): string {
  return createHash('sha256').update(password).digest('hex');
}
