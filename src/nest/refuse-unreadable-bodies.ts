import { parse } from 'node:querystring';
import type { INestApplication } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RequestError, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { toRefusal } from '../web/refusal.js';
import { reportRefusal } from '../web/report-refusal.js';
import { UNREADABLE_BODY, toUnreadableBodyRefusal } from '../web/unreadable-body.js';
import { getOnlyOptions } from './applications.js';
import { type GenAuthException, toException } from './genauth.exception.js';

type Done = (error: Error | null, body?: unknown) => void;
type BodyParser = (req: unknown, body: Buffer, done: Done) => void;

/** The method of Nest's applications on Express and on Fastify that registers a body parser. */
interface ParsingApplication {
  useBodyParser(type: string, options?: object, parser?: BodyParser): unknown;
}

/** The part of a Fastify application that this file uses. */
interface FastifyApplication {
  initialConfig: { bodyLimit?: number; onProtoPoisoning?: string; onConstructorPoisoning?: string };
  getDefaultJsonParser(onProtoPoisoning: string, onConstructorPoisoning: string): BodyParser;
}

/**
 * Answers requests whose body cannot be parsed, without quoting the body. Nest's own response to broken JSON can
 * contain a part of the body, and the body of a login request contains the password. Call this function once, before
 * `app.listen` and `app.init`.
 *
 * The function registers the parsers for JSON and for URL-encoded forms by `app.useBodyParser`, before Nest
 * registers its own. The Nest option `rawBody` still applies. To set a limit on Express, call
 * `app.useBodyParser('json', { limit: '1mb' })` before this function. On Fastify, set `bodyLimit` of the adapter.
 *
 * On Express the response has the code `invalid_request` and the HTTP status 400, 413 or 415. On Fastify this is the
 * response to broken JSON. Fastify's own responses with status 413 and 415 do not change: they never contain the body.
 *
 * @throws ConfigurationError if the application uses neither Express nor Fastify.
 *
 * @example
 * ```ts
 * import { NestFactory } from '@nestjs/core';
 * import { refuseUnreadableBodies } from 'passport-genauth/nest';
 *
 * export async function start(AppModule: new () => object): Promise<void> {
 *   const app = await NestFactory.create(AppModule);
 *   refuseUnreadableBodies(app);
 *   await app.listen(3000);
 * }
 * ```
 */
export function refuseUnreadableBodies(app: INestApplication): void {
  if (typeof (app as Partial<INestApplication> | undefined)?.getHttpAdapter !== 'function') {
    const fix = 'write refuseUnreadableBodies(app), with const app = await NestFactory.create(AppModule)';
    throw buildOptionError({ option: 'app', problem: `of refuseUnreadableBodies is ${quote(app)}`, fix });
  }
  const platform = app.getHttpAdapter().getType();
  if (platform === 'express') return refuseOnExpress(app as INestApplication & ParsingApplication);
  if (platform === 'fastify') return refuseOnFastify(app as INestApplication & ParsingApplication);
  const fix = 'call refuseUnreadableBodies only in an application on Express or Fastify';
  throw buildOptionError({ option: 'app', problem: `uses the HTTP adapter '${platform}'`, fix });
}

function refuseOnExpress(app: INestApplication & ParsingApplication): void {
  const adapter = app.getHttpAdapter();
  const host = app.get(HttpAdapterHost);
  app.useBodyParser('json');
  app.useBodyParser('urlencoded', { extended: true });
  // Express recognizes an error handler by its four parameters.
  app.use((error: unknown, req: GenAuthRequest, res: unknown, next: (error: unknown) => void): void => {
    const refusal = toUnreadableBodyRefusal(error);
    if (refusal === undefined) return next(error);
    const { body } = refusal;
    reportRefusal(refusal, getOnlyOptions(host), req);
    if (adapter.isHeadersSent(res)) return undefined;
    adapter.setHeader(res, 'Cache-Control', 'no-store');
    return void adapter.reply(res, body, body.statusCode);
  });
}

function refuseOnFastify(app: INestApplication & ParsingApplication): void {
  const host = app.get(HttpAdapterHost);
  const fastify = app.getHttpAdapter().getInstance() as FastifyApplication;
  const { bodyLimit, onProtoPoisoning = 'error', onConstructorPoisoning = 'error' } = fastify.initialConfig;
  const parseJson = fastify.getDefaultJsonParser(onProtoPoisoning, onConstructorPoisoning);
  app.useBodyParser('application/json', { bodyLimit }, (req, body, done) =>
    // Some versions of Fastify pass on the error of `JSON.parse`, which quotes the body.
    parseJson(req, body, (error, value) => (error ? done(refuse(host, req)) : done(null, value))),
  );
  // With one parser of the application, Nest 11 registers none of its own.
  app.useBodyParser('application/x-www-form-urlencoded', { bodyLimit }, (req, body, done) => {
    const form = parse(body.toString());
    // Copied to another object, this field would replace the prototype of the object.
    return Object.hasOwn(form, '__proto__') ? done(refuse(host, req)) : done(null, form);
  });
}

function refuse(host: HttpAdapterHost, req: unknown): GenAuthException {
  const options = getOnlyOptions(host);
  const refusal = toRefusal(new RequestError(UNREADABLE_BODY), { options });
  reportRefusal(refusal, options, req as GenAuthRequest);
  return toException(refusal);
}
