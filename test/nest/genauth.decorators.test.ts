import { Controller, Get, UseGuards } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ConfigurationError } from '../../src/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  Introspect,
  OptionalAuth,
  RequireScopes,
  Roles,
  Tenant,
} from '../../src/nest/index.js';
import { readRouteAccess } from '../../src/nest/route-access.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { INTROSPECTION_PATH, bearer } from '../support/marked-routes.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { catchThrown } from '../support/thrown.js';

failOnUnhandledRejections();

interface Request {
  headers: Record<string, string | undefined>;
  params: Record<string, string>;
}
/** What the parameter decorators inject. JSON would drop `undefined`. */
const show = (user: unknown, email: unknown, scope: unknown, info: unknown): object => ({
  user: user === undefined ? 'undefined' : user,
  email: String(email),
  scope: String(scope),
  info: info === undefined ? 'undefined' : Object.keys(info as object),
});

@UseGuards(GenAuthGuard)
@Controller()
class Routes {
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

  @Tenant((req: Request) => req.params['tenant'])
  @Get('tenants/:tenant')
  tenant(): object {
    return {};
  }

  @Tenant(async (req: Request) => req.headers['x-tenant'])
  @Get('tenant-of-header')
  tenantOfHeader(): object {
    return {};
  }

  @Tenant(() => {
    throw new Error('canary of the application');
  })
  @Get('tenant-that-throws')
  tenantThatThrows(): object {
    return {};
  }

  @Tenant(() => Promise.reject())
  @Get('tenant-that-rejects-with-nothing')
  tenantThatRejectsWithNothing(): object {
    return {};
  }
}

describe('on a running application', () => {
  const issuer = useIssuer();
  let running: RunningApp;
  beforeAll(async () => {
    running = await startNestApp('Express', {
      imports: [GenAuthModule.forRoot(issuer().clientOptions)],
      controllers: [Routes],
    });
  });
  afterAll(() => running.close());
  const get = (path: string, authorization?: string, more: Record<string, string> = {}): ReturnType<typeof send> =>
    send(`${running.url}/${path}`, { headers: { ...more, ...(authorization !== undefined && { authorization }) } });
  const ANONYMOUS = { user: 'undefined', email: 'undefined', scope: 'undefined', info: 'undefined' };

  it('@CurrentUser and @AuthInfo inject the user, one claim and the claims of the token', async () => {
    const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
    const { body } = await get('optional', bearer(issuer()));
    expect(body).toEqual({ user, email: 'undefined', scope: 'openid,profile', info: ['claims'] });
  });

  it('@CurrentUser and @AuthInfo inject undefined for an anonymous request', async () => {
    expect((await get('optional')).body).toEqual(ANONYMOUS);
  });

  it('@Introspect reuses a result for its maxAge, and a later result replaces it', async () => {
    const authorization = bearer(issuer());
    const ask = async (path: string): Promise<number> => (await get(path, authorization)).status;
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    expect([await ask('introspected'), await ask('introspected-rarely')]).toEqual([200, 200]);
    issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
    expect([await ask('introspected-rarely'), await ask('introspected')]).toEqual([200, 401]);
    expect([await ask('introspected-rarely'), await ask('optional')]).toEqual([401, 200]);
  });

  it('@Introspect answers 503 if GenAuth does not answer', async () => {
    issuer().reply(INTROSPECTION_PATH, { status: 500 });
    const answer = await get('introspected', bearer(issuer(), { jti: 'another' }));
    expect(answer).toMatchObject({ status: 503, body: { code: 'upstream_unavailable' } });
  });

  it.each([
    ['tenants/tenant-1', {}, 200],
    ['tenants/tenant-2', {}, 403],
    ['tenants/TENANT-1', {}, 403],
    ['tenants/tenant-1%20', {}, 403],
    ['tenant-of-header', { 'x-tenant': 'tenant-1' }, 200],
    ['tenant-of-header', { 'x-tenant': 'tenant-1, tenant-2' }, 403],
    ['tenant-of-header', {}, 403],
  ])('@Tenant answers GET /%s with headers %j by %i', async (path, headers, status) => {
    expect((await get(path, bearer(issuer(), { tenant_id: 'tenant-1' }), headers)).status).toBe(status);
  });

  it.each(['tenant-that-throws', 'tenant-that-rejects-with-nothing'])('@Tenant answers /%s by 500', async (path) => {
    const { status, body } = await get(path, bearer(issuer(), { tenant_id: 'tenant-1' }));
    expect([status, body]).toEqual([500, { statusCode: 500, message: 'Internal server error' }]);
  });
});

describe('wrong arguments', () => {
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
  ])('%s throws a ConfigurationError', (_title, write, message) => {
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
])('%s stores its maxAge', (_title, decorate, maxAge) => {
  class Decorated {}
  decorate(Decorated);
  expect(readRouteAccess(new Reflector(), 'genauth', [Decorated])).toMatchObject({ introspect: maxAge });
});

it('a wrong @Introspect describes the mistake as data', () => {
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
