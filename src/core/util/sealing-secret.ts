/** Minimum length of a secret that encrypts stored data, in characters. */
const MIN_LENGTH = 32;

/** The fix for a wrong secret. */
export const SEALING_SECRET_FIX = 'write the output of: openssl rand -hex 32';

/**
 * Finds what is wrong with a secret that encrypts stored data: a string of 32 characters or more, or a list of such
 * strings.
 *
 * @returns The problem, which does not contain the secret. `undefined` if the secret is usable.
 */
export function findSecretProblem(given: unknown): string | undefined {
  if (!Array.isArray(given)) return describe(given);
  if (given.length === 0) return 'is an empty list';
  const index = given.findIndex((each) => describe(each) !== undefined);
  return index < 0 ? undefined : `[${index}] ${describe(given[index])}`;
}

function describe(given: unknown): string | undefined {
  if (typeof given !== 'string') return `is of type ${given === null ? 'null' : typeof given}`;
  if (given.length >= MIN_LENGTH && given.trim() !== '') return undefined;
  return `has ${given.length} characters, but ${MIN_LENGTH} are required`;
}
