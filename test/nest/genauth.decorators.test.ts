import { Controller, Get, UseGuards } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
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
import { buildHandlers } from '../support/handlers.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { INTROSPECTION_PATH, bearer } from '../support/marked-routes.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { catchThrown } from '../support/thrown.js';

failOnUnhandledRejections();
const resolve = (): string => 'tenant-1';

it.each<[string, ClassDecorator, object]>([
  ["@RequireScopes('a', 'b')", RequireScopes('a', 'b'), { scopes: { mode: 'all', names: ['a', 'b'] } }],
  ["@RequireScopes.any('a', 'b')", RequireScopes.any('a', 'b'), { scopes: { mode: 'any', names: ['a', 'b'] } }],
  ["@Roles('a', 'b')", Roles('a', 'b'), { roles: { mode: 'any', names: ['a', 'b'] } }],
  ["@Roles.all('a', 'b')", Roles.all('a', 'b'), { roles: { mode: 'all', names: ['a', 'b'] } }],
  ['@Tenant(resolve)', Tenant(resolve), { tenant: resolve }],
  ['@Introspect()', Introspect(), { introspect: 10_000 }],
  ['@Introspect({ maxAge: 0 })', Introspect({ maxAge: 0 }), { introspect: 0 }],
])('%s stores its requirement', (_title, decorate, requirement) => {
  class Decorated {}
  decorate(Decorated);
  expect(readRouteAccess(new Reflector(), 'genauth', [Decorated])).toMatchObject(requirement);
});

const INTROSPECT_FIX = 'write @Introspect(), or @Introspect({ maxAge: 5_000 }) with whole milliseconds, 0 or more';
it.each<[string, () => unknown, object]>([
  ['@RequireScopes()', () => RequireScopes(), { option: 'scopes' }],
  ["@RequireScopes.any('a b')", () => RequireScopes.any('a b'), { option: 'scopes' }],
  ['@Roles()', () => Roles(), { option: 'roles' }],
  ["@Roles.all('')", () => Roles.all(''), { option: 'roles' }],
  [
    "@Tenant('t')",
    () => Tenant('t' as never),
    { option: '@Tenant', problem: 'got "t"', fix: 'write @Tenant((req) => req.params.tenant)' },
  ],
  [
    '@Introspect({ maxAge: -1 })',
    () => Introspect({ maxAge: -1 }),
    { option: '@Introspect', problem: 'got { maxAge: -1 }', fix: INTROSPECT_FIX },
  ],
  ['@Introspect(false)', () => Introspect(false as never), { option: '@Introspect', problem: 'got false' }],
])('%s throws a ConfigurationError', (_title, write, mistake) => {
  const error = { name: 'ConfigurationError', code: 'invalid_options', details: { mistakes: [mistake] } };
  expect(catchThrown(write)).toMatchObject(error);
});

describe('on a running application', () => {
  @UseGuards(GenAuthGuard)
  @Controller()
  class Injected {
    @OptionalAuth()
    @Get('optional')
    optional(
      @CurrentUser() user: unknown,
      @CurrentUser('sub') sub: unknown,
      @CurrentUser('email') email: unknown,
      @AuthInfo() info?: object,
    ): unknown[] {
      // JSON would convert `undefined` to `null`.
      return [user ?? typeof user, sub ?? typeof sub, typeof email, Object.keys(info ?? {})];
    }
  }
  const Requirements = buildHandlers(
    {
      introspected: [Introspect({ maxAge: 0 }), Get('introspected')],
      rarely: [Introspect(), Get('introspected-rarely')],
      tenant: [Tenant((req: { params: { tenant: string } }) => req.params.tenant), Get('tenants/:tenant')],
      tenantThatFails: [Tenant(() => Promise.reject()), Get('tenant-that-fails')],
    },
    Controller(),
    UseGuards(GenAuthGuard),
  );

  const issuer = useIssuer();
  let running: RunningApp;
  beforeAll(async () => {
    const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
    running = await startNestApp('Express', { imports, controllers: [Injected, Requirements] });
  });
  afterAll(() => running.close());
  const get = (path: string, authorization = ''): ReturnType<typeof send> =>
    send(`${running.url}/${path}`, { headers: { authorization } });

  it('@CurrentUser and @AuthInfo inject the user, one claim and the claims of the token', async () => {
    const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
    const injected = await get('optional', bearer(issuer()));
    expect(injected.body).toEqual({ text: JSON.stringify([user, SUBJECT, 'undefined', ['claims']]) });
  });

  it('@CurrentUser and @AuthInfo inject undefined for an anonymous request', async () => {
    const text = JSON.stringify(['undefined', 'undefined', 'undefined', []]);
    expect((await get('optional')).body).toEqual({ text });
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

  it.each([
    ['tenants/tenant-1', 200],
    ['tenants/tenant-2', 403],
    ['tenant-that-fails', 500],
  ])('@Tenant answers GET /%s by %i', async (path, status) => {
    expect((await get(path, bearer(issuer(), { tenant_id: 'tenant-1' }))).status).toBe(status);
  });
});
