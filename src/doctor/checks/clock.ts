import type { Context } from '../context.js';
import { type Observation, error, ok, skipped, warning } from '../report.js';

/** A Date header has whole seconds, so its time is on average half a second earlier than the real time. */
const HALF_A_SECOND_MS = 500;

/** Compares the clock of this machine with the Date header of GenAuth's first answer. */
export async function checkClock({ probe, options }: Context): Promise<Observation[]> {
  const date = Date.parse(probe?.date ?? '');
  if (probe === undefined || Number.isNaN(date)) {
    return [skipped('clock_unknown', 'The answer of GenAuth has no Date header.')];
  }
  const drift = Math.round((date + HALF_A_SECOND_MS - (probe.sentAt + probe.receivedAt) / 2) / 1000);
  return [judgeDrift(drift, options.clockTolerance, "GenAuth's Date header")];
}

/**
 * Judges the difference between two clocks.
 *
 * @param drift - Seconds that the clock of this machine is behind.
 * @param tolerance - Seconds, the option `clockTolerance`.
 * @param reference - What the clock was compared with.
 */
export function judgeDrift(drift: number, tolerance: number, reference: string): Observation {
  const seconds = Math.abs(drift);
  if (seconds <= tolerance) {
    return ok('clock', `The clock agrees with ${reference} (${seconds} s apart, ${tolerance} s are tolerated).`);
  }
  const fix = 'timedatectl set-ntp true';
  if (drift > 0) {
    return error('clock_behind', `The clock of this machine is ${seconds} s behind ${reference}.`, {
      impact: 'New tokens are not valid yet by this clock, and every login fails with 502.',
      fix,
    });
  }
  return warning('clock_ahead', `The clock of this machine is ${seconds} s ahead of ${reference}.`, {
    impact: 'Tokens expire too early by this clock.',
    fix,
  });
}
