import { call, post } from './api.js';
import { announce, create, element, runBusy, showNotice, showView, texts } from './dom.js';
import { describeCode, findOwn } from './texts.js';

const form = element('login');
const LOGINS = {
  password: { path: 'auth/login', field: 'account', label: texts.account },
  ad: { path: 'auth/login/ad', field: 'sAMAccountName', label: texts.windowsAccount },
};
const findLogin = () => LOGINS[form.elements.connection.value];

/** The field that the user corrects after a refused sign-in. After any other refusal the user can only try again. */
const FIELD_OF_CODE = {
  invalid_credentials: 'password',
  captcha_required: 'captcha-code',
  account_locked: 'name',
  access_denied: 'name',
  verify_denied: 'name',
  invalid_request: 'name',
};

/** The token of the captcha on the page, or `undefined` if the page has no captcha. */
let captchaToken;

/** Connects the form of the sign-in. `onSignedIn` receives the response to a login. */
export function setUpForm(onSignedIn) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void runBusy(element('submit'), texts.signingIn, () => signIn(onSignedIn));
  });
  form.addEventListener('change', () => {
    form.querySelector('label[for=name]').textContent = findLogin().label;
  });
  element('show-password').addEventListener('click', () => showPassword(element('password').type === 'password'));
  element('another-picture').addEventListener('click', () => void showCaptcha().then(focusCaptcha));
  element('step-back').addEventListener('click', () => openForm('password'));
  element('captcha-picture').alt = texts.captchaPicture;
  showPassword(false);
}

/** Shows the form. The focus goes to its first empty field, or to the given field. */
export function openForm(field = element('name').value === '' ? 'name' : 'password') {
  element('password').value = '';
  showPassword(false);
  showFailure('');
  showView('signed-out');
  element(field).focus();
}

/** Empties all fields, for the next user of the browser. */
export function clearForm() {
  form.reset();
  form.dispatchEvent(new Event('change'));
  hideCaptcha();
}

async function signIn(onSignedIn) {
  const { path, field } = findLogin();
  const sentCaptcha = captchaToken !== undefined;
  const captcha = sentCaptcha ? { captchaToken, captchaCode: element('captcha-code').value } : {};
  showFailure('');
  showPassword(false);
  try {
    const credentials = { [field]: element('name').value, password: element('password').value };
    const login = await post(path, { ...credentials, ...captcha });
    element('password').value = '';
    hideCaptcha();
    onSignedIn(login);
  } catch (failure) {
    if (failure.body?.next?.kind === 'redirect') showStep(failure);
    else await showRefusal(failure, sentCaptcha);
  }
}

async function showRefusal(failure, sentCaptcha) {
  const { code } = failure;
  const field = findOwn(FIELD_OF_CODE, code);
  if (code === 'account_locked' || code === 'access_denied') hideCaptcha();
  // A captcha is valid for one sign-in only, so each further sign-in needs a new one.
  else if (code === 'captcha_required' || sentCaptcha) await showCaptcha();
  const isMistake = code !== 'captcha_required' || sentCaptcha;
  showFailure(describeRefusal(failure, sentCaptcha), field, isMistake);
  element('unlock').hidden = code !== 'account_locked' || element('test-users').hidden;
  if (code === 'captcha_required') focusCaptcha();
  else focusField(field ?? 'submit');
}

function describeRefusal({ code, retryAfter, body }, sentCaptcha) {
  if (code === 'captcha_required' && sentCaptcha) return texts.captchaWrong;
  if (code === 'rate_limited' && retryAfter > 0) return texts.retryIn(formatDuration(retryAfter));
  const text = describeCode(texts, code);
  const left = body?.remainingAttempts;
  return code === 'invalid_credentials' && left > 0 && left <= 3 ? `${text} ${texts.attemptsLeft(left)}` : text;
}

function formatDuration(seconds) {
  const [unit, count] = seconds < 120 ? ['second', Math.ceil(seconds)] : ['minute', Math.ceil(seconds / 60)];
  return new Intl.NumberFormat(texts.htmlLang, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
}

function focusField(id) {
  element(id).focus();
  element(id).select?.();
}

/**
 * Shows the text of a failure, and connects it with the field that the user corrects. A captcha that is required for
 * the first time is no mistake of the user.
 */
export function showFailure(text, field, isMistake = true) {
  showNotice(element('failure'), text, element('failure-text'));
  element('failure').classList.toggle('bad', isMistake);
  element('unlock').hidden = true;
  for (const input of form.querySelectorAll('input')) {
    const isMeant = input.id === field;
    input.ariaInvalid = isMeant && isMistake ? 'true' : null;
    if (isMeant) input.setAttribute('aria-describedby', 'failure-text');
    else input.removeAttribute('aria-describedby');
  }
}

/** Shows where the user completes the sign-in. */
function showStep({ code, body }) {
  const [title, text] = findOwn(texts.steps, code) ?? texts.steps.rejected;
  element('password').value = '';
  hideCaptcha();
  element('step-title').textContent = title;
  element('step-text').textContent = text;
  element('step-link').href = body.next.url;
  showView('further-step');
  announce(text);
  element('step-title').focus();
}

function showPassword(isVisible) {
  const action = isVisible ? texts.hidePassword : texts.showPassword;
  element('password').type = isVisible ? 'text' : 'password';
  element('show-password').textContent = action;
  element('show-password').ariaLabel = texts.passwordButton(action);
}

/** Shows a new picture. If it cannot be loaded, the user can ask for another one. */
async function showCaptcha() {
  const captcha = await call('auth/captcha').then(
    ({ body }) => body,
    () => undefined,
  );
  captchaToken = captcha?.token;
  const hasPicture = captcha !== undefined;
  // An SVG in an <img> cannot run scripts in this page.
  if (hasPicture) element('captcha-picture').src = `data:image/svg+xml,${encodeURIComponent(captcha.svg)}`;
  element('captcha-picture').hidden = !hasPicture;
  element('captcha-missing').hidden = hasPicture;
  for (const id of ['captcha-label', 'captcha-code']) element(id).hidden = !hasPicture;
  element('captcha-code').required = hasPicture;
  element('captcha-code').value = '';
  element('captcha').hidden = false;
}

function focusCaptcha() {
  element(captchaToken === undefined ? 'another-picture' : 'captcha-code').focus();
}

function hideCaptcha() {
  captchaToken = undefined;
  element('captcha').hidden = true;
  element('captcha-code').required = false;
  element('captcha-code').value = '';
}

/** Shows the users of the emulator. With a tenant `emulator` is `null`, and the page names no users. */
export function showTestUsers(emulator) {
  if (emulator === null) return;
  const buttons = emulator.users.map((user) => {
    const rights = user.connection === 'ad' ? 'ad' : user.isAdmin ? 'admin' : 'none';
    const name = create('span', {}, create('strong', {}, user.account), ` / ${user.password}`);
    const button = create('button', { type: 'button', class: 'secondary' }, name);
    button.append(create('span', { class: 'muted' }, texts.testUser[rights]));
    button.addEventListener('click', () => fillIn(user));
    return create('li', {}, button);
  });
  element('test-user-list').replaceChildren(...buttons);
  const limits = ['captchaAfter', 'lockAfter'].filter((name) => emulator[name] !== null);
  element('protection').textContent = limits.map((name) => texts[name](emulator[name])).join(' ');
  for (const id of ['emulator-page', 'unlock']) element(id).href = emulator.page;
  element('test-users').hidden = false;
}

function fillIn({ connection, account, password }) {
  form.elements.connection.value = connection;
  form.dispatchEvent(new Event('change'));
  element('name').value = account;
  element('password').value = password;
  showFailure('');
  element(captchaToken === undefined ? 'submit' : 'captcha-code').focus();
}
