import { All, Body, Controller, Get, type INestApplication, Module, type ModuleMetadata, Post } from '@nestjs/common';
import { UseGuards, Version, VersioningType } from '@nestjs/common';
import { APP_GUARD, NestFactory, RouterModule } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ApiBasicAuth, ApiBody, ApiForbiddenResponse, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject, SwaggerDocumentOptions } from '@nestjs/swagger';
import { GenAuthClient } from '../../../src/index.js';
import {
  GenAuthAdGuard,
  GenAuthGuard,
  GenAuthLoginGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
} from '../../../src/nest/index.js';
import { OptionalAuth, Public, RequireScopes, Roles, Tenant } from '../../../src/nest/index.js';
import { GenAuthAdLoginDto, GenAuthLoginDto, applyGenAuthSecurity } from '../../../src/nest/openapi/index.js';
import { buildHandlers } from '../../support/handlers.js';

const OPTIONS = { appId: 'app', appSecret: 'secret-without-a-use', appHost: 'https://example.genauth.ai' };
const GLOBAL = { provide: APP_GUARD, useExisting: GenAuthGuard };

const Routes = buildHandlers(
  {
    plain: [Get('plain')],
    open: [Public(), Get('open')],
    optional: [OptionalAuth(), Get('optional')],
    all: [RequireScopes('email', 'phone'), UseGuards(AuthGuard('genauth-bearer')), Get('all')],
    any: [RequireScopes.any('email', 'phone'), Get('any')],
    role: [Roles('secret-role'), Tenant(() => 'secret-tenant'), Get('role')],
    login: [UseGuards(AuthGuard('genauth-password')), Post('login')],
    strict: [OptionalAuth(), UseGuards(AuthGuard('genauth-bearer'), GenAuthGuard), Get('strict')],
    both: [ApiBasicAuth(), ApiForbiddenResponse({ description: 'own' }), RequireScopes('email'), Get('both')],
    basic: [ApiBasicAuth(), Public(), Get('basic')],
  },
  Controller(),
);

interface More extends ModuleMetadata {
  prepare?: (app: INestApplication) => unknown;
  config?: (builder: DocumentBuilder) => DocumentBuilder;
  options?: SwaggerDocumentOptions;
}
/** Creates the document of an application that is not started. */
async function describeApp({ prepare, config = (builder) => builder, options, ...more }: More = {}) {
  class AppModule {}
  const imports = [GenAuthModule.forRoot(OPTIONS)];
  const module = { module: AppModule, imports, providers: [GLOBAL], controllers: [Routes], ...more };
  const app = await NestFactory.create(module, { logger: false, abortOnError: false });
  prepare?.(app);
  const document = SwaggerModule.createDocument(app, config(new DocumentBuilder()).build(), options);
  return { app, document: applyGenAuthSecurity(document, app) };
}

/** Lists security and the documented 4xx responses of each operation. */
function summarize({ paths }: OpenAPIObject): object {
  const operations = Object.entries(paths).flatMap(([path, { get, post }]) =>
    Object.entries({ GET: get, POST: post }).map(([method, operation]) => {
      const statuses = Object.keys(operation?.responses ?? {}).filter((status) => status.startsWith('4'));
      return [`${method} ${path}`, operation && [operation.security, ...statuses]] as const;
    }),
  );
  return Object.fromEntries(operations.filter(([, summary]) => summary !== undefined));
}
const summarizeApp = async (more?: More): Promise<object> => summarize((await describeApp(more)).document);

const BEARER = { 'genauth-bearer': [] };
const BASIC = { basic: [] };
const STRING = { type: 'string' };
const TOKEN = [{ genauth: [] }, BEARER];
const EMAIL = [{ genauth: ['email'] }, BEARER];

it('writes what the guards of each route require', async () => {
  expect(await summarizeApp()).toEqual({
    'GET /plain': [TOKEN, '401'],
    'GET /open': [[]],
    'GET /optional': [[{}, ...TOKEN], '401'],
    'GET /all': [[{ genauth: ['email', 'phone'] }, BEARER], '401', '403'],
    'GET /any': [[{ genauth: ['email'] }, { genauth: ['phone'] }, BEARER], '401', '403'],
    'GET /role': [TOKEN, '401', '403'],
    'POST /login': [[], '400', '401', '403', '429'],
    'GET /strict': [TOKEN, '401'],
    'GET /both': [EMAIL.map((each) => ({ ...BASIC, ...each })), '401', '403'],
    'GET /basic': [[BASIC]],
  });
});

it('requires nothing in an application without GenAuthModule', async () => {
  const providers = [{ provide: 'own', useFactory: () => new GenAuthClient(OPTIONS) }];
  const { document } = await describeApp({ imports: [], providers, controllers: [Versions] });
  expect(document.components).toEqual({ schemas: {}, securitySchemes: {} });
  expect(summarize(document)).toEqual({ 'GET /things/{id}': [[]] });
});

it('describes two schemes, the responses and the body of a refusal, without secrets', async () => {
  const { document } = await describeApp();
  const openIdConnectUrl = 'https://example.genauth.ai/oidc/.well-known/openid-configuration';
  expect(document.components).toMatchObject({
    securitySchemes: {
      genauth: { type: 'openIdConnect', openIdConnectUrl },
      'genauth-bearer': { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    },
    schemas: {
      GenAuthRefusal: {
        type: 'object',
        required: ['statusCode', 'error', 'message', 'code'],
        properties: { statusCode: { type: 'integer' }, error: STRING, message: STRING, code: STRING },
      },
    },
  });
  const refusal = {
    headers: { 'WWW-Authenticate': { schema: STRING } },
    content: { 'application/json': { schema: { $ref: '#/components/schemas/GenAuthRefusal' } } },
  };
  const { '/role': role, '/optional': optional, '/both': both } = document.paths;
  expect([role, optional, both].map((item) => item?.get?.responses)).toMatchObject([
    {
      401: { description: 'The request has no valid token.', ...refusal },
      403: { description: 'The token is valid, but it lacks the required role or tenant.' },
    },
    { 401: { description: 'The token is not valid.' } },
    { 403: { description: 'own' } },
  ]);
  expect(JSON.stringify(document)).not.toContain('secret-');
});

it('lists the scopes of the bearer scheme in OpenAPI 3.1', async () => {
  expect(await summarizeApp({ config: (builder) => builder.setOpenAPIVersion('3.1.0') })).toMatchObject({
    'GET /all': [[{ genauth: ['email', 'phone'] }, { 'genauth-bearer': ['email', 'phone'] }], '401', '403'],
    'GET /plain': [TOKEN, '401'],
  });
});

it('is the same after the start, and if it is applied twice', async () => {
  const { app, document } = await describeApp({ controllers: [Old] });
  await app.init();
  const later = SwaggerModule.createDocument(app, new DocumentBuilder().build());
  expect(applyGenAuthSecurity(later, app)).toBe(later);
  expect(later).toEqual(document);
  expect(applyGenAuthSecurity(structuredClone(later), app)).toEqual(document);
  await app.close();
});

it('combines the global security of the document, without hand-written requirements of its own schemes', async () => {
  const config = (builder: DocumentBuilder): DocumentBuilder =>
    [{}, BASIC, { genauth: ['made-up'] }].reduce((made, each) => made.addSecurityRequirements(each), builder);
  expect(await summarizeApp({ config })).toMatchObject({
    'GET /open': [[{}, BASIC]],
    'GET /plain': [[...TOKEN, ...TOKEN.map((each) => ({ ...BASIC, ...each }))], '401'],
  });
});

it('leaves operations without a controller unchanged', async () => {
  const { app, document } = await describeApp({ controllers: [Routes, Paths] });
  const own = { responses: {}, security: [{ other: [] }] };
  const paths = { '/own': { get: own }, '/plain': { post: own }, '/paths/every': { x: own } };
  expect(applyGenAuthSecurity(structuredClone({ ...document, paths }), app).paths).toEqual(paths);
});

const Versions = buildHandlers(
  { first: [Version('1'), Get(':id')], second: [Public(), Version('2'), Get(':id')] },
  Controller({ path: 'things' }),
);
const Old = buildHandlers({ get: [RequireScopes('email'), Get()] }, Controller({ path: 'old', version: '1' }));
const Shadowed = buildHandlers({ plain: [Public(), Get('plain')] }, Controller());
const Paths = buildHandlers(
  {
    files: [RequireScopes('email'), Get('files/*path')],
    aliases: [Public(), Get(['alias', 'alias/:id'])],
    every: [RequireScopes('email'), All('every')],
    notARoute: [],
  },
  Controller('paths'),
);
@Module({ controllers: [Paths] })
class RoutedModule {}
const ROUTED = RouterModule.register([{ path: 'modules/:module', module: RoutedModule }]);

const BY_HEADER = { type: VersioningType.HEADER, header: 'x-version' } as const;
const IN_PATH = { type: VersioningType.URI, defaultVersion: '3' } as const;
it.each<[title: string, more: More, summary: object]>([
  [
    'by its version in the path and the global prefix',
    {
      controllers: [Versions, Old, Routes],
      prepare: (app) => app.setGlobalPrefix('api').enableVersioning(IN_PATH),
    },
    {
      'GET /api/v1/things/{id}': [TOKEN, '401'],
      'GET /api/v2/things/{id}': [[]],
      'GET /api/v1/old': [EMAIL, '401', '403'],
      'GET /api/v3/open': [[]],
    },
  ],
  [
    'by the version that the document shows if a header selects it',
    { controllers: [Versions], prepare: (app) => app.enableVersioning(BY_HEADER) },
    { 'GET /things/{id}': [[]] },
  ],
  [
    'by any notation of its path and method',
    {
      imports: [GenAuthModule.forRoot(OPTIONS), RoutedModule, ROUTED],
      prepare: (app) => app.setGlobalPrefix('api', { exclude: ['plain'] }),
    },
    {
      'GET /plain': [TOKEN, '401'],
      'GET /api/open': [[]],
      'GET /api/modules/{module}/paths/files/{path}': [EMAIL, '401', '403'],
      'GET /api/modules/{module}/paths/alias': [[]],
      'GET /api/modules/{module}/paths/alias/{id}': [[]],
      'GET /api/modules/{module}/paths/every': [EMAIL, '401', '403'],
      'POST /api/modules/{module}/paths/every': [EMAIL, '401', '403'],
    },
  ],
  [
    'in a document without the prefix',
    { options: { ignoreGlobalPrefix: true }, prepare: (app) => app.setGlobalPrefix('api') },
    { 'GET /open': [[]], 'GET /plain': [TOKEN, '401'] },
  ],
  ['that Nest serves first', { controllers: [Routes, Shadowed] }, { 'GET /plain': [TOKEN, '401'] }],
])('finds a route %s', async (_title, more, summary) => {
  expect(await summarizeApp(more)).toMatchObject(summary);
});

it('writes the schemes of two applications', async () => {
  const Staff = buildHandlers(
    {
      own: [Public(), UseGuards(GenAuthGuard.named('staff')), RequireScopes('email'), Get('own')],
      global: [Get('global')],
      bare: [Public(), UseGuards(AuthGuard('staff-bearer')), Get('bare')],
    },
    Controller('staff'),
  );
  const staff = GenAuthModule.forRoot({ ...OPTIONS, appHost: 'https://staff.genauth.ai', name: 'staff' });
  const { document } = await describeApp({ imports: [GenAuthModule.forRoot(OPTIONS), staff], controllers: [Staff] });
  expect(document.components?.securitySchemes).toMatchObject({
    genauth: {},
    'genauth-bearer': {},
    staff: { openIdConnectUrl: 'https://staff.genauth.ai/oidc/.well-known/openid-configuration' },
    'staff-bearer': {},
  });
  expect(summarize(document)).toEqual({
    'GET /staff/own': [[{ staff: ['email'] }, { 'staff-bearer': [] }], '401', '403'],
    'GET /staff/global': [TOKEN, '401'],
    'GET /staff/bare': [[{ staff: [] }, { 'staff-bearer': [] }], '401'],
  });
});

@Controller()
class DtoRoutes {
  @UseGuards(GenAuthPasswordGuard)
  @Post('dto')
  dto(@Body() body: GenAuthLoginDto): string {
    return body.password;
  }
}
const Logins = buildHandlers(
  {
    password: [UseGuards(GenAuthPasswordGuard), Post('password')],
    passwordByPassport: [UseGuards(AuthGuard('genauth-password')), Post('passport/password')],
    ad: [UseGuards(GenAuthAdGuard), Post('ad')],
    adByPassport: [UseGuards(AuthGuard('genauth-ad')), Post('passport/ad')],
    both: [UseGuards(GenAuthLoginGuard), Post('both')],
    bothByPassport: [UseGuards(AuthGuard(['genauth-ad', 'genauth-password'])), Post('passport/both')],
    staff: [UseGuards(GenAuthPasswordGuard.named('staff')), Post('staff')],
    declared: [ApiBody({ type: GenAuthAdLoginDto }), UseGuards(GenAuthAdGuard), Post('declared')],
    own: [ApiBody({ description: 'own', schema: {} }), UseGuards(GenAuthPasswordGuard), Post('own')],
    link: [UseGuards(GenAuthPasswordGuard), Get('link')],
    none: [Public(), Post('none')],
  },
  Controller(),
);
const STAFF_FIELDS = { account: 'login', password: 'pwd' };
/** Describes the routes with a login, with the client `staff` whose login has other field names. */
const describeLogins = () =>
  describeApp({
    imports: [
      GenAuthModule.forRoot(OPTIONS),
      GenAuthModule.forRoot({ ...OPTIONS, name: 'staff', fields: STAFF_FIELDS }),
    ],
    controllers: [Logins, DtoRoutes],
  });
const PASSWORD = { $ref: '#/components/schemas/GenAuthLoginDto' };
const AD = { $ref: '#/components/schemas/GenAuthAdLoginDto' };

it('describes the request body of each login', async () => {
  const { app, document } = await describeLogins();
  const applied = structuredClone(document);
  expect(applyGenAuthSecurity(document, app)).toEqual(applied);
  const toBody = (schema: unknown): object => ({ required: true, content: { 'application/json': { schema } } });
  const bodies = Object.entries(document.paths).map(([path, { get, post }]) => [path, (get ?? post)?.requestBody]);
  expect(Object.fromEntries(bodies)).toEqual({
    '/password': toBody(PASSWORD),
    '/passport/password': toBody(PASSWORD),
    '/ad': toBody(AD),
    '/passport/ad': toBody(AD),
    '/both': toBody({ oneOf: [PASSWORD, AD] }),
    '/passport/both': toBody({ oneOf: [AD, PASSWORD] }),
    '/staff': toBody({ $ref: '#/components/schemas/GenAuthLoginDto.staff' }),
    '/declared': toBody(AD),
    '/own': { ...toBody({}), description: 'own' },
    '/link': undefined,
    '/none': undefined,
    '/dto': toBody(PASSWORD),
  });
  const toFields = (schema: unknown): string[] => Object.keys((schema as { properties: object }).properties);
  const { GenAuthLoginDto: password, GenAuthAdLoginDto: ad, ...others } = document.components?.schemas ?? {};
  const captcha = ['captchaCode', 'captchaToken'];
  expect([password, ad, others['GenAuthLoginDto.staff']].map(toFields)).toEqual([
    ['account', 'email', 'username', 'phone', 'password', ...captcha],
    ['sAMAccountName', 'password', ...captcha],
    ['login', 'email', 'username', 'phone', 'pwd', ...captcha],
  ]);
  expect(Object.keys(others)).toEqual(['GenAuthLoginDto.staff', 'GenAuthRefusal']);
  expect(password).toMatchObject({
    properties: { account: { ...STRING, maxLength: 256 }, password: { format: 'password', maxLength: 1024 } },
    required: ['password'],
    oneOf: ['account', 'email', 'username', 'phone'].map((name) => ({ required: [name] })),
  });
  expect(ad).toMatchObject({ required: ['sAMAccountName', 'password'] });
});

it('describes the refusals of logins and guarded routes, and keeps declared responses', async () => {
  const resolveUser = (): object => ({});
  const imports = [GenAuthModule.forRoot({ ...OPTIONS, resolveUser })];
  const [plain, resolved] = [await describeApp(), await describeApp({ imports })].map(
    ({ document: { paths } }) => paths,
  );
  const list = (responses?: object): string[] => Object.keys(responses ?? {}).filter((status) => status >= '4');
  const FAILURES = ['500', '502', '503'];
  expect(list(plain?.['/login']?.post?.responses)).toEqual(['400', '401', '403', '429', ...FAILURES]);
  expect(list(plain?.['/plain']?.get?.responses)).toEqual(['401', ...FAILURES]);
  expect(list(resolved?.['/plain']?.get?.responses)).toEqual(['401', '403', ...FAILURES]);
  expect(list(plain?.['/open']?.get?.responses)).toEqual([]);
  const DENIED = 'The token is valid, but it lacks the required role or tenant, or the application refuses the user.';
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/GenAuthRefusal' } } };
  expect(resolved?.['/role']?.get?.responses).toMatchObject({ 403: { description: DENIED, content } });
  expect(resolved?.['/both']?.get?.responses).toMatchObject({ 403: { description: 'own' } });
  const retry = { headers: { 'Retry-After': {} }, content };
  expect(plain?.['/login']?.post?.responses).toMatchObject({ 400: { content }, 429: retry, 503: retry });
});
