import { isFromForeignPage } from '../control/caller.js';
import type { EmulatorRequest } from '../http/operation.js';
import type { Parameters } from '../oidc/parameters.js';
import { listFurtherSteps, STEP_OUTCOMES } from '../sign-in/admission.js';
import { ANSWERS } from '../sign-in/answers.js';
import { identify } from '../sign-in/identify.js';
import { Refusal } from '../sign-in/refusal.js';
import { readSignIn } from '../sign-in/request.js';
import { describeSignIn } from '../sign-in/sign-in.js';
import { type Interaction, NOTHING_PROVED } from '../state/interaction.js';
import { buildScheme } from '../options.js';
import type { EmulatorState } from '../state/state.js';
import type { Notice } from './notice.js';
import { checkAccount } from './steps.js';

/**
 * Checks the name and the password of the hosted page in the same way as `/api/v3/signin`, and records the sign-in. A
 * successful sign-in is recorded when the last step is done.
 *
 * @returns The text of the refusal, or `undefined` if the sign-in was accepted.
 */
export async function logIn(
  state: EmulatorState,
  interaction: Interaction,
  form: Parameters,
  request: EmulatorRequest,
): Promise<Notice | undefined> {
  const body = buildSignIn(interaction, form);
  try {
    checkOrigin(state, request);
    const signInRequest = readSignIn(body);
    const account = await identify(state, signInRequest);
    checkAccount(state, account, interaction.request.tenantId);
    const record = describeSignIn({ ...request, body }, 'success');
    // The second factor and the consent of a user who signed in before on this page do not count for this user.
    Object.assign(interaction, { ...NOTHING_PROVED, account, name: signInRequest.name, record });
    const [step] = listFurtherSteps(account, state.config);
    if (step) state.journal.add({ ...record, outcome: STEP_OUTCOMES[step] });
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    state.journal.add(describeSignIn({ ...request, body }, error.outcome));
    return describeRefusal(state, error, body.connection);
  }
}

/** Builds the body that the same sign-in would have at `/api/v3/signin`. */
function buildSignIn({ request }: Interaction, form: Parameters) {
  const { loginPageContext: context, scopes, tenantId } = request;
  const [captchaCode, captchaToken] = [form.get('captcha_code'), form.get('captcha_token')];
  const password = form.get('password') ?? '';
  const options = {
    scope: scopes.join(' '),
    ...(tenantId !== '' && { tenantId }),
    ...(context !== '' && { context }),
    ...(captchaCode !== undefined && { captchaCode }),
    ...(captchaToken !== undefined && { captchaToken }),
  };
  if (form.get('connection') === 'AD') {
    const adPayload = { sAMAccountName: form.get('sAMAccountName') ?? '', password };
    return { connection: 'AD' as const, adPayload, options };
  }
  const passwordPayload = { account: form.get('account') ?? '', password };
  return { connection: 'PASSWORD' as const, passwordPayload, options };
}

/**
 * Refuses forms of other origins while the option `ad` is set, as `/api/v3/signin` does. A browser sends the origin
 * `null`, because the page has the policy `no-referrer`. A form of another site with this origin lacks the cookie.
 */
function checkOrigin({ config }: EmulatorState, { headers }: EmulatorRequest): void {
  const { host, origin } = headers;
  const own = { host, origin: origin === 'null' ? undefined : origin };
  if (config.ad && !config.allowRemote && isFromForeignPage(buildScheme(config), own)) {
    throw new Refusal('client_authentication_failed', ANSWERS.closedToPages);
  }
}

/** Builds the text of a refused sign-in. */
export function describeRefusal(
  { captchas }: EmulatorState,
  { answer, outcome }: Refusal,
  connection: 'PASSWORD' | 'AD' = 'PASSWORD',
): Notice {
  const needsCaptcha = outcome === 'captcha_required' || outcome === 'captcha_wrong';
  const codes = [answer.statusCode, answer.apiCode].filter((code) => code !== undefined).join(' / ');
  return {
    text: `${answer.message || 'The sign-in was refused.'} (${codes})`,
    connection,
    ...(needsCaptcha && { captcha: captchas.create() }),
  };
}
