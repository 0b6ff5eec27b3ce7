// This page writes all received values as text, never as HTML. It stores tokens in memory only.
const element = (id) => document.getElementById(id);
const form = element('login');
const LOGINS = {
  password: { path: 'auth/login', field: 'account', label: 'Account' },
  ad: { path: 'auth/login/ad', field: 'sAMAccountName', label: 'Windows account name' },
};
const chosenLogin = () => LOGINS[new FormData(form).get('connection')];

form.addEventListener('change', () => {
  form.querySelector('label[for=name]').textContent = chosenLogin().label;
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void signIn();
});

/** The token of the captcha on the page, or `undefined` if no captcha is shown. */
let captchaToken;

async function signIn() {
  const { path, field } = chosenLogin();
  const button = form.querySelector('button');
  button.disabled = true;
  element('failure').hidden = true;
  element('result').hidden = true;
  const captcha = captchaToken === undefined ? {} : { captchaToken, captchaCode: element('captcha-code').value };
  try {
    const credentials = { [field]: element('name').value, password: element('password').value };
    const login = await post(path, { ...credentials, ...captcha });
    element('password').value = '';
    hideCaptcha();
    await showResult(login);
  } catch (error) {
    // GenAuth requires one more step, for example a second factor. Its page can complete it.
    if (error.next?.kind === 'redirect') {
      location.assign(error.next.url);
      return;
    }
    showFailure(error.message);
    // A captcha is valid for one sign-in attempt only, so each failed attempt needs a new captcha.
    if (error.code === 'captcha_required' || captchaToken !== undefined) await showCaptcha().catch(hideCaptcha);
  } finally {
    button.disabled = false;
  }
}

async function showCaptcha() {
  const { svg, token } = await call('auth/captcha');
  captchaToken = token;
  // An SVG in an <img> cannot run scripts in this page.
  element('captcha-picture').src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  element('captcha-code').value = '';
  element('captcha').hidden = false;
}

function hideCaptcha() {
  captchaToken = undefined;
  element('captcha').hidden = true;
}

/** The response to the last login or refresh, which the page shows. */
let session;

element('refresh').addEventListener('click', () => {
  void act(async () => showResult(await post('auth/refresh', { refreshToken: session.refreshToken })));
});

element('logout').addEventListener('click', () => {
  const { accessToken, idToken, refreshToken } = session;
  void act(async () => {
    await post('auth/logout', { accessToken, idToken, refreshToken });
    session = undefined;
    element('result').hidden = true;
  });
});

async function act(run) {
  element('failure').hidden = true;
  try {
    await run();
  } catch (error) {
    showFailure(error.message);
  }
}

function showFailure(text) {
  element('failure').textContent = text;
  element('failure').hidden = false;
}

/** Shows the result of a sign-in on GenAuth's page, from which the browser has just returned. */
function showReturn() {
  const signedIn = element('signed-in');
  const code = new URLSearchParams(location.search).get('error');
  if (signedIn !== null) {
    const { returnTo, ...login } = JSON.parse(signedIn.textContent);
    signedIn.remove();
    // The address of the callback must not stay in the history, because it works only once.
    history.replaceState(null, '', returnTo);
    void act(() => showResult(login));
  } else if (code !== null) {
    history.replaceState(null, '', location.pathname);
    showFailure(`The sign-in on GenAuth's page was not completed. (${code})`);
  }
}

/** Shows the responses of the routes that require a role or a scope. */
async function showRoutes(headers) {
  for (const route of ['admin', 'orders']) {
    const text = await call(route, { headers }).then(JSON.stringify, (error) => error.message);
    element(route).textContent = text;
  }
}

async function showResult(login) {
  session = login;
  const expires = new Date(login.expiresAt);
  element('expires').textContent = expires.toLocaleString();
  element('expires').dateTime = expires.toISOString();
  element('user').textContent = JSON.stringify(login.user, null, 2);
  const headers = { authorization: `Bearer ${login.accessToken}` };
  const me = await call('me', { headers });
  element('me').textContent = JSON.stringify(me, null, 2);
  element('refresh').hidden = login.refreshToken === undefined;
  await showRoutes(headers);
  // The route `demo/last-sign-in` has data only with the emulator. With a real GenAuth tenant this part of the page
  // stays hidden.
  const received = await call('demo/last-sign-in').catch(() => undefined);
  element('received-part').hidden = received === undefined;
  element('client-ip').textContent = received?.clientIp ?? 'none';
  element('context').textContent = JSON.stringify(received?.context ?? null);
  // If the user has signed out since the request, the result stays hidden.
  if (session === login) element('result').hidden = false;
}

function post(path, body) {
  return call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function call(path, init) {
  const response = await fetch(path, init);
  const body = await response.json().catch(() => ({ message: `HTTP ${response.status}` }));
  if (response.ok) return body;
  const { code, next } = body;
  throw Object.assign(new Error(`${body.message} (${code ?? response.status})`), { code, next });
}

showReturn();
