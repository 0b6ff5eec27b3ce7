import { AuthorizationError, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { isRecord } from '../core/util/record.js';
import { isScopeName, parseScope } from '../core/scopes.js';
import type { AccessTokenClaims } from '../core/tokens/claims.js';

/** Names of which a bearer needs all, or any one. */
export interface Choice {
  readonly mode: 'all' | 'any';
  readonly names: readonly string[];
}

/** The tenant that a request is about, as the application knows it; nothing, and nobody gets in. */
export type TenantResolver = Tenants['resolve'];
// A method, not a property: its parameters are compared both ways, so `(req: express.Request) => …` fits.
interface Tenants {
  resolve(req: GenAuthRequest): string | undefined | Promise<string | undefined>;
}

/** What a route asks of a bearer beside a valid token. */
export interface AccessRequirements {
  scopes?: Choice | undefined;
  roles?: Choice | undefined;
  tenant?: TenantResolver | undefined;
}

/** @throws ConfigurationError for names that nobody can have: an empty list would let everybody in, or nobody. */
export function toChoice(what: 'scope' | 'role', mode: Choice['mode'], names: readonly string[]): Choice {
  const isName = what === 'scope' ? isScopeName : (name: string) => name !== '';
  if (Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string' && isName(name))) {
    return Object.freeze({ mode, names: Object.freeze([...names]) });
  }
  const fix = `name one or more, ${what === 'scope' ? "'email'" : "'admin'"}`;
  const mistake = { option: `${what}s`, problem: `are ${quote(names)}`, fix };
  throw buildOptionError(mistake, `The ${what}s of a route are ${quote(names)}: ${fix}.`);
}

/**
 * Checks what a route requires against a verified token. A claim that the token lacks is requested.
 *
 * @param getUserClaims - Requests the claims of GenAuth's user info.
 * @throws AuthorizationError
 * @throws UpstreamError, TokenVerificationError if a claim is requested and GenAuth does not give it.
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
    const wanted: unknown = await tenant(req);
    const { tenant_id: actual } = Object.hasOwn(claims, 'tenant_id') ? claims : await getUserClaims();
    if (typeof wanted === 'string' && wanted !== '' && wanted === actual) return;
    throw new AuthorizationError(
      'tenant_mismatch',
      `The bearer is of tenant ${quote(actual)}, the request is about ${quote(wanted)}.`,
      { required: typeof wanted === 'string' ? [wanted] : [] },
    );
  }
}

/** Milliseconds that an introspection may be old, if a route does not say. */
const INTROSPECTION_MAX_AGE_MS = 10_000;

/**
 * Reads what a route says about introspection: `true` or `{ maxAge }`.
 *
 * @returns Milliseconds that an introspection may be old, or `undefined` for any other value.
 */
export function toIntrospectionMaxAge(value: unknown): number | undefined {
  if (value === true) return INTROSPECTION_MAX_AGE_MS;
  const { maxAge, ...others } = isRecord(value) ? value : {};
  const isWrong = !Number.isInteger(maxAge) || Number(maxAge) < 0 || Object.keys(others).length > 0;
  return isWrong ? undefined : Number(maxAge);
}

/** What a route says wrongly about introspection, for a message. */
export function describeIntrospection(value: unknown): string {
  if (!isRecord(value)) return quote(value);
  return Object.hasOwn(value, 'maxAge')
    ? `maxAge ${quote(value['maxAge'])}`
    : `${quote(Object.keys(value))} as its members`;
}

function isMet({ mode, names }: Choice, actual: readonly string[]): boolean {
  const has = (name: string): boolean => actual.includes(name);
  return mode === 'all' ? names.every(has) : names.some(has);
}

function checkScopes(needed: Choice, scope: string): void {
  if (isMet(needed, parseScope(scope))) return;
  throw new AuthorizationError(
    'insufficient_scope',
    `The token has scope ${quote(scope)}, the route needs ${needed.mode} of ${quote(needed.names)}.`,
    { required: needed.names, mode: needed.mode },
  );
}

function checkRoles(needed: Choice, { roles }: Readonly<Record<string, unknown>>): void {
  const list: unknown[] = Array.isArray(roles) ? roles : [];
  const codes = list.map((role) => (isRecord(role) ? role['code'] : role)).filter((code) => typeof code === 'string');
  if (isMet(needed, codes)) return;
  const hint = Array.isArray(roles) ? '' : " Roles come with the scope 'roles'.";
  throw new AuthorizationError(
    'insufficient_role',
    `The bearer has roles ${quote(codes)}, the route needs ${needed.mode} of ${quote(needed.names)}.${hint}`,
    { required: needed.names, mode: needed.mode },
  );
}
