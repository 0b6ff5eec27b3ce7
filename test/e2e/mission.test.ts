import { Controller, Get, type INestApplication, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import passport from 'passport';
import {
  GenAuthAdStrategy,
  GenAuthClient,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  requireAuth,
  signInHandler,
} from 'passport-genauth';
import { GenAuthEmulator } from 'passport-genauth/emulator';
import { AuthInfo, CurrentUser, GenAuthGuard, GenAuthModule, Roles } from 'passport-genauth/nest';

/** One row per promise of the package, on every framework and with both strategies. Later changes only add rows. */

/** The scopes of GenAuth's sign-in pages. */
const SCOPES = 'openid profile username email phone offline_access roles external_id extended_fields tenant_id';

const CLAIMS = {
  birthdate: '1990-01-01',
  family_name: 'Li',
  gender: 'F',
  given_name: 'Na',
  locale: 'zh-CN',
  middle_name: 'M',
  name: 'Li Na',
  nickname: 'Nana',
  picture: 'https://example.com/a.png',
  preferred_username: 'lina',
  profile: 'https://example.com/lina',
  updated_at: '2026-01-01T00:00:00.000Z',
  website: 'https://example.com',
  zoneinfo: 'Asia/Shanghai',
  email: 'lina@example.com',
  email_verified: true,
  phone_number: '+8613800000009',
  phone_number_verified: true,
  external_id: 'legacy-7',
  extended_fields: { school: 'pku' },
};

const FLAWS = ['foreign_key', 'tampered', 'expired', 'wrong_audience', 'wrong_issuer', 'unsigned'] as const;
const PASSWORD = 'Mission-passw0rd';
const USER_AGENT = 'mission-test/1.0';
const CLIENT_IP = '203.0.113.7';

const STRATEGIES = {
  'genauth-password': { path: '/login', identifier: 'account', account: 'lina' },
  'genauth-ad': { path: '/login/ad', identifier: 'sAMAccountName', account: 'LiNa' },
} as const;
type StrategyName = keyof typeof STRATEGIES;

interface RunningApp {
  url: string;
  close: () => Promise<unknown>;
}

/** A Nest application that only imports the module: no provider, no strategy and no `passport.use` of its own. */
function createModule(options: GenAuthOptions): object {
  @Controller()
  class LoginController {
    @UseGuards(AuthGuard('genauth-password'))
    @Post('login')
    login(@CurrentUser() user: unknown, @AuthInfo() info: { tokens: object }): object {
      return { user, tokens: info.tokens };
    }

    @UseGuards(AuthGuard('genauth-ad'))
    @Post('login/ad')
    loginAd(@CurrentUser() user: unknown, @AuthInfo() info: { tokens: object }): object {
      return { user, tokens: info.tokens };
    }

    @UseGuards(GenAuthGuard)
    @Get('me')
    me(@CurrentUser('sub') sub: string): object {
      return { sub };
    }

    @Roles('admin')
    @UseGuards(GenAuthGuard)
    @Get('admin')
    admin(): object {
      return {};
    }
  }

  @Module({ imports: [GenAuthModule.forRoot(options)], controllers: [LoginController] })
  class AppModule {}
  return AppModule;
}

async function listenNest(app: INestApplication): Promise<RunningApp> {
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
}

/** The strategies in plain Express: registered with Passport by name, as every Passport strategy is. */
async function listenExpress(
  options: GenAuthOptions,
  login: (name: StrategyName) => RequestHandler,
): Promise<RunningApp> {
  const client = new GenAuthClient(options);
  passport.use(new GenAuthPasswordStrategy(client));
  passport.use(new GenAuthAdStrategy(client));
  const answer: RequestHandler = ({ user, authInfo }, res) => void res.json({ user, ...authInfo });
  const answerError: ErrorRequestHandler = (error: { statusCode?: number }, _req, res, _next) => {
    res.status(error.statusCode ?? 500).end();
  };
  const app = express().set('trust proxy', 'loopback');
  app.use(express.json());
  app.post('/login', login('genauth-password'), answer);
  app.post('/login/ad', login('genauth-ad'), answer);
  app.get('/me', requireAuth(client), answer);
  app.get('/admin', requireAuth(client, { roles: ['admin'] }), answer);
  app.use(answerError);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    client.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

const FRAMEWORKS: Readonly<Record<string, (options: GenAuthOptions) => Promise<RunningApp>>> = {
  'Nest on Express': async (options) => {
    const app = await NestFactory.create<NestExpressApplication>(createModule(options), { logger: false });
    app.set('trust proxy', 'loopback');
    return listenNest(app);
  },
  'Nest on Fastify': async (options) => {
    const adapter = new FastifyAdapter({ trustProxy: '127.0.0.1' });
    return listenNest(await NestFactory.create(createModule(options), adapter, { logger: false }));
  },
  'Express with passport.authenticate': (options) =>
    listenExpress(options, (name) => passport.authenticate(name, { session: false }) as RequestHandler),
  'Express with signInHandler': (options) => listenExpress(options, (name) => signInHandler(name) as RequestHandler),
};

describe.each(Object.entries(FRAMEWORKS))('%s', (_framework, start) => {
  const emulator = new GenAuthEmulator({
    users: [{ ...CLAIMS, username: 'lina', roles: ['admin'], tenants: ['tenant-1'], password: PASSWORD }],
    adAccounts: [{ ...CLAIMS, sAMAccountName: 'LiNa', roles: ['editor'], tenants: ['tenant-1'], password: PASSWORD }],
  });
  /** Passport's registry is one per process, so only one application runs at a time. */
  let app: RunningApp;
  const startApp = async (options: Partial<GenAuthOptions> = {}): Promise<void> => {
    app = await start({ ...emulator.clientOptions, scope: SCOPES, ...options });
  };

  const login = async (name: StrategyName, password = PASSWORD) => {
    const { path, identifier, account } = STRATEGIES[name];
    const response = await fetch(app.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': USER_AGENT, 'x-forwarded-for': CLIENT_IP },
      body: JSON.stringify({ [identifier]: account, password }),
    });
    const body = (await response.json().catch(() => ({}))) as { user: unknown; tokens: Record<string, string> };
    return { isSignedIn: response.ok, status: response.status, ...body };
  };

  const get = async (path: string, token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await fetch(app.url + path, { headers })).status;
  };

  beforeAll(() => emulator.start());
  afterEach(() => app.close());
  afterAll(() => emulator.stop());

  describe.each(Object.keys(STRATEGIES) as StrategyName[])('%s', (name) => {
    const isAd = name === 'genauth-ad';

    it('attaches a user with exactly the claims of the ten scopes', async () => {
      await startApp({ signInOptions: { tenantId: 'tenant-1' } });
      const { isSignedIn, user, tokens } = await login(name);
      expect(isSignedIn).toBe(true);
      expect(user).toEqual({
        ...CLAIMS,
        sub: expect.any(String) as string,
        username: isAd ? 'LiNa' : 'lina',
        roles: [isAd ? 'editor' : 'admin'],
        tenant_id: 'tenant-1',
      });
      expect(tokens).toMatchObject({ refreshToken: expect.any(String) as string });
    });

    it("forwards the client's real IP address and, by default, its user agent as context", async () => {
      await startApp();
      await login(name);
      expect(emulator.signIns.at(-1)).toMatchObject({ clientIp: CLIENT_IP, context: { userAgent: USER_AGENT } });
    });

    it("forwards the application's own context instead", async () => {
      await startApp({ signInOptions: () => ({ context: { source: 'mission' } }) });
      expect(await login(name)).toMatchObject({ isSignedIn: true });
      expect(emulator.signIns.at(-1)?.context).toEqual({ source: 'mission' });
    });

    it.each(FLAWS)('refuses an id_token with the flaw %s', async (flaw) => {
      await startApp();
      emulator.flawIdToken(flaw);
      const { status, user } = await login(name);
      expect([status, user]).toEqual([502, undefined]);
    });

    it('verifies id_tokens by the key set, also after a rotation', async () => {
      await startApp();
      expect(await login(name)).toMatchObject({ isSignedIn: true });
      const before = emulator.requests('jwks');
      const { kid } = await emulator.rotateKeys({ withdraw: true });
      const { isSignedIn, tokens } = await login(name);
      const [header = ''] = String(tokens['idToken']).split('.');
      expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg: 'RS256', kid });
      expect([isSignedIn, emulator.requests('jwks')]).toEqual([true, before + 1]);
    });

    it.each(['none', 'rsa', 'sm2'] as const)('checks a password with passwordEncryptType %s', async (type) => {
      await startApp({ passwordEncryptType: type });
      expect(await login(name)).toMatchObject({ isSignedIn: true });
      expect(emulator.signIns.at(-1)?.options['passwordEncryptType'] ?? 'none').toBe(type);
      expect(await login(name, 'not the password')).toMatchObject({ status: 401 });
    });

    it('guards routes by the access token and by role', async () => {
      await startApp();
      const { accessToken = '', idToken } = (await login(name)).tokens;
      const statuses = [undefined, `${accessToken}x`, idToken, accessToken].map((token) => get('/me', token));
      expect(await Promise.all(statuses)).toEqual([401, 401, 401, 200]);
      expect(await get('/admin', accessToken)).toBe(isAd ? 403 : 200);
    });
  });
});
