// The section "Codes and limits": captchas, codes of the second factor, and the limits of failed sign-ins.
import { get, onClick, onSubmit, post } from './api.mjs';
import {
  chosenText,
  create,
  createRow,
  element,
  formatTime,
  setTag,
  setText,
  updateList,
  updateOptions,
} from './dom.mjs';
import { listChoices } from './users.mjs';

/** The `sub` of the user whose one-time password is shown. `undefined`: none. */
let totpAccount;

export async function refresh() {
  const paths = ['/captchas', '/codes', '/login-protection'];
  const [[captchas, { codes }, protection], choices] = await Promise.all([Promise.all(paths.map(get)), listChoices()]);
  updateOptions(element('totp-account'), choices);
  updateList(element('captcha-list'), captchas, ({ captchaToken }) => captchaToken, createCaptcha);
  const sent = codes.map((code, i) => ({ ...code, key: `${i} ${code.at} ${code.code}` })).toReversed();
  updateList(element('sent-list'), sent, ({ key }) => key, createSentCode);
  showProtection(protection);
  if (choices.some(({ value }) => value === totpAccount)) await showTotp();
  else element('totp-result').hidden = true;
}

function createCaptcha({ captchaCode, captchaCodeSvg, expiresAt }) {
  // An SVG in an `<img>` cannot run scripts in this page.
  const src = `data:image/svg+xml,${encodeURIComponent(captchaCodeSvg)}`;
  const node = create(
    'li',
    {},
    create('img', { src, alt: 'Picture of the captcha', width: 120, height: 40 }),
    create('p', {}, 'Code ', create('code', { className: 'big' }, captchaCode)),
    create('p', { className: 'meta' }, `Expires ${formatTime(expiresAt)}`),
  );
  return { node, update() {} };
}

function createSentCode({ account, at, code, destination, factor }) {
  const title = create('div', { className: 'title' }, create('code', { className: 'big' }, code), account);
  const meta = create('p', { className: 'meta' }, `${factor} to ${destination}, ${formatTime(at)}`);
  return { node: createRow([title, meta]), update() {} };
}

/** Shows the current code. It changes every 30 seconds. */
async function showTotp() {
  const { code, secret } = await post('/totp', { account: totpAccount });
  setText(element('totp-code'), code);
  setText(element('totp-secret'), secret);
  element('totp-result').hidden = false;
}

function showProtection({ accounts, captchaAfter = 'never', lockAfter = 'never' }) {
  setText(element('limits'), `Captcha after: ${captchaAfter}. Lock after: ${lockAfter}.`);
  fillIn('captcha-after', captchaAfter);
  fillIn('lock-after', lockAfter);
  // A user and an AD account can have the same name. The button unlocks both, so they share a row.
  const names = [...new Set(accounts.map(({ account }) => account))];
  const rows = names.map((account) => {
    const same = accounts.filter((each) => each.account === account);
    return {
      account,
      failures: Math.max(...same.map(({ failures }) => failures)),
      isLocked: same.some(({ isLocked }) => isLocked),
      requiresCaptcha: same.some(({ requiresCaptcha }) => requiresCaptcha),
    };
  });
  updateList(element('failure-list'), rows, ({ account }) => account, createFailures);
}

/** The limits that the fields show. A field is filled in again only after a change at the emulator. */
const filledIn = new Map();

function fillIn(id, limit) {
  if (filledIn.get(id) === limit) return;
  filledIn.set(id, limit);
  element(id).value = limit === 'never' ? '' : String(limit);
}

function createFailures({ account }) {
  const count = create('span');
  const unlock = create('button', { type: 'button', className: 'quiet', ariaLabel: `Unlock ${account}` }, 'Unlock');
  onClick(unlock, async () => {
    await post('/unlock', { account });
    return `The failed sign-ins of ${account} are forgotten.`;
  });
  const title = create('div', { className: 'title' }, create('strong', {}, account), count);
  return {
    node: createRow([title], unlock),
    update({ failures, isLocked, requiresCaptcha }) {
      const state = isLocked ? 'locked' : requiresCaptcha ? 'captcha required' : 'can sign in';
      setTag(count, `${failures} failed, ${state}`, isLocked ? 'bad' : 'warn');
    },
  };
}

onSubmit(element('totp'), async ({ account }) => {
  totpAccount = account;
  await showTotp();
  return `The code of ${chosenText(element('totp-account'))} is ${element('totp-code').textContent}.`;
});

onSubmit(element('protection'), async (fields) => {
  const limits = Object.entries(fields).map(([name, value]) => [name, Number(value)]);
  await post('/login-protection', Object.fromEntries(limits));
  return 'The limits are set.';
});
