import { IS_FULL } from './settings.mjs';

/**
 * Prints each goal with what was reached. A missed one makes the process fail, unless the run was too short to mean anything.
 *
 * @param goals - `[what, reached, bound]`: at least the bound, or with `{ atMost }` at most.
 */
export function reportGoals(goals) {
  const rows = goals.map(([what, reached, bound]) => {
    const isMet = typeof bound === 'number' ? reached >= bound : reached <= bound.atMost;
    const goal = typeof bound === 'number' ? `at least ${bound}` : `at most ${bound.atMost}`;
    return { what, reached: Number(reached.toFixed(3)), goal, verdict: isMet ? 'met' : 'missed' };
  });
  console.log(IS_FULL ? 'Goals:' : 'Goals (a run this short says nothing about them):');
  console.table(Object.fromEntries(rows.map(({ what, ...row }) => [what, row])));
  const missed = rows.filter(({ verdict }) => verdict === 'missed');
  if (IS_FULL && missed.length > 0) {
    console.log(`${missed.length} of ${rows.length} goals missed.`);
    process.exitCode = 1;
  }
}
