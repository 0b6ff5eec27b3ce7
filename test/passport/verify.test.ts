import {
  ConfigurationError,
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthPasswordStrategy,
} from '../../src/index.js';
import { UpstreamError, type VerifyFunction, signInHandler } from '../../src/index.js';
import { getTokens, useEmulator } from '../emulator/support.js';
import { until } from '../support/promise.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { type LoginAppSettings, createLoginApp } from '../support/login-app.js';
import { catchThrown } from '../support/thrown.js';
import { ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const emulator = useEmulator();
const serve = useWebServer();

const USER = { sub: expect.any(String), username: 'alice' };
const INFO = { tokens: expect.any(Object), claims: expect.any(Object), requestId: expect.any(String) };
const DENIED = { statusCode: 403, error: 'Forbidden', message: 'The sign-in was refused.', code: 'verify_denied' };
const BUG = { thrown: { name: 'TypeError' } };
const bug = (): Error => new TypeError('a bug of the application');
const success = (user: object = USER, authInfo: object = INFO): Row => [200, { user, authInfo }, { user, authInfo }];
const denied: Row = [403, 'Forbidden', DENIED];
const failed: Row = [500, BUG, BUG];

/** The status, and the answers of bare Passport and of signInHandler. */
type Row = readonly [status: number, passport: unknown, handler: unknown];
type Verify = VerifyFunction<{ sub: string }>;

const ROWS: readonly (readonly [string, Verify, Row])[] = [
  ['takes the user as it is', (_req, user, _info, done) => done(null, user), success()],
  ['maps the user', (_req, { sub }, _info, done) => done(null, { id: sub.length }), success({ id: 24 })],
  ['undefined is no error', (_req, user, _info, done) => done(undefined, user), success()],
  ['gives its own info', (_req, user, _info, done) => done(null, user, { own: 1 }), success(USER, { own: 1 })],
  ['null as info is none', (_req, user, _info, done) => done(null, user, null), success()],
  ['calls back later', (_req, user, _info, done) => void setImmediate(done, null, user), success()],
  ['is async', async (_req, user, _info, done) => done(null, await Promise.resolve(user)), success()],
  [
    'is async and calls back after it has ended',
    async (_req, user, _info, done) => void setImmediate(() => setImmediate(done, null, user)),
    success(),
  ],
  ['says no', (_req, _user, _info, done) => done(null, false), denied],
  ['says no with null', (_req, _user, _info, done) => done(null, null), denied],
  ['says no with nothing', (_req, _user, _info, done) => done(null), denied],
  ['says no with a reason', (_req, _user, _info, done) => done(null, false, { message: 'suspended' }), denied],
  ['says no with a text', (_req, _user, _info, done) => done(null, false, 'x\r\nx-evil: 1'), denied],
  ['says no, async', async (_req, _user, _info, done) => done(null, false), denied],
  ['reports an error', (_req, _user, _info, done) => done(bug()), failed],
  ['reports an error beside a user', (_req, user, _info, done) => done(bug(), user), failed],
  [
    'throws',
    () => {
      throw bug();
    },
    failed,
  ],
  ['rejects', () => Promise.reject(bug()), failed],
  [
    'rejects later',
    async () => {
      await new Promise((resolve) => setImmediate(resolve));
      throw bug();
    },
    failed,
  ],
  ['says yes, then no', (_req, user, _info, done) => (done(null, user), done(null, false)), success()],
  ['says yes, then reports an error', (_req, user, _info, done) => (done(null, user), done(bug())), success()],
  ['says yes twice', (_req, user, _info, done) => (done(null, user), done(null, { id: 2 })), success()],
  ['says no, then yes', (_req, user, _info, done) => (done(null, false), done(null, user)), denied],
  ['reports an error, then yes', (_req, user, _info, done) => (done(bug()), done(null, user)), failed],
  [
    'says no, and yes much later',
    (_req, user, _info, done) => (done(null, false), void setImmediate(done, null, user)),
    denied,
  ],
  [
    'says yes, then throws',
    (_req, user, _info, done) => {
      done(null, user);
      throw bug();
    },
    success(),
  ],
  [
    'says yes, then rejects',
    async (_req, user, _info, done) => {
      done(null, user);
      throw bug();
    },
    success(),
  ],
  [
    'says no, then rejects',
    async (_req, _user, _info, done) => {
      done(null, false);
      throw bug();
    },
    denied,
  ],
  [
    'asks GenAuth, which is down',
    (_req, _user, _info, done) => done(new UpstreamError('upstream_timeout', 'x')),
    [
      503,
      { thrown: { name: 'UpstreamError', code: 'upstream_timeout' } },
      {
        statusCode: 503,
        error: 'Service Unavailable',
        message: 'The identity service is not available. Try again later.',
        code: 'upstream_unavailable',
      },
    ],
  ],
];

describe.each(EXPRESS_VERSIONS)('verify on %s', (_version, express) => {
  const start = (verify: Verify | undefined, more: Partial<LoginAppSettings> = {}): Promise<string> => {
    const options = { ...emulator().clientOptions, scope: 'openid username' } as const;
    return serve(createLoginApp(express, { strategies: [new GenAuthPasswordStrategy(options, verify)], ...more }));
  };
  const login = async (url: string): Promise<[number, unknown]> => {
    const { status, text, headers } = await ask(url, {
      path: '/login',
      json: { account: 'alice', password: 'passw0rd' },
    });
    expect(headers).not.toHaveProperty('x-evil');
    return [status, text.startsWith('{') ? JSON.parse(text) : text];
  };

  it.each(ROWS)('%s', async (_name, verify, [status, passport, handler]) => {
    expect(await login(await start(verify))).toEqual([status, passport]);
    const authenticate: LoginAppSettings['authenticate'] = (_passport, find) => signInHandler(find('genauth-password'));
    expect(await login(await start(verify, { authenticate }))).toEqual([status, handler]);
  });

  it.each([
    ['de', 'The sign-in was refused.'],
    ['zh-Hant-TW, en;q=0.5', '登录被拒绝。'],
  ])('says no to somebody who reads %s: %s', async (acceptLanguage, message) => {
    for (const exposeReasons of [false, true]) {
      const strategy = new GenAuthPasswordStrategy({ ...emulator().clientOptions, exposeReasons }, (_r, _u, _i, done) =>
        done(null, false, { message: 'canary-reason', apiCode: 1 }),
      );
      const url = await start(undefined, {
        strategies: [strategy],
        authenticate: (_passport, find) => signInHandler(find('genauth-password')),
      });
      const json = { account: 'alice', password: 'passw0rd' };
      const answer = await ask(url, { path: '/login', json, headers: { 'accept-language': acceptLanguage } });
      expect([answer.status, JSON.parse(answer.text)]).toEqual([403, { ...DENIED, message }]);
    }
  });

  it.each(['says yes twice', 'says no, then yes', 'says no, and yes much later', 'says yes, then throws'])(
    '%s, and Passport hears of it once',
    async (name) => {
      const [, verify] = ROWS.find(([each]) => each === name) ?? [];
      const strategy = new GenAuthPasswordStrategy(emulator().clientOptions, verify);
      const calls: string[] = [];
      const own = Object.assign(Object.create(strategy) as typeof strategy, {
        success: () => calls.push('success'),
        fail: () => calls.push('fail'),
        error: () => calls.push('error'),
      });
      own.authenticate({ headers: {}, body: { account: 'alice', password: 'passw0rd' } });
      // Nothing is answered before authenticate has come back.
      expect(calls).toEqual([]);
      await until(() => calls.length > 0);
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(calls).toEqual([name.startsWith('says yes') ? 'success' : 'fail']);
    },
  );

  it('gets the request, the user and the tokens, and is not asked about people whom GenAuth refuses', async () => {
    const seen: unknown[][] = [];
    const url = await start((req, user, info, done) => {
      seen.push([(req as { url?: string }).url, (req.body as { account: string }).account, user, info]);
      done(null, user);
    });
    await login(url);
    emulator().fault({ endpoint: 'signin', body: { statusCode: 403, apiCode: 2333 }, times: 1 });
    await login(url);
    emulator().flawIdToken('wrong_audience');
    await login(url);
    const tokens = {
      accessToken: expect.any(String),
      idToken: expect.any(String),
      refreshToken: undefined,
      expiresAt: expect.any(Date),
      scope: ['openid', 'username'],
    };
    const info = { tokens, claims: expect.objectContaining(USER), requestId: emulator().signIns[0]?.requestId };
    // Under a mounted path Express takes the path off.
    expect(seen).toEqual([['/', 'alice', USER, info]]);
  });
});

it('serves the other two strategies as well', async () => {
  const [, express] = EXPRESS_VERSIONS[1] ?? EXPRESS_VERSIONS[0]!;
  const { clientOptions } = emulator();
  const strategies = [
    new GenAuthAdStrategy(clientOptions, (_req, { name }, { tokens }, done) =>
      done(null, { name }, { at: tokens.scope }),
    ),
    new GenAuthBearerStrategy(clientOptions, (_req, user, { claims }, done) =>
      done(null, 'scope' in user && user.scope.includes('email') ? { id: claims.sub } : false),
    ),
  ];
  const start = (name: string): Promise<string> =>
    serve(createLoginApp(express, { strategies, authenticate: (made) => made.authenticate(name, { session: false }) }));

  const ad = await ask(await start('genauth-ad'), {
    path: '/login',
    json: { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' },
  });
  expect(JSON.parse(ad.text)).toEqual({ user: { name: '张三' }, authInfo: { at: ['openid', 'profile'] } });

  const url = await start('genauth-bearer');
  for (const [scope, status] of [
    ['openid email', 200],
    ['openid', 403],
  ] as const) {
    const { access_token: token } = await getTokens(emulator(), { options: { scope } });
    const answer = await ask(url, { path: '/login', headers: { authorization: `Bearer ${token}` } });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([status, undefined]);
  }
});

it.each([null, 'verify', {}, true])('verify that is %j is refused when the strategy is made', (verify) => {
  const error = catchThrown(() => new GenAuthPasswordStrategy(emulator().clientOptions, verify as never));
  expect(error).toBeInstanceOf(ConfigurationError);
  const mend = 'write (req, user, info, done) => done(null, user).';
  expect(error).toMatchObject({ code: 'invalid_options', message: expect.stringContaining(mend) });
});
