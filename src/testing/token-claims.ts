import { SCOPES_SUPPORTED, type EmulatorClaims, buildScopeClaims, claimMistake } from '../emulator/users/claims.js';
import { EmulatorError, invalid, show } from '../emulator/errors.js';

/**
 * The claims of the user of a test token. All claims are optional. An absent claim has the value that GenAuth sends for
 * a claim without a value.
 */
export interface TestClaims extends EmulatorClaims {
  /** The ID of the user. Default: `000000000000000000000001`. */
  sub?: string;
  /**
   * The scopes of the token, as an array or as a string with spaces between the scopes. Default: the application's
   * option `scope`.
   */
  scope?: string | readonly string[];
  /**
   * The ID of the tenant. It requires the scope `tenant_id`, because GenAuth sends the claim only with this scope.
   * Default: no tenant.
   */
  tenant_id?: string;
}

/** The checked user and scopes of a test token. */
export interface TokenSubject {
  readonly sub: string;
  readonly scopes: readonly string[];
  /** The ID of the tenant, or `''` for no tenant. */
  readonly tenantId: string;
  /** The claims of the user, without `sub` and `tenant_id`. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const DEFAULT_SUB = '000000000000000000000001';

/** The scope that contains each claim. */
const SCOPE_OF_CLAIM = new Map(
  SCOPES_SUPPORTED.flatMap((scope) => Object.keys(buildScopeClaims({}, [scope])).map((claim) => [claim, scope])),
);

/**
 * Checks the claims of a test token. A claim that GenAuth never sends with the scopes of the token is refused. If the
 * claim were accepted, a test would pass although the application would fail in production.
 *
 * @param appScope The scopes in the application's options. They are the default of `given.scope`.
 * @throws EmulatorError with the code `invalid_input` if a claim is unknown or wrong, or if the scopes do not include
 * the claim.
 */
export function readTokenSubject(given: TestClaims, appScope: readonly string[]): TokenSubject {
  const { sub = DEFAULT_SUB, scope, tenant_id: tenantId = '', ...claims } = given;
  const scopes = readScopes(scope) ?? appScope;
  if (typeof sub !== 'string' || sub === '') throw invalid('sub', 'a string that is not empty', sub);
  if (typeof tenantId !== 'string') throw invalid('tenant_id', 'a string', tenantId);
  const scopedClaims = tenantId === '' ? claims : { ...claims, tenant_id: tenantId };
  for (const [name, value] of Object.entries(scopedClaims)) {
    const scopeOfClaim = SCOPE_OF_CLAIM.get(name);
    if (scopeOfClaim === undefined) {
      const message = `${name}: unknown claim. Use one of: sub, scope, ${[...SCOPE_OF_CLAIM.keys()].join(', ')}.`;
      throw new EmulatorError('invalid_input', message);
    }
    const expected = claimMistake(name, value);
    if (expected !== undefined) throw invalid(name, expected, value);
    if (scopes.includes(scopeOfClaim)) continue;
    const problem = `expected the scope "${scopeOfClaim}", got ${show(scopes.join(' '))}`;
    const reason = `GenAuth sends the claim ${name} only with this scope`;
    const fix = `Add "${scopeOfClaim}" to the option scope of the application, or remove ${name} from the test`;
    throw new EmulatorError('invalid_input', `scope: ${problem}. ${reason}. ${fix}.`);
  }
  return { sub, scopes, tenantId, claims };
}

/**
 * Returns the scopes of an array, or of a string with spaces between the scopes. Returns `undefined` if `scope` is
 * `undefined`.
 */
export function readScopes(scope: TestClaims['scope']): readonly string[] | undefined {
  return typeof scope === 'string' ? scope.split(' ').filter((name) => name !== '') : scope;
}
