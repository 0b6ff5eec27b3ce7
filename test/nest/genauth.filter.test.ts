import { jest } from '@jest/globals';
import { Controller, Get, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Test } from '@nestjs/testing';
import { type Observable, lastValueFrom } from 'rxjs';
import { GenAuthClient, type GenAuthOptions, UpstreamError } from '../../src/index.js';
import { GenAuthErrorFilter } from '../../src/nest/genauth.filter.js';
import { GenAuthModule } from '../../src/nest/index.js';
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
}

/** Starts an application with modules of these options, and sends one request whose handler throws. */
async function answer(modules: Partial<GenAuthOptions>[], language: string): Promise<object> {
  const imports = modules.map((options) =>
    GenAuthModule.forRootAsync({
      name: options.name,
      useFactory: () => ({ ...issuer().clientOptions, ...options }),
    }),
  );
  const { url, logger, close } = await startNestApp('Express', { imports, controllers: [Routes] });
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
  const module = await Test.createTestingModule({ imports, controllers: [Routes] }).compile();
  const app = module.createNestApplication(PLATFORMS.Express(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const response = await send(`${await app.getUrl()}/captcha`);
  await app.close();
  expect(response).toMatchObject({ status: 503, body: ENGLISH });
});

describe('in another transport', () => {
  const catchError = (type: string): unknown => {
    const context = new ExecutionContextHost([{}, {}, {}, {}]);
    context.setType(type);
    const filter = new GenAuthErrorFilter(new HttpAdapterHost(), () => ({ language: 'en', exposeReasons: false }));
    return filter.catch(new UpstreamError('upstream_unreachable', 'why'), context);
  };

  it('throws and logs the body of the response in a microservice', async () => {
    const logger = new MemoryLogger();
    Logger.overrideLogger(logger);
    await expect(lastValueFrom(catchError('rpc') as Observable<unknown>)).rejects.toEqual(ENGLISH);
    expect(logger.lines.join()).toContain('error upstream_unreachable');
  });

  it('returns the exception of GraphQL', () => {
    expect(catchError('graphql')).toMatchObject({ extensions: { originalError: ENGLISH } });
  });
});
