/**
 * Returns whether less than the given time has passed since `since`. All values are in milliseconds. Returns `false` if
 * the clock was set back to a time before `since`.
 */
export function isWithin(milliseconds: number, since: number, now: number): boolean {
  return now >= since && now - since < milliseconds;
}
