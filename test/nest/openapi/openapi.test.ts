import { All, Controller, Get, Module, Post, UseGuards, Version, VersioningType } from '@nestjs/common';
import { type INestApplication, type ModuleMetadata, Scope } from '@nestjs/common';
import { APP_GUARD, NestFactory, RouterModule } from '@nestjs/core';
import {
  ApiBasicAuth,
  ApiForbiddenResponse,
  ApiOperation,
  DocumentBuilder,
  type OpenAPIObject,
  SwaggerModule,
} from '@nestjs/swagger';
import { AuthGuard } from '@nestjs/passport';
import type { SwaggerDocumentOptions } from '@nestjs/swagger';
import {
  GenAuthGuard,
  GenAuthModule,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from '../../../src/nest/index.js';
import { applyGenAuthSecurity } from '../../../src/nest/openapi/index.js';

const OPTIONS = { appId: 'app', appSecret: 'secret-without-a-use', appHost: 'https://example.genauth.ai' };
const GLOBAL = { provide: APP_GUARD, useExisting: GenAuthGuard };

@Controller()
class Routes {
  @Get('plain')
  plain(): void {}

  @Public()
  @Get('open')
  open(): void {}

  @OptionalAuth()
  @Get('optional')
  optional(): void {}

  @RequireScopes('email', 'phone')
  @Get('all')
  all(): void {}

  @RequireScopes.any('email', 'phone')
  @Get('any')
  any(): void {}

  @Roles('secret-role')
  @Tenant(() => 'secret-tenant')
  @Get('role')
  role(): void {}

  @UseGuards(AuthGuard('genauth-password'))
  @Post('login')
  login(): void {}

  @ApiBasicAuth()
  @ApiForbiddenResponse({ description: 'as the application says' })
  @RequireScopes('email')
  @Get('both')
  both(): void {}

  @ApiBasicAuth()
  @Public()
  @Get('basic')
  basic(): void {}
}

const apps: INestApplication[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

/** Creates the document of an application that is not started. */
async function describeApp(
  metadata: ModuleMetadata,
  {
    prepare,
    config = (builder) => builder,
    options,
  }: {
    prepare?: (app: INestApplication) => unknown;
    config?: (builder: DocumentBuilder) => DocumentBuilder;
    options?: SwaggerDocumentOptions;
  } = {},
): Promise<OpenAPIObject> {
  class AppModule {}
  const module = { module: AppModule, imports: [GenAuthModule.forRoot(OPTIONS)], providers: [GLOBAL], ...metadata };
  const app = await NestFactory.create(module, { logger: false, abortOnError: false });
  apps.push(app);
  prepare?.(app);
  const document = SwaggerModule.createDocument(app, config(new DocumentBuilder()).build(), options);
  return applyGenAuthSecurity(document, app);
}

/** Lists security and the documented 4xx responses of each operation. */
function summarize(document: OpenAPIObject): Record<string, [security?: object[], ...statuses: string[]]> {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    (['get', 'post'] as const).flatMap((method) => {
      const operation = item[method];
      if (operation === undefined) return [];
      const answers = Object.keys(operation.responses).filter((status) => status.startsWith('4'));
      return [
        [`${method.toUpperCase()} ${path}`, [operation.security, ...answers]] as [string, [object[]?, ...string[]]],
      ];
    }),
  );
  return Object.fromEntries(operations);
}

const TOKEN = [{ genauth: [] }, { 'genauth-bearer': [] }];
const EMAIL = [{ genauth: ['email'] }, { 'genauth-bearer': [] }];

it('writes what the guards of each route require', async () => {
  expect(summarize(await describeApp({ controllers: [Routes] }))).toEqual({
    'GET /plain': [TOKEN, '401'],
    'GET /open': [[]],
    'GET /optional': [[{}, ...TOKEN], '401'],
    'GET /all': [[{ genauth: ['email', 'phone'] }, { 'genauth-bearer': [] }], '401', '403'],
    'GET /any': [[{ genauth: ['email'] }, { genauth: ['phone'] }, { 'genauth-bearer': [] }], '401', '403'],
    'GET /role': [TOKEN, '401', '403'],
    'POST /login': [[]],
    'GET /both': [
      [
        { basic: [], genauth: ['email'] },
        { basic: [], 'genauth-bearer': [] },
      ],
      '401',
      '403',
    ],
    'GET /basic': [[{ basic: [] }]],
  });
});

it('requires nothing without a guard', async () => {
  const summary = summarize(await describeApp({ controllers: [Routes], providers: [] }));
  const { 'GET /both': both, 'GET /basic': basic, ...others } = summary;
  expect(Object.values(others)).toEqual(Object.values(others).map(() => [[]]));
  expect([both, basic]).toEqual([[[{ basic: [] }], '403'], [[{ basic: [] }]]]);
});

it('describes two schemes, the responses and the body of a refusal', async () => {
  const imports = [GenAuthModule.forRoot(OPTIONS)];
  const document = await describeApp({ imports, controllers: [Routes] });
  expect(document.components?.securitySchemes).toEqual({
    genauth: {
      type: 'openIdConnect',
      openIdConnectUrl: 'https://example.genauth.ai/oidc/.well-known/openid-configuration',
      description: 'Sign in with GenAuth to get an access token.',
    },
    'genauth-bearer': {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'The access token of GenAuth.',
    },
  });
  expect(document.components?.schemas?.['GenAuthRefusal']).toMatchObject({
    type: 'object',
    required: ['statusCode', 'error', 'message', 'code'],
  });
  expect(document.paths['/role']?.get?.responses).toMatchObject({
    401: {
      description: 'The request has no valid token.',
      headers: { 'WWW-Authenticate': { schema: { type: 'string' } } },
      content: { 'application/json': { schema: { $ref: '#/components/schemas/GenAuthRefusal' } } },
    },
    403: { description: 'The token is valid, but it lacks the required role or tenant.' },
  });
  expect(document.paths['/optional']?.get?.responses).toMatchObject({
    401: { description: 'The token is not valid.' },
  });
  expect(document.paths['/both']?.get?.responses).toMatchObject({ 403: { description: 'as the application says' } });
});

it('contains neither the app secret nor roles and tenants', async () => {
  const text = JSON.stringify(await describeApp({ controllers: [Routes] }));
  expect(text).toContain('genauth-bearer');
  expect(text).not.toContain('secret-');
});

it('lists the scopes of the bearer scheme in OpenAPI 3.1', async () => {
  const document = await describeApp(
    { controllers: [Routes] },
    { config: (builder) => builder.setOpenAPIVersion('3.1.0') },
  );
  const summary = summarize(document);
  expect(summary['GET /both']).toContainEqual([
    { basic: [], genauth: ['email'] },
    { basic: [], 'genauth-bearer': ['email'] },
  ]);
  expect(summary['GET /plain']).toContainEqual(TOKEN);
});

it('agrees with the guards on a request without a token', async () => {
  @Controller('guarded')
  @UseGuards(GenAuthGuard)
  class Guarded extends Routes {}
  const document = await describeApp({ controllers: [Routes, Guarded] });
  const [app] = apps as [INestApplication];
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const seen = await Promise.all(
    Object.entries(summarize(document)).map(async ([operation, [security]]) => {
      const [method = '', path = ''] = operation.split(' ');
      const { status } = await fetch(`${url}${path}`, { method });
      const schemes = security?.map((each) => 'genauth' in each || 'genauth-bearer' in each) ?? [];
      return { operation, isRefused: status === 401, isDocumented: schemes.length > 0 && schemes.every(Boolean) };
    }),
  );
  expect(seen).toHaveLength(18);
  expect(seen.filter(({ isRefused, isDocumented }) => isRefused !== isDocumented)).toEqual([]);
});

it('is the same after the start, and if it is applied twice', async () => {
  @Controller()
  class Few {
    @OptionalAuth()
    @Get('optional')
    optional(): void {}

    @RequireScopes.any('email', 'phone')
    @Get('any')
    any(): void {}

    @Public()
    @Get('open')
    open(): void {}
  }
  const document = await describeApp({ controllers: [Few] });
  const [app] = apps as [INestApplication];
  await app.init();
  const later = SwaggerModule.createDocument(app, new DocumentBuilder().build());
  expect(applyGenAuthSecurity(later, app)).toBe(later);
  expect(later).toEqual(document);
  expect(applyGenAuthSecurity(structuredClone(document), app)).toEqual(document);
});

it('combines the global security of the document, without hand-written requirements of its own schemes', async () => {
  const config = (builder: DocumentBuilder): DocumentBuilder =>
    builder.addBasicAuth().addSecurityRequirements('basic').addSecurityRequirements('genauth', ['made-up']);
  const summary = summarize(await describeApp({ controllers: [Routes] }, { config }));
  expect(summary['GET /open']).toEqual([[{ basic: [] }]]);
  expect(summary['GET /all']).toContainEqual([
    { basic: [], genauth: ['email', 'phone'] },
    { basic: [], 'genauth-bearer': [] },
  ]);
});

it('keeps credentials of the document optional, but requires the token', async () => {
  const document = await describeApp({ controllers: [Routes] });
  for (const path of ['/open', '/plain'])
    Object.assign(document.paths[path]?.get ?? {}, { security: [{}, { basic: [] }] });
  const summary = summarize(applyGenAuthSecurity(document, apps[0] as INestApplication));
  expect(summary['GET /open']).toEqual([[{}, { basic: [] }]]);
  expect(summary['GET /plain']).toContainEqual([...TOKEN, ...TOKEN.map((each) => ({ basic: [], ...each }))]);
});

it('leaves operations without a controller unchanged', async () => {
  const document = await describeApp({ controllers: [Routes] });
  const own = { get: { responses: {}, security: [{ other: [] }] }, 'x-own': { responses: {} } };
  const paths = { '/own': structuredClone(own), '/plain': { post: { responses: {} } }, '/plain/{x}': { get: {} } };
  const written = applyGenAuthSecurity({ ...document, paths }, apps[0] as INestApplication);
  expect(written.paths).toEqual({ '/own': own, '/plain': { post: { responses: {} } }, '/plain/{x}': { get: {} } });
});

@Controller({ path: 'things' })
class Versions {
  @Version('1')
  @Get(':id')
  first(): void {}

  @Public()
  @Version('2')
  @Get(':id')
  second(): void {}
}

@Controller({ path: 'old', version: '1' })
class Old {
  @RequireScopes('email')
  @Get()
  get(): void {}
}

describe('finds a route', () => {
  it('by its version in the path and the global prefix', async () => {
    const prepare = (app: INestApplication): unknown =>
      app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: '3' });
    expect(summarize(await describeApp({ controllers: [Versions, Old, Routes] }, { prepare }))).toMatchObject({
      'GET /api/v1/things/{id}': [TOKEN, '401'],
      'GET /api/v2/things/{id}': [[]],
      'GET /api/v1/old': [EMAIL, '401', '403'],
      'GET /api/v3/open': [[]],
      'GET /api/v3/plain': [TOKEN, '401'],
    });
  });

  it('by the version that the document shows if a header selects it', async () => {
    const prepare = (app: INestApplication): unknown =>
      app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });
    const document = await describeApp({ controllers: [Versions] }, { prepare });
    expect(document.paths['/things/{id}']?.get).toMatchObject({ operationId: 'Versions_second_2', security: [] });
  });

  it('by any notation of its path and method', async () => {
    @Controller('paths')
    class Paths {
      @RequireScopes('email')
      @Get('files/*path')
      files(): void {}

      @Public()
      @Get(['alias-1', 'alias-2/:id'])
      aliases(): void {}

      @RequireScopes('email')
      @All('every')
      every(): void {}

      @Public()
      @Get('named')
      @ApiOperation({ operationId: 'anything' })
      named(): void {}
    }
    @Module({ controllers: [Paths] })
    class RoutedModule {}
    const routed = RouterModule.register([{ path: 'modules/:module', module: RoutedModule }]);
    const imports = [GenAuthModule.forRoot(OPTIONS), RoutedModule, routed];
    const prepare = (app: INestApplication): unknown => app.setGlobalPrefix('api', { exclude: ['plain'] });
    const summary = summarize(await describeApp({ imports, controllers: [Routes] }, { prepare }));
    expect(summary).toMatchObject({
      'GET /plain': [TOKEN, '401'],
      'GET /api/open': [[]],
      'GET /api/modules/{module}/paths/files/{path}': [EMAIL, '401', '403'],
      'GET /api/modules/{module}/paths/alias-1': [[]],
      'GET /api/modules/{module}/paths/alias-2/{id}': [[]],
      'GET /api/modules/{module}/paths/every': [EMAIL, '401', '403'],
      'POST /api/modules/{module}/paths/every': [EMAIL, '401', '403'],
      'GET /api/modules/{module}/paths/named': [[]],
    });
  });

  it('in a document without the prefix', async () => {
    const options = { ignoreGlobalPrefix: true };
    const prepare = (app: INestApplication): unknown => app.setGlobalPrefix('api');
    const summary = summarize(await describeApp({ controllers: [Routes] }, { prepare, options }));
    expect(summary).toMatchObject({ 'GET /open': [[]], 'GET /plain': [TOKEN, '401'] });
  });

  it('by the order of two routes with one path, because Nest serves the first', async () => {
    @Controller()
    class Shadowed {
      @Public()
      @Get('plain')
      plain(): void {}
    }
    const summary = summarize(await describeApp({ controllers: [Routes, Shadowed] }));
    expect(summary['GET /plain']).toEqual([TOKEN, '401']);
    expect(summarize(await describeApp({ controllers: [Shadowed, Routes] }))['GET /plain']).toEqual([[]]);
  });
});

it('writes the schemes of two applications', async () => {
  const StaffGuard = GenAuthGuard.named('staff');
  @Controller('staff')
  class Staff {
    @Public()
    @UseGuards(StaffGuard)
    @RequireScopes('email')
    @Get('own')
    own(): void {}

    @Get('global')
    global(): void {}

    @Public()
    @UseGuards(AuthGuard('staff-bearer'))
    @Get('bare')
    bare(): void {}
  }
  const staff = GenAuthModule.forRoot({
    ...OPTIONS,
    appId: 'staff',
    appHost: 'https://staff.genauth.ai',
    name: 'staff',
  });
  const document = await describeApp({ imports: [GenAuthModule.forRoot(OPTIONS), staff], controllers: [Staff] });
  expect(Object.keys(document.components?.securitySchemes ?? {})).toEqual([
    'genauth',
    'genauth-bearer',
    'staff',
    'staff-bearer',
  ]);
  expect(document.components?.securitySchemes?.['staff']).toMatchObject({
    openIdConnectUrl: 'https://staff.genauth.ai/oidc/.well-known/openid-configuration',
  });
  expect(summarize(document)).toEqual({
    'GET /staff/own': [[{ staff: ['email'] }, { 'staff-bearer': [] }], '401', '403'],
    'GET /staff/global': [TOKEN, '401'],
    'GET /staff/bare': [[{ staff: [] }, { 'staff-bearer': [] }], '401'],
  });
});

it.each([
  ['class', { useClass: GenAuthGuard }],
  ['factory', { inject: [GenAuthGuard], useFactory: (guard: GenAuthGuard) => guard }],
])('reads a global guard of a request-scoped %s', async (_title, provider) => {
  const providers = [{ provide: APP_GUARD, scope: Scope.REQUEST, ...provider }];
  const summary = summarize(await describeApp({ controllers: [Routes], providers }));
  expect(summary).toMatchObject({ 'GET /open': [[]], 'GET /plain': [TOKEN, '401'] });
});

it('requires nothing in an application without GenAuth', async () => {
  const document = await describeApp({ imports: [], providers: [], controllers: [Versions] });
  expect(document.components).toEqual({ schemas: {}, securitySchemes: {} });
  expect(summarize(document)).toEqual({ 'GET /things/{id}': [[]] });
});
