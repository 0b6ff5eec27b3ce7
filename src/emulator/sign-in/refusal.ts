import type { WireEnvelope } from '../../core/wire/facts.js';
import type { RecordedOutcome } from '../state/journal.js';

/** The error that ends a sign-in without tokens. `answer` is the response. */
export class Refusal extends Error {
  constructor(
    readonly outcome: Exclude<RecordedOutcome, 'success' | 'fault'>,
    readonly answer: WireEnvelope<unknown>,
  ) {
    super(outcome);
  }
}

/** Builds the refusal of a request body that is not a valid sign-in (`statusCode` 400). */
export function malformed(message: string): Refusal {
  return new Refusal('invalid_request', { statusCode: 400, message });
}

/**
 * Builds the response that requires a further step. It contains GenAuth's code as `apiCode` and also as `code`, because
 * GenAuth's own front end reads `code`.
 */
export function furtherStep(answer: WireEnvelope<unknown>): WireEnvelope<unknown> {
  return { ...answer, ...(answer.apiCode !== undefined && { code: answer.apiCode }) };
}
