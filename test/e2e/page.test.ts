import { existsSync } from 'node:fs';
import { type Browser, type Page, chromium } from 'playwright-core';
import { send } from '../support/nest-app.js';
import { Gate } from '../support/promise.js';
import { type RunningSample, SAMPLES, startSample } from './sample.js';

const [BROWSER] = ['chromium', 'chromium-browser', 'google-chrome']
  .map((name) => `/usr/bin/${name}`)
  .filter(existsSync);
const SKIPPED = 'SKIPPED test/e2e/page.test.ts: no Chromium on this machine (Debian: apt-get install chromium).\n';
if (BROWSER === undefined) process.stderr.write(SKIPPED);

(BROWSER === undefined ? describe.skip : describe)('the page of the sample in a browser', () => {
  let browser: Browser;
  let samples: RunningSample[];
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
    samples = await Promise.all(SAMPLES.map((name) => startSample(name)));
    browser = await chromium.launch({ executablePath: BROWSER ?? '', timeout: 20_000, args });
    page = await browser.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
  }, 30_000);
  afterEach(() => expect(faults).toEqual([]));
  afterAll(async () => {
    await browser?.close();
    await Promise.all((samples ?? []).map((sample) => sample.process.stop()));
  });

  async function signIn(account: string, password: string): Promise<void> {
    await page.fill('#name', account);
    await page.fill('#password', password);
    await page.click('button[type=submit]');
  }
  const waitForResult = () => page.waitForSelector('#result:not([hidden])');
  const waitForFailure = (code: string) => page.locator('#failure', { hasText: `(${code})` }).waitFor();
  const control = (path: string, body: object) =>
    send(`${samples.at(-1)?.emulatorUrl}/emulator/v1${path}`, { method: 'POST', body });

  it.each(SAMPLES)(
    '%s signs in by password and shows the user, the routes, the expiry and the request',
    async (name) => {
      await page.goto(samples[SAMPLES.indexOf(name)]?.url ?? '');
      await signIn('alice', 'passw0rd');
      await waitForResult();
      expect(await page.isVisible('#failure')).toBe(false);
      const ids = ['#user', '#me', '#admin', '#orders', '#client-ip', '#context'];
      const [user = '', ...others] = await Promise.all(ids.map(async (id) => String(await page.textContent(id))));
      expect(JSON.parse(user)).toMatchObject({ name: 'Alice Example', roles: ['admin'] });
      const texts = [/"admin":/, /alice@example\.com/, /^(127\.0\.0\.1|::1)$/, /HeadlessChrome/];
      expect(others).toEqual([user, ...texts.map((text) => expect.stringMatching(text) as string)]);
      expect(Date.parse((await page.getAttribute('#expires', 'datetime')) ?? '')).toBeGreaterThan(Date.now());
      expect(await page.inputValue('#password')).toBe('');
    },
  );

  // The page is the same in both samples. The rest is tested with the sample that was opened last.
  it('refreshes the tokens, uses the new one, and signs out', async () => {
    const refreshed = page.waitForResponse((response) => response.url().endsWith('/auth/refresh'));
    const asked = page.waitForResponse((response) => response.url().endsWith('/me'));
    await page.click('#refresh');
    expect((await refreshed).status()).toBe(200);
    const me = await asked;
    const { accessToken } = (await (await refreshed).json()) as { accessToken: string };
    expect([me.status(), me.request().headers()['authorization']]).toEqual([200, `Bearer ${accessToken}`]);
    await page.click('#logout');
    await page.waitForSelector('#result', { state: 'hidden' });
    expect(await page.isVisible('#failure')).toBe(false);
  });

  it('stays signed out when the response to a refresh arrives later', async () => {
    await signIn('alice', 'passw0rd');
    await waitForResult();
    const gate = new Gate();
    await page.route('**/orders', async (route) => {
      await gate.opened;
      await route.continue();
    });
    await page.evaluate(`document.querySelector('#context').textContent = ''`);
    const asked = page.waitForRequest((request) => request.url().endsWith('/orders'));
    await page.click('#refresh');
    await asked;
    await page.click('#logout');
    await page.waitForSelector('#result', { state: 'hidden' });
    gate.open();
    // The page writes this element last, just before it would show the result.
    await page.waitForFunction(`document.querySelector('#context').textContent !== ''`);
    expect(await page.isVisible('#result')).toBe(false);
    await page.unroute('**/orders');
  });

  it('shows a captcha when GenAuth requires one, and signs in with it', async () => {
    await control('/login-protection', { captchaAfter: 1 });
    await signIn('bob', 'wrong');
    await waitForFailure('invalid_credentials');
    expect(await page.textContent('#failure')).toBe('The account or the password is wrong. (invalid_credentials)');
    expect(await page.isVisible('#result')).toBe(false);
    await control('/faults', { endpoint: 'captcha', status: 500, times: 1 });
    await signIn('bob', 'passw0rd');
    await waitForFailure('captcha_required');
    // The first picture could not be fetched.
    expect(await page.isVisible('#captcha')).toBe(false);
    await signIn('bob', 'passw0rd');
    await page.waitForSelector('#captcha:not([hidden])');
    // A wrong code brings another picture.
    const first = await page.getAttribute('#captcha-picture', 'src');
    await page.fill('#captcha-code', 'wrong');
    await signIn('bob', 'passw0rd');
    await page.waitForFunction(`document.querySelector('#captcha-picture').src !== ${JSON.stringify(first)}`);
    const picture = decodeURIComponent((await page.getAttribute('#captcha-picture', 'src')) ?? '');
    await page.fill('#captcha-code', /<text[^>]*>([^<]+)</.exec(picture)?.[1] ?? '');
    await signIn('bob', 'passw0rd');
    await waitForResult();
    expect(JSON.parse((await page.textContent('#user')) ?? '')).toMatchObject({ name: 'Bob Example' });
    expect(await page.textContent('#admin')).toContain('(insufficient_role)');
    expect(await page.isVisible('#captcha')).toBe(false);
  });

  describe.each(SAMPLES)('on the hosted page of GenAuth, from the sample %s', (name) => {
    const sample = (): RunningSample => samples[SAMPLES.indexOf(name)] as RunningSample;
    const ask = (path: string, method: string, body: object) =>
      send(`${sample().emulatorUrl}/emulator/v1${path}`, { method, body });
    const field = (id: string) => page.locator(id);

    beforeEach(async () => {
      await page.context().clearCookies();
      await page.goto(sample().url);
    });

    /** Signs in on GenAuth's page. */
    async function signInThere(section: 'password' | 'ad', account: string, password: string): Promise<void> {
      await page.waitForURL(`${sample().emulatorUrl}/login?**`);
      if (section === 'ad') await page.check('#tab-ad');
      const form = page.locator(`#${section} form`);
      await form.locator('input[autocomplete=username]').fill(account);
      await form.locator('input[type=password]').fill(password);
      await form.locator('button').click();
    }
    /** Expects the page of the sample with the user of this name, and that `/me` has answered with status 200. */
    async function expectReturn(fullName: string): Promise<void> {
      await waitForResult();
      expect(page.url()).toBe(`${sample().url}/`);
      expect(JSON.parse((await page.textContent('#me')) ?? '')).toMatchObject({ name: fullName });
      expect(await page.textContent('#me')).toBe(await page.textContent('#user'));
    }

    it('completes a sign-in that requires a second factor', async () => {
      await ask('/users/alice', 'PATCH', { mfa: true });
      await signIn('alice', 'passw0rd');
      await signInThere('password', 'alice', 'passw0rd');
      const form = page.locator('form', { has: page.locator('input[name=factor][value=OTP]') });
      const { body } = await ask('/totp', 'POST', { account: 'alice' });
      await form.locator('input[name=code]').fill(String(body['code']));
      await form.locator('button[value=verify]').click();
      await expectReturn('Alice Example');
      await ask('/users/alice', 'PATCH', { mfa: false });
    });

    it('completes a first login with a new password', async () => {
      await ask('/users/bob', 'PATCH', { mustChangePassword: true });
      await signIn('bob', 'passw0rd');
      await signInThere('password', 'bob', 'passw0rd');
      await field('input[name=new_password]').fill('new-passw0rd');
      await field('input[name=new_password_repeat]').fill('new-passw0rd');
      await page.click('text=Continue');
      await expectReturn('Bob Example');
      await page.reload();
      await signIn('bob', 'new-passw0rd');
      await expectReturn('Bob Example');
    });

    it('signs in a user of Active Directory', async () => {
      await page.click('#hosted-page');
      await signInThere('ad', 'zhangsan', 'AdPassw0rd');
      await expectReturn('张三');
    });

    it('returns to the form if the user cancels', async () => {
      await page.click('#hosted-page');
      await page.click('text=Cancel');
      await waitForFailure('access_denied');
      expect([page.url(), await page.isVisible('#result')]).toEqual([`${sample().url}/`, false]);
    });

    it('does not sign in again if the user goes back to the callback', async () => {
      await page.click('#hosted-page');
      await signInThere('password', 'alice', 'passw0rd');
      await expectReturn('Alice Example');
      await page.reload();
      expect(await page.isVisible('#result')).toBe(false);
    });
  });
});
