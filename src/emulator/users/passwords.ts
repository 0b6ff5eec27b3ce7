import { createHash, randomBytes, scrypt, scryptSync, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** A stored password. */
export interface PasswordHash {
  readonly salt: Buffer;
  readonly key: Buffer;
}

const KEY_BYTES = 32;

/** Cheap on purpose, about 2 ms: tests sign in by the hundred, and no real password ever lies here. */
const COST = { N: 1024, r: 8, p: 1 };

const deriveKey = promisify<string, Buffer, number, typeof COST, Buffer>(scrypt);

export function hashPassword(password: string): PasswordHash {
  const salt = randomBytes(16);
  return { salt, key: scryptSync(digest(password), salt, KEY_BYTES, COST) };
}

/**
 * Stands in for users who do not exist, so that the time of an answer does not tell them from the others, and for those whose
 * password is a directory's. Its key is random and not derived: no password fits it.
 */
export const NOBODY: PasswordHash = { salt: randomBytes(16), key: randomBytes(KEY_BYTES) };

/**
 * Whether `password` is the one that was stored. The same work is done for `undefined`, an unknown user.
 * An empty password is always wrong: Active Directory would take it for an anonymous bind (RFC 4513 §5.1.2).
 */
export async function isPassword(password: string, stored: PasswordHash | undefined): Promise<boolean> {
  const { salt, key } = stored ?? NOBODY;
  return timingSafeEqual(await deriveKey(digest(password), salt, KEY_BYTES, COST), key) && password !== '';
}

/** Whether one of `candidates` is the stored password. All are tried whatever comes out, as each takes its time. */
export async function isAnyPassword(candidates: readonly string[], stored: PasswordHash | undefined): Promise<boolean> {
  const results = await Promise.all(candidates.map((candidate) => isPassword(candidate, stored)));
  return results.includes(true);
}

/** scrypt's HMAC fills a short password up with NUL bytes, so it would take `p` and `p\0` for the same. */
function digest(password: string): string {
  return createHash('sha256').update(password).digest('hex');
}
