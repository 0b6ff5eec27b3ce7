import { isObject } from '../input/readers.js';

/** The text that replaces a secret. */
export const MASK = '***';

/** The minimum length of a secret that is searched for in texts. A shorter secret can also occur in ordinary words. */
const MIN_SECRET_LENGTH = 6;

/** The maximum nesting level of a value. Values that are nested deeper are replaced by the mask. */
const MAX_LEVELS = 50;

/** The names of properties whose values are secrets. */
const SECRET_NAME = /^(pass(word|wd|code)?|pwd|(app|client)?[-_]?secret|(access|refresh|id)[-_]?token|authorization)$/i;

/**
 * Returns a copy of a value that an application sent, in which {@link MASK} replaces secrets. A value is replaced if
 * the name of its property is in {@link SECRET_NAME}. Each of the given secrets is also replaced wherever it occurs in
 * a text or in a name. For example, an application can send a whole login form as context.
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
