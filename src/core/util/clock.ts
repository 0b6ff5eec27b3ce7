/**
 * Returns whether less than `milliseconds` have passed from `since` to `now`. All values are in milliseconds. Returns
 * `false` if `now` is before `since`, because the clock was set back.
 */
export function isWithin(milliseconds: number, since: number, now: number): boolean {
  return now >= since && now - since < milliseconds;
}
