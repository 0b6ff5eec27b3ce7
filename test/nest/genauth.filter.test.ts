import {
  type ArgumentsHost,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  Get,
  Module,
  type ModuleMetadata,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { MessagePattern } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { lastValueFrom } from 'rxjs';
import { GenAuthClient, type GenAuthOptions, UpstreamError } from '../../src/index.js';
import { GenAuthErrorFilter } from '../../src/nest/genauth.filter.js';
import { GenAuthModule } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { startMicroservice } from '../support/microservice.js';
import { MemoryLogger, PLATFORMS, type Platform, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();
beforeEach(() => issuer().reply('/api/v3/get-captcha-code', { status: 503, headers: { 'retry-after': '9' } }));

@Controller()
class Routes {
  constructor(private readonly client: GenAuthClient) {}

  @MessagePattern('captcha')
  @Get('captcha')
  captcha(): Promise<object> {
    return this.client.getCaptcha();
  }
}

/** A filter as many applications have it. It does not know this library. */
@Catch()
class CatchAll implements ExceptionFilter {
  catch(exception: Error, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>();
    const { code, statusCode } = exception as { code?: string; statusCode?: number };
    response.status(500).send({ caught: exception.name, code, statusCode });
  }
}

interface More {
  platform?: Platform;
  options?: Partial<GenAuthOptions>;
  imports?: NonNullable<ModuleMetadata['imports']>;
  providers?: Provider[];
}
/** Starts an application, sends one request whose handler throws, and returns the response and the log. */
async function answer({ platform = 'Express', options, imports = [], providers = [] }: More = {}, headers = {}) {
  const own = GenAuthModule.forRoot({ ...issuer().clientOptions, ...options });
  const metadata = { imports: [own, ...imports], controllers: [Routes], providers };
  const { url, logger, close } = await startNestApp(platform, metadata);
  const { status, headers: received, body } = await send(`${url}/captcha`, { headers });
  await close();
  return { status, body, retryAfter: received.get('retry-after'), log: logger.lines.join('\n') };
}

const body = (message: unknown): object => ({
  statusCode: 503,
  error: 'Service Unavailable',
  message,
  code: 'upstream_unavailable',
});
const REFUSED = { status: 503, body: body('The identity service is not available. Try again later.') };
const CHINESE = { status: 503, body: body('身份服务暂时不可用，请稍后再试。') };
const CHINESE_OPTION = { options: { language: 'zh' } } as const;

it.each(Object.keys(PLATFORMS) as Platform[])('answers and logs an error of a handler on %s', async (platform) => {
  const log = expect.stringContaining('error upstream_') as string;
  expect(await answer({ platform })).toMatchObject({ ...REFUSED, retryAfter: '9', log });
});

it.each<[title: string, more: More, language: string, expected: object]>([
  ['of Accept-Language', {}, 'zh-CN', CHINESE],
  ['of the only application', CHINESE_OPTION, 'en', CHINESE],
  ['of Accept-Language with two applications', { ...CHINESE_OPTION, imports: [importStaff()] }, 'en', REFUSED],
])('has the language %s', async (_title, more, language, expected) => {
  expect(await answer(more, { 'accept-language': language })).toMatchObject(expected);
});

function importStaff(): DynamicModule {
  const useFactory = (): GenAuthOptions => ({ ...issuer().clientOptions, language: 'zh' });
  return GenAuthModule.forRootAsync({ name: 'staff', useFactory });
}

it('answers in an application of @nestjs/testing', async () => {
  const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
  const module = await Test.createTestingModule({ imports, controllers: [Routes] }).compile();
  const app = module.createNestApplication(PLATFORMS.Express(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const response = await send(`${await app.getUrl()}/captcha`);
  await app.close();
  expect(response).toMatchObject(REFUSED);
});

const asAppFilter = { provide: APP_FILTER, useClass: CatchAll };
@Module({ providers: [asAppFilter] })
class FilterModule {}
const CAUGHT = { status: 500, body: { caught: 'UpstreamError', code: 'upstream_unavailable', statusCode: 503 } };

it.each<[title: string, more: More, expected: object]>([
  ['overrides APP_FILTER of the application', { providers: [asAppFilter] }, REFUSED],
  ['is overridden by APP_FILTER of a module that is imported after', { imports: [FilterModule] }, CAUGHT],
])('the filter %s', async (_title, more, expected) => {
  expect(await answer(more)).toMatchObject(expected);
});

it('answers in a microservice without the cause', async () => {
  const logger = new MemoryLogger();
  const imports = [GenAuthModule.forRoot(issuer().clientOptions)];
  const { proxy, close } = await startMicroservice({ imports, controllers: [Routes] }, logger);
  const refusal: unknown = await lastValueFrom(proxy.send('captcha', {})).catch((error: unknown) => error);
  await close();
  expect(refusal).toEqual(REFUSED.body);
  expect(findLeaks(refusal, [issuer().url])).toEqual([]);
  expect(logger.lines.join()).toContain('error upstream_');
});

it('returns the exception of another transport', () => {
  const options = { language: undefined, exposeReasons: false };
  const context = new ExecutionContextHost([{}, {}, {}, {}]);
  context.setType('graphql');
  const filter = new GenAuthErrorFilter(new HttpAdapterHost(), () => options);
  expect(filter.catch(new UpstreamError('upstream_unreachable', 'why'), context)).toMatchObject({
    extensions: { originalError: REFUSED.body },
  });
});
