import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import passport from 'passport';
import {
  GenAuthAdStrategy,
  GenAuthClient,
  type GenAuthEvents,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  requireAuth,
  signInHandler,
} from 'passport-genauth';
import { GenAuthEmulator } from 'passport-genauth/emulator';
import { AuthInfo, CurrentUser, GenAuthGuard, GenAuthModule, Roles } from 'passport-genauth/nest';
import { GenAuthRedirectModule } from 'passport-genauth/nest/redirect';
import { GenAuthRedirectStrategy } from 'passport-genauth/redirect';
import { User } from '../redirect/user.js';
import { type Platform, startNestApp } from '../support/nest-app.js';
import { startWebServer } from '../support/web-server.js';

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

const REDIRECT = {
  // The test sends the callbacks to the application itself.
  callbackUrl: 'http://localhost:3000/hosted/callback',
  startPath: '/hosted',
  cookieSecret: 'secret-of-the-mission-test-0123456789',
};

const ENCRYPTIONS = ['none', 'rsa', 'sm2'] as const;
/** `admin` is the status of the route that requires the role `admin`. */
const STRATEGIES = {
  'genauth-password': { path: '/login', identifier: 'account', account: 'lina', role: 'admin', admin: 200 },
  'genauth-ad': { path: '/login/ad', identifier: 'sAMAccountName', account: 'LiNa', role: 'editor', admin: 403 },
} as const;
type StrategyName = keyof typeof STRATEGIES;
const NAMES = Object.keys(STRATEGIES) as StrategyName[];

/** The application only imports the module: it has no provider, no strategy and no `passport.use` of its own. */
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

  @UseGuards(AuthGuard('genauth-redirect'))
  @Get(['hosted', 'hosted/callback'])
  hosted(@CurrentUser() user: unknown, @AuthInfo() info: { tokens: object }): object {
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

type RunningApp = Pick<Awaited<ReturnType<typeof startNestApp>>, 'url' | 'close'>;

const startNest = (platform: Platform, options: GenAuthOptions, trustProxy: string): Promise<RunningApp> =>
  startNestApp(
    platform,
    {
      imports: [GenAuthModule.forRoot(options), GenAuthRedirectModule.forRoot(REDIRECT)],
      controllers: [LoginController],
    },
    { trustProxy },
  );

/** The strategies in plain Express: registered with Passport by name, as every Passport strategy is. */
async function startExpress(
  options: GenAuthOptions,
  login: (name: StrategyName | 'genauth-redirect') => RequestHandler,
): Promise<RunningApp> {
  const client = new GenAuthClient(options);
  passport.use(new GenAuthPasswordStrategy(client));
  passport.use(new GenAuthAdStrategy(client));
  passport.use(new GenAuthRedirectStrategy(client, REDIRECT));
  const answer: RequestHandler = ({ user, authInfo }, res) => void res.json({ user, ...authInfo });
  const answerError: ErrorRequestHandler = (error: { statusCode?: number }, _req, res, _next) =>
    void res.status(error.statusCode ?? 500).end();
  const app = express().set('trust proxy', 'loopback').use(express.json());
  app.post('/login', login('genauth-password'), answer);
  app.post('/login/ad', login('genauth-ad'), answer);
  app.get(['/hosted', '/hosted/callback'], login('genauth-redirect'), answer);
  app.get('/me', requireAuth(client), answer);
  app.get('/admin', requireAuth(client, { roles: ['admin'] }), answer);
  app.use(answerError);
  const { url, close } = await startWebServer(app);
  return { url, close: () => (client.close(), close()) };
}

const FRAMEWORKS: Readonly<Record<string, (options: GenAuthOptions) => Promise<RunningApp>>> = {
  'Nest on Express': (options) => startNest('Express', options, 'loopback'),
  'Nest on Fastify': (options) => startNest('Fastify', options, '127.0.0.1'),
  'Express with passport.authenticate': (options) =>
    startExpress(options, (name) => passport.authenticate(name, { session: false }) as RequestHandler),
  'Express with signInHandler': (options) => startExpress(options, (name) => signInHandler(name) as RequestHandler),
};

describe.each(Object.entries(FRAMEWORKS))('%s', (framework, start) => {
  const emulator = new GenAuthEmulator({
    users: [{ ...CLAIMS, username: 'lina', roles: ['admin'], tenants: ['tenant-1'], password: PASSWORD }],
    adAccounts: [{ ...CLAIMS, sAMAccountName: 'LiNa', roles: ['editor'], tenants: ['tenant-1'], password: PASSWORD }],
  });
  beforeAll(() => emulator.start());
  afterAll(() => emulator.stop());

  /** Passport's registry is one per process, so only one application runs at a time. */
  let app: RunningApp;
  let signInOptions = {};
  const useApp = (options: Partial<GenAuthOptions> = {}): void => {
    beforeAll(async () => {
      app = await start({ ...emulator.clientOptions, scope: SCOPES, signInOptions: () => signInOptions, ...options });
    });
    afterEach(() => (signInOptions = {}));
    afterAll(() => app.close());
  };

  const login = async (name: StrategyName, password = PASSWORD) => {
    const { path, identifier, account } = STRATEGIES[name];
    const response = await fetch(app.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': USER_AGENT, 'x-forwarded-for': CLIENT_IP },
      body: JSON.stringify({ [identifier]: account, password }),
    });
    const body = (await response.json().catch(() => ({}))) as { user: unknown; tokens: Record<string, string> };
    return { status: response.status, ...body };
  };

  describe.each(ENCRYPTIONS)('with passwordEncryptType %s', (type) => {
    useApp({ passwordEncryptType: type });

    it.each(NAMES)('%s checks the password', async (name) => {
      expect((await login(name)).user).toBeDefined();
      expect(emulator.signIns.at(-1)?.options['passwordEncryptType'] ?? 'none').toBe(type);
      expect(await login(name, 'not the password')).toMatchObject({ status: 401 });
    });
  });

  describe.each(NAMES)('%s', (name) => {
    useApp();
    const { account, role, admin } = STRATEGIES[name];

    it('attaches a user with exactly the claims of the ten scopes', async () => {
      signInOptions = { tenantId: 'tenant-1' };
      const { user, tokens } = await login(name);
      const own = { sub: expect.any(String) as string, username: account, roles: [role], tenant_id: 'tenant-1' };
      expect(user).toEqual({ ...CLAIMS, ...own });
      expect(tokens).toMatchObject({ refreshToken: expect.any(String) as string });
    });

    it("forwards the client's real IP address, and its user agent or the application's own context", async () => {
      await login(name);
      expect(emulator.signIns.at(-1)).toMatchObject({ clientIp: CLIENT_IP, context: { userAgent: USER_AGENT } });
      signInOptions = { context: { source: 'mission' } };
      expect((await login(name)).user).toBeDefined();
      expect(emulator.signIns.at(-1)?.context).toEqual({ source: 'mission' });
    });

    it.each(FLAWS)('refuses an id_token with the flaw %s', async (flaw) => {
      emulator.flawIdToken(flaw);
      const { status, user } = await login(name);
      expect([status, user]).toEqual([502, undefined]);
    });

    it('verifies id_tokens by the key set, also after a rotation', async () => {
      expect((await login(name)).user).toBeDefined();
      const before = emulator.requests('jwks');
      const { kid } = await emulator.rotateKeys({ withdraw: true });
      const { user, tokens } = await login(name);
      const [header = ''] = String(tokens['idToken']).split('.');
      expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg: 'RS256', kid });
      expect([user, emulator.requests('jwks')]).toEqual([expect.anything(), before + 1]);
    });

    it('guards routes by the access token and by role', async () => {
      const { accessToken = '', idToken } = (await login(name)).tokens;
      const get = async (path: string, token?: string): Promise<number> => {
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        return (await fetch(app.url + path, { headers })).status;
      };
      const statuses = [undefined, `${accessToken}x`, idToken, accessToken].map((token) => get('/me', token));
      expect(await Promise.all(statuses)).toEqual([401, 401, 401, 200]);
      expect(await get('/admin', accessToken)).toBe(admin);
    });

    it('leaves a trace of each refusal', async () => {
      const events: GenAuthEvents['genauth:refusal'][] = [];
      const take = (event: unknown): void => void events.push(event as GenAuthEvents['genauth:refusal']);
      subscribe('genauth:refusal', take);
      await login(name, 'not the password');
      await fetch(`${app.url}/me`, { headers: { authorization: 'Bearer x' } });
      unsubscribe('genauth:refusal', take);
      const { path } = STRATEGIES[name];
      expect(events).toMatchObject([
        { status: 401, reason: 'invalid_credentials', route: `POST ${path}` },
        { status: 401, reason: 'token_malformed', route: 'GET /me' },
      ]);
    });
  });

  describe("GenAuth's hosted page", () => {
    useApp();
    beforeAll(() => emulator.updateUser('lina', { mfa: ['OTP'] }));
    afterAll(() => emulator.updateUser('lina', { mfa: false }));

    it('signs in a user who needs a second factor, where the refused login leads', async () => {
      const refused = await login('genauth-password');
      // Passport answers a refusal without a body.
      const hasBody = framework !== 'Express with passport.authenticate';
      expect(refused).toMatchObject({ status: 403, ...(hasBody && { next: { kind: 'redirect', url: '/hosted' } }) });
      const user = new User(app.url, emulator);
      await user.page.open(await user.begin('/hosted'));
      await user.page.submit('login', { connection: 'PASSWORD', account: 'lina', password: PASSWORD });
      const { code } = emulator.totp('lina');
      const { location } = await user.page.submit('mfa', { factor: 'OTP', action: 'verify', code });
      const { pathname, search } = new URL(location);
      const { status, body } = await user.visit(pathname + search);
      expect([status, (body['user'] as typeof CLAIMS).name]).toEqual([200, CLAIMS.name]);
      const { accessToken } = body['tokens'] as { accessToken: string };
      const me = await fetch(`${app.url}/me`, { headers: { authorization: `Bearer ${accessToken}` } });
      expect(me.status).toBe(200);
      expect((await user.visit(pathname + search)).status).toBe(400);
    });
  });
});
