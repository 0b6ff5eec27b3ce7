import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { GenAuthEmulator, ID_TOKEN_FLAWS } from '../../src/emulator/index.js';
import { asAd, asUser, getCaptcha, inTurn, signIn, verify } from '../emulator/support.js';
import { describeInBrowser, findAccessibilityMistakes, launchBrowser } from '../support/browser.js';
import { ROOT } from '../support/process.js';

const SECTIONS = ['users', 'sign-ins', 'tokens', 'faults', 'codes', 'keys'];
const MARKUP = `<img src=x onerror="document.title='run'">`;
/** The lists of each section, what is clicked before the checks of accessibility, and what it shows. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  users: ['user-list'],
  'sign-ins': ['sign-in-list'],
  tokens: ['token-list'],
  faults: ['active-list'],
  codes: ['captcha-list', 'failure-list'],
  keys: ['key-list'],
};
const OPENED: Readonly<Record<string, readonly string[]>> = {
  'sign-ins': ['#sign-in-list summary'],
  tokens: ['#mint button[type=submit]'],
  codes: ['#totp button'],
};
const SHOWN: Readonly<Record<string, readonly string[]>> = { tokens: ['#minted'], codes: ['#totp-result'] };
const PHONE = { viewport: { width: 375, height: 740 } };

describeInBrowser('the page of the emulator in a browser', () => {
  let browser: Browser;
  let emulator: GenAuthEmulator;
  let page: Page;
  let faults: string[];
  let hosts: Set<string>;

  beforeAll(async () => {
    browser = await launchBrowser();
    emulator = await new GenAuthEmulator().start();
    await openWindow();
  }, 30_000);
  afterAll(async () => {
    await browser?.close();
    await emulator?.stop();
  });

  /** Opens a browser window without cookies and without a page. */
  async function openWindow(options: BrowserContextOptions = {}): Promise<void> {
    await page?.context().close();
    const permissions = ['clipboard-read', 'clipboard-write'];
    const context = await browser.newContext({ permissions, reducedMotion: 'reduce', ...options });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => hosts.add(new URL(request.url()).protocol + new URL(request.url()).host));
  }
  /** Loads the page, and waits until the section shows the state of the emulator. */
  async function open(section: string): Promise<void> {
    // Another fragment alone does not load the page again.
    await page.goto('about:blank');
    await page.goto(`${emulator.url}/emulator#${section}`);
    await waitForConnection();
  }
  /** Shows another section of the loaded page. */
  async function show(section: string): Promise<void> {
    await page.click(`nav a[href="#${section}"]`);
    await page.locator(`#section-${section}`).waitFor();
    await inTurn(LISTS[section] ?? [], (list) => page.locator(`#${list} > li`).first().waitFor());
  }
  const waitForConnection = () => page.locator('#connection', { hasText: /^Connected$/ }).waitFor();
  /** Lets the page ask for the state now, and not only after two seconds. */
  const update = () => page.evaluate(`document.dispatchEvent(new Event('emulator:changed'))`);
  const press = (name: string | RegExp) => page.getByRole('button', { name, exact: true }).first().click();
  const waitForMessage = (text: string | RegExp) => page.locator('#message', { hasText: text }).waitFor();
  /** The user with this name in the state of the emulator. */
  const findUser = async (name: string) => {
    const { users, adAccounts } = (await (await fetch(`${emulator.url}/emulator/v1/users`)).json()) as Record<
      'users' | 'adAccounts',
      Record<string, unknown>[]
    >;
    return [...users, ...adAccounts].find((user) => [user['username'], user['sAMAccountName']].includes(name));
  };

  beforeEach(() => {
    faults = [];
    hosts = new Set();
  });
  afterEach(async () => {
    // The page would go on to ask for the state.
    await page.goto('about:blank');
    emulator.reset();
    expect(faults).toEqual([]);
    // The pictures of captchas are `data:` URLs.
    expect([...hosts].filter((host) => !/^(?:data|about):/.test(host))).toEqual([`http:127.0.0.1:${emulator.port}`]);
  });

  it('changes the states of a user, and unlocks the user', async () => {
    await open('users');
    const card = page.locator('#user-list > li', { hasText: 'alice@example.com' });
    const states = ['Locked', 'Disabled', 'Change password', 'Second factor', 'Complete profile', 'Bind e-mail'];
    await inTurn(states, async (state) => {
      await card.getByLabel(state).check();
      await waitForMessage(`${state}: on for alice.`);
    });
    const names = ['lockout', 'disabled', 'mustChangePassword', 'mfa', 'profileRequired', 'bindingRequired'];
    expect(await findUser('alice')).toMatchObject(Object.fromEntries(names.map((name) => [name, true])));
    await inTurn(states, async (state) => {
      await card.getByLabel(state).uncheck();
      await waitForMessage(`${state}: off for alice.`);
    });
    expect(await findUser('alice')).toMatchObject(Object.fromEntries(names.map((name) => [name, false])));
    emulator.protectLogins({ lockAfter: 1 });
    await signIn(emulator, asUser('alice', 'wrong'));
    await press('Unlock alice');
    await waitForMessage('The failed sign-ins of alice are forgotten.');
    expect(emulator.loginProtection.accounts).toEqual([]);
  });

  it('adds users for both connections, shows no password of them, and removes them', async () => {
    await open('users');
    expect(await page.locator('#user-list code').allTextContents()).toEqual(['passw0rd', 'passw0rd', 'AdPassw0rd']);
    await page.fill('#new-name', 'dora');
    await page.fill('#new-password', 'a passw0rd');
    await page.fill('#new-roles', 'editor, admin');
    await press('Add the user');
    await waitForMessage('dora is added.');
    expect(await findUser('dora')).toMatchObject({ roles: ['editor', 'admin'] });
    expect(await signIn(emulator, asUser('dora', 'a passw0rd'))).toMatchObject({ code: 200 });
    await page.selectOption('#new-connection', 'Active Directory');
    await page.fill('#new-name', 'li/si?');
    await page.fill('#new-password', 'a passw0rd');
    await press('Add the user');
    await waitForMessage('li/si? is added.');
    expect(await signIn(emulator, asAd('li/si?', 'a passw0rd'))).toMatchObject({ code: 200 });
    expect(await page.locator('#user-list code:visible').allTextContents()).toHaveLength(3);

    await page.fill('#new-name', 'dora');
    await page.fill('#new-password', 'x');
    await page.selectOption('#new-connection', 'Password');
    await press('Add the user');
    await waitForMessage('already belongs to another user');
    expect(await page.inputValue('#new-name')).toBe('dora');

    page.once('dialog', (dialog) => void dialog.dismiss());
    await press('Remove dora');
    page.once('dialog', (dialog) => void dialog.accept());
    await press('Remove li/si?');
    await waitForMessage('li/si? is removed.');
    expect([(await findUser('dora')) === undefined, await findUser('li/si?')]).toEqual([false, undefined]);
    page.once('dialog', (dialog) => void dialog.accept());
    await press('Remove dora');
    await waitForMessage('dora is removed.');
    expect(await findUser('dora')).toBe(undefined);
    emulator.updateUser('bob', { password: 'passw0rd' });
    await update();
    await page.locator('#user-list > li', { hasText: 'bob@example.com' }).locator('code').waitFor({ state: 'hidden' });
  });

  it('shows markup in names, contexts and errors as text', async () => {
    emulator.addUser({ username: MARKUP, password: 'p', name: MARKUP });
    emulator.answerSignIn({ statusCode: 403, message: MARKUP, account: MARKUP, times: 2 });
    emulator.protectLogins({ lockAfter: 9 });
    await signIn(emulator, asUser(MARKUP, 'p', { context: { [MARKUP]: MARKUP }, clientIp: MARKUP }));
    await signIn(emulator, asUser(`${MARKUP}2`, 'wrong'));
    await emulator.issueTokens({ account: MARKUP });
    await open('users');
    const shown = await inTurn(SECTIONS.slice(0, 5), async (section) => {
      if (section === 'codes') await getCaptcha(emulator);
      await show(section);
      const count = await page.locator('img[src="x"]').count();
      return [(await page.innerText('main')).includes(MARKUP), count, (await page.title()).includes('run')];
    });
    expect(shown).toEqual(SECTIONS.slice(0, 5).map(() => [true, 0, false]));
    await show('users');
    page.once('dialog', (dialog) => void dialog.accept());
    await press(`Remove ${MARKUP}`);
    await waitForMessage(`${MARKUP} is removed.`);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
  });

  it('lists the sign-ins, newest first, with outcome, address and context, and clears them', async () => {
    await signIn(emulator, asUser('alice', 'passw0rd', { clientIp: '203.0.113.7', context: { source: 'autumn' } }));
    await open('sign-ins');
    const rows = page.locator('#sign-in-list > li');
    await rows.first().locator('summary').click();
    await signIn(emulator, asUser('bob', 'wrong-canary'));
    await update();
    await rows.nth(1).waitFor();
    const texts = await rows.allInnerTexts();
    expect(texts[0]).toMatch(/^bob\s+invalid_credentials\s+PASSWORD · IP not sent/);
    // The details of the first row stay open.
    expect(texts[1]).toMatch(/alice\s+success\s+PASSWORD · IP 203\.0\.113\.7[^]*"source": "autumn"/);
    expect(await page.content()).not.toContain('canary');
    await press('Clear the list');
    await page.locator('#sign-in-list-empty').waitFor();
    expect(emulator.signIns).toEqual([]);
  });

  it('issues tokens, shows their claims and a request, and copies them', async () => {
    await open('tokens');
    await page.selectOption('#mint-account', 'bob');
    await page.fill('#mint-scope', 'openid email');
    await page.fill('#mint-lifetime', '60');
    await page.fill('#mint-route', "http://localhost:3000/it's");
    await press('Issue tokens');
    await waitForMessage('Tokens of bob are issued.');
    const token = (await page.textContent('#minted-access')) ?? '';
    const { payload } = await verify(emulator, token);
    expect(JSON.parse((await page.textContent('#minted-access-claims')) ?? '')).toEqual(payload);
    expect(Number(payload.exp) - Number(payload.iat)).toBe(60);
    expect(JSON.parse((await page.textContent('#minted-id-claims')) ?? '')).toMatchObject({ email: 'bob@example.com' });
    const request = `curl -i 'http://localhost:3000/it'\\''s' -H 'Authorization: Bearer ${token}'`;
    expect(await page.textContent('#minted-curl')).toBe(request);
    const copied = () => page.evaluate('navigator.clipboard.readText()');
    await press('Copy the access token');
    await waitForMessage('Copied.');
    expect(await copied()).toBe(token);
    await page.fill('#mint-scope', 'openid unknown');
    await press('Issue tokens');
    await waitForMessage('scope: expected scopes of openid');
    await press('Copy the request');
    await waitForMessage('Copied.');
    expect(await copied()).toBe(request);
  });

  it('revokes a token, and signs a user out everywhere', async () => {
    await emulator.issueTokens({ account: 'zhangsan' });
    await emulator.issueTokens({ account: 'zhangsan', scope: 'openid offline_access' });
    await open('tokens');
    const newest = () => emulator.issuedTokens.slice(0, 3).map(({ state }) => state);
    await page.locator('#token-list > li').nth(2).getByRole('button', { name: 'Revoke' }).click();
    await waitForMessage('The access token of zhangsan is revoked.');
    expect(newest()).toEqual(['active', 'active', 'revoked']);
    await page.locator('#token-list > li').nth(2).getByText('revoked', { exact: true }).waitFor();
    await page.locator('#token-list > li').nth(2).getByRole('button', { name: 'Revoke' }).click({ force: true });
    await waitForMessage('was already invalid');
    await press(/^Sign out everywhere: zhangsan/);
    await waitForMessage('zhangsan is signed out everywhere. Tokens revoked: 2.');
    expect(newest()).toEqual(['revoked', 'revoked', 'revoked']);
  });

  it('adds each preset fault, answer and flaw with one click, shows them, and removes all', async () => {
    await open('faults');
    await page.selectOption('#fault-times', '3');
    const presets = page.locator('[data-fault]');
    const names = await presets.allTextContents();
    await inTurn(names, async (name) => {
      await press(name);
      await waitForMessage(`Fault added: ${name}.`);
    });
    expect(emulator.faults).toEqual([
      { endpoint: 'signin', status: 503, times: 3 },
      { endpoint: 'signin', delayMs: 5000, times: 3 },
      { endpoint: 'signin', drop: true, times: 3 },
      { endpoint: 'jwks', status: 503, times: 3 },
      { endpoint: 'token', status: 503, times: 3 },
      { endpoint: 'captcha', status: 503, times: 3 },
      { endpoint: 'userinfo', status: 503, times: 3 },
    ]);
    const answers = await page.locator('[data-answer]').allInnerTexts();
    await inTurn(answers, async (name) => {
      await press(name);
      await waitForMessage(`The next sign-in is answered: ${name}.`);
    });
    expect(emulator.signInAnswers.map(({ statusCode }) => statusCode)).toEqual([301, 301, 403, 429, 602]);
    await page.selectOption('#flaw-name', 'unknown_kid');
    await page.fill('#flaw-times', '2');
    await press('Add the flaw');
    await waitForMessage('Flaw added: unknown_kid.');
    expect(emulator.idTokenFlaws).toEqual([{ flaw: 'unknown_kid', times: 2 }]);
    await page.locator('#active-list > li').nth(12).waitFor();
    expect(await page.locator('#active-list').innerText()).toMatch(/Endpoint jwks\s+3 left\s+status 503/);
    await signIn(emulator);
    await update();
    await page.locator('#request-counts', { hasText: 'signin1' }).waitFor();
    expect(await page.locator('#active-list').innerText()).toMatch(/Endpoint signin\s+2 left\s+status 503/);
    await press('Remove all');
    await page.locator('#active-list-empty').waitFor();
    expect([emulator.faults, emulator.signInAnswers, emulator.idTokenFlaws]).toEqual([[], [], []]);
    const flaws = await page.locator('#flaw-name option').allTextContents();
    expect(flaws).toEqual([...ID_TOKEN_FLAWS]);
  });

  it('shows captchas, one-time passwords, and the accounts with failed sign-ins, and sets the limits', async () => {
    const { captchaCode } = await getCaptcha(emulator);
    await open('codes');
    const picture = page.locator('#captcha-list img');
    expect(await page.locator('#captcha-list').innerText()).toContain(captchaCode);
    expect(decodeURIComponent((await picture.getAttribute('src')) ?? '')).toContain(`>${captchaCode}</text>`);
    expect(await picture.evaluate((image: { naturalWidth: number }) => image.naturalWidth)).toBe(120);
    await page.selectOption('#totp-account', 'zhangsan');
    // The one-time password changes every 30 seconds, so it can change during the test.
    const { code: before, secret } = emulator.totp('zhangsan');
    await press('Show the code');
    await page.locator('#totp-result').waitFor();
    expect([before, emulator.totp('zhangsan').code]).toContain(await page.textContent('#totp-code'));
    expect(await page.textContent('#totp-secret')).toBe(secret);
    await page.fill('#captcha-after', '1');
    await page.fill('#lock-after', '2');
    await press('Set the limits');
    await page.locator('#limits', { hasText: 'Captcha after: 1. Lock after: 2.' }).waitFor();
    // The fields show the limits, so that a change of one keeps the other.
    emulator.protectLogins({ lockAfter: 2 });
    await update();
    await page.locator('#limits', { hasText: 'Captcha after: never. Lock after: 2.' }).waitFor();
    expect([await page.inputValue('#captcha-after'), await page.inputValue('#lock-after')]).toEqual(['', '2']);
    await page.fill('#captcha-after', '1');
    await press('Set the limits');
    await page.locator('#limits', { hasText: 'Captcha after: 1. Lock after: 2.' }).waitFor();
    expect(emulator.loginProtection).toMatchObject({ captchaAfter: 1, lockAfter: 2 });
    await signIn(emulator, asUser('carol', 'wrong'));
    await update();
    await page.locator('#failure-list', { hasText: 'captcha required' }).waitFor();
    await signIn(emulator, asUser('carol', 'wrong', await getCaptcha(emulator)));
    await update();
    await page.locator('#failure-list', { hasText: '2 failed, locked' }).waitFor();
    await press('Unlock carol');
    await page.locator('#failure-list-empty').waitFor();
    await page.fill('#captcha-after', '');
    await page.fill('#lock-after', '');
    await press('Set the limits');
    await page.locator('#limits', { hasText: 'Captcha after: never. Lock after: never.' }).waitFor();
    expect(emulator.loginProtection).toEqual({ accounts: [] });
  });

  it('shows the first 100 of many rows, and says how many there are', async () => {
    await inTurn(
      Array.from({ length: 101 }, () => 'bob'),
      (account) => emulator.issueTokens({ account }),
    );
    await open('tokens');
    await page.locator('#token-list > li').nth(99).waitFor();
    expect(await page.locator('#token-list > li').count()).toBe(100);
    const count = emulator.issuedTokens.length;
    expect(await page.innerText('#token-list-rest')).toBe(`The first 100 of ${count} are shown.`);
  });

  it('rotates the keys, moves the clock, and resets', async () => {
    await open('keys');
    const [first] = emulator.signingKeys;
    await press('Rotate, keep the old keys');
    await page.locator('#key-list > li').nth(1).waitFor();
    expect(emulator.signingKeys.map(({ isCurrent }) => isCurrent)).toEqual([true, false]);
    await press('Rotate and withdraw the old keys');
    await page.locator('#key-count', { hasText: '1.' }).waitFor();
    expect(emulator.signingKeys.map(({ kid }) => kid)).not.toContain(first?.kid);
    await press('New keys for password encryption');
    await waitForMessage('Passwords are encrypted with new keys.');
    const drifts = await inTurn(['1 hour ahead', '15 days ahead', '1 hour back', 'Real time'], async (name) => {
      await press(name);
      await waitForMessage(name === 'Real time' ? 'real time' : name.replace('back', 'behind'));
      return emulator.clockDrift;
    });
    expect(drifts).toEqual([3600, 1_296_000, -3600, 0]);
    emulator.fault({ endpoint: 'jwks', status: 503 });
    await press('Reset the emulator');
    await waitForMessage('The emulator is reset.');
    expect(emulator.faults).toEqual([]);
  });

  it('keeps focus, typed text and the layout while the state changes, and asks only while it is visible', async () => {
    await openWindow();
    await page.clock.install();
    await open('users');
    await page.fill('#new-name', 'half a na');
    await page.press('#new-name', 'Home');
    const place = await page.locator('#new-name').boundingBox();
    emulator.updateUser('alice', { mfa: ['OTP', 'EMAIL'] });
    await page.clock.fastForward(2000);
    await page.locator('#user-list', { hasText: 'OTP,EMAIL' }).waitFor();
    const isFocused = await page.evaluate(`document.activeElement.id + document.activeElement.selectionStart`);
    expect([await page.inputValue('#new-name'), isFocused]).toEqual(['half a na', 'new-name0']);
    emulator.updateUser('alice', { mfa: false });
    await page.clock.fastForward(2000);
    await page.locator('#user-list', { hasNotText: 'OTP,EMAIL' }).waitFor();
    expect(await page.locator('#new-name').boundingBox()).toEqual(place);

    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    const setHidden = (isHidden: boolean) =>
      page.evaluate(`
        Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));`);
    await setHidden(true);
    await page.clock.fastForward(60_000);
    expect(asked).toEqual([]);
    const answered = page.waitForResponse('**/emulator/v1/users');
    await setHidden(false);
    await answered;
  });

  it('says that the emulator has stopped, and goes on after its restart', async () => {
    const own = emulator;
    emulator = await new GenAuthEmulator().start();
    const { port } = emulator;
    await open('keys');
    const kid = await page.locator('#key-list code').textContent();
    await emulator.stop();
    await update();
    await page.locator('#connection', { hasText: 'has not answered since' }).waitFor();
    await press('Reset the emulator');
    await waitForMessage('The emulator does not answer.');
    emulator = await new GenAuthEmulator({ port }).start();
    await update();
    await waitForConnection();
    await page.locator('#key-list code', { hasNotText: kid ?? '' }).waitFor();
    await emulator.stop();
    emulator = own;
    await page.goto('about:blank');
    expect([...hosts].filter((host) => !host.startsWith('about:'))).toEqual([`http:127.0.0.1:${port}`]);
    hosts = new Set([`http:127.0.0.1:${own.port}`]);
  });

  it('shows the users for an address that names no section', async () => {
    await page.goto(`${emulator.url}/emulator#constructor`);
    await page.locator('#user-list', { hasText: 'alice' }).waitFor();
  });

  it('can be used with the keyboard alone', async () => {
    await open('users');
    const focused = () => page.evaluate(`document.activeElement.innerText || document.activeElement.name`);
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await waitForMessage('Locked: on for alice.');
    expect(await findUser('alice')).toMatchObject({ lockout: true });
    expect(await focused()).toBe('lockout');
    await page.keyboard.press('Space');
    await waitForMessage('Locked: off for alice.');
    await page.locator('nav a', { hasText: 'Faults' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('#title-faults:focus').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await waitForMessage('Fault added: Sign-in: 503.');
    expect(emulator.faults).toEqual([{ endpoint: 'signin', status: 503 }]);
    // If the row with the focus disappears, the heading of the section gets the focus.
    emulator.protectLogins({ lockAfter: 1 });
    emulator.clearFaults();
    await signIn(emulator, asUser('carol', 'wrong'));
    await open('codes');
    await page.getByRole('button', { name: 'Unlock carol' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('#title-codes:focus').waitFor();
  });

  describe.each<[string, BrowserContextOptions]>([
    ['light', { colorScheme: 'light' }],
    ['dark, on a phone', { ...PHONE, colorScheme: 'dark' }],
  ])('%s', (_, options) => {
    it('has no accessibility findings and no sideways scrolling in any section', async () => {
      const long = 'a-very-long-name-without-spaces-'.repeat(4);
      emulator.addUser({
        username: long,
        email: `${long.slice(0, 60)}@example.com`,
        password: 'p',
        mfa: ['OTP', 'SMS'],
      });
      emulator.protectLogins({ captchaAfter: 1, lockAfter: 2 });
      emulator.fault({ endpoint: 'jwks', body: { text: long } });
      emulator.flawIdToken('expired');
      await signIn(emulator, asUser(long, 'wrong', { context: { [long]: long } }));
      await signIn(emulator, asUser('carol', 'wrong'));
      await getCaptcha(emulator);
      const tokens = await emulator.issueTokens({ account: long, scope: 'openid offline_access' });
      emulator.revokeTokens({ jti: emulator.issuedTokens[1]?.jti ?? '' });
      expect(tokens.token_type).toBe('Bearer');

      await openWindow(options);
      await open('users');
      const findings = await inTurn(SECTIONS, async (section) => {
        await show(section);
        await inTurn(OPENED[section] ?? [], (selector) => page.locator(selector).first().click());
        await inTurn(SHOWN[section] ?? [], (selector) => page.locator(selector).waitFor());
        const isWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
        return [section, isWide, ...(await findAccessibilityMistakes(page))];
      });
      emulator.removeUser(long);
      expect(findings).toEqual(SECTIONS.map((section) => [section, false]));
    }, 60_000);
  });
});

it('says in words that the files of the page are missing', () => {
  // The copy is inside the project, so that it finds the dependencies.
  const copy = join(ROOT, 'test/.tmp/emulator-without-page');
  rmSync(copy, { recursive: true, force: true });
  const isWanted = (path: string) => !path.endsWith('dist/emulator/page');
  cpSync(join(ROOT, 'dist'), copy, { recursive: true, filter: isWanted });
  const program = `
    import { GenAuthEmulator } from ${JSON.stringify(join(copy, 'emulator/index.js'))};
    const emulator = await new GenAuthEmulator().start();
    const answer = await fetch(emulator.url + '/emulator');
    console.log(answer.status, await answer.text());
    console.log((await fetch(emulator.url + '/emulator/v1')).status);
    await emulator.stop();`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  rmSync(copy, { recursive: true });
  expect(output).toMatch(/^501 The file index\.html of the page is missing[^]*npx passport-genauth emulator[^]*200\n$/);
});
