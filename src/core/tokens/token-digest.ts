import { hash } from 'node:crypto';

/**
 * SHA-256 of a token, as base64url: the key under which caches keep what belongs to the token, so that they hold no
 * tokens.
 */
export function digestToken(token: string): string {
  return hash('sha256', token, 'base64url');
}
