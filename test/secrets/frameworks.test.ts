import { inspect } from 'node:util';
import { type ArgumentsHost, Catch, Controller, Post, UseGuards } from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import express, { type ErrorRequestHandler } from 'express';
import passport from 'passport';
import { type GenAuthOptions, GenAuthPasswordStrategy, requireAuth, signInHandler } from '../../src/index.js';
import { GenAuthGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import {
  APP_SECRET,
  EVERYTHING,
  PASSWORD,
  REFRESH_TOKEN,
  SECRETS,
  type Tokens,
  answerSignIn,
  echoSignIn,
  findCanaries,
  makeTokens,
} from '../support/canary.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { startNestApp } from '../support/nest-app.js';
import { until } from '../support/promise.js';
import { type WebRequest, ask, useWebServer } from '../support/web-server.js';
import { FAULTS, REJECTIONS, REPEATED, useOutput } from './support.js';

failOnUnhandledRejections();
const output = useOutput();
const issuer = useIssuer();
const openClient = useClients(issuer);
const serve = useWebServer();
const ALICE = { account: 'alice', password: PASSWORD };
/** Errors that reach the error handlers of the application. */
const thrown: unknown[] = [];
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  thrown.length = 0;
  await closing.pop()?.();
});

/** Express's own error page is behind the routes. In development it shows the stack. */
async function startExpress(options: GenAuthOptions) {
  const client = openClient(options);
  const own = new passport.Passport();
  const password = new GenAuthPasswordStrategy(client);
  own.use(password);
  const record: ErrorRequestHandler = (error, _req, _res, next) => {
    thrown.push(error);
    next(error);
  };
  const app = express().set('env', 'development');
  app.use(express.json());
  app.post('/own', signInHandler(password));
  app.post('/bare', own.authenticate('genauth-password', { session: false }));
  app.post('/own/me', requireAuth(client));
  app.use(record);
  return { url: await serve(app), lines: [] as string[] };
}

@Controller()
class Routes {
  @UseGuards(GenAuthPasswordGuard)
  @Post('own')
  own(): void {}

  @UseGuards(AuthGuard('genauth-password'))
  @Post('bare')
  bare(): void {}

  @UseGuards(GenAuthGuard)
  @Post('own/me')
  ownMe(): void {}
}

@Catch()
class Recorder extends BaseExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): void {
    // Nest builds the response from the exception, so it holds the token of the next step. A log omits that token.
    thrown.push(inspect(exception, { depth: Infinity }), JSON.stringify(exception));
    super.catch(exception, host);
  }
}

async function startNest(options: GenAuthOptions) {
  const metadata = { imports: [GenAuthModule.forRoot(options)], controllers: [Routes] };
  const { url, logger, close } = await startNestApp('Fastify', metadata, {
    prepare: (app) => void app.useGlobalFilters(new Recorder(app.get(HttpAdapterHost).httpAdapter)),
  });
  closing.push(close);
  return { url, lines: logger.lines };
}

const post = (path: string, json: unknown, headers: Record<string, string> = {}) => ({ path, json, headers });
/** Signs in through our handler or guard, and through Passport alone. */
const SIGN_IN = [post('/own', ALICE), post('/bare', ALICE)] as const;

describe.each([
  ['Express', startExpress],
  ['Nest', startNest],
])('%s', (_framework, start) => {
  /** No secret is in the responses, in a thrown error, in the log or in anything that was printed. */
  async function expectNoSecret(requests: readonly WebRequest[], statuses: number[], tokens: Partial<Tokens> = {}) {
    const { url, lines } = await start({ ...issuer().clientOptions, appSecret: APP_SECRET, exposeReasons: true });
    const responses = await Promise.all(requests.map((request) => ask(url, request)));
    const shown = [
      responses.map(({ text }) => text),
      responses.map(({ headers }) => headers),
      thrown,
      lines,
      await output.read(),
    ];
    expect(findCanaries(shown, { ...SECRETS, ...tokens })).toEqual([]);
    expect(responses.map(({ status }) => status)).toEqual(statuses);
  }

  it.each([...REJECTIONS, ...FAULTS])('answers %s without a secret', async (_code, statusCode, apiCode, status) => {
    const tokens = echoSignIn(issuer(), statusCode, apiCode, REPEATED);
    await expectNoSecret(SIGN_IN, [status, status], tokens);
    expect(findCanaries(issuer().requests)).toEqual(['password', 'appSecret']);
  });

  it('does not pass on the text that GenAuth sent', async () => {
    // The client redacts only what it sent. It did not send this token.
    echoSignIn(issuer(), 403, 2333, { message: REFRESH_TOKEN });
    const { url } = await start({ ...issuer().clientOptions, exposeReasons: true });
    expect(findCanaries(await ask(url, post('/own', ALICE)))).toEqual([]);
  });

  it('answers a request with an expired token without it', async () => {
    const tokens = makeTokens(issuer(), { iat: 8, exp: 9 });
    answerSignIn(issuer(), { ...makeTokens(issuer()), idToken: tokens.idToken });
    const headers = { authorization: `Bearer ${tokens.accessToken}` };
    await expectNoSecret([...SIGN_IN, post('/own/me', {}, headers)], [502, 502, 401], tokens);
  });

  it('does not quote a malformed body', async () => {
    const bodies = [{ ...ALICE, password: { $ne: PASSWORD } }, { account: PASSWORD }];
    await expectNoSecret([...bodies.map((body) => post('/own', body)), post('/bare', bodies[0])], [400, 400, 400]);
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  });
});

it('a Nest application that starts without a key set logs the fault and no secret', async () => {
  issuer().reply(JWKS_PATH, { status: 500, body: EVERYTHING });
  const { lines } = await startNest({ ...issuer().clientOptions, appSecret: APP_SECRET });
  await until(() => lines.some((line) => line.includes('upstream_unavailable')));
  expect(findCanaries(lines)).toEqual([]);
});
