import { jest } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import express, { type RequestHandler } from 'express';
import session, { MemoryStore } from 'express-session';
import passport from 'passport';
import {
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthPasswordStrategy,
  SignInRejectedError,
  UpstreamError,
  type VerifyFunction,
} from '../../src/index.js';
import type { GenAuthRequest } from '../../src/core/options/types.js';
import { TAKE_STRATEGY } from '../../src/passport/genauth.strategy.js';
import { admitEverybody, subjectOf } from '../support/admission.js';
import { failOnUnhandledRejections, hostProcess } from '../support/host-process.js';
import { SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { type LoginAppSettings, createLoginApp } from '../support/login-app.js';
import { bearer } from '../support/marked-routes.js';
import { until } from '../support/promise.js';
import { rejection } from '../support/rejection.js';
import { catchThrown } from '../support/thrown.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const serve = useWebServer();
beforeEach(() => issuer().replySignIn());

const ALICE = { account: 'alice', password: 'canary-password' };
const LOGIN: GenAuthRequest = { headers: {}, body: ALICE };
const USER = expect.objectContaining({ sub: SUBJECT });
const INFO = { tokens: expect.any(Object), claims: USER, requestId: 'request-1' };
interface Strategy {
  authenticate(req: GenAuthRequest): void;
}
type Verify = VerifyFunction<{ sub: string }>;

const password = (verify?: unknown): GenAuthPasswordStrategy =>
  new GenAuthPasswordStrategy(issuer().clientOptions, verify as never);

const fail = (error: unknown) => (): never => {
  throw error;
};

/** Authenticates a request as Passport does, and returns every action that the strategy called. */
async function authenticate(strategy: Strategy, req: GenAuthRequest, steps: (() => void)[] = []): Promise<unknown[][]> {
  const actions: unknown[][] = [];
  const record = (name: string) => [
    name,
    (...args: unknown[]) => {
      actions.push([name, ...args]);
      steps.shift()?.();
    },
  ];
  const own = Object.create(strategy) as Strategy;
  Object.assign(own, Object.fromEntries(['success', 'fail', 'error'].map(record))).authenticate(req);
  await until(() => actions.length > 0);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return actions;
}

describe('a strategy', () => {
  it('has the name of its application and its kind, and does not show the secret', () => {
    const options = { ...issuer().clientOptions, name: 'staff' };
    const strategies = [GenAuthPasswordStrategy, GenAuthAdStrategy, GenAuthBearerStrategy].map((C) => new C(options));
    expect(strategies.map(({ name }) => name)).toEqual(['staff-password', 'staff-ad', 'staff-bearer']);
    expect(strategies.map((strategy) => strategy instanceof passport.Strategy)).toEqual([true, true, true]);
    expect(findLeaks(strategies, [options.appSecret])).toEqual([]);
  });

  it('uses a given client', () => {
    const { client } = password();
    expect(new GenAuthBearerStrategy(client).client).toBe(client);
  });

  it.each([null, {}])('cannot be created with the verify function %j', (verify) => {
    const fix = expect.stringMatching(/^write \(req, user, info, done\) => done\(null, user\)/);
    const mistakes = [{ option: 'verify', problem: expect.stringMatching(/^is /), fix }];
    const error = { name: 'ConfigurationError', code: 'invalid_options', details: { mistakes } };
    expect(catchThrown(() => password(verify))).toMatchObject(error);
  });

  it.each<[given: unknown, message: string]>([
    [
      undefined,
      'GenAuthPasswordStrategy got undefined in place of a client: write new GenAuthPasswordStrategy(client)',
    ],
    [{ appId: 'a', verify: () => null }, 'verify is not an option: pass verify as the second argument of a strategy'],
  ])('cannot be created with %p in place of the client', (given, message) => {
    const thrown = catchThrown(() => new GenAuthPasswordStrategy(given as never));
    expect(thrown).toMatchObject({ code: 'invalid_options', message: expect.stringContaining(message) });
  });

  it('gives itself to TAKE_STRATEGY and does not authenticate', () => {
    const taken: unknown[] = [];
    const strategy = password();
    strategy.authenticate(LOGIN, { [TAKE_STRATEGY]: (found: unknown) => taken.push(found) });
    expect(taken).toEqual([strategy]);
    expect(issuer().count()).toBe(0);
  });
});

it('warns once if clients of two applications have strategies with the same name', async () => {
  const warnings: string[] = [];
  const listen = ({ message }: Error): unknown => warnings.push(message);
  hostProcess.on('warning', listen);
  const make = (appId: string): GenAuthPasswordStrategy =>
    new GenAuthPasswordStrategy({ ...issuer().clientOptions, name: 'shared', appId });
  const first = make('first');
  new GenAuthBearerStrategy(first.client);
  new GenAuthPasswordStrategy(first.client);
  make('second');
  make('third');
  await until(() => warnings.length > 0);
  hostProcess.off('warning', listen);
  const start = `Two clients have strategies with the name "shared-password", for the apps "first" of ${issuer().url}`;
  expect(warnings).toEqual([expect.stringContaining(start)]);
});

describe('the actions of a login', () => {
  it('are success with the user and the tokens', async () => {
    const ad = new GenAuthAdStrategy(issuer().clientOptions);
    const body = { sAMAccountName: 'zhangsan', password: 'p' };
    expect(await authenticate(ad, { headers: {}, body })).toEqual([['success', USER, INFO]]);
  });

  it('are fail with the error for a wrong password, without a second attempt and without verify', async () => {
    issuer().reply(SIGN_IN_PATH, rejection(403, 2333));
    const actions = await authenticate(password(fail(new Error('verify was called'))), LOGIN);
    expect(actions).toEqual([['fail', expect.any(SignInRejectedError), 401]]);
    // A second attempt would count towards the lock of the account.
    expect(issuer().count(SIGN_IN_PATH)).toBe(1);
  });

  it('are error for an outage', async () => {
    issuer().reply(SIGN_IN_PATH, { reset: true });
    const actions = await authenticate(password(), LOGIN);
    expect(actions).toEqual([['error', expect.objectContaining({ code: 'upstream_unreachable' })]]);
    expect(findLeaks(actions, [ALICE.password])).toEqual([]);
  });

  it.each([
    ['end with the error of an action', 'ERR_OTHER', [['error', expect.objectContaining({ code: 'ERR_OTHER' })]]],
    ['ignore that the response was already sent', 'ERR_HTTP_HEADERS_SENT', []],
  ])('%s', async (_title, code, errors) => {
    const thrown = Object.assign(new Error('of Passport'), { code });
    const actions = await authenticate(password(), LOGIN, [fail(thrown)]);
    expect(actions).toEqual([['success', USER, INFO], ...errors]);
  });
});

it('passes the user and the claims of a bearer token to verify, and then to success', async () => {
  const verify: VerifyFunction<object> = (_req, user, _info, done) => done(null, { mapped: user });
  const strategy = new GenAuthBearerStrategy(issuer().clientOptions, verify);
  const actions = await authenticate(strategy, { headers: { authorization: bearer(issuer()) } });
  const mapped = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
  expect(actions).toEqual([['success', { mapped }, { claims: USER }]]);
});

it.each<[title: string, authorization: string | undefined, actions: unknown[][]]>([
  ['calls fail with the challenge for no token', undefined, [['fail', 'Bearer realm="genauth"', 401]]],
  [
    'ends the chain for a wrong token',
    'Bearer a.b.c',
    [['error', expect.objectContaining({ code: 'token_malformed', status: 401 })]],
  ],
  ['ends the chain for another scheme', 'Basic YTpi', [['error', expect.objectContaining({ code: 'token_missing' })]]],
])('the bearer strategy %s', async (_title, authorization, actions) => {
  const headers = authorization === undefined ? {} : { authorization };
  expect(await authenticate(new GenAuthBearerStrategy(issuer().clientOptions), { headers })).toEqual(actions);
});

it('the bearer strategy accepts a known token before authenticate returns', async () => {
  const strategy = new GenAuthBearerStrategy(issuer().clientOptions);
  const req = { headers: { authorization: bearer(issuer()) } };
  await authenticate(strategy, req);
  const success = jest.fn();
  Object.assign(Object.create(strategy) as Strategy, { success }).authenticate(req);
  expect(success).toHaveBeenCalledTimes(1);
});

it('the bearer strategy ends the chain for a user whom verify refuses', async () => {
  const strategy = new GenAuthBearerStrategy(issuer().clientOptions, () => null);
  const actions = await authenticate(strategy, { headers: { authorization: bearer(issuer()) } });
  expect(actions).toEqual([['error', expect.objectContaining({ code: 'verify_denied', statusCode: 403 })]]);
});

/** The action of Passport if `verify` refuses the user without a reason. */
const DENIED = ['fail', { message: 'The sign-in was refused.' }, 403];
describe('a verify function', () => {
  const bug = new TypeError('of the application');
  const own = new UpstreamError('upstream_timeout', 'x');
  const mapped = { id: SUBJECT };
  const NO_RESULT = expect.objectContaining({
    code: 'invalid_callback_result',
    details: expect.objectContaining({ mistakes: [expect.objectContaining({ option: 'verify' })] }) as object,
  }) as unknown;
  const success = (user: unknown = USER, info: unknown = INFO): unknown[] => ['success', user, info];

  it.each<[string, Verify, unknown[]]>([
    ['maps the user', (_req, { sub }, _info, done) => done(null, { id: sub }), success(mapped)],
    ['passes false as the error', (_req, user, _info, done) => done(false, user), success()],
    ['passes its own info', (_req, user, _info, done) => done(null, user, { own: 1 }), success(USER, { own: 1 })],
    ['passes null as the info', (_req, user, _info, done) => done(null, user, null), success()],
    ['calls done later', (_req, user, _info, done) => void setImmediate(done, null, user), success()],
    ['refuses with a reason', (_req, _user, _info, done) => done(null, false, 'suspended'), ['fail', 'suspended', 403]],
    ['refuses with undefined', (_req, _user, _info, done) => done(null), DENIED],
    ['passes an error and a user', (_req, user, _info, done) => done(bug, user), ['error', bug]],
    ['passes an error of this library', (_req, _user, _info, done) => done(own), ['error', own]],
    ['returns the user', (_req, { sub }) => ({ id: sub }), success(mapped)],
    ['returns a promise of the user', async (_req, { sub }) => ({ id: sub }), success(mapped)],
    ['returns null', () => null, DENIED],
    ['returns a promise of false', async () => false, DENIED],
    ['returns a thenable', (_req, { sub }) => Object.assign(Promise.resolve({ id: sub }), {}), success(mapped)],
    ['returns nothing', () => {}, ['error', NO_RESULT]],
    ['returns a promise of nothing', async () => {}, ['error', NO_RESULT]],
    ['takes the request for the user', (user) => user, ['error', NO_RESULT]],
    ['returns true', () => true as never, ['error', NO_RESULT]],
    ['returns the rows of a query', () => [], ['error', NO_RESULT]],
    [
      'passes a query',
      (_req, _user, _info, done) => done(null, Object.create(Promise.prototype) as object),
      ['error', NO_RESULT],
    ],
    ['passes a promise', (_req, _user, _info, done) => done(null, Promise.resolve(null)), ['error', NO_RESULT]],
    ['passes a string', (_req, _user, _info, done) => done(null, 'id' as never), ['error', NO_RESULT]],
    ['uses done and returns an object', (_req, user, _info, done) => (setImmediate(done, null, user), {}), success()],
    ['uses done and returns null', (_req, _user, _info, _done) => null, DENIED],
    ['throws', fail(bug), ['error', bug]],
    ['throws undefined', fail(undefined), ['error', expect.any(Error)]],
    ['rejects', () => Promise.reject(bug), ['error', bug]],
    ['refuses, then accepts', (_req, user, _info, done) => (done(null), done(null, user)), DENIED],
    ['accepts, then refuses', (_req, user, _info, done) => (done(null, user), done(null)), success()],
    ['accepts, then rejects', (_req, user, _info, done) => (done(null, user), Promise.reject(bug)), success()],
  ])('that %s ends the request once', async (_title, verify, action) => {
    expect(await authenticate(password(verify), LOGIN)).toEqual([action]);
  });

  it('that gives no result within the option timeout ends the request', async () => {
    const never: Verify = (_req, _user, _info, _done) => {};
    const strategy = new GenAuthPasswordStrategy({ ...issuer().clientOptions, timeout: 500 }, never);
    const refusal = { status: 500, error: { code: 'callback_timeout', message: expect.stringContaining('verify') } };
    expect(await strategy.attempt(LOGIN)).toMatchObject({ kind: 'refusal', refusal });
  });

  it('that returns a rejected promise of another realm ends the request', async () => {
    const ignore = (): void => {};
    hostProcess.on('unhandledRejection', ignore);
    const strategy = password(() => runInNewContext('Promise.reject(new Error("x"))') as unknown);
    expect(await strategy.attempt(LOGIN)).toMatchObject({ kind: 'error', error: expect.any(Error) });
    hostProcess.off('unhandledRejection', ignore);
  });

  it('that returns the query of an ORM does not run the query again', async () => {
    const calls: unknown[][] = [];
    const verify = (...args: [unknown, object, unknown, (error: null, user: object) => void]): object => {
      calls.push(args);
      args[3](null, args[1]);
      return { catch: () => calls.push(['catch']) };
    };
    expect(await authenticate(password(verify), LOGIN)).toEqual([success()]);
    expect(calls).toEqual([[LOGIN, USER, INFO, expect.any(Function)]]);
  });

  it('that refuses is reported by attempt with a body in the language of the request', async () => {
    const verify: Verify = (_req, _user, _info, done) => done(null, false, 'suspended');
    const body = { statusCode: 403, error: 'Forbidden', message: '登录被拒绝。', code: 'verify_denied' };
    const result = await password(verify).attempt({ ...LOGIN, headers: { 'accept-language': 'zh' } });
    expect(result).toMatchObject({ kind: 'denied', info: 'suspended', refusal: { status: 403, body } });
  });
});

describe('with Passport on Express', () => {
  const start = (settings: Partial<LoginAppSettings> = {}): Promise<string> =>
    serve(createLoginApp(express, { strategies: [password()], ...settings }));
  const login = (url: string, json: object = ALICE): Promise<WebAnswer> => ask(url, { path: '/login', json });

  it("a callback receives Passport's arguments, and then its own error", async () => {
    const calls: unknown[][] = [];
    const url = await start({
      authenticate: (made) => (req: unknown, res: { end(): void }, next: unknown) => {
        const steps = [fail(new RangeError('of the callback')), () => res.end()];
        const callback = (...args: unknown[]): unknown => steps[calls.push(args) - 1]?.();
        (made.authenticate('genauth-password', callback) as (...args: unknown[]) => void)(req, res, next);
      },
    });
    issuer().reply(SIGN_IN_PATH, rejection(403, 2333));
    await login(url);
    expect(calls).toEqual([[null, false, expect.any(SignInRejectedError), 401], [expect.any(RangeError)]]);
  });

  it('one strategy object serves many requests at once, each with its own user and actions', async () => {
    admitEverybody(issuer());
    const verify = (req: GenAuthRequest, user: object, _info: unknown, done: (e: null, u: object) => void): void => {
      const { account } = req.body as { account: string };
      setTimeout(done, (Number(account.slice(5)) * 7) % 10, null, { ...user, account });
    };
    const strategy = password(verify);
    // `passport.authenticate(strategy)` sets the actions of each request on the same object.
    const url = await start({ authenticate: (made) => made.authenticate(strategy as never, { session: false }) });
    const names = Array.from({ length: 30 }, (_, i) => `user-${i}`);
    const answers = await Promise.all(names.map((account) => login(url, { account, password: 'p' })));
    const users = answers.map(({ text }) => (JSON.parse(text) as { user: object }).user);
    expect(users).toMatchObject(names.map((account) => ({ account, sub: subjectOf(account, issuer()) })));
  });
});

it('stores the user in a session of Passport with a new ID, and stores no token', async () => {
  const own = new passport.Passport();
  own.use(new GenAuthPasswordStrategy({ ...issuer().clientOptions, scope: ['openid', 'email'] }));
  own.serializeUser((given, done) => done(null, given));
  own.deserializeUser((stored: object, done) => done(null, stored));
  const store: MemoryStore & { sessions?: Record<string, string> } = new MemoryStore();
  const answer: RequestHandler = (req, res) => void res.json({ user: req.user, authInfo: req.authInfo });
  const app = express().use(express.json());
  app.use(session({ secret: 'of the test', resave: false, saveUninitialized: true, store }), own.session());
  app.post('/login', own.authenticate('genauth-password'), answer).get('/me', answer);
  const url = await serve(app);
  const readCookie = ({ headers }: WebAnswer): string => String(headers['set-cookie']).split(';')[0] ?? '';
  const whoami = async (cookie: string): Promise<unknown> =>
    JSON.parse((await ask(url, { path: '/me', headers: { cookie } })).text);
  const tokens = {
    id_token: issuer().sign(issuer().idTokenClaims({ email: 'alice@example.com' })),
    access_token: issuer().sign(issuer().accessTokenClaims()),
    refresh_token: 'canary-refresh-token',
  };
  issuer().replySignIn(tokens);

  const before = readCookie(await ask(url, { path: '/me' }));
  const after = readCookie(await ask(url, { path: '/login', json: ALICE, headers: { cookie: before } }));
  // An attacker who knows the ID from before the login is not signed in.
  const user = { sub: SUBJECT, email: 'alice@example.com', email_verified: false };
  expect([await whoami(before), await whoami(after)]).toEqual([{}, { user }]);
  const sessions = Object.values(store.sessions ?? {}).map((text) => JSON.parse(text) as unknown);
  expect(sessions).toContainEqual({ cookie: expect.any(Object), passport: { user } });
  const secrets = Object.values(tokens).flatMap((token) => [token, ...token.split('.').slice(1)]);
  expect(findLeaks(sessions, [...secrets, ALICE.password])).toEqual([]);
});
