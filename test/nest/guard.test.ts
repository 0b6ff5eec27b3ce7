import {
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  type HttpException,
  Post,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { BearerInfo, GenAuthTokenUser } from '../../src/index.js';
import { GenAuthClient } from '../../src/index.js';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  Public,
} from '../../src/nest/index.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';

@Controller()
class Guarded {
  @Get('me')
  me(@CurrentUser() user: GenAuthTokenUser, @CurrentUser('sub') sub: string, @AuthInfo() info: BearerInfo): object {
    return { user, sub, exp: info.claims.exp };
  }

  @UseGuards(AuthGuard('genauth-bearer'))
  @Public()
  @Get('bare')
  bare(@CurrentUser() user: GenAuthTokenUser): object {
    return { user };
  }

  @Public()
  @Get('open')
  open(@CurrentUser() user: unknown): object {
    return { user: user ?? null };
  }

  @UseGuards(AuthGuard('genauth-password'))
  @Post('login')
  login(): object {
    return { done: true };
  }
}

@Public()
@Controller('open-class')
class OpenClass {
  @Get('open')
  open(): object {
    return {};
  }

  /** What stands on the handler wins. */
  @UseGuards(GenAuthGuard)
  @Get('guarded')
  guarded(): object {
    return {};
  }
}

@UseGuards(GenAuthPasswordGuard)
@Controller('login-class')
class LoginClass {
  @Post()
  login(): object {
    return {};
  }
}

/** What many applications have: one filter for everything, which knows nothing of headers. */
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

const CHALLENGE = 'Bearer realm="genauth"';

describe.each(Object.keys(PLATFORMS) as Platform[])('GenAuthGuard on %s', (platform) => {
  let emulator: GenAuthEmulator;
  let running: RunningApp;
  let accessToken: string;
  let idToken: string;

  beforeAll(async () => {
    emulator = await new GenAuthEmulator().start();
    running = await startNestApp(platform, {
      imports: [GenAuthModule.forRoot(emulator.clientOptions)],
      controllers: [Guarded, OpenClass, LoginClass, Filtered],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    });
    const outcome = await running.app.get(GenAuthClient).signIn({ account: 'bob', password: 'passw0rd' });
    if (outcome.kind !== 'success') throw new Error(outcome.kind);
    ({ accessToken, idToken } = outcome.tokens);
  });
  afterAll(async () => {
    await running.close();
    await emulator.stop();
  });
  const get = (path: string, authorization?: string) =>
    send(`${running.url}/${path}`, authorization === undefined ? {} : { headers: { authorization } });

  it.each(['me', 'bare'])('lets a token in and says whose it is: /%s', async (path) => {
    const { status, body } = await get(path, `Bearer ${accessToken}`);
    expect(status).toBe(200);
    const user = { sub: expect.stringMatching(/^[0-9a-f]{24}$/), scope: ['openid', 'profile'], tenant_id: null };
    expect(body['user']).toEqual(user);
  });

  it('has decorators for one claim and for what is not the user', async () => {
    const { body } = await get('me', `Bearer ${accessToken}`);
    expect(body).toEqual({
      user: expect.anything(),
      sub: (body['user'] as GenAuthTokenUser).sub,
      exp: expect.any(Number),
    });
  });

  describe.each(['me', 'bare', 'filtered', 'open-class/guarded'])('/%s', (path) => {
    // With a catch-all filter the header survives only because the guard writes it itself.
    it('asks for a token, and names no error', async () => {
      const { status, headers, body } = await get(path);
      expect(body).toMatchObject({ statusCode: 401, error: 'Unauthorized', code: 'token_missing' });
      expect([status, headers.get('www-authenticate')]).toEqual([401, CHALLENGE]);
    });

    it.each([
      ['garbage', () => 'Bearer garbage'],
      ['two tokens', () => `Bearer ${accessToken} ${accessToken}`],
      ['a changed signature', () => `Bearer ${accessToken.slice(0, -4)}AAAA`],
      ['an id_token', () => `Bearer ${idToken}`],
    ])('refuses %s as invalid_token', async (_, makeHeader) => {
      const { status, headers, body } = await get(path, makeHeader());
      expect(body).toMatchObject({ statusCode: 401, error: 'Unauthorized', code: 'invalid_token' });
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toMatch(
        /^Bearer realm="genauth", error="invalid_token", error_description="[\w ,]+"$/,
      );
    });
  });

  it('opens what is @Public, and does not even look at the token there', async () => {
    expect(await get('open', 'Bearer garbage')).toMatchObject({ status: 200, body: { user: null } });
    expect(await get('open', `Bearer ${accessToken}`)).toMatchObject({ status: 200, body: { user: null } });
    expect((await get('open-class/open')).status).toBe(200);
  });

  it('leaves login routes open by themselves', async () => {
    const body = { account: 'bob', password: 'passw0rd' };
    expect((await send(`${running.url}/login`, { method: 'POST', body })).status).toBe(201);
    expect((await send(`${running.url}/login-class`, { method: 'POST', body })).status).toBe(201);
  });

  it('says why in the log, and never what the token is', async () => {
    running.logger.lines.length = 0;
    await get('me', `Bearer ${idToken}`);
    const log = running.logger.lines.join('\n');
    expect(log).toContain('debug token_type_mismatch: This is not an access token');
    for (const part of idToken.split('.')) expect(log).not.toContain(part);
  });
});

describe('GenAuthGuard without GenAuth', () => {
  it.each(Object.keys(PLATFORMS) as Platform[])(
    'answers 503, never 401, and starts all the same: %s',
    async (platform) => {
      const emulator = await new GenAuthEmulator().start();
      const options = emulator.clientOptions;
      const outcome = await new GenAuthClient(options).signIn({ account: 'bob', password: 'passw0rd' });
      await emulator.stop();
      const running = await startNestApp(platform, {
        imports: [GenAuthModule.forRoot(options)],
        controllers: [Guarded],
        providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
      });
      try {
        const authorization = outcome.kind === 'success' ? `Bearer ${outcome.tokens.accessToken}` : '';
        for (const path of ['me', 'bare']) {
          const { status, headers, body } = await send(`${running.url}/${path}`, { headers: { authorization } });
          expect([status, body['code']]).toEqual([503, 'upstream_unavailable']);
          expect(headers.get('retry-after')).toMatch(/^\d+$/);
          expect(headers.get('www-authenticate')).toBeNull();
        }
        expect(running.logger.lines.join('\n')).toContain('warn The keys could not be fetched at the start');
      } finally {
        await running.close();
      }
    },
  );
});

it.each(['unheard-of', '', 'HTTP', 'constructor'])('refuses the context %j', async (type) => {
  const client = new GenAuthClient({ appId: 'app', appSecret: 'secret', appHost: 'http://127.0.0.1:9' });
  const guard = new GenAuthGuard(client, new Reflector());
  const context = { getType: () => type, getHandler: () => () => undefined, getClass: () => class {} };
  await expect(guard.canActivate(context as unknown as ExecutionContext)).rejects.toThrow(
    `do not support the context "${type}"`,
  );
});
