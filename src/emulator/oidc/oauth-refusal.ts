import type { EmulatorResponse, Operation } from '../http/operation.js';
import type { EmulatorState } from '../state/state.js';

/**
 * The error that ends an OAuth request with an error response. The response has no GenAuth envelope (RFC 6749 §5.2).
 */
export class OAuthRefusal extends Error {
  constructor(
    readonly status: number,
    readonly error: string,
    /** A fixed text. It never contains parts of the request, because the request may contain a secret. */
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

/** Builds GenAuth's response for every refused refresh token and authorization code. It is the same for all reasons. */
export function invalidGrant(): OAuthRefusal {
  return new OAuthRefusal(400, 'invalid_grant', 'grant request is invalid');
}

/**
 * Wraps the operation of an OAuth endpoint. If the operation throws an {@link OAuthRefusal}, it is sent as the
 * response. All responses forbid caching (RFC 6749 §5.1).
 */
export function oauthOperation(run: Operation<EmulatorState>): Operation<EmulatorState> {
  return async (state, request) => {
    try {
      return forbidCaching(await run(state, request));
    } catch (error) {
      if (error instanceof OAuthRefusal) return forbidCaching(error.answer);
      throw error;
    }
  };
}

function forbidCaching(answer: EmulatorResponse): EmulatorResponse {
  return { ...answer, headers: { ...answer.headers, 'cache-control': 'no-store' } };
}
