import type { EmulatorResponse, Operation } from '../http/operation.js';

/** The reason why an OAuth endpoint refuses. Its answer has no envelope (RFC 6749 §5.2). */
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

/** An OAuth endpoint: what it throws is its answer, and no cache may keep any of its answers (RFC 6749 §5.1). */
export function oauthOperation(run: Operation): Operation {
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
