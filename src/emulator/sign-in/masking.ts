import { isObject } from '../input/readers.js';

/** Text that replaces a secret. */
export const MASK = '***';

/** Shorter secrets are not searched for in other texts, because they also occur in ordinary words. */
const MIN_SECRET_LENGTH = 6;

/** Values that are nested deeper are replaced by the mask. */
const MAX_LEVELS = 50;

/** Names of properties whose value is a secret. */
const SECRET_NAME = /^(pass(word|wd|code)?|pwd|(app|client)?[-_]?secret|(access|refresh|id)[-_]?token|authorization)$/i;

/**
 * Returns a copy of a value that an application sent, with secrets replaced by {@link MASK}. A value is replaced if the
 * name of its property is the name of a secret. In addition, each of the given secrets is replaced wherever it occurs
 * in a text or in a name, for example if the application forwarded a whole login form as context.
 */
export function mask(value: unknown, secrets: readonly string[]): unknown {
  const searched = secrets.filter((secret) => secret.length >= MIN_SECRET_LENGTH);
  const maskText = (text: string) => searched.reduce((masked, secret) => masked.replaceAll(secret, MASK), text);
  const copy = (part: unknown, level: number): unknown => {
    if (typeof part === 'string') return maskText(part);
    if (typeof part !== 'object' || part === null) return part;
    if (level > MAX_LEVELS) return MASK;
    if (!isObject(part)) return (part as unknown[]).map((item) => copy(item, level + 1));
    const members = Object.entries(part).map(([name, member]) => [
      maskText(name),
      SECRET_NAME.test(name) && member !== null ? MASK : copy(member, level + 1),
    ]);
    return Object.fromEntries(members) as object;
  };
  return copy(value, 0);
}
