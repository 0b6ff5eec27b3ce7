import type { IncomingMessage, ServerResponse } from 'node:http';
import { GenAuthClient } from '../core/client.js';
import { type ConfigurationError, buildOptionError, describeMistake } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import { chain, recover } from '../core/util/maybe-promise.js';
import { isRecord } from '../core/util/record.js';
import { findUnknownOptions } from '../core/util/unknown-options.js';
import {
  type Choice,
  type TenantResolver,
  toChoice,
  findUnavailableRequirement,
  toIntrospectionMaxAge,
  describeIntrospection,
} from '../web/authorization.js';
import { describeArgument, expectCalled } from '../web/describe-argument.js';
import { toClient } from '../web/to-client.js';
import { answerJson } from './answer-json.js';
import { type RequestState, guardRequest } from '../web/guard-request.js';
import { type Refusal, toError } from '../web/refusal.js';

/**
 * The names of scopes, or the codes of roles.
 */
type Names = readonly string[];
/**
 * An object that requires all names or any of the names, or an array. An array of scopes requires all scopes. An array
 * of roles requires any of the roles.
 */
type ChoiceOfNames = Names | { any: Names; all?: never } | { all: Names; any?: never };

/**
 * Options of `requireAuth`. If no option is set, a route requires only a valid access token. `scopes`, `roles`,
 * `tenant` and `introspect` must not be `undefined`: leave out an option that is not needed.
 */
export interface RequireAuthOptions {
  /**
   * The scopes that the access token must have. `['email', 'phone']` requires both scopes.
   * `{ any: ['email', 'phone'] }` requires at least one of the two scopes.
   */
  scopes?: ChoiceOfNames;
  /**
   * The codes of the roles that the user must have. `['admin', 'editor']` requires at least one of the two roles.
   * `{ all: ['admin', 'editor'] }` requires both roles. GenAuth's access tokens contain no roles, so the handler reads
   * the roles from GenAuth's user info.
   */
  roles?: ChoiceOfNames;
  /**
   * A function that returns the ID of the tenant whose data the request asks for. The user must belong to this tenant.
   * If the function returns `undefined`, access is denied.
   */
  tenant?: TenantResolver;
  /**
   * Whether a request without an access token may pass. `req.user` is `undefined` for this request. A request with a
   * token that is not valid is still refused. `optional: true` cannot be combined with `scopes`, `roles` or `tenant`.
   * Default: `false`.
   */
  optional?: boolean | undefined;
  /**
   * Asks GenAuth whether the access token was revoked ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)). Use this
   * option on routes that must refuse a revoked token before the token expires. GenAuth's result is reused for `maxAge`
   * milliseconds, a whole number, 0 or more. With `maxAge: 0` GenAuth is asked for each request. `true` means
   * `{ maxAge: 10_000 }`. Default: GenAuth is not asked.
   */
  introspect?: true | { maxAge: number };
}

/** A request handler for Express 4 and 5. This type does not import types of Express. */
export type RequireAuthHandler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

const REQUIREMENT_NAMES = ['scopes', 'roles', 'tenant', 'introspect'] as const;
const OPTION_NAMES = ['scopes', 'roles', 'tenant', 'optional', 'introspect'];

/**
 * Creates an Express handler that guards routes. The handler requires a GenAuth access token in
 * `Authorization: Bearer …`, and the scopes, roles and tenant of `options`. The handler does not need Passport.
 *
 * If the request may pass, the handler sets `req.user` to a `BearerUser` and `req.authInfo` to a `BearerInfo`. If the
 * request must not pass, the handler sends a JSON response as in
 * [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3). The HTTP status is
 *
 * - 401 if the request has no valid access token,
 * - 403 if a scope, a role or the tenant is missing, or if the client's option `resolveUser` refuses the user,
 * - 502 or 503 if the access token cannot be checked because GenAuth or the network fails,
 * - 500 if the configuration is wrong.
 *
 * If the function in `options.tenant` or in the client's option `resolveUser` throws an error, the handler passes this
 * error to `next`.
 *
 * @param clientOrOptions - An existing client, or the options of a new client. Handlers with the same client use the
 * same key set and the same connections, so pass a client if the application has several guarded routes.
 * @throws ConfigurationError if an option is wrong, or if the route requires a scope or a role that the client's option
 * `scope` does not request.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { GenAuthClient, requireAuth } from 'passport-genauth';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 *   scope: ['openid', 'profile', 'email'],
 * });
 * const app = express();
 * app.get('/orders', requireAuth(client, { scopes: ['email'] }), (_req, res) => {
 *   res.json({ orders: [] });
 * });
 * ```
 */
export function requireAuth(
  clientOrOptions: GenAuthClient<string> | GenAuthOptions<string>,
  options: RequireAuthOptions = {},
): RequireAuthHandler {
  expectCalled('requireAuth', 'requireAuth(client)', clientOrOptions);
  const given: unknown = options;
  if (!isRecord(given) || given instanceof GenAuthClient) throw buildArgumentError(given);
  if (isRecord(clientOrOptions) && REQUIREMENT_NAMES.some((name) => Object.hasOwn(clientOrOptions, name))) {
    const problem = 'got the options of the route in place of a client';
    throw buildOptionError({ option: 'requireAuth', problem, fix: "write requireAuth(client, { scopes: ['email'] })" });
  }
  const [unknown] = findUnknownOptions(options, OPTION_NAMES, { kind: 'an option of requireAuth' });
  if (unknown !== undefined) throw buildOptionError(unknown);
  const missing = REQUIREMENT_NAMES.find((name) => Object.hasOwn(options, name) && options[name] === undefined);
  if (missing !== undefined) {
    const fix = 'look for a misspelt name on the right side, or leave the option out';
    throw buildValueError(missing, 'undefined, with which the route would not require it', fix);
  }
  const { optional = false, tenant, introspect } = options;
  if (typeof optional !== 'boolean') throw buildValueError('optional', quote(optional), 'write true or false');
  if (tenant !== undefined && typeof tenant !== 'function') {
    throw buildValueError('tenant', quote(tenant), 'write a function, (req) => req.params.tenant');
  }
  const maxAge = introspect === undefined ? undefined : toIntrospectionMaxAge(introspect);
  if (introspect !== undefined && maxAge === undefined) {
    const fix = 'write true, or { maxAge: 10_000 } with whole milliseconds, 0 or more';
    throw buildValueError('introspect', describeIntrospection(introspect), fix);
  }
  const requirements = {
    scopes: toOptionalChoice('scope', 'all', options.scopes),
    roles: toOptionalChoice('role', 'any', options.roles),
    tenant,
    introspect: maxAge,
    optional,
  };
  if (optional && (requirements.scopes ?? requirements.roles ?? tenant) !== undefined) {
    const problem = 'is set together with scopes, roles or tenant';
    const fix = 'remove optional, because a request without a token has no scope, role or tenant';
    throw buildOptionError(
      { option: 'optional', problem, fix },
      `The option optional of requireAuth ${problem}: ${fix}.`,
    );
  }
  const client = toClient(clientOrOptions, 'requireAuth', 'requireAuth(client)');
  const unavailable = findUnavailableRequirement(requirements, client.options);
  // The tokens can come from sign-ins of another program, so this is not an error.
  if (unavailable !== undefined) {
    process.emitWarning(describeMistake({ ...unavailable, option: `requireAuth: ${unavailable.option}` }), {
      type: 'GenAuthWarning',
      code: 'GENAUTH_SCOPE_NOT_REQUESTED',
    });
  }
  return (req, res, next) => {
    const guarded = recover<Refusal | Failure | undefined>(
      () => guardRequest(client, req as GenAuthRequest, req as RequestState, requirements),
      // Express lets a request pass after `next(undefined)` and `next('route')`. So `toError` converts every value to
      // an `Error`.
      (thrown) => ({ failure: toError(thrown) }),
    );
    // `next` runs the handler of the route. It is called here, so that an error of the handler is not caught above.
    void chain(guarded, (result) => {
      if (result === undefined) next();
      else if ('failure' in result) next(result.failure);
      else answerJson(res, result.body, result.headers);
    });
  };
}

/** An error that is not from passport-genauth. */
interface Failure {
  failure: Error;
}

function toOptionalChoice(
  what: 'scope' | 'role',
  mode: Choice['mode'],
  names: ChoiceOfNames | undefined,
): Choice | undefined {
  if (names === undefined) return undefined;
  if (!isRecord(names)) return toChoice(what, mode, names);
  const [[chosen, list] = [], ...more] = Object.entries(names);
  if ((chosen === 'any' || chosen === 'all') && more.length === 0) return toChoice(what, chosen, list as string[]);
  throw buildValueError(`${what}s`, quote(names), 'write a list, { any: [...] } or { all: [...] }');
}

/** Builds the error for a second argument that is not an object, for example the name of a scope. */
function buildArgumentError(given: unknown): ConfigurationError {
  const names = [given].flat().filter((name): name is string => typeof name === 'string');
  const list = (names.length === 0 ? ['email'] : names).map((name) => `'${name}'`).join(', ');
  const fix =
    typeof given === 'function'
      ? 'pass the handler to the route, app.get(path, requireAuth(client), handler)'
      : `write requireAuth(client, { scopes: [${list}] })`;
  const problem = `got ${describeArgument(given)} in place of the options of the route`;
  return buildOptionError({ option: 'requireAuth', problem, fix });
}

function buildValueError(option: string, value: string, fix: string): ConfigurationError {
  const problem = `is ${value}`;
  return buildOptionError({ option, problem, fix }, `The option ${option} of requireAuth ${problem}: ${fix}.`);
}
