import type { WireEnvelope } from '../../core/wire/facts.js';
import type { RecordedOutcome } from '../state/journal.js';

/** Ends a sign-in without tokens. */
export class Refusal extends Error {
  constructor(
    readonly outcome: Exclude<RecordedOutcome, 'success' | 'fault'>,
    readonly answer: WireEnvelope<unknown>,
  ) {
    super(outcome);
  }
}

/** The refusal of a body that is not a sign-in. */
export function malformed(message: string): Refusal {
  return new Refusal('invalid_request', { statusCode: 400, message });
}

/** Answers that ask for a further step carry the code twice, as GenAuth's own front end shows. */
export function furtherStep(answer: WireEnvelope<unknown>): WireEnvelope<unknown> {
  return { ...answer, ...(answer.apiCode !== undefined && { code: answer.apiCode }) };
}
