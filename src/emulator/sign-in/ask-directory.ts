import type { WireEnvelope } from '../../core/wire/facts.js';
import { type DirectoryClaims, type EmulatorAdDirectory, readAdAnswer } from '../users/ad-answer.js';
import { ANSWERS } from './answers.js';
import { furtherStep, Refusal } from './refusal.js';

/** The number of milliseconds after which a call of the function `ad` counts as failed. */
const TIMEOUT_MS = 5000;

/**
 * Calls the function of the option `ad` to check a name and a password. If the function throws or returns a wrong
 * value, the response does not contain the error or the value, because they may contain the password.
 *
 * @returns The user's claims, or `undefined` if the name is unknown or the password is wrong.
 * @throws Refusal if the function returns any other value, throws, or takes longer than 5 seconds.
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

/** Waits for the result of `call`, but not longer than {@link TIMEOUT_MS}. A result after this time is ignored. */
async function callWithTimeout(call: () => Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Refusal>((resolve) => {
    // With `unref` the process can end before the timer ends, for example if the emulator is stopped.
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
