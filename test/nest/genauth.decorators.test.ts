import { Controller, Get, type MiddlewareConsumer, Module, type NestModule, UseGuards } from '@nestjs/common';
import { GenAuthClient, requireAuth } from '../../src/index.js';
import { AuthInfo, CurrentUser, GenAuthGuard, GenAuthModule, Introspect } from '../../src/nest/index.js';
import { OptionalAuth, RequireScopes, Roles, Tenant } from '../../src/nest/index.js';
import { readRouteAccess } from '../../src/nest/route-access.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, SUBJECT, useIssuer } from '../support/issuer.js';
import { bearer } from '../support/marked-routes.js';
import { type Platform, send, startNestApp } from '../support/nest-app.js';
import { catchThrown } from '../support/thrown.js';

failOnUnhandledRejections();
const issuer = useIssuer();

it.each<[string, ClassDecorator, number]>([
  ['@Introspect()', Introspect(), 10_000],
  ['@Introspect({ maxAge: 0 })', Introspect({ maxAge: 0 }), 0],
])('%s stores its maximum age', (_title, decorate, introspect) => {
  class Decorated {}
  decorate(Decorated);
  expect(readRouteAccess('genauth', [(): void => {}, Decorated])).toMatchObject({ introspect });
});

const TENANT = { option: '@Tenant', problem: 'got "t"', fix: 'write @Tenant((req) => req.params.tenant)' };
const FIX = 'write @Introspect(), or @Introspect({ maxAge: 5_000 }) with whole milliseconds, 0 or more';
const INTROSPECT = { option: '@Introspect', problem: 'got { maxAge: -1 }', fix: FIX };
it.each<[string, () => unknown, object]>([
  ['@RequireScopes()', () => RequireScopes(), { option: 'scopes' }],
  ["@RequireScopes.any('a b')", () => RequireScopes.any('a b'), { option: 'scopes' }],
  ['@Roles()', () => Roles(), { option: 'roles' }],
  ["@Roles.all('')", () => Roles.all(''), { option: 'roles' }],
  ["@Tenant('t')", () => Tenant('t' as never), TENANT],
  ['@Introspect({ maxAge: -1 })', () => Introspect({ maxAge: -1 }), INTROSPECT],
])('%s throws a ConfigurationError', (_title, write, mistake) => {
  const error = { name: 'ConfigurationError', code: 'invalid_options', details: { mistakes: [mistake] } };
  expect(catchThrown(write)).toMatchObject(error);
});

it('@CurrentUser and @AuthInfo inject the user, one claim and the claims of the token, or undefined', async () => {
  @UseGuards(GenAuthGuard)
  @Controller()
  class Routes {
    @OptionalAuth()
    @Get()
    get(@CurrentUser() user: unknown, @CurrentUser('sub') sub: unknown, @AuthInfo() info?: object): unknown[] {
      return [user, sub, Object.keys(info ?? {})];
    }
  }
  const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
  const { url, close } = await startNestApp('Express', { imports, controllers: [Routes] });
  const answers = [await send(url), await send(url, { headers: { authorization: bearer(issuer()) } })];
  await close();
  const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
  expect(answers.map(({ body }) => JSON.parse(body['text'] as string) as unknown)).toEqual([
    [null, null, []],
    [user, SUBJECT, ['claims']],
  ]);
});

it.each<Platform>(['Express', 'Fastify'])(
  '@CurrentUser finds the user of requireAuth as middleware on %s',
  async (platform) => {
    @Controller()
    class Me {
      @Get('me')
      me(@CurrentUser('sub') sub: string, @AuthInfo() info?: { claims: { aud: string } }): object {
        return { sub, aud: info?.claims.aud };
      }
    }
    const client = new GenAuthClient(issuer().clientOptions);
    @Module({ controllers: [Me] })
    class MiddlewareModule implements NestModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(requireAuth(client)).forRoutes('me');
      }
    }
    const { url, close } = await startNestApp(platform, { imports: [MiddlewareModule] });
    const { body } = await send(`${url}/me`, { headers: { authorization: bearer(issuer()) } });
    await close();
    void client.close();
    expect(body).toEqual({ sub: SUBJECT, aud: APP_ID });
  },
);
