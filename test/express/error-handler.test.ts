import { jest } from '@jest/globals';
import type { RequestHandler } from 'express';
import {
  AuthorizationError,
  ConfigurationError,
  GenAuthBearerStrategy,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  RequestError,
  TokenVerificationError,
  UpstreamError,
  genAuthErrorHandler,
  requireAuth,
  signInHandler,
} from '../../src/index.js';
import { useClients } from '../support/client.js';
import { EXPRESS_VERSIONS, type ExpressFactory } from '../support/express-version.js';
import { ANSWERS } from '../support/guarded-ways.js';
import { failOnUnhandledRejections, hostProcess } from '../support/host-process.js';
import { JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { createLoginApp } from '../support/login-app.js';
import { bearer } from '../support/marked-routes.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const open = useClients(issuer);
const serve = useWebServer();

/** Warnings of the library in this test, and a clock for how long ago the last one was. */
const warnings: string[] = [];
let minutes = 0;
const hear = (warning: Error & { code?: string }): void => {
  if (warning.name === 'GenAuthWarning') warnings.push(`${warning.code}: ${warning.message}`);
};
const heard = async (): Promise<string[]> => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.splice(0);
};
beforeEach(() => {
  // An hour between two tests: what is said once a minute is said in each.
  minutes += 60;
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + minutes * 60_000);
  hostProcess.on('warning', hear);
});
afterEach(async () => {
  await heard();
  hostProcess.off('warning', hear);
  jest.restoreAllMocks();
});

const CANARY = 'canary-of-the-cause';
const options = (changes: Partial<GenAuthOptions> = {}): GenAuthOptions => ({ ...issuer().clientOptions, ...changes });

describe.each(EXPRESS_VERSIONS)('genAuthErrorHandler on %s', (_version, express) => {
  const start = (
    handler: RequestHandler,
    errorHandler = genAuthErrorHandler(),
    parse: RequestHandler = express.json({ limit: 100 }),
  ): Promise<string> => {
    const app = express();
    app.use(parse, handler, errorHandler as unknown as RequestHandler);
    app.use(((error: unknown, _req: unknown, res: { statusCode: number; end(text: string): void }, _next: unknown) => {
      res.statusCode = 418;
      res.end(String(error));
    }) as unknown as RequestHandler);
    return serve(app);
  };
  const throwing =
    (error: unknown): RequestHandler =>
    (_req, _res, next) =>
      next(error);
  const read = ({ status, headers, text }: WebAnswer): object => ({
    status,
    headers: Object.fromEntries(
      ['www-authenticate', 'retry-after', 'cache-control']
        .map((name) => [name, headers[name]])
        .filter(([, v]) => v !== undefined),
    ),
    body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text,
  });

  it.each<[string, unknown, object]>([
    ['an outage', new UpstreamError('upstream_timeout', CANARY), ANSWERS.upstream_unavailable],
    [
      'an outage of nine seconds',
      new UpstreamError('upstream_unavailable', CANARY, { retryAfter: 9 }),
      { ...ANSWERS.upstream_unavailable, headers: { 'cache-control': 'no-store', 'retry-after': '9' } },
    ],
    ['an unusable answer', new UpstreamError('upstream_invalid_response', CANARY), ANSWERS.upstream_invalid_response],
    ['our own mistake', new ConfigurationError('invalid_options', CANARY), ANSWERS.configuration_error],
    ['a wrong token', new TokenVerificationError('token_expired', CANARY), ANSWERS.invalid_token],
    ['no token', new TokenVerificationError('token_missing', CANARY), ANSWERS.token_missing],
    [
      'a missing scope',
      new AuthorizationError('insufficient_scope', CANARY, { required: ['email', 'orders:read'] }),
      ANSWERS.insufficient_scope,
    ],
    ['a missing role', new AuthorizationError('insufficient_role', CANARY), ANSWERS.insufficient_role],
    [
      'a wrong request',
      new RequestError('"account" is wrong.'),
      {
        status: 400,
        headers: { 'cache-control': 'no-store' },
        body: { statusCode: 400, error: 'Bad Request', message: '"account" is wrong.', code: 'invalid_request' },
      },
    ],
  ])('%s: as the guards answer it', async (_title, error, expected) => {
    const answer = await ask(await start(throwing(error)));
    expect(read(answer)).toEqual(expected);
    expect(findLeaks(answer, [CANARY])).toEqual([]);
  });

  it.each<[string, Parameters<typeof ask>[1], number]>([
    ['no JSON', { text: '{"password":"canary-password"' }, 400],
    ['too much', { json: { password: 'canary-password'.repeat(10) } }, 413],
    ['another charset', { text: '{}', type: 'application/json; charset=canary-password' }, 415],
    ['an encoding that nobody knows', { text: '{}', headers: { 'content-encoding': 'canary-password' } }, 415],
  ])('a body that is %s: %j gives %i, and not a word of it', async (_title, request, status) => {
    const answer = await ask(await start((_req, res) => void res.end()), request);
    expect(read(answer)).toMatchObject({
      status,
      headers: { 'cache-control': 'no-store' },
      body: { statusCode: status, message: 'The body of the request cannot be read.', code: 'invalid_request' },
    });
    expect(findLeaks(answer, ['canary-password'])).toEqual([]);
    expect(await heard()).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['an Error', new Error('of the application')],
    ['a text', 'of the application'],
    ['an error with a status', Object.assign(new Error('of the application'), { status: 404 })],
    ['an error with a type', Object.assign(new Error('of the application'), { type: 'x' })],
    ['a server error of a parser', Object.assign(new Error('of the application'), { type: 'x', status: 500 })],
    [
      'an error with a status that is a text',
      Object.assign(new Error('of the application'), { type: 'x', status: '400' }),
    ],
  ])('%s goes on to the next', async (_title, error) => {
    const { status, text } = await ask(await start(throwing(error)));
    expect([status, text]).toEqual([418, expect.stringContaining('of the application')]);
    expect(await heard()).toEqual([]);
  });

  it('the language is by Accept-Language, or by the client that it is told', async () => {
    const error = new UpstreamError('upstream_timeout', CANARY);
    const message = async (url: string, acceptLanguage: string): Promise<unknown> =>
      (JSON.parse((await ask(url, { headers: { 'accept-language': acceptLanguage } })).text) as { message: string })
        .message;
    const chinese = '身份服务暂时不可用，请稍后再试。';
    const byRequest = await start(throwing(error));
    expect(await message(byRequest, 'zh-CN')).toBe(chinese);
    expect(await message(byRequest, 'de')).toBe(ANSWERS.upstream_unavailable.body.message);
    const byClient = await start(throwing(error), genAuthErrorHandler(open({ language: 'zh' })));
    expect(await message(byClient, 'en')).toBe(chinese);
  });

  it('an answer that is under way is left alone', async () => {
    const url = await start((_req, res, next) => {
      res.write('half');
      next(new UpstreamError('upstream_timeout', CANARY));
      res.end(' and whole');
    });
    expect(await ask(url)).toMatchObject({ status: 200, text: 'half and whole' });
  });
});

describe('what the operator is told', () => {
  const [, express] = EXPRESS_VERSIONS.at(-1) as readonly [string, ExpressFactory];
  const startWays = async (name: string): Promise<string> => {
    const client = open({ name });
    const strategies = [new GenAuthPasswordStrategy(client), new GenAuthBearerStrategy(client)];
    return serve(
      createLoginApp(express, {
        strategies,
        prepare: (app) => {
          app.use('/me', requireAuth(client));
          app.use(
            '/handler',
            (_req, _res, next) => next(new UpstreamError('upstream_timeout', 'by the handler')),
            genAuthErrorHandler(client) as unknown as RequestHandler,
          );
        },
        authenticate: (_passport, find) => signInHandler(find(`${name}-password`)),
      }),
    );
  };
  const login = (url: string): Promise<WebAnswer> =>
    ask(url, { path: '/login', json: { account: 'a', password: 'canary-password' } });
  const me = (url: string): Promise<WebAnswer> =>
    ask(url, { path: '/me', headers: { authorization: bearer(issuer()) } });

  it('of each kind, once a minute, by the name of the strategy or the application', async () => {
    const [url, staff] = [await startWays('genauth'), await startWays('staff')];
    issuer().reply(SIGN_IN_PATH, { status: 500 });
    issuer().reply(JWKS_PATH, { body: '<html>' });
    for (let i = 0; i < 5; i++) {
      await login(url);
      await me(url);
    }
    expect(await heard()).toEqual([
      expect.stringMatching(/^GENAUTH_UPSTREAM_UNAVAILABLE: genauth-password: GenAuth's gateway answered HTTP 500/),
      expect.stringMatching(/^GENAUTH_UPSTREAM_UNAVAILABLE: genauth: GenAuth's key set was answered with HTTP 200/),
    ]);
    // Another application's faults are its own, and so is another kind.
    await login(staff);
    expect(await heard()).toEqual([expect.stringMatching(/^GENAUTH_UPSTREAM_UNAVAILABLE: staff-password: /)]);
    issuer().reply(SIGN_IN_PATH, { body: '<html>' });
    await login(url);
    expect(await heard()).toEqual([expect.stringMatching(/^GENAUTH_UPSTREAM_INVALID_RESPONSE: genauth-password: /)]);
    issuer().reply(SIGN_IN_PATH, { status: 500 });
    await login(url);
    expect(await heard()).toEqual([]);
    minutes += 1;
    await login(url);
    await login(url);
    expect(await heard()).toHaveLength(1);
  });

  it('by the error handler: by the name of its client, or of the package', async () => {
    const url = await startWays('staff');
    await ask(url, { path: '/handler' });
    await ask(url, { path: '/handler' });
    expect(await heard()).toEqual(['GENAUTH_UPSTREAM_TIMEOUT: staff: by the handler']);
    const app = express();
    app.use((_req, _res, next) =>
      next(new ConfigurationError('invalid_options', 'wrong', { cause: new Error('the vault is shut') })),
    );
    app.use(genAuthErrorHandler() as unknown as RequestHandler);
    await ask(await serve(app));
    expect(await heard()).toEqual(['GENAUTH_INVALID_OPTIONS: passport-genauth: wrong (the vault is shut)']);
  });

  it('of what a stranger or a person does wrong nothing is said', async () => {
    const url = await startWays('genauth');
    issuer().reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333 } });
    expect((await login(url)).status).toBe(401);
    expect((await ask(url, { path: '/login', json: {} })).status).toBe(400);
    expect((await ask(url, { path: '/me' })).status).toBe(401);
    expect((await ask(url, { path: '/me', headers: { authorization: 'Bearer a.b.c' } })).status).toBe(401);
    expect(await heard()).toEqual([]);
  });

  it('and never a password or a token', async () => {
    const url = await startWays('genauth');
    issuer().reply(SIGN_IN_PATH, ({ body }) => ({ status: 500, body: `<html>${body}` }));
    issuer().reply(JWKS_PATH, ({ headers }) => ({ status: 500, body: JSON.stringify(headers) }));
    const { text } = await login(url);
    const authorization = bearer(issuer());
    await ask(url, { path: '/me', headers: { authorization } });
    const lines = await heard();
    expect(lines.length).toBeGreaterThan(0);
    expect(
      findLeaks(
        [lines, text],
        ['canary-password', ...authorization.split('.').slice(1), options().appSecret as string],
      ),
    ).toEqual([]);
  });
});
