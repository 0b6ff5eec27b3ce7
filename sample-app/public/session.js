import { call, post } from './api.js';
import { announce, create, element, runBusy, showNotice, showView, texts } from './dom.js';
import { clearForm, openForm } from './form.js';
import { describeCode, findOwn } from './texts.js';

/** The claims of each scope. */
const CLAIMS = {
  openid: 'sub',
  profile: [
    'name given_name family_name middle_name nickname preferred_username gender birthdate',
    'locale zoneinfo picture profile website updated_at',
  ].join(' '),
  username: 'username',
  email: 'email email_verified',
  phone: 'phone_number phone_number_verified',
  address: 'address',
  roles: 'roles',
};
const CALLS = ['me', 'admin', 'orders'];

/** The response to the last login or refresh, or `undefined` if the user is signed out. */
let session;
/** How often the session was renewed. */
let renewals = 0;
/** A promise of the settings of the sample application. */
let settings;

/** Connects the buttons of the signed-in page. */
export function setUpSession(givenSettings) {
  settings = givenSettings;
  element('logout').addEventListener('click', () => void runBusy(element('logout'), texts.signingOut, signOut));
  element('refresh').addEventListener('click', () => void runBusy(element('refresh'), texts.refreshing, renew));
  element('sign-in-again').addEventListener('click', () => {
    closeSession();
    openForm();
  });
  // The distance to the end of the session changes with time.
  setInterval(() => session !== undefined && showValidity(), 20_000);
}

/** Shows the user who has signed in. */
export function openSession(login) {
  session = login;
  renewals = 0;
  for (const id of ['logout-failure', 'refresh-failure']) element(id).hidden = true;
  element('renewed').textContent = login.refreshToken === undefined ? texts.notRenewable : '';
  element('refresh').hidden = login.refreshToken === undefined;
  element('received').hidden = true;
  showUser(login.user);
  showValidity();
  showView('session');
  document.title = texts.signedInTitle;
  element('hello').focus();
  announce(texts.signedInNow(findName(login.user)));
  void showCalls();
  void showReceived();
}

/** Forgets the tokens, and removes everything about the user from the page. */
function closeSession() {
  session = undefined;
  for (const id of ['initial', 'hello', 'roles', 'validity', 'renewed', 'calls', 'claims'])
    element(id).replaceChildren();
  for (const id of ['client-ip', 'user-agent', 'context']) element(id).textContent = '';
  element('empty-claims').open = false;
}

const findName = (user) => user.name ?? user.nickname ?? user.preferred_username ?? user.username ?? user.sub;

function showUser(user) {
  const name = findName(user);
  element('initial').textContent = Array.from(name)[0]?.toUpperCase() ?? '';
  element('hello').textContent = texts.hello(user.given_name ?? name);
  element('roles').textContent = describeRoles(name, user.roles);
  showClaims(user);
}

function describeRoles(name, roles) {
  if (roles === undefined) return texts.rolesUnknown(name);
  const codes = roles.map((role) => (typeof role === 'string' ? role : role.code));
  return codes.length === 0 ? texts.noRole(name) : texts.roles(name, codes);
}

function showValidity() {
  if (session.hasEnded) {
    element('validity').textContent = texts.ended;
    return;
  }
  const expiry = new Date(session.expiresAt);
  const date = expiry.toLocaleString(texts.htmlLang, { dateStyle: 'medium', timeStyle: 'short' });
  const text = expiry > Date.now() ? texts.validity('\n', formatDistance(expiry)) : texts.expired('\n');
  const [before, after] = text.split('\n');
  element('validity').replaceChildren(before, create('time', { datetime: expiry.toISOString() }, date), after);
}

/** Returns the distance from now in words, for example `in 14 days`. */
function formatDistance(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const [unit, size] = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ].find(([, each]) => seconds >= 2 * each) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(texts.htmlLang).format(Math.round(seconds / size), unit);
}

async function renew() {
  const current = session;
  showNotice(element('refresh-failure'), '', element('refresh-failure-text'));
  try {
    const login = await post('auth/refresh', { refreshToken: current.refreshToken });
    // The user has signed out since the request, so the new tokens must end, too.
    if (session !== current) return void (await revoke(login).catch(() => {}));
    // GenAuth may issue no new refresh token and no new id_token. Then the former token and the former user stay.
    session = { ...login, refreshToken: login.refreshToken ?? current.refreshToken, user: login.user ?? current.user };
    renewals += 1;
    showUser(session.user);
    showValidity();
    showRenewal();
    await showCalls();
  } catch (failure) {
    if (session !== current) return;
    session.hasEnded = failure.status === 401;
    element('sign-in-again').hidden = !session.hasEnded;
    showValidity();
    showNotice(element('refresh-failure'), describeCode(texts, failure.code), element('refresh-failure-text'));
  }
}

function showRenewal() {
  const time = new Date().toLocaleTimeString(texts.htmlLang, { timeStyle: 'medium' });
  const renewed = element('renewed');
  renewed.textContent = texts.renewed(time, renewals);
  announce(renewed.textContent);
  // The animation starts again only if the class was absent at a layout.
  renewed.parentElement.classList.remove('changed');
  void renewed.offsetWidth;
  renewed.parentElement.classList.add('changed');
}

const revoke = ({ accessToken, idToken, refreshToken }) => post('auth/logout', { accessToken, idToken, refreshToken });

async function signOut() {
  const current = session;
  element('logout-failure').hidden = true;
  element('sign-in-again').hidden = true;
  try {
    await revoke(current);
  } catch {
    if (session !== current) return;
    element('sign-in-again').hidden = !session.hasEnded;
    showNotice(element('logout-failure'), texts.signOutFailed);
    return;
  }
  // The user has begun another session in the meantime.
  if (session !== current) return;
  closeSession();
  clearForm();
  openForm();
  announce(texts.signedOutNow);
}

/** Calls the protected routes with the access token, and shows their responses. */
async function showCalls() {
  const current = session;
  const headers = { authorization: `Bearer ${current.accessToken}` };
  const responses = CALLS.map((route) => call(route, { headers }).catch((failure) => failure));
  const rows = (await Promise.all(responses)).map((response, i) => buildCall(CALLS[i], response));
  if (session === current) element('calls').replaceChildren(...rows);
}

function buildCall(route, { status, code }) {
  const { rule, ok } = texts.calls[route];
  const isRefused = status === 401 || status === 403;
  const [word, kind] =
    status === 200 ? [texts.allowed, 'good'] : isRefused ? [texts.refused, 'bad'] : [texts.failed, 'bad'];
  const meaning = status === 200 ? ok : (findOwn(texts.callRefusals, code) ?? describeCode(texts, code));
  const number = status === 0 ? texts.noStatus : String(status);
  return create(
    'li',
    { id: route },
    create('span', { class: `status ${kind}` }, create('strong', {}, number), ` ${word}`),
    create('div', {}, create('code', {}, `GET /${route}`), ' ', create('span', { class: 'muted' }, rule)),
    create('p', {}, meaning),
  );
}

function showClaims(user) {
  const isEmpty = (value) => value === null || value === undefined || value === '' || isEmptyContainer(value);
  const known = new Set(Object.values(CLAIMS).join(' ').split(' '));
  const others = Object.keys(user).filter((claim) => !known.has(claim));
  const groups = Object.entries(CLAIMS).map(([scope, claims]) => [scope, claims.split(' ')]);
  groups.push([texts.otherClaims, others]);
  const bodies = groups.flatMap(([scope, claims]) => {
    const given = claims.filter((claim) => claim in user && !isEmpty(user[claim]));
    return given.length === 0 ? [] : [buildGroup(scope, given, user)];
  });
  const titles = [texts.scope, texts.claim, texts.value].map((title) => create('th', { scope: 'col' }, title));
  element('claims').replaceChildren(create('thead', {}, create('tr', {}, ...titles)), ...bodies);
  const empty = Object.keys(user).filter((claim) => isEmpty(user[claim]));
  element('empty-claims').hidden = empty.length === 0;
  element('empty-claims').querySelector('summary').textContent = texts.emptyClaims(empty.length);
  element('empty-claims').querySelector('p').textContent = empty.join(', ');
}

const isEmptyContainer = (value) => typeof value === 'object' && Object.keys(value).length === 0;

function buildGroup(scope, claims, user) {
  const rows = claims.map((claim, i) => {
    const name = create('th', { scope: 'row' }, create('code', {}, ...breakAtUnderscores(claim)));
    const value = create('td', {}, formatValue(user[claim]));
    const head = create('th', { scope: 'rowgroup', rowspan: claims.length }, scope);
    return create('tr', {}, ...(i === 0 ? [head] : []), name, value);
  });
  return create('tbody', {}, ...rows);
}

/** Lets a long name break after an underscore, on a narrow screen. */
function breakAtUnderscores(name) {
  return name.split(/(?<=_)/).flatMap((part) => [part, create('wbr', {})]);
}

function formatValue(value) {
  if (typeof value === 'boolean') return value ? texts.yes : texts.no;
  if (Array.isArray(value)) return value.map((each) => each?.code ?? formatValue(each)).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

async function showReceived() {
  const current = session;
  // Only the emulator can say what it received. A tenant has an audit log in GenAuth's console.
  if ((await settings).emulator === null) return;
  const received = await call('demo/last-sign-in').then(
    ({ body }) => body,
    () => undefined,
  );
  if (received === undefined || session !== current) return;
  const { source, userAgent } = received.context ?? {};
  element('client-ip').textContent = received.clientIp ?? texts.nothing;
  element('user-agent').textContent = userAgent ?? texts.nothing;
  element('context').textContent = source ?? texts.nothing;
  element('received').hidden = false;
}
