/** Minimum length of a secret that encrypts stored data, in characters. */
export const MIN_SEALING_SECRET_LENGTH = 32;

/** Returns whether a value is a secret of the required length, or a list with at least one such secret. */
export function isSealingSecret(given: unknown): given is string | readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(given) ? given : [given];
  const isSecret = (each: unknown): boolean => typeof each === 'string' && each.length >= MIN_SEALING_SECRET_LENGTH;
  return secrets.length > 0 && secrets.every(isSecret);
}
