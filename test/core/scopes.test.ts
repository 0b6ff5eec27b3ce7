import { type ClaimScope, parseScope, toTokenUser, toUser } from '../../src/core/scopes.js';

/** Scope → claims, as GenAuth's scope page lists them. */
const CLAIMS: Readonly<Record<ClaimScope, readonly string[]>> = {
  openid: [],
  profile: [
    'birthdate',
    'family_name',
    'gender',
    'given_name',
    'locale',
    'middle_name',
    'name',
    'nickname',
    'picture',
    'preferred_username',
    'profile',
    'updated_at',
    'website',
    'zoneinfo',
  ],
  username: ['username'],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  address: ['address'],
  roles: ['roles'],
  role: ['role'],
  unionid: ['unionid'],
  userpool_id: ['userpool_id'],
  external_id: ['external_id'],
  extended_fields: ['extended_fields'],
  tenant_id: ['tenant_id'],
};
const SCOPES = Object.keys(CLAIMS) as ClaimScope[];
const FLAGS = ['email_verified', 'phone_number_verified'];

/** A token of somebody who has everything. */
const FULL: Readonly<Record<string, unknown>> = Object.freeze({
  sub: 'u-1',
  iss: 'https://example.genauth.ai/oidc',
  aud: 'app',
  exp: 2,
  iat: 1,
  ...Object.fromEntries(SCOPES.flatMap((scope) => CLAIMS[scope]).map((claim) => [claim, `my ${claim}`])),
  email_verified: true,
  phone_number_verified: true,
  updated_at: '2025-10-09T08:53:20.000Z',
  address: { country: 'CN', locality: null },
  roles: ['admin', { code: 'auditor', name: 'Auditor' }],
  extended_fields: { school: 'pku' },
  password_hash: 'not for anybody',
});

describe('toUser', () => {
  it.each(SCOPES)('scope %s brings its claims and no other', (scope) => {
    const expected = Object.fromEntries(['sub', ...CLAIMS[scope]].map((claim) => [claim, FULL[claim]]));
    expect(toUser(FULL, [scope])).toEqual(expected);
    expect(toUser(FULL, ['openid', scope])).toEqual(expected);
  });

  it.each(SCOPES)('scope %s on a token without any claim: null, false or empty, but there', (scope) => {
    const expected = Object.fromEntries(
      CLAIMS[scope].map((claim) => [claim, FLAGS.includes(claim) ? false : claim === 'roles' ? [] : null]),
    );
    expect(toUser({ sub: 'u-1' }, [scope])).toStrictEqual({ sub: 'u-1', ...expected });
  });

  it('all scopes together bring all claims and nothing else of the token', () => {
    const { iss: _iss, aud: _aud, exp: _exp, iat: _iat, password_hash: _hash, ...expected } = FULL;
    expect(toUser(FULL, SCOPES)).toEqual(expected);
  });

  it.each<[string, string, string, unknown, unknown]>([
    ['an empty text is unset', 'profile', 'name', '', null],
    ['a text that is a number is unset', 'profile', 'name', 5, null],
    ['a text that is a list is unset', 'email', 'email', ['a@example.com'], null],
    ['a text of one space stays', 'profile', 'name', ' ', ' '],
    ['email_verified is true for true', 'email', 'email_verified', true, true],
    ['email_verified is false for the text true', 'email', 'email_verified', 'true', false],
    ['email_verified is false for 1', 'email', 'email_verified', 1, false],
    ['email_verified is false for null', 'email', 'email_verified', null, false],
    ['phone_number_verified is false for an object', 'phone', 'phone_number_verified', {}, false],
    ["updated_at as OpenID Connect's number", 'profile', 'updated_at', 1_760_000_000, 1_760_000_000],
    ['updated_at 0', 'profile', 'updated_at', 0, 0],
    ['updated_at empty', 'profile', 'updated_at', '', null],
    ['updated_at that is an object', 'profile', 'updated_at', {}, null],
    ['address that is a text', 'address', 'address', 'Beijing', null],
    ['address that is a list', 'address', 'address', [], null],
    ['address null', 'address', 'address', null, null],
    ['extended_fields empty', 'extended_fields', 'extended_fields', {}, {}],
    ['roles null', 'roles', 'roles', null, []],
    ['roles as one text: no list, no role', 'roles', 'roles', 'admin', []],
    ['roles as an object: no list, no role', 'roles', 'roles', { code: 'admin', length: 1 }, []],
    [
      'roles with things that are none: those left out',
      'roles',
      'roles',
      ['admin', 5, null, {}, { code: 7 }, ['admin'], { code: 'x' }],
      ['admin', { code: 'x' }],
    ],
    ['tenant_id empty outside a tenant', 'tenant_id', 'tenant_id', '', null],
  ])('%s', (_name, scope, claim, value, expected) => {
    expect(toUser({ sub: 'u-1', [claim]: value }, [scope])).toHaveProperty(claim, expected);
  });

  it.each([
    [{ external_id: 'a' }, 'a'],
    [{ externalId: 'b' }, 'b'],
    [{ external_id: 'a', externalId: 'b' }, 'a'],
    [{}, null],
  ])('external_id by either of its names: %j', (claims, expected) => {
    expect(toUser({ sub: 'u-1', ...claims }, ['external_id'])).toStrictEqual({ sub: 'u-1', external_id: expected });
  });

  it.each(['offline_access', 'orders:read', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'EMAIL', ''])(
    'scope %j brings nothing',
    (scope) => {
      expect(Object.keys(toUser(FULL, [scope]))).toEqual(['sub']);
    },
  );

  it('does not take claims that the token only inherits', () => {
    const claims = Object.assign(Object.create({ email: 'evil@example.com', roles: ['admin'], externalId: 'x' }), {
      sub: 'u-1',
    }) as Record<string, unknown>;
    expect(toUser(claims, ['email', 'roles', 'external_id'])).toEqual({
      sub: 'u-1',
      email: null,
      email_verified: false,
      roles: [],
      external_id: null,
    });
  });

  it("does not take over a token's own __proto__", () => {
    const claims = JSON.parse('{"sub":"u-1","__proto__":{"admin":true},"constructor":1}') as Record<string, unknown>;
    const user = toUser(claims, SCOPES) as Record<string, unknown>;
    expect(user['admin']).toBeUndefined();
    expect(Object.getPrototypeOf(user)).toBe(Object.prototype);
    expect(Object.keys(user)).not.toContain('__proto__');
  });

  it('is a new object each time, and leaves the claims alone', () => {
    const [first, second] = [toUser(FULL, ['openid']), toUser(FULL, ['openid'])];
    expect(first).not.toBe(second);
    expect(first).not.toBe(FULL);
  });
});

describe('parseScope', () => {
  it.each<[string | string[], string[]]>([
    ['openid', ['openid']],
    ['openid profile', ['openid', 'profile']],
    ['  openid   profile ', ['openid', 'profile']],
    ['openid openid profile openid', ['openid', 'profile']],
    ['', []],
    [' ', []],
    // Only the space divides (RFC 6749 §3.3).
    ['openid,profile', ['openid,profile']],
    ['openid\tprofile', ['openid\tprofile']],
    [
      ['profile', 'openid', 'profile', ''],
      ['profile', 'openid'],
    ],
    [[], []],
  ])('%j → %j', (scope, expected) => {
    expect(parseScope(scope)).toEqual(expected);
  });
});

describe('toTokenUser', () => {
  it.each<[string, Record<string, unknown>, object]>([
    [
      'scopes as a list, no tenant',
      { scope: 'openid email' },
      { sub: 'u-1', scope: ['openid', 'email'], tenant_id: null },
    ],
    ['a tenant', { scope: 'openid', tenant_id: 't-1' }, { sub: 'u-1', scope: ['openid'], tenant_id: 't-1' }],
    ['an empty tenant', { scope: '', tenant_id: '' }, { sub: 'u-1', scope: [], tenant_id: null }],
    ['a tenant that is no text', { scope: 'a', tenant_id: 7 }, { sub: 'u-1', scope: ['a'], tenant_id: null }],
    [
      'claims that are not its own: left out',
      { scope: 'openid', email: 'a@example.com', roles: ['admin'], jti: 'x' },
      { sub: 'u-1', scope: ['openid'], tenant_id: null },
    ],
  ])('%s', (_name, claims, expected) => {
    expect(toTokenUser({ sub: 'u-1', scope: '', ...claims })).toStrictEqual(expected);
  });
});
