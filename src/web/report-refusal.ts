import { createHash, randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { debuglog } from 'node:util';
import { ConfigurationError, GenAuthError, SignInRejectedError, UpstreamError } from '../core/errors.js';
import { type RefusalEvent, publishEvent } from '../core/events.js';
import type { GenAuthRequest, LogDetails, LogFunction, ResolvedOptions } from '../core/options/types.js';
import { describeAnswer } from '../core/sign-in/response.js';
import { readUnverifiedToken } from '../core/tokens/unverified-token.js';
import { LruMap } from '../core/util/lru-map.js';
import { isThenable } from '../core/util/maybe-promise.js';
import { cleanText } from '../core/util/quote.js';
import { parseBearerToken } from './bearer-token.js';
import type { Refusal } from './refusal.js';

/** The client's options that a report uses. */
export type ReportOptions = Partial<Pick<ResolvedOptions, 'appId' | 'name' | 'log'>>;

/** The last reported error of each request. A guard and an error handler can see the same error. */
const reported = new WeakMap<object, GenAuthError>();

/**
 * Reports a refused request to the operator: publishes the event `genauth:refusal`, and writes one line by the client's
 * option `log`. If the configuration is wrong, or GenAuth or the network failed, the level is `error`, and equal lines
 * are written at most once a minute, with the number of lines that were left out. For all other refusals the level is
 * `debug`.
 *
 * A request without an access token is not logged, because a client may send requests before its user signs in.
 */
export function reportRefusal(refusal: Refusal, options: ReportOptions, req: GenAuthRequest): void {
  const { action, error } = refusal;
  if (reported.get(req) === error) return;
  reported.set(req, error);
  publishEvent('genauth:refusal', () => buildEvent(refusal, options, req));
  if (error.code === 'token_missing') return;
  const text = `${error.code}: ${describe(error)}`;
  const { name = 'passport-genauth', log = writeByDefault } = options;
  // A message with an answer of GenAuth differs from request to request, because it names the request.
  const isAnswer = error instanceof UpstreamError || (error instanceof ConfigurationError && error.answer);
  const reason = error.cause instanceof GenAuthError ? `${error.code} ${error.cause.code}` : error.code;
  const more = action === 'error' ? limitLine(`${name} ${isAnswer ? reason : text}`) : '';
  if (more === undefined || (log === writeByDefault && action === 'fail' && !debug.enabled)) return;
  const { code, statusCode } = refusal.body;
  const details = {
    name,
    status: statusCode,
    code,
    reason: error.code,
    route: findRoute(req),
    cause: getOwnCause(error),
  };
  const warn = (thrown: unknown): void => warnOfLog(name, thrown);
  try {
    // A function without a result in its type can also be asynchronous.
    const result: unknown = log(action === 'error' ? 'error' : 'debug', text + more, details);
    if (isThenable(result)) Promise.resolve(result).catch(warn);
  } catch (thrown) {
    warn(thrown);
  }
}

/** Warns that the function `log` failed. A log that fails must not change the response to the request. */
function warnOfLog(name: string, thrown: unknown): void {
  const more = limitLine(`${name} log`);
  if (more === undefined) return;
  const reason = thrown instanceof Error ? thrown.message : typeof thrown;
  const message = `${name}: The function log threw an error (${cleanText(reason)}).${more}`;
  process.emitWarning(message, { type: 'GenAuthWarning', code: 'GENAUTH_LOG_FAILED' });
}

const debug = debuglog('passport-genauth');

/**
 * Writes lines of the level `debug` if the environment variable NODE_DEBUG contains `passport-genauth`, and emits a
 * process warning for lines of the level `error`.
 */
const writeByDefault: LogFunction = (level, text, { name, reason, cause }: LogDetails) => {
  if (level === 'debug') return debug('%s', text);
  const message = text.replace(`${reason}: `, '');
  return process.emitWarning(`${name}: ${message}${cause === undefined ? '' : ` (${cause.message})`}`, {
    type: 'GenAuthWarning',
    code: `GENAUTH_${reason.toUpperCase()}`,
  });
};

/** The time for which further lines of the same kind are only counted, in milliseconds. */
const PAUSE_MS = 60_000;
const MAX_KINDS = 200;
/** The last line of each kind, and how many lines of the kind were left out since. */
const lastLines = new LruMap<string, { at: number; leftOut: number }>(MAX_KINDS);

/**
 * Limits the lines of one kind to one a minute, so that callers cannot fill the log while GenAuth is down.
 *
 * @returns The text to append to the line: empty, or how many lines were left out. `undefined`: the line must not be
 * written.
 */
function limitLine(kind: string): string | undefined {
  const now = performance.now();
  const last = lastLines.get(kind);
  if (last !== undefined && now - last.at < PAUSE_MS) {
    last.leftOut += 1;
    return undefined;
  }
  lastLines.set(kind, { at: now, leftOut: 0 });
  return last === undefined || last.leftOut === 0 ? '' : ` (${last.leftOut} more since the last line)`;
}

function describe(error: GenAuthError): string {
  return error instanceof SignInRejectedError ? describeAnswer(error.outcome) : error.message;
}

/**
 * Returns the error that a function in the client's options threw, for example the function in `appSecret` or
 * `signInOptions`. The message of this error says why the function failed. The operator sees the message, so the
 * function must not put secrets into it.
 */
function getOwnCause(error: GenAuthError): Error | undefined {
  return error instanceof ConfigurationError && error.cause instanceof Error ? error.cause : undefined;
}

/** Makes the hash of a subject useless outside this process. */
const SALT = randomBytes(16);

function buildEvent({ body, error }: Refusal, { appId }: ReportOptions, req: GenAuthRequest): RefusalEvent {
  const { sub, kid } = readUnverifiedToken(readBearerToken(req) ?? '');
  return {
    appId,
    status: body.statusCode,
    code: body.code,
    reason: error.code,
    text: describe(error),
    route: findRoute(req),
    subject: sub === undefined ? undefined : createHash('sha256').update(SALT).update(sub).digest('base64url'),
    kid: kid === undefined ? undefined : cleanText(kid),
  };
}

function readBearerToken(req: GenAuthRequest): string | undefined {
  try {
    return parseBearerToken(req);
  } catch {
    return undefined;
  }
}

/**
 * Returns the method and the path pattern of a route of Express or Fastify, for example `GET /orders/:id`. In Express
 * the path of a router in front of it is left out, because Express shows only the path of the request, which can
 * contain any value.
 */
function findRoute(req: GenAuthRequest): string | undefined {
  const { method, route, routeOptions } = req as Partial<RoutedRequest>;
  const path = routeOptions?.url ?? (typeof route?.path === 'string' ? route.path : undefined);
  return path === undefined ? undefined : `${method} ${path}`;
}

/** The members of a request of Express or Fastify that name its route. */
interface RoutedRequest {
  method: string;
  /** In Express. The path can also be a regular expression. */
  route: { path?: unknown };
  /** In Fastify. */
  routeOptions: { url?: string | undefined };
}

/** The refusals after which Passport may try another strategy, by their request. */
const pending = new WeakMap<object, Refusal>();

/**
 * Reports a refusal after which Passport may try another strategy, when the response has been sent. Nothing is reported
 * if another strategy has authenticated the request. Of several refusals of a request, the last one is reported.
 */
export function reportRefusalLater(refusal: Refusal, options: ReportOptions, req: GenAuthRequest): void {
  const { res, user: before } = req as { res?: EventEmitter; user?: unknown };
  if (res === undefined) return reportRefusal(refusal, options, req);
  const isNew = !pending.has(req);
  pending.set(req, refusal);
  if (!isNew) return undefined;
  res.once('close', () => {
    const last = pending.get(req);
    if (last !== undefined && (req as { user?: unknown }).user === before) reportRefusal(last, options, req);
  });
}
