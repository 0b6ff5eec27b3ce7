import type { WireEnvelope } from '../../core/wire/facts.js';
import type { RecordedOutcome } from '../state/journal.js';

/** Thrown to end a sign-in without tokens. */
export class Refusal extends Error {
  constructor(
    readonly outcome: Exclude<RecordedOutcome, 'success' | 'fault'>,
    readonly answer: WireEnvelope<unknown>,
  ) {
    super(outcome);
  }
}

/** Builds the refusal of a request body that is not a valid sign-in (400). */
export function malformed(message: string): Refusal {
  return new Refusal('invalid_request', { statusCode: 400, message });
}

/**
 * Builds the answer that requires a further step. It contains the code twice, as `apiCode` and as `code`, because
 * GenAuth's own front end reads `code`.
 */
export function furtherStep(answer: WireEnvelope<unknown>): WireEnvelope<unknown> {
  return { ...answer, ...(answer.apiCode !== undefined && { code: answer.apiCode }) };
}
