import { createRequire } from 'node:module';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type CanActivate, Controller, Get, Inject, Injectable, type ModuleMetadata } from '@nestjs/common';
import { Scope, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory, REQUEST } from '@nestjs/core';
import { GraphQLModule, Query, ResolveField, ResolveReference, Resolver } from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type ConfigurationError,
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthClient,
  GenAuthPasswordStrategy,
} from '../../src/index.js';
import {
  GenAuthGuard,
  GenAuthLoginGuard,
  GenAuthModule,
  type GenAuthModuleOptions,
  Introspect,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  type StartupCheck,
  Tenant,
} from '../../src/nest/index.js';
import { buildHandlers } from '../support/handlers.js';
import { useIssuer } from '../support/issuer.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';

const issuer = useIssuer();

function start(metadata: ModuleMetadata, options: Partial<GenAuthModuleOptions> = {}): Promise<RunningApp> {
  const module = GenAuthModule.forRoot({ ...issuer().clientOptions, ...options });
  return startNestApp('Express', { ...metadata, imports: [module, ...(metadata.imports ?? [])] });
}

/** Starts an application, and returns the mistakes with which it refuses to start. An empty list: it has started. */
async function listMistakes(metadata: ModuleMetadata, startupCheck?: StartupCheck): Promise<string[]> {
  try {
    await (await start(metadata, { startupCheck })).close();
    return [];
  } catch (error) {
    return (error as ConfigurationError).details.mistakes.map(
      ({ option, problem, fix }) => `${option} ${problem}: ${fix}`,
    );
  }
}

const GLOBAL = { provide: APP_GUARD, useExisting: GenAuthGuard };
const STAFF = GenAuthGuard.named('staff');
const GUARD = UseGuards(GenAuthGuard);
const ADMIN = Roles('admin');
const route = (decorators: MethodDecorator[], ...onClass: ClassDecorator[]): ModuleMetadata => ({
  controllers: [buildHandlers({ show: [Get('show'), ...decorators] }, Controller(), ...onClass)],
});
const message = (decorators: MethodDecorator[], ...onClass: ClassDecorator[]): ModuleMetadata => ({
  controllers: [buildHandlers({ show: [MessagePattern('show'), ...decorators] }, Controller(), ...onClass)],
});
const gateway = (decorators: MethodDecorator[]): ModuleMetadata => ({
  providers: [buildHandlers({ show: [SubscribeMessage('show'), ...decorators] }, WebSocketGateway())],
});
const graphql = (options: Partial<ApolloDriverConfig>, ...types: (new () => object)[]): ModuleMetadata => ({
  imports: [
    GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      typeDefs: 'type Query { user: User } type User { id: ID, show: String }',
      ...options,
    }),
  ],
  providers: types,
});
const resolver = (decorators: MethodDecorator[], ...onClass: ClassDecorator[]): new () => object =>
  buildHandlers({ show: decorators }, Resolver('User'), ...onClass) as new () => object;
const globally = ({ providers = [], ...rest }: ModuleMetadata): ModuleMetadata => ({
  ...rest,
  providers: [...providers, GLOBAL],
});

/** Replaces a method by a function without the metadata of the method, as some tracing decorators do. */
function Trace(_target: object, _name: string, descriptor: PropertyDescriptor): void {
  const original = descriptor.value as () => string;
  descriptor.value = (): string => original();
}

@Controller()
class Traced {
  @Get('show')
  @Trace
  @ADMIN
  show(): string {
    return 'secret';
  }
}

abstract class Base {
  @Get('show')
  @Trace
  @ADMIN
  show(): string {
    return 'secret';
  }
}
@Controller()
class Inheriting extends Base {}

@Injectable()
class OwnBearer extends PassportStrategy(GenAuthBearerStrategy) {
  constructor(@Inject(GenAuthClient) client: GenAuthClient) {
    super(client);
  }
  validate(): null {
    return null;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class Transient extends OwnBearer {}

/** A guard that gets a `GenAuthGuard` by property injection. */
@Injectable()
class ByProperty implements CanActivate {
  @Inject(GenAuthGuard) private readonly guard!: GenAuthGuard;
  canActivate(context: never): boolean | Promise<boolean> {
    return this.guard.canActivate(context);
  }
}

@Injectable()
class Delegating implements CanActivate {
  constructor(@Inject(GenAuthGuard) private readonly guard: GenAuthGuard) {}
  canActivate(context: never): boolean | Promise<boolean> {
    return this.guard.canActivate(context);
  }
}

@Injectable()
class Service {
  @ADMIN
  show(): string {
    return 'secret';
  }
}

@Injectable()
class ScopedStrategy extends PassportStrategy(GenAuthPasswordStrategy) {
  constructor(
    @Inject(GenAuthClient) client: GenAuthClient,
    @Inject(REQUEST) readonly request: object,
  ) {
    super(client);
  }
  validate(): object {
    return {};
  }
}

@Injectable()
class OwnPassword extends PassportStrategy(GenAuthPasswordStrategy) {
  constructor(@Inject(GenAuthClient) client: GenAuthClient) {
    super(client);
  }
  validate(): null {
    return null;
  }
}
@Injectable()
class OwnAd extends PassportStrategy(GenAuthAdStrategy) {
  constructor(@Inject(GenAuthClient) client: GenAuthClient) {
    super(client);
  }
  validate(): null {
    return null;
  }
}
/** A login route with this guard, and classes with `validate`. */
const login = (
  guard: new (...args: never[]) => CanActivate,
  ...providers: (new (client: GenAuthClient) => object)[]
) => ({
  ...route([UseGuards(guard)]),
  providers,
});
const BOTH = AuthGuard(['genauth-ad', 'genauth-password']);
const UNCHECKED = /^Handlers\.show accepts logins of genauth-ad too, whose users OwnPassword does not check: write a/;

const BEARER = UseGuards(AuthGuard('genauth-bearer'));
const LOGIN = UseGuards(GenAuthLoginGuard);
const [GUARDS, NO_GUARDS] = [{ fieldResolverEnhancers: ['guards' as const] }, {}];

describe('refuses to start', () => {
  it.each<[title: string, metadata: ModuleMetadata, mistake: RegExp]>([
    ['@Roles without a guard', route([ADMIN]), /^Handlers\.show has @Roles\(\), but no GenAuthGuard runs before it: /],
    ['@RequireScopes without a guard', route([RequireScopes('email')]), /has @RequireScopes\(\), but no/],
    ['@Tenant without a guard', route([Tenant(() => 'red')]), /has @Tenant\(\), but no/],
    ['@Introspect without a guard', route([Introspect()]), /has @Introspect\(\), but no/],
    ['@OptionalAuth without a guard', route([OptionalAuth()]), /has @OptionalAuth\(\), but no/],
    ['a decorator on a class without a guard', route([], ADMIN), /^Handlers\.show has @Roles\(\), but no/],
    ['@Roles with AuthGuard only', route([BEARER, ADMIN]), /AuthGuard\('genauth-bearer'\) reads no decorators: write/],
    ['@Roles on a method that is no handler', { providers: [Service] }, /^Service\.show .* does not call it/],
    ['@Roles that another decorator removes', { controllers: [Traced] }, /^Traced\.show has lost @Roles\(\)/],
    [
      '@Roles of a parent class that another decorator removes',
      { controllers: [Inheriting] },
      /^Inheriting\.show has lost/,
    ],
    ['@Roles on a message handler', message([ADMIN]), /^Handlers\.show has @Roles\(\), but no GenAuthGuard/],
    ['@Roles on a message handler with a global guard', globally(message([ADMIN])), /only with inheritAppConfig/],
    ['@Roles on a message class with a global guard', globally(message([], ADMIN)), /only with inheritAppConfig/],
    ['@Roles on a gateway', gateway([ADMIN]), /^Handlers\.show has @Roles\(\), but no GenAuthGuard/],
    ['@Roles on a query', graphql(NO_GUARDS, resolver([Query('user'), ADMIN])), /has @Roles\(\), but no GenAuthGuard/],
    [
      '@Roles on a field resolver',
      globally(graphql(NO_GUARDS, resolver([ResolveField('show'), GUARD, ADMIN]))),
      /is a field resolver, and Nest runs no guard before it: write fieldResolverEnhancers: \['guards'\]/,
    ],
    ['a guard on a field resolver', graphql(NO_GUARDS, resolver([ResolveField('show'), GUARD])), /is a field resolver/],
    [
      'a guard on the class of a field resolver',
      graphql(NO_GUARDS, resolver([ResolveField('show')], GUARD)),
      /is a field resolver/,
    ],
    [
      'a reference resolver with a global guard',
      globally(graphql(NO_GUARDS, resolver([ResolveReference()]))),
      /is a reference resolver, and Nest runs no guard before it: .*, or write @Public\(\)/,
    ],
    ['@Public and @Roles', globally(route([Public(), ADMIN])), /^Handlers\.show has @Public\(\) and @Roles\(\): /],
    ['@Public and @Roles on a class', globally(route([], Public(), ADMIN)), /^Handlers has @Public\(\) and @Roles/],
    [
      '@OptionalAuth and @Roles',
      globally(route([OptionalAuth(), ADMIN])),
      /has @OptionalAuth\(\) and @Roles\(\), which/,
    ],
    ['a login guard and @Roles', globally(route([LOGIN, ADMIN])), /has a login guard and @Roles\(\), but a login/],
    ['two global guards', { providers: [GLOBAL, GLOBAL] }, /^APP_GUARD makes two guards global, GenAuthGuard and/],
    [
      'validate of a bearer strategy that GenAuthGuard ignores',
      globally({ providers: [OwnBearer] }),
      /^OwnBearer extends/,
    ],
    ['a transient strategy', { providers: [Transient] }, /^Transient is request-scoped or transient/],
    [
      '@Public and a guard that calls GenAuthGuard',
      { ...globally(route([Public(), UseGuards(Delegating)])), imports: [] },
      /^Handlers\.show has @Public\(\) and a guard that calls GenAuthGuard/,
    ],
    [
      'a guard on a field resolver of a public class',
      globally(graphql(NO_GUARDS, resolver([ResolveField('show'), GUARD], Public()))),
      /is a field resolver/,
    ],
    ['validate for passwords only and GenAuthLoginGuard', login(GenAuthLoginGuard, OwnPassword), UNCHECKED],
    ['validate for passwords only and AuthGuard with both strategies', login(BOTH, OwnPassword), UNCHECKED],
    [
      'validate for Active Directory only and GenAuthLoginGuard',
      login(GenAuthLoginGuard, OwnAd),
      /logins of genauth-password too, whose users OwnAd .*GenAuthPasswordStrategy, or write .*'genauth-ad'/,
    ],
    ['a request-scoped strategy', { providers: [ScopedStrategy] }, /^ScopedStrategy is request-scoped/],
  ])('with %s', async (_title, metadata, mistake) => {
    expect(await listMistakes(metadata)).toEqual([expect.stringMatching(mistake)]);
  });
});

describe('starts', () => {
  it.each<[title: string, metadata: ModuleMetadata]>([
    ['validate for both logins', login(GenAuthLoginGuard, OwnPassword, OwnAd)],
    ['validate for the only login of a route', login(AuthGuard('genauth-password'), OwnPassword)],
    ['a login without validate', login(GenAuthLoginGuard)],
    ['@Roles with a guard on the method', route([GUARD, ADMIN])],
    ['@Roles with a guard on the class', route([ADMIN], GUARD)],
    ['@Roles with a global guard', globally(route([ADMIN]))],
    [
      '@Roles with a guard that injects GenAuthGuard',
      { ...route([UseGuards(Delegating), ADMIN]), providers: [Delegating] },
    ],
    ['@Roles with a guard that GenAuthGuard is injected into', { ...route([UseGuards(ByProperty), ADMIN]) }],
    [
      '@Roles with a global guard from a factory',
      {
        ...route([ADMIN]),
        providers: [
          { provide: APP_GUARD, inject: [GenAuthGuard], useFactory: (guard: GenAuthGuard) => new Delegating(guard) },
        ],
      },
    ],
    ['AuthGuard and @Roles with a global guard', globally(route([BEARER, ADMIN]))],
    ['@Public on a method of a class with @Roles', globally(route([Public()], ADMIN))],
    ['@Public without a guard', route([Public()])],
    ['a login on a class with @Roles', globally(route([LOGIN], ADMIN))],
    ['@Roles on a message handler with its own guard', message([GUARD, ADMIN])],
    ['@Roles on a field resolver with field guards', graphql(GUARDS, resolver([ResolveField('show'), GUARD, ADMIN]))],
    ['a field resolver without a guard', globally(graphql(NO_GUARDS, resolver([ResolveField('show')])))],
    ['a public reference resolver', globally(graphql(NO_GUARDS, resolver([ResolveReference(), Public()])))],
  ])('with %s', async (_title, metadata) => {
    expect(await listMistakes(metadata)).toEqual([]);
  });

  it('with @Roles on a message handler that inherits the global guard', async () => {
    expect(await listMistakes(globally(message([ADMIN])), { microservicesInheritGuards: true })).toEqual([]);
  });
});

// Nest 12 runs global guards in gateways, and @nestjs/apollo 14 copies the context for each request. Nest 11 does not.
const { version } = createRequire(import.meta.url)('@nestjs/core/package.json') as { version: string };
const NEST = version.split('.')[0] as '11' | '12';
it.each<[title: string, metadata: ModuleMetadata, mistakes: Record<'11' | '12', RegExp[]>]>([
  [
    '@Roles on a gateway with a global guard',
    globally(gateway([ADMIN])),
    { 11: [/^Handlers\.show has @Roles\(\), but Nest 11 runs no global guard in gateways/], 12: [] },
  ],
  [
    'a shared context object of Apollo',
    graphql({ context: { source: 'shared' } }),
    { 11: [/^context of GraphQLModule is one object/], 12: [] },
  ],
])('refuses to start with %s in Nest 11 only', async (_title, metadata, mistakes) => {
  expect(await listMistakes(metadata)).toEqual(mistakes[NEST].map((mistake) => expect.stringMatching(mistake)));
});

it('starts with @Public and @Roles for the guard of another GenAuth application', async () => {
  const staff = GenAuthModule.forRoot({ ...issuer().clientOptions, name: 'staff' });
  const metadata = route([Public(), UseGuards(STAFF), ADMIN]);
  expect(await listMistakes({ ...globally(metadata), imports: [staff] })).toEqual([]);
});

it('lists all mistakes in one error with the way to start in spite of them', async () => {
  const two = { controllers: [...(route([ADMIN]).controllers ?? []), Traced] };
  await expect(start(two)).rejects.toMatchObject({
    code: 'invalid_options',
    message: expect.stringMatching(/found 2 mistakes .*\n {2}- Traced.*\n {2}- Handlers.*\n.*startupCheck: 'warn'/),
  });
});

it.each<StartupCheck>(['warn', { mode: 'warn' }])(
  'only logs the mistakes with startupCheck %p',
  async (startupCheck) => {
    const { url, logger, close } = await start(route([ADMIN]), { startupCheck });
    const { status } = await send(`${url}/show`);
    await close();
    expect(status).toBe(200);
    expect(logger.lines.join('\n')).toMatch(
      /warn passport-genauth found one mistake .*\n {2}- Handlers.show has @Roles/,
    );
  },
);

const WRITE = /warn Handlers\.show has AuthGuard\('(.*)'\): write AuthGuard\('(.*)'\), if no strategy has the name/;
it.each([
  ['genauth', 'genauth-password'],
  ['genauth-pasword', 'genauth-password'],
  ['genauth_ad', 'genauth-ad'],
  ['genauth-baerer', 'genauth-bearer'],
])('warns of AuthGuard(%p), and suggests the strategy', async (given, meant) => {
  const { logger, close } = await start(route([UseGuards(AuthGuard(given))]));
  await close();
  expect(WRITE.exec(logger.lines.join('\n'))?.slice(1)).toEqual([given, meant]);
});

class OwnBearerGuard extends AuthGuard('genauth-bearer') {
  override canActivate(): boolean {
    return true;
  }
}
const NO_DECORATORS = 'is a global guard, but it does not read @Public() and guards login routes, too: ';
const EXISTING = 'write { provide: APP_GUARD, useExisting: GenAuthGuard }.';
const has = (text: string): unknown[] => [expect.stringContaining(text)];
it.each<[guard: new () => CanActivate, warnings: unknown[]]>([
  [AuthGuard('genauth-bearer'), has(`AuthGuard('genauth-bearer') ${NO_DECORATORS}${EXISTING}`)],
  [AuthGuard('genauth-password'), has(`AuthGuard('genauth-password') ${NO_DECORATORS}${EXISTING}`)],
  [OwnBearerGuard, []],
])('warns of a global AuthGuard that reads no decorators (%#)', async (useClass, warnings) => {
  const { logger, close } = await start({ providers: [{ provide: APP_GUARD, useClass }] });
  await close();
  const found = logger.lines.filter((line) => line.includes('is a global guard'));
  expect(found).toEqual(warnings);
});

it.each<[title: string, decorator: MethodDecorator, options: Partial<GenAuthModuleOptions>, warnings: unknown[]]>([
  ['@Roles without the scope', ADMIN, {}, has('The roles of Handlers.show require the scope "roles", but')],
  [
    '@RequireScopes without the scope',
    RequireScopes('email'),
    {},
    has('The scopes of Handlers.show require "email", but'),
  ],
  ['@Roles with the scope', ADMIN, { scope: 'openid roles' }, []],
  ['@Roles with the scopes of each sign-in', ADMIN, { signInOptions: () => ({}) }, []],
])('warns only of a requirement that no user can meet: %s', async (_title, decorator, options, warnings) => {
  const { logger, close } = await start(globally(route([decorator])), options);
  await close();
  const found = logger.lines.filter((line) => line.includes('users get status 403'));
  expect(found).toEqual(warnings);
});

it('warns of an unknown AuthGuard behind the global guard, and names the strategies', async () => {
  const login = UseGuards(AuthGuard('jwt'));
  const { logger, close } = await start(globally(route([login])));
  await close();
  expect(logger.lines.join('\n')).toMatch(
    /warn Handlers.show has an AuthGuard .*write @Public\(\).* genauth-password, /,
  );
});

class OwnGuard extends AuthGuard(['genauth-pasword', 'jwtt']) {}
it('warns of a login whose users no class checks', async () => {
  const { logger, close } = await start(login(AuthGuard('genauth-ad'), OwnPassword));
  await close();
  expect(logger.lines.join('\n')).toContain('warn Handlers.show accepts logins of genauth-ad too, whose users');
});

const NAMES =
  'warn AuthGuard failed: Unknown authentication strategy "genauth-pasword". ' +
  "Write AuthGuard('genauth-password'). " +
  'The strategies of passport-genauth are genauth-password, genauth-ad, genauth-bearer. GenAuth';
it.each<[title: string, guard: new () => CanActivate, answer: unknown[]]>([
  ['an unknown strategy', AuthGuard('genauth-pasword'), [500, NAMES]],
  ['a list of unknown strategies', OwnGuard, [500, NAMES.replace(/ Write \S+/, '')]],
  ['a known strategy and without a token', AuthGuard('genauth-bearer'), [401]],
  ['strategies of several kinds and without a token', AuthGuard(['genauth-bearer', 'genauth-password']), [400]],
])('names the strategies in the log only if a strategy is unknown: %s', async (_title, guard, answer) => {
  const { url, logger, close } = await start(route([UseGuards(guard)]));
  const { status } = await send(`${url}/show`);
  await close();
  expect([status, ...logger.lines.filter((line) => line.includes('The strategies of'))]).toEqual(answer);
});

it.each([
  ['AuthGuard of passport-genauth', globally(route([BEARER]))],
  ['an unknown AuthGuard on a public route', globally(route([Public(), UseGuards(AuthGuard('jwt'))]))],
  ['an unknown AuthGuard without a global guard', route([UseGuards(AuthGuard('jwt'))])],
])('does not warn of %s', async (_title, metadata) => {
  const { logger, close } = await start(metadata);
  await close();
  expect(logger.lines.filter((line) => line.includes('has an AuthGuard'))).toEqual([]);
});

it('does not start with two imports of the module, of which one refuses users', async () => {
  const second = GenAuthModule.forRoot(issuer().clientOptions);
  await expect(start({ imports: [second] }, { verify: () => null })).rejects.toMatchObject({
    details: { mistakes: [{ option: 'GenAuthModule', fix: expect.stringContaining('import it once') }] },
  });
});

it('does not look at routes in an application without an HTTP server', async () => {
  class AppModule {}
  const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
  const module = { module: AppModule, imports, ...route([ADMIN]) };
  const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  await app.close();
  expect(app.get(GenAuthClient).isClosed).toBe(true);
});

it.each(['', 'off', null, { mode: 'off' }, { inherit: true }])('refuses the option startupCheck %p', async (given) => {
  await expect(start({}, { startupCheck: given as never })).rejects.toMatchObject({
    details: { mistakes: [{ option: 'startupCheck', fix: expect.stringContaining('microservicesInheritGuards') }] },
  });
});

it('refuses options from a request-scoped provider', async () => {
  const imports = [GenAuthModule.forRootAsync({ inject: [REQUEST], useFactory: () => issuer().clientOptions })];
  await expect(startNestApp('Express', { imports })).rejects.toMatchObject({
    details: {
      mistakes: [{ option: 'GenAuthModule.forRootAsync', problem: expect.stringContaining('request-scoped') }],
    },
  });
});
