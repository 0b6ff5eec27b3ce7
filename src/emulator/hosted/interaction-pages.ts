import type { EmulatorRequest, EmulatorResponse } from '../http/operation.js';
import { OAuthRefusal } from '../oidc/oauth-refusal.js';
import { type Parameters, readForm, readParameters } from '../oidc/parameters.js';
import { Refusal } from '../sign-in/refusal.js';
import type { Interaction } from '../state/interaction.js';
import type { EmulatorState } from '../state/state.js';
import type { Account } from '../users/user-store.js';
import { bindEmail, changePassword, completeProfile } from './change-account.js';
import { BROWSER_COOKIE, readCookie } from './cookies.js';
import { finishSignIn } from './finish-sign-in.js';
import { describeRefusal, logIn } from './log-in.js';
import type { Notice } from './notice.js';
import { pageOperation } from './page-operation.js';
import { redirectError } from './redirect.js';
import { renderStep } from './render-step.js';
import { proveFactor } from './second-factor.js';
import { checkAccount, findStep, type Step } from './steps.js';

/** Answers `GET /login` with the page of the current step. */
export const showLogin = pageOperation((state, request) => {
  const address = readParameters(request.query).get('finish_login_url') ?? '';
  const interaction = findInteraction(state, request, address);
  return proceed(state, interaction, request, checkStates(state, interaction));
});

/** Answers `POST /interaction/oidc/{id}/login`: runs the step of the form, and shows the next step. */
export const postLogin = pageOperation(async (state, request) => {
  const interaction = findInteraction(state, request);
  const form = readForm(request);
  const refused = checkStates(state, interaction);
  const step = findStep(state, interaction);
  // A form of another step is ignored. The browser sends it after a step back, or if the form was sent twice.
  if (refused || !step || form.get('step') !== step) return proceed(state, interaction, request, refused);
  const notice = await runStep(state, interaction, step, form, request);
  return proceed(state, interaction, request, notice);
});

/** Answers `POST /interaction/oidc/{id}/confirm`: the user allows the access on the consent page. */
export const postConfirm = pageOperation((state, request) => {
  const interaction = findInteraction(state, request);
  const refused = checkStates(state, interaction);
  if (findStep(state, interaction) === 'consent') interaction.isConsented = true;
  return proceed(state, interaction, request, refused);
});

/** Answers `POST /interaction/oidc/{id}/abort`: the user cancels the sign-in. */
export const postAbort = pageOperation((state, request) => {
  const interaction = findInteraction(state, request);
  state.interactions.delete(interaction.id);
  const refusal = { error: 'access_denied', description: 'the user canceled the sign-in' };
  return redirectError(interaction.request, refusal, request);
});

/**
 * Returns the open sign-in of an address `/interaction/oidc/{id}/…`.
 *
 * @throws OAuthRefusal if there is none, or if the request comes from another browser.
 */
function findInteraction(state: EmulatorState, request: EmulatorRequest, address = request.path): Interaction {
  const id = /^\/interaction\/oidc\/([\da-f-]{36})\/\w+$/.exec(address)?.[1] ?? '';
  const interaction = state.interactions.get(id);
  if (interaction && interaction.browser === readCookie(request.headers, BROWSER_COOKIE)) return interaction;
  const reason = 'this sign-in is unknown, complete or expired, or it was started in another browser';
  throw new OAuthRefusal(400, 'invalid_request', reason);
}

/**
 * Checks whether the user of the sign-in may still sign in. If not, the user must sign in again.
 *
 * @returns The text of the refusal.
 */
function checkStates(state: EmulatorState, interaction: Interaction): Notice | undefined {
  try {
    if (interaction.account) checkAccount(state, interaction.account, interaction.request.tenantId);
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    interaction.account = undefined;
    return describeRefusal(state, error);
  }
}

/** The function of each step that changes the account of a user who has typed the right password. */
const ACCOUNT_STEPS: Partial<Record<Step, AccountStep>> = {
  password: changePassword,
  mfa: proveFactor,
  profile: completeProfile,
  binding: bindEmail,
};
type AccountStep = (
  state: EmulatorState,
  account: Account,
  form: Parameters,
  interaction: Interaction,
) => Notice | undefined | Promise<Notice | undefined>;

function runStep(
  state: EmulatorState,
  interaction: Interaction,
  step: Step,
  form: Parameters,
  request: EmulatorRequest,
): ReturnType<AccountStep> {
  const { account } = interaction;
  return account ? ACCOUNT_STEPS[step]?.(state, account, form, interaction) : logIn(state, interaction, form, request);
}

/** Shows the current step, or redirects to the application if the sign-in is complete. */
function proceed(
  state: EmulatorState,
  interaction: Interaction,
  request: EmulatorRequest,
  notice: Notice | undefined,
): EmulatorResponse {
  const step = findStep(state, interaction);
  return step ? renderStep(state, interaction, step, notice) : finishSignIn(state, interaction, request);
}
