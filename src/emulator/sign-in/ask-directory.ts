import type { WireEnvelope } from '../../core/wire/facts.js';
import { type DirectoryClaims, type EmulatorAdDirectory, readAdAnswer } from '../users/ad-answer.js';
import { ANSWERS } from './answers.js';
import { furtherStep, Refusal } from './refusal.js';

/** Milliseconds within which the option `ad` must answer. */
const TIMEOUT_MS = 5000;

/**
 * Lets the function of the option `ad` check a name and a password. Nothing of what it throws, or of an answer with a
 * wrong shape, is passed on, because it may hold the password.
 *
 * @returns the user's claims; `undefined` for an unknown name or a wrong password
 * @throws Refusal for every other answer, and if the function fails or takes too long
 */
export async function askDirectory(
  ad: EmulatorAdDirectory,
  sAMAccountName: string,
  password: string,
): Promise<DirectoryClaims | undefined> {
  const given = await callInTime(async () => ad(sAMAccountName, password));
  const answer = read(given);
  if (answer === undefined || 'claims' in answer) return answer?.claims;
  const { outcome, envelope } = answer;
  throw new Refusal(outcome, envelope.statusCode === 301 ? furtherStep(envelope) : envelope);
}

/** The result of a late call is ignored. */
async function callInTime(call: () => Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Refusal>((resolve) => {
    // Without a reference: the process may end meanwhile, once the emulator is stopped.
    timer = setTimeout(resolve, TIMEOUT_MS, failure(ANSWERS.directoryTimeout)).unref();
  });
  try {
    const first = await Promise.race([call().catch(() => failure(ANSWERS.directoryThrew)), late]);
    if (first instanceof Refusal) throw first;
    return first;
  } finally {
    clearTimeout(timer);
  }
}

function read(given: unknown): ReturnType<typeof readAdAnswer> {
  try {
    return readAdAnswer(given, 'ad');
  } catch {
    throw failure(ANSWERS.directoryAnswerWrong);
  }
}

function failure(answer: WireEnvelope<unknown>): Refusal {
  return new Refusal('directory_failed', answer);
}
