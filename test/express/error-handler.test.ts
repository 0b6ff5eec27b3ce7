import express, { type RequestHandler } from 'express';
import {
  AuthorizationError,
  ConfigurationError,
  RequestError,
  TokenVerificationError,
  UpstreamError,
  genAuthErrorHandler,
} from '../../src/index.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { findLeaks } from '../support/leak.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const serve = useWebServer();

const CANARY = 'canary-of-the-cause';
type Handler = ReturnType<typeof genAuthErrorHandler>;
const withOptions = (options: object): Handler => genAuthErrorHandler({ options } as never);

/** An application whose route passes an error to the handler. Errors that the handler passes on have status 418. */
const start = (error: unknown, handler = genAuthErrorHandler(), framework = express): Promise<string> => {
  const app = framework();
  app.use(framework.json({ limit: 100 }), (_req, _res, next) => next(error), handler as unknown as RequestHandler);
  app.use(
    ((thrown: unknown, _req: unknown, res: express.Response, _next: unknown) =>
      void res.status(418).end(String(thrown))) as unknown as RequestHandler,
  );
  return serve(app);
};
const parse = ({ text }: WebAnswer): unknown => JSON.parse(text);

describe.each(EXPRESS_VERSIONS)('on %s', (_version, framework) => {
  it('sends the complete response to an error of this library', async () => {
    const error = new UpstreamError('upstream_timeout', CANARY, { retryAfter: 9 });
    const handler = withOptions({ language: 'zh', name: 'app' });
    const { status, headers, text } = await ask(await start(error, handler, framework));
    const message = '身份服务暂时不可用，请稍后再试。';
    const body = { statusCode: 503, error: 'Service Unavailable', message, code: 'upstream_unavailable' };
    expect([status, JSON.parse(text)]).toEqual([503, body]);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
      'cache-control': 'no-store',
      'retry-after': '9',
    });
  });

  it.each<[string, Parameters<typeof ask>[1], number]>([
    ['that is no JSON', { text: '{"password":"canary-password"' }, 400],
    ['that is too large', { json: { password: 'canary-password'.repeat(10) } }, 413],
    ['with an unknown charset', { text: '{}', type: 'application/json; charset=canary-password' }, 415],
    ['with an unknown encoding', { text: '{}', headers: { 'content-encoding': 'canary-password' } }, 415],
  ])('answers a body %s without its content', async (_title, request, status) => {
    const answer = await ask(await start(undefined, genAuthErrorHandler(), framework), request);
    expect(answer).toMatchObject({ status, headers: { 'cache-control': 'no-store' } });
    const message = 'The body of the request cannot be read.';
    expect(parse(answer)).toMatchObject({ statusCode: status, message, code: 'invalid_request' });
    expect(findLeaks(answer, ['canary-password'])).toEqual([]);
  });
});

it.each<[string, unknown, number, string]>([
  ['an outage', new UpstreamError('upstream_timeout', CANARY), 503, 'upstream_unavailable'],
  [
    'an answer of GenAuth that is not valid',
    new UpstreamError('upstream_invalid_response', CANARY),
    502,
    'upstream_invalid_response',
  ],
  ['a wrong configuration', new ConfigurationError('invalid_options', CANARY), 500, 'configuration_error'],
  ['a wrong token', new TokenVerificationError('token_expired', CANARY), 401, 'invalid_token'],
  ['a missing role', new AuthorizationError('insufficient_role', CANARY), 403, 'insufficient_role'],
  ['a wrong request', new RequestError('x'), 400, 'invalid_request'],
])('answers %s', async (_title, error, status, code) => {
  const answer = await ask(await start(error));
  expect(answer.status).toBe(status);
  expect(parse(answer)).toMatchObject({ statusCode: status, code });
  expect(findLeaks(answer, [CANARY])).toEqual([]);
});

it('sends the challenge of a wrong token', async () => {
  const answer = await ask(await start(new TokenVerificationError('token_missing', CANARY)));
  expect(answer.headers['www-authenticate']).toBe('Bearer realm="genauth"');
});

const make = (members: object): Error => Object.assign(new Error('of the application'), members);
it.each<[string, unknown]>([
  ['a string', 'of the application'],
  ['an Error', make({})],
  ['an Error with a status', make({ status: 404 })],
  ['an Error with a type', make({ type: 'entity.too.large' })],
  ['an Error of another package with a type and status 429', make({ type: 'insufficient_quota', status: 429 })],
  ['an Error with a type and status 399', make({ type: 'entity.too.large', status: 399 })],
  ['an Error with a type and status 500', make({ type: 'entity.too.large', status: 500 })],
  ['an Error with a type and a status that is a string', make({ type: 'entity.too.large', status: '400' })],
  ['an Error with a status and a type that is a number', make({ type: 5, status: 400 })],
])('passes %s to the next error handler', async (_title, error) => {
  warnings.length = 0;
  const { status, text } = await ask(await start(error));
  expect([status, text]).toEqual([418, expect.stringContaining('of the application')]);
  expect(warnings).toEqual([]);
});

it.each([
  [400, 'Bad Request'],
  [499, ''],
])('answers an error of body-parser with status %i', async (status, phrase) => {
  const answer = await ask(await start(make({ type: 'entity.verify.failed', status })));
  expect(parse(answer)).toMatchObject({ statusCode: status, error: phrase, code: 'invalid_request' });
});

it.each([undefined, null])('passes %s to the next error handler', async (thrown) => {
  const passed = await new Promise((resolve) => {
    genAuthErrorHandler()(thrown, { headers: {} } as never, {} as never, (...args) => resolve(args));
  });
  expect(passed).toEqual([thrown]);
});

it.each([
  [genAuthErrorHandler(), 'zh-CN', '您没有权限访问此资源。'],
  [genAuthErrorHandler(), 'de', 'You are not allowed to access this resource.'],
  [withOptions({ language: 'zh', name: 'app' }), 'en', '您没有权限访问此资源。'],
])('uses the language of its client before Accept-Language', async (handler, acceptLanguage, message) => {
  const url = await start(new AuthorizationError('tenant_mismatch', CANARY), handler);
  expect(parse(await ask(url, { headers: { 'accept-language': acceptLanguage } }))).toMatchObject({ message });
});

it('ignores the error if a response was already started', async () => {
  const app = express();
  const passedOn: unknown[] = [];
  app.use(
    (_req, res, next) => {
      res.write('half');
      next(new RequestError(CANARY));
      res.end(' and whole');
    },
    genAuthErrorHandler() as unknown as RequestHandler,
  );
  app.use(
    ((error: unknown, _req: unknown, _res: unknown, _next: unknown) =>
      void passedOn.push(error)) as unknown as RequestHandler,
  );
  expect(await ask(await serve(app))).toMatchObject({ status: 200, text: 'half and whole' });
  expect(passedOn).toEqual([]);
});

it.each([
  ['passport-genauth', genAuthErrorHandler()],
  ['staff', withOptions({ name: 'staff' })],
])('warns the operator with the name %s', async (name, handler) => {
  warnings.length = 0;
  const url = await start(new ConfigurationError('plan_exhausted', 'wrong', { cause: new Error('why') }), handler);
  await ask(url);
  await ask(url);
  expect(warnings).toEqual([`GENAUTH_PLAN_EXHAUSTED: ${name}: wrong (why)`]);
});
