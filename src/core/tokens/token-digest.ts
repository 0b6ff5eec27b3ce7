import { hash } from 'node:crypto';

/**
 * Returns the SHA-256 hash of a token as base64url. Caches use this hash as the key of a cache entry, so that the
 * caches contain no tokens.
 */
export function digestToken(token: string): string {
  return hash('sha256', token, 'base64url');
}
