import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GenAuthClient } from '../core/client.js';
import { type ConfigurationError, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { isRecord } from '../core/util/record.js';
import {
  type Choice,
  type TenantResolver,
  toChoice,
  toIntrospectionMaxAge,
  describeIntrospection,
} from '../web/authorization.js';
import { answerJson } from './answer-json.js';
import { type RequestState, guardRequest } from '../web/guard-request.js';
import { warnOperator } from '../web/operator-warning.js';
import { toError } from '../web/refusal.js';

type Names = readonly string[];
type ChoiceOfNames = Names | { any: Names; all?: never } | { all: Names; any?: never };

/** Options of `requireAuth`. Without options a route requires a valid access token only. */
export interface RequireAuthOptions {
  /** Required scopes of the token. `['email', 'phone']` requires all of them, `{ any: [...] }` at least one. */
  scopes?: ChoiceOfNames | undefined;
  /**
   * Required roles of the user, by their codes. `['admin', 'editor']` requires at least one of them, `{ all: [...] }`
   * requires all. GenAuth's access tokens hold no roles, so they are read from GenAuth's user info.
   */
  roles?: ChoiceOfNames | undefined;
  /**
   * A function that returns the ID of the tenant that the request targets. The user must belong to this tenant.
   * Returning `undefined` denies access.
   */
  tenant?: TenantResolver | undefined;
  /**
   * Lets a request without a token pass, without `req.user`. A token that is not valid is still refused. Cannot be set
   * together with `scopes`, `roles` or `tenant`. Default: `false`.
   */
  optional?: boolean | undefined;
  /**
   * Asks GenAuth whether the token was revoked ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)). Use it on routes
   * that cannot wait until a revoked token expires. A result is reused for `maxAge` milliseconds (a whole number, 0 or
   * more). With `maxAge: 0` each request asks GenAuth. `true` means `{ maxAge: 10_000 }`. Default: GenAuth is not
   * asked.
   */
  introspect?: true | { maxAge: number } | undefined;
}

/** A request handler for Express 4 and 5. The type does not depend on the types of Express. */
export type RequireAuthHandler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

const OPTION_NAMES = ['scopes', 'roles', 'tenant', 'optional', 'introspect'];

/**
 * Creates an Express handler that guards routes. It requires a GenAuth access token in `Authorization: Bearer …`, and
 * the scopes, roles and tenant of the options. It does not need Passport.
 *
 * If the request may pass, the handler sets `req.user` to a `BearerUser` and `req.authInfo` to a `BearerInfo`.
 * Otherwise it sends a JSON response as in [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3): 401
 * without a valid token, 403 if a scope, a role or the tenant is missing, 502 or 503 if the token cannot be checked
 * because GenAuth or the network fails, 500 if the configuration is wrong. An error of the function `tenant` goes to
 * `next`.
 *
 * @throws ConfigurationError if an option is wrong.
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
 * });
 * const app = express();
 * app.get('/orders', requireAuth(client, { scopes: ['email'] }), (_req, res) => {
 *   res.json({ orders: [] });
 * });
 * ```
 */
export function requireAuth(client: GenAuthClient<string>, options: RequireAuthOptions = {}): RequireAuthHandler {
  const unknown = Object.keys(options).find((name) => !OPTION_NAMES.includes(name));
  if (unknown !== undefined) {
    const fix = `use only ${OPTION_NAMES.join(', ')}`;
    throw buildOptionError(
      { option: unknown, problem: 'is not an option of requireAuth', fix },
      `${quote(unknown)} is not an option of requireAuth: ${fix}.`,
    );
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
  const { name } = client.options;
  return (req, res, next) => {
    guardRequest(client, req as GenAuthRequest, req as RequestState, requirements).then(
      (refusal) => {
        if (refusal === undefined) return next();
        warnOperator(name, refusal);
        return answerJson(res, refusal.body, refusal.headers);
      },
      // `toError`, because `next(undefined)` and `next('route')` would let the request pass.
      (error: unknown) => next(toError(error)),
    );
  };
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

function buildValueError(option: string, value: string, fix: string): ConfigurationError {
  const problem = `is ${value}`;
  return buildOptionError({ option, problem, fix }, `The option ${option} of requireAuth ${problem}: ${fix}.`);
}
