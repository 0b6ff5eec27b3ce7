import { AuthorizationError, ConfigurationError } from '../../src/index.js';
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
const check = (requirements: AccessRequirements, claims: object, userInfo?: () => Promise<object>): Promise<void> =>
  authorize(
    requirements,
    claims as AccessTokenClaims,
    (userInfo ?? (() => Promise.reject(new Error('user info was read')))) as () => Promise<Record<string, unknown>>,
    REQUEST,
  );

describe('toChoice', () => {
  it.each([
    ['scope', 'all', ['email', 'orders:read']],
    ['role', 'any', ['admin', 'a role with spaces and "quotes"']],
  ] as const)('copies and freezes the names of a %s', (what, mode, names) => {
    const choice = toChoice(what, mode, names);
    expect(choice).toStrictEqual({ mode, names });
    expect(choice.names).not.toBe(names);
    expect([Object.isFrozen(choice), Object.isFrozen(choice.names)]).toEqual([true, true]);
  });

  it.each<['scope' | 'role', unknown]>([
    ['scope', []],
    ['scope', 'email'],
    ['scope', null],
    ['scope', ['email phone']],
    ['scope', ['email', '']],
    ['scope', ['a"b']],
    ['scope', ['a\r\nset-cookie: a=b']],
    ['scope', ['email', 5]],
    ['role', []],
    ['role', 'admin'],
    ['role', ['admin', '']],
    ['role', ['admin', undefined]],
  ])('refuses the %s names %j', (what, names) => {
    const error = catchThrown(() => toChoice(what, 'all', names as string[]));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code: 'invalid_options', details: { mistakes: [{ option: `${what}s` }] } });
  });

  it.each([
    ['scope', "The scopes of a route are []: write one or more names as separate strings, such as 'email'."],
    ['role', "The roles of a route are []: write one or more names as separate strings, such as 'admin'."],
  ] as const)('names the fix for a %s', (what, message) => {
    expect(() => toChoice(what, 'any', [])).toThrow(message);
  });
});

describe('scopes', () => {
  it.each<[string, Choice, string]>([
    ['the one scope', all('email'), 'openid email'],
    ['all scopes in another order', all('email', 'phone'), 'phone openid email'],
    ['one of several', any('email', 'phone'), 'openid phone'],
  ])('are met by %s', async (_title, scopes, scope) => {
    await expect(check({ scopes }, { scope })).resolves.toBeUndefined();
  });

  it.each<[string, Choice, string]>([
    ['another scope', all('email'), 'openid'],
    ['one of all', all('email', 'phone'), 'openid email'],
    ['none of several', any('email', 'phone'), 'openid profile'],
    ['longer names', all('email'), 'openid emails email:read'],
    ['an empty scope', all('email'), ''],
    ['the name of an inherited member', all('constructor'), 'openid'],
  ])('are not met by %s', async (_title, scopes, scope) => {
    const error = await catchError(check({ scopes }, { scope }));
    expect(error).toBeInstanceOf(AuthorizationError);
    expect(error).toMatchObject({
      code: 'insufficient_scope',
      details: { required: scopes.names, mode: scopes.mode },
      message: `The token has scope "${scope}", but the route requires ${scopes.mode} of [${scopes.names
        .map((name) => `"${name}"`)
        .join(', ')}].`,
    });
  });
});

describe('roles', () => {
  it.each<[string, Choice, unknown]>([
    ['a code', any('admin', 'auditor'), ['auditor']],
    ['an object with a code', any('admin'), [{ code: 'admin', id: 'r1' }]],
    ['all codes', all('admin', 'auditor'), ['user', 'admin', { code: 'auditor' }]],
  ])('are met by %s', async (_title, roles, held) => {
    await expect(check({ roles }, { roles: held })).resolves.toBeUndefined();
  });

  it.each<[string, Choice, unknown]>([
    ['one of all', all('admin', 'auditor'), ['admin', { code: 'admin' }]],
    ['similar codes', any('admin'), ['user', 'Admin', 'admin ', 'administrator']],
    ['another member than code', any('admin'), [{ name: 'admin' }, { id: 'admin' }]],
    ['a code that is a list', any('admin'), [{ code: ['admin'] }]],
    ['a list in a list', any('admin'), [['admin']]],
    ['a string', any('admin'), 'admin'],
    ['an object', any('admin'), { admin: true, code: 'admin' }],
    ['an empty list', any('admin'), []],
    ['null', any('admin'), null],
    ['undefined', any('admin'), undefined],
    ['other types', any('admin'), [true, null, 5]],
  ])('are not met by %s', async (_title, roles, held) => {
    const error = await catchError(check({ roles }, { roles: held }));
    expect(error).toBeInstanceOf(AuthorizationError);
    const details = { required: roles.names, mode: roles.mode };
    expect(error).toMatchObject({ code: 'insufficient_role', details });
  });

  it.each([
    [['user'], 'The user has roles ["user"], but the route requires any of ["admin"].'],
    [
      undefined,
      'The user has roles [], but the route requires any of ["admin"]. ' +
        "GenAuth sent no roles: add 'roles' to the option scope.",
    ],
  ])('are named in the message: %j', async (roles, message) => {
    expect((await catchError(check({ roles: any('admin') }, { roles }))).message).toBe(message);
  });

  it('are read from user info if the token has none of its own', async () => {
    const inherited = Object.create({ roles: ['user'] }) as object;
    await expect(
      check({ roles: any('admin') }, inherited, async () => ({ roles: ['admin'] })),
    ).resolves.toBeUndefined();
    await expect(check({ roles: any('admin') }, {}, async () => ({ roles: ['user'] }))).rejects.toMatchObject({
      code: 'insufficient_role',
    });
  });
});

describe('the tenant', () => {
  it.each<[string, unknown]>([
    ['an ID', () => 'tenant-1'],
    ['a promise of an ID', async () => 'tenant-1'],
    ['a header of the request', (req: typeof REQUEST) => req.headers['x-tenant']],
  ])('is met by %s', async (_title, tenant) => {
    await expect(check({ tenant: tenant as () => string }, { tenant_id: 'tenant-1' })).resolves.toBeUndefined();
  });

  it.each<[string, () => unknown, unknown, string[]]>([
    ['another ID', () => 'tenant-2', 'tenant-1', ['tenant-2']],
    ['another case', () => 'TENANT-1', 'tenant-1', ['TENANT-1']],
    ['undefined', () => undefined, 'tenant-1', []],
    ['a promise of undefined', async () => undefined, 'tenant-1', []],
    ['undefined, equal to the token', () => undefined, undefined, []],
    ['null, equal to the token', () => null, null, []],
    ['an empty string, equal to the token', () => '', '', ['']],
    ['a number, equal to the token', () => 7, 7, []],
    ['a list', () => ['tenant-1'], ['tenant-1'], []],
    ['an object that converts to the ID', () => ({ toString: () => 'tenant-1' }), 'tenant-1', []],
  ])('is not met by %s', async (_title, tenant, held, required) => {
    const error = await catchError(check({ tenant: tenant as () => string }, { tenant_id: held }));
    expect(error).toBeInstanceOf(AuthorizationError);
    expect(error).toMatchObject({ code: 'tenant_mismatch', details: { required } });
  });

  it('is named in the message', async () => {
    expect((await catchError(check({ tenant: () => 'b' }, { tenant_id: 'a' }))).message).toBe(
      'The user belongs to tenant "a", but the request targets tenant "b".',
    );
  });

  it('is read from user info if the token has none of its own', async () => {
    const inherited = Object.create({ tenant_id: 'tenant-2' }) as object;
    const tenant = (): string => 'tenant-1';
    await expect(check({ tenant }, inherited, async () => ({ tenant_id: 'tenant-1' }))).resolves.toBeUndefined();
    await expect(check({ tenant }, {}, async () => ({ tenant_id: 'tenant-2' }))).rejects.toMatchObject({
      code: 'tenant_mismatch',
    });
  });

  it('is asked for only if the scopes and roles are met', async () => {
    let calls = 0;
    const tenant = (): string => `tenant-${(calls += 1)}`;
    const requirements = { scopes: all('email'), roles: any('admin'), tenant };
    await expect(check(requirements, { scope: '', roles: ['admin'] })).rejects.toThrow('scope');
    await expect(check(requirements, { scope: 'email', roles: [] })).rejects.toThrow('roles');
    expect(calls).toBe(0);
    await check(requirements, { scope: 'email', roles: ['admin'], tenant_id: 'tenant-1' });
    expect(calls).toBe(1);
  });

  it.each([new TypeError('of the application'), undefined])(
    'passes on the error %s of the function',
    async (thrown) => {
      const failed = check({ tenant: () => Promise.reject(thrown) }, { tenant_id: 'tenant-1' });
      await expect(failed.catch((error: unknown) => [error])).resolves.toEqual([thrown]);
    },
  );
});

it('requires nothing without requirements', async () => {
  await expect(check({}, {})).resolves.toBeUndefined();
});

it.each([
  [true, 10_000],
  [{ maxAge: 0 }, 0],
  [{ maxAge: 1 }, 1],
  [{ maxAge: 60_000 }, 60_000],
  [false, undefined],
  [null, undefined],
  [10, undefined],
  ['10', undefined],
  [[1], undefined],
  [{}, undefined],
  [{ maxAge: -1 }, undefined],
  [{ maxAge: 0.5 }, undefined],
  [{ maxAge: NaN }, undefined],
  [{ maxAge: '1' }, undefined],
  [{ maxAge: 1, max: 1 }, undefined],
])('reads introspect %j as %s milliseconds', (value, maxAge) => {
  expect(toIntrospectionMaxAge(value)).toBe(maxAge);
});

it.each([
  [10, '10'],
  ['10', '"10"'],
  [{ maxAge: -1 }, '{ maxAge: -1 }'],
  [{}, 'an object with the members []'],
  [{ max: 1 }, 'an object with the members ["max"]'],
  [{ maxAge: 1, max: 1 }, 'an object with the members ["maxAge", "max"]'],
])('describes introspect %j', (value, text) => {
  expect(describeIntrospection(value)).toBe(text);
});
