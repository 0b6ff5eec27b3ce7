import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import express from 'express';
import { GenAuthClient, GenAuthPasswordStrategy, requireAuth, signInHandler } from '../../src/index.js';
import { CurrentUser, GenAuthGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { USER_INFO_PATH } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, startNestApp } from '../support/nest-app.js';
import { ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const serve = useWebServer();

const SCOPE = ['openid', 'email', 'roles'];
const asked = (): number => issuer().count(USER_INFO_PATH);
const say = (body: unknown): void => issuer().reply(USER_INFO_PATH, { body });
const ALICE = { sub: SUBJECT, email: 'alice@example.com', email_verified: true, roles: ['admin'] };

describe('a login primes what is behind its token', () => {
  const PASSWORD = { account: 'alice', password: 'passw0rd' };
  const signIn = (): string => {
    const accessToken = issuer().sign(issuer().accessTokenClaims());
    issuer().replySignIn({
      id_token: issuer().sign({ ...issuer().idTokenClaims(), ...ALICE }),
      access_token: accessToken,
    });
    return `Bearer ${accessToken}`;
  };

  @Controller()
  class Routes {
    @UseGuards(GenAuthPasswordGuard)
    @HttpCode(200)
    @Post('own')
    own(): object {
      return {};
    }

    @UseGuards(AuthGuard('genauth-password'))
    @HttpCode(200)
    @Post('bare')
    bare(): object {
      return {};
    }

    @UseGuards(GenAuthGuard)
    @Get('me')
    me(@CurrentUser() user: object): object {
      return user;
    }
  }

  it.each(
    (Object.keys(PLATFORMS) as Platform[]).flatMap((platform) =>
      ['own', 'bare'].map((way) => [way, platform] as const),
    ),
  )('through the %s guard on %s: no user info is asked for', async (way, platform) => {
    const options = { ...issuer().clientOptions, scope: SCOPE, userClaims: 'userinfo' } as const;
    const running = await startNestApp(platform, { imports: [GenAuthModule.forRoot(options)], controllers: [Routes] });
    try {
      const authorization = signIn();
      expect((await ask(running.url, { path: `/${way}`, json: PASSWORD })).status).toBe(200);
      const { status, text } = await ask(running.url, { path: '/me', headers: { authorization } });
      expect([status, JSON.parse(text)]).toEqual([200, ALICE]);
      expect(asked()).toBe(0);
    } finally {
      await running.close();
    }
  });

  it('on Express, for as long as user info is fresh', async () => {
    let now = Date.now();
    const options = {
      ...issuer().clientOptions,
      scope: SCOPE,
      userClaims: 'userinfo',
      userInfoMaxAge: 60_000,
    } as const;
    const client = new GenAuthClient<string>(options, { now: () => now });
    const app = express();
    app.post('/login', express.json(), signInHandler(new GenAuthPasswordStrategy(client)), (_req, res) => res.end());
    app.get('/me', requireAuth(client), (req, res) => void res.json(req.user));
    const url = await serve(app);
    const authorization = signIn();
    await ask(url, { path: '/login', json: PASSWORD });
    const me = async (): Promise<unknown> =>
      JSON.parse((await ask(url, { path: '/me', headers: { authorization } })).text) as unknown;
    now += 59_999;
    expect(await me()).toEqual(ALICE);
    expect(asked()).toBe(0);
    say({ ...ALICE, email: 'new@example.com' });
    now += 1;
    expect(await me()).toEqual({ ...ALICE, email: 'new@example.com' });
    expect(asked()).toBe(1);
    client.close();
  });
});
