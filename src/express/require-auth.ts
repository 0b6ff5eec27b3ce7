import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GenAuthClient } from '../core/client.js';
import { ConfigurationError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { isRecord } from '../core/util/record.js';
import { type Choice, type TenantResolver, toChoice } from '../web/authorization.js';
import { answerJson } from './answer-json.js';
import { hasBearerToken } from '../web/bearer-token.js';
import { authenticateBearer } from '../passport/bearer.strategy.js';
import { warnOperator } from '../web/operator-warning.js';
import { toError, toRefusal } from '../web/refusal.js';

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
  /** Asks GenAuth whether the token was revoked, at most once in so many milliseconds for each. Default: not at all. */
  introspect?: number | undefined;
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
    throw new ConfigurationError(
      'invalid_options',
      `${quote(unknown)} is not an option of requireAuth: there are ${OPTION_NAMES.join(', ')}.`,
    );
  }
  const { optional = false, tenant, introspect } = options;
  if (typeof optional !== 'boolean') throw mistake('optional', optional, 'write true or false');
  if (tenant !== undefined && typeof tenant !== 'function') {
    throw mistake('tenant', tenant, 'write a function of the request');
  }
  if (introspect !== undefined && !(Number.isInteger(introspect) && introspect >= 0)) {
    throw mistake('introspect', introspect, 'write milliseconds, 0 or more');
  }
  const requirements = {
    scopes: toOptionalChoice('scope', 'all', options.scopes),
    roles: toOptionalChoice('role', 'any', options.roles),
    tenant,
    introspect,
  };
  if (optional && (requirements.scopes ?? requirements.roles ?? tenant) !== undefined) {
    throw new ConfigurationError(
      'invalid_options',
      'requireAuth has optional beside scopes, roles or tenant: leave optional out, nobody has a role without a token.',
    );
  }
  const { name } = client.options;
  return (req, res, next) => {
    if (optional && !hasBearerToken(req as GenAuthRequest)) {
      // Nor who a session says: without a token there is nobody.
      Object.assign(req, { user: undefined, authInfo: undefined });
      return next();
    }
    authenticateBearer(client, req as GenAuthRequest, requirements).then(
      ({ user, info }) => {
        const bearing = req as { user?: unknown; authInfo?: unknown };
        bearing.user = user;
        bearing.authInfo = info;
        next();
      },
      (error: unknown) => {
        const acceptLanguage = req.headers['accept-language'];
        const refusal = toRefusal(error, { options: client.options, acceptLanguage });
        // `next()` and `next('route')` would let the request through.
        if (refusal === undefined) return next(toError(error));
        warnOperator(name, refusal);
        answerJson(res, refusal.body, refusal.headers);
      },
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
  throw mistake(`${what}s`, names, 'write a list, { any: [...] } or { all: [...] }');
}

function mistake(option: string, value: unknown, mend: string): ConfigurationError {
  return new ConfigurationError('invalid_options', `requireAuth has ${option} ${quote(value)}: ${mend}.`);
}
