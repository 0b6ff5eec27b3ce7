import { Controller, Get, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { GenAuthGuard, GenAuthModule, OptionalAuth, Public, RequireScopes, Roles } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { Issuer } from '../support/issuer.js';
import { bearer } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();

/** What comes back without a token, with a wrong one, with a right one of somebody without rights, of somebody with all of them. */
const STATUSES = {
  open: [200, 200, 200, 200],
  optional: [200, 401, 200, 200],
  token: [401, 401, 200, 200],
  rights: [401, 401, 403, 200],
} as const;
type Needs = keyof typeof STATUSES;

@Public()
@Controller('parent-open')
class OpenParent {
  @Get('own')
  own(): object {
    return {};
  }

  @Roles('admin')
  @Get('admin')
  admin(): object {
    return {};
  }

  @Public()
  @Get('public')
  public(): object {
    return {};
  }
}

/** Being public is not handed down by a class; what stands on a handler is. */
@Controller('heir-of-open')
class HeirOfOpen extends OpenParent {
  @Get('more')
  more(): object {
    return {};
  }
}

@Roles('admin')
@Controller('parent-admin')
class AdminParent {
  @Get('own')
  own(): object {
    return {};
  }
}

/** Rights are handed down. */
@Controller('heir-of-admin')
class HeirOfAdmin extends AdminParent {
  @Get('more')
  more(): object {
    return {};
  }
}

@Roles('user')
@Controller('other-heir')
class OtherHeir extends AdminParent {}

@Public()
@Controller('opened-heir')
class OpenedHeir extends AdminParent {}

/** An overriding handler is another one: what stood on it is gone, what stands on the class is not. */
@Controller('overriding')
class Overriding extends OpenParent {
  @Get('admin')
  override admin(): object {
    return {};
  }

  @Get('public')
  override public(): object {
    return {};
  }
}

/** What stands on a handler replaces the same of its class, and nothing else of it. */
@Roles('admin')
@RequireScopes('email')
@Controller('replacing')
class Replacing {
  @Roles('user')
  @Get('role')
  role(): object {
    return {};
  }

  @RequireScopes('phone')
  @Get('scope')
  scope(): object {
    return {};
  }
}

@OptionalAuth()
@Controller('parent-optional')
class OptionalParent {
  @Get('own')
  own(): object {
    return {};
  }
}

/** Neither is being optional handed down. */
@Controller('heir-of-optional')
class HeirOfOptional extends OptionalParent {}

const HEIRS: readonly Type[] = [
  OptionalParent,
  HeirOfOptional,
  OpenParent,
  HeirOfOpen,
  AdminParent,
  HeirOfAdmin,
  OtherHeir,
  OpenedHeir,
  Overriding,
  Replacing,
];

describe.each(Object.keys(PLATFORMS) as Platform[])('what a class hands down on %s', (platform) => {
  let issuer: Issuer;
  let running: RunningApp;

  beforeAll(async () => {
    issuer = await Issuer.start();
    running = await startNestApp(platform, {
      imports: [GenAuthModule.forRoot(issuer.clientOptions)],
      controllers: [...HEIRS],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    });
  });
  afterAll(async () => {
    await running.close();
    await issuer.close();
  });

  const listStatuses = async (path: string): Promise<number[]> => {
    const callers = [
      undefined,
      bearer(issuer, { aud: 'another-app', scope: 'openid email', roles: ['admin', 'auditor'], tenant_id: 'tenant-1' }),
      bearer(issuer, { scope: 'openid', roles: [], tenant_id: null }),
      bearer(issuer, { scope: 'openid email', roles: ['admin', 'auditor'], tenant_id: 'tenant-1' }),
    ];
    const statuses: number[] = [];
    for (const authorization of callers) {
      const headers = authorization === undefined ? {} : { authorization };
      statuses.push((await send(`${running.url}/${path}`, { headers })).status);
    }
    return statuses;
  };

  it.each<[string, Needs]>([
    ['parent-open/own', 'open'],
    ['parent-optional/own', 'optional'],
    ['heir-of-optional/own', 'token'],
    ['parent-open/admin', 'rights'],
    ['heir-of-open/own', 'token'],
    ['heir-of-open/more', 'token'],
    ['heir-of-open/admin', 'rights'],
    ['heir-of-open/public', 'open'],
    ['parent-admin/own', 'rights'],
    ['heir-of-admin/own', 'rights'],
    ['heir-of-admin/more', 'rights'],
    ['overriding/own', 'token'],
    ['overriding/admin', 'token'],
    ['overriding/public', 'token'],
    // A parent's rights win over a child's @Public, as a guard does.
    ['opened-heir/own', 'rights'],
  ])('/%s of a class that inherits, or hands down: %s', async (path, needs) => {
    expect(await listStatuses(path)).toEqual(STATUSES[needs]);
  });

  it("a child's own roles replace its parent's", async () => {
    expect(await listStatuses('other-heir/own')).toEqual([401, 401, 403, 403]);
    const { status } = await send(`${running.url}/other-heir/own`, {
      headers: { authorization: bearer(issuer, { roles: ['user'] }) },
    });
    expect(status).toBe(200);
  });

  it.each([
    ['role', 'admin', 'email', 403],
    ['role', 'user', 'email', 200],
    ['role', 'user', 'phone', 403],
    ['scope', 'admin', 'email', 403],
    ['scope', 'admin', 'phone', 200],
    ['scope', 'user', 'phone', 403],
  ])(
    "/replacing/%s: its own mark in place of its class's, by a %s with scope %s: %i",
    async (path, role, scope, expected) => {
      const authorization = bearer(issuer, { roles: [role], scope });
      const { status } = await send(`${running.url}/replacing/${path}`, { headers: { authorization } });
      expect(status).toBe(expected);
    },
  );
});
