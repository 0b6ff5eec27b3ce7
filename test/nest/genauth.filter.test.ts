import type { AddressInfo, Server } from 'node:net';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  HttpException,
  type INestApplication,
  type INestMicroservice,
  Injectable,
  Module,
  type ModuleMetadata,
  NotFoundException,
  type PipeTransform,
  type Provider,
  Query,
  type Type,
  UseFilters,
} from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientProxyFactory,
  MessagePattern,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { lastValueFrom } from 'rxjs';
import { GenAuthClient, type GenAuthOptions } from '../../src/index.js';
import { GenAuthModule } from '../../src/nest/index.js';
import { ANSWERS } from '../support/guarded-ways.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { type Reply, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { USER_INFO_PATH, bearer } from '../support/marked-routes.js';
import { MemoryLogger, PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const CAPTCHA_PATH = '/api/v3/get-captcha-code';
const TOKEN_PATH = '/oidc/token';

@Injectable()
class CaptchaPipe implements PipeTransform {
  constructor(private readonly client: GenAuthClient) {}
  transform(): Promise<unknown> {
    return this.client.getCaptcha();
  }
}

@Controller()
class Routes {
  constructor(private readonly client: GenAuthClient) {}

  @Get('captcha')
  captcha(): Promise<object> {
    return this.client.getCaptcha();
  }

  @Get('pipe')
  pipe(@Query('x', CaptchaPipe) x: object): object {
    return x;
  }

  @Get('refresh')
  refresh(): Promise<object> {
    return this.client.refresh('canary-refresh');
  }

  @Get('sign-in')
  signIn(): Promise<object> {
    return this.client.signIn({ account: '', password: 'canary' });
  }

  @Get('user-info')
  userInfo(@Query('token') token: string): Promise<object> {
    return this.client.userInfo(token);
  }

  @Get('own-error')
  ownError(): never {
    throw new Error('canary of the application');
  }

  @Get('not-found')
  notFound(): never {
    throw new NotFoundException('nothing here');
  }
}

/** A filter as many applications have it. It does not know this library. */
@Catch()
class CatchAll implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>();
    const { name, code, statusCode } = exception as { name?: string; code?: string; statusCode?: number };
    const status = exception instanceof HttpException ? exception.getStatus() : 500;
    response.status(status).send({ caught: name, code, statusCode });
  }
}

@UseFilters(CatchAll)
@Controller('filtered')
class Filtered extends Routes {}

interface More {
  before?: Type[];
  after?: NonNullable<ModuleMetadata['imports']>;
  providers?: Provider[];
  prepare?: (app: INestApplication) => void;
}

describe.each(Object.keys(PLATFORMS) as Platform[])('an error of this library in a handler on %s', (platform) => {
  const running: RunningApp[] = [];
  const start = async (options: Partial<GenAuthOptions> = {}, more: More = {}): Promise<string> => {
    const { clientOptions } = issuer();
    const app = await startNestApp(
      platform,
      {
        imports: [
          ...(more.before ?? []),
          GenAuthModule.forRoot({ ...clientOptions, ...options }),
          ...(more.after ?? []),
        ],
        controllers: [Routes, Filtered],
        providers: [CaptchaPipe, ...(more.providers ?? [])],
      },
      more.prepare === undefined ? {} : { prepare: more.prepare },
    );
    running.push(app);
    return app.url;
  };
  afterEach(async () => {
    for (const app of running.splice(0)) await app.close();
  });
  const read = async (url: string, headers = {}): Promise<{ status: number; headers: object; body: unknown }> => {
    const answer = await send(url, { headers });
    const names = ['www-authenticate', 'retry-after', 'cache-control'];
    const ours = names.map((name) => [name, answer.headers.get(name)] as const).filter(([, value]) => value !== null);
    return { status: answer.status, headers: Object.fromEntries(ours), body: answer.body };
  };
  const after = (seconds: string): object => ({
    ...ANSWERS.upstream_unavailable,
    headers: { 'cache-control': 'no-store', 'retry-after': seconds },
  });

  it('has the language of the only application, and no language of two', async () => {
    issuer().reply(CAPTCHA_PATH, { status: 500 });
    const staff = GenAuthModule.forRoot({ ...issuer().clientOptions, name: 'staff', language: 'zh' });
    const messages = [
      await read(`${await start({ language: 'zh' })}/captcha`),
      await read(`${await start({}, { after: [staff] })}/captcha`),
      await read(`${await start({ language: 'zh' }, { after: [staff] })}/captcha`, { 'accept-language': 'en' }),
    ].map(({ body }) => /\p{Script=Han}/u.test((body as { message: string }).message));
    expect(messages).toEqual([true, false, false]);
  });

  it.each<[string, Reply, object]>([
    ['HTTP 500', { status: 500 }, after('5')],
    ['HTTP 503, Retry-After: 9', { status: 503, headers: { 'retry-after': '9' } }, after('9')],
    ['statusCode 500 in HTTP 200', { body: { statusCode: 500 } }, after('5')],
    ['a reset', { reset: true }, after('5')],
    ['a page', { body: '<html>' }, ANSWERS.upstream_invalid_response],
    ['no captcha', { body: {} }, ANSWERS.upstream_invalid_response],
  ])('has one response from a handler and from a pipe if GenAuth answers %s', async (_title, reply, expected) => {
    issuer().reply(CAPTCHA_PATH, reply);
    const url = await start();
    expect(await read(`${url}/captcha`)).toEqual(expected);
    expect(await read(`${url}/pipe`)).toEqual(expected);
    expect(running[0]?.logger.lines.filter((line) => line.startsWith('error '))).toHaveLength(2);
  });

  it('has the status and the code of the guards', async () => {
    const url = await start();
    issuer().reply(TOKEN_PATH, { status: 400, body: { error: 'invalid_grant' } });
    expect(await read(`${url}/refresh`)).toMatchObject({ status: 401, body: { code: 'refresh_token_refused' } });
    expect(await read(`${url}/sign-in`)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    issuer().reply(USER_INFO_PATH, { status: 401 });
    const token = bearer(issuer()).slice('Bearer '.length);
    expect(await read(`${url}/user-info?token=${token}`)).toEqual(ANSWERS.invalid_token);
    expect(running[0]?.logger.lines.join('\n')).not.toContain('canary');
  });

  it('is 500 for a fault of the application, which is logged', async () => {
    const url = await start({ appSecret: () => Promise.reject(new Error('the vault is shut')) });
    expect(await read(`${url}/refresh`)).toEqual(ANSWERS.configuration_error);
    expect(running[0]?.logger.lines.join('\n')).toMatch(/error app_secret_unavailable: [^]*the vault is shut/);
  });

  it('has the language of Accept-Language or of the option', async () => {
    issuer().reply(CAPTCHA_PATH, { status: 500 });
    const url = await start();
    const chinese = { ...ANSWERS.upstream_unavailable.body, message: '身份服务暂时不可用，请稍后再试。' };
    expect((await read(`${url}/captcha`, { 'accept-language': 'zh-CN' })).body).toEqual(chinese);
    expect((await read(`${await start({ language: 'zh' })}/captcha`)).body).toEqual(chinese);
  });

  it('has the same response in an application of @nestjs/testing', async () => {
    issuer().reply(CAPTCHA_PATH, { status: 500 });
    const module = await Test.createTestingModule({
      imports: [GenAuthModule.forRoot(issuer().clientOptions)],
      controllers: [Routes],
      providers: [CaptchaPipe],
    }).compile();
    const app = module.createNestApplication(PLATFORMS[platform](), { logger: false });
    await app.listen(0, '127.0.0.1');
    const answer = await read(`${await app.getUrl()}/captcha`);
    await app.close();
    expect(answer).toEqual(ANSWERS.upstream_unavailable);
  });

  it('leaves other errors to Nest', async () => {
    const url = await start();
    expect(await read(`${url}/own-error`)).toEqual({
      status: 500,
      headers: {},
      body: { statusCode: 500, message: 'Internal server error' },
    });
    expect(await read(`${url}/not-found`)).toMatchObject({ status: 404, body: { message: 'nothing here' } });
    expect((await send(`${url}/nowhere`)).status).toBe(404);
  });

  const asAppFilter = { provide: APP_FILTER, useClass: CatchAll };
  @Module({ providers: [asAppFilter] })
  class FilterModule {}

  it.each<[string, More]>([
    ['APP_FILTER of the application', { providers: [asAppFilter] }],
    ['APP_FILTER of a module that is imported before', { before: [FilterModule] }],
  ])('is not passed to a catch-all filter by %s', async (_title, more) => {
    issuer().reply(CAPTCHA_PATH, { status: 500 });
    const url = await start({}, more);
    expect(await read(`${url}/captcha`)).toEqual(ANSWERS.upstream_unavailable);
    expect((await read(`${url}/own-error`)).body).toEqual({ caught: 'Error' });
  });

  it.each<[string, string, More]>([
    ['by useGlobalFilters', 'captcha', { prepare: (app) => void app.useGlobalFilters(new CatchAll()) }],
    ['by APP_FILTER of a module that is imported after', 'captcha', { after: [FilterModule] }],
    ['on a controller', 'filtered/captcha', {}],
  ])('is passed with its code and status to a catch-all filter %s', async (...row) => {
    const [, path, more] = row;
    issuer().reply(CAPTCHA_PATH, { status: 500 });
    expect(await read(`${await start({}, more)}/${path}`)).toEqual({
      status: 500,
      headers: {},
      body: { caught: 'UpstreamError', code: 'upstream_unavailable', statusCode: 503 },
    });
  });
});

@Controller()
class Messages {
  constructor(private readonly client: GenAuthClient) {}

  @MessagePattern('captcha')
  captcha(): Promise<object> {
    return this.client.getCaptcha();
  }

  @MessagePattern('refresh')
  refresh(): Promise<object> {
    return this.client.refresh('canary-refresh');
  }
}

describe('an error of this library in a microservice', () => {
  let app: INestMicroservice;
  let proxy: ClientProxy;
  const logger = new MemoryLogger();

  beforeAll(async () => {
    class AppModule {}
    app = await NestFactory.createMicroservice<TcpOptions>(
      { module: AppModule, imports: [GenAuthModule.forRoot(issuer().clientOptions)], controllers: [Messages] },
      { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 }, logger, abortOnError: false },
    );
    await app.listen();
    const { port } = app.unwrap<Server>().address() as AddressInfo;
    proxy = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    await proxy.connect();
  });
  afterAll(async () => {
    await proxy.close();
    await app.close();
  });
  const ask = (pattern: string, data: object = {}): Promise<unknown> =>
    lastValueFrom(proxy.send<unknown>(pattern, data)).catch((error: unknown) => ({ refused: error }));

  it.each([
    ['captcha', CAPTCHA_PATH, { status: 500 }, 503, 'upstream_unavailable'],
    ['refresh', TOKEN_PATH, { status: 400, body: { error: 'invalid_grant' } }, 401, 'refresh_token_refused'],
    ['refresh', TOKEN_PATH, { status: 401, body: { error: 'invalid_client' } }, 500, 'configuration_error'],
  ])('in the handler %s is sent without its cause', async (pattern, path, reply, status, code) => {
    issuer().reply(path, reply);
    const answer = await ask(pattern);
    expect(answer).toEqual({
      refused: { statusCode: status, error: expect.any(String), message: expect.any(String), code },
    });
    expect(findLeaks([answer, logger.lines], ['canary-refresh'])).toEqual([]);
    expect(findLeaks(answer, [issuer().url])).toEqual([]);
  });
});
