import { buildMfaData, buildStepToken } from './step-tokens.js';
import { furtherStep, Refusal } from './refusal.js';
import { ANSWERS } from './answers.js';
import type { EmulatorConfig } from '../options.js';
import type { EmulatorState } from '../state/state.js';
import { findMfa } from '../users/user-states.js';
import type { Account } from '../users/user-store.js';

/** The steps that a sign-in can require after the password, in their order. */
const FURTHER_STEPS = ['password', 'mfa', 'profile', 'binding'] as const;
/** A step that a sign-in requires after the password. */
export type FurtherStep = (typeof FURTHER_STEPS)[number];

/** The outcome of a sign-in that ends at a further step. */
export const STEP_OUTCOMES = {
  password: 'password_change_required',
  mfa: 'mfa_required',
  profile: 'profile_completion_required',
  binding: 'identity_binding_required',
} as const satisfies Record<FurtherStep, string>;

/**
 * Checks the conditions of a sign-in after the password was verified: the tenant, the states of the user, and whether a
 * further step is required.
 *
 * @param tenantId The ID of the tenant that the sign-in requests, or `''` if the sign-in requests no tenant.
 * @throws Refusal if a condition is not met.
 */
export async function checkAdmission(state: EmulatorState, account: Account, tenantId: string): Promise<void> {
  checkAccess(state, account, tenantId);
  const [step] = listFurtherSteps(account, state.config);
  if (step) throw new Refusal(STEP_OUTCOMES[step], furtherStep(await STEP_ANSWERS[step](account, state)));
}

/**
 * Checks whether the user may sign in to the tenant.
 *
 * @param tenantId The ID of the tenant that the sign-in requests, or `''` if the sign-in requests no tenant.
 * @throws Refusal if the user is disabled, may not sign in to the tenant, or has the state `signInAnswer`.
 */
export function checkAccess({ config }: EmulatorState, { states }: Account, tenantId: string): void {
  const { disabled, signInAnswer, tenants } = states;
  if (disabled === true) throw new Refusal('account_disabled', ANSWERS.userDisabled);
  if (tenantId !== '') {
    const isKnown = config.catalogs.tenants?.has(tenantId) ?? true;
    if (!isKnown) throw new Refusal('tenant_refused', ANSWERS.tenantRefused);
    const isMember = tenants?.includes(tenantId) ?? true;
    if (!isMember) throw new Refusal('tenant_refused', ANSWERS.notInTenant);
  }
  if (signInAnswer) throw new Refusal('answered', signInAnswer);
}

/** Returns the steps that the states of the user require, in their order. */
export function listFurtherSteps({ states }: Account, config: EmulatorConfig): readonly FurtherStep[] {
  const { bindingRequired = false, mustChangePassword = false, profileRequired = false } = states;
  const isRequired: Record<FurtherStep, boolean> = {
    password: mustChangePassword !== false,
    mfa: findMfa(states, config.mfa) !== undefined,
    profile: profileRequired,
    binding: bindingRequired,
  };
  return FURTHER_STEPS.filter((step) => isRequired[step]);
}

type Answer = Parameters<typeof furtherStep>[0];

/** For each further step, the function that builds the answer of `/api/v3/signin`. */
const STEP_ANSWERS: Record<FurtherStep, (account: Account, state: EmulatorState) => Answer | Promise<Answer>> = {
  password: async (account, { clock }) => {
    if (account.states.mustChangePassword !== 'first_login') return ANSWERS.passwordExpired;
    return { ...ANSWERS.firstLogin, data: { token: await buildStepToken(account, 'reset_password', clock) } };
  },
  mfa: async (account, { clock, config }) => {
    const mfa = findMfa(account.states, config.mfa);
    const answer = mfa?.kind === 'personal' ? ANSWERS.personalMfa : ANSWERS.appMfa;
    return { ...answer, ...(mfa && { data: await buildMfaData(account, mfa, clock) }) };
  },
  profile: async (account, { clock }) => ({
    ...ANSWERS.profileRequired,
    data: { token: await buildStepToken(account, 'complete_profile', clock) },
  }),
  binding: async (account, { clock }) => ({
    ...ANSWERS.bindingRequired,
    data: { token: await buildStepToken(account, 'bind_identity', clock) },
  }),
};
