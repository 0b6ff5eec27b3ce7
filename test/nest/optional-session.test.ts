import { Controller, Get } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import { AuthInfo, CurrentUser, GenAuthGuard, GenAuthModule, OptionalAuth, Public } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { bearer } from '../support/marked-routes.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

@Controller()
class Routes {
  @OptionalAuth()
  @Get('optional')
  optional(@CurrentUser('sub') sub: unknown, @AuthInfo() info: unknown): object {
    return { sub: sub ?? 'nobody', hasInfo: info !== undefined };
  }

  @Public()
  @Get('public')
  public(@CurrentUser('sub') sub: unknown): object {
    return { sub: sub ?? 'nobody' };
  }
}

let running: RunningApp;
afterEach(() => running.close());

it('@OptionalAuth without a token: whom a session knows is nobody there; on a public route the guard looks at nothing', async () => {
  running = await startNestApp(
    'Express',
    {
      imports: [GenAuthModule.forRoot(issuer().clientOptions)],
      controllers: [Routes],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    },
    {
      // As `passport.session()` leaves it.
      prepare: (app) =>
        void app.use((req: Request, _res: Response, next: NextFunction) => {
          Object.assign(req, { user: { sub: 'session' }, authInfo: {} });
          next();
        }),
    },
  );
  const { url } = running;
  const headers = { authorization: bearer(issuer()) };
  expect((await send(`${url}/optional`)).body).toEqual({ sub: 'nobody', hasInfo: false });
  expect((await send(`${url}/optional`, { headers })).body).toEqual({ sub: SUBJECT, hasInfo: true });
  expect((await send(`${url}/public`)).body).toEqual({ sub: 'session' });
});
