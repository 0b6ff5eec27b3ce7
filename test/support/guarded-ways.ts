import { once } from 'node:events';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import passport from 'passport';
import {
  GenAuthBearerStrategy,
  GenAuthClient,
  type GenAuthOptions,
  genAuthErrorHandler,
  requireAuth,
} from '../../src/index.js';
import { CurrentUser, GenAuthGuard, GenAuthModule, RequireScopes, Roles, Tenant } from '../../src/nest/index.js';
import { EXPRESS_VERSIONS, type ExpressFactory } from './express-version.js';
import { PLATFORMS, type Platform, startNestApp } from './nest-app.js';
import { ask } from './web-server.js';

/** What the routes ask for, on every way that can ask. */
export const ROUTES = {
  me: {},
  scopes: { scopes: ['email', 'orders:read'] },
  'any-scope': { scopes: { any: ['email', 'orders:read'] } },
  roles: { roles: ['admin', 'auditor'] },
  'all-roles': { roles: { all: ['admin', 'auditor'] } },
  tenant: { tenant: (): string => 'tenant-1' },
} as const;
export type Route = keyof typeof ROUTES;

@UseGuards(GenAuthGuard)
@Controller('own')
class OwnRoutes {
  @Get('me')
  me(@CurrentUser() user: unknown): object {
    return { user };
  }

  @RequireScopes('email', 'orders:read')
  @Get('scopes')
  scopes(@CurrentUser() user: unknown): object {
    return { user };
  }

  @RequireScopes.any('email', 'orders:read')
  @Get('any-scope')
  anyScope(@CurrentUser() user: unknown): object {
    return { user };
  }

  @Roles('admin', 'auditor')
  @Get('roles')
  roles(@CurrentUser() user: unknown): object {
    return { user };
  }

  @Roles.all('admin', 'auditor')
  @Get('all-roles')
  allRoles(@CurrentUser() user: unknown): object {
    return { user };
  }

  @Tenant(() => 'tenant-1')
  @Get('tenant')
  tenant(@CurrentUser() user: unknown): object {
    return { user };
  }
}

@Controller('bare')
class BareRoutes {
  @UseGuards(AuthGuard('genauth-bearer'))
  @Get('me')
  me(@CurrentUser() user: unknown): object {
    return { user };
  }
}

export type Authorization = string | readonly string[] | undefined;

export interface GuardedAnswer {
  status: number;
  /** Those that say something of an answer; which framework gave it shall not be seen. */
  headers: Record<string, unknown>;
  body: unknown;
}

/** One way to guard a route by a bearer token. */
export interface GuardedWay {
  name: string;
  /** Left out: all of them. */
  routes?: readonly Route[];
  /** Passport alone answers a refusal by a word, where ours answer with JSON. */
  isPlain: boolean;
  ask(authorization: Authorization, route?: Route, more?: Record<string, string>): Promise<GuardedAnswer>;
}

const OUR_HEADERS = ['www-authenticate', 'retry-after', 'cache-control', 'location', 'set-cookie'];

const askAt =
  (url: string, prefix: string): GuardedWay['ask'] =>
  async (authorization, route = 'me', more = {}) => {
    const headers = { ...more, ...(authorization !== undefined && { authorization: authorization as string }) };
    const answer = await ask(url, { path: `${prefix}/${route}`, headers });
    const ours = OUR_HEADERS.map((name) => [name, answer.headers[name]]).filter(([, value]) => value !== undefined);
    const body: unknown = answer.text.startsWith('{') ? JSON.parse(answer.text) : answer.text;
    return { status: answer.status, headers: Object.fromEntries(ours) as Record<string, unknown>, body };
  };

function createApp(express: ExpressFactory, client: GenAuthClient<string>): ReturnType<ExpressFactory> {
  const app = express();
  const own = new passport.Passport();
  own.use(new GenAuthBearerStrategy(client));
  app.use('/passport', own.authenticate('genauth-bearer', { session: false }) as ReturnType<ExpressFactory>);
  for (const [route, requirements] of Object.entries(ROUTES))
    app.use(`/own/${route}`, requireAuth(client, requirements));
  app.use((req, res) => void res.json({ user: req.user }));
  app.use(genAuthErrorHandler(client));
  return app;
}

/** As long as the caller wants it, and not until the end of a test. */
async function serve(app: RequestListener): Promise<{ url: string; close: () => void }> {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
}

/** Every way there is, over one GenAuth, in one process. */
export async function startGuardedWays(
  options: GenAuthOptions,
): Promise<{ ways: readonly GuardedWay[]; close: () => Promise<void> }> {
  const ways: GuardedWay[] = [];
  const closing: (() => unknown)[] = [];
  for (const platform of Object.keys(PLATFORMS) as Platform[]) {
    const imports = [GenAuthModule.forRoot(options)];
    const { url, close } = await startNestApp(platform, { imports, controllers: [OwnRoutes, BareRoutes] });
    closing.push(close);
    ways.push(
      { name: `GenAuthGuard on ${platform}`, isPlain: false, ask: askAt(url, '/own') },
      { name: `AuthGuard('genauth-bearer') on ${platform}`, routes: ['me'], isPlain: false, ask: askAt(url, '/bare') },
    );
  }
  for (const [version, express] of EXPRESS_VERSIONS) {
    const client = new GenAuthClient<string>(options);
    const { url, close } = await serve(createApp(express, client));
    closing.push(() => client.close(), close);
    ways.push(
      { name: `requireAuth on ${version}`, isPlain: false, ask: askAt(url, '/own') },
      { name: `genauth-bearer alone on ${version}`, routes: ['me'], isPlain: true, ask: askAt(url, '/passport') },
    );
  }
  return { ways, close: async () => void (await Promise.all(closing.map((close) => close()))) };
}

const NO_STORE = { 'cache-control': 'no-store' };
const INVALID_TOKEN = 'The access token is malformed, expired, or not valid for this service';

/** The answers of RFC 6750 §3, and what a guarded route says when GenAuth fails. */
export const ANSWERS = {
  token_missing: {
    status: 401,
    headers: { ...NO_STORE, 'www-authenticate': 'Bearer realm="genauth"' },
    body: { statusCode: 401, error: 'Unauthorized', message: 'An access token is required.', code: 'token_missing' },
  },
  invalid_token: {
    status: 401,
    headers: {
      ...NO_STORE,
      'www-authenticate': `Bearer realm="genauth", error="invalid_token", error_description="${INVALID_TOKEN}"`,
    },
    body: { statusCode: 401, error: 'Unauthorized', message: `${INVALID_TOKEN}.`, code: 'invalid_token' },
  },
  insufficient_scope: {
    status: 403,
    headers: {
      ...NO_STORE,
      'www-authenticate': 'Bearer realm="genauth", error="insufficient_scope", scope="email orders:read"',
    },
    body: {
      statusCode: 403,
      error: 'Forbidden',
      message: 'You are not allowed to access this resource.',
      code: 'insufficient_scope',
    },
  },
  insufficient_role: {
    status: 403,
    headers: NO_STORE,
    body: {
      statusCode: 403,
      error: 'Forbidden',
      message: 'You are not allowed to access this resource.',
      code: 'insufficient_role',
    },
  },
  tenant_mismatch: {
    status: 403,
    headers: NO_STORE,
    body: {
      statusCode: 403,
      error: 'Forbidden',
      message: 'You are not allowed to access this resource.',
      code: 'tenant_mismatch',
    },
  },
  upstream_unavailable: {
    status: 503,
    headers: { ...NO_STORE, 'retry-after': '5' },
    body: {
      statusCode: 503,
      error: 'Service Unavailable',
      message: 'The identity service is not available. Try again later.',
      code: 'upstream_unavailable',
    },
  },
  upstream_invalid_response: {
    status: 502,
    headers: NO_STORE,
    body: {
      statusCode: 502,
      error: 'Bad Gateway',
      message: 'The identity service returned an invalid response.',
      code: 'upstream_invalid_response',
    },
  },
  configuration_error: {
    status: 500,
    headers: NO_STORE,
    body: {
      statusCode: 500,
      error: 'Internal Server Error',
      message: 'This service is not configured correctly. Contact its administrator.',
      code: 'configuration_error',
    },
  },
} as const satisfies Record<string, GuardedAnswer>;

/** Of what Passport alone answers a refusal with: the status and the challenge. */
export function toPlainAnswer({ status, headers, body }: GuardedAnswer): GuardedAnswer {
  const shown = Object.entries(headers).filter(([name]) => name !== 'cache-control');
  return { status, headers: Object.fromEntries(shown), body: (body as { error: string }).error };
}

/** Asks on every way that has the route, and expects one and the same answer. */
export async function expectEverywhere(
  ways: readonly GuardedWay[],
  expected: GuardedAnswer,
  ...[authorization, route = 'me', more]: Parameters<GuardedWay['ask']>
): Promise<void> {
  const asked = ways.filter(({ routes }) => routes === undefined || routes.includes(route));
  const seen = await Promise.all(asked.map(async (way) => [way.name, await way.ask(authorization, route, more)]));
  expect(seen).toEqual(
    asked.map(({ name, isPlain }) => [
      name,
      // What is not the caller's fault goes to Express, and its handler of ours answers there.
      isPlain && (expected.status === 401 || expected.status === 403) ? toPlainAnswer(expected) : expected,
    ]),
  );
}
