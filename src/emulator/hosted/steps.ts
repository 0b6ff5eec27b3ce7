import { checkAccess, type FurtherStep, listFurtherSteps } from '../sign-in/admission.js';
import { ANSWERS } from '../sign-in/answers.js';
import { Refusal } from '../sign-in/refusal.js';
import type { Interaction } from '../state/interaction.js';
import type { EmulatorState } from '../state/state.js';
import type { Account } from '../users/user-store.js';

/** A step of the hosted page. */
export type Step = 'login' | FurtherStep | 'consent';

/** Returns the step that the page shows. Returns `undefined` if the sign-in is complete. */
export function findStep({ config }: EmulatorState, interaction: Interaction): Step | undefined {
  const { account, isConsented, isFactorProved, request } = interaction;
  if (!account) return 'login';
  const step = listFurtherSteps(account, config).find((each) => each !== 'mfa' || isFactorProved !== true);
  if (step) return step;
  return request.prompt === 'consent' && isConsented !== true ? 'consent' : undefined;
}

/**
 * Checks whether a user whose password or SSO session was accepted may still sign in. The states of the user can change
 * while the page is open.
 *
 * @throws Refusal if the user may not sign in.
 */
export function checkAccount(state: EmulatorState, account: Account, tenantId: string): void {
  if (account.removed) throw new Refusal('invalid_credentials', ANSWERS.accountOrPasswordWrong);
  if (account.states.lockout === true) throw new Refusal('account_locked', ANSWERS.accountLocked);
  checkAccess(state, account, tenantId);
}
