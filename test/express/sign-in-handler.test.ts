import express from 'express';
import passport from 'passport';
import {
  GenAuthBearerStrategy,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  type SignInStrategy,
  type VerifyFunction,
  signInHandler,
} from '../../src/index.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { createLoginApp } from '../support/login-app.js';
import { until } from '../support/promise.js';
import { rejection } from '../support/rejection.js';
import { catchThrown } from '../support/thrown.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const issuer = useIssuer();
const serve = useWebServer();
beforeEach(() => issuer().replySignIn());

const password = (options: Partial<GenAuthOptions> = {}, verify?: VerifyFunction): GenAuthPasswordStrategy<string> =>
  new GenAuthPasswordStrategy({ ...issuer().clientOptions, ...options } as GenAuthOptions, verify as never);
/** An application whose route `/login` is the handler of a strategy, or of the name of a registered strategy. */
const start = (strategy: SignInStrategy | string): Promise<string> =>
  serve(createLoginApp(express, { strategies: [], authenticate: () => signInHandler(strategy) }));
const login = (url: string): Promise<WebAnswer> =>
  ask(url, { path: '/login', json: { account: 'alice', password: 'canary-password' } });
const parse = ({ text }: WebAnswer): unknown => JSON.parse(text);

it('stores user and authInfo, forbids caching and calls the next handler', async () => {
  const answer = await login(await start(password({ scope: 'openid' })));
  expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
  const claims = expect.objectContaining({ sub: SUBJECT });
  const authInfo = { tokens: expect.any(Object), claims, requestId: 'request-1' };
  expect(parse(answer)).toEqual({ user: { sub: SUBJECT }, authInfo });
});

it('answers a user whom verify refuses', async () => {
  const verify: VerifyFunction = (_req, _user, _info, done) => done(null, false, { message: 'canary' });
  const answer = await login(await start(password({}, verify)));
  const body = { statusCode: 403, error: 'Forbidden', message: 'The sign-in was refused.', code: 'verify_denied' };
  expect([answer.status, parse(answer)]).toEqual([403, body]);
});

it('passes an Error to Express if a strategy reports an error that is no Error', async () => {
  const client = { options: {} } as SignInStrategy['client'];
  const strategy: SignInStrategy = { name: 'own', client, attempt: async () => ({ kind: 'error', error: 'router' }) };
  const answer = await login(await start(strategy));
  expect([answer.status, parse(answer)]).toEqual([500, { thrown: { name: 'Error' } }]);
});

describe('with the name of a strategy', () => {
  afterEach(() => {
    passport.unuse('genauth-password');
    passport.unuse('foreign');
  });

  it('uses the strategy that is registered at the time of the request', async () => {
    const url = await start('genauth-password');
    expect(await login(url)).toMatchObject({ status: 500, text: expect.stringContaining('"ConfigurationError"') });
    passport.use(password());
    expect((await login(url)).status).toBe(200);
  });

  it('passes an error to Express if the strategy of this name verifies access tokens', async () => {
    passport.use('foreign', new GenAuthBearerStrategy(issuer().clientOptions) as never);
    const answer = await login(await start('foreign'));
    expect(answer).toMatchObject({ status: 500, text: expect.stringContaining('"ConfigurationError"') });
  });

  const problem =
    'got "foreign", which is not the name of a registered strategy of passport-genauth. ' +
    'The created strategies are "genauth-password", "genauth-bearer"';
  const fix =
    'write signInHandler(new GenAuthPasswordStrategy(client)), ' +
    'or passport.use(new GenAuthPasswordStrategy(client)) before the first request';
  const mistakes = [{ option: 'signInHandler', problem, fix }];
  const NOT_OURS = { name: 'ConfigurationError', code: 'invalid_options', details: { mistakes } };
  it.each<[string, (own: passport.StrategyCreatedStatic) => void, object]>([
    ['accepts', (own) => own.success({ id: 1 }, { a: 1 }), NOT_OURS],
    ['reports an error', (own) => own.error(new RangeError('x')), { name: 'RangeError' }],
  ])('passes an error to Express if a foreign strategy %s', async (_title, act, expected) => {
    const authenticate = function (this: passport.StrategyCreatedStatic): void {
      act(this);
    };
    passport.use('foreign', Object.assign(new passport.Strategy(), { authenticate }));
    const req = { headers: {} };
    const error = await new Promise((resolve) => signInHandler('foreign')(req as never, {} as never, resolve));
    expect(error).toMatchObject(expected);
    expect(req).not.toHaveProperty('user');
  });
});

const LINE = 'signInHandler(new GenAuthPasswordStrategy(client))';
const WRITE = `write ${LINE}`;
const NOT_CALLED = 'is registered as a handler, but it is a function that creates a handler';
const inPlace = (given: string): string => `got ${given} in place of a strategy`;
const TOKENS_ONLY = 'got the strategy "genauth-bearer", which verifies access tokens and signs no user in';
const GUARD = `${WRITE} for a login route, or requireAuth(client) for a guarded route`;
it.each<[title: string, make: () => unknown, problem: string, fix?: string]>([
  ['nothing', () => undefined, inPlace('undefined')],
  ['an empty name', () => '', inPlace('""')],
  ['another object', () => ({ attempt: 5 }), inPlace('an object')],
  ['options', () => issuer().clientOptions, inPlace('the options of a client')],
  ['a client', () => password().client, inPlace('an object of the class GenAuthClient')],
  ['the class', () => GenAuthPasswordStrategy, inPlace('the class GenAuthPasswordStrategy')],
  ['a request', () => ({ method: 'POST', headers: {} }), NOT_CALLED, `call it, write app.post('/login', ${LINE})`],
  ['a bearer strategy', () => new GenAuthBearerStrategy(issuer().clientOptions), TOKENS_ONLY, GUARD],
])('cannot be created with %s', (_title, make, problem, fix = WRITE) => {
  const given = make();
  const mistakes = [{ option: 'signInHandler', problem, fix }];
  const error = { name: 'ConfigurationError', code: 'invalid_options', details: { mistakes } };
  expect(catchThrown(() => signInHandler(given as string))).toMatchObject(error);
});

const ALREADY_SENT = Object.assign(new Error('x'), { code: 'ERR_HTTP_HEADERS_SENT' });
const ERROR = new Error('of the next handler');
it.each<[string, unknown, unknown[]]>([
  ['passes on the error of the next handler', ERROR, [ERROR]],
  ['wraps an error of the next handler that is no Error', 'route', [expect.any(Error)]],
  ['ignores that the response was already sent', ALREADY_SENT, []],
])('%s', async (_title, thrown, errors) => {
  const attempt: SignInStrategy['attempt'] = async () => ({ kind: 'success', user: {}, info: {} });
  const calls: unknown[] = [];
  const steps = [
    () => {
      throw thrown;
    },
  ];
  // A response that was already sent has no header that can be set.
  signInHandler({ name: 'own', client: { options: {} } as SignInStrategy['client'], attempt })(
    {} as never,
    { headersSent: true } as never,
    (error) => {
      calls.push(error);
      steps.pop()?.();
    },
  );
  await until(() => calls.length > errors.length);
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toEqual([undefined, ...errors]);
});

it('warns the operator once of each fault, with the name of the client and without a secret', async () => {
  const url = await start(password({ name: 'staff' }));
  for (const reply of [rejection(401), rejection(401), rejection(403, 2333)]) {
    issuer().reply(SIGN_IN_PATH, reply);
    await login(url);
  }
  expect(warnings).toEqual([expect.stringMatching(/^GENAUTH_CLIENT_AUTHENTICATION_FAILED: staff: /)]);
  expect(findLeaks(warnings, ['canary-password', issuer().clientOptions.appSecret])).toEqual([]);
});
