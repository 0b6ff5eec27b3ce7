import { jest } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Logger,
  type Provider,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { RpcException } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { lastValueFrom, throwError } from 'rxjs';
import { GenAuthClient, type GenAuthOptions, UpstreamError } from '../../src/index.js';
import { GenAuthErrorInterceptor, GenAuthGuard, GenAuthModule } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { useIssuer } from '../support/issuer.js';
import { MemoryLogger, PLATFORMS, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const realNow = performance.now.bind(performance);
let minutes = 0;
beforeEach(() => {
  // Equal lines are written once a minute.
  minutes += 2;
  jest.spyOn(performance, 'now').mockImplementation(() => realNow() + minutes * 60_000);
});
afterEach(() => jest.restoreAllMocks());
beforeEach(() => issuer().reply('/api/v3/get-captcha-code', { status: 503, headers: { 'retry-after': '9' } }));

@Controller()
class Routes {
  constructor(private readonly client: GenAuthClient) {}

  @Get('captcha')
  captcha(): Promise<object> {
    return this.client.getCaptcha();
  }

  @Get('refresh')
  refresh(): Promise<object> {
    return this.client.refresh('the refresh token');
  }

  @UseGuards(GenAuthGuard)
  @Get('guarded')
  guarded(): void {}
}
const INTERCEPTOR: Provider = { provide: APP_INTERCEPTOR, useClass: GenAuthErrorInterceptor };

/** Starts an application with modules of these options, and sends one request whose handler throws. */
async function answer(modules: Partial<GenAuthOptions>[], language: string): Promise<object> {
  const imports = modules.map((options) =>
    GenAuthModule.forRootAsync({
      name: options.name,
      useFactory: () => ({ ...issuer().clientOptions, ...options }),
    }),
  );
  const { url, logger, close } = await startNestApp('Express', {
    imports,
    controllers: [Routes],
    providers: [INTERCEPTOR],
  });
  const { status, headers, body } = await send(`${url}/captcha`, { headers: { 'accept-language': language } });
  await close();
  return { status, body, retryAfter: headers.get('retry-after'), log: logger.lines.join('\n') };
}

const body = (message: string): object => ({
  statusCode: 503,
  error: 'Service Unavailable',
  message,
  code: 'upstream_unavailable',
});
const ENGLISH = body('The identity service is not available. Try again later.');
const CHINESE = body('身份服务暂时不可用，请稍后再试。');

it.each<[title: string, modules: Partial<GenAuthOptions>[], language: string, body: object]>([
  ['of Accept-Language', [{}], 'zh-CN', CHINESE],
  ['of the only application', [{ language: 'zh' }], 'en', CHINESE],
  ['of Accept-Language with two applications', [{ language: 'zh' }, { name: 'staff', language: 'zh' }], 'en', ENGLISH],
])('answers and logs an error of a handler in the language %s', async (...[, modules, language, expected]) => {
  const log = expect.stringContaining('error upstream_') as string;
  expect(await answer(modules, language)).toEqual({ status: 503, body: expected, retryAfter: '9', log });
});

it('answers in an application of @nestjs/testing', async () => {
  const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
  const module = await Test.createTestingModule({ imports, controllers: [Routes], providers: [INTERCEPTOR] }).compile();
  const app = module.createNestApplication(PLATFORMS.Express(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const response = await send(`${await app.getUrl()}/captcha`);
  await app.close();
  expect(response).toMatchObject({ status: 503, body: ENGLISH });
});

describe('in another transport', () => {
  const catchError = async (type: string): Promise<unknown> => {
    const context = new ExecutionContextHost([{}, {}, {}, {}]);
    context.setType(type);
    const handle = () => throwError(() => new UpstreamError('upstream_unreachable', 'why'));
    const interceptor = new GenAuthErrorInterceptor(new HttpAdapterHost());
    return lastValueFrom(interceptor.intercept(context, { handle })).catch((error: unknown) => error);
  };

  it('throws and logs the body of the response in a microservice', async () => {
    const logger = new MemoryLogger();
    Logger.overrideLogger(logger);
    expect((await catchError('rpc')) as RpcException).toEqual(new RpcException(ENGLISH));
    expect(logger.lines.join()).toContain('error upstream_unreachable');
  });

  it('passes on the error of a context that it does not know', async () => {
    expect(await catchError('telegram')).toBeInstanceOf(UpstreamError);
  });

  it('throws the exception of GraphQL', async () => {
    expect(await catchError('graphql')).toMatchObject({ extensions: { originalError: ENGLISH } });
  });
});

const BARE = { statusCode: 503, message: 'Service Unavailable' };
/** Old versions of Nest would send the message of the error, so the module registers the interceptor itself. */
const REGISTERS_ITSELF = Boolean(
  new BaseExceptionFilter().isHttpError(Object.assign(new Error('x'), { statusCode: 500 })),
);

/** The usual filter that reports each error of an application. */
@Catch()
class Reporter extends BaseExceptionFilter {
  static readonly seen: unknown[] = [];
  override catch(error: unknown, host: ArgumentsHost): void {
    Reporter.seen.push(error);
    super.catch(error, host);
  }
}

describe.each<[title: string, providers: Provider[], usesGlobalFilter: boolean]>([
  ['without a filter', [], false],
  ['with a filter of APP_FILTER', [{ provide: APP_FILTER, useClass: Reporter }], false],
  ['with a filter of useGlobalFilters', [], true],
])('%s', (_title, providers, usesGlobalFilter) => {
  it.each([
    ['no interceptor of the application', [], REGISTERS_ITSELF ? ENGLISH : BARE],
    ['the interceptor', [INTERCEPTOR], ENGLISH],
  ])(
    'an error of a handler has its status and no text for the operator, with %s',
    async (_, interceptors, expected) => {
      Reporter.seen.length = 0;
      const imports = [GenAuthModule.forRoot({ ...issuer().clientOptions, language: 'en' })];
      const { url, close } = await startNestApp(
        'Express',
        { imports, controllers: [Routes], providers: [...providers, ...interceptors] },
        {
          prepare: (app) =>
            void (usesGlobalFilter && app.useGlobalFilters(new Reporter(app.getHttpAdapter() as never))),
        },
      );
      const captcha = await send(`${url}/captcha`);
      issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } });
      const refresh = await send(`${url}/refresh`);
      await close();
      expect([captcha.status, captcha.body, refresh.status]).toEqual([503, expected, 401]);
      expect(JSON.stringify(refresh.body)).not.toContain('invalid_grant');
      const reported = providers.length > 0 || usesGlobalFilter ? 2 : 0;
      expect(Reporter.seen).toHaveLength(reported);
    },
  );
});

it('a filter for an exception of Nest receives the refusal of its status', async () => {
  const seen: string[] = [];
  @Catch(UnauthorizedException, ForbiddenException)
  class ToLogin {
    catch(error: Error, host: ArgumentsHost): void {
      seen.push(error.name);
      host.switchToHttp().getResponse<{ redirect: (url: string) => void }>().redirect('/login');
    }
  }
  const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
  const providers = [{ provide: APP_FILTER, useClass: ToLogin }];
  const { url, close } = await startNestApp('Express', { imports, controllers: [Routes], providers });
  const { status, headers } = await fetch(`${url}/guarded`, { redirect: 'manual' });
  await close();
  expect([status, headers.get('location'), seen]).toEqual([302, '/login', ['GenAuthException']]);
});
