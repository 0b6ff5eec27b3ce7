import { CLOCK_TOLERANCE, RECEIVED_CLOCK_TOLERANCE } from '../../core/tokens/token-verifier.js';
import type { Context } from '../context.js';
import { type Observation, error, ok, skipped, warning } from '../report.js';

/**
 * Half a second, in milliseconds. The header `Date` has only whole seconds, so on average its time is half a second
 * before the real time of the response.
 */
const HALF_A_SECOND_MS = 500;

/** The text `fix` for a wrong clock. The command in this text is for Linux with systemd. */
export const SET_CLOCK = 'Synchronize the clock of this machine. On Linux, run: timedatectl set-ntp true';

/** Compares the clock of this machine with the header `Date` of GenAuth's first response. */
export async function checkClock({ probe, options }: Context): Promise<Observation[]> {
  const date = Date.parse(probe?.date ?? '');
  if (probe === undefined || Number.isNaN(date)) {
    return [skipped('clock_unknown', 'The answer of GenAuth has no Date header.')];
  }
  const drift = Math.round((date + HALF_A_SECOND_MS - (probe.sentAt + probe.receivedAt) / 2) / 1000);
  return [judgeDrift(drift, options.clockTolerance, "GenAuth's Date header")];
}

/**
 * Judges the difference between the clock of this machine and a reference clock.
 *
 * @param drift - The number of seconds by which the clock of this machine is behind. Negative if the clock is ahead.
 * @param configured - The value of the option `clockTolerance`, in seconds. `undefined`: the defaults.
 * @param reference - The name of the reference clock, for the message.
 */
export function judgeDrift(drift: number, configured: number | undefined, reference: string): Observation {
  const tolerance = configured ?? CLOCK_TOLERANCE;
  const seconds = Math.abs(drift);
  if (seconds <= tolerance) {
    return ok(
      'clock',
      `The clock of this machine agrees with ${reference} (${seconds} s apart, ${tolerance} s allowed).`,
    );
  }
  if (drift > 0) {
    return error('clock_behind', `The clock of this machine is ${seconds} s behind ${reference}.`, {
      impact:
        seconds > (configured ?? RECEIVED_CLOCK_TOLERANCE)
          ? 'By this clock, new tokens are not valid yet. Every login fails with HTTP 502.'
          : 'By this clock, new tokens are not valid yet. Guarded routes refuse new tokens with HTTP 401.',
      fix: SET_CLOCK,
    });
  }
  return warning('clock_ahead', `The clock of this machine is ${seconds} s ahead of ${reference}.`, {
    impact: 'By this clock, tokens expire too early. Users must sign in again sooner.',
    fix: SET_CLOCK,
  });
}
