import { jest } from '@jest/globals';
import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthClient, type GenAuthOptions } from '../../src/index.js';
import { CurrentUser, GenAuthGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, DISCOVERY_PATH, SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { USER_INFO_PATH, bearer } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, type RunningApp, startNestApp } from '../support/nest-app.js';
import { Gate, until } from '../support/promise.js';
import { type WebAnswer, ask } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();

@Controller()
class Routes {
  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own')
  own(@CurrentUser('sub') sub: string): object {
    return { sub };
  }

  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('bare')
  bare(@CurrentUser('sub') sub: string): object {
    return { sub };
  }

  @UseGuards(GenAuthGuard)
  @Get('me')
  me(@CurrentUser('sub') sub: string): object {
    return { sub };
  }
}

const ALICE = { account: 'alice', password: 'passw0rd' };
const start = (platform: Platform, options: Partial<GenAuthOptions> = {}): Promise<RunningApp> =>
  startNestApp(platform, {
    imports: [GenAuthModule.forRoot({ ...issuer().clientOptions, ...options })],
    controllers: [Routes],
  });

describe.each(Object.keys(PLATFORMS) as Platform[])('app.close() on %s', (platform) => {
  /** Closes the application during a request to GenAuth, and returns the response to the caller. */
  const closeDuring = async (
    path: string,
    options: Partial<GenAuthOptions>,
    send: (url: string) => Promise<WebAnswer>,
    body: object,
  ): Promise<[status: number, body: unknown]> => {
    const running = await start(platform, options);
    const gate = new Gate();
    issuer().reply(path, async () => {
      await gate.opened;
      return { body };
    });
    const sending = send(running.url);
    await until(() => issuer().count(path) === 1);
    const closing = running.close();
    const server = running.app.getHttpServer() as { listening: boolean };
    await until(() => !server.listening);
    gate.open();
    const { status, text } = await sending;
    await closing;
    return [status, JSON.parse(text)];
  };

  it.each(['own', 'bare'])('answers a pending login at /%s', async (path) => {
    const tokens = {
      id_token: issuer().sign(issuer().idTokenClaims()),
      access_token: issuer().sign(issuer().accessTokenClaims()),
    };
    const answer = await closeDuring(SIGN_IN_PATH, {}, (url) => ask(url, { path: `/${path}`, json: ALICE }), {
      statusCode: 200,
      data: tokens,
    });
    expect(answer).toEqual([200, { sub: SUBJECT }]);
    expect(issuer().count(SIGN_IN_PATH)).toBe(1);
  });

  it('answers a pending request that needs user info', async () => {
    const headers = { authorization: bearer(issuer()) };
    const options = { userClaims: 'userinfo' } as const;
    const send = (url: string): Promise<WebAnswer> => ask(url, { path: '/me', headers });
    expect(await closeDuring(USER_INFO_PATH, options, send, { sub: SUBJECT })).toEqual([200, { sub: SUBJECT }]);
  });

  it('closes the client, and waits for the pending request for the keys', async () => {
    const gate = new Gate();
    issuer().reply(DISCOVERY_PATH, async () => {
      await gate.opened;
      return { status: 500 };
    });
    const running = await start(platform);
    const client = running.app.get(GenAuthClient);
    const close = jest.spyOn(client, 'close');
    await until(() => issuer().count(DISCOVERY_PATH) === 1);
    // Closing makes the pending request fail.
    await running.close();
    gate.open();
    expect(close).toHaveBeenCalledTimes(1);
    expect(running.logger.lines.join('\n')).toContain('warn The keys could not be fetched at the start');
  });
});

describe('a second GenAuthModule', () => {
  const other = (changes: Partial<GenAuthOptions>): GenAuthOptions => ({ ...issuer().clientOptions, ...changes });
  const startBoth = (second: GenAuthOptions, first: GenAuthOptions = issuer().clientOptions): Promise<RunningApp> =>
    startNestApp('Express', { imports: [GenAuthModule.forRoot(first), GenAuthModule.forRoot(second)] });

  it.each<[string, Partial<GenAuthOptions>, string]>([
    ['another app', { appId: 'another-app' }, "'another-app'"],
    ['another host', { appHost: 'http://127.0.0.1:9' }, APP_ID],
  ])('for %s with the same name stops the start', async (_title, changes, named) => {
    const starting = startBoth(other(changes));
    await expect(starting).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_options' });
    await expect(starting).rejects.toThrow(/with the same name 'genauth': give the second app another name/);
    await expect(starting).rejects.toThrow(named);
  });

  it('for another app with the same name of its own stops the start', async () => {
    const name = 'staff';
    await expect(startBoth(other({ appId: 'another-app', name }), other({ name }))).rejects.toThrow(
      /with the same name 'staff'/,
    );
  });

  it.each<[string, Partial<GenAuthOptions>]>([
    ['the same app', {}],
    ['another app by another name', { appId: 'another-app', name: 'staff' }],
  ])('for %s starts', async (_title, changes) => {
    const running = await startBoth(other(changes));
    await running.close();
  });

  it('in another Nest application of the process starts', async () => {
    const running = await start('Express');
    const second = await start('Express', { appId: 'another-app' });
    await running.close();
    await second.close();
  });

  it('in a Nest application that is started again starts', async () => {
    for (const appId of ['first-app', 'second-app']) await (await start('Fastify', { appId })).close();
  });
});
