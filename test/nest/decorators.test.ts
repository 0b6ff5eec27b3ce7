import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { ConfigurationError, GenAuthClient } from '../../src/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  Introspect,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from '../../src/nest/index.js';
import { readRouteAccess } from '../../src/nest/route-access.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { Issuer, SUBJECT } from '../support/issuer.js';
import { INTROSPECTION_PATH, bearer } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { catchThrown } from '../support/thrown.js';

failOnUnhandledRejections();

interface Request {
  headers: Record<string, string | undefined>;
  params?: Record<string, string>;
}
class OwnError extends Error {}

/** What a handler is given, where nothing can be lost on the way. */
const show = (user: unknown, email: unknown, scope: unknown, info: unknown): object => ({
  user: user === undefined ? 'undefined' : user,
  email: email === undefined ? 'undefined' : email,
  scope: scope === undefined ? 'undefined' : scope,
  info: info === undefined ? 'undefined' : Object.keys(info as object),
});

@Controller()
class Routes {
  constructor(private readonly client: GenAuthClient) {}

  @Get('me')
  me(
    @CurrentUser() user: unknown,
    @CurrentUser('email') email: unknown,
    @CurrentUser('scope') scope: unknown,
    @AuthInfo() info: unknown,
  ): object {
    return show(user, email, scope, info);
  }

  @OptionalAuth()
  @Get('optional')
  optional(
    @CurrentUser() user: unknown,
    @CurrentUser('email') email: unknown,
    @CurrentUser('scope') scope: unknown,
    @AuthInfo() info: unknown,
  ): object {
    return show(user, email, scope, info);
  }

  @Public()
  @Get('public')
  public(
    @CurrentUser() user: unknown,
    @CurrentUser('email') email: unknown,
    @CurrentUser('scope') scope: unknown,
    @AuthInfo() info: unknown,
  ): object {
    return show(user, email, scope, info);
  }

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('login')
  login(
    @CurrentUser() user: unknown,
    @CurrentUser('email') email: unknown,
    @CurrentUser('scope') scope: unknown,
    @AuthInfo() info: unknown,
  ): object {
    return show(user, email, scope, info);
  }

  @Introspect({ maxAge: 0 })
  @Get('introspected')
  introspected(): object {
    return {};
  }

  @Introspect()
  @Get('introspected-rarely')
  rarely(): object {
    return {};
  }

  @Tenant((req) => (req as unknown as Request).params?.['tenant'])
  @Get('tenants/:tenant')
  tenant(): object {
    return {};
  }

  @Tenant(async (req) => (req as unknown as Request).headers['x-tenant'])
  @Get('tenant-of-header')
  tenantOfHeader(): object {
    return {};
  }

  @Tenant(() => {
    throw new OwnError('canary of the application');
  })
  @Get('tenant-that-throws')
  tenantThatThrows(): object {
    return {};
  }

  // Nobody gets in by an error that is nothing.
  @Tenant(() => Promise.reject())
  @Get('tenant-that-rejects-with-nothing')
  tenantThatRejectsWithNothing(): object {
    return {};
  }
}

describe.each(Object.keys(PLATFORMS) as Platform[])('decorators on %s', (platform) => {
  let issuer: Issuer;
  let running: RunningApp;
  beforeAll(async () => {
    issuer = await Issuer.start();
    running = await startNestApp(platform, {
      imports: [GenAuthModule.forRoot({ ...issuer.clientOptions, scope: ['openid', 'email'] })],
      controllers: [Routes],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    });
  });
  afterAll(async () => {
    await running.close();
    await issuer.close();
  });
  const get = (path: string, authorization?: string, more: Record<string, string> = {}): ReturnType<typeof send> =>
    send(`${running.url}/${path}`, { headers: { ...more, ...(authorization !== undefined && { authorization }) } });
  const NOBODY = { user: 'undefined', email: 'undefined', scope: 'undefined', info: 'undefined' };
  const bearerOf = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };

  it('@CurrentUser and @AuthInfo behind a token: the claims, and no token', async () => {
    for (const path of ['me', 'optional']) {
      const { body } = await get(path, bearer(issuer));
      expect(body).toEqual({ user: bearerOf, email: 'undefined', scope: bearerOf.scope, info: ['claims'] });
    }
  });

  it('@CurrentUser and @AuthInfo after a login: the claims of the scopes, and the tokens apart', async () => {
    issuer.replySignIn({ id_token: issuer.sign(issuer.idTokenClaims({ email: 'alice@example.com', name: 'Alice' })) });
    const { body } = await send(`${running.url}/login`, { method: 'POST', body: { account: 'alice', password: 'p' } });
    expect(body).toEqual({
      user: { sub: SUBJECT, email: 'alice@example.com', email_verified: false },
      email: 'alice@example.com',
      scope: 'undefined',
      info: ['tokens', 'claims', 'requestId'],
    });
  });

  it('where nobody is known: undefined, also with a token that nobody looked at', async () => {
    expect((await get('optional')).body).toEqual(NOBODY);
    expect((await get('public')).body).toEqual(NOBODY);
    expect((await get('public', bearer(issuer))).body).toEqual(NOBODY);
    expect((await get('public', 'Bearer a.b.c')).body).toEqual(NOBODY);
    expect((await get('optional', 'Bearer a.b.c')).status).toBe(401);
  });

  it('@Introspect: a token that GenAuth took back is refused at once, or when the answer is old', async () => {
    const authorization = bearer(issuer);
    issuer.reply(INTROSPECTION_PATH, { body: { active: true } });
    expect((await get('introspected', authorization)).status).toBe(200);
    expect((await get('introspected-rarely', authorization)).status).toBe(200);
    issuer.reply(INTROSPECTION_PATH, { body: { active: false } });
    // Ten seconds have not passed, and the last answer was yes.
    expect((await get('introspected-rarely', authorization)).status).toBe(200);
    expect(await get('introspected', authorization)).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    // That answer is the newest for the other route too.
    expect((await get('introspected-rarely', authorization)).status).toBe(401);
    expect((await get('me', authorization)).status).toBe(200);
    issuer.reply(INTROSPECTION_PATH, { status: 500 });
    expect(await get('introspected', authorization)).toMatchObject({
      status: 503,
      body: { code: 'upstream_unavailable' },
    });
  });

  it.each([
    ['tenants/tenant-1', {}, 200],
    ['tenants/tenant-2', {}, 403],
    ['tenants/TENANT-1', {}, 403],
    ['tenants/tenant-1%20', {}, 403],
    ['tenant-of-header', { 'x-tenant': 'tenant-1' }, 200],
    ['tenant-of-header', { 'x-tenant': 'tenant-1, tenant-2' }, 403],
    ['tenant-of-header', {}, 403],
  ])('@Tenant: /%s with %j: %i', async (path, headers, status) => {
    expect((await get(path, bearer(issuer, { tenant_id: 'tenant-1' }), headers)).status).toBe(status);
  });

  it.each(['tenant-that-throws', 'tenant-that-rejects-with-nothing'])('/%s: 500 of the application', async (path) => {
    const { status, body } = await get(path, bearer(issuer, { tenant_id: 'tenant-1' }));
    expect([status, body]).toEqual([500, { statusCode: 500, message: 'Internal server error' }]);
  });
});

describe('decorators that are written wrongly', () => {
  const introspect = Introspect as (options: unknown) => unknown;
  it.each<[string, () => unknown, RegExp]>([
    ['@Roles()', () => Roles(), /roles of a route are \[\]: write one or more names .* such as 'admin'/],
    ['@Roles.all()', () => Roles.all(), /roles of a route are \[\]/],
    ["@Roles('')", () => Roles(''), /roles of a route are \[""\]/],
    ["@Roles(['admin'])", () => Roles(['admin'] as unknown as string), /roles of a route are \[a list\]/],
    ['@Roles(undefined)', () => Roles(undefined as unknown as string), /roles of a route are \[undefined\]/],
    [
      '@RequireScopes()',
      () => RequireScopes(),
      /scopes of a route are \[\]: write one or more names .* such as 'email'/,
    ],
    ['@RequireScopes.any()', () => RequireScopes.any(), /scopes of a route are \[\]/],
    ["@RequireScopes('email phone')", () => RequireScopes('email phone'), /scopes of a route are \["email phone"\]/],
    ["@RequireScopes('a\"b')", () => RequireScopes('a"b'), /scopes of a route are/],
    ["@RequireScopes.any('a\\r\\nb')", () => RequireScopes.any('a\r\nb'), /scopes of a route are/],
    ["@Tenant('t')", () => Tenant('t' as unknown as () => string), /@Tenant got "t": write @Tenant\(\(req\) => /],
    ['@Tenant()', () => Tenant(undefined as unknown as () => string), /@Tenant got undefined/],
    [
      '@Introspect({ maxAge: -1 })',
      () => Introspect({ maxAge: -1 }),
      /^@Introspect got { maxAge: -1 }: write @Introspect\(\), or @Introspect\(\{ maxAge: 5_000 \}\) with whole mill/,
    ],
    ['@Introspect({ maxAge: NaN })', () => Introspect({ maxAge: Number.NaN }), /@Introspect got { maxAge: NaN }/],
    ['@Introspect({ maxAge: 0.5 })', () => Introspect({ maxAge: 0.5 }), /@Introspect got { maxAge: 0\.5 }/],
    [
      '@Introspect({ maxAge: Infinity })',
      () => Introspect({ maxAge: Infinity }),
      /@Introspect got { maxAge: Infinity }/,
    ],
    [
      "@Introspect({ maxAge: '10s' })",
      () => Introspect({ maxAge: '10s' as unknown as number }),
      /got { maxAge: "10s" }/,
    ],
    ['@Introspect({})', () => Introspect({} as { maxAge: number }), /@Introspect got an object with the members \[\]/],
    ['@Introspect(5000)', () => introspect(5000), /got 5000: write .* @Introspect\(\{ maxAge: 5_000 \}\)/],
    ['@Introspect(0)', () => introspect(0), /got 0: write .* @Introspect\(\{ maxAge: 5_000 \}\)/],
    ['@Introspect(-1)', () => introspect(-1), /got -1: write .* @Introspect\(\{ maxAge: 5_000 \}\)/],
    ["@Introspect('10s')", () => introspect('10s'), /@Introspect got "10s"/],
    ['@Introspect(false)', () => introspect(false), /@Introspect got false/],
    ['@Introspect(null)', () => introspect(null), /@Introspect got null/],
    ['@Introspect([])', () => introspect([]), /@Introspect got \[\]/],
  ])('%s: nothing starts, and the error says why', (_title, write, message) => {
    const error = catchThrown(write);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code: 'invalid_options', message: expect.stringMatching(message) });
  });
});

it.each([
  ['@Introspect()', Introspect(), 10_000],
  ['@Introspect(undefined)', Introspect(undefined), 10_000],
  ['@Introspect({ maxAge: 5_000 })', Introspect({ maxAge: 5_000 }), 5000],
  ['@Introspect({ maxAge: 0 })', Introspect({ maxAge: 0 }), 0],
])('%s reuses an answer of GenAuth for a time', (_title, decorate, maxAge) => {
  class Decorated {}
  decorate(Decorated);
  expect(readRouteAccess(new Reflector(), 'genauth', [Decorated])).toMatchObject({ introspect: maxAge });
});

it('a wrong @Introspect is a mistake with the line to write as data', () => {
  expect(catchThrown(() => Introspect(5000 as unknown as { maxAge: number }))).toMatchObject({
    details: {
      mistakes: [
        {
          option: '@Introspect',
          problem: 'got 5000',
          fix: 'write @Introspect(), or @Introspect({ maxAge: 5_000 }) with whole milliseconds, 0 or more',
        },
      ],
    },
  });
});
