import { jest } from '@jest/globals';
import { APP_SECRET, PASSWORD } from '../support/canary.js';
import { hostProcess } from '../support/host-process.js';
import { useEvents } from '../support/events.js';

/** The members of an answer that the client shows to the operator, with secrets in them. */
export const REPEATED = { message: `Refused: ${PASSWORD} and ${APP_SECRET}`, requestId: PASSWORD, error: APP_SECRET };

/** An answer of GenAuth for each outcome without success: kind, `statusCode`, `apiCode`, and our HTTP status. */
export const REJECTIONS = [
  ['invalid_credentials', 403, 2333, 401],
  ['captcha_required', 403, 2000, 403],
  ['mfa_required', 301, 1636, 403],
  ['password_change_required', 301, 1639, 403],
  ['identity_binding_required', 301, 1640, 403],
  ['profile_completion_required', 301, 1642, 403],
  ['account_locked', 403, 2005, 403],
  ['access_denied', 403, 2120008, 403],
  ['rate_limited', 429, 2100, 429],
  ['rejected', 403, 424242, 403],
] as const;

/** One answer of GenAuth for each party besides the user and the caller. */
export const FAULTS = [
  ['client_authentication_failed', 401, undefined, 500],
  ['upstream_unavailable', 500, undefined, 503],
  ['upstream_invalid_response', 200, undefined, 502],
] as const;

/** Records events, warnings, `console`, stdout and stderr, anew for each test. */
export function useOutput() {
  const events = useEvents();
  const warnings: unknown[] = [];
  const printed: unknown[] = [];
  const record = (warning: unknown): number => warnings.push(warning);
  beforeEach(() => {
    warnings.length = printed.length = 0;
    hostProcess.on('warning', record);
    for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const) {
      jest.spyOn(console, method).mockImplementation((...parts: unknown[]) => void printed.push(parts));
    }
    for (const stream of [hostProcess.stdout, hostProcess.stderr]) {
      jest.spyOn(stream, 'write').mockImplementation((text) => printed.push(text) > 0);
    }
  });
  afterEach(() => {
    hostProcess.off('warning', record);
    jest.restoreAllMocks();
  });
  return {
    events,
    warnings,
    /** Events, warnings and everything that was printed, once pending writes are done. */
    read: async (): Promise<unknown> => {
      await new Promise((resolve) => setImmediate(resolve));
      return [events, warnings, printed];
    },
  };
}
