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

/** What a route asks of its bearers. */
export interface RequireAuthOptions {
  /** Scopes that the token must have: all of a list, or any of `{ any: [...] }`. */
  scopes?: ChoiceOfNames | undefined;
  /** Roles of the person: any of a list, or all of `{ all: [...] }`. */
  roles?: ChoiceOfNames | undefined;
  /** The tenant that the request is about; the person must be of it. */
  tenant?: TenantResolver | undefined;
  /** Lets requests without a token through, without `req.user`. A token that is wrong is refused all the same. Default: false. */
  optional?: boolean | undefined;
  /**
   * Asks GenAuth whether the token was revoked (RFC 7662), for routes that cannot wait until it expires. An earlier
   * answer counts for `maxAge` milliseconds; with 0 each request asks. Default: not at all; `true` is `{ maxAge: 10_000
   * }`.
   */
  introspect?: true | { maxAge: number } | undefined;
}

/** An Express handler, 4 or 5, without either's types. */
export type RequireAuthHandler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

const OPTION_NAMES = ['scopes', 'roles', 'tenant', 'optional', 'introspect'];

/**
 * Guards routes of Express without Passport: `app.get('/orders', requireAuth(client, { scopes: ['email'] }), …)`. Puts `user` and
 * `authInfo` on the request, or answers as `GenAuthGuard` does.
 *
 * @throws ConfigurationError for options that are wrong.
 */
export function requireAuth(client: GenAuthClient<string>, options: RequireAuthOptions = {}): RequireAuthHandler {
  const unknown = Object.keys(options).find((name) => !OPTION_NAMES.includes(name));
  if (unknown !== undefined) {
    const fix = `there are ${OPTION_NAMES.join(', ')}`;
    throw buildOptionError(
      { option: unknown, problem: 'is not an option of requireAuth', fix },
      `${quote(unknown)} is not an option of requireAuth: ${fix}.`,
    );
  }
  const { optional = false, tenant, introspect } = options;
  if (typeof optional !== 'boolean') throw mistake('optional', quote(optional), 'write true or false');
  if (tenant !== undefined && typeof tenant !== 'function') {
    throw mistake('tenant', quote(tenant), 'write a function of the request');
  }
  const maxAge = introspect === undefined ? undefined : toIntrospectionMaxAge(introspect);
  if (introspect !== undefined && maxAge === undefined) {
    throw mistake('introspect', describeIntrospection(introspect), 'write true, or { maxAge: 10_000 } in milliseconds');
  }
  const requirements = {
    scopes: toOptionalChoice('scope', 'all', options.scopes),
    roles: toOptionalChoice('role', 'any', options.roles),
    tenant,
    introspect: maxAge,
    optional,
  };
  if (optional && (requirements.scopes ?? requirements.roles ?? tenant) !== undefined) {
    const problem = 'stands beside scopes, roles or tenant';
    const fix = 'leave optional out, a request without a token has no role';
    throw buildOptionError({ option: 'optional', problem, fix }, `requireAuth: optional ${problem}: ${fix}.`);
  }
  const { name } = client.options;
  return (req, res, next) => {
    guardRequest(client, req as GenAuthRequest, req as RequestState, requirements).then(
      (refusal) => {
        if (refusal === undefined) return next();
        warnOperator(name, refusal);
        return answerJson(res, refusal.body, refusal.headers);
      },
      // `next()` and `next('route')` would let the request through.
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
  throw mistake(`${what}s`, quote(names), 'write a list, { any: [...] } or { all: [...] }');
}

function mistake(option: string, shown: string, fix: string): ConfigurationError {
  return buildOptionError({ option, problem: `is ${shown}`, fix }, `requireAuth has ${option} ${shown}: ${fix}.`);
}
