import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { PATHS } from '../../../src/core/wire/facts.js';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { inTurn, useEmulator } from '../support.js';
import { Browser, CALLBACK, getTokensOf, redeem } from './browser.js';

const emulator = useEmulator({ ssoLifetime: 1000 });

it.each<[string, Record<string, string | undefined>]>([
  ['invalid_client', { client_id: 'x' }],
  ['invalid_request', { client_id: undefined }],
  ['invalid_request', { redirect_uri: undefined }],
  ['redirect_uri_mismatch', { redirect_uri: 'http://app.example/' }],
  ['redirect_uri_mismatch', { redirect_uri: 'http://localhost@app.example/' }],
  ['redirect_uri_mismatch', { redirect_uri: 'http://user@localhost/' }],
  ['redirect_uri_mismatch', { redirect_uri: 'http://localhost/#a' }],
  ['redirect_uri_mismatch', { redirect_uri: 'ftp://localhost/' }],
  ['redirect_uri_mismatch', { redirect_uri: '/callback' }],
  ['invalid_request', { prompt: 'select_account' }],
  ['invalid_request', { prompt: 'login consent' }],
])('shows a page with the error %s for %j, and never redirects', async (error, changes) => {
  const { status, location, text, headers } = await new Browser(emulator()).open(changes);
  expect([status, location, headers['content-type']]).toEqual([400, '', 'text/html; charset=utf-8']);
  expect(text).toContain(`<dd id="error">${error}</dd>`);
  expect(text).toMatch(/<dd id="error_description">[^<]+<\/dd>[^]*<dd id="request_id">[\da-f-]{36}<\/dd>/);
});

it('refuses a parameter that is included twice on a page', async () => {
  const query = `client_id=${emulator().appId}&client_id=x&redirect_uri=${encodeURIComponent(CALLBACK)}`;
  const { status, location } = await new Browser(emulator()).visit(`${PATHS.authorization}?${query}`);
  expect([status, location]).toEqual([400, '']);
});

it.each<[string, Record<string, string | undefined>]>([
  ['invalid_request', { response_type: undefined }],
  ['unsupported_response_type', { response_type: 'code id_token' }],
  ['invalid_request', { response_mode: 'form_post' }],
  ['invalid_request', { scope: undefined }],
  ['invalid_scope', { scope: 'email openid2' }],
  ['invalid_request', { code_challenge: 'x'.repeat(42) }],
  ['invalid_request', { code_challenge: `${'x'.repeat(43)}=` }],
  ['invalid_request', { code_challenge_method: 'S512' }],
  ['invalid_request', { code_challenge: undefined }],
  ['login_required', { prompt: 'none' }],
])('redirects to the application with the error %s and the state for %j', async (error, changes) => {
  const { status, callback } = await new Browser(emulator()).open(changes);
  const description: unknown = expect.any(String);
  expect([status, callback]).toEqual([302, { a: '1', error, error_description: description, state: 'state-1' }]);
});

it('requires a state, and reports its absence without a state', async () => {
  const { callback } = await new Browser(emulator()).open({ state: undefined });
  expect([callback?.['error'], callback && 'state' in callback]).toEqual(['invalid_request', false]);
});

it('accepts by default every http URL of a loopback host, and with redirectUris only the same text', async () => {
  const loopback = ['http://127.0.0.1:1/x?y', 'https://localhost/', 'http://[::1]:3000'];
  const open = async (own: GenAuthEmulator, uris: string[]) =>
    (await inTurn(uris, (redirect_uri) => new Browser(own).open({ redirect_uri }))).map(({ status }) => status);
  expect(await open(emulator(), loopback)).toEqual([200, 200, 200]);
  await using own = await new GenAuthEmulator({ redirectUris: ['app.example:/cb'] }).start();
  expect(await open(own, ['app.example:/cb', 'app.example:/cb?', ...loopback])).toEqual([200, 400, 400, 400, 400]);
});

it('redirects to the address of the page in the form of GenAuth, which no other site can frame', async () => {
  const query = { client_id: emulator().appId, redirect_uri: CALLBACK, response_type: 'code', scope: 'openid' };
  const all = new URLSearchParams({ ...query, state: 's', login_page_context: '<a>&' });
  const browser = new Browser(emulator());
  const { status, location, headers } = await browser.visit(`${PATHS.authorization}?${String(all)}`);
  const address =
    /^\/login\?app_id=genauth-emulator-app&protocol=oidc&finish_login_url=%2Finteraction%2Foidc%2F[\da-f-]{36}%2Flogin/;
  expect([status, location]).toEqual([302, expect.stringMatching(address)]);
  expect(location).toMatch(/&login_page_context=%3Ca%3E%26$/);
  expect(headers['set-cookie']).toMatch(/^genauth_emulator_browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
  const page = await browser.visit(location);
  const shown = page.headers;
  expect(shown).toMatchObject({
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  });
  const style = /<style>([^]*)<\/style>/.exec(page.text)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; frame-ancestors 'none'`;
  expect(shown['content-security-policy']).toBe(policy);
});

it('can have faults, and its requests are counted', async () => {
  emulator().fault({ endpoint: 'auth', status: 503 });
  expect((await new Browser(emulator()).open()).status).toBe(503);
  expect(emulator().requests('auth')).toBe(1);
});

describe('an SSO session', () => {
  const startSession = async (own = emulator(), account = 'alice') => {
    const browser = new Browser(own);
    const { callback } = await browser.signIn(account);
    expect(callback?.['code']).toMatch(/^[\w-]{43}$/);
    return browser;
  };

  it.each([
    ['a code', {}, 302, undefined],
    ['a code', { prompt: 'none', nonce: 'nonce-2' }, 302, undefined],
    ['the page', { prompt: 'login' }, 200, 'Sign in'],
    ['the consent page', { prompt: 'consent' }, 200, 'Allow the access'],
  ])('is answered with %s for %j', async (_title, query, status, title) => {
    const browser = await startSession();
    const answer = await browser.open(query);
    expect([answer.status, answer.title]).toEqual([status, title]);
    const isCode = answer.callback?.['code'] !== undefined;
    expect(isCode).toBe(status === 302);
  });

  it('is a session of its user, and is not recorded as a sign-in', async () => {
    const browser = await startSession(emulator(), 'bob');
    const { id_token } = await getTokensOf(emulator(), await browser.open({ nonce: 'nonce-2' }));
    expect(decodeJwt(id_token)).toMatchObject({ email: 'bob@example.com', nonce: 'nonce-2' });
    expect(emulator().signIns.map(({ outcome }) => outcome)).toEqual(['success']);
  });

  it('is replaced by the sign-in of another user', async () => {
    const browser = await startSession();
    const old = [...browser.cookies];
    await browser.signIn('bob', { prompt: 'login' });
    const { id_token } = await getTokensOf(emulator(), await browser.open());
    expect(decodeJwt(id_token)['email']).toBe('bob@example.com');
    old.forEach(([name, value]) => browser.cookies.set(name, value));
    expect((await browser.open()).title).toBe('Sign in');
  });

  it.each<[string, (browser: Browser) => unknown]>([
    ['after its lifetime', () => emulator().setClockDrift(1000)],
    ['after a logout', (browser) => browser.visit(PATHS.endSession)],
    ['when its user is disabled', () => emulator().updateUser('alice', { disabled: true })],
    ['when its user is locked', () => emulator().updateUser('alice', { lockout: true })],
    ['without the cookie', (browser) => browser.cookies.clear()],
  ])('ends %s', async (_title, end) => {
    const browser = await startSession();
    const cookies = new Map(browser.cookies);
    await end(browser);
    const { callback } = await browser.open({ prompt: 'none' });
    emulator().updateUser('alice', { disabled: false, lockout: false });
    expect(callback?.['error']).toBe('login_required');
    expect(cookies.get('genauth_emulator_session')).toMatch(/^[\w-]{43}$/);
  });

  it('of a logout is over also for a browser that kept the cookie', async () => {
    const browser = await startSession();
    const cookies = [...browser.cookies];
    await browser.visit(PATHS.endSession);
    expect([...browser.cookies.keys()]).toEqual(['genauth_emulator_browser']);
    cookies.forEach(([name, value]) => browser.cookies.set(name, value));
    expect((await browser.open()).title).toBe('Sign in');
  });

  it('asks for a step that the user needs since, but not for the second factor', async () => {
    const browser = await startSession();
    emulator().updateUser('alice', { mfa: true, profileRequired: true });
    const [silent, shown] = [await browser.open({ prompt: 'none' }), await browser.open()];
    emulator().updateUser('alice', { mfa: false, profileRequired: false });
    expect([silent.callback?.['error'], shown.title]).toEqual(['interaction_required', 'Complete your profile']);
  });

  it('is not started with ssoLifetime 0', async () => {
    await using none = await new GenAuthEmulator({ ssoLifetime: 0 }).start();
    const { status, headers } = await new Browser(none).signIn();
    expect([status, headers['set-cookie']]).toEqual([303, undefined]);
  });

  it('ends when the emulator starts again, like open pages and codes', async () => {
    const [browser, other] = [await startSession(), new Browser(emulator())];
    const { callback } = await browser.open();
    await other.open();
    await emulator().stop();
    await emulator().start();
    expect((await browser.open()).title).toBe('Sign in');
    expect((await other.submit('login')).status).toBe(400);
    expect((await redeem(emulator(), callback?.['code'])).body['error']).toBe('invalid_grant');
  });
});
