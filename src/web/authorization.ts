import { AuthorizationError, type OptionMistake, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import { type MaybePromise, chain } from '../core/util/maybe-promise.js';
import type { GenAuthHttpRequest, GenAuthRequest, ResolvedOptions } from '../core/options/types.js';
import { isRecord } from '../core/util/record.js';
import { isJoinedScope, isScopeName, parseScope } from '../core/scopes.js';
import type { AccessTokenClaims } from '../core/tokens/claims.js';

/**
 * The names of scopes or the codes of roles that a route requires. `all`: every name is required. `any`: at least one
 * of the names is required.
 */
export interface Choice {
  /** Whether all names or any of the names are required. */
  readonly mode: 'all' | 'any';
  /** The names of scopes or the codes of roles, at least one. */
  readonly names: readonly string[];
}

/**
 * A function that returns the ID of the tenant whose data the request asks for, or a promise of the ID. If the ID is
 * `undefined`, access is denied.
 */
export type TenantResolver = Tenants['resolve'];
// `resolve` is a method, because TypeScript compares the parameters of methods bivariantly. So a function with the type
// `(req: express.Request) => …` is assignable to `resolve`.
interface Tenants {
  resolve(req: GenAuthHttpRequest): string | undefined | Promise<string | undefined>;
}

/** The conditions of a route in addition to a valid access token. */
export interface AccessRequirements {
  /** The required scopes. Default: none. */
  scopes?: Choice | undefined;
  /** The required roles. Default: none. */
  roles?: Choice | undefined;
  /** Returns the tenant to which the user must belong. Default: no tenant is required. */
  tenant?: TenantResolver | undefined;
}

/**
 * Checks and freezes the list of scopes or roles that a route requires.
 *
 * @throws ConfigurationError if the list is empty, if a scope is not valid, or if a role is an empty string. An empty
 * list would allow every user (`all`) or no user (`any`).
 */
export function toChoice(what: 'scope' | 'role', mode: Choice['mode'], names: readonly string[]): Choice {
  const isName = (name: string): boolean =>
    what === 'scope' ? isScopeName(name) && !isJoinedScope(name) : name !== '';
  if (Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string' && isName(name))) {
    return Object.freeze({ mode, names: Object.freeze([...names]) });
  }
  const fix = `write one or more names as separate strings, such as ${what === 'scope' ? "'email'" : "'admin'"}`;
  const mistake = { option: `${what}s`, problem: `are ${quote(names)}`, fix };
  throw buildOptionError(mistake, `The ${what}s of a route are ${quote(names)}: ${fix}.`);
}

/**
 * Checks whether the claims of a verified access token meet the conditions of a route. If the token has no claim
 * `roles` or `tenant_id`, this claim is read from GenAuth's user info.
 *
 * @param getUserClaims - Returns the claims of GenAuth's user info, from the cache or from a request to GenAuth.
 * @returns A promise only if `getUserClaims` or `tenant` returns one.
 * @throws AuthorizationError if a scope, a role or the tenant is missing.
 * @throws UpstreamError if user info is needed and the request to GenAuth fails.
 * @throws TokenVerificationError if user info is needed and GenAuth refuses the access token.
 */
export function authorize(
  { scopes, roles, tenant }: AccessRequirements,
  claims: AccessTokenClaims,
  getUserClaims: () => MaybePromise<Readonly<Record<string, unknown>>>,
  req: GenAuthRequest,
): MaybePromise<void> {
  const find = (claim: string): MaybePromise<Readonly<Record<string, unknown>>> =>
    Object.hasOwn(claims, claim) ? claims : getUserClaims();
  if (scopes !== undefined) checkScopes(scopes, claims.scope);
  const withRole = roles === undefined ? undefined : chain(find('roles'), (found) => checkRoles(roles, found));
  if (tenant === undefined) return withRole;
  return chain(withRole, () =>
    chain(tenant(req as GenAuthHttpRequest), (required) =>
      chain(find('tenant_id'), (found) => checkTenant(required, found)),
    ),
  );
}

/**
 * Finds a requirement of a route that no user of the application can meet, because no sign-in requests the scope. The
 * scopes of the users are not known if each sign-in has its own scopes, or if the access tokens are for another
 * audience.
 *
 * @param options - The options of the client.
 */
export function findUnavailableRequirement(
  { scopes, roles }: AccessRequirements,
  { scope, signInOptions, audience, appId }: Pick<ResolvedOptions, 'scope' | 'signInOptions' | 'audience' | 'appId'>,
): OptionMistake | undefined {
  const hasOwnScopes = typeof signInOptions === 'function' || signInOptions?.scope !== undefined;
  if (hasOwnScopes || audience.some((each) => each !== appId)) return undefined;
  const lacks = (names: readonly string[]): string[] => names.filter((name) => !scope.includes(name));
  const toMistake = (option: string, what: string, added: readonly string[]): OptionMistake => ({
    option,
    problem: `require ${what}, but the option scope of the client is ${quote(scope)}, so its users get status 403`,
    fix: `write scope: [${[...scope, ...added].map((name) => `'${name}'`).join(', ')}] in the options of the client`,
  });
  if (roles !== undefined && !scope.includes('roles')) return toMistake('roles', 'the scope "roles"', ['roles']);
  const missing = scopes === undefined ? [] : lacks(scopes.names);
  const isMissing = scopes?.mode === 'any' ? missing.length === scopes.names.length : missing.length > 0;
  return isMissing ? toMistake('scopes', missing.map(quote).join(', '), missing) : undefined;
}

/** Maximum age of a cached introspection result with `introspect: true`, in milliseconds. */
const INTROSPECTION_MAX_AGE_MS = 10_000;

/**
 * Converts the value of the option `introspect`, which is `true` or `{ maxAge }`, to a number of milliseconds.
 *
 * @returns The maximum age of a cached introspection result in milliseconds, or `undefined` if the value of the option
 * is wrong.
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

function checkTenant(required: unknown, { tenant_id: actual }: Readonly<Record<string, unknown>>): void {
  if (typeof required === 'string' && required !== '' && required === actual) return;
  throw new AuthorizationError(
    'tenant_mismatch',
    `The user belongs to tenant ${quote(actual)}, but the request targets tenant ${quote(required)}.` +
      (actual === undefined ? " GenAuth sent no claim tenant_id: add 'tenant_id' to scope." : ''),
    { required: typeof required === 'string' ? [required] : [] },
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
