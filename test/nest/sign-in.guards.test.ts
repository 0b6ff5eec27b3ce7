import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { GenAuthOptions, SignInInfo } from '../../src/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthAdGuard,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
} from '../../src/nest/index.js';
import { GenAuthPasswordStrategy } from '../../src/passport/password.strategy.js';
import { lastSignIn } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { Issuer, SIGN_IN_PATH, SUBJECT } from '../support/issuer.js';
import { USER_INFO_PATH } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { rejection } from '../support/rejection.js';

failOnUnhandledRejections();
const describeLogin = (user: unknown, { tokens, requestId, claims }: SignInInfo): object => ({
  user,
  hasTokens: tokens.idToken !== undefined && tokens.accessToken !== undefined,
  requestId,
  sub: claims.sub,
});

@Controller()
class LoginController {
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('bare/password')
  barePassword(@CurrentUser() user: unknown, @AuthInfo() info: SignInInfo): object {
    return describeLogin(user, info);
  }

  @UseGuards(AuthGuard('genauth-ad'))
  @HttpCode(200)
  @Post('bare/ad')
  bareAd(@CurrentUser() user: unknown, @AuthInfo() info: SignInInfo): object {
    return describeLogin(user, info);
  }

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own/password')
  ownPassword(@CurrentUser() user: unknown, @AuthInfo() info: SignInInfo): object {
    return describeLogin(user, info);
  }

  @UseGuards(GenAuthAdGuard)
  @HttpCode(200)
  @Post('own/ad')
  ownAd(@CurrentUser() user: unknown, @AuthInfo() info: SignInInfo): object {
    return describeLogin(user, info);
  }

  @UseGuards(GenAuthGuard)
  @Get('me')
  me(@CurrentUser() user: object): object {
    return user;
  }
}

const BODIES = {
  password: { account: 'alice', password: 'passw0rd' },
  ad: { sAMAccountName: 'alice', password: 'passw0rd' },
} as const;
const ALICE = { email: 'alice@example.com', email_verified: true, roles: ['admin'] };

let issuer: Issuer;
let accessToken: string;
beforeAll(async () => {
  issuer = await Issuer.start();
});
beforeEach(() => {
  issuer.reset();
  accessToken = issuer.sign(issuer.accessTokenClaims());
  const idToken = issuer.sign(issuer.idTokenClaims({ ...ALICE, name: 'Alice' }));
  issuer.replySignIn({ id_token: idToken, access_token: accessToken });
});
afterAll(() => issuer.close());

const start = (
  platform: Platform,
  options: Partial<GenAuthOptions> = {},
  settings: { trustProxy?: string } = {},
): Promise<RunningApp> =>
  startNestApp(
    platform,
    { imports: [GenAuthModule.forRoot({ ...issuer.clientOptions, ...options })], controllers: [LoginController] },
    settings,
  );

const GUARDS = ['own', 'bare'] as const;
type Kind = keyof typeof BODIES;
const WAYS = GUARDS.flatMap((guards) => (['password', 'ad'] as const).map((kind) => [guards, kind] as const));

describe.each(Object.keys(PLATFORMS) as Platform[])('a login on %s', (platform) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await start(platform, {
      scope: ['openid', 'email', 'roles'],
      userClaims: 'userinfo',
      signInOptions: (req) => ({ context: { agent: req.headers['user-agent'] } }),
    });
  });
  beforeEach(() => void running.logger.lines.splice(0));
  afterAll(() => running.close());
  const login = (guards: string, kind: Kind, headers: Record<string, string> = {}): ReturnType<typeof send> =>
    send(`${running.url}/${guards}/${kind}`, { method: 'POST', body: BODIES[kind], headers });

  it.each(WAYS)('through %s/%s has the user, the claims and the tokens', async (guards, kind) => {
    const { status, body } = await login(guards, kind, { 'user-agent': 'test agent' });
    const user = { sub: SUBJECT, ...ALICE };
    expect([status, body]).toEqual([200, { user, hasTokens: true, requestId: 'request-1', sub: SUBJECT }]);
    expect(lastSignIn(issuer).options).toMatchObject({ context: { agent: 'test agent' } });
  });

  it.each(WAYS)('through %s/%s stores its claims for the guard, which needs no user info', async (guards, kind) => {
    await login(guards, kind);
    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await send(`${running.url}/me`, { headers })).body).toEqual({ sub: SUBJECT, ...ALICE });
    expect(issuer.count(USER_INFO_PATH)).toBe(0);
  });
  it.each(GUARDS)('through %s logs the reason that the response hides', async (guards) => {
    issuer.reply(SIGN_IN_PATH, rejection(403, 2333));
    const { body } = await login(guards, 'password');
    expect(body).toMatchObject({ code: 'invalid_credentials' });
    expect(running.logger.lines.join('\n')).toContain(
      'debug invalid_credentials: GenAuth answered statusCode 403, apiCode',
    );
  });

  it.each(GUARDS)('through %s logs a fault of the application as an error, without secrets', async (guards) => {
    issuer.reply(SIGN_IN_PATH, rejection(401));
    expect(await login(guards, 'password')).toMatchObject({ status: 500, body: { code: 'configuration_error' } });
    const log = running.logger.lines.join('\n');
    expect(log).toContain('error client_authentication_failed: GenAuth refused the application');
    expect([issuer.clientOptions.appSecret, 'passw0rd'].filter((secret) => log.includes(secret))).toEqual([]);
  });

  it.each([
    ['the trusted proxy', 'loopback', '203.0.113.7'],
    ['the connection if no proxy is trusted', undefined, '127.0.0.1'],
  ])('forwards the client address of %s', async (_title, trustProxy, expected) => {
    const app = await start(platform, {}, trustProxy === undefined ? {} : { trustProxy });
    const headers = { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '198.51.100.1' };
    await send(`${app.url}/own/password`, { method: 'POST', body: BODIES.password, headers });
    await app.close();
    expect(lastSignIn(issuer).options['clientIp']).toBe(expected);
  });
});

it('answers 403 if the function verify of the strategy refuses the user', async () => {
  const strategy = new GenAuthPasswordStrategy(issuer.clientOptions, (_req, _user, _info, done) => done(null, false));
  const running = await startNestApp('Express', {
    providers: [{ provide: GenAuthPasswordStrategy, useValue: strategy }],
    controllers: [VerifiedController],
  });
  const answer = await send(`${running.url}/verified`, { method: 'POST', body: BODIES.password });
  await running.close();
  expect(answer).toMatchObject({ status: 403, body: { statusCode: 403, error: 'Forbidden', code: 'verify_denied' } });
});

it('answers 500 if the function verify of the strategy throws', async () => {
  const strategy = new GenAuthPasswordStrategy(issuer.clientOptions, () => Promise.reject(new Error('no database')));
  const running = await startNestApp('Express', {
    providers: [{ provide: GenAuthPasswordStrategy, useValue: strategy }],
    controllers: [VerifiedController],
  });
  const answer = await send(`${running.url}/verified`, { method: 'POST', body: BODIES.password });
  await running.close();
  expect([answer.status, answer.body]).toEqual([500, { statusCode: 500, message: 'Internal server error' }]);
});

@Controller()
class VerifiedController {
  @UseGuards(GenAuthPasswordGuard)
  @Post('verified')
  login(): object {
    return {};
  }
}

it.each([['GenAuthPasswordGuard', GenAuthPasswordGuard] as const, ['GenAuthAdGuard', GenAuthAdGuard] as const])(
  '%s has one class for each name',
  (_title, Guard) => {
    const staff = Guard.named('staff');
    expect(Guard.named('genauth')).toBe(Guard);
    expect(Guard.named('staff')).toBe(staff);
    expect(Guard.named('people')).not.toBe(staff);
    expect(staff.prototype).toBeInstanceOf(Guard);
  },
);
