/**
 * Seconds for each setting. A run with less than 5 only shows that the benchmark works. Its figures are not accurate.
 */
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
/** Whether the run is long enough for accurate figures. Only then does a missed goal make the process fail. */
export const IS_FULL = SECONDS >= 5;

/**
 * Returns the number of rounds: BENCH_ROUNDS, else `fullRunRounds` for a full run and 1 for a short one.
 */
export function readRounds(fullRunRounds) {
  return Number(process.env.BENCH_ROUNDS ?? (IS_FULL ? fullRunRounds : 1));
}
