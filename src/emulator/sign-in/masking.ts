import { isObject } from '../input/readers.js';

export const MASK = '***';

/** Shorter ones would be found in words that are none. */
const MIN_LENGTH = 6;

/** What lies deeper is not shown. */
const MAX_LEVELS = 50;

const SECRET_NAME = /^(pass(word|wd|code)?|pwd|(app|client)?[-_]?secret|(access|refresh|id)[-_]?token|authorization)$/i;

/**
 * A copy of what an app sent, for others to read: without what is called a secret, and without the `secrets` wherever
 * they stand in it, as where a whole login form was forwarded as context.
 */
export function mask(value: unknown, secrets: readonly string[]): unknown {
  const searched = secrets.filter((secret) => secret.length >= MIN_LENGTH);
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
