import type { EmulatorResponse, Operation } from '../http/operation.js';
import type { EmulatorState } from '../state/state.js';

/** Ends an OAuth endpoint with an error. Its answer has no envelope (RFC 6749 §5.2). */
export class OAuthRefusal extends Error {
  constructor(
    readonly status: number,
    readonly error: string,
    /** Never a part of the request, which may hold a secret. */
    readonly description: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(error);
  }

  get answer(): EmulatorResponse {
    const body = { error: this.error, error_description: this.description };
    return { status: this.status, headers: this.headers, body };
  }
}

/**
 * An OAuth endpoint: an {@link OAuthRefusal} that it throws is its answer, and no cache may store an answer (RFC 6749
 * §5.1).
 */
export function oauthOperation(run: Operation<EmulatorState>): Operation<EmulatorState> {
  return async (state, request) => {
    try {
      return forbidStoring(await run(state, request));
    } catch (error) {
      if (error instanceof OAuthRefusal) return forbidStoring(error.answer);
      throw error;
    }
  };
}

function forbidStoring(answer: EmulatorResponse): EmulatorResponse {
  return { ...answer, headers: { ...answer.headers, 'cache-control': 'no-store' } };
}
