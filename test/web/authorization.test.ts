import type { AccessTokenClaims } from '../../src/core/tokens/claims.js';
import {
  type AccessRequirements,
  type Choice,
  authorize,
  describeIntrospection,
  toChoice,
  toIntrospectionMaxAge,
} from '../../src/web/authorization.js';
import { catchError } from '../support/promise.js';
import { catchThrown } from '../support/thrown.js';

const REQUEST = { headers: { 'x-tenant': 'tenant-1' } };
const all = (...names: string[]): Choice => ({ mode: 'all', names });
const any = (...names: string[]): Choice => ({ mode: 'any', names });

/** Authorizes a request with a token of these claims. Reading user info fails the test, unless it is given. */
const check = async (requirements: AccessRequirements, claims: object, userInfo?: object): Promise<void> => {
  const getUserInfo = async (): Promise<Record<string, unknown>> =>
    (userInfo ?? (await Promise.reject(new Error('user info was read')))) as Record<string, unknown>;
  return authorize(requirements, claims as AccessTokenClaims, getUserInfo, REQUEST);
};

it('toChoice copies and freezes the names', () => {
  const names = ['admin', 'a role with spaces and "quotes"'];
  const choice = toChoice('role', 'any', names);
  expect(choice).toStrictEqual({ mode: 'any', names });
  expect(choice.names).not.toBe(names);
  expect([Object.isFrozen(choice), Object.isFrozen(choice.names)]).toEqual([true, true]);
});

const SCOPE_FIX = "write one or more names as separate strings, such as 'email'";
const ROLE_FIX = "write one or more names as separate strings, such as 'admin'";
it.each<['scope' | 'role', unknown, problem: string, fix: string]>([
  ['scope', [], '[]', SCOPE_FIX],
  ['scope', 'email', '"email"', SCOPE_FIX],
  ['scope', ['email phone'], '["email phone"]', SCOPE_FIX],
  ['scope', ['email', ['x']], '["email", a list]', SCOPE_FIX],
  ['role', ['admin', ''], '["admin", ""]', ROLE_FIX],
])('toChoice refuses the %s names %j', (what, names, text, fix) => {
  expect(catchThrown(() => toChoice(what, 'all', names as string[]))).toMatchObject({
    name: 'ConfigurationError',
    code: 'invalid_options',
    message: `The ${what}s of a route are ${text}: ${fix}.`,
    details: { mistakes: [{ option: `${what}s`, problem: `are ${text}`, fix }] },
  });
});

it.each<[string, AccessRequirements, object, object?]>([
  ['no requirement', {}, {}],
  ['all scopes', { scopes: all('email', 'phone') }, { scope: 'phone openid email' }],
  ['one of several scopes', { scopes: any('email', 'phone') }, { scope: 'openid phone' }],
  ['all roles', { roles: all('admin', 'auditor') }, { roles: ['user', 'admin', { code: 'auditor' }] }],
  ['one of several roles', { roles: any('admin', 'auditor') }, { roles: ['auditor'] }],
  ['roles of user info', { roles: any('admin') }, Object.create({ roles: ['user'] }), { roles: ['admin'] }],
  ['the tenant of the request', { tenant: (req) => String(req.headers['x-tenant']) }, { tenant_id: 'tenant-1' }],
  ['a promise of the tenant', { tenant: async () => 'tenant-1' }, { tenant_id: 'tenant-1' }],
  ['the tenant of user info', { tenant: () => 't' }, Object.create({ tenant_id: 'u' }), { tenant_id: 't' }],
])('%s is met', async (...[, requirements, claims, userInfo]) => {
  await expect(check(requirements, claims, userInfo)).resolves.toBeUndefined();
});

it.each<[Choice, string, string]>([
  [all('email', 'phone'), 'openid email', 'all of ["email", "phone"]'],
  [any('email', 'phone'), 'openid profile', 'any of ["email", "phone"]'],
  [all('constructor'), '', 'all of ["constructor"]'],
])('refuses the scopes %j for %j', async (scopes, scope, required) => {
  const error = await catchError(check({ scopes }, { scope }));
  const message = `The token has scope "${scope}", but the route requires ${required}.`;
  const details = { required: scopes.names, mode: scopes.mode };
  expect(error).toMatchObject({ name: 'AuthorizationError', code: 'insufficient_scope', details, message });
});

const HINT = " GenAuth sent no roles: add 'roles' to the option scope.";
it.each<[Choice, unknown, string, string, string]>([
  [all('admin', 'auditor'), ['admin', { code: 'admin' }], '["admin", "admin"]', 'all of ["admin", "auditor"]', ''],
  [any('admin'), ['Admin', 'admin '], '["Admin", "admin "]', 'any of ["admin"]', ''],
  [any('admin'), [{ name: 'admin' }, { code: ['admin'] }, ['admin'], null, 5], '[]', 'any of ["admin"]', ''],
  [any('admin'), [], '[]', 'any of ["admin"]', ''],
  [any('admin'), 'admin', '[]', 'any of ["admin"]', HINT],
  [any('admin'), { code: 'admin' }, '[]', 'any of ["admin"]', HINT],
  [any('admin'), undefined, '[]', 'any of ["admin"]', HINT],
])('refuses the roles %j for %j', async (roles, held, codes, required, hint) => {
  const error = await catchError(check({ roles }, { roles: held }));
  const message = `The user has roles ${codes}, but the route requires ${required}.${hint}`;
  const details = { required: roles.names, mode: roles.mode };
  expect(error).toMatchObject({ code: 'insufficient_role', details, message });
});

it.each<[required: unknown, held: unknown, details: string[]]>([
  ['TENANT-1', 'tenant-1', ['TENANT-1']],
  [undefined, undefined, []],
  ['', '', ['']],
  [7, 7, []],
  [['tenant-1'], 'tenant-1', []],
])('the tenant %j is not met by %j', async (required, held, details) => {
  const error = await catchError(check({ tenant: async () => required as string }, { tenant_id: held }));
  expect(error.message).toMatch(/^The user belongs to tenant .*, but the request targets tenant .*\./);
  expect(error).toMatchObject({ code: 'tenant_mismatch', details: { required: details } });
});

it('the tenant is asked for only if the scopes and roles are met', async () => {
  let calls = 0;
  const tenant = (): string => `tenant-${(calls += 1)}`;
  const requirements = { scopes: all('email'), roles: any('admin'), tenant };
  await expect(check(requirements, { scope: '', roles: ['admin'] })).rejects.toThrow('scope');
  await expect(check(requirements, { scope: 'email', roles: [] })).rejects.toThrow('roles');
  expect(calls).toBe(0);
  await check(requirements, { scope: 'email', roles: ['admin'], tenant_id: 'tenant-1' });
});

it('the tenant passes on the error of the function', async () => {
  const error = new TypeError('of the application');
  await expect(check({ tenant: () => Promise.reject(error) }, { tenant_id: 't' })).rejects.toBe(error);
});

it.each<[unknown, number | undefined, string]>([
  [true, 10_000, 'true'],
  [{ maxAge: 0 }, 0, '{ maxAge: 0 }'],
  [false, undefined, 'false'],
  [{}, undefined, 'an object with the members []'],
  [{ max: 1 }, undefined, 'an object with the members ["max"]'],
  [{ maxAge: -1 }, undefined, '{ maxAge: -1 }'],
  [{ maxAge: 0.5 }, undefined, '{ maxAge: 0.5 }'],
  [{ maxAge: '1' }, undefined, '{ maxAge: "1" }'],
  [{ maxAge: 1, max: 1 }, undefined, 'an object with the members ["maxAge", "max"]'],
])('reads introspect %j as %s milliseconds, and describes it', (value, maxAge, text) => {
  expect([toIntrospectionMaxAge(value), describeIntrospection(value)]).toEqual([maxAge, text]);
});
