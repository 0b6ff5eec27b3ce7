import { type ClaimScope, findScopeProblem, parseScope, toTokenUser, toUser } from '../../src/core/scopes.js';

/** The claims of each scope, as GenAuth's page of the scopes lists them. */
const CLAIMS: Readonly<Record<ClaimScope, string>> = {
  openid: 'sub',
  profile:
    'birthdate family_name gender given_name locale middle_name name nickname picture preferred_username profile ' +
    'updated_at website zoneinfo',
  email: 'email email_verified',
  phone: 'phone_number phone_number_verified',
  ...({ username: 'username', address: 'address', roles: 'roles', role: 'role', unionid: 'unionid' } as const),
  ...({ userpool_id: 'userpool_id', external_id: 'external_id', tenant_id: 'tenant_id' } as const),
  extended_fields: 'extended_fields',
};
const SCOPES = Object.keys(CLAIMS) as ClaimScope[];
const NAMES = Object.values(CLAIMS).join(' ').split(' ');

/** The claims of a token with every claim, and the user that all scopes together give. */
const ALL: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(NAMES.map((claim) => [claim, `my ${claim}`])),
  sub: 'u-1',
  email_verified: true,
  phone_number_verified: true,
  updated_at: '2025-10-09T08:53:20.000Z',
  address: { country: 'CN', locality: null },
  roles: ['admin', { code: 'auditor', name: 'Auditor' }],
  extended_fields: { school: 'pku' },
};
const NONE: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(NAMES.map((claim) => [claim, null])),
  sub: 'u-1',
  email_verified: false,
  phone_number_verified: false,
  roles: [],
};
const pick = (source: Readonly<Record<string, unknown>>, names: string): object =>
  Object.fromEntries(['sub', ...names.split(' ')].map((name) => [name, source[name]]));

it.each(SCOPES)('toUser gives the scope %s its claims and no other', (scope) => {
  const claims = { ...ALL, iss: 'https://example.genauth.ai/oidc', aud: 'app', password_hash: 'x' };
  expect(toUser(claims, [scope])).toStrictEqual(pick(ALL, CLAIMS[scope]));
  expect(toUser({ sub: 'u-1' }, [scope])).toStrictEqual(pick(NONE, CLAIMS[scope]));
});

it.each<[claim: string, scope: string, value: unknown, expected: unknown]>([
  ['name', 'profile', '', null],
  ['name', 'profile', 5, null],
  ['email_verified', 'email', 'true', false],
  ['updated_at', 'profile', 1_760_000_000, 1_760_000_000],
  ['updated_at', 'profile', {}, null],
  ['address', 'address', 'Beijing', null],
  ['roles', 'roles', { code: 'admin', length: 1 }, []],
  ['roles', 'roles', ['a', 5, null, {}, { code: 7 }, ['b'], { code: 'c' }], ['a', { code: 'c' }]],
])('toUser reads the claim %s of the scope %s with the value %j as %j', (claim, scope, value, expected) => {
  expect(toUser({ sub: 'u-1', [claim]: value }, [scope])).toHaveProperty(claim, expected);
});

it('toUser reads external_id by both names that GenAuth uses', () => {
  const users = [{ externalId: 'b' }, { external_id: 'a', externalId: 'b' }].map((claims) =>
    toUser({ sub: 'u-1', ...claims }, ['external_id']),
  );
  expect(users).toStrictEqual(['b', 'a'].map((external_id) => ({ sub: 'u-1', external_id })));
});

it('toUser gives other scopes no claims', () => {
  expect(toUser(ALL, ['offline_access', 'constructor', '__proto__', 'EMAIL', ''])).toStrictEqual({ sub: 'u-1' });
});

it('toUser ignores claims that are inherited', () => {
  const inherited = Object.create({ ...ALL, externalId: 'x' }) as object;
  const user = toUser(Object.assign(inherited, { sub: 'u-1' }), ['email', 'roles', 'external_id']);
  expect(user).toStrictEqual(pick(NONE, 'email email_verified roles external_id'));
});

it('parseScope splits a scope at spaces only (RFC 6749 §3.3), and removes repetitions', () => {
  const scopes = ['  openid   profile,x\tx openid ', ' ', ['profile', 'openid', 'profile', '']].map(parseScope);
  expect(scopes).toEqual([['openid', 'profile,x\tx'], [], ['profile', 'openid']]);
});

it.each<[unknown]>([['openid'], ['email openid'], [['openid', 'a:b', '!#[]~', 'a,b']]])('accepts %j', (value) => {
  expect(findScopeProblem(value)).toBeUndefined();
});

const LIST = "write ['openid', 'profile'] or 'openid profile'";
const ADD = "add 'openid', because GenAuth sends no id_token without it";
it.each<[unknown, string, string]>([
  [5, 'is 5', LIST],
  [new Set(['openid']), 'is an object', LIST],
  [['openid', 5], 'is ["openid", 5]', LIST],
  ['profile', `is "profile" without 'openid'`, ADD],
  ['openid,email', 'contains "openid,email"', "separate the scopes by spaces, write 'openid email'"],
  ['openid, email', 'contains "openid,"', "separate the scopes by spaces, write 'openid email'"],
  ['profile+a:b', 'contains "profile+a:b"', "separate the scopes by spaces, write 'openid profile a:b'"],
  ['openid\temail', 'contains "openid\\temail"', "separate the scopes by spaces, write 'openid email'"],
  ['"openid email"', 'contains "\\"openid"', "remove the quotes, write 'openid email'"],
  [['openid,email', 'x'], 'contains "openid,email"', "separate the scopes, write ['openid', 'email', 'x']"],
  [['openid email'], 'contains "openid email"', "separate the scopes, write ['openid', 'email']"],
  ...['a"b', 'a\\b', 'a b', 'a\x7F'].map((name): [unknown, string, string] => [
    ['openid', name],
    `contains ${JSON.stringify(name).replace('\x7F', '\\u{7f}')}, which is not a valid scope`,
    'remove it',
  ]),
])('findScopeProblem refuses %j', (value, problem, fix) => {
  expect(findScopeProblem(value)).toEqual({ problem, fix });
});

it('toTokenUser reads user ID, scopes and tenant', () => {
  const claims = { sub: 'u-1', scope: 'openid email', email: 'a@example.com', roles: ['admin'] };
  const user = { sub: 'u-1', scope: ['openid', 'email'] };
  const users = [7, 't-1'].map((tenant_id) => toTokenUser({ ...claims, tenant_id }));
  expect(users).toStrictEqual([null, 't-1'].map((tenant_id) => ({ ...user, tenant_id })));
});
