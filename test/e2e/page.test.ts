import type { Browser, Page } from 'playwright-core';
import { send } from '../support/nest-app.js';
import { Gate } from '../support/promise.js';
import { createPage, getFocus, getOverflow, loadTexts, resetPage } from './sample-page.js';
import { describeInBrowser, findAccessibilityMistakes, launchBrowser } from '../support/browser.js';
import { type RunningSample, SAMPLES, startSample } from './sample.js';

/** The variables with which the page requires a captcha and locks accounts after wrong passwords. */
const LOGIN_PROTECTION = { EMULATOR_CAPTCHA_AFTER: '3', EMULATOR_LOCK_AFTER: '6' };

const { TEXTS, chooseLanguage } = await loadTexts();

describe('the texts of the page', () => {
  /** The names of all texts, with the number of values that they need. */
  function listTexts(texts: object, path = ''): string[] {
    return Object.entries(texts).flatMap(([name, text]: [string, unknown]) => {
      if (typeof text === 'object' && text !== null) return listTexts(text, `${path}${name}.`);
      return [typeof text === 'function' ? `${path}${name}(${text.length})` : `${path}${name}`];
    });
  }

  it('are the same texts in both languages', () => {
    expect(listTexts(TEXTS.zh)).toEqual(listTexts(TEXTS.en));
  });

  it.each(['en', 'zh'] as const)('name no code (%s)', (language) => {
    expect(JSON.stringify(Object.values(TEXTS[language].codes))).not.toMatch(/[a-z]_[a-z]/);
  });

  it.each([
    [['zh-TW', 'en'], 'zh'],
    [['fr-FR', 'ZH-cn', 'en'], 'zh'],
    [['en-GB', 'zh'], 'en'],
    [['fr', 'constructor'], 'en'],
    [[], 'en'],
  ])('of a browser with the languages %j are in the language %s', (languages, language) => {
    expect(chooseLanguage(languages)).toBe(language);
  });
});

describeInBrowser('the page of the sample in a browser', () => {
  let browser: Browser;
  let samples: RunningSample[];
  let page: Page;
  /** A page for each language, because a new page takes a second. */
  const pages = new Map<string, Page>();
  const faults: string[] = [];

  beforeAll(async () => {
    samples = await Promise.all(SAMPLES.map((name) => startSample(name, LOGIN_PROTECTION)));
    browser = await launchBrowser();
  }, 30_000);
  afterEach(async () => {
    for (const { emulatorUrl } of samples) {
      await send(`${emulatorUrl}/emulator/v1/reset`, { method: 'POST', body: {} });
    }
    expect(faults.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all((samples ?? []).map((sample) => sample.process.stop()));
  });

  // The page is the same in both samples. What does not depend on the server is tested with one of them.
  const getSample = (name: (typeof SAMPLES)[number] = 'express') => samples[SAMPLES.indexOf(name)] as RunningSample;
  async function control(method: string, path: string, body: object, name?: (typeof SAMPLES)[number]) {
    const answer = await send(`${getSample(name).emulatorUrl}/emulator/v1${path}`, { method, body });
    expect(answer.status).toBe(200);
    return answer.body;
  }

  /** Opens the page, and waits until it shows the users of the emulator. */
  async function open(name?: (typeof SAMPLES)[number], locale = 'en-US'): Promise<void> {
    page = pages.get(locale) ?? (await createPage(browser, locale, faults));
    pages.set(locale, page);
    await resetPage(page);
    await page.goto(getSample(name).url);
    await page.waitForSelector('#test-users:not([hidden])');
  }
  async function sendForm(account: string, password: string): Promise<void> {
    await page.fill('#name', account);
    await page.fill('#password', password);
    await page.click('#submit');
  }
  /** Sends the form, and waits until the page shows the refusal. */
  async function fail(account: string, password = 'wrong'): Promise<string> {
    await sendForm(account, password);
    await page.waitForSelector('#submit:not([aria-disabled])');
    await page.waitForSelector('#failure:not([hidden])');
    return (await page.textContent('#failure-text')) ?? '';
  }
  const waitForSession = () => page.waitForSelector('#session:not([hidden]) #orders');
  async function signIn(account = 'alice'): Promise<void> {
    await sendForm(account, 'passw0rd');
    await waitForSession();
  }
  const readTexts = (...selectors: string[]) =>
    Promise.all(selectors.map(async (selector) => (await page.innerText(selector)).trim()));
  const readPicture = async () => decodeURIComponent((await page.getAttribute('#captcha-picture', 'src')) ?? '');
  const readCaptcha = async () => /<text[^>]*>([^<]+)</.exec(await readPicture())?.[1] ?? '';

  describe.each(SAMPLES)('of %s', (name) => {
    it('shows the user, the expiry, the routes, the claims and what GenAuth received', async () => {
      await open(name);
      await signIn();
      const [hello, roles, validity] = await readTexts('#hello', '#roles', '#validity');
      expect([hello, roles]).toEqual(['Hello, Alice', 'Signed in as Alice Example. Role: admin.']);
      expect(validity).toMatch(/^The session is valid until .+ 2\d{3}, .+ \(in 14 days\)\.$/);
      const expiry = await page.getAttribute('#validity time', 'datetime');
      expect(Date.parse(expiry ?? '')).toBeGreaterThan(Date.now());
      const calls = await readTexts('#me .status', '#admin .status', '#orders .status');
      expect(calls).toEqual(['200 Allowed', '200 Allowed', '200 Allowed']);
      const [claims = ''] = await readTexts('#claims');
      expect(claims).toMatch(/^profile\s+name\s+Alice Example$/m);
      expect(claims).toMatch(/^email\s+email\s+alice@example\.com$/m);
      expect(claims).toMatch(/^email_verified\s+yes$/m);
      expect(claims).not.toMatch(/null|birthdate|other/);
      expect(await readTexts('#empty-claims summary')).toEqual(['6 claims without a value']);
      await page.waitForSelector('#received:not([hidden])');
      const received = await readTexts('#client-ip', '#user-agent', '#context');
      expect(received).toEqual([
        expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
        expect.stringContaining('HeadlessChrome'),
        'sample-app',
      ]);
    });

    it('serves the page with a policy that allows only its own files, and its icon', async () => {
      const { headers } = await send(getSample(name).url);
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self';/,
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      const icon = await send(`${getSample(name).url}/favicon.svg`);
      expect([icon.status, icon.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
    });
  });

  describe('before the sign-in', () => {
    it('fills in a test user, and hides the password again after it was shown', async () => {
      await open();
      await page.click('#test-user-list button:has-text("bob")');
      expect([await page.inputValue('#name'), await page.inputValue('#password')]).toEqual(['bob', 'passw0rd']);
      expect(await getFocus(page)).toBe('submit');
      await page.getByRole('button', { name: 'Show password' }).click();
      expect(await page.getAttribute('#password', 'type')).toBe('text');
      await page.getByRole('button', { name: 'Hide password' }).click();
      expect(await page.getAttribute('#password', 'type')).toBe('password');
      await page.getByRole('button', { name: 'Show password' }).click();
      await page.fill('#password', 'wrong');
      await page.click('#submit');
      await page.waitForSelector('#failure:not([hidden])');
      expect(await page.getAttribute('#password', 'type')).toBe('password');
      await page.click('#test-user-list button:has-text("zhangsan")');
      expect(await page.isVisible('#failure')).toBe(false);
      await page.keyboard.press('Enter');
      await waitForSession();
      expect(await readTexts('#hello')).toEqual(['Hello, 张三']);
    });

    it('works with the keyboard alone, and keeps the typed name when the connection changes', async () => {
      await open();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.type('zhangsan');
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('ArrowRight');
      expect(await readTexts('label[for=name]')).toEqual(['Windows account name']);
      expect(await page.inputValue('#name')).toBe('zhangsan');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.type('AdPassw0rd');
      await page.keyboard.press('Enter');
      await waitForSession();
      expect(await getFocus(page)).toBe('hello');
    });

    it('names no users and no emulator with a tenant', async () => {
      await open();
      await page.route('**/demo/settings', (route) => route.fulfill({ json: { emulator: null } }));
      const asked: string[] = [];
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
      await page.reload();
      await signIn();
      expect(asked).toContain('/demo/settings');
      expect(asked).not.toContain('/demo/last-sign-in');
      expect(await page.isVisible('#received')).toBe(false);
      await page.click('#logout');
      await page.waitForSelector('#signed-out:not([hidden])');
      expect(await page.isVisible('#test-users')).toBe(false);
      expect(await page.textContent('body')).not.toMatch(/passw0rd|alice/);
    });

    it.each([
      ['en-US', 'en', TEXTS.en],
      ['zh', 'zh-CN', TEXTS.zh],
    ] as const)('has all texts in the language of a browser with %s', async (locale, lang, texts) => {
      await open('express', locale);
      expect(await page.getAttribute('html', 'lang')).toBe(lang);
      const shown = await page.$$eval('[data-text]', (all) =>
        all.map((each) => [each.getAttribute('data-text') ?? '', each.textContent]),
      );
      const [connection] = shown.splice(
        shown.findIndex(([name]) => name === 'connection'),
        1,
      );
      expect(connection?.[1]).toBe(texts['connection']);
      expect(shown).toEqual(shown.map(([name = '']) => [name, texts[name]]));
      expect(await page.title()).toBe(texts['signInTitle']);
      expect(await fail('alice')).toBe(texts.codes['invalid_credentials']);
    });

    it('has labels that are nearer to their own field than to the field above', async () => {
      await open();
      const labels = ['name', 'password'].map((id) => page.locator(`label[for=${id}]`).boundingBox());
      const [name, password] = await Promise.all(labels);
      const fields = await Promise.all(['#name', '#password'].map((id) => page.locator(id).boundingBox()));
      const bottom = (box: typeof name) => (box?.y ?? 0) + (box?.height ?? 0);
      const toOwn = (fields[1]?.y ?? 0) - bottom(password);
      const toAbove = (password?.y ?? 0) - bottom(fields[0] ?? null);
      expect(toAbove).toBeGreaterThan(2 * toOwn);
      expect([name?.x, fields[0]?.x, fields[1]?.x]).toEqual([password?.x, password?.x, password?.x]);
    });
  });

  describe('after a refused sign-in', () => {
    it('says what is wrong, and selects the password', async () => {
      await open();
      expect(await fail('alice')).toBe('The account or the password is wrong.');
      expect(await getFocus(page)).toBe('password');
      expect(await page.evaluate('getSelection().toString().length')).toBe('wrong'.length);
      expect(await page.getAttribute('#password', 'aria-describedby')).toBe('failure-text');
      await signIn();
    });

    it('requires a captcha after three wrong passwords, and signs in with it', async () => {
      await open();
      for (let i = 0; i < 3; i += 1) await fail('bob');
      expect(await page.innerText('#failure-text')).toMatch(/ You have 3 attempts left\.$/);
      await control('POST', '/faults', { endpoint: 'captcha', status: 500, times: 1 });
      expect(await fail('bob', 'passw0rd')).toBe('Type the characters in the picture to continue.');
      // The first picture could not be loaded.
      expect(await page.isVisible('#captcha-missing')).toBe(true);
      expect([await page.isVisible('#captcha-code'), await getFocus(page)]).toEqual([false, 'another-picture']);
      await page.click('#another-picture');
      await page.waitForSelector('#captcha-code:not([hidden])');
      expect([await page.isVisible('#captcha-missing'), await getFocus(page)]).toEqual([false, 'captcha-code']);
      // The browser sends no form without the characters.
      await page.click('#submit');
      expect(await page.locator('#captcha-code:invalid').count()).toBe(1);
      const first = await page.getAttribute('#captcha-picture', 'src');
      await page.click('#another-picture');
      await page.waitForSelector(`#captcha-picture:not([src="${first}"])`);
      await page.fill('#captcha-code', 'wrong');
      expect(await fail('bob', 'passw0rd')).toBe('The characters were wrong. Try the new picture.');
      expect([await getFocus(page), await page.inputValue('#captcha-code')]).toEqual(['captcha-code', '']);
      await page.fill('#captcha-code', await readCaptcha());
      await signIn('bob');
      await page.click('#logout');
      await page.waitForSelector('#signed-out:not([hidden])');
      expect([await page.isVisible('#captcha'), await page.locator('#captcha-code[required]').count()]).toEqual([
        false,
        0,
      ]);
    });

    it('says after six wrong passwords that the account is locked, and links the page that unlocks it', async () => {
      await open();
      for (let i = 0; i < 4; i += 1) await fail('bob');
      for (let i = 4; i <= 6; i += 1) {
        await page.fill('#captcha-code', await readCaptcha());
        expect(await fail('bob')).toMatch(/^The account or the password is wrong\./);
      }
      await page.fill('#captcha-code', await readCaptcha());
      await fail('bob');
      expect(await readTexts('#failure')).toEqual(['This account is locked. Unlock it on the emulator’s page']);
      expect(await page.getAttribute('#unlock', 'href')).toBe(`${getSample().emulatorUrl}/emulator`);
      expect([await page.isVisible('#captcha'), await getFocus(page)]).toEqual([false, 'name']);
      await control('POST', '/unlock', { account: 'bob' });
      await signIn('bob');
    });

    it('says that a disabled account may not sign in', async () => {
      await open();
      await control('PATCH', '/users/bob', { disabled: true });
      expect(await fail('bob', 'passw0rd')).toBe(TEXTS.en.codes['access_denied']);
      expect(await page.isVisible('#unlock')).toBe(false);
      await control('PATCH', '/users/bob', { disabled: false });
    });

    // A captcha stays on the page, and changes the meaning of a later answer. So it is the last one.
    const codes = Object.keys(TEXTS.en.codes).filter((code) => code !== 'captcha_required');
    const answers: [code: string, text: string, status: number, body: unknown][] = [
      ...codes.map((code): [string, string, number, unknown] => [code, code, 403, { code, message: `m ${code}` }]),
      ['constructor', 'unknown', 418, { code: 'constructor' }],
      ['no JSON', 'unknown', 502, '<html>'],
      ['no body', 'unknown', 200, ''],
      ['captcha_required', 'captcha_required', 403, { code: 'captcha_required' }],
    ];
    it('has a text for each code, and a field that has the focus', async () => {
      await open();
      const { codes: texts } = TEXTS.en;
      let answer: { status: number; body: string } | undefined;
      await page.route('**/auth/login', (route) => (answer ? route.fulfill(answer) : route.abort()));
      expect(await fail('alice')).toBe(texts['network_down']);
      const shown: unknown[] = [];
      const fields = new Set<string>();
      for (const [code, , status, body] of answers) {
        answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
        shown.push([code, await fail('alice')]);
        fields.add(await getFocus(page));
      }
      expect(shown).toEqual(answers.map(([code, text]) => [code, texts[text]]));
      expect([...fields].sort()).toEqual(['captcha-code', 'name', 'password', 'submit']);
    });

    it('says when to try again', async () => {
      await open();
      let retryAfter = '';
      await page.route('**/auth/login', (route) =>
        route.fulfill({ status: 429, headers: { 'retry-after': retryAfter }, json: { code: 'rate_limited' } }),
      );
      const shown: string[] = [];
      for (retryAfter of ['1', '40', '600', 'Wed, 21 Oct 2026 07:28:00 GMT', '-1']) shown.push(await fail('alice'));
      const later = 'Too many attempts. Try again later.';
      const times = ['1 second', '40 seconds', '10 minutes'].map((time) => `Too many attempts. Try again in ${time}.`);
      expect(shown).toEqual([...times, later, later]);
    });

    it('says that GenAuth does not answer', async () => {
      await open();
      await control('POST', '/faults', { endpoint: 'signin', status: 500, times: 1 });
      expect(await fail('alice', 'passw0rd')).toBe(TEXTS.en.codes['upstream_unavailable']);
      expect(await getFocus(page)).toBe('submit');
    });
  });

  describe('while the user is signed in', () => {
    it('hides the form, moves the focus to the headline, and announces one sentence', async () => {
      await open();
      await signIn();
      expect([await page.isVisible('#login'), await page.inputValue('#password')]).toEqual([false, '']);
      expect([await getFocus(page), await page.title()]).toEqual(['hello', 'Signed in']);
      expect(await page.textContent('#announcement')).toBe('You are signed in as Alice Example.');
      expect(await page.locator('pre').count()).toBe(0);
      // The tokens are in the memory of the page only.
      expect(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]')).toEqual([0, 0, '']);
      expect([await page.context().cookies(), page.url()]).toEqual([[], `${getSample().url}/`]);
      expect(await page.content()).not.toMatch(/eyJ/);
    });

    it('writes claims as text, never as HTML', async () => {
      await open();
      const name = '<img src=x onerror=alert(1)>';
      await control('PATCH', '/users/alice', { name, given_name: '<b>x</b>' });
      await signIn();
      expect(await readTexts('#hello', '#roles')).toEqual(['Hello, <b>x</b>', `Signed in as ${name}. Role: admin.`]);
      expect(await page.locator('#session img, #session b').count()).toBe(0);
      await control('PATCH', '/users/alice', { name: 'Alice Example', given_name: 'Alice' });
    });

    it('shows a refused route with its status and its reason', async () => {
      await open();
      await signIn('bob');
      expect(await readTexts('#admin .status', '#admin p')).toEqual([
        '403 Refused',
        'Your account does not have the role admin.',
      ]);
      expect(await readTexts('#roles')).toEqual(['Signed in as Bob Example, without a role.']);
      const colors = await page.evaluate<string[]>(
        `[...document.querySelectorAll('.status')].map((each) => getComputedStyle(each).color)`,
      );
      expect(new Set(colors).size).toBe(2);
    });

    it('stays usable when a route fails', async () => {
      await open();
      await page.route('**/orders', (route) => route.fulfill({ status: 503, json: { code: 'upstream_unavailable' } }));
      await page.route('**/admin', (route) => route.abort());
      await signIn();
      expect(await readTexts('#orders .status', '#admin .status')).toEqual(['503 Failed', 'no answer Failed']);
      expect(await readTexts('#orders p')).toEqual([TEXTS.en.codes['upstream_unavailable']]);
      await page.click('#logout');
      await page.waitForSelector('#signed-out:not([hidden])');
    });

    it('renews the session visibly, and uses the new token', async () => {
      await open();
      await signIn();
      const refreshed = page.waitForResponse('**/auth/refresh');
      const asked = page.waitForResponse('**/me');
      await page.click('#refresh');
      const { accessToken } = (await (await refreshed).json()) as { accessToken: string };
      const me = await asked;
      expect([me.status(), me.request().headers()['authorization']]).toEqual([200, `Bearer ${accessToken}`]);
      await page.locator('#renewed', { hasText: /^Renewed at \d+:\d\d:\d\d [AP]M\.$/ }).waitFor();
      expect(await page.locator('.validity .changed').count()).toBe(1);
      await page.waitForSelector('#refresh:not([aria-disabled])');
      await page.click('#refresh');
      await page.locator('#renewed', { hasText: /, 2 times in all\.$/ }).waitFor();
      expect(await getFocus(page)).toBe('refresh');
      expect(await page.textContent('#announcement')).toBe(await page.textContent('#renewed'));
    });

    it('shows a failed renewal beside its button, and stays signed in', async () => {
      await open();
      await signIn();
      await control('POST', '/faults', { endpoint: 'token', status: 500, times: 1 });
      await page.click('#refresh');
      await page.waitForSelector('#refresh-failure:not([hidden])');
      expect(await readTexts('#refresh-failure')).toEqual([TEXTS.en.codes['upstream_unavailable']]);
      const [button, notice] = await Promise.all(
        ['#refresh', '#refresh-failure'].map((id) => page.locator(id).boundingBox()),
      );
      expect((notice?.y ?? 0) - (button?.y ?? 0)).toBeLessThan(120);
      expect(await getFocus(page)).toBe('refresh');
      await page.waitForSelector('#refresh:not([aria-disabled])');
      await page.click('#refresh');
      await page.locator('#renewed', { hasText: 'Renewed' }).waitFor();
      expect(await page.isVisible('#refresh-failure')).toBe(false);
    });

    it('says that the session has ended, and offers a new sign-in', async () => {
      await open();
      const login = page.waitForResponse('**/auth/login');
      await signIn();
      const tokens = (await (await login).json()) as Record<string, unknown>;
      await send(`${getSample().url}/auth/logout`, { method: 'POST', body: { refreshToken: tokens['refreshToken'] } });
      await page.click('#refresh');
      await page.waitForSelector('#refresh-failure:not([hidden])');
      const [text, validity] = await readTexts('#refresh-failure-text', '#validity');
      expect([text, validity]).toEqual([TEXTS.en.codes['refresh_token_refused'], 'The session has ended.']);
      expect(await page.isVisible('#logout')).toBe(true);
      await page.click('#sign-in-again');
      expect([await page.inputValue('#name'), await getFocus(page)]).toEqual(['alice', 'password']);
      await signIn();
      expect(await page.isVisible('#refresh-failure')).toBe(false);
    });

    it('does not offer another sign-in while it signs out', async () => {
      await open();
      await signIn();
      await page.route('**/auth/refresh', (route) => route.fulfill({ status: 401, body: '{}' }));
      await page.click('#refresh');
      await page.waitForSelector('#sign-in-again:not([hidden])');
      const gate = new Gate();
      await page.route('**/auth/logout', async (route) => {
        await gate.opened;
        await route.continue();
      });
      await page.click('#logout');
      expect(await page.isVisible('#sign-in-again')).toBe(false);
      gate.open();
      await page.waitForSelector('#login:not([hidden])');
      expect(await page.isVisible('#session')).toBe(false);
    });

    it('signs out to an empty form', async () => {
      await open();
      await page.check('input[value=ad]');
      await sendForm('zhangsan', 'AdPassw0rd');
      await waitForSession();
      await page.click('#logout');
      await page.waitForSelector('#signed-out:not([hidden])');
      expect([await page.inputValue('#name'), await getFocus(page)]).toEqual(['', 'name']);
      expect(await page.isChecked('input[value=password]')).toBe(true);
      expect(await page.textContent('#announcement')).toBe('You are signed out.');
    });

    it('keeps the session and the button if the sign-out fails', async () => {
      await open();
      await signIn();
      await control('POST', '/faults', { endpoint: 'revocation', status: 500, times: 2 });
      await page.click('#logout');
      await page.waitForSelector('#logout-failure:not([hidden])');
      expect([await page.isVisible('#session'), await getFocus(page)]).toEqual([true, 'logout']);
      await control('DELETE', '/faults', {});
      await page.click('#logout');
      await page.waitForSelector('#signed-out:not([hidden])');
    });

    it('stays signed out when the response to a refresh arrives later, and ends the new session', async () => {
      await open();
      await signIn();
      const [renewed, gate] = [new Gate(), new Gate()];
      await page.route('**/auth/refresh', async (route) => {
        const response = await route.fetch();
        renewed.open();
        await gate.opened;
        await route.fulfill({ response });
      });
      await page.click('#refresh');
      // After the sign-out, GenAuth would refuse the refresh.
      await renewed.opened;
      await page.click('#logout');
      await page.waitForSelector('#signed-out:not([hidden])');
      const ended = page.waitForResponse('**/auth/logout');
      gate.open();
      expect((await ended).status()).toBe(200);
      expect([await page.isVisible('#session'), await page.isVisible('#login')]).toEqual([false, true]);
    });
  });

  describe('for every user', () => {
    const states: [string, () => Promise<unknown>][] = [
      ['signed out', () => Promise.resolve()],
      ['a failure', () => fail('alice')],
      ['a captcha', () => control('POST', '/login-protection', { captchaAfter: 0 }).then(() => fail('alice'))],
      ['a locked account', () => control('PATCH', '/users/bob', { lockout: true }).then(() => fail('bob'))],
      ['a second factor', showStep],
      ['signed in', () => signIn('alice')],
      ['a refused route', () => signIn('bob')],
      ['a failed renewal', failRenewal],
    ];
    async function showStep(): Promise<void> {
      await control('PATCH', '/users/alice', { mfa: true });
      await sendForm('alice', 'passw0rd');
      await page.waitForSelector('#further-step:not([hidden])');
    }
    async function failRenewal(): Promise<void> {
      await signIn();
      await page.route('**/auth/refresh', (route) => route.fulfill({ status: 401, json: {} }));
      await page.click('#refresh');
      await page.waitForSelector('#refresh-failure:not([hidden])');
      await page.click('#empty-claims summary');
    }
    afterEach(async () => {
      await control('PATCH', '/users/alice', { mfa: false });
      await control('PATCH', '/users/bob', { lockout: false });
    });

    it.each(states)('axe-core finds nothing: %s', async (_, reach) => {
      await open();
      await reach();
      expect(await findAccessibilityMistakes(page)).toEqual([]);
    });

    // These states have all colours of the page.
    const dark = new Set(['a failure', 'a captcha', 'a refused route', 'a failed renewal']);
    it.each(states.filter(([state]) => dark.has(state)))(
      'axe-core finds nothing on a dark and narrow page, and nothing scrolls sideways: %s',
      async (_, reach) => {
        await open();
        await page.setViewportSize({ width: 375, height: 720 });
        await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
        await reach();
        expect(await findAccessibilityMistakes(page)).toEqual([]);
        expect(await getOverflow(page)).toBe(0);
      },
    );

    it('axe-core finds nothing in Chinese, and nothing scrolls sideways at 320 px', async () => {
      await open('express', 'zh');
      await page.setViewportSize({ width: 320, height: 640 });
      expect(await findAccessibilityMistakes(page)).toEqual([]);
      expect(await getOverflow(page)).toBe(0);
      await signIn();
      expect(await findAccessibilityMistakes(page)).toEqual([]);
      expect(await getOverflow(page)).toBe(0);
    });

    it('moves nothing if the user prefers reduced motion', async () => {
      await open();
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await signIn();
      await page.click('#refresh');
      await page.locator('#renewed', { hasText: 'Renewed' }).waitFor();
      expect(await page.evaluate('document.getAnimations().length')).toBe(0);
    });
  });

  describe('on the hosted page of GenAuth', () => {
    /** Signs in on GenAuth's page. */
    async function signInThere(section: 'password' | 'ad', account: string, password: string): Promise<void> {
      await page.waitForURL('**/login?**');
      if (section === 'ad') await page.check('#tab-ad');
      const form = page.locator(`#${section} form`);
      await form.locator('input[autocomplete=username]').fill(account);
      await form.locator('input[type=password]').fill(password);
      await form.locator('button').click();
    }
    /** Expects the page of the sample with the user of this name, and that `/me` has answered with status 200. */
    async function expectReturn(hello: string, name?: (typeof SAMPLES)[number]): Promise<void> {
      await waitForSession();
      expect(page.url()).toBe(`${getSample(name).url}/`);
      expect(await readTexts('#hello', '#me .status')).toEqual([hello, '200 Allowed']);
      expect(await getFocus(page)).toBe('hello');
    }

    it.each(SAMPLES)('completes a sign-in that requires a second factor (%s)', async (name) => {
      await open(name);
      await control('PATCH', '/users/alice', { mfa: true }, name);
      await sendForm('alice', 'passw0rd');
      await page.waitForSelector('#further-step:not([hidden])');
      expect([await getFocus(page), await page.textContent('#step-title')]).toEqual(['step-title', 'One more step']);
      await page.click('#step-link');
      await signInThere('password', 'alice', 'passw0rd');
      const form = page.locator('form', { has: page.locator('input[name=factor][value=OTP]') });
      const { code } = await control('POST', '/totp', { account: 'alice' }, name);
      await form.locator('input[name=code]').fill(String(code));
      await form.locator('button[value=verify]').click();
      await expectReturn('Hello, Alice', name);
      await control('PATCH', '/users/alice', { mfa: false }, name);
    });

    it('completes a first login with a new password', async () => {
      await open();
      await control('PATCH', '/users/bob', { mustChangePassword: true });
      await sendForm('bob', 'passw0rd');
      await page.waitForSelector('#further-step:not([hidden])');
      expect(await readTexts('#step-title')).toEqual(['Change your password']);
      await page.click('#step-back');
      expect([await page.inputValue('#name'), await getFocus(page)]).toEqual(['bob', 'password']);
      await sendForm('bob', 'passw0rd');
      await page.click('#step-link');
      await signInThere('password', 'bob', 'passw0rd');
      await page.fill('input[name=new_password]', 'new-passw0rd');
      await page.fill('input[name=new_password_repeat]', 'new-passw0rd');
      await page.click('text=Continue');
      await expectReturn('Hello, Bob Example');
      await control('PATCH', '/users/bob', { password: 'passw0rd' });
    });

    it('signs in a user of Active Directory, and does not sign in again after a reload', async () => {
      await open();
      await page.click('#hosted-page');
      await signInThere('ad', 'zhangsan', 'AdPassw0rd');
      await expectReturn('Hello, 张三');
      await page.reload();
      await page.waitForSelector('#test-users:not([hidden])');
      expect([await page.isVisible('#session'), await page.isVisible('#login')]).toEqual([false, true]);
    });

    it('returns to the form if the user cancels', async () => {
      await open();
      await page.click('#hosted-page');
      await page.click('text=Cancel');
      await page.waitForSelector('#failure:not([hidden])');
      expect(await readTexts('#failure-text')).toEqual([TEXTS.en.returned['access_denied']]);
      expect([page.url(), await getFocus(page)]).toEqual([`${getSample().url}/`, 'name']);
    });
  });

  it('shows one text for each unknown code of a return', async () => {
    await open();
    for (const code of ['constructor', '<b>x</b>', '']) {
      await page.goto(`${getSample().url}/?error=${encodeURIComponent(code)}`);
      await page.waitForSelector('#failure:not([hidden])');
      expect(await page.textContent('#failure-text')).toBe(TEXTS.en.returned['unknown']);
      expect(page.url()).toBe(`${getSample().url}/`);
    }
  });
});
