import { Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { GenAuthUser, SignInInfo } from '../../src/index.js';
import { GenAuthEmulator, ID_TOKEN_FLAWS } from '../../src/emulator/index.js';
import { AuthInfo, CurrentUser, GenAuthAdGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';

@Controller()
class LoginController {
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('bare/password')
  barePassword(@CurrentUser() user: GenAuthUser, @AuthInfo() info: SignInInfo): object {
    return { user, idToken: info.tokens.idToken, requestId: info.requestId, aud: info.claims.aud };
  }

  @UseGuards(AuthGuard('genauth-ad'))
  @HttpCode(200)
  @Post('bare/ad')
  bareAd(@CurrentUser() user: GenAuthUser, @AuthInfo() info: SignInInfo): object {
    return { user, idToken: info.tokens.idToken, requestId: info.requestId, aud: info.claims.aud };
  }

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own/password')
  ownPassword(@CurrentUser() user: GenAuthUser, @AuthInfo() info: SignInInfo): object {
    return { user, idToken: info.tokens.idToken, requestId: info.requestId, aud: info.claims.aud };
  }

  @UseGuards(GenAuthAdGuard)
  @HttpCode(200)
  @Post('own/ad')
  ownAd(@CurrentUser() user: GenAuthUser, @AuthInfo() info: SignInInfo): object {
    return { user, idToken: info.tokens.idToken, requestId: info.requestId, aud: info.claims.aud };
  }
}

const ALICE = { account: 'alice', password: 'passw0rd' };
const ZHANGSAN = { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' };

// `bare` is AuthGuard of @nestjs/passport as it is, `own` our guards: every answer must be the same.
describe.each(Object.keys(PLATFORMS) as Platform[])('login on %s', (platform) => {
  describe.each(['bare', 'own'])('through the %s guards', (guards) => {
    let emulator: GenAuthEmulator;
    let running: RunningApp;
    const login = (connection: 'password' | 'ad', body: unknown, headers: Record<string, string> = {}) =>
      send(`${running.url}/${guards}/${connection}`, { method: 'POST', body, headers });

    beforeAll(async () => {
      emulator = await new GenAuthEmulator().start();
      running = await startNestApp(platform, {
        imports: [
          GenAuthModule.forRoot({
            ...emulator.clientOptions,
            scope: ['openid', 'email', 'roles'],
            signInOptions: (req) => ({ context: { agent: req.headers['user-agent'] } }),
          }),
        ],
        controllers: [LoginController],
      });
    });
    afterAll(async () => {
      await running.close();
      await emulator.stop();
    });
    beforeEach(() => {
      emulator.reset();
      running.logger.lines.length = 0;
    });

    it('signs in by password: the claims of the scopes and no other', async () => {
      const { status, body } = await login('password', ALICE, { 'user-agent': 'test agent' });
      expect(status).toBe(200);
      expect(body['user']).toEqual({
        sub: expect.stringMatching(/^[0-9a-f]{24}$/),
        email: 'alice@example.com',
        email_verified: true,
        roles: ['admin'],
      });
      expect(body['aud']).toBe(emulator.appId);
      expect(emulator.signIns).toEqual([
        expect.objectContaining({
          connection: 'PASSWORD',
          account: 'alice',
          clientIp: '127.0.0.1',
          context: { agent: 'test agent' },
          requestId: body['requestId'],
          outcome: 'success',
        }),
      ]);
    });

    it('signs in by Active Directory', async () => {
      const { status, body } = await login('ad', ZHANGSAN);
      expect([status, (body['user'] as GenAuthUser).email]).toEqual([200, 'zhangsan@example.com']);
      expect(emulator.signIns[0]).toMatchObject({ connection: 'AD', account: 'zhangsan' });
    });

    it('answers a wrong password and an unknown account alike', async () => {
      const wrong = await login('password', { ...ALICE, password: 'wrong' });
      const unknown = await login('password', { account: 'nobody', password: 'wrong' });
      expect(wrong.status).toBe(401);
      expect(wrong.body).toEqual({
        statusCode: 401,
        error: 'Unauthorized',
        message: 'The account or the password is wrong.',
        code: 'invalid_credentials',
        requestId: emulator.signIns[0]?.requestId,
      });
      expect({ ...unknown.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' });
      // The operator learns what the person must not.
      expect(running.logger.lines.join('\n')).toContain(
        'invalid_credentials: GenAuth answered statusCode 403, apiCode 2333',
      );
    });

    it.each([
      ['no body', undefined],
      ['no password', { account: 'alice' }],
      ['no account', { password: 'passw0rd' }],
      ['an empty password', { ...ALICE, password: '' }],
      ['a list', { ...ALICE, password: ['passw0rd'] }],
      ['an object', { account: { $ne: '' }, password: 'passw0rd' }],
      ['a number', { account: 1, password: 'passw0rd' }],
      ['the AD field', ZHANGSAN],
    ])('refuses %s with 400 and asks GenAuth nothing', async (_, body) => {
      const answer = await login('password', body);
      expect(answer.body).toMatchObject({ statusCode: 400, error: 'Bad Request', code: 'invalid_request' });
      expect(answer.status).toBe(400);
      expect(emulator.requests('signin')).toBe(0);
    });

    it.each(ID_TOKEN_FLAWS.filter((flaw) => flaw !== 'no_kid'))(
      'answers 502 when GenAuth sends an id_token that is %s',
      async (flaw) => {
        emulator.flawIdToken(flaw);
        const { status, body } = await login('password', ALICE);
        expect(body).toEqual({
          statusCode: 502,
          error: 'Bad Gateway',
          message: 'The identity service returned an invalid response.',
          code: 'upstream_invalid_response',
        });
        expect(status).toBe(502);
        expect(running.logger.lines.join('\n')).toMatch(
          /error upstream_token_invalid: The tokens that GenAuth sent were refused\. /,
        );
        expect((await login('password', ALICE)).status).toBe(200);
      },
    );

    it.each([
      ['answers HTTP 500', { endpoint: 'signin', status: 500, body: 'oops' } as const],
      ['closes the connection', { endpoint: 'signin', drop: true } as const],
    ])('answers 503 with Retry-After when GenAuth %s, after one try', async (_, fault) => {
      emulator.fault(fault);
      const { status, headers, body } = await login('password', ALICE);
      expect(status).toBe(503);
      expect(headers.get('retry-after')).toMatch(/^\d+$/);
      expect(body).toMatchObject({ statusCode: 503, error: 'Service Unavailable', code: 'upstream_unavailable' });
      expect(emulator.requests('signin')).toBe(1);
    });

    it('answers 429 with the Retry-After of GenAuth', async () => {
      emulator.fault({ endpoint: 'signin', status: 429 });
      expect(await login('password', ALICE)).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    });
  });

  it('answers 500 and tells the operator when GenAuth refuses the app itself', async () => {
    const emulator = await new GenAuthEmulator().start();
    const running = await startNestApp(platform, {
      imports: [GenAuthModule.forRoot({ ...emulator.clientOptions, appSecret: 'an old secret' })],
      controllers: [LoginController],
    });
    try {
      for (const guards of ['bare', 'own']) {
        const { status, body } = await send(`${running.url}/${guards}/password`, { method: 'POST', body: ALICE });
        expect([status, body['code']]).toEqual([500, 'configuration_error']);
      }
      const log = running.logger.lines.join('\n');
      expect(log).toContain('error client_authentication_failed: GenAuth refused the application');
      expect(log).not.toContain('an old secret');
      expect(log).not.toContain(ALICE.password);
    } finally {
      await running.close();
      await emulator.stop();
    }
  });

  it('forwards the address that the framework trusts, and no header of its own choosing', async () => {
    const emulator = await new GenAuthEmulator().start();
    for (const [trustProxy, expected] of [
      ['loopback', '203.0.113.7'],
      [undefined, '127.0.0.1'],
    ] as const) {
      const running = await startNestApp(
        platform,
        { imports: [GenAuthModule.forRoot(emulator.clientOptions)], controllers: [LoginController] },
        trustProxy === undefined ? {} : { trustProxy },
      );
      try {
        const headers = { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '198.51.100.1' };
        await send(`${running.url}/own/password`, { method: 'POST', body: ALICE, headers });
        expect(emulator.signIns.at(-1)?.clientIp).toBe(expected);
      } finally {
        await running.close();
      }
    }
    await emulator.stop();
  });
});
