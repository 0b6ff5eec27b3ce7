import { SCOPES_SUPPORTED, type EmulatorClaims, buildScopeClaims, claimMistake } from '../emulator/users/claims.js';
import { invalid } from '../emulator/errors.js';

/** Who is behind a token. What is left out is what GenAuth says of somebody who never filled it in. */
export interface TestClaims extends EmulatorClaims {
  /** GenAuth's user ID. Default: `000000000000000000000001`. */
  sub?: string;
  /** Scopes of the token. Default: all that the application's options ask for. */
  scope?: string | readonly string[];
  /** Needs the scope `tenant_id`, as at GenAuth. */
  tenant_id?: string;
}

/** A person and what their token may do, checked. */
export interface Bearer {
  readonly sub: string;
  readonly scopes: readonly string[];
  readonly tenantId: string;
  /** What the scopes of GenAuth tell of the person. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const DEFAULT_SUB = '000000000000000000000001';

/** The scope that tells each claim. */
const SCOPE_OF_CLAIM = new Map(
  SCOPES_SUPPORTED.flatMap((scope) => Object.keys(buildScopeClaims({}, [scope])).map((claim) => [claim, scope])),
);

/**
 * @param appScope - Of the application's options.
 * @throws EmulatorError `invalid_input`, also for a claim that no token with these scopes would ever tell: a test that has it
 * passes while the application fails.
 */
export function readBearer(given: TestClaims, appScope: readonly string[]): Bearer {
  const { sub = DEFAULT_SUB, scope, tenant_id: tenantId = '', ...claims } = given;
  const scopes = readScopes(scope) ?? appScope;
  if (typeof sub !== 'string' || sub === '') throw invalid('sub', 'a string that is not empty', sub);
  if (typeof tenantId !== 'string') throw invalid('tenant_id', 'a string', tenantId);
  const told = tenantId === '' ? claims : { ...claims, tenant_id: tenantId };
  for (const [name, value] of Object.entries(told)) {
    const scopeOfClaim = SCOPE_OF_CLAIM.get(name);
    if (scopeOfClaim === undefined) throw invalid(name, 'a claim that GenAuth has', value);
    const expected = claimMistake(name, value);
    if (expected !== undefined) throw invalid(name, expected, value);
    if (scopes.includes(scopeOfClaim)) continue;
    throw invalid(
      'scope',
      `"${scopeOfClaim}" in it, since GenAuth tells ${name} with that scope alone (add it to the application's option scope)`,
      scopes.join(' '),
    );
  }
  return { sub, scopes, tenantId, claims };
}

/** A list, or one string with spaces. */
export function readScopes(scope: TestClaims['scope']): readonly string[] | undefined {
  return typeof scope === 'string' ? scope.split(' ').filter((name) => name !== '') : scope;
}
