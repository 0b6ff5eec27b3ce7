import { Controller, Get, Post, UseGuards, Version, VersioningType } from '@nestjs/common';
import { type INestApplication, type ModuleMetadata, Scope } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import {
  ApiBasicAuth,
  ApiForbiddenResponse,
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

const OPTIONS = { appId: 'app', appSecret: 'secret-that-nobody-sees', appHost: 'https://example.genauth.ai' };
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

/** The document of an application that never starts. */
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

/** By `METHOD /path`: security, and the answers that are documented beside that of the handler. */
function summarize(document: OpenAPIObject): Record<string, unknown> {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    (['get', 'post'] as const).flatMap((method) => {
      const operation = item[method];
      if (operation === undefined) return [];
      const answers = Object.keys(operation.responses).filter((status) => status.startsWith('4'));
      return [[`${method.toUpperCase()} ${path}`, [operation.security, ...answers]] as const];
    }),
  );
  return Object.fromEntries(operations);
}

const TOKEN = [{ genauth: [] }, { 'genauth-bearer': [] }];
const EMAIL = [{ genauth: ['email'] }, { 'genauth-bearer': [] }];

it('says of each route what its guards ask', async () => {
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

it('without a guard nothing is asked, whatever is marked', async () => {
  const summary = summarize(await describeApp({ controllers: [Routes], providers: [] }));
  const { 'GET /both': both, 'GET /basic': basic, ...others } = summary;
  expect(Object.values(others)).toEqual(Object.values(others).map(() => [[]]));
  expect([both, basic]).toEqual([[[{ basic: [] }], '403'], [[{ basic: [] }]]]);
});

it('has two schemes for the access token, and how a refusal looks', async () => {
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

it('tells no secret, and of roles and tenants nothing', async () => {
  const text = JSON.stringify(await describeApp({ controllers: [Routes] }));
  expect(text).toContain('genauth-bearer');
  expect(text).not.toContain('secret-');
});

it('OpenAPI 3.1 names the scopes at the bearer token too', async () => {
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

it('what the document asks everywhere stands beside it, and a hand-written word on our schemes does not', async () => {
  const config = (builder: DocumentBuilder): DocumentBuilder =>
    builder.addBasicAuth().addSecurityRequirements('basic').addSecurityRequirements('genauth', ['made-up']);
  const summary = summarize(await describeApp({ controllers: [Routes] }, { config }));
  expect(summary['GET /open']).toEqual([[{ basic: [] }]]);
  expect(summary['GET /all']).toContainEqual([
    { basic: [], genauth: ['email', 'phone'] },
    { basic: [], 'genauth-bearer': [] },
  ]);
});

it('what may be left out by the word of the document may still be left out, but not the token', async () => {
  const document = await describeApp({ controllers: [Routes] });
  for (const path of ['/open', '/plain'])
    Object.assign(document.paths[path]?.get ?? {}, { security: [{}, { basic: [] }] });
  const summary = summarize(applyGenAuthSecurity(document, apps[0] as INestApplication));
  expect(summary['GET /open']).toEqual([[{}, { basic: [] }]]);
  expect(summary['GET /plain']).toContainEqual([...TOKEN, ...TOKEN.map((each) => ({ basic: [], ...each }))]);
});

it('operations that are no controller’s stay as they are', async () => {
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

describe('finds the routes', () => {
  it('by versions in the path, behind a prefix', async () => {
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

  it('by versions in a header: of one path the version that the document shows', async () => {
    const prepare = (app: INestApplication): unknown =>
      app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });
    const document = await describeApp({ controllers: [Versions] }, { prepare });
    expect(document.paths['/things/{id}']?.get).toMatchObject({ operationId: 'Versions_second_2', security: [] });
  });

  it('in a document without the prefix', async () => {
    const options = { ignoreGlobalPrefix: true };
    const prepare = (app: INestApplication): unknown => app.setGlobalPrefix('api');
    const summary = summarize(await describeApp({ controllers: [Routes] }, { prepare, options }));
    expect(summary).toMatchObject({ 'GET /open': [[]], 'GET /plain': [TOKEN, '401'] });
  });

  it('and of two under one path the first, which is the one that is served', async () => {
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

it('two applications have schemes of their own, and each route those of its guard', async () => {
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

it('an application without GenAuth asks nothing', async () => {
  const document = await describeApp({ imports: [], providers: [], controllers: [Versions] });
  expect(document.components).toEqual({ schemas: {}, securitySchemes: {} });
  expect(summarize(document)).toEqual({ 'GET /things/{id}': [[]] });
});
