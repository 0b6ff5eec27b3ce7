import { runInNewContext } from 'node:vm';
import express from 'express';
import passport from 'passport';
import {
  ConfigurationError,
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthClient,
  GenAuthPasswordStrategy,
  RequestError,
  SignInRejectedError,
  UpstreamError,
  type VerifyFunction,
} from '../../src/index.js';
import type { GenAuthRequest } from '../../src/core/options/types.js';
import { TAKE_STRATEGY } from '../../src/passport/genauth.strategy.js';
import { admitEverybody, subjectOf } from '../support/admission.js';
import { failOnUnhandledRejections, hostProcess } from '../support/host-process.js';
import { JWKS_PATH, SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { type LoginAppSettings, createLoginApp } from '../support/login-app.js';
import { bearer } from '../support/marked-routes.js';
import { Gate, until } from '../support/promise.js';
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
const nextTurn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));

/** Authenticates a request as Passport does, and returns every action that the strategy called. */
async function authenticate(strategy: Strategy, req: GenAuthRequest): Promise<unknown[][]> {
  const actions: unknown[][] = [];
  const record =
    (name: string) =>
    (...args: unknown[]) =>
      void actions.push([name, ...args]);
  const own = Object.assign(Object.create(strategy) as Strategy, {
    success: record('success'),
    fail: record('fail'),
    error: record('error'),
  });
  own.authenticate(req);
  expect(actions).toEqual([]);
  await until(() => actions.length > 0);
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  return actions;
}

describe('a strategy', () => {
  it.each([
    [undefined, ['genauth-password', 'genauth-ad', 'genauth-bearer']],
    ['staff', ['staff-password', 'staff-ad', 'staff-bearer']],
    ['constructor', ['constructor-password', 'constructor-ad', 'constructor-bearer']],
  ])('with the option name %s has its default name', (name, expected) => {
    const options = { ...issuer().clientOptions, name };
    const strategies = [GenAuthPasswordStrategy, GenAuthAdStrategy, GenAuthBearerStrategy].map((C) => new C(options));
    expect(strategies.map((strategy) => strategy.name)).toEqual(expected);
    expect(strategies.map((strategy) => strategy instanceof passport.Strategy)).toEqual([true, true, true]);
    expect(findLeaks(strategies, [issuer().clientOptions.appSecret])).toEqual([]);
  });

  it('uses a given client, and creates one from options', () => {
    const client = new GenAuthClient(issuer().clientOptions);
    expect(new GenAuthBearerStrategy(client).client).toBe(client);
    expect(password().client).toBeInstanceOf(GenAuthClient);
  });

  it.each([null, 'verify', {}, true])('cannot be created with the verify function %j', (verify) => {
    const error = catchThrown(() => password(verify));
    expect(error).toBeInstanceOf(ConfigurationError);
    const fix = 'write (req, user, info, done) => done(null, user)';
    const mistakes = [{ option: 'verify', problem: 'is not a function', fix }];
    expect(error).toMatchObject({ code: 'invalid_options', details: { mistakes } });
  });

  it('gives itself to TAKE_STRATEGY and does not authenticate', () => {
    const taken: unknown[] = [];
    const strategy = password();
    strategy.authenticate(LOGIN, { [TAKE_STRATEGY]: (found: unknown) => taken.push(found) });
    expect(taken).toEqual([strategy]);
    expect(issuer().count()).toBe(0);
  });
});

describe('the actions of a login', () => {
  it('are success with the user and the tokens', async () => {
    expect(await authenticate(password(), LOGIN)).toEqual([['success', USER, INFO]]);
    const ad = new GenAuthAdStrategy(issuer().clientOptions);
    const body = { sAMAccountName: 'zhangsan', password: 'p' };
    expect(await authenticate(ad, { headers: {}, body })).toEqual([['success', USER, INFO]]);
  });

  it.each<[string, number, number | undefined, number, string]>([
    ['a wrong password', 403, 2333, 401, 'invalid_credentials'],
    ['a second factor', 301, 1636, 403, 'mfa_required'],
    ['a locked account', 403, 2005, 403, 'account_locked'],
    ['too many attempts', 429, undefined, 429, 'rate_limited'],
  ])('are fail for %s', async (_title, statusCode, apiCode, status, code) => {
    issuer().reply(SIGN_IN_PATH, rejection(statusCode, apiCode));
    const [[action, error, given] = [], ...more] = await authenticate(password(), LOGIN);
    expect([action, given, more]).toEqual(['fail', status, []]);
    expect(error).toBeInstanceOf(SignInRejectedError);
    expect(error).toMatchObject({ code, outcome: { kind: code } });
    // A second attempt would count towards the lock of the account.
    expect(issuer().count(SIGN_IN_PATH)).toBe(1);
  });

  it('are fail for a wrong request', async () => {
    const actions = await authenticate(password(), { headers: {} });
    expect(actions).toEqual([['fail', expect.any(RequestError), 400]]);
    expect(await authenticate(new GenAuthAdStrategy(issuer().clientOptions), LOGIN)).toMatchObject([['fail', {}, 400]]);
  });

  it.each<[string, object, string]>([
    ['an outage', { status: 500 }, 'upstream_unavailable'],
    ['a lost connection', { reset: true }, 'upstream_unreachable'],
    ['an answer that is no JSON', { body: '<html>' }, 'upstream_invalid_response'],
    ['a success without tokens', { body: { statusCode: 200 } }, 'upstream_invalid_response'],
    ['a wrong secret', { body: { statusCode: 401 } }, 'client_authentication_failed'],
  ])('are error for %s', async (_title, reply, code) => {
    issuer().reply(SIGN_IN_PATH, reply);
    const actions = await authenticate(password(), LOGIN);
    expect(actions).toMatchObject([['error', { code }]]);
    expect(findLeaks(actions, [ALICE.password])).toEqual([]);
    expect(issuer().count(SIGN_IN_PATH)).toBe(1);
  });

  it('are error for an id_token of another user', async () => {
    issuer().replySignIn({ id_token: issuer().sign(issuer().idTokenClaims({ sub: 'other' })) });
    expect(await authenticate(password(), LOGIN)).toMatchObject([['error', { code: 'upstream_token_invalid' }]]);
  });
});

it.each([
  ['ends with its error', 'ERR_OTHER', [{ code: 'ERR_OTHER' }]],
  ['is left alone if the response was already sent', 'ERR_HTTP_HEADERS_SENT', []],
])('a request whose action throws %s', async (_title, code, errors) => {
  const thrown: unknown[] = [];
  const calls = new Gate();
  const success = (): never => {
    calls.open();
    throw Object.assign(new Error('of Passport'), { code });
  };
  Object.assign(Object.create(password()) as Strategy, {
    success,
    fail: success,
    error: (error: unknown) => thrown.push(error),
  }).authenticate(LOGIN);
  await calls.opened;
  await nextTurn();
  expect(thrown).toMatchObject(errors);
  expect(thrown).toHaveLength(errors.length);
});

describe('the actions of a bearer token', () => {
  const run = (authorization?: string, verify?: unknown): Promise<unknown[][]> =>
    authenticate(new GenAuthBearerStrategy(issuer().clientOptions, verify as never), {
      headers: authorization === undefined ? {} : { authorization },
    });
  const INVALID = expect.stringMatching(/^Bearer realm="genauth", error="invalid_token", /);

  it('are success with the user and the claims', async () => {
    const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
    expect(await run(bearer(issuer()))).toEqual([['success', user, { claims: USER }]]);
  });

  it.each<[string, () => string | undefined, unknown]>([
    ['no token', () => undefined, 'Bearer realm="genauth"'],
    ['a malformed header', () => 'Bearer', INVALID],
    ['an expired token', () => bearer(issuer(), { iat: 1000, exp: 2000 }), INVALID],
  ])('are fail with the challenge for %s', async (_title, authorization, challenge) => {
    expect(await run(authorization())).toEqual([['fail', challenge, 401]]);
  });

  it('are error if the key set cannot be loaded', async () => {
    issuer().reply(JWKS_PATH, { reset: true });
    expect(await run(bearer(issuer()))).toMatchObject([['error', { code: 'upstream_unreachable', statusCode: 503 }]]);
  });

  it.each([
    ['openid email', [['success', { id: SUBJECT }, { claims: USER }]]],
    ['openid', [['fail', undefined, 403]]],
  ])('follow the verify function for the scope %s', async (scope, actions) => {
    const verify: VerifyFunction<{ sub: string; scope: string[] }> = (_req, user, _info, done) =>
      done(null, user.scope.includes('email') && { id: user.sub });
    expect(await run(bearer(issuer(), { scope }), verify)).toEqual(actions);
  });
});

describe('a verify function', () => {
  const bug = new TypeError('of the application');
  const success = (user: unknown = USER, info: unknown = INFO): unknown[] => ['success', user, info];

  it.each<[string, Verify, unknown[]]>([
    ['accepts the user', (_req, user, _info, done) => done(null, user), success()],
    ['maps the user', (_req, { sub }, _info, done) => done(null, { id: sub }), success({ id: SUBJECT })],
    ['passes undefined as the error', (_req, user, _info, done) => done(undefined, user), success()],
    ["passes '' as the error", (_req, user, _info, done) => done('', user), success()],
    ['passes false as the error', (_req, user, _info, done) => done(false, user), success()],
    ['passes its own info', (_req, user, _info, done) => done(null, user, { own: 1 }), success(USER, { own: 1 })],
    ['passes null as the info', (_req, user, _info, done) => done(null, user, null), success()],
    ['calls done later', (_req, user, _info, done) => void setImmediate(done, null, user), success()],
    ['is async', async (_req, user, _info, done) => done(null, await Promise.resolve(user)), success()],
    ['refuses with false', (_req, _user, _info, done) => done(null, false), ['fail', undefined, 403]],
    ['refuses with null', (_req, _user, _info, done) => done(null, null), ['fail', undefined, 403]],
    ['refuses with undefined', (_req, _user, _info, done) => done(null), ['fail', undefined, 403]],
    ['refuses with a reason', (_req, _user, _info, done) => done(null, false, 'suspended'), ['fail', 'suspended', 403]],
    ['passes an error', (_req, _user, _info, done) => done(bug), ['error', bug]],
    ['passes an error and a user', (_req, user, _info, done) => done(bug, user), ['error', bug]],
    [
      'throws',
      () => {
        throw bug;
      },
      ['error', bug],
    ],
    [
      'throws undefined',
      () => {
        throw undefined;
      },
      ['error', expect.any(Error)],
    ],
    ['rejects', () => Promise.reject(bug), ['error', bug]],
    ['rejects with undefined', () => Promise.reject(), ['error', expect.any(Error)]],
    ['rejects later', () => nextTurn().then(() => Promise.reject(bug)), ['error', bug]],
    [
      'passes an error of this library',
      (_req, _user, _info, done) => done(new UpstreamError('upstream_timeout', 'x')),
      ['error', expect.any(UpstreamError)],
    ],
    ['accepts, then refuses', (_req, user, _info, done) => (done(null, user), done(null, false)), success()],
    ['accepts twice', (_req, user, _info, done) => (done(null, user), done(null, { id: 2 })), success()],
    [
      'accepts, then throws',
      (_req, user, _info, done) => {
        done(null, user);
        throw bug;
      },
      success(),
    ],
    [
      'accepts, then rejects',
      async (_req, user, _info, done) => {
        done(null, user);
        throw bug;
      },
      success(),
    ],
    [
      'refuses, then accepts',
      (_req, user, _info, done) => (done(null, false), done(null, user)),
      ['fail', undefined, 403],
    ],
    [
      'refuses, then accepts later',
      (_req, user, _info, done) => (done(null, false), void setImmediate(done, null, user)),
      ['fail', undefined, 403],
    ],
    ['passes an error, then accepts', (_req, user, _info, done) => (done(bug), done(null, user)), ['error', bug]],
  ])('that %s ends the request once', async (_title, verify, action) => {
    expect(await authenticate(password(verify), LOGIN)).toEqual([action]);
  });

  it('that returns a rejected promise of another realm ends the request', async () => {
    const ignore = (): void => {};
    hostProcess.on('unhandledRejection', ignore);
    const strategy = password(() => runInNewContext('Promise.reject(new Error("x"))') as unknown);
    expect(await strategy.attempt(LOGIN)).toMatchObject({ kind: 'error', error: expect.any(Error) });
    hostProcess.off('unhandledRejection', ignore);
  });

  it('that returns the query of an ORM does not run the query again', async () => {
    const calls: string[] = [];
    const query = { catch: () => calls.push('catch') };
    const verify = (_req: unknown, user: object, _info: unknown, done: (e: null, u: object) => void): object => {
      done(null, user);
      return query;
    };
    expect(await authenticate(password(verify), LOGIN)).toEqual([['success', USER, INFO]]);
    expect(calls).toEqual([]);
  });

  it('receives the request, the user and the tokens', async () => {
    const calls: unknown[][] = [];
    await password((...args: unknown[]) => {
      calls.push(args);
      (args[3] as (error: unknown) => void)(bug);
    }).attempt(LOGIN);
    expect(calls).toEqual([[LOGIN, USER, INFO, expect.any(Function)]]);
  });

  it('is not called for a user whom GenAuth refuses', async () => {
    let calls = 0;
    issuer().reply(SIGN_IN_PATH, rejection(403, 2333));
    await password(() => (calls += 1)).attempt(LOGIN);
    expect(calls).toBe(0);
  });

  it('that refuses is reported by attempt with a body in the language of the request', async () => {
    const verify: Verify = (_req, _user, _info, done) => done(null, false, 'suspended');
    const body = { statusCode: 403, error: 'Forbidden', message: '登录被拒绝。', code: 'verify_denied' };
    const result = await password(verify).attempt({ ...LOGIN, headers: { 'accept-language': 'zh' } });
    expect(result).toEqual({ kind: 'denied', info: 'suspended', body });
  });
});

describe('with Passport on Express', () => {
  const start = (settings: Partial<LoginAppSettings> = {}): Promise<string> =>
    serve(createLoginApp(express, { strategies: [password()], ...settings }));
  const withOptions = (options: object): Pick<LoginAppSettings, 'authenticate'> => ({
    authenticate: (made) => made.authenticate('genauth-password', { session: false, ...options }),
  });
  const login = (url: string, json: object = ALICE): Promise<WebAnswer> => ask(url, { path: '/login', json });

  it.each([
    [403, 2333, 401, 'Unauthorized'],
    [403, 2005, 403, 'Forbidden'],
    [429, undefined, 429, 'Too Many Requests'],
    [301, 1636, 403, 'Forbidden'],
  ])('the response to statusCode %i, apiCode %s is the status only', async (statusCode, apiCode, status, text) => {
    issuer().reply(SIGN_IN_PATH, rejection(statusCode, apiCode, { mfaToken: 'm', remainCount: 3 }));
    const answer = await login(await start());
    expect(answer).toMatchObject({ status, text });
    expect(answer.headers['www-authenticate']).toBeUndefined();
  });

  it('failureRedirect is used for a mistake of the user, not for an outage', async () => {
    const url = await start(withOptions({ failureRedirect: '/sorry' }));
    expect(await login(url, {})).toMatchObject({ status: 302, headers: { location: '/sorry' } });
    issuer().reply(SIGN_IN_PATH, { status: 500 });
    const { status, headers } = await login(url);
    expect([status, headers['location']]).toEqual([503, undefined]);
  });

  it('members of the request do not redirect', async () => {
    const evil = { returnTo: '//evil.example', failureRedirect: '//evil.example', successRedirect: '//evil.example' };
    const path = `/login?${new URLSearchParams(evil).toString()}`;
    const url = await start();
    const answers = [await ask(url, { path, json: { ...ALICE, ...evil } }), await ask(url, { path, json: evil })];
    expect(answers.map(({ status, headers }) => [status, headers['location']])).toEqual([
      [200, undefined],
      [400, undefined],
    ]);
  });

  it('failWithError passes the status to Express', async () => {
    const { status, text } = await login(await start(withOptions({ failWithError: true })), {});
    expect([status, text]).toEqual([400, '{"thrown":{"name":"AuthenticationError"}}']);
  });

  it('failureMessage stores the text for the end user', async () => {
    const session: { messages?: string[] } = {};
    const prepare = (app: ReturnType<typeof express>): unknown =>
      app.use((req, _res, next) => next(void Object.assign(req, { session })));
    const url = await start({ ...withOptions({ failureMessage: true }), prepare: (app) => void prepare(app) });
    issuer().reply(SIGN_IN_PATH, rejection(403, 2333, {}, 'canary'));
    await login(url);
    expect(session.messages).toEqual(['The account or the password is wrong.']);
  });

  it("a callback receives Passport's arguments, and then its own error", async () => {
    const calls: unknown[][] = [];
    const fail = (): never => {
      throw new RangeError('of the callback');
    };
    const url = await start({
      authenticate: (made) => (req: unknown, res: { end(): void }, next: unknown) => {
        const steps = [fail, () => res.end()];
        const callback = (...args: unknown[]): unknown => steps[calls.push(args) - 1]?.();
        (made.authenticate('genauth-password', callback) as (...args: unknown[]) => void)(req, res, next);
      },
    });
    issuer().reply(SIGN_IN_PATH, rejection(403, 2333));
    await login(url);
    expect(calls).toEqual([[null, false, expect.any(SignInRejectedError), 401], [expect.any(RangeError)]]);
  });

  it('a missing session ends the request with status 500', async () => {
    const url = await start({ authenticate: (made) => made.authenticate('genauth-password') });
    expect((await login(url)).status).toBe(500);
  });

  it('a list of strategies accepts a token or a login', async () => {
    const strategies = [new GenAuthBearerStrategy(issuer().clientOptions), password()];
    const authenticated = (made: passport.Authenticator): unknown =>
      made.authenticate(['genauth-bearer', 'genauth-password'], { session: false });
    const url = await start({ strategies, authenticate: authenticated as never });
    expect((await ask(url, { path: '/login', headers: { authorization: bearer(issuer()) } })).status).toBe(200);
    expect((await login(url)).status).toBe(200);
    issuer().reply(SIGN_IN_PATH, rejection(403, 2333));
    const challenge = { 'www-authenticate': 'Bearer realm="genauth"' };
    expect(await login(url)).toMatchObject({ status: 401, headers: challenge });
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
    const names = Array.from({ length: 50 }, (_, i) => `user-${i}`);
    const answers = await Promise.all(names.map((account) => login(url, { account, password: 'p' })));
    const users = answers.map(({ text }) => (JSON.parse(text) as { user: object }).user);
    expect(users).toEqual(
      names.map((account) => expect.objectContaining({ account, sub: subjectOf(account, issuer()) })),
    );
    expect(issuer().count(JWKS_PATH)).toBe(1);
  });

  it('a client that ends its request early does not disturb other requests', async () => {
    const gate = new Gate();
    issuer().reply(SIGN_IN_PATH, async () => {
      await gate.opened;
      return rejection(403, 2333);
    });
    const strategy = password();
    const attempt = strategy.attempt.bind(strategy);
    const ended = new Gate();
    strategy.attempt = (req) => attempt(req).finally(() => ended.open());
    const url = await start({ strategies: [strategy] });
    const aborting = new AbortController();
    const aborted = ask(url, { path: '/login', json: ALICE, signal: aborting.signal });
    await until(() => issuer().count(SIGN_IN_PATH) === 1);
    aborting.abort();
    await expect(aborted).rejects.toThrow('aborted');
    gate.open();
    await ended.opened;
    expect((await login(url)).status).toBe(401);
  });
});

describe('two applications in one Passport instance', () => {
  const staff = useIssuer();
  const OTHER_APP = '65f0c1d2e3a4b5c6d7e8f999';
  const start = (name: string): Promise<string> => {
    const users = new GenAuthClient({ ...issuer().clientOptions, name: 'users' });
    const other = new GenAuthClient({ ...staff().clientOptions, appId: OTHER_APP, name: 'staff' });
    const strategies = [users, other].flatMap((c) => [new GenAuthPasswordStrategy(c), new GenAuthBearerStrategy(c)]);
    return serve(
      createLoginApp(express, { strategies, authenticate: (p) => p.authenticate(name, { session: false }) }),
    );
  };

  it.each([
    ['users-password', 1, 0],
    ['staff-password', 0, 1],
  ])('%s sends the login to its own GenAuth', async (name, ofUsers, ofStaff) => {
    for (const each of [issuer(), staff()]) admitEverybody(each);
    expect((await ask(await start(name), { path: '/login', json: ALICE })).status).toBe(200);
    expect([issuer().count(SIGN_IN_PATH), staff().count(SIGN_IN_PATH)]).toEqual([ofUsers, ofStaff]);
  });

  it.each([
    ['users-bearer', [200, 401, 401]],
    ['staff-bearer', [401, 200, 401]],
  ])('%s accepts the tokens of its own application only', async (name, statuses) => {
    const url = await start(name);
    const tokens = [bearer(issuer()), bearer(staff(), { aud: OTHER_APP }), bearer(staff())];
    const answers = await Promise.all(
      tokens.map((authorization) => ask(url, { path: '/login', headers: { authorization } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(statuses);
  });
});
