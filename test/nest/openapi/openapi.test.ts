import {
  All,
  Controller,
  Get,
  type INestApplication,
  Module,
  Post,
  type Provider,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, ApplicationConfig, RouterModule } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ApiExcludeEndpoint, ApiOperation, DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import {
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  Introspect,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from '../../../src/nest/index.js';
import { applyGenAuthSecurity } from '../../../src/nest/openapi/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { APP_ID, SUBJECT, useIssuer } from '../../support/issuer.js';
import { type Platform, type RunningApp, send, startNestApp } from '../../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

type Decorators = readonly MethodDecorator[];

/** What may stand on a handler, with the decorator of the route. */
const HANDLERS: Readonly<Record<string, Decorators>> = {
  plain: [Get('plain')],
  open: [Public(), Get('open')],
  optional: [OptionalAuth(), Get('optional')],
  optionalAdmin: [OptionalAuth(), Roles('admin'), Get('optional-admin')],
  allScopes: [RequireScopes('openid', 'email'), Get('all-scopes')],
  anyScope: [RequireScopes.any('email', 'phone'), Get('any-scope')],
  scopeAndRole: [RequireScopes('email'), Roles('admin'), Get('scope-and-role')],
  admin: [Roles('admin'), Post('admin')],
  tenant: [
    Tenant((req) => (req as unknown as { params: { tenant: string } }).params.tenant),
    Get('tenants/:tenant/users/:id'),
  ],
  introspected: [Introspect(), Get('introspected')],
  login: [UseGuards(AuthGuard('genauth-password')), Post('login')],
  ownLogin: [UseGuards(GenAuthPasswordGuard), Post('own-login')],
  // Passport's guard reads no mark, and takes nobody without a token.
  bare: [Public(), UseGuards(AuthGuard('genauth-bearer')), Get('bare')],
  bareOptional: [OptionalAuth(), UseGuards(AuthGuard('genauth-bearer')), Get('bare-optional')],
  guarded: [UseGuards(GenAuthGuard), Get('guarded')],
  tokenAndLogin: [UseGuards(GenAuthGuard, GenAuthPasswordGuard), Post('token-and-login')],
  files: [Get('files/*')],
  aliases: [Get(['alias-1', 'alias-2/:id'])],
  every: [RequireScopes('email'), All('every')],
  hidden: [ApiExcludeEndpoint(), Get('hidden')],
  named: [ApiOperation({ operationId: 'anythingAtAll' }), Get('named')],
};

/** A class with such handlers, which answer anything. */
function build(handlers: Readonly<Record<string, Decorators>>): Type {
  class Routes {}
  for (const [name, decorators] of Object.entries(handlers)) {
    const descriptor: PropertyDescriptor = { value: { [name]: () => ({}) }[name], configurable: true, writable: true };
    Object.defineProperty(Routes.prototype, name, descriptor);
    for (const decorate of decorators) decorate(Routes.prototype, name, descriptor);
  }
  return Routes;
}
const Handlers = build(HANDLERS);

@Controller('handlers')
class OnHandlers extends Handlers {}

@UseGuards(GenAuthGuard)
@Controller('on-class')
class OnClass extends Handlers {}

@Public()
@Controller('public-class')
class PublicClass extends Handlers {}

@RequireScopes('email')
@Controller('scoped-class')
class ScopedClass extends Handlers {}

@UseGuards(GenAuthPasswordGuard)
@Controller('login-class')
class LoginClass extends build({
  login: [Post('login')],
  token: [UseGuards(GenAuthGuard), Post('token')],
  bare: [UseGuards(AuthGuard('genauth-bearer')), Post('bare')],
  scope: [RequireScopes('email'), Post('scope')],
}) {}

/** A class with a guard of ours that extends it. */
class OwnGuard extends GenAuthGuard {}
@UseGuards(OwnGuard)
@Controller('own-guard')
class OwnGuardClass extends Handlers {}

@Controller('health')
class Health extends build({ health: [Get()] }) {}

@Controller('routed')
class Routed extends Handlers {}
@Module({ controllers: [Routed] })
class RoutedModule {}

const FEW = [OnHandlers, OnClass, LoginClass, Health];
const ALL = [...FEW, PublicClass, ScopedClass, OwnGuardClass];
const METHODS = ['get', 'post', 'put', 'delete', 'patch'];

interface Operation {
  security?: Record<string, string[]>[];
  responses: Record<string, { description: string } | undefined>;
}

function listOperations(document: OpenAPIObject): [method: string, path: string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as unknown as Record<string, Operation>)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => [method, path, operation] as [string, string, Operation]),
  );
}

/** What a caller may expect who has read the document and knows nothing else. */
function foresee({ security = [], responses }: Operation, scope: string | undefined, isGood: boolean): string {
  const documents401 = responses['401'] !== undefined;
  if (security.length === 0) return documents401 ? 'a 401 without security' : 'in';
  if (!documents401) return 'security without a 401';
  if (scope === undefined) return security.some((each) => Object.keys(each).length === 0) ? 'in' : 'token_missing';
  if (!isGood) return 'invalid_token';
  if (responses['403'] === undefined) return 'in';
  const alternatives = security.flatMap(({ genauth }) => (genauth === undefined ? [] : [genauth]));
  const has = (name: string): boolean => scope.split(' ').includes(name);
  // Nobody here has a role or a tenant.
  if (/role|tenant/.test(responses['403'].description)) return 'forbidden';
  return alternatives.some((names) => names.every(has)) ? 'in' : 'forbidden';
}

/** What a guard made of it; what a login or a handler says of the request is "in". */
async function call(url: string, method: string, path: string, authorization?: string): Promise<string> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const target = `${url}${path.replaceAll(/\{[^}]*\}/g, 'x')}`;
  const body = { account: 'alice', password: 'p' };
  const { status, body: answer } = await send(target, {
    method: method.toUpperCase(),
    headers,
    ...(method !== 'get' && { body }),
  });
  if (status === 404) return 'not found';
  if (status === 403) return 'forbidden';
  return status === 401 ? String(answer['code']) : 'in';
}

const CALLERS: [what: string, scope: string | undefined, isGood: boolean][] = [
  ['no token', undefined, true],
  ['a token of nobody', 'openid email', false],
  ['a good token of no roles', 'openid profile', true],
  ['a good token with the scope', 'openid email', true],
];

/** Operations of which the document says something else than happens. */
async function listDisagreements({ url }: RunningApp, document: OpenAPIObject, given = CALLERS): Promise<string[]> {
  issuer().replySignIn();
  issuer().reply('/oidc/me', { body: { sub: SUBJECT, roles: [], tenant_id: null } });
  issuer().reply('/oidc/token/introspection', { body: { active: true, sub: SUBJECT, client_id: APP_ID } });
  const callers = given.map(([what, scope, isGood]) => {
    const token = issuer().sign(issuer().accessTokenClaims({ scope, ...(!isGood && { aud: 'another' }) }));
    return { what, scope, isGood, authorization: scope === undefined ? undefined : `Bearer ${token}` };
  });
  const found: string[] = [];
  for (const [method, path, operation] of listOperations(document)) {
    for (const { what, scope, isGood, authorization } of callers) {
      const happens = await call(url, method, path, authorization);
      const foreseen = foresee(operation, scope, isGood);
      if (happens !== foreseen) found.push(`${method} ${path} with ${what}: ${foreseen}, but ${happens}`);
    }
  }
  return found;
}

const describeApp = (app: INestApplication): OpenAPIObject =>
  SwaggerModule.createDocument(app, new DocumentBuilder().build());

const WAYS: Record<string, { providers: Provider[]; prepare?: (app: INestApplication) => void }> = {
  'APP_GUARD, useExisting': { providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }] },
  'APP_GUARD, useClass': { providers: [{ provide: APP_GUARD, useClass: GenAuthGuard }] },
  useGlobalGuards: { providers: [], prepare: (app) => void app.useGlobalGuards(app.get(GenAuthGuard)) },
  'no global guard': { providers: [] },
};
const CASES: [string, Platform, Type[]][] = [
  ['APP_GUARD, useExisting', 'Express', ALL],
  ['APP_GUARD, useClass', 'Express', FEW],
  ['useGlobalGuards', 'Express', FEW],
  ['no global guard', 'Express', FEW],
  ['APP_GUARD, useExisting', 'Fastify', FEW],
  ['no global guard', 'Fastify', ALL],
];

describe.each(CASES)('document and guards: %s, on %s', (way, platform, controllers) => {
  let running: RunningApp;
  let document: OpenAPIObject;

  beforeAll(async () => {
    running = await startNestApp(
      platform,
      {
        imports: [
          GenAuthModule.forRoot(issuer().clientOptions),
          RoutedModule,
          RouterModule.register([{ path: 'modules/:module', module: RoutedModule }]),
        ],
        controllers,
        providers: WAYS[way]?.providers ?? [],
      },
      {
        prepare: (app) => {
          app.setGlobalPrefix('api', { exclude: ['health'] });
          WAYS[way]?.prepare?.(app);
          // As applications do it: before they start.
          document = applyGenAuthSecurity(describeApp(app), app);
        },
      },
    );
  });
  afterAll(() => running.close());

  it('agree on every route, with every caller', async () => {
    const operations = listOperations(document);
    expect(operations.length).toBe(25 * (controllers === ALL ? 6 : 3) + 5);
    expect(operations.filter(([, , { security }]) => security === undefined)).toEqual([]);
    expect(await listDisagreements(running, document)).toEqual([]);
  });

  it('the document is the same once the application runs, and when this is done twice', () => {
    const later = describeApp(running.app);
    expect(applyGenAuthSecurity(later, running.app)).toBe(later);
    expect(later).toEqual(document);
    expect(applyGenAuthSecurity(structuredClone(document), running.app)).toEqual(document);
  });

  it('a guard that is not read makes them disagree', async () => {
    const unread = readingWithout(running.app, way === 'no global guard' ? [OnClass] : []);
    const found = await listDisagreements(
      running,
      applyGenAuthSecurity(describeApp(running.app), unread.app),
      CALLERS.slice(0, 1),
    );
    unread.restore();
    expect(found).not.toEqual([]);
    const wrong = way === 'no global guard' ? '/api/on-class/plain' : '/api/handlers/plain';
    expect(found).toContain(`get ${wrong} with no token: in, but token_missing`);
    // And nowhere else than where that guard stands.
    if (way === 'no global guard') expect(found.filter((each) => !each.includes(' /api/on-class/'))).toEqual([]);
  });
});

/** The application as it would be read without the guards of some classes, or without the global one. */
function readingWithout(app: INestApplication, classes: object[]): { app: INestApplication; restore: () => void } {
  const guards = classes.map((each) => Reflect.getMetadata('__guards__', each) as unknown);
  for (const each of classes) Reflect.deleteMetadata('__guards__', each);
  const config = Object.create(app.get(ApplicationConfig)) as ApplicationConfig;
  config.getGlobalGuards = () => [];
  const get = (token: unknown): unknown =>
    token === ApplicationConfig && classes.length === 0 ? config : app.get(token as string);
  return {
    app: { get } as unknown as INestApplication,
    restore: () => classes.forEach((each, i) => Reflect.defineMetadata('__guards__', guards[i], each)),
  };
}
