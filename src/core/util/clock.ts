/** Whether something is younger than that. A clock that was set back makes things old, not young. */
export function isWithin(milliseconds: number, since: number, now: number): boolean {
  return now >= since && now - since < milliseconds;
}
