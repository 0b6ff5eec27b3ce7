import type { WireEnvelope } from '../../core/wire/facts.js';
import { type DirectoryClaims, type EmulatorAdDirectory, readAdAnswer } from '../users/ad-answer.js';
import { ANSWERS } from './answers.js';
import { furtherStep, Refusal } from './refusal.js';

/** Milliseconds after which a call of the function `ad` counts as failed. */
const TIMEOUT_MS = 5000;

/**
 * Calls the function of the option `ad` to check a name and a password. The text of an error, or of an invalid return
 * value, is not passed on, because it may contain the password.
 *
 * @returns The user's claims. `undefined` for an unknown name or a wrong password.
 * @throws Refusal for every other return value, and if the function throws or takes longer than 5 seconds.
 */
export async function askDirectory(
  ad: EmulatorAdDirectory,
  sAMAccountName: string,
  password: string,
): Promise<DirectoryClaims | undefined> {
  const returned = await callWithTimeout(async () => ad(sAMAccountName, password));
  const answer = read(returned);
  if (answer === undefined || 'claims' in answer) return answer?.claims;
  const { outcome, envelope } = answer;
  throw new Refusal(outcome, envelope.statusCode === 301 ? furtherStep(envelope) : envelope);
}

/** Waits for a call, at most {@link TIMEOUT_MS}. A later result is ignored. */
async function callWithTimeout(call: () => Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Refusal>((resolve) => {
    // `unref` lets the process end before the timer, when the emulator is stopped.
    timer = setTimeout(resolve, TIMEOUT_MS, failure(ANSWERS.directoryTimeout)).unref();
  });
  try {
    const first = await Promise.race([call().catch(() => failure(ANSWERS.directoryThrew)), timeout]);
    if (first instanceof Refusal) throw first;
    return first;
  } finally {
    clearTimeout(timer);
  }
}

function read(returned: unknown): ReturnType<typeof readAdAnswer> {
  try {
    return readAdAnswer(returned, 'ad');
  } catch {
    throw failure(ANSWERS.directoryAnswerWrong);
  }
}

function failure(answer: WireEnvelope<unknown>): Refusal {
  return new Refusal('directory_failed', answer);
}
