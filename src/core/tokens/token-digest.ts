import { hash } from 'node:crypto';

/**
 * Returns the SHA-256 of a token as base64url. Caches use it as the key of an entry, so that they contain no tokens.
 */
export function digestToken(token: string): string {
  return hash('sha256', token, 'base64url');
}
