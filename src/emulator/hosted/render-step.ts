import type { EmulatorResponse } from '../http/operation.js';
import type { Interaction } from '../state/interaction.js';
import type { EmulatorState } from '../state/state.js';
import type { Account } from '../users/user-store.js';
import { html, type Html, renderPage, trusted } from './html.js';
import type { Notice } from './notice.js';
import { type Factor, listFactors } from './second-factor.js';
import type { Step } from './steps.js';

/** What the pages of all steps need. */
interface View {
  readonly state: EmulatorState;
  readonly interaction: Interaction;
  readonly notice: Notice | undefined;
}

/** Builds the page of a step. Each page has a button that cancels the sign-in. */
export function renderStep(
  state: EmulatorState,
  interaction: Interaction,
  step: Step,
  notice?: Notice,
): EmulatorResponse {
  const { account, request } = interaction;
  const view = { state, interaction, notice };
  const { title, content } = account ? renderFurtherStep(view, account, step) : renderLogin(view);
  const context = request.loginPageContext;
  return renderPage(
    200,
    title,
    html`${notice && html`<p role="${notice.isInfo ? 'status' : 'alert'}">${notice.text}</p>`} ${content}
    ${postForm(interaction, 'abort', html`<button>Cancel</button>`)}
    ${context === '' ? undefined : html`<p>login_page_context: <code id="context">${context}</code></p>`}`,
  );
}

function renderFurtherStep(view: View, account: Account, step: Step): { title: string; content: Html } {
  const { interaction, state } = view;
  const stepForm = (content: Html) =>
    postForm(interaction, 'login', html`<input type="hidden" name="step" value="${step}" />${content}`);
  switch (step) {
    case 'password':
      return {
        title: 'Set a new password',
        content: stepForm(
          html`${textField('new_password', 'New password', 'password', 'new-password')}
            ${textField('new_password_repeat', 'Repeat the new password', 'password', 'new-password')}
            <button>Continue</button>`,
        ),
      };
    case 'mfa': {
      const factors = listFactors(account, state.config);
      const none = html`<p role="alert">
        The user has none of the required factors that the emulator implements (OTP, SMS with a phone number, EMAIL with
        an e-mail address).
      </p>`;
      const forms = factors.map((factor) => stepForm(renderFactor(factor)));
      return { title: 'Second factor', content: factors.length === 0 ? none : html`${forms}` };
    }
    case 'profile':
      return {
        title: 'Complete your profile',
        content: stepForm(html`${textField('name', 'Name', 'text', 'name')}<button>Continue</button>`),
      };
    case 'binding':
      return {
        title: 'Bind an e-mail address',
        content: stepForm(html`${textField('email', 'E-mail', 'email', 'email')}<button>Continue</button>`),
      };
    default: {
      const scopes = interaction.request.scopes.map((scope) => html`<li>${scope}</li>`);
      return {
        title: 'Allow the access',
        content: html`<p>The application ${state.config.appId} requests:</p>
          <ul>
            ${scopes}
          </ul>
          ${postForm(interaction, 'confirm', html`<button>Allow</button>`)}`,
      };
    }
  }
}

function renderLogin({ state, interaction, notice }: View): { title: string; content: Html } {
  const isAd = notice?.connection === 'AD';
  const captcha =
    notice?.captcha &&
    html`${trusted(notice.captcha.captchaCodeSvg)}
      <input type="hidden" name="captcha_token" value="${notice.captcha.captchaToken}" />
      ${textField('captcha_code', 'Captcha', 'text', 'off')}`;
  const form = (connection: string, name: string, label: string, isShown: boolean) =>
    postForm(
      interaction,
      'login',
      html`<input type="hidden" name="step" value="login" />
        <input type="hidden" name="connection" value="${connection}" />
        ${textField(name, label, 'text', 'username')}
        ${textField('password', 'Password', 'password', 'current-password')} ${isShown ? captcha : undefined}
        <button>Sign in</button>`,
    );
  const password = form('PASSWORD', 'account', 'Account', !isAd);
  const tab = (id: string, label: string, isChecked: boolean) =>
    html`<input type="radio" name="tab" id="tab-${id}" ${isChecked ? trusted(' checked') : undefined} />
      <label for="tab-${id}">${label}</label>`;
  const tabs = html`${tab('password', 'Account', !isAd)} ${tab('ad', 'Active Directory', isAd)}
    <section id="password">${password}</section>
    <section id="ad">${form('AD', 'sAMAccountName', 'Active Directory account', isAd)}</section>`;
  return { title: 'Sign in', content: state.users.acceptsAd ? tabs : password };
}

function renderFactor({ name, destination }: Factor): Html {
  const hint = destination === undefined ? 'POST /emulator/v1/totp' : 'GET /emulator/v1/codes';
  const send =
    destination === undefined
      ? undefined
      : html`<button name="action" value="send" formnovalidate>Send a code to ${destination}</button>`;
  return html`<h2>${name}</h2>
    <input type="hidden" name="factor" value="${name}" />
    ${textField('code', `Code (${name})`, 'text', 'one-time-code')}
    <button name="action" value="verify">Continue</button>
    ${send}
    <p>The emulator returns the code at <code>${hint}</code>.</p>`;
}

function textField(name: string, label: string, type: string, autocomplete: string): Html {
  return html`<label>${label} <input type="${type}" name="${name}" autocomplete="${autocomplete}" required /></label>`;
}

function postForm({ id }: Interaction, action: 'login' | 'confirm' | 'abort', content: Html): Html {
  return html`<form method="post" action="/interaction/oidc/${id}/${action}">${content}</form>`;
}
