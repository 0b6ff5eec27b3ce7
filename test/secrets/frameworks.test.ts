import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { type ArgumentsHost, Catch, Controller, Post, UseGuards } from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import passport from 'passport';
import {
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthClient,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  genAuthErrorHandler,
  requireAuth,
  signInHandler,
} from '../../src/index.js';
import { GenAuthAdGuard, GenAuthGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import {
  APP_SECRET,
  EVERYTHING,
  PASSWORD,
  PROXY_USER,
  REFRESH_TOKEN,
  SECRETS,
  type Tokens,
  answerSignIn,
  echoSignIn,
  findCanaries,
  makeTokens,
} from '../support/canary.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { startNestApp } from '../support/nest-app.js';
import { catchError, until } from '../support/promise.js';
import { FAULTS, FLAWS, REJECTIONS, REPEATED, forgeTokens, post, statusOf, useOutput } from './support.js';

failOnUnhandledRejections();
const output = useOutput();
const issuer = useIssuer();
const ALICE = { account: 'alice', password: PASSWORD };
/** Errors that reach the error handlers of the application. */
const thrown: unknown[] = [];
beforeEach(() => void (thrown.length = 0));

interface RunningApp {
  url: string;
  /** The log of the application. */
  lines: string[];
  close: () => unknown;
}

/** Express's own error page is behind the routes. In development it shows the stack. */
async function startExpress(options: GenAuthOptions): Promise<RunningApp> {
  const client = new GenAuthClient<string>(options);
  const own = new passport.Passport();
  const [password, ad] = [new GenAuthPasswordStrategy(client), new GenAuthAdStrategy(client)];
  for (const strategy of [password, new GenAuthBearerStrategy(client)]) own.use(strategy);
  const answer: RequestHandler = (_req, res) => void res.json({});
  const record: ErrorRequestHandler = (error, _req, _res, next) => {
    thrown.push(error);
    next(error);
  };
  const app = express().set('env', 'development');
  app.use(express.json(), genAuthErrorHandler(client));
  app.post('/own', signInHandler(password), answer);
  app.post('/ad', signInHandler(ad), answer);
  app.post('/bare', own.authenticate('genauth-password', { session: false }), answer);
  app.post('/own/me', requireAuth(client), answer);
  app.post('/bare/me', own.authenticate('genauth-bearer', { session: false }), answer);
  app.use(record);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    client.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines: [], close };
}

@Controller()
class Routes {
  @UseGuards(GenAuthPasswordGuard)
  @Post('own')
  own(): void {}

  @UseGuards(GenAuthAdGuard)
  @Post('ad')
  ad(): void {}

  @UseGuards(AuthGuard('genauth-password'))
  @Post('bare')
  bare(): void {}

  @UseGuards(GenAuthGuard)
  @Post('own/me')
  ownMe(): void {}

  @UseGuards(AuthGuard('genauth-bearer'))
  @Post('bare/me')
  bareMe(): void {}
}

@Catch()
class Recorder extends BaseExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): void {
    // Nest builds the response from the exception, so it holds the token of the next step. A log omits that token.
    thrown.push(inspect(exception, { depth: Infinity }), JSON.stringify(exception));
    super.catch(exception, host);
  }
}

async function startNest(options: GenAuthOptions): Promise<RunningApp> {
  const metadata = { imports: [GenAuthModule.forRoot(options)], controllers: [Routes] };
  const { url, logger, close } = await startNestApp('Fastify', metadata, {
    prepare: (app) => void app.useGlobalFilters(new Recorder(app.get(HttpAdapterHost).httpAdapter)),
  });
  return { url, lines: logger.lines, close };
}

describe.each([
  ['Express', startExpress],
  ['Nest', startNest],
])('%s', (_framework, start) => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await start({ ...issuer().clientOptions, appSecret: APP_SECRET, exposeReasons: true });
  });
  beforeEach(() => void (app.lines.length = 0));
  afterAll(() => app.close());

  /** No secret is in the responses, in a thrown error, in the log or in anything that was printed. */
  async function expectNoSecret(responses: string[], statuses: number[], tokens: Partial<Tokens> = {}): Promise<void> {
    // The body of a response is the place for the token of the next step.
    const bodies = responses.map((text) => text.replace(/"(?:mfaToken|flowToken)":"[^"]*"(?=[,}])/g, ''));
    expect(findCanaries([bodies, thrown, app.lines, await output.read()], { ...SECRETS, ...tokens })).toEqual([]);
    expect(responses.map(statusOf)).toEqual(statuses);
  }

  /** Signs in through our handler or guard, and through Passport alone. */
  const signIn = async (): Promise<string[]> => [
    await post(app.url, '/own', ALICE),
    await post(app.url, '/bare', ALICE),
  ];

  it.each([...REJECTIONS, ...FAULTS])('answers %s without a secret', async (_code, statusCode, apiCode, status) => {
    const tokens = echoSignIn(issuer(), statusCode, apiCode, REPEATED);
    await expectNoSecret(await signIn(), [status, status], tokens);
    expect(findCanaries(issuer().requests)).toEqual(['password', 'appSecret']);
  });

  it('does not pass on the text that GenAuth sent', async () => {
    // The client redacts only what it sent. It did not send this token.
    echoSignIn(issuer(), 403, 2333, { message: REFRESH_TOKEN });
    expect(findCanaries(await post(app.url, '/own', ALICE))).toEqual([]);
  });

  it.each(FLAWS)('answers a request with %s without it', async (_flaw, claims, header) => {
    const tokens = forgeTokens(issuer(), claims, header);
    answerSignIn(issuer(), { ...makeTokens(issuer()), idToken: tokens.idToken });
    const headers = { authorization: `Bearer ${tokens.accessToken}` };
    const guarded = [await post(app.url, '/own/me', {}, headers), await post(app.url, '/bare/me', {}, headers)];
    await expectNoSecret([...(await signIn()), ...guarded], [502, 502, 401, 401], tokens);
  });

  it.each([
    ['a password that is an object', { account: 'alice', sAMAccountName: 'alice', password: { $ne: PASSWORD } }],
    ['a password as the account', { account: PASSWORD, sAMAccountName: PASSWORD }],
    ['a password that is too long', { account: 'alice', sAMAccountName: 'alice', password: PASSWORD.repeat(99) }],
  ])('does not quote a body with %s', async (_name, body) => {
    const responses = [await post(app.url, '/own', body), await post(app.url, '/bare', body)];
    await expectNoSecret([...responses, await post(app.url, '/ad', body)], [400, 400, 400]);
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  });
});

it('the Express error handler does not quote malformed JSON', async () => {
  const app = await startExpress(issuer().clientOptions);
  const response = await post(app.url, '/own', `{"account":"alice","password":${JSON.stringify(PASSWORD)}`);
  await app.close();
  expect([statusOf(response), findCanaries([response, thrown, await output.read()])]).toEqual([400, []]);
});

it('a warning of the login handler names the fault and contains no secret', async () => {
  const app = await startExpress({ ...issuer().clientOptions, appSecret: APP_SECRET });
  echoSignIn(issuer(), 402, undefined, REPEATED);
  await post(app.url, '/own', ALICE);
  await app.close();
  await output.read();
  expect(output.warnings).toEqual([expect.objectContaining({ code: 'GENAUTH_PLAN_EXHAUSTED' })]);
  expect(findCanaries(output.warnings)).toEqual([]);
});

it('a Nest application that starts without a key set logs the fault and no secret', async () => {
  issuer().reply(JWKS_PATH, { status: 500, body: EVERYTHING });
  const app = await startNest({ ...issuer().clientOptions, appSecret: APP_SECRET });
  await until(() => app.lines.some((line) => line.includes('upstream_unavailable')));
  await app.close();
  expect(findCanaries(app.lines)).toEqual([]);
});

it('a Nest application with wrong options does not start, and the error has no secret', async () => {
  const secrets = { proxy: `ftp://${PROXY_USER}x`, clientSecret: APP_SECRET, appHost: `https://a:${APP_SECRET}@b` };
  const error = await catchError(startNest({ ...issuer().clientOptions, ...secrets }));
  expect(error).toMatchObject({ code: 'invalid_options' });
  expect(findCanaries([error, await output.read()])).toEqual([]);
});
