import express, { type RequestHandler } from 'express';
import { Controller, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import passport from 'passport';
import CustomStrategy from 'passport-custom';
import {
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthClient,
  GenAuthPasswordStrategy,
  genAuthErrorHandler,
  signInHandler,
} from '../../src/index.js';
import { GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { useEvents } from '../support/events.js';
import { buildHandlers } from '../support/handlers.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { startNestApp } from '../support/nest-app.js';
import { until } from '../support/promise.js';
import { startWebServer } from '../support/web-server.js';

/** The event `genauth:refusal` is published once for each refused request, and never for an accepted request. */

failOnUnhandledRejections();
const issuer = useIssuer();
const events = useEvents();
beforeEach(() => {
  const body = { statusCode: 403, apiCode: 2333, message: 'wrong', requestId: 'r' };
  issuer().reply(SIGN_IN_PATH, { body });
});

const PASSWORD = { account: 'alice', password: 'wrong' };
const AD = { sAMAccountName: 'alice', password: 'wrong' };

type Row = [handler: string, body: object, headers: Record<string, string>, status: number, reasons: string[]];
const KEY = { 'x-api-key': 'right' };
const ROWS: Row[] = [
  ['genauth-password', PASSWORD, {}, 401, ['invalid_credentials']],
  ['genauth-password', AD, {}, 400, ['invalid_request']],
  ['genauth-bearer', {}, {}, 401, ['token_missing']],
  ['genauth-bearer', {}, { authorization: 'Bearer x' }, 401, ['token_malformed']],
  ['genauth-password,genauth-ad', {}, {}, 400, ['invalid_request']],
  ['genauth-bearer,api-key', {}, KEY, 200, []],
  ['genauth-bearer,api-key', {}, {}, 401, ['token_missing']],
];

async function check(url: string, [handler, body, headers, status, reasons]: Row): Promise<void> {
  const path = `/${handler}`;
  const init = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  };
  const response = await fetch(url + path, init);
  await response.text();
  const listRefusals = (): unknown[] =>
    events.filter(({ name }) => name === 'genauth:refusal').map(({ event }) => event);
  // In plain Express the event comes when the connection knows that the response was sent.
  await until(() => listRefusals().length >= reasons.length);
  await new Promise((resolve) => setImmediate(resolve));
  const refusals = listRefusals();
  expect(response.status).toBe(status);
  expect(refusals).toMatchObject(reasons.map((reason) => ({ reason, route: `POST ${path}` })));
}

class ApiKey extends CustomStrategy {
  constructor() {
    super((req, done) => done(null, req.headers['x-api-key'] === 'right' ? { sub: 'partner' } : false));
  }
}

describe('in Express', () => {
  let running: Awaited<ReturnType<typeof startWebServer>>;
  let client: GenAuthClient;
  beforeAll(async () => {
    client = new GenAuthClient(issuer().clientOptions);
    for (const Strategy of [GenAuthPasswordStrategy, GenAuthAdStrategy, GenAuthBearerStrategy]) {
      passport.use(new Strategy(client) as unknown as passport.Strategy);
    }
    passport.use('api-key', new ApiKey());
    const app = express().use(express.json());
    const answer: RequestHandler = (_req, res) => void res.json({});
    for (const [handler] of ROWS) {
      const names = handler.split(',');
      const guard = passport.authenticate(names.length === 1 ? handler : names, { session: false }) as RequestHandler;
      app.post(`/${handler}`, guard, answer);
    }
    app.post('/handler', signInHandler(new GenAuthPasswordStrategy(client)) as RequestHandler, answer);
    app.use(genAuthErrorHandler(client) as never);
    running = await startWebServer(app);
  });
  afterAll(async () => {
    await running.close();
    void client.close();
  });

  it.each(ROWS)('passport.authenticate(%s) with %j and %j', async (...row) => check(running.url, row));

  it('a wrong password before a strategy that accepts the request is not reported', async () => {
    const own = ['genauth-password,own', { ...PASSWORD }, KEY, 200, []] as Row;
    passport.use('own', new ApiKey());
    const guard = passport.authenticate(['genauth-password', 'own'], { session: false }) as RequestHandler;
    const app = express()
      .use(express.json())
      .post('/genauth-password,own', guard, (_req, res) => void res.json({}));
    const { url, close } = await startWebServer(app);
    await check(url, own);
    await close();
  });

  it('signInHandler', async () => check(running.url, ['handler', AD, {}, 400, ['invalid_request']]));
});

describe('in Nest', () => {
  let running: Awaited<ReturnType<typeof startNestApp>>;
  beforeAll(async () => {
    passport.use('api-key', new ApiKey());
    const guards = ROWS.map(([handler]): [string, MethodDecorator[]] => {
      const names = handler.split(',');
      return [handler, [UseGuards(AuthGuard(names.length === 1 ? handler : names)), Post(handler)]];
    });
    const own: MethodDecorator[] = [UseGuards(GenAuthPasswordGuard), Post('handler')];
    const Routes = buildHandlers({ ...Object.fromEntries(guards), own }, Controller());
    const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
    running = await startNestApp('Express', { imports, controllers: [Routes] });
  });
  afterAll(() => running.close());

  it.each(ROWS)('AuthGuard(%s) with %j and %j', async (...[handler, body, headers, status, reasons]) =>
    check(running.url, [handler, body, headers, status === 200 ? 201 : status, reasons]),
  );

  it('GenAuthPasswordGuard', async () => check(running.url, ['handler', AD, {}, 400, ['invalid_request']]));
});
