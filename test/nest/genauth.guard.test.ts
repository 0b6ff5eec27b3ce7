import { type ArgumentsHost, Catch, Controller, type ExceptionFilter, Get, type HttpException } from '@nestjs/common';
import { Post, UseFilters, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { NextFunction, Request, Response } from 'express';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  OptionalAuth,
  Public,
  Roles,
} from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { DISCOVERY_PATH, Issuer, SIGN_IN_PATH, SUBJECT } from '../support/issuer.js';
import { bearer } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { ask } from '../support/web-server.js';

failOnUnhandledRejections();
const STAFF_ID = '65f0c1d2e3a4b5c6d7e8f999';

@Controller('base')
class Base {
  @Get('me')
  me(@CurrentUser('sub') sub: string): object {
    return { sub };
  }

  @Public()
  @Get('open')
  open(@CurrentUser() user: unknown): object {
    return { user: user ?? null };
  }

  @OptionalAuth()
  @Get('optional')
  optional(@CurrentUser('sub') sub: unknown, @AuthInfo() info: unknown): object {
    return { sub: sub ?? null, hasInfo: info !== undefined };
  }

  @Roles('admin')
  @Get('admin')
  admin(): object {
    return {};
  }

  @Public()
  @UseGuards(GenAuthGuard.named('staff'))
  @Get('staff')
  staff(): object {
    return {};
  }

  @Public()
  @UseGuards(GenAuthGuard.named('staff'))
  @Roles('admin')
  @Get('staff-admin')
  staffAdmin(): object {
    return {};
  }

  @UseGuards(GenAuthGuard.named('staff'))
  @Get('both')
  both(): object {
    return {};
  }

  @UseGuards(AuthGuard('genauth-password'))
  @Post('login')
  login(): object {
    return {};
  }

  @UseGuards(GenAuthPasswordGuard.named('staff'))
  @Post('staff-login')
  staffLogin(): object {
    return {};
  }

  @UseGuards(GenAuthGuard, GenAuthPasswordGuard)
  @Post('token-and-login')
  tokenAndLogin(): object {
    return {};
  }
}

/** Shares the handlers of `Base`, but its class is open. */
@Public()
@Controller('open-child')
class OpenChild extends Base {}

/** A filter as many applications have it. It does not know the headers of a refusal. */
@Catch()
class CatchAll implements ExceptionFilter {
  catch(exception: HttpException, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>();
    response.status(exception.getStatus()).send(exception.getResponse());
  }
}

@UseFilters(CatchAll)
@Controller('filtered')
class Filtered {
  @Get()
  get(): object {
    return {};
  }
}

@Controller()
class Root {
  @Get('me')
  me(): object {
    return {};
  }
}

describe.each(Object.keys(PLATFORMS) as Platform[])('the global GenAuthGuard on %s', (platform) => {
  let issuer: Issuer;
  let running: RunningApp;
  beforeAll(async () => {
    issuer = await Issuer.start();
    const options = issuer.clientOptions;
    running = await startNestApp(platform, {
      imports: [GenAuthModule.forRoot(options), GenAuthModule.forRoot({ ...options, appId: STAFF_ID, name: 'staff' })],
      controllers: [Base, OpenChild, Filtered, Root],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    });
  });
  beforeEach(() => void running.logger.lines.splice(0));
  afterAll(async () => {
    await running.close();
    await issuer.close();
  });

  const tokens = {
    none: () => undefined,
    garbage: () => 'Bearer a.b.c',
    user: () => bearer(issuer, { roles: [] }),
    admin: () => bearer(issuer, { roles: ['admin'] }),
    staff: () => bearer(issuer, { aud: STAFF_ID, roles: [] }),
    'staff admin': () => bearer(issuer, { aud: STAFF_ID, roles: ['admin'] }),
  } as const;
  const call = (path: string, token: keyof typeof tokens): ReturnType<typeof send> => {
    const authorization = tokens[token]();
    return send(`${running.url}/${path}`, { headers: { ...(authorization && { authorization }) } });
  };

  it.each<[path: string, token: keyof typeof tokens, status: number, code?: string]>([
    ['base/me', 'none', 401, 'token_missing'],
    ['base/me', 'garbage', 401, 'invalid_token'],
    ['base/me', 'staff', 401, 'invalid_token'],
    ['base/me', 'user', 200],
    ['base/open', 'garbage', 200],
    ['base/optional', 'none', 200],
    ['base/optional', 'garbage', 401, 'invalid_token'],
    ['base/admin', 'none', 401, 'token_missing'],
    ['base/admin', 'user', 403, 'insufficient_role'],
    ['base/admin', 'admin', 200],
    ['base/staff', 'none', 401, 'token_missing'],
    ['base/staff', 'user', 401, 'invalid_token'],
    ['base/staff', 'staff', 200],
    ['base/staff-admin', 'staff', 403, 'insufficient_role'],
    ['base/staff-admin', 'staff admin', 200],
    ['base/both', 'user', 401, 'invalid_token'],
    ['base/both', 'staff', 401, 'invalid_token'],
    ['open-child/me', 'none', 200],
    ['open-child/admin', 'none', 401, 'token_missing'],
  ])('answers GET /%s with the token: %s by %i', async (...[path, token, status, code]) => {
    const answer = await call(path, token);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  it.each<[path: string, token: keyof typeof tokens, body: object, status: number]>([
    ['base/login', 'none', {}, 400],
    ['base/login', 'none', { account: 'alice', password: 'p' }, 201],
    ['base/staff-login', 'none', {}, 400],
    ['base/token-and-login', 'none', { account: 'alice', password: 'p' }, 401],
    ['base/token-and-login', 'user', {}, 400],
    ['base/token-and-login', 'user', { account: 'alice', password: 'p' }, 201],
  ])('answers POST /%s with the token: %s and body %j by %i', async (path, token, body, status) => {
    issuer.replySignIn();
    const authorization = tokens[token]();
    const headers = authorization === undefined ? {} : { authorization };
    expect((await send(`${running.url}/${path}`, { method: 'POST', body, headers })).status).toBe(status);
  });

  it('asks GenAuth nothing for a login whose token is missing', async () => {
    const before = issuer.count(SIGN_IN_PATH);
    const body = { account: 'alice', password: 'p' };
    await send(`${running.url}/base/token-and-login`, { method: 'POST', body });
    expect(issuer.count(SIGN_IN_PATH)).toBe(before);
  });

  it('ignores the token of a @Public route', async () => {
    expect((await call('base/open', 'user')).body).toEqual({ user: null });
  });

  it('writes its headers itself, so that a filter of the application cannot lose them', async () => {
    const { status, headers } = await call('filtered', 'none');
    const ours = ['www-authenticate', 'cache-control'].map((name) => headers.get(name));
    expect([status, ...ours]).toEqual([401, 'Bearer realm="genauth"', 'no-store']);
  });

  it('logs why a token is refused, without the token', async () => {
    const [, token = ''] = tokens.staff().split(' ');
    await send(`${running.url}/base/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(running.logger.lines).toEqual([expect.stringContaining('debug token_audience_mismatch: ')]);
    expect(token.split('.').filter((part) => running.logger.lines.join().includes(part))).toEqual([]);
  });

  it('logs nothing for a request without a token', async () => {
    await call('base/me', 'none');
    expect(running.logger.lines).toEqual([]);
  });

  it.each([
    ['HEAD', '/me'],
    ['OPTIONS', '/me'],
    ['GET', '/me/'],
    ['GET', '//me'],
    ['GET', '/%6d%65'],
    ['GET', '/ME'],
    ['GET', '/me?access_token=x'],
    ['GET', '/me;jsessionid=1'],
    ['GET', '/base/../me'],
    ['GET', '/./me'],
    ['POST', '/base/login/../me'],
    ['PROPFIND', '/me'],
  ])('never lets in %s %s without a token', async (method, path) => {
    const headers = { origin: 'https://a.example', 'access-control-request-headers': 'authorization' };
    expect([401, 404]).toContain((await ask(running.url, { method, path, headers })).status);
  });
});

it('starts while GenAuth is down, and answers 503 to a token that it cannot verify', async () => {
  const issuer = await Issuer.start();
  issuer.reply(DISCOVERY_PATH, { status: 500 });
  const running = await startNestApp('Express', {
    imports: [GenAuthModule.forRoot(issuer.clientOptions)],
    controllers: [Root],
    providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
  });
  const { status, headers, body } = await send(`${running.url}/me`, { headers: { authorization: bearer(issuer) } });
  const log = running.logger.lines.join('\n');
  await running.close();
  await issuer.close();
  expect([status, body['code']]).toEqual([503, 'upstream_unavailable']);
  expect([headers.get('retry-after'), headers.get('www-authenticate')]).toEqual(['5', null]);
  expect(log).toContain('warn The keys could not be fetched at the start');
  expect(log).toContain('error upstream_unavailable: ');
});

describe('the user of a session', () => {
  let issuer: Issuer;
  let running: RunningApp;
  beforeAll(async () => {
    issuer = await Issuer.start();
    const metadata = {
      imports: [
        GenAuthModule.forRoot(issuer.clientOptions),
        GenAuthModule.forRoot({ ...issuer.clientOptions, name: 'staff' }),
      ],
      controllers: [Base],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    };
    // Stores a user as `passport.session()` does.
    const storeUser = (req: Request, _res: Response, next: NextFunction): void => {
      Object.assign(req, { user: { sub: 'session' }, authInfo: {} });
      next();
    };
    running = await startNestApp('Express', metadata, { prepare: (app) => void app.use(storeUser) });
  });
  afterAll(async () => {
    await running.close();
    await issuer.close();
  });

  it('is removed on an @OptionalAuth route without a token', async () => {
    expect((await send(`${running.url}/base/optional`)).body).toEqual({ sub: null, hasInfo: false });
  });

  it('is replaced by the user of a token', async () => {
    const { body } = await send(`${running.url}/base/optional`, { headers: { authorization: bearer(issuer) } });
    expect(body).toEqual({ sub: SUBJECT, hasInfo: true });
  });

  it('stays on a @Public route', async () => {
    expect((await send(`${running.url}/base/open`)).body).toEqual({ user: { sub: 'session' } });
  });
});

it('has one guard class for each name', () => {
  const staff = GenAuthGuard.named('staff');
  expect(GenAuthGuard.named('genauth')).toBe(GenAuthGuard);
  expect(GenAuthGuard.named('staff')).toBe(staff);
  expect(GenAuthGuard.named('people')).not.toBe(staff);
  expect(staff.prototype).toBeInstanceOf(GenAuthGuard);
});
