import { decodeJwt } from 'jose';
import { type EmulatorUser, GenAuthEmulator } from '../../../src/emulator/index.js';
import { asForm, asUser, inTurn, send, signIn, useEmulator, verify, WRONG } from '../support.js';
import { Browser, getTokensOf } from './browser.js';

const emulator = useEmulator({ tenants: ['t-1'] });

const DAVE = { username: 'dave', email: 'dave@example.com', phone_number: '+8613800000077', password: 'passw0rd' };
const change = (changes: Partial<EmulatorUser>) => emulator().updateUser('dave', changes);
beforeEach(() => void emulator().addUser(DAVE));
afterEach(() => emulator().removeUser('dave'));

/** Opens the page and signs in dave, who has these states. */
async function openDave(states: Partial<EmulatorUser>, query = {}) {
  change(states);
  const browser = new Browser(emulator());
  return { browser, page: await browser.signIn('dave', query) };
}
const getDave = () => send(`${emulator().url}/emulator/v1/users`).then(({ text }) => findDave(text));
function findDave(text: string): object | undefined {
  const { users } = JSON.parse(text) as { users: { username?: string }[] };
  return users.find(({ username }) => username === 'dave');
}
const outcomes = () => emulator().signIns.map(({ outcome }) => outcome);

describe('the sign-in', () => {
  it.each<[string, Record<string, string>, string]>([
    ['alice', { connection: 'PASSWORD', account: 'alice@example.com', password: 'passw0rd' }, 'alice@example.com'],
    ['an AD account', { connection: 'AD', sAMAccountName: 'ZHANGSAN', password: 'AdPassw0rd' }, 'zhangsan@example.com'],
  ])('of %s redirects with a code for verifiable tokens, and is recorded', async (_title, form, email) => {
    const browser = new Browser(emulator());
    expect((await browser.open({ login_page_context: 'ctx', tenant_id: 't-1' })).title).toBe('Sign in');
    const answer = await browser.submit('login', form);
    const code: unknown = expect.any(String);
    expect([answer.status, answer.callback]).toEqual([303, { a: '1', code, state: 'state-1' }]);
    const { payload } = await verify(emulator(), (await getTokensOf(emulator(), answer)).id_token);
    expect(payload).toMatchObject({ email, nonce: 'nonce-1' });
    const options = { scope: 'openid profile email', tenantId: 't-1', context: 'ctx' };
    const { connection, account = form['sAMAccountName'] } = form;
    const record = { connection, account, clientIp: null, context: 'ctx', options };
    const requestId: unknown = expect.stringMatching(/^[\da-f-]{36}$/);
    expect(emulator().signIns).toEqual([{ ...record, requestId, outcome: 'success' }]);
  });

  it('shows a wrong password and an empty form, and then accepts the right password', async () => {
    const browser = new Browser(emulator());
    const pages = [await browser.signIn('alice', {}, 'wrong'), await browser.submit('login')];
    const refused = { status: 200, title: 'Sign in', notice: `${WRONG.message} (403 / 2333)`, location: '' };
    expect(pages).toMatchObject([refused, refused]);
    const right = { connection: 'PASSWORD', account: 'alice', password: 'passw0rd' };
    expect((await browser.submit('login', right)).status).toBe(303);
    expect(outcomes()).toEqual(['invalid_credentials', 'invalid_credentials', 'success']);
  });

  it.each<[string, Partial<EmulatorUser>, object, string]>([
    ['a disabled user', { disabled: true }, {}, 'account_disabled'],
    ['a locked user', { lockout: true }, {}, 'account_locked'],
    ['a user with an answer', { signInAnswer: { statusCode: 403, apiCode: 1576 } }, {}, 'answered'],
    ['a user at another tenant', { tenants: [] }, { tenant_id: 't-1' }, 'tenant_refused'],
    ['a user at an unknown tenant', {}, { tenant_id: 't-2' }, 'tenant_refused'],
  ])('of %s stays on the page and is recorded', async (_title, states, query, outcome) => {
    const { page } = await openDave(states, query);
    expect(page).toMatchObject({ status: 200, title: 'Sign in', notice: expect.stringMatching(/ \(403 \/ \d+\)$/) });
    expect(outcomes()).toEqual([outcome]);
  });

  it('shows a queued answer', async () => {
    emulator().answerSignIn({ statusCode: 429 });
    expect((await openDave({})).page.notice).toBe('The sign-in was refused. (429)');
  });

  it('shares the captcha and the lock with the API', async () => {
    emulator().protectLogins({ captchaAfter: 1 });
    const browser = new Browser(emulator());
    await browser.signIn('dave', {}, 'wrong');
    expect((await signIn(emulator(), asUser('dave'))).code).toBe(2000);
    const form = { connection: 'PASSWORD', account: 'dave', password: 'passw0rd' };
    const [required, wrong] = [
      await browser.signIn('dave'),
      await browser.submit('login', { ...form, captcha_code: 'x' }),
    ];
    expect(required.notice).toMatch(/2000\)$/);
    expect(wrong.notice).toMatch(/2001\)$/);
    const [captcha_code, captcha_token] = [/>(\w{4})<\/text>/, /name="captcha_token" value="([\w-]+)"/].map(
      (pattern) => pattern.exec(wrong.text)?.[1] ?? '',
    ) as [string, string];
    expect((await browser.submit('login', { ...form, captcha_code, captcha_token })).status).toBe(303);
    emulator().protectLogins({ lockAfter: 2 });
    await signIn(emulator(), asUser('dave', 'wrong'));
    await browser.signIn('dave', { prompt: 'login' }, 'wrong');
    expect((await browser.submit('login', form)).notice).toMatch(/2005\)$/);
    expect((await signIn(emulator(), asUser('dave'))).code).toBe(2005);
  });

  it('with AD is offered only if an AD account can sign in', async () => {
    await using none = await new GenAuthEmulator({ adAccounts: [] }).start();
    const texts = await inTurn([emulator(), none], async (own) => (await new Browser(own).open()).text);
    expect(texts.map((text) => text.includes('name="sAMAccountName"'))).toEqual([true, false]);
    const wrong = await new Browser(emulator()).open();
    expect(wrong.text).toMatch(/id="tab-password" +checked/);
    const browser = new Browser(emulator());
    await browser.open();
    const refused = await browser.submit('login', { connection: 'AD', sAMAccountName: 'zhangsan', password: 'x' });
    expect(refused.text).toMatch(/id="tab-ad" +checked/);
  });

  it('with the option ad asks the directory, and refuses other host names', async () => {
    const ad = (name: string) => (name === 'lisi' ? { claims: { email: 'lisi@example.com' } } : undefined);
    await using own = await new GenAuthEmulator({ ad }).start();
    const browser = new Browser(own);
    await browser.open();
    const form = asForm({ step: 'login', connection: 'AD', sAMAccountName: 'lisi', password: 'p' });
    const [[name, value] = []] = browser.cookies;
    const post = (headers: Record<string, string>) =>
      send(`${own.url}${browser.interaction}/login`, {
        ...form,
        headers: { ...form.headers, cookie: `${name}=${value}`, ...headers },
      });
    const foreign = [{ host: 'evil.example' }, { origin: 'https://evil.example' }];
    const refused = await inTurn(foreign, async (each) => (await post(each)).text);
    expect(refused).toEqual(Array(2).fill(expect.stringContaining('Web pages of other origins may not sign in')));
    expect((await post({ origin: 'null' })).status).toBe(303);
    own.updateAdAccount('lisi', { mustChangePassword: true });
    await browser.open({ prompt: 'login' });
    await browser.submit('login', { connection: 'AD', sAMAccountName: 'lisi', password: 'p' });
    const twice = { new_password: 'passw1rd', new_password_repeat: 'passw1rd' };
    expect((await browser.submit('password', twice)).notice).toMatch(/^The directory has the password/);
  });
});

describe('a step after the password', () => {
  it('follows in a fixed order to the tokens, and only then the sign-in is a success', async () => {
    const all = { mustChangePassword: true, mfa: true, profileRequired: true, bindingRequired: true };
    const { browser, page } = await openDave(all, { prompt: 'consent' });
    const twice = { new_password: 'passw1rd', new_password_repeat: 'passw1rd' };
    const otp = { factor: 'OTP', action: 'verify', code: emulator().totp('dave').code };
    const pages = [
      page,
      await browser.submit('password', twice),
      await browser.submit('mfa', otp),
      await browser.submit('profile', { name: ' Dave Example ' }),
      await browser.submit('binding', { email: ' new@example.com ' }),
    ];
    const titles = ['Set a new password', 'Second factor', 'Complete your profile', 'Bind an e-mail address'];
    expect(pages.map(({ title }) => title)).toEqual([...titles, 'Allow the access']);
    expect(outcomes()).toEqual(['password_change_required']);
    const tokens = await getTokensOf(emulator(), await browser.visit(`${browser.interaction}/confirm`, {}));
    expect(decodeJwt(tokens.id_token)).toMatchObject({ name: 'Dave Example', email: 'new@example.com' });
    expect(tokens.refresh_token).toMatch(/^[\w-]{43}$/);
    expect(outcomes()).toEqual(['password_change_required', 'success']);
    expect(new Set(emulator().signIns.map(({ requestId }) => requestId)).size).toBe(2);
    const cleared = { mustChangePassword: false, profileRequired: false, bindingRequired: false };
    expect(await getDave()).toMatchObject({ ...cleared, mfa: true });
  });

  it.each([true, 'first_login'] as const)('mustChangePassword %s sets the password for the API too', async (state) => {
    const { browser } = await openDave({ mustChangePassword: state });
    const answers = await inTurn(
      [
        ['', ''],
        ['abcde', 'abcde'],
        ['abcdef', 'abcdeg'],
        ['passw0rd', 'passw0rd'],
      ],
      ([first = '', second = '']) => browser.submit('password', { new_password: first, new_password_repeat: second }),
    );
    const short = 'The new password must have at least 6 characters.';
    const refusals = [short, short, 'The two new passwords differ.'];
    const texts = [...refusals, 'The new password must differ from the old password.'];
    expect(answers.map(({ notice }) => notice)).toEqual(texts);
    const right = await browser.submit('password', { new_password: 'abcdef', new_password_repeat: 'abcdef' });
    expect(right.status).toBe(303);
    const codes = await inTurn(['passw0rd', 'abcdef'], (password) => signIn(emulator(), asUser('dave', password)));
    expect(codes.map(({ code }) => code)).toEqual([2333, 200]);
  });

  it('mfa refuses a wrong code of OTP, and accepts the code of the emulator', async () => {
    const { browser, page } = await openDave({ mfa: 'personal' });
    const codes = ['', '12345x', emulator().totp('dave').code];
    const answers = await inTurn(codes, (code) => browser.submit('mfa', { factor: 'OTP', code }));
    const wrong = { status: 200, title: page.title, notice: 'The code is wrong or expired.' };
    expect(answers).toMatchObject([wrong, wrong, { status: 303 }]);
  });

  it.each([
    ['SMS', '+8613800000077'],
    ['EMAIL', 'dave@example.com'],
  ])('mfa by %s accepts only the last code that was sent to %s', async (factor, destination) => {
    const { browser, page } = await openDave({ mfa: [factor, 'FACE'] });
    expect(page.text).toContain(`Send a code to ${destination}`);
    expect(page.text).not.toContain('FACE');
    const wrong = 'The code is wrong or expired.';
    expect((await browser.submit('mfa', { factor, code: '' })).notice).toBe(wrong);
    const sent = await inTurn([1, 2], () => browser.submit('mfa', { factor, action: 'send', code: '' }));
    expect(sent.map(({ notice }) => notice)).toEqual(Array(2).fill(`A code was sent to ${destination}.`));
    const { body } = await send(`${emulator().url}/emulator/v1/codes`);
    expect(body).toEqual({ codes: emulator().codes() });
    const [first, last] = emulator().codes();
    const at: unknown = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(last).toEqual({ account: 'dave', factor, destination, code: expect.stringMatching(/^\d{6}$/), at });
    emulator().setClockDrift(300);
    expect((await browser.submit('mfa', { factor, code: last?.code ?? '' })).notice).toBe(wrong);
    emulator().setClockDrift(0);
    const codes = new Set([first?.code, last?.code]);
    const answers = await inTurn([...codes], (code = '') => browser.submit('mfa', { factor, code }));
    expect(answers.at(-1)?.status).toBe(303);
    emulator().reset();
    expect(emulator().codes()).toEqual([]);
  });

  it('mfa offers no factor without a destination, and no factor that the user does not need', async () => {
    emulator().updateUser('bob', { mfa: true });
    const browser = new Browser(emulator());
    const page = await browser.signIn('bob');
    expect([page.text.includes('value="OTP"'), page.text.includes('value="SMS"')]).toEqual([true, false]);
    expect((await browser.submit('mfa', { factor: 'SMS', action: 'send' })).notice).toBe('Choose one of the factors.');
    emulator().updateUser('bob', { mfa: ['SMS', 'toString'] });
    expect((await browser.visit('/x')).status).toBe(404);
    expect((await browser.submit('other')).text).toContain('none of the required factors');
    emulator().updateUser('bob', { mfa: false });
    expect(emulator().codes()).toEqual([]);
  });

  it('profile and binding refuse a wrong value, and the address of another user', async () => {
    const { browser } = await openDave({ profileRequired: true, bindingRequired: true });
    const empty = await browser.submit('profile', { name: '  ' });
    await browser.submit('profile', { name: 'D' });
    const answers = await inTurn(['', 'x', 'Alice@example.com'], (email) => browser.submit('binding', { email }));
    const texts = [empty, ...answers].map(({ notice }) => notice);
    const wrong: unknown = expect.stringMatching(/^changes\.email: expected/);
    const taken: unknown = expect.stringMatching(/already belongs to another user/);
    expect(texts).toEqual(['Enter a name.', wrong, wrong, taken]);
  });

  it('binding changes an AD account', async () => {
    emulator().addAdAccount({ sAMAccountName: 'Wang', password: 'AdPassw0rd', bindingRequired: true });
    const browser = new Browser(emulator());
    await browser.open();
    await browser.submit('login', { connection: 'AD', sAMAccountName: 'wang', password: 'AdPassw0rd' });
    const answer = await browser.submit('binding', { email: 'alice@example.com' });
    emulator().removeAdAccount('wang');
    expect(answer.status).toBe(303);
  });
});

describe('the page', () => {
  it.each<[string, Partial<EmulatorUser>, object]>([
    ['Set a new password', { mustChangePassword: true }, {}],
    ['Second factor', { mfa: true }, {}],
    ['Complete your profile', { profileRequired: true }, {}],
    ['Bind an e-mail address', { bindingRequired: true }, {}],
    ['Allow the access', {}, { prompt: 'consent' }],
    ['Sign in', { disabled: true }, {}],
  ])('%s has a button that cancels, and does not skip the step', async (title, states, query) => {
    const { browser, page } = await openDave(states, query);
    expect(page.text).toContain(`action="${browser.interaction}/abort"><button>Cancel</button>`);
    const { callback: early, ...again } = await browser.visit(`${browser.interaction}/login`, { step: 'x' });
    expect([page.title, again.title, again.notice, early]).toEqual([title, title, undefined, undefined]);
    const { status, callback } = await browser.visit(`${browser.interaction}/abort`, {});
    const error_description = 'the user canceled the sign-in';
    const expected = { a: '1', error: 'access_denied', error_description, state: 'state-1' };
    expect([status, callback]).toEqual([303, expected]);
    expect((await browser.submit('login')).status).toBe(400);
  });

  it('ignores a consent during another step', async () => {
    const { browser } = await openDave({ profileRequired: true }, { prompt: 'consent' });
    expect((await browser.visit(`${browser.interaction}/confirm`, {})).title).toBe('Complete your profile');
    expect((await browser.submit('profile', { name: 'D' })).title).toBe('Allow the access');
  });

  it('asks for the second factor again when the user signs in again', async () => {
    const { browser } = await openDave({ mfa: true, profileRequired: true });
    await browser.submit('mfa', { factor: 'OTP', code: emulator().totp('dave').code });
    change({ disabled: true });
    expect((await browser.submit('profile', { name: 'D' })).title).toBe('Sign in');
    change({ disabled: false });
    const form = { connection: 'PASSWORD', account: 'dave', password: 'passw0rd' };
    expect((await browser.submit('login', form)).title).toBe('Second factor');
  });

  it('shows the current step when it is loaded again, also for two sign-ins of one browser', async () => {
    const { browser } = await openDave({ mfa: true });
    const first = browser.interaction;
    expect((await browser.open()).title).toBe('Sign in');
    const again = await browser.visit(`/login?finish_login_url=${encodeURIComponent(`${first}/login`)}`);
    expect(again.title).toBe('Second factor');
  });

  it.each<[string, (browser: Browser) => unknown]>([
    ['in another browser', (browser) => browser.cookies.set('genauth_emulator_browser', 'x'.repeat(43))],
    ['without the cookie', (browser) => browser.cookies.clear()],
    ['after one hour', () => emulator().setClockDrift(3600)],
    ['with another id', (browser) => (browser.interaction = `/interaction/oidc/${crypto.randomUUID()}`)],
  ])('refuses a sign-in %s with every form', async (_title, spoil) => {
    const browser = new Browser(emulator());
    await browser.open();
    await spoil(browser);
    const { interaction } = browser;
    const paths = ['login', 'confirm', 'abort'].map((action) => `${interaction}/${action}`);
    const page = `/login?finish_login_url=${encodeURIComponent(`${interaction}/login`)}`;
    const answers = await inTurn(paths, (path) => browser.visit(path, {}));
    expect([...answers, await browser.visit(page), await browser.visit('/login')]).toMatchObject(
      Array(5).fill({ status: 400, location: '', title: 'The request was refused' }),
    );
  });

  it('refuses a sign-in that is complete, and a form that is no form', async () => {
    const { browser, page } = await openDave({});
    expect([page.status, (await browser.submit('login')).status]).toEqual([303, 400]);
    await browser.open({ prompt: 'login' });
    const [[name, value] = []] = browser.cookies;
    const request = { method: 'POST', headers: { cookie: `${name}=${value}`, 'content-type': 'text/plain' } };
    const { status } = await send(`${emulator().url}${browser.interaction}/login`, { ...request, body: 'step=login' });
    expect(status).toBe(400);
  });

  it('returns to the sign-in when the user is disabled, locked or removed meanwhile', async () => {
    const ways = [
      () => change({ disabled: true }),
      () => change({ lockout: true }),
      () => (emulator().removeUser('dave'), emulator().addUser(DAVE)),
    ];
    const pages = await inTurn(ways, async (end) => {
      const { browser } = await openDave({ profileRequired: true, disabled: false, lockout: false });
      end();
      return browser.submit('profile', { name: 'D' });
    });
    expect(pages).toMatchObject(
      Array(3).fill({ status: 200, title: 'Sign in', notice: expect.stringMatching(/\(403/) }),
    );
    expect(await getDave()).not.toHaveProperty('name');
  });

  it('escapes every text of a request and of a user', async () => {
    const attack = '"><script>alert(1)</script>&\'';
    const escaped = '&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#39;';
    const browser = new Browser(emulator());
    const query = { login_page_context: attack, state: attack, nonce: attack };
    emulator().answerSignIn({ statusCode: 403, message: attack });
    const page = await browser.signIn(attack, query);
    expect(page.text.split(escaped)).toHaveLength(3);
    change({ email: `${attack.replaceAll(' ', '')}@x`, mfa: ['EMAIL'] });
    const factor = await browser.submit('login', { connection: 'PASSWORD', account: 'dave', password: 'passw0rd' });
    const sent = await browser.submit('mfa', { factor: 'EMAIL', action: 'send' });
    expect(factor.text.split(`${escaped}@x`)).toHaveLength(2);
    expect(sent.text.split(`${escaped}@x`)).toHaveLength(3);
    const error = await browser.open({ prompt: attack });
    expect([page, factor, sent, error].map(({ text }) => text.includes('<script'))).toEqual(Array(4).fill(false));
    const { callback } = await browser.visit(`${browser.interaction}/abort`, {});
    expect(callback?.['state']).toBe(attack);
  });
});
