import express, { type RequestHandler } from 'express';
import {
  AuthorizationError,
  ConfigurationError,
  RequestError,
  SignInRejectedError,
  type SignInRejection,
  UpstreamError,
  genAuthErrorHandler,
} from '../../src/index.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { findLeaks } from '../support/leak.js';
import { catchThrown } from '../support/thrown.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const serve = useWebServer();
beforeEach(() => void (warnings.length = 0));

const CANARY = 'canary-of-the-cause';
type Handler = ReturnType<typeof genAuthErrorHandler>;
const withOptions = (options: object): Handler => genAuthErrorHandler({ options } as never);

/** An application whose route passes an error to the handler. Errors that the handler passes on have status 418. */
const start = (error: unknown, handler = genAuthErrorHandler(), framework = express): Promise<string> => {
  const passed: Handler = (thrown, _req, res, _next) =>
    void Object.assign(res, { statusCode: 418 }).end(String(thrown));
  const handlers = [handler, passed] as unknown as RequestHandler[];
  const route: RequestHandler = (_req, _res, next) => next(error);
  return serve(framework().use(framework.json({ limit: 100 }), route, handlers));
};
const parse = ({ text }: WebAnswer): unknown => JSON.parse(text);

it('sends the complete response to an error of this library', async () => {
  const error = new UpstreamError('upstream_timeout', CANARY, { retryAfter: 9 });
  const handler = withOptions({ language: 'zh', name: 'app' });
  const answer = await ask(await start(error, handler), { headers: { 'accept-language': 'en' } });
  const message = '身份服务暂时不可用，请稍后再试。';
  const body = { statusCode: 503, error: 'Service Unavailable', message, code: 'upstream_unavailable' };
  expect([answer.status, parse(answer)]).toEqual([503, body]);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(answer.text)),
    'cache-control': 'no-store',
    'retry-after': '9',
  });
  expect(findLeaks(answer, [CANARY])).toEqual([]);
});

it.each(EXPRESS_VERSIONS)('answers a body that is no JSON without its content on %s', async (_version, framework) => {
  const url = await start(undefined, genAuthErrorHandler(), framework);
  const answer = await ask(url, { text: '{"password":"canary-password"' });
  const message = 'The body of the request cannot be read.';
  expect(answer).toMatchObject({ status: 400, headers: { 'cache-control': 'no-store' } });
  expect(parse(answer)).toEqual({ statusCode: 400, error: 'Bad Request', message, code: 'invalid_request' });
});

const make = (type: unknown, status: unknown): Error =>
  Object.assign(new Error('of the application'), { type, status });

it.each([
  ['charset.unsupported', 400, 'Bad Request'],
  ['encoding.unsupported', 499, ''],
  ['entity.too.large', 413, 'Payload Too Large'],
  ['entity.verify.failed', 403, 'Forbidden'],
  ['parameters.too.many', 413, 'Payload Too Large'],
  ['querystring.parse.rangeError', 400, 'Bad Request'],
  ['request.aborted', 400, 'Bad Request'],
  ['request.size.invalid', 400, 'Bad Request'],
])('answers the error %s of body-parser with status %i', async (type, status, phrase) => {
  const answer = await ask(await start(make(type, status)));
  expect(parse(answer)).toMatchObject({ statusCode: status, error: phrase, code: 'invalid_request' });
});

it.each<[string, unknown]>([
  ['an Error of another package with a type and status 429', make('insufficient_quota', 429)],
  ['an Error with a type and status 399', make('entity.too.large', 399)],
  ['an Error with a type and status 500', make('entity.too.large', 500)],
  ['an Error with a type and a status that is a string', make('entity.too.large', '400')],
])('passes %s to the next error handler', async (_title, error) => {
  const { status, text } = await ask(await start(error));
  expect([status, text]).toEqual([418, expect.stringContaining('of the application')]);
  expect(warnings).toEqual([]);
});

const WRITE = 'write app.use(genAuthErrorHandler(client)) behind all routes';
const IN_PLACE = 'in place of a client';
it.each<[unknown, string, string]>([
  [{ appId: 'a', appHost: 'h' }, `got the options of a client ${IN_PLACE}`, WRITE],
  [null, `got null ${IN_PLACE}`, WRITE],
  [new Error('x'), `got an object of the class Error ${IN_PLACE}`, WRITE],
  [{ method: 'GET', headers: {} }, expect.stringMatching(/^is registered as a handler/) as never, `call it, ${WRITE}`],
])('cannot be created with %p', (given, problem, fix) => {
  const mistakes = [{ option: 'genAuthErrorHandler', problem, fix }];
  expect(catchThrown(() => genAuthErrorHandler(given as never))).toMatchObject({ details: { mistakes } });
});

it.each([
  ['passes null to the next error handler', null, {}, [[null]]],
  ['ignores the error if a response was already sent', new RequestError(CANARY), { headersSent: true }, []],
])('%s', (_title, error, res, passed) => {
  const calls: unknown[][] = [];
  genAuthErrorHandler()(error, { headers: {} } as never, res as never, (...args) => calls.push(args));
  expect(calls).toEqual(passed);
});

it('uses Accept-Language, and gives no reasons, without a client', async () => {
  const outcome = { kind: 'account_locked', apiCode: 2005 } as SignInRejection;
  const refuse = async (error: Error, handler?: Handler): Promise<unknown> =>
    parse(await ask(await start(error, handler), { headers: { 'accept-language': 'zh' } }));
  const error = new SignInRejectedError(outcome, 403, '');
  expect(await refuse(error)).not.toHaveProperty('apiCode');
  expect(await refuse(error, withOptions({ exposeReasons: true }))).toHaveProperty('apiCode', 2005);
  const message = '您没有权限访问此资源。';
  expect(await refuse(new AuthorizationError('tenant_mismatch', CANARY))).toMatchObject({ message });
});

it.each([
  ['passport-genauth', genAuthErrorHandler()],
  ['staff', withOptions({ name: 'staff' })],
])('warns the operator with the name %s', async (name, handler) => {
  const url = await start(new ConfigurationError('plan_exhausted', 'wrong'), handler);
  await ask(url);
  await ask(url);
  expect(warnings).toEqual([`GENAUTH_PLAN_EXHAUSTED: ${name}: wrong`]);
});
