import { Body, Controller, type INestApplication, Post, Req, type RawBodyRequest } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { refuseUnreadableBodies } from '../../src/nest/index.js';
import { MemoryLogger, PLATFORMS, type Platform } from '../support/nest-app.js';
import { type WebRequest, ask } from '../support/web-server.js';

const CANARY = 'canary';

@Controller()
class EchoController {
  @Post()
  echo(@Body() body: unknown, @Req() req: RawBodyRequest<object>): object {
    return { body, rawBody: String(req.rawBody) };
  }
}

const closing: INestApplication[] = [];
const loggers: MemoryLogger[] = [];
afterEach(() => Promise.all(closing.splice(0).map((app) => app.close())));

async function start(platform: Platform, prepare = refuseUnreadableBodies): Promise<string> {
  class AppModule {}
  const logger = new MemoryLogger();
  const module = { module: AppModule, controllers: [EchoController] };
  const app = await NestFactory.create<INestApplication>(module, PLATFORMS[platform](), { logger, rawBody: true });
  closing.push(app);
  loggers.push(logger);
  prepare(app);
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

const BROKEN: WebRequest = { text: `{"password":${CANARY}` };
const LARGE: WebRequest = { json: { password: CANARY.repeat(300_000) } };
const FORM = 'application/x-www-form-urlencoded';
const OURS = { message: 'The body of the request cannot be read.', code: 'invalid_request' };
const FASTIFY_SIZE = { message: 'Request body is too large' };
const FASTIFY_TYPE = { message: expect.stringMatching(/^Unsupported Media Type/) };

it.each<[string, Platform, WebRequest, number, object]>([
  ['broken JSON', 'Express', BROKEN, 400, { error: 'Bad Request', ...OURS }],
  ['broken JSON', 'Fastify', BROKEN, 400, { error: 'Bad Request', ...OURS }],
  ['another charset', 'Express', { ...BROKEN, type: 'application/json; charset=x' }, 415, OURS],
  ['another charset', 'Fastify', { ...BROKEN, type: 'application/json; charset=x' }, 400, OURS],
  ['another encoding', 'Express', { ...BROKEN, headers: { 'content-encoding': 'x' } }, 415, OURS],
  ['another type', 'Fastify', { ...BROKEN, type: 'text/csv' }, 415, FASTIFY_TYPE],
  ['a large body', 'Express', LARGE, 413, { error: 'Payload Too Large', ...OURS }],
  ['a large body', 'Fastify', LARGE, 413, FASTIFY_SIZE],
  ['too many fields', 'Express', { text: `${CANARY}=&`.repeat(1001), type: FORM }, 413, OURS],
  ['the field __proto__', 'Fastify', { text: `__proto__=${CANARY}`, type: FORM }, 400, OURS],
])('refuses %s on %s without its text', async (_title, platform, request, status, body) => {
  const { text } = await ask(await start(platform), request);
  expect(JSON.parse(text)).toMatchObject({ statusCode: status, ...body });
  expect([text, ...loggers.splice(0).flatMap(({ lines }) => lines)].join('\n')).not.toContain(CANARY);
});

it.each(['Express', 'Fastify'] as const)(
  'parses JSON and forms once on %s, and keeps the raw body',
  async (platform) => {
    const url = await start(platform);
    const answers = [await ask(url, { text: '{"a":"1"}' }), await ask(url, { text: 'a=1', type: FORM })];
    expect(answers.map(({ text }) => JSON.parse(text) as unknown)).toEqual([
      { body: { a: '1' }, rawBody: '{"a":"1"}' },
      { body: { a: '1' }, rawBody: 'a=1' },
    ]);
  },
);

it('keeps a body parser that was registered before', async () => {
  const parsers: string[] = [];
  const url = await start('Express', (app) => {
    (app as INestApplication & { useBodyParser: (type: string, options: object) => void }).useBodyParser('json', {
      limit: '9mb',
    });
    refuseUnreadableBodies(app);
    app.use((_req: unknown, _res: unknown, next: () => void) => {
      const { router } = app.getHttpAdapter().getInstance() as { router: { stack: { name: string }[] } };
      parsers.push(...router.stack.map(({ name }) => name).filter((name) => name.endsWith('Parser')));
      next();
    });
  });
  expect(await ask(url, LARGE)).toMatchObject({ status: 201 });
  // Old versions of Nest add their own parsers behind these, where the body is already parsed.
  expect(parsers.slice(0, 3)).toEqual(['jsonParser', 'jsonParser', 'urlencodedParser']);
});

it('quotes the body without this function, which is the reason for it', async () => {
  const { text } = await ask(await start('Express', () => {}), BROKEN);
  expect(text).toContain(CANARY);
});

it('refuses another HTTP adapter', () => {
  const app = { getHttpAdapter: () => ({ getType: () => 'own' }) } as unknown as INestApplication;
  expect(() => refuseUnreadableBodies(app)).toThrow(
    "app uses the HTTP adapter 'own': call refuseUnreadableBodies only",
  );
});
