import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type Page, chromium } from 'playwright-core';
import { type RunningSample, SAMPLES, startSample } from '../support/sample.js';

const BROWSER = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
if (BROWSER === undefined) {
  process.stderr.write(
    'SKIPPED test/e2e/page.test.ts: no Chromium on this machine (Debian: apt-get install chromium).\n',
  );
}

(BROWSER === undefined ? describe.skip : describe).each(SAMPLES)(
  'the page of the sample app %s, in a browser',
  (name) => {
    const profile = mkdtempSync(join(tmpdir(), 'sample-page-'));
    let sample: RunningSample;
    let browser: BrowserContext;
    let page: Page;
    const faults: string[] = [];

    beforeAll(async () => {
      sample = await startSample(name);
      browser = await chromium.launchPersistentContext(profile, {
        executablePath: BROWSER ?? '',
        headless: true,
        timeout: 20_000,
        args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
      });
      page = browser.pages()[0] ?? (await browser.newPage());
      page.on('pageerror', (error) => faults.push(error.message));
      await page.goto(sample.url);
    }, 30_000);
    afterAll(async () => {
      await browser?.close();
      await sample?.process.stop();
      rmSync(profile, { recursive: true, force: true });
    });

    async function signIn(account: string, password: string): Promise<void> {
      await page.fill('#name', account);
      await page.fill('#password', password);
      await page.click('button[type=submit]');
    }

    it('says what is wrong, and shows no user', async () => {
      await signIn('alice', 'wrong');
      await page.waitForSelector('#failure:not([hidden])');
      expect(await page.textContent('#failure')).toBe('The account or the password is wrong. (invalid_credentials)');
      expect(await page.isVisible('#result')).toBe(false);
    });

    it('signs in by password and shows the verified user, the lifetime, and what GenAuth received', async () => {
      await signIn('alice', 'passw0rd');
      await page.waitForSelector('#result:not([hidden])');
      expect(await page.isVisible('#failure')).toBe(false);
      expect(JSON.parse((await page.textContent('#user')) ?? '')).toMatchObject({
        name: 'Alice Example',
        roles: ['admin'],
      });
      expect(await page.textContent('#me')).toBe(await page.textContent('#user'));
      expect(await page.textContent('#admin')).toContain('"admin":');
      expect(await page.textContent('#orders')).toContain('alice@example.com');
      expect(Date.parse((await page.getAttribute('#expires', 'datetime')) ?? '')).toBeGreaterThan(Date.now());
      expect(await page.textContent('#client-ip')).toMatch(/^(127\.0\.0\.1|::1)$/);
      expect(await page.textContent('#context')).toContain('HeadlessChrome');
      expect(await page.inputValue('#password')).toBe('');
    });

    it('refreshes the tokens, and signs out', async () => {
      const refreshed = page.waitForResponse((response) => response.url().endsWith('/auth/refresh'));
      const asked = page.waitForResponse((response) => response.url().endsWith('/me'));
      await page.click('#refresh');
      expect((await refreshed).status()).toBe(200);
      // What it brought is in use: the routes are asked with the new token.
      const me = await asked;
      const { accessToken } = (await (await refreshed).json()) as { accessToken: string };
      expect([me.status(), me.request().headers()['authorization']]).toEqual([200, `Bearer ${accessToken}`]);
      await page.click('#logout');
      await page.waitForSelector('#result', { state: 'hidden' });
      expect(await page.isVisible('#failure')).toBe(false);
    });

    it('stays signed out, though the answers to a refresh come later', async () => {
      await signIn('alice', 'passw0rd');
      await page.waitForSelector('#result:not([hidden])');
      let letOrdersGo = (): void => {};
      const mayGo = new Promise<void>((resolve) => (letOrdersGo = resolve));
      await page.route('**/orders', async (route) => {
        await mayGo;
        await route.continue();
      });
      await page.evaluate(`document.querySelector('#context').textContent = ''`);
      const asked = page.waitForRequest((request) => request.url().endsWith('/orders'));
      await page.click('#refresh');
      await asked;
      await page.click('#logout');
      await page.waitForSelector('#result', { state: 'hidden' });
      letOrdersGo();
      // The last that is written before the result would be shown.
      await page.waitForFunction(`document.querySelector('#context').textContent !== ''`);
      expect(await page.isVisible('#result')).toBe(false);
      await page.unroute('**/orders');
    });

    it('shows a picture when one is asked for, and signs in with it', async () => {
      const json = { 'content-type': 'application/json' };
      const body = JSON.stringify({ captchaAfter: 1 });
      await fetch(`${sample?.emulatorUrl}/emulator/v1/login-protection`, { method: 'POST', headers: json, body });
      await signIn('bob', 'wrong');
      await page.waitForSelector('#failure:not([hidden])');
      expect(await page.isVisible('#captcha')).toBe(false);
      await signIn('bob', 'passw0rd');
      await page.waitForSelector('#captcha:not([hidden])');
      expect(await page.textContent('#failure')).toContain('(captcha_required)');
      // A wrong reading brings another picture.
      const first = await page.getAttribute('#captcha-picture', 'src');
      await page.fill('#captcha-code', 'wrong');
      await signIn('bob', 'passw0rd');
      await page.waitForFunction(`document.querySelector('#captcha-picture').src !== ${JSON.stringify(first)}`);
      await page.waitForSelector('#failure:not([hidden])');
      const picture = decodeURIComponent((await page.getAttribute('#captcha-picture', 'src')) ?? '');
      const code = [...picture.matchAll(/<text[^>]*>([^<]+)</g)].map(([, text = '']) => text).join('');
      await page.fill('#captcha-code', code);
      await signIn('bob', 'passw0rd');
      await page.waitForSelector('#result:not([hidden])');
      expect(JSON.parse((await page.textContent('#user')) ?? '')).toMatchObject({ name: 'Bob Example' });
      expect(await page.textContent('#admin')).toContain('(insufficient_role)');
      expect(await page.isVisible('#captcha')).toBe(false);
    });

    it('says what is wrong even while no picture can be had', async () => {
      const json = { 'content-type': 'application/json' };
      const fault = JSON.stringify({ endpoint: 'captcha', status: 500, times: 1 });
      await signIn('alice', 'wrong');
      await page.waitForSelector('#failure:not([hidden])');
      await fetch(`${sample?.emulatorUrl}/emulator/v1/faults`, { method: 'POST', headers: json, body: fault });
      await signIn('alice', 'passw0rd');
      await page.locator('#failure', { hasText: '(captcha_required)' }).waitFor();
      expect(await page.isVisible('#captcha')).toBe(false);
      expect(faults).toEqual([]);
    });

    it('signs in by Active Directory', async () => {
      await page.check('input[value=ad]');
      expect(await page.textContent('label[for=name]')).toBe('Windows account name');
      await signIn('zhangsan', 'AdPassw0rd');
      await page.locator('#user', { hasText: '张三' }).waitFor();
      expect(faults).toEqual([]);
    });
  },
);
