import { Controller, Get, Post, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthGuard, GenAuthModule, GenAuthPasswordGuard, Public } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { Issuer } from '../support/issuer.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { ask } from '../support/web-server.js';

failOnUnhandledRejections();

class LocalGuard extends AuthGuard('genauth-password') {}

/** Login, token, open: one handler of each sort. */
@Controller('base')
class Base {
  @UseGuards(LocalGuard)
  @Post('login')
  login(): object {
    return {};
  }

  @Post('me')
  me(): object {
    return {};
  }

  @Public()
  @Post('open')
  open(): object {
    return {};
  }
}

@Controller('heir')
class Heir extends Base {}

@Controller('overriding')
class Overriding extends Base {
  // Without its guard a login is a route like any other.
  @Post('login')
  override login(): object {
    return {};
  }

  @Public()
  @Post('me')
  override me(): object {
    return {};
  }

  @UseGuards(GenAuthPasswordGuard)
  @Post('open')
  override open(): object {
    return {};
  }
}

@Public()
@Controller('public-class')
class PublicClass {
  @Post('plain')
  plain(): object {
    return {};
  }

  @UseGuards(GenAuthGuard)
  @Post('token')
  token(): object {
    return {};
  }

  @UseGuards(GenAuthPasswordGuard)
  @Post('login')
  login(): object {
    return {};
  }

  @UseGuards(GenAuthGuard, LocalGuard)
  @Post('both')
  both(): object {
    return {};
  }
}

/** Being public is not inherited, what stands on a handler is. */
@Controller('public-heir')
class PublicHeir extends PublicClass {}

@UseGuards(GenAuthGuard)
@Controller('guarded-heir')
class GuardedHeir extends PublicClass {}

@Public()
@UseGuards(GenAuthGuard)
@Controller('undecided')
class Undecided extends Base {}

@UseGuards(LocalGuard)
@Controller('login-class')
class LoginClass {
  @Post('plain')
  plain(): object {
    return {};
  }

  @Public()
  @Post('public')
  public(): object {
    return {};
  }

  @UseGuards(GenAuthGuard)
  @Post('token')
  token(): object {
    return {};
  }
}

@UseGuards(GenAuthGuard)
@Controller('login-heir')
class LoginHeir extends LoginClass {}

@UseGuards(GenAuthGuard)
@Controller('token-class')
class TokenClass {
  @Post('plain')
  plain(): object {
    return {};
  }

  @Public()
  @Post('public')
  public(): object {
    return {};
  }

  @UseGuards(GenAuthPasswordGuard)
  @Post('login')
  login(): object {
    return {};
  }
}

@Public()
@Controller('opened-heir')
class OpenedHeir extends TokenClass {}

@Controller()
class Me {
  @Get('me')
  me(): object {
    return {};
  }
}

const CONTROLLERS: Type[] = [
  Base,
  Heir,
  Overriding,
  PublicClass,
  PublicHeir,
  GuardedHeir,
  Undecided,
  LoginClass,
  LoginHeir,
  TokenClass,
  OpenedHeir,
  Me,
];

/** What comes back with nothing, with credentials, with a token, and with both. */
const STATUSES = {
  nothing: [201, 201, 201, 201],
  login: [400, 201, 400, 201],
  token: [401, 401, 201, 201],
  both: [401, 401, 400, 201],
} as const;

describe.each(Object.keys(PLATFORMS) as Platform[])('classes behind the global guard on %s', (platform) => {
  let issuer: Issuer;
  let running: RunningApp;

  beforeAll(async () => {
    issuer = await Issuer.start();
    issuer.replySignIn();
    running = await startNestApp(platform, {
      imports: [GenAuthModule.forRoot(issuer.clientOptions)],
      controllers: CONTROLLERS,
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    });
  });
  afterAll(async () => {
    await running.close();
    await issuer.close();
  });

  it.each<[string, keyof typeof STATUSES]>([
    ['base/login', 'login'],
    ['base/me', 'token'],
    ['base/open', 'nothing'],
    ['heir/login', 'login'],
    ['heir/me', 'token'],
    ['heir/open', 'nothing'],
    ['overriding/login', 'token'],
    ['overriding/me', 'nothing'],
    ['overriding/open', 'login'],
    ['public-class/plain', 'nothing'],
    ['public-class/token', 'token'],
    ['public-class/login', 'login'],
    ['public-class/both', 'both'],
    ['public-heir/plain', 'token'],
    ['public-heir/token', 'token'],
    ['public-heir/login', 'login'],
    ['guarded-heir/plain', 'token'],
    ['guarded-heir/token', 'token'],
    ['guarded-heir/both', 'both'],
    ['undecided/me', 'token'],
    ['undecided/open', 'nothing'],
    ['login-class/plain', 'login'],
    ['login-class/public', 'login'],
    ['login-class/token', 'both'],
    ['login-heir/plain', 'both'],
    ['login-heir/token', 'both'],
    ['token-class/plain', 'token'],
    ['token-class/public', 'nothing'],
    ['token-class/login', 'login'],
    // Nest hands its parent's guards down, and a guard wins over @Public.
    ['opened-heir/plain', 'token'],
  ])('/%s wants %s', async (path, needs) => {
    const authorization = `Bearer ${issuer.sign(issuer.accessTokenClaims())}`;
    const statuses: number[] = [];
    for (const headers of [{}, { authorization }]) {
      for (const body of [{}, { account: 'alice', password: 'p' }]) {
        statuses.push((await send(`${running.url}/${path}`, { method: 'POST', body, headers })).status);
      }
    }
    expect(statuses).toEqual(STATUSES[needs]);
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
  ])('%s %s without a token is never let in', async (method, path) => {
    const headers = { origin: 'https://a.example', 'access-control-request-headers': 'authorization' };
    const { status } = await ask(running.url, { method, path, headers });
    expect([401, 404]).toContain(status);
  });
});
