import { decodeProtectedHeader } from 'jose';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getJwks, getTokens, useEmulator, verify } from '../support.js';

const extended = { school: '清华', level: 3, nested: { a: [1] } };
const emulator = useEmulator({
  users: [
    {
      username: 'full',
      email: 'full@example.com',
      email_verified: true,
      phone_number: '+8613800000001',
      phone_number_verified: true,
      name: 'Full User',
      given_name: 'Full',
      middle_name: 'M',
      family_name: 'User',
      nickname: 'fu',
      preferred_username: 'full.user',
      profile: 'https://example.com/full',
      picture: 'https://example.com/full.png',
      website: 'https://example.com',
      birthdate: '1990-01-01',
      gender: 'F',
      zoneinfo: 'Asia/Shanghai',
      locale: 'zh-CN',
      updated_at: '2026-01-02T03:04:05.000Z',
      address: { country: 'CN', locality: 'Beijing' },
      roles: ['admin', 'editor'],
      external_id: 'hr-7',
      extended_fields: extended,
      password: 'passw0rd',
    },
    { username: 'bare', password: 'passw0rd' },
  ],
});

const as = (account: string, options?: object) => ({ passwordPayload: { account, password: 'passw0rd' }, options });

async function claimsOf(account: string, options?: object) {
  const tokens = await getTokens(emulator(), as(account, options));
  const { payload: id, protectedHeader } = await verify(emulator(), tokens.id_token);
  const { payload: access } = await verify(emulator(), tokens.access_token);
  return { tokens, id, access, header: protectedHeader };
}

const FULL_PROFILE = {
  name: 'Full User',
  given_name: 'Full',
  middle_name: 'M',
  family_name: 'User',
  nickname: 'fu',
  preferred_username: 'full.user',
  profile: 'https://example.com/full',
  picture: 'https://example.com/full.png',
  website: 'https://example.com',
  birthdate: '1990-01-01',
  gender: 'F',
  zoneinfo: 'Asia/Shanghai',
  locale: 'zh-CN',
  updated_at: '2026-01-02T03:04:05.000Z',
};

const BARE_PROFILE = {
  ...Object.fromEntries(Object.keys(FULL_PROFILE).map((name) => [name, null])),
  gender: 'U',
  updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
};

/** Scope → exactly the claims it brings a user who has all of them and a user who has none. */
const SCOPES: [string, object, object][] = [
  ['profile', FULL_PROFILE, BARE_PROFILE],
  ['username', { username: 'full' }, { username: 'bare' }],
  ['email', { email: 'full@example.com', email_verified: true }, { email: null, email_verified: false }],
  [
    'phone',
    { phone_number: '+8613800000001', phone_number_verified: true },
    { phone_number: null, phone_number_verified: false },
  ],
  [
    'address',
    { address: { country: 'CN', locality: 'Beijing' } },
    { address: { country: null, postal_code: null, region: null, formatted: null } },
  ],
  ['roles', { roles: ['admin', 'editor'] }, { roles: [] }],
  ['external_id', { external_id: 'hr-7' }, { external_id: null }],
  ['extended_fields', { extended_fields: extended }, { extended_fields: {} }],
  ['tenant_id', { tenant_id: '' }, { tenant_id: '' }],
  ['role', { role: null }, { role: null }],
  ['unionid', { unionid: null }, { unionid: null }],
  ['userpool_id', { userpool_id: null }, { userpool_id: null }],
  ['offline_access', {}, {}],
];

describe('id_token', () => {
  test('is signed RS256 by the published key, and says who, for whom, from whom and until when', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { id, header } = await claimsOf('full', { scope: 'openid' });
    const [key] = (await getJwks(emulator())).keys;
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid: key?.kid });
    expect(id).toEqual({
      sub: expect.stringMatching(/^[\da-f]{24}$/),
      aud: 'genauth-emulator-app',
      iss: `${emulator().url}/oidc`,
      iat: expect.any(Number),
      exp: Number(id.iat) + 1_209_600,
    });
    expect(id.iat).toBeGreaterThanOrEqual(before);
    expect(id.iat).toBeLessThanOrEqual(Math.floor(Date.now() / 1000));
  });

  test.each(SCOPES)('%s brings its claims and no others', async (scope, full, bare) => {
    for (const [account, claims] of [
      ['full', full],
      ['bare', bare],
    ] as const) {
      const { id } = await claimsOf(account, { scope: `openid ${scope}` });
      const { sub: _sub, aud: _aud, iss: _iss, iat: _iat, exp: _exp, ...others } = id;
      expect(others).toEqual(claims);
    }
  });

  test('has a sub that is one user for ever, in every emulator and by every identifier', async () => {
    const [first, byMail, other] = [await claimsOf('full'), await claimsOf('full@example.com'), await claimsOf('bare')];
    expect(byMail.id.sub).toBe(first.id.sub);
    expect(other.id.sub).not.toBe(first.id.sub);
    const users = [
      { username: 'someone', password: 'x' },
      { username: 'full', password: 'y' },
    ];
    await using elsewhere = await new GenAuthEmulator({ users }).start();
    const { id_token } = await getTokens(elsewhere, { passwordPayload: { account: 'full', password: 'y' } });
    expect((await verify(elsewhere, id_token)).payload.sub).toBe(first.id.sub);
  });

  test('an AD account and a user of the same name are two people', async () => {
    const user = emulator().addUser({ username: 'twin', password: 'x' });
    const account = emulator().addAdAccount({ sAMAccountName: 'twin', password: 'x' });
    expect(account.sub).not.toBe(user.sub);
  });
});

describe('access_token', () => {
  test('is signed by the same key and holds the scope, no claims of the user', async () => {
    const { access, id, tokens, header } = await claimsOf('full', { scope: 'openid profile email' });
    expect(decodeProtectedHeader(tokens.access_token)).toEqual(header);
    expect(access).toEqual({
      sub: id.sub,
      aud: 'genauth-emulator-app',
      iss: id.iss,
      iat: id.iat,
      exp: id.exp,
      scope: 'openid profile email',
      jti: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  test('has another jti each time', async () => {
    expect((await claimsOf('full')).access.jti).not.toBe((await claimsOf('full')).access.jti);
  });
});

describe('tenant', () => {
  test('is in both tokens when its scope was granted', async () => {
    const { id, access } = await claimsOf('full', { scope: 'openid tenant_id', tenantId: 'tenant-1' });
    expect([id['tenant_id'], access['tenant_id']]).toEqual(['tenant-1', 'tenant-1']);
  });

  test('is in neither without the scope', async () => {
    const { id, access } = await claimsOf('full', { scope: 'openid', tenantId: 'tenant-1' });
    expect([id, access].some((claims) => 'tenant_id' in claims)).toBe(false);
  });
});

describe('scope', () => {
  test.each([
    ['openid', 'openid'],
    ['email openid', 'email openid'],
    ['openid openid email email', 'openid email'],
    ['  openid   email ', 'openid email'],
    ['openid unknown email', 'openid email'],
    ['openid __proto__ constructor', 'openid'],
    ['openid Email', 'openid'],
  ])('%p is granted as %p', async (scope, granted) => {
    const { tokens, access } = await claimsOf('full', { scope });
    expect(tokens.scope).toBe(granted);
    expect(access['scope']).toBe(granted);
  });

  test('is GenAuth’s default where none was asked for', async () => {
    const { tokens, id } = await claimsOf('full');
    expect(tokens.scope).toBe('openid profile tenant_id');
    expect(id).toMatchObject({ name: 'Full User', tenant_id: '' });
    expect(id).not.toHaveProperty('email');
  });
});

describe('the answer', () => {
  test('is what LoginTokenResponseDataDto promises, and no more', async () => {
    const { tokens } = await claimsOf('full', { scope: 'openid' });
    expect(tokens).toEqual({
      scope: 'openid',
      token_type: 'Bearer',
      access_token: expect.any(String),
      id_token: expect.any(String),
      expires_in: 1_209_600,
      expire_in: 1_209_600,
    });
  });

  test('has a refresh token, another one each time, only with offline_access', async () => {
    const [one, two] = [
      await claimsOf('full', { scope: 'openid offline_access' }),
      await claimsOf('full', { scope: 'openid offline_access' }),
    ];
    expect(one.tokens.refresh_token).toMatch(/^[\w-]{43}$/);
    expect(two.tokens.refresh_token).not.toBe(one.tokens.refresh_token);
  });

  test.each([
    ['expires_in', { expires_in: 60 }],
    ['expire_in', { expire_in: 60 }],
    ['both', { expires_in: 60, expire_in: 60 }],
  ] as const)('tells the lifetime by %s, which is the tokens’ own', async (lifetimeField, expected) => {
    await using own = await new GenAuthEmulator({ lifetimeField, tokenLifetime: 60 }).start();
    const { expires_in, expire_in, id_token, access_token } = await getTokens(own);
    expect(JSON.parse(JSON.stringify({ expires_in, expire_in }))).toEqual(expected);
    for (const token of [id_token, access_token]) {
      const { payload } = await verify(own, token);
      expect(Number(payload.exp) - Number(payload.iat)).toBe(60);
    }
  });
});
