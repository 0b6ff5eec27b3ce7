import passport from 'passport';
import {
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthClient,
  GenAuthPasswordStrategy,
  SignInRejectedError,
  UpstreamError,
} from '../../src/index.js';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { getTokens, useEmulator } from '../emulator/support.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { findLeaks } from '../support/leak.js';
import { type LoginAppSettings, createLoginApp } from '../support/login-app.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

const ALICE = { account: 'alice', password: 'passw0rd' };
const WRONG = { account: 'alice', password: 'canary-password' };

describe.each(EXPRESS_VERSIONS)('Passport on %s', (_version, express) => {
  failOnUnhandledRejections();
  const emulator = useEmulator();
  const serve = useWebServer();

  const start = (settings: Partial<LoginAppSettings> = {}): Promise<string> => {
    const client = new GenAuthClient({ ...emulator().clientOptions, scope: ['openid', 'email'] });
    const strategies = [
      new GenAuthPasswordStrategy(client),
      new GenAuthAdStrategy(client),
      new GenAuthBearerStrategy(client),
    ];
    return serve(createLoginApp(express, { strategies, ...settings }));
  };
  const login = (url: string, json?: object, path = '/login'): Promise<WebAnswer> =>
    ask(url, { path, ...(json === undefined ? {} : { json }) });

  it.each([
    ['genauth-password', ALICE, { email: 'alice@example.com', email_verified: true }],
    [
      'genauth-ad',
      { sAMAccountName: 'ZhangSan', password: 'AdPassw0rd' },
      { email: 'zhangsan@example.com', email_verified: true },
    ],
  ])('%s: the user has the claims of the scopes, authInfo the tokens', async (name, json, claims) => {
    const url = await start({ authenticate: (made) => made.authenticate(name, { session: false }) });
    const answer = await login(url, json);
    expect(answer.status).toBe(200);
    const { user, authInfo } = JSON.parse(answer.text) as Record<'user' | 'authInfo', Record<string, unknown>>;
    expect(user).toStrictEqual({ sub: expect.any(String), ...claims });
    const requestId = emulator().signIns[0]?.requestId;
    expect(authInfo).toStrictEqual({ tokens: expect.any(Object), claims: expect.objectContaining(user), requestId });
    const { accessToken, idToken } = authInfo['tokens'] as Record<string, string>;
    expect(findLeaks(user, [String(accessToken), String(idToken)])).toEqual([]);
    expect(emulator().signIns).toMatchObject([
      { connection: name === 'genauth-ad' ? 'AD' : 'PASSWORD', outcome: 'success' },
    ]);
  });

  /** The answer's text, or the name and code of the error that got to Express. */
  const read = ({ text }: WebAnswer): string => {
    if (!text.startsWith('{')) return text;
    const { thrown } = JSON.parse(text) as { thrown: { name: string; code?: string } };
    return [thrown.name, thrown.code].join(' ').trim();
  };
  const fault = (given: object) => () => emulator().fault({ endpoint: 'signin', ...given });
  const envelope = (body: object) => fault({ body });
  const flaw = (name: Parameters<GenAuthEmulator['flawIdToken']>[0]) => () => emulator().flawIdToken(name);

  it.each<[string, object | undefined, () => void, number, string]>([
    ['no body', undefined, () => {}, 400, 'Bad Request'],
    ['no password', { account: 'alice' }, () => {}, 400, 'Bad Request'],
    ['a wrong password', WRONG, () => {}, 401, 'Unauthorized'],
    ['an unknown account', { ...WRONG, account: 'nobody' }, () => {}, 401, 'Unauthorized'],
    ['captcha', WRONG, envelope({ statusCode: 403, apiCode: 2000 }), 403, 'Forbidden'],
    ['MFA', WRONG, envelope({ statusCode: 301, apiCode: 1636, data: { mfaToken: 'm' } }), 403, 'Forbidden'],
    ['a locked account', WRONG, envelope({ statusCode: 403, apiCode: 2005 }), 403, 'Forbidden'],
    ['an unknown code', WRONG, envelope({ statusCode: 403, apiCode: 424242 }), 403, 'Forbidden'],
    ['a rate limit', WRONG, envelope({ statusCode: 429 }), 429, 'Too Many Requests'],
    ['a wrong secret', WRONG, envelope({ statusCode: 401 }), 500, 'ConfigurationError client_authentication_failed'],
    ['an unknown app', WRONG, envelope({ statusCode: 499, apiCode: 2011 }), 500, 'ConfigurationError app_not_found'],
    ['statusCode 500', WRONG, envelope({ statusCode: 500 }), 503, 'UpstreamError upstream_unavailable'],
    ['HTTP 503', WRONG, fault({ status: 503 }), 503, 'UpstreamError upstream_unavailable'],
    ['a lost connection', WRONG, fault({ drop: true }), 503, 'UpstreamError upstream_unreachable'],
    ['a page', WRONG, fault({ body: '<html>' }), 502, 'UpstreamError upstream_invalid_response'],
    ['half a success', WRONG, envelope({ statusCode: 200 }), 502, 'UpstreamError upstream_invalid_response'],
    ['a forged id_token', ALICE, flaw('foreign_key'), 502, 'UpstreamError upstream_token_invalid'],
    ['an unsigned id_token', ALICE, flaw('unsigned'), 502, 'UpstreamError upstream_token_invalid'],
    ["another person's id_token", ALICE, flaw('other_subject'), 502, 'UpstreamError upstream_token_invalid'],
    ['no keys', ALICE, fault({ endpoint: 'jwks', status: 500 }), 503, 'UpstreamError upstream_unavailable'],
  ])('%s, one attempt: the right one to blame', async (_name, json, prepare, status, expected) => {
    prepare();
    const answer = await login(await start(), json);
    expect([answer.status, read(answer)]).toEqual([status, expected]);
    expect(answer.headers['www-authenticate']).toBeUndefined();
    expect(findLeaks(answer, ['canary-password'])).toEqual([]);
    // Never repeated: the second try would count towards a lock-out.
    expect(emulator().requests('signin')).toBe(status === 400 ? 0 : 1);
  });

  it('a GenAuth that hangs is 503, in the time that the options say', async () => {
    emulator().fault({ endpoint: 'signin', delayMs: 60_000 });
    const strategies = [new GenAuthPasswordStrategy({ ...emulator().clientOptions, timeout: 50 })];
    const answer = await login(await start({ strategies }), ALICE);
    expect(answer).toMatchObject({ status: 503, text: expect.stringContaining('upstream_timeout') });
  });

  it('a GenAuth that is gone is 503, and one that is back signs in again', async () => {
    const own = await new GenAuthEmulator().start();
    const { port, clientOptions } = own;
    const url = await start({ strategies: [new GenAuthPasswordStrategy(clientOptions)] });
    expect((await login(url, ALICE)).status).toBe(200);
    await own.stop();
    const down = await Promise.all(Array.from({ length: 20 }, () => login(url, ALICE)));
    expect(new Set(down.map(({ status }) => status))).toEqual(new Set([503]));
    const back = await new GenAuthEmulator({ port }).start();
    expect((await login(url, ALICE)).status).toBe(200);
    await back.stop();
  });

  it('failureRedirect is for what the person did, never for an outage', async () => {
    const authenticate: LoginAppSettings['authenticate'] = (made) =>
      made.authenticate('genauth-password', { session: false, failureRedirect: '/sorry' });
    const url = await start({ authenticate });
    for (const json of [WRONG, {}]) {
      expect(await login(url, json)).toMatchObject({ status: 302, headers: { location: '/sorry' } });
    }
    emulator().fault({ endpoint: 'signin', status: 500 });
    const down = await login(url, ALICE);
    expect(down.status).toBe(503);
    expect(down.headers['location']).toBeUndefined();
  });

  it('never redirects to what a request says', async () => {
    const url = await start();
    const evil = { returnTo: '//evil.example', redirect_uri: '//evil.example', failureRedirect: '//evil.example' };
    const path = `/login?${new URLSearchParams(evil).toString()}`;
    for (const json of [{ ...ALICE, ...evil }, { ...WRONG, ...evil }, evil]) {
      const answer = await login(url, json, path);
      expect([200, 400, 401]).toContain(answer.status);
      expect(answer.headers['location']).toBeUndefined();
    }
  });

  it('failWithError gives Express the status', async () => {
    const url = await start({
      authenticate: (made) => made.authenticate('genauth-password', { session: false, failWithError: true }),
    });
    for (const [json, status] of [
      [WRONG, 401],
      [{}, 400],
    ] as const) {
      const answer = await login(url, json);
      expect([answer.status, read(answer)]).toEqual([status, 'AuthenticationError']);
    }
  });

  it('failureMessage gets the text that is for the person', async () => {
    const session: { messages?: string[] } = {};
    const url = await start({
      prepare: (app) =>
        app.use((req, _res, next) => {
          Object.assign(req, { session });
          next();
        }),
      authenticate: (made) => made.authenticate('genauth-password', { session: false, failureMessage: true }),
    });
    await login(url, WRONG);
    await login(url, { account: 'alice' });
    expect(session.messages).toEqual([
      'The account or the password is wrong.',
      '"password" must be a string of 1 to 1024 characters.',
    ]);
  });

  it("a custom callback gets Passport's four arguments", async () => {
    const calls: unknown[][] = [];
    const url = await start({
      authenticate: (made) => (req: never, res: { end: () => void }, next: never) =>
        (
          made.authenticate('genauth-password', (...args: unknown[]) => {
            calls.push(args);
            res.end();
          }) as (...args: unknown[]) => void
        )(req, res, next),
    });
    await login(url, ALICE);
    await login(url, WRONG);
    emulator().fault({ endpoint: 'signin', status: 500 });
    await login(url, ALICE);
    const [success, wrong, down] = calls;
    expect(success).toEqual([
      null,
      { sub: expect.any(String), email: 'alice@example.com', email_verified: true },
      expect.any(Object),
    ]);
    expect(wrong).toEqual([null, false, expect.any(SignInRejectedError), 401]);
    expect(wrong?.[2]).toMatchObject({ outcome: { kind: 'invalid_credentials', apiCode: 2333 } });
    expect(down).toEqual([expect.any(UpstreamError)]);
    expect(findLeaks(calls.slice(1), ['canary-password', 'passw0rd', emulator().appSecret])).toEqual([]);
  });

  it('without session middleware Passport says so, and the process lives', async () => {
    const url = await start({ authenticate: (made) => made.authenticate('genauth-password') });
    expect((await login(url, ALICE)).status).toBe(500);
    expect((await login(url, WRONG)).status).toBe(401);
  });

  it('behind a bearer token: the first strategy that lets in does, and each says what it wants', async () => {
    const { access_token: token } = await getTokens(emulator());
    const url = await start({
      authenticate: (made) => made.authenticate(['genauth-bearer', 'genauth-password'], { session: false }),
    });
    const authorization = `Bearer ${token}`;
    expect((await ask(url, { path: '/login', headers: { authorization } })).status).toBe(200);
    expect((await login(url, ALICE)).status).toBe(200);
    expect(await login(url, WRONG)).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="genauth"' },
    });
  });

  it('a guarded route without usable keys is 503, never 401', async () => {
    const { access_token: token } = await getTokens(emulator());
    emulator().fault({ endpoint: 'jwks', drop: true });
    const url = await start({ authenticate: (made) => made.authenticate('genauth-bearer', { session: false }) });
    const answer = await ask(url, { path: '/login', headers: { authorization: `Bearer ${token}` } });
    expect(answer).toMatchObject({ status: 503, text: expect.stringContaining('UpstreamError') });
    expect(answer.headers['www-authenticate']).toBeUndefined();
  });
});

it('the default names are those of the documentation, and every instance is a strategy', () => {
  const options = { appId: 'a', appSecret: 'canary-secret', appHost: 'https://a.example' };
  const strategies = [GenAuthPasswordStrategy, GenAuthAdStrategy, GenAuthBearerStrategy].map(
    (Class) => new Class(options),
  );
  expect(strategies.map(({ name }) => name)).toEqual(['genauth-password', 'genauth-ad', 'genauth-bearer']);
  for (const strategy of strategies) expect(strategy).toBeInstanceOf(passport.Strategy);
  expect(findLeaks(strategies, ['canary-secret'])).toEqual([]);
});
