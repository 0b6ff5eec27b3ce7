import { jest } from '@jest/globals';
import { Controller, HttpCode, Module, Post, UseGuards } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { GenAuthClient, type GenAuthOptions } from '../../src/index.js';
import { getOnlyOptions } from '../../src/nest/applications.js';
import { GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { buildHandlers } from '../support/handlers.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, DISCOVERY_PATH, SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { PLATFORMS, type Platform, type RunningApp, startNestApp } from '../support/nest-app.js';
import { Gate, until } from '../support/promise.js';
import { ask } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();

const LOGIN = [UseGuards(GenAuthPasswordGuard), HttpCode(200), Post('login')];
const Routes = buildHandlers({ login: LOGIN }, Controller());

function start(...applications: Partial<GenAuthOptions>[]): Promise<RunningApp> {
  const imports = applications.map((options) => GenAuthModule.forRoot({ ...issuer().clientOptions, ...options }));
  return startNestApp('Express', { imports });
}

it.each(Object.keys(PLATFORMS) as Platform[])('answers a pending login during app.close() on %s', async (platform) => {
  const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
  const { url, app, close } = await startNestApp(platform, { imports, controllers: [Routes] });
  const gate = new Gate();
  const tokens = {
    id_token: issuer().sign(issuer().idTokenClaims()),
    access_token: issuer().sign(issuer().accessTokenClaims()),
  };
  issuer().reply(SIGN_IN_PATH, async () => {
    await gate.opened;
    return { body: { statusCode: 200, data: tokens } };
  });
  const sending = ask(url, { path: '/login', json: { account: 'alice', password: 'passw0rd' } });
  await until(() => issuer().count(SIGN_IN_PATH) === 1);
  const closing = close();
  const server = app.getHttpServer() as { listening: boolean };
  await until(() => !server.listening);
  gate.open();
  const answer = await sending;
  await closing;
  expect(answer).toMatchObject({ status: 200, text: expect.stringContaining(SUBJECT) });
});

it('warns if the keys could not be fetched at the start, with the reason', async () => {
  issuer().reply(DISCOVERY_PATH, { status: 500 });
  const { logger, close } = await start({});
  const warning = /warn The keys could not be fetched at the start.* upstream_unavailable: /;
  await until(() => warning.test(logger.lines.join('\n')));
  await close();
});

it('closes the client, and waits for the pending request for the keys', async () => {
  const gate = new Gate();
  issuer().reply(DISCOVERY_PATH, async () => {
    await gate.opened;
    return { status: 500 };
  });
  const running = await start({});
  const close = jest.spyOn(running.app.get(GenAuthClient), 'close');
  await until(() => issuer().count(DISCOVERY_PATH) === 1);
  // Closing makes the pending request fail.
  await running.close();
  gate.open();
  expect(close).toHaveBeenCalledTimes(1);
  // The end of this request is no fault of GenAuth.
  expect(running.logger.lines.join('\n')).not.toContain('The keys could not be fetched');
});

it.each([
  ['app', { appId: 'another-app' }, "'another-app'"],
  ['host', { appHost: 'http://127.0.0.1:9' }, APP_ID],
])('refuses to start with a second GenAuthModule of the same name for another %s', async (_title, second, named) => {
  const starting = start({}, second);
  await expect(starting).rejects.toMatchObject({
    code: 'invalid_options',
    message: expect.stringMatching(/^GenAuthModule is imported for .* with the same name '.*': give the second app/),
    details: { mistakes: [{ option: 'name', fix: expect.stringMatching(/^give the second app another name/) }] },
  });
  await expect(starting).rejects.toThrow(named);
});

it('starts with a second GenAuthModule for the same app', async () => {
  await (await start({}, {})).close();
});

it('has the default options of a response in a Nest application without GenAuth', () => {
  expect(getOnlyOptions(new HttpAdapterHost())).toMatchObject({ language: undefined, exposeReasons: false });
});

it('an application context without a server fetches no keys, and ends without a report about GenAuth', async () => {
  const controllers = [buildHandlers({ event: [EventPattern('x') as MethodDecorator] }, Controller())];
  @Module({ imports: [GenAuthModule.forRoot(issuer().clientOptions)], controllers })
  class CommandModule {}
  const context = await NestFactory.createApplicationContext(CommandModule, { logger: false });
  await context.close();
  expect(issuer().count(DISCOVERY_PATH)).toBe(0);
});
