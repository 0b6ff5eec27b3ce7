/**
 * The duration of each measurement series, in seconds. A run with less than 5 seconds only shows that the benchmark
 * works. Its results are not accurate.
 */
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
/** Whether the run is long enough for accurate results. Only a full run fails if it misses a goal. */
export const IS_FULL = SECONDS >= 5;

/**
 * Returns the number of rounds: the value of the environment variable BENCH_ROUNDS, otherwise `fullRunRounds` for a
 * full run and 1 for a short run.
 */
export function readRounds(fullRunRounds) {
  return Number(process.env.BENCH_ROUNDS ?? (IS_FULL ? fullRunRounds : 1));
}
