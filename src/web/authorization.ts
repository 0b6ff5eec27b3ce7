import { AuthorizationError, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { isRecord } from '../core/util/record.js';
import { isScopeName, parseScope } from '../core/scopes.js';
import type { AccessTokenClaims } from '../core/tokens/claims.js';

/** Names of scopes or roles. With `all` the request must have each of them, with `any` at least one. */
export interface Choice {
  readonly mode: 'all' | 'any';
  readonly names: readonly string[];
}

/**
 * A function that returns the ID of the tenant that the request targets, or a promise of it. `undefined` denies access.
 */
export type TenantResolver = Tenants['resolve'];
// A method, because TypeScript compares the parameters of methods bivariantly. So `(req: express.Request) => …` is
// assignable to it.
interface Tenants {
  resolve(req: GenAuthRequest): string | undefined | Promise<string | undefined>;
}

/** What a route requires in addition to a valid access token. */
export interface AccessRequirements {
  scopes?: Choice | undefined;
  roles?: Choice | undefined;
  tenant?: TenantResolver | undefined;
}

/**
 * Checks and freezes the scopes or roles of a route.
 *
 * @throws ConfigurationError for an empty list, which would allow every user or no user, and for a name that cannot be
 * a scope or a role.
 */
export function toChoice(what: 'scope' | 'role', mode: Choice['mode'], names: readonly string[]): Choice {
  const isName = what === 'scope' ? isScopeName : (name: string) => name !== '';
  if (Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string' && isName(name))) {
    return Object.freeze({ mode, names: Object.freeze([...names]) });
  }
  const fix = `write one or more names as separate strings, such as ${what === 'scope' ? "'email'" : "'admin'"}`;
  const mistake = { option: `${what}s`, problem: `are ${quote(names)}`, fix };
  throw buildOptionError(mistake, `The ${what}s of a route are ${quote(names)}: ${fix}.`);
}

/**
 * Checks what a route requires against the claims of a verified token. If the token lacks the claim `roles` or
 * `tenant_id`, the claim is read from GenAuth's user info.
 *
 * @param getUserClaims - Returns the claims of GenAuth's user info, from the cache or by a request.
 * @throws AuthorizationError if a scope, a role or the tenant is missing.
 * @throws UpstreamError if user info is needed and GenAuth does not answer.
 * @throws TokenVerificationError if user info is needed and GenAuth refuses the token.
 */
export async function authorize(
  { scopes, roles, tenant }: AccessRequirements,
  claims: AccessTokenClaims,
  getUserClaims: () => Promise<Readonly<Record<string, unknown>>>,
  req: GenAuthRequest,
): Promise<void> {
  if (scopes !== undefined) checkScopes(scopes, claims.scope);
  if (roles !== undefined) checkRoles(roles, Object.hasOwn(claims, 'roles') ? claims : await getUserClaims());
  if (tenant !== undefined) {
    const required: unknown = await tenant(req);
    const { tenant_id: actual } = Object.hasOwn(claims, 'tenant_id') ? claims : await getUserClaims();
    if (typeof required === 'string' && required !== '' && required === actual) return;
    throw new AuthorizationError(
      'tenant_mismatch',
      `The user belongs to tenant ${quote(actual)}, but the request targets tenant ${quote(required)}.`,
      { required: typeof required === 'string' ? [required] : [] },
    );
  }
}

/** Default maximum age of a cached introspection result, in milliseconds. */
const INTROSPECTION_MAX_AGE_MS = 10_000;

/**
 * Reads the value of the option `introspect`: `true` or `{ maxAge }`.
 *
 * @returns The maximum age of a cached introspection result in milliseconds, or `undefined` for a value that is not
 * valid.
 */
export function toIntrospectionMaxAge(value: unknown): number | undefined {
  if (value === true) return INTROSPECTION_MAX_AGE_MS;
  const { maxAge, ...others } = isRecord(value) ? value : {};
  const isWrong = !Number.isInteger(maxAge) || Number(maxAge) < 0 || Object.keys(others).length > 0;
  return isWrong ? undefined : Number(maxAge);
}

/** Describes a wrong value of the option `introspect`, for an error message. */
export function describeIntrospection(value: unknown): string {
  if (!isRecord(value)) return quote(value);
  const names = Object.keys(value);
  return names.length === 1 && names[0] === 'maxAge'
    ? `{ maxAge: ${quote(value['maxAge'])} }`
    : `an object with the members ${quote(names)}`;
}

function isMet({ mode, names }: Choice, actual: readonly string[]): boolean {
  const has = (name: string): boolean => actual.includes(name);
  return mode === 'all' ? names.every(has) : names.some(has);
}

function checkScopes(required: Choice, scope: string): void {
  if (isMet(required, parseScope(scope))) return;
  throw new AuthorizationError(
    'insufficient_scope',
    `The token has scope ${quote(scope)}, but the route requires ${required.mode} of ${quote(required.names)}.`,
    { required: required.names, mode: required.mode },
  );
}

function checkRoles(required: Choice, { roles }: Readonly<Record<string, unknown>>): void {
  const list: unknown[] = Array.isArray(roles) ? roles : [];
  const codes = list.map((role) => (isRecord(role) ? role['code'] : role)).filter((code) => typeof code === 'string');
  if (isMet(required, codes)) return;
  const hint = Array.isArray(roles) ? '' : " GenAuth sent no roles: add 'roles' to the option scope.";
  throw new AuthorizationError(
    'insufficient_role',
    `The user has roles ${quote(codes)}, but the route requires ${required.mode} of ${quote(required.names)}.${hint}`,
    { required: required.names, mode: required.mode },
  );
}
