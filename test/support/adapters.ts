import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, Get, HttpCode, type INestApplication, Post, type Type, UseGuards } from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { AuthGuard } from '@nestjs/passport';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import passport from 'passport';
import { lastValueFrom } from 'rxjs';
import { io } from 'socket.io-client';
import { GenAuthAdStrategy, GenAuthBearerStrategy, GenAuthClient, GenAuthPasswordStrategy } from '../../src/index.js';
import { type GenAuthOptions, genAuthErrorHandler, requireAuth, signInHandler } from '../../src/index.js';
import { GenAuthAdGuard, GenAuthGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { OptionalAuth, RequireScopes, Roles, Tenant } from '../../src/nest/index.js';
import { EXPRESS_VERSIONS, type ExpressFactory } from './express-version.js';
import { buildHandlers } from './handlers.js';
import { startMicroservice } from './microservice.js';
import { PLATFORMS, type Platform, startNestApp } from './nest-app.js';
import { ask, startWebServer } from './web-server.js';

/** The requirements of each guarded route, as options of `requireAuth` and as decorators of Nest. */
const ROUTES = {
  me: [{}, []],
  optional: [{ optional: true }, [OptionalAuth()]],
  scopes: [{ scopes: ['email', 'orders:read'] }, [RequireScopes('email', 'orders:read')]],
  anyScope: [{ scopes: { any: ['email', 'orders:read'] } }, [RequireScopes.any('email', 'orders:read')]],
  roles: [{ roles: ['admin', 'auditor'] }, [Roles('admin', 'auditor')]],
  allRoles: [{ roles: { all: ['admin', 'auditor'] } }, [Roles.all('admin', 'auditor')]],
  tenant: [{ tenant: () => 'tenant-1' }, [Tenant(() => 'tenant-1')]],
} as const satisfies Record<string, readonly [Parameters<typeof requireAuth>[1], readonly MethodDecorator[]]>;
export type Route = keyof typeof ROUTES;
const NAMES = Object.keys(ROUTES) as Route[];

export type Authorization = string | readonly string[] | undefined;

/** A response. A transport without HTTP has no headers. */
export type Answer = { status: number; headers: Record<string, unknown>; body: unknown };

/** One way to guard routes or to sign users in. */
export interface Adapter {
  name: string;
  /** `http`: answers with the headers and the body of passport-genauth. `plain`: Passport answers refusals itself. */
  kind: 'http' | 'plain' | 'message';
  /** If it is `undefined`, the adapter serves every guarded route. */
  routes?: readonly Route[];
  guard: (authorization: Authorization, route: Route) => Promise<Answer>;
  /** Sends the body to the login route of this kind. Only HTTP has login routes. */
  login?: (kind: 'password' | 'ad', body: object) => Promise<Answer>;
}
type Running = { adapters: readonly Adapter[]; close: () => unknown };

/** Builds a class with a handler for each guarded route, each with the decorator of the transport. */
function buildGuardedHandlers(decorate: (name: Route) => MethodDecorator, decorateClass: ClassDecorator): Type {
  const handlers = NAMES.map((name) => [name, [UseGuards(GenAuthGuard), ...ROUTES[name][1], decorate(name)]] as const);
  return buildHandlers(Object.fromEntries(handlers), decorateClass);
}

type Guard = Parameters<typeof UseGuards>[0];
const login = (kind: string, guard: Guard): MethodDecorator[] => [UseGuards(guard), HttpCode(200), Post(kind)];
const GuardedRoutes = buildGuardedHandlers((name) => Get(name), Controller('own'));
const LoginRoutes = buildHandlers(
  { password: login('password', GenAuthPasswordGuard), ad: login('ad', GenAuthAdGuard) },
  Controller('own'),
);
const PassportRoutes = buildHandlers(
  {
    me: [UseGuards(AuthGuard('genauth-bearer')), Get('me')],
    password: login('password', AuthGuard('genauth-password')),
    ad: login('ad', AuthGuard('genauth-ad')),
  },
  Controller('bare'),
);

const HEADERS = ['www-authenticate', 'retry-after', 'cache-control', 'location', 'set-cookie'];

/** Sends requests to the routes below a URL. */
function openHttp(url: string): Pick<Required<Adapter>, 'guard' | 'login'> {
  const { pathname } = new URL(url);
  const send = async (route: string, request: object): Promise<Answer> => {
    const { status, headers, text } = await ask(url, { path: `${pathname}/${route}`, ...request });
    const shown = HEADERS.map((name) => [name, headers[name]]).filter(([, value]) => value !== undefined);
    return { status, headers: Object.fromEntries(shown) as object as Answer['headers'], body: parse(text) };
  };
  return {
    guard: (authorization, route) =>
      send(route, { headers: authorization === undefined ? {} : { authorization: authorization as string } }),
    login: (kind, json) => send(kind, { json }),
  };
}

function parse(text: string): unknown {
  return text.startsWith('{') ? JSON.parse(text) : text;
}

async function startNest(platform: Platform, options: GenAuthOptions): Promise<Running> {
  const imports = [GenAuthModule.forRoot(options)];
  const controllers = [GuardedRoutes, LoginRoutes, PassportRoutes];
  const { url, close } = await startNestApp(platform, { imports, controllers });
  const adapters: Adapter[] = [
    { name: `guards on ${platform}`, kind: 'http', ...openHttp(`${url}/own`) },
    { name: `AuthGuard on ${platform}`, kind: 'http', routes: ['me'], ...openHttp(`${url}/bare`) },
  ];
  return { adapters, close };
}

async function startExpress(version: string, express: ExpressFactory, options: GenAuthOptions): Promise<Running> {
  const client = new GenAuthClient<string>(options);
  const own = new passport.Passport();
  const strategies = { password: new GenAuthPasswordStrategy(client), ad: new GenAuthAdStrategy(client) };
  const app = express().use(express.json());
  const guardByPassport = (path: string, name: string): unknown =>
    app.use(`/passport/${path}`, own.authenticate(name, { session: false }) as ReturnType<ExpressFactory>);
  own.use(new GenAuthBearerStrategy(client));
  guardByPassport('me', 'genauth-bearer');
  for (const [kind, strategy] of Object.entries(strategies)) {
    own.use(strategy);
    guardByPassport(kind, `genauth-${kind}`);
    app.use(`/own/${kind}`, signInHandler(strategy));
  }
  const guarded = new GenAuthClient<string>({ ...options, scope: 'openid profile email roles orders:read' });
  for (const name of NAMES) app.use(`/own/${name}`, requireAuth(guarded, ROUTES[name][0]));
  app.use((req, res) => void res.json({ user: req.user ?? null }));
  app.use(genAuthErrorHandler(client));
  const { url, close } = await startWebServer(app);
  const adapters: Adapter[] = [
    { name: `requireAuth and signInHandler on ${version}`, kind: 'http', ...openHttp(`${url}/own`) },
    { name: `Passport on ${version}`, kind: 'plain', routes: ['me'], ...openHttp(`${url}/passport`) },
  ];
  return { adapters, close: () => [client.close(), close()] };
}

/** Converts the result of a handler, or the body of a refusal. */
function toAnswer(result: string | { status?: unknown; statusCode: number }): Answer {
  if (typeof result === 'string') return { status: 200, headers: {}, body: parse(result) };
  // The body of a refusal in a WebSocket gateway has the additional member `status`.
  const { status: _, ...body } = result;
  return { status: body.statusCode, headers: {}, body };
}

async function startGraphql(options: GenAuthOptions): Promise<Running> {
  const Resolvers = buildGuardedHandlers((name) => Query(name), Resolver());
  const typeDefs = `type Query { ${NAMES.map((name) => `${name}: String`).join(' ')} }`;
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs, graphiql: false });
  const imports = [graphql, GenAuthModule.forRoot(options)];
  const { url, close } = await startNestApp('Express', { imports, providers: [Resolvers] });
  const guard: Adapter['guard'] = async (authorization, name) => {
    const headers = authorization === undefined ? {} : { authorization: authorization as string };
    const { text } = await ask(url, { path: '/graphql', json: { query: `{ ${name} }` }, headers });
    const { data, errors } = JSON.parse(text) as {
      data: Record<string, string>;
      errors?: { extensions: { originalError: { statusCode: number } } }[];
    };
    return toAnswer(errors?.[0]?.extensions.originalError ?? data[name] ?? '');
  };
  return { adapters: [{ name: 'GraphQL', kind: 'message', guard }], close };
}

async function startWebSocket(options: GenAuthOptions): Promise<Running> {
  const Gateway = buildGuardedHandlers((name) => SubscribeMessage(name), WebSocketGateway());
  const metadata = { imports: [GenAuthModule.forRoot(options)], providers: [Gateway] };
  const prepare = (app: INestApplication): void => void app.useWebSocketAdapter(new IoAdapter(app));
  const { url, close } = await startNestApp('Express', metadata, { prepare });
  const guard: Adapter['guard'] = (authorization, name) => {
    const auth = authorization === undefined ? {} : { authorization };
    const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, auth });
    const answer = new Promise<Parameters<typeof toAnswer>[0]>((resolve) => {
      socket.once('exception', resolve);
      socket.emit(name, {}, resolve);
    });
    return answer.then(toAnswer).finally(() => socket.disconnect());
  };
  return { adapters: [{ name: 'Socket.IO', kind: 'message', guard }], close };
}

async function startRpc(options: GenAuthOptions): Promise<Running> {
  const Messages = buildGuardedHandlers((name) => MessagePattern(name), Controller());
  const imports = [GenAuthModule.forRoot(options)];
  const { proxy, close } = await startMicroservice({ imports, controllers: [Messages] });
  const guard: Adapter['guard'] = (authorization, name) =>
    lastValueFrom(proxy.send<string>(name, { authorization })).then(toAnswer, toAnswer);
  return { adapters: [{ name: 'a microservice over TCP', kind: 'message', guard }], close };
}

/** Starts every adapter with the same GenAuth, in one process. */
export async function startAdapters(options: GenAuthOptions): Promise<Running> {
  const started = await Promise.all([
    ...(Object.keys(PLATFORMS) as Platform[]).map((platform) => startNest(platform, options)),
    ...EXPRESS_VERSIONS.map(([version, express]) => startExpress(version, express, options)),
    startGraphql(options),
    startWebSocket(options),
    startRpc(options),
  ]);
  const close = (): unknown => Promise.all(started.map((each) => each.close()));
  return { adapters: started.flatMap((each) => each.adapters), close };
}

/** Converts the expected response to the form of one kind of adapter. */
export function toExpected(kind: Adapter['kind'], expected: Answer): Answer {
  const { status, headers, body } = expected;
  if (kind === 'message') return { status, headers: {}, body };
  // Passport passes an outage and a wrong access token to `genAuthErrorHandler`, which sends the whole response.
  const isError = status >= 500 || (body as { code?: unknown }).code === 'invalid_token';
  if (kind === 'http' || isError) return expected;
  // Of a refusal Passport alone sends only the status and the challenge.
  const { 'cache-control': _, ...shown } = headers;
  return { status, headers: shown, body: status < 400 ? body : (body as { error: unknown }).error };
}
