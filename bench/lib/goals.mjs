import { IS_FULL } from './settings.mjs';

/**
 * Prints each goal and the measured value. If a full run misses a goal, the exit code of the process is 1. A short run
 * is too inaccurate, so it does not change the exit code.
 *
 * @param goals - A list of `[what, value, bound]`. A number as `bound` is a minimum, `{ atMost }` is a maximum.
 */
export function reportGoals(goals) {
  const rows = goals.map(([what, reached, bound]) => {
    const isMet = typeof bound === 'number' ? reached >= bound : reached <= bound.atMost;
    const goal = typeof bound === 'number' ? `at least ${bound}` : `at most ${bound.atMost}`;
    return { what, reached: Number(reached.toFixed(3)), goal, verdict: isMet ? 'met' : 'missed' };
  });
  console.log(IS_FULL ? 'Goals:' : 'Goals (not meaningful, because this run was too short):');
  console.table(Object.fromEntries(rows.map(({ what, ...row }) => [what, row])));
  const missed = rows.filter(({ verdict }) => verdict === 'missed');
  if (IS_FULL && missed.length > 0) {
    console.log(`${missed.length} of ${rows.length} goals missed.`);
    process.exitCode = 1;
  }
}
