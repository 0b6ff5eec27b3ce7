import express from 'express';
import passport from 'passport';
import {
  type GenAuthOptions,
  GenAuthAdStrategy,
  GenAuthPasswordStrategy,
  type SignInStrategy,
  type VerifyFunction,
  signInHandler,
} from '../../src/index.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { type LoginAppSettings, createLoginApp } from '../support/login-app.js';
import { Gate, until } from '../support/promise.js';
import { rejection } from '../support/rejection.js';
import { catchThrown } from '../support/thrown.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const issuer = useIssuer();
const serve = useWebServer();
beforeEach(() => issuer().replySignIn());
afterEach(() => void (warnings.length = 0));

const ALICE = { account: 'alice', password: 'canary-password' };

const password = (options: Partial<GenAuthOptions> = {}, verify?: VerifyFunction): GenAuthPasswordStrategy<string> =>
  new GenAuthPasswordStrategy({ ...issuer().clientOptions, ...options } as GenAuthOptions, verify as never);
/** An application whose route `/login` is the handler of a strategy, or of the name of a registered strategy. */
const start = (strategy: SignInStrategy | string, more: Partial<LoginAppSettings> = {}, framework = express) =>
  serve(createLoginApp(framework, { strategies: [], authenticate: () => signInHandler(strategy), ...more }));
const login = (url: string, json: object = ALICE, acceptLanguage = 'en'): Promise<WebAnswer> =>
  ask(url, { path: '/login', json, headers: { 'accept-language': acceptLanguage } });
const parse = ({ text }: WebAnswer): unknown => JSON.parse(text);

describe.each(EXPRESS_VERSIONS)('on %s', (_version, framework) => {
  it('stores user and authInfo, forbids caching and calls the next handler', async () => {
    const answer = await login(await start(password({ scope: 'openid' }), {}, framework));
    expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    const info = {
      tokens: expect.any(Object),
      claims: expect.objectContaining({ sub: SUBJECT }),
      requestId: 'request-1',
    };
    expect(parse(answer)).toEqual({ user: { sub: SUBJECT }, authInfo: info });
  });

  it('sends the complete response to a refused login', async () => {
    issuer().reply(SIGN_IN_PATH, rejection(403, 2333, { access_token: 'canary-token' }, 'canary-message'));
    const prepare = (app: express.Express): void => void app.disable('x-powered-by').disable('etag');
    const answer = await login(await start(password(), { prepare }, framework), ALICE, 'de, zh;q=0.5');
    expect([answer.status, parse(answer)]).toEqual([
      401,
      {
        statusCode: 401,
        error: 'Unauthorized',
        message: '账号或密码错误。',
        code: 'invalid_credentials',
        requestId: 'request-1',
      },
    ]);
    const { date: _date, ...headers } = answer.headers;
    expect(headers).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(answer.text)),
      'cache-control': 'no-store',
      connection: 'close',
    });
    expect(findLeaks(answer, ['canary-password', 'canary-token', 'canary-message'])).toEqual([]);
  });

  it.each([true, false])('reads a form, extended: %s', async (extended) => {
    const url = await start(password(), { parse: framework.urlencoded({ extended }) }, framework);
    const send = (text: string): Promise<WebAnswer> =>
      ask(url, { path: '/login', text, type: 'application/x-www-form-urlencoded' });
    expect((await send('account=alice&password=p')).status).toBe(200);
    expect((await send('account=alice&password[$ne]=1')).status).toBe(400);
    expect((await send('account=alice&password=p&password=p')).status).toBe(400);
  });
});

it.each<[string, object, number, object]>([
  ['a second factor', rejection(301, 1636, { mfaToken: 'm' }), 403, { code: 'mfa_required', mfaToken: 'm' }],
  ['too many attempts', { status: 429, headers: { 'retry-after': '7' } }, 429, { code: 'rate_limited' }],
  ['an outage', { status: 503, headers: { 'retry-after': '7' } }, 503, { code: 'upstream_unavailable' }],
  ['an answer that is no JSON', { body: '<p>canary' }, 502, { code: 'upstream_invalid_response' }],
  ['a wrong secret', rejection(401), 500, { code: 'configuration_error' }],
])('answers %s', async (_title, reply, status, body) => {
  issuer().reply(SIGN_IN_PATH, reply);
  const answer = await login(await start(password()));
  expect(answer).toMatchObject({ status, headers: { 'cache-control': 'no-store' } });
  expect(parse(answer)).toMatchObject({ statusCode: status, ...body });
});

it.each([429, 503])('sends Retry-After with status %i', async (status) => {
  issuer().reply(SIGN_IN_PATH, { status, headers: { 'retry-after': '7' } });
  expect((await login(await start(password()))).headers['retry-after']).toBe('7');
});

it('answers a user whom verify refuses', async () => {
  const verify: VerifyFunction = (_req, _user, _info, done) => done(null, false, { message: 'canary' });
  const answer = await login(await start(password({}, verify)));
  const body = { statusCode: 403, error: 'Forbidden', message: 'The sign-in was refused.', code: 'verify_denied' };
  expect([answer.status, parse(answer)]).toEqual([403, body]);
});

it.each([
  [new RangeError('of the application'), 'RangeError'],
  [undefined, 'Error'],
  ['route', 'Error'],
])('passes an Error to Express if verify throws %s', async (thrown, name) => {
  const verify: VerifyFunction = () => Promise.reject(thrown);
  expect(await login(await start(password({}, verify)))).toMatchObject({
    status: 500,
    text: `{"thrown":{"name":"${name}"}}`,
  });
});

it.each([undefined, 'router'])('passes an Error to Express if a strategy reports the error %s', async (error) => {
  const strategy: SignInStrategy = { name: 'own', attempt: async () => ({ kind: 'error', error }) };
  expect(await login(await start(strategy))).toMatchObject({ status: 500, text: '{"thrown":{"name":"Error"}}' });
});

it('signs in to Active Directory', async () => {
  const url = await start(new GenAuthAdStrategy(issuer().clientOptions));
  expect((await login(url, { sAMAccountName: 'zhangsan', password: 'p' })).status).toBe(200);
  expect((await login(url)).status).toBe(400);
});

it.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('answers a %s without a body with status 400', async (method) => {
  const answer = await ask(await start(password()), { path: '/login', method });
  expect(answer.status).toBe(400);
  expect(parse(answer)).toMatchObject({ code: 'invalid_request' });
});

it('answers a HEAD without a body', async () => {
  expect(await ask(await start(password()), { path: '/login', method: 'HEAD' })).toMatchObject({
    status: 400,
    text: '',
  });
});

describe('with the name of a strategy', () => {
  afterEach(() => {
    passport.unuse('genauth-password');
    passport.unuse('foreign');
  });

  it('uses the strategy that is registered at the time of the request', async () => {
    const url = await start('genauth-password');
    passport.use(password());
    expect((await login(url)).status).toBe(200);
    issuer().reply(SIGN_IN_PATH, rejection(403, 2333));
    expect((await login(url)).status).toBe(401);
  });

  it('passes an error to Express if the name is not registered', async () => {
    expect(await login(await start('staff-password'))).toMatchObject({
      status: 500,
      text: '{"thrown":{"name":"Error"}}',
    });
  });

  type Act = (own: passport.StrategyCreatedStatic) => void;
  const NOT_OURS = { name: 'ConfigurationError', code: 'invalid_options' };
  it.each<[string, Act, object]>([
    ['accepts', (own) => own.success({ id: 1 }, { a: 1 }), NOT_OURS],
    ['refuses', (own) => own.fail('no', 401), NOT_OURS],
    ['reports an error', (own) => own.error(new RangeError('x')), { name: 'RangeError' }],
  ])('lets no request pass by a foreign strategy that %s', async (_title, act, thrown) => {
    const authenticate = function (this: passport.StrategyCreatedStatic): void {
      act(this);
    };
    passport.use('foreign', Object.assign(new passport.Strategy(), { authenticate }));
    const answer = await login(await start('foreign'));
    expect([answer.status, parse(answer)]).toEqual([500, { thrown }]);
  });

  it('names the fix if the strategy is not of this library', async () => {
    passport.use(
      'foreign',
      Object.assign(new passport.Strategy(), {
        authenticate(this: { success(user: object): void }) {
          this.success({});
        },
      }),
    );
    const error = await new Promise((resolve) =>
      signInHandler('foreign')({ headers: {} } as never, {} as never, resolve),
    );
    const problem = 'got "foreign", which is not the name of a registered strategy of passport-genauth';
    const fix =
      'write signInHandler(new GenAuthPasswordStrategy(client)), ' +
      'or passport.use(new GenAuthPasswordStrategy(client)) before the first request';
    expect(error).toMatchObject({ details: { mistakes: [{ option: 'signInHandler', problem, fix }] } });
  });
});

it.each<[string, unknown]>([
  ['undefined', undefined],
  ['null', null],
  ['an empty name', ''],
  ['an object', {}],
  ['an object whose attempt is no function', { attempt: 5 }],
  ['a class', GenAuthPasswordStrategy],
  ['a number', 5],
])('cannot be created with %s', (_title, given) => {
  const error = catchThrown(() => signInHandler(given as string));
  const fix = 'write signInHandler(new GenAuthPasswordStrategy(client))';
  const mistake = { option: 'signInHandler', problem: expect.stringMatching(/^got /), fix };
  expect(error).toMatchObject({
    name: 'ConfigurationError',
    code: 'invalid_options',
    details: { mistakes: [mistake] },
  });
});

describe('after the sign-in', () => {
  const ACCEPTING: SignInStrategy = {
    name: 'own',
    attempt: async () => ({ kind: 'success', user: { id: 1 }, info: undefined }),
  };
  /** Returns the calls of `next`, of which the first throws. The response was already sent. */
  const run = async (strategy: SignInStrategy, thrown: unknown): Promise<unknown[]> => {
    const calls: unknown[] = [];
    const steps = [
      () => {
        throw thrown;
      },
    ];
    signInHandler(strategy)({ headers: {} } as never, { headersSent: true } as never, (error) => {
      calls.push(error);
      steps.shift()?.();
    });
    await until(() => calls.length > 0);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return calls;
  };

  it('passes on the error of the next handler', async () => {
    const error = new Error('of the next handler');
    expect(await run(ACCEPTING, error)).toEqual([undefined, error]);
  });

  it('wraps an error of the next handler that is no Error', async () => {
    expect(await run(ACCEPTING, 'route')).toEqual([undefined, expect.any(Error)]);
  });

  it('ignores that the response was already sent', async () => {
    expect(await run(ACCEPTING, Object.assign(new Error('x'), { code: 'ERR_HTTP_HEADERS_SENT' }))).toEqual([undefined]);
  });

  it('does not answer a request that was already answered', async () => {
    const sent = new Gate();
    const ended = new Gate();
    issuer().reply(SIGN_IN_PATH, () => sent.opened.then(() => rejection(403, 2333)));
    const strategy = password();
    const attempt = strategy.attempt.bind(strategy);
    strategy.attempt = (req) => attempt(req).finally(() => ended.open());
    const prepare = (app: express.Express): void =>
      void app.use((_req, res, next) => {
        next();
        res.status(503).end('late', () => sent.open());
      });
    expect(await login(await start(strategy, { prepare }))).toMatchObject({ status: 503, text: 'late' });
    await ended.opened;
  });
});

it('warns the operator once of each fault, with the name of the strategy and without a secret', async () => {
  const url = await start(password({ name: 'staff' }));
  const replies = [rejection(401), rejection(499, 2011), rejection(401), rejection(403, 2333)];
  for (const reply of replies) {
    issuer().reply(SIGN_IN_PATH, reply);
    await login(url);
  }
  expect(warnings).toEqual([
    expect.stringMatching(/^GENAUTH_CLIENT_AUTHENTICATION_FAILED: staff-password: /),
    expect.stringMatching(/^GENAUTH_APP_NOT_FOUND: staff-password: /),
  ]);
  expect(findLeaks(warnings, ['canary-password', issuer().clientOptions.appSecret])).toEqual([]);
});
