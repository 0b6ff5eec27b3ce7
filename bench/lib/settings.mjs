/** Seconds that each setting gets. Below 5 a run only shows that the measurement works, and its figures mean little. */
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
/** A run that is meant: goals that it misses make the process fail. */
export const IS_FULL = SECONDS >= 5;

/** Rounds: each round has every contender in it, so that a slow moment of the machine meets all of them. */
export function readRounds(ofFullRun) {
  return Number(process.env.BENCH_ROUNDS ?? (IS_FULL ? ofFullRun : 1));
}
