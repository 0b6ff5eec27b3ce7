/** An object that is no list, as JSON makes them. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Members that an object has itself, in an object without a prototype: reading one that is missing then finds nothing, whatever
 * somebody has put into `Object.prototype`.
 */
export function ownProperties<T extends object>(source: T): T {
  return Object.assign(Object.create(null) as T, source);
}
