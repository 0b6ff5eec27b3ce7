// The page writes all received values as text, never as HTML. It keeps tokens in memory only.
import { call } from './api.js';
import { element, texts, translatePage } from './dom.js';
import { openForm, setUpForm, showFailure, showTestUsers } from './form.js';
import { openSession, setUpSession } from './session.js';
import { describeReturn } from './texts.js';

translatePage();
document.title = texts.signInTitle;
/** Whether the emulator serves, and with which users. */
const settings = call('demo/settings').then(
  ({ body }) => body,
  () => ({ emulator: null }),
);
setUpForm(openSession);
setUpSession(settings);
document.querySelector('main').hidden = false;
showReturn();
void settings.then(({ emulator }) => showTestUsers(emulator));

/** Shows the result of a sign-in on GenAuth's page, from which the browser has just returned. */
function showReturn() {
  const signedIn = element('signed-in');
  const code = new URLSearchParams(location.search).get('error');
  if (signedIn !== null) {
    const { returnTo, ...login } = JSON.parse(signedIn.textContent);
    signedIn.remove();
    // The address of the callback must not stay in the history, because it works only once.
    history.replaceState(null, '', returnTo);
    openSession(login);
  } else if (code !== null) {
    history.replaceState(null, '', location.pathname);
    openForm('name');
    showFailure(describeReturn(texts, code), 'name');
  }
}
