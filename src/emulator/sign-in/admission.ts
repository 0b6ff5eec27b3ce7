import type { WireEnvelope } from '../../core/wire/facts.js';
import { buildMfaData, buildStepToken } from './step-tokens.js';
import { furtherStep, Refusal } from './refusal.js';
import { ANSWERS } from './answers.js';
import type { RecordedOutcome } from '../state/journal.js';
import type { EmulatorState } from '../state/state.js';
import { findMfa } from '../users/user-states.js';
import type { Account } from '../users/user-store.js';

/**
 * Checks the conditions of a sign-in after the password was verified: the tenant, the states of the user, and whether a
 * further step is required.
 *
 * @param tenantId The ID of the tenant that the sign-in requests, or `''` if the sign-in requests no tenant.
 * @throws Refusal if a condition is not met.
 */
export async function checkAdmission(state: EmulatorState, account: Account, tenantId: string): Promise<void> {
  const { clock, config } = state;
  const { disabled, mustChangePassword, signInAnswer, tenants } = account.states;
  if (disabled === true) throw new Refusal('account_disabled', ANSWERS.userDisabled);
  if (tenantId !== '') {
    const isKnown = config.catalogs.tenants?.has(tenantId) ?? true;
    if (!isKnown) throw new Refusal('tenant_refused', ANSWERS.tenantRefused);
    const isMember = tenants?.includes(tenantId) ?? true;
    if (!isMember) throw new Refusal('tenant_refused', ANSWERS.notInTenant);
  }
  if (signInAnswer) throw new Refusal('answered', signInAnswer);
  if (mustChangePassword === 'first_login') {
    const token = await buildStepToken(account, 'reset_password', clock);
    throw refuse('password_change_required', { ...ANSWERS.firstLogin, data: { token } });
  }
  if (mustChangePassword === true) throw refuse('password_change_required', ANSWERS.passwordExpired);
  const mfa = findMfa(account.states, config.mfa);
  if (mfa) {
    const error = mfa.kind === 'app' ? ANSWERS.appMfa : ANSWERS.personalMfa;
    throw refuse('mfa_required', { ...error, data: await buildMfaData(account, mfa, clock) });
  }
}

function refuse(outcome: Extract<RecordedOutcome, `${string}_required`>, answer: WireEnvelope<unknown>): Refusal {
  return new Refusal(outcome, furtherStep(answer));
}
