/** An object that is no list, as JSON makes them. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Copies an object's own members into an object without a prototype, so that an absent member is never found in a
 * polluted `Object.prototype`. Used at the three boundaries where foreign data enters: what an application passes
 * (options, credentials), the JSON of a token, and the keys of a key set.
 */
export function ownProperties<T extends object>(source: T): T {
  return Object.assign(Object.create(null) as T, source);
}

/** Freezes what JSON has made, to any depth: without recursion, since a stranger decides how deep it is. */
export function deepFreeze<T>(value: T): T {
  const pending: unknown[] = [value];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (typeof item !== 'object' || item === null) continue;
    for (const member of Object.values(Object.freeze(item))) if (typeof member === 'object') pending.push(member);
  }
  return value;
}
