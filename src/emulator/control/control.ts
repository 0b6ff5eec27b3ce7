import { isObject } from '../input/readers.js';
import { EmulatorError } from '../errors.js';
import { readTotp } from '../hosted/totp.js';
import type { EmulatorRequest, EmulatorResponse } from '../http/operation.js';
import { refuse } from './caller.js';
import { listTokens, mintTokens, revokeTokens } from './token-control.js';
import type { EmulatorState } from '../state/state.js';
import type { UserStore } from '../users/user-store.js';

/** The path of the emulator's page, and the prefix of its files and of the control operations. */
export const PAGE_PATH = '/emulator';

/** The path prefix of the emulator's control operations. GenAuth itself has no paths with this prefix. */
export const CONTROL_PATH = `${PAGE_PATH}/v1`;

interface ControlOperation {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /**
   * The path after `CONTROL_PATH`. `:account` is any identifier of a user, or the `sAMAccountName` of an AD account.
   */
  readonly path: string;
  /** Whether other machines may use the operation, as a health check of a container does. Default: `false`. */
  readonly isOpen?: true;
  /** @returns The body of the response. If it is `undefined`, the response body is `{}`. */
  readonly run: (state: EmulatorState, body: unknown, account: string) => object | void | Promise<object | void>;
}

export const CONTROL_OPERATIONS: readonly ControlOperation[] = [
  { method: 'get', path: '', run: () => ({ paths: CONTROL_OPERATIONS.map(describeOperation) }) },
  { method: 'get', path: '/health', isOpen: true, run: ({ issuer }) => ({ status: 'ok', issuer }) },
  { method: 'get', path: '/sign-ins', run: ({ journal }) => journal.records },
  { method: 'delete', path: '/sign-ins', run: ({ journal }) => journal.clear() },
  { method: 'get', path: '/requests', run: (state) => state.requestCounts },
  { method: 'get', path: '/codes', run: ({ sentCodes }) => ({ codes: sentCodes.records }) },
  { method: 'post', path: '/totp', run: (state, body) => readTotp(state, body) },
  { method: 'get', path: '/captchas', run: ({ captchas }) => captchas.open },
  { method: 'get', path: '/tokens', run: (state) => listTokens(state) },
  { method: 'post', path: '/tokens', run: (state, body) => mintTokens(state, body) },
  { method: 'post', path: '/tokens/revoke', run: (state, body) => ({ revoked: revokeTokens(state, body) }) },
  { method: 'get', path: '/faults', run: ({ faults }) => faults },
  { method: 'post', path: '/faults', run: (state, body) => state.addFault(body) },
  { method: 'delete', path: '/faults', run: (state) => state.clearFaults() },
  { method: 'get', path: '/id-token-flaw', run: ({ queuedFlaws }) => queuedFlaws },
  { method: 'post', path: '/id-token-flaw', run: (state, body) => state.addFlaw(body) },
  { method: 'delete', path: '/id-token-flaw', run: ({ flaws }) => flaws.clear() },
  { method: 'get', path: '/keys', run: ({ keys }) => keys.list() },
  { method: 'post', path: '/keys/rotate', run: async (state, body) => ({ kid: await state.rotateKeys(body ?? {}) }) },
  { method: 'post', path: '/encryption-keys/rotate', run: (state) => state.encryptionKeys.rotate() },
  { method: 'get', path: '/sign-in-answers', run: ({ signInAnswers }) => signInAnswers },
  { method: 'post', path: '/sign-in-answers', run: (state, body) => state.addSignInAnswer(body) },
  { method: 'delete', path: '/sign-in-answers', run: (state) => state.answers.clear() },
  { method: 'get', path: '/login-protection', run: ({ protection }) => protection.state },
  { method: 'post', path: '/login-protection', run: (state, body) => state.protectLogins(body) },
  { method: 'post', path: '/unlock', run: (state, body) => state.unlock(body ?? {}) },
  { method: 'get', path: '/users', run: ({ users }) => users.list() },
  { method: 'post', path: '/users', run: ({ users }, body) => ({ sub: addUserOrAdAccount(users, body) }) },
  { method: 'patch', path: '/users/:account', run: ({ users }, body, account) => users.updateUser(account, body) },
  { method: 'delete', path: '/users/:account', run: ({ users }, _, account) => users.removeUser(account) },
  {
    method: 'patch',
    path: '/ad-accounts/:account',
    run: ({ users }, body, account) => users.updateAdAccount(account, body),
  },
  { method: 'delete', path: '/ad-accounts/:account', run: ({ users }, _, account) => users.removeAdAccount(account) },
  {
    method: 'get',
    path: '/clock-drift',
    run: ({ clock }) => ({ seconds: clock.drift, now: clock.date().toISOString() }),
  },
  { method: 'post', path: '/clock-drift', run: (state, body) => state.setClockDrift(body) },
  { method: 'post', path: '/reset', run: (state) => state.reset() },
];

function describeOperation({ method, path }: ControlOperation): string {
  return `${method.toUpperCase()} ${CONTROL_PATH}${path}`;
}

/** Answers a control request that no operation serves. */
export function answerUnknownControl({ method, path }: EmulatorRequest): EmulatorResponse {
  return refuse(404, `The emulator has no ${method} ${path}. GET ${CONTROL_PATH} lists the control paths.`);
}

/**
 * Runs a control operation. If the request body is wrong, the response has the HTTP status 400 and the message of the
 * `EmulatorError`.
 */
export async function runControl(
  { run }: ControlOperation,
  state: EmulatorState,
  { body }: EmulatorRequest,
  params: Readonly<Record<string, unknown>>,
): Promise<EmulatorResponse> {
  try {
    return { status: 200, body: (await run(state, body, String(params['account']))) ?? {} };
  } catch (error) {
    if (error instanceof EmulatorError && error.code === 'invalid_input') return refuse(400, error.message);
    throw error;
  }
}

/** Adds an AD account if the request body has a `sAMAccountName`. Otherwise adds a user. */
function addUserOrAdAccount(users: UserStore, body: unknown): string {
  const isAdAccount = isObject(body) && body['sAMAccountName'] !== undefined;
  return isAdAccount ? users.addAdAccount(body, 'adAccount') : users.addUser(body, 'user');
}
