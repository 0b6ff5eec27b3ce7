import { failOnUnhandledRejections } from '../support/host-process.js';
import { ANSWERS, type GuardedWay, expectEverywhere, startGuardedWays } from '../support/guarded-ways.js';
import { Issuer, JWKS_PATH, SUBJECT } from '../support/issuer.js';
import { HEADER_FLAWS, TOKEN_FLAWS, openForge } from '../support/token-flaw.js';

failOnUnhandledRejections();

// One set of servers for the file: a wrong token must leave nothing behind that the next could use.
let issuer: Issuer;
let ways: readonly GuardedWay[];
let close: () => Promise<void>;

describe('GenAuthGuard, AuthGuard, requireAuth and the strategy answer alike', () => {
  beforeAll(async () => {
    issuer = await Issuer.start();
    ({ ways, close } = await startGuardedWays(issuer.clientOptions));
  });
  afterAll(async () => {
    await close();
    await issuer.close();
  });
  const right = (claims: object = {}): string => issuer.sign({ ...issuer.accessTokenClaims(), ...claims });

  it('a right token: 200 with the user, and no header of ours', async () => {
    const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
    await expectEverywhere(ways, { status: 200, headers: {}, body: { user } }, `Bearer ${right()}`);
  });

  it.each(HEADER_FLAWS)('%s: 401 %s', async (_title, code, write) => {
    await expectEverywhere(ways, ANSWERS[code], write(right()));
  });

  it.each(TOKEN_FLAWS)('%s: 401 invalid_token', async (_title, make) => {
    const before = issuer.requests.length;
    await expectEverywhere(ways, ANSWERS.invalid_token, `Bearer ${make(openForge(issuer))}`);
    // Nothing is fetched for it: the keys are here, and the cool-down of unknown ones runs.
    expect(issuer.requests.slice(before).map(({ path }) => path)).toEqual([]);
  });

  it('what was refused is refused again, and the right token still passes', async () => {
    for (const token of [right(), right({ jti: 'another' })]) {
      for (let i = 0; i < 2; i++) {
        for (const way of ways) expect([way.name, (await way.ask(`Bearer ${token}`)).status]).toEqual([way.name, 200]);
        // The very token but for one bit of its signature, after the right one is known.
        const last = token.at(-1) === 'A' ? 'Q' : 'A';
        await expectEverywhere(ways, ANSWERS.invalid_token, `Bearer ${token.slice(0, -1)}${last}`);
      }
    }
    expect(issuer.count(JWKS_PATH)).toBeLessThanOrEqual(4);
  });

  it('17 KiB of header: no guard gets to see it', async () => {
    for (const way of ways) {
      const { status } = await way.ask(`Bearer ${'a'.repeat(17 * 1024)}`);
      expect([way.name, status]).toEqual([way.name, 431]);
    }
  });

  it('a token in the address, a cookie or another header counts for nothing', async () => {
    const token = right();
    for (const more of [
      { cookie: `access_token=${token}` },
      { 'proxy-authorization': `Bearer ${token}` },
      { 'x-access-token': token },
    ]) {
      await expectEverywhere(ways, ANSWERS.token_missing, undefined, 'me', more);
    }
  });

  it.each([
    ['scopes', 'openid email', 'insufficient_scope'],
    ['scopes', 'openid orders:read', 'insufficient_scope'],
    ['scopes', '', 'insufficient_scope'],
    ['scopes', 'openid emails orders:read:all', 'insufficient_scope'],
    ['scopes', 'email,orders:read', 'insufficient_scope'],
    ['scopes', 'Email orders:read', 'insufficient_scope'],
    ['scopes', 'email\torders:read', 'insufficient_scope'],
    ['scopes', 'orders:read  openid email', undefined],
    ['any-scope', 'openid', 'insufficient_scope'],
    ['any-scope', 'openid orders:read', undefined],
    ['any-scope', 'email', undefined],
  ] as const)('/%s with scope %j: %s', async (route, scope, code) => {
    const authorization = `Bearer ${right({ scope })}`;
    if (code !== undefined) return expectEverywhere(ways, ANSWERS[code], authorization, route);
    const user = { sub: SUBJECT, scope: scope.split(/ +/), tenant_id: null };
    return expectEverywhere(ways, { status: 200, headers: {}, body: { user } }, authorization, route);
  });

  it.each([
    ['roles', { roles: ['admin'] }, undefined],
    ['roles', { roles: [{ code: 'auditor', name: 'Auditor' }] }, undefined],
    ['roles', { roles: [] }, 'insufficient_role'],
    ['roles', { roles: null }, 'insufficient_role'],
    ['roles', { roles: 'admin' }, 'insufficient_role'],
    ['roles', { roles: { 0: 'admin', length: 1 } }, 'insufficient_role'],
    [
      'roles',
      { roles: ['Admin', 'administrator', { name: 'admin' }, ['admin'], { code: ['admin'] }] },
      'insufficient_role',
    ],
    ['all-roles', { roles: ['admin'] }, 'insufficient_role'],
    ['all-roles', { roles: ['admin', 'admin'] }, 'insufficient_role'],
    ['all-roles', { roles: [{ code: 'auditor' }, 'admin'] }, undefined],
    ['tenant', { tenant_id: 'tenant-1' }, undefined],
    ['tenant', { tenant_id: 'tenant-2' }, 'tenant_mismatch'],
    ['tenant', { tenant_id: 'Tenant-1' }, 'tenant_mismatch'],
    ['tenant', { tenant_id: null }, 'tenant_mismatch'],
    ['tenant', { tenant_id: ['tenant-1'] }, 'tenant_mismatch'],
  ] as const)('/%s with %j: %s', async (route, claims, code) => {
    const authorization = `Bearer ${right(claims)}`;
    if (code !== undefined) return expectEverywhere(ways, ANSWERS[code], authorization, route);
    const tenant = 'tenant_id' in claims ? claims.tenant_id : null;
    const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: tenant };
    return expectEverywhere(ways, { status: 200, headers: {}, body: { user } }, authorization, route);
  });

  it.each(['scopes', 'roles', 'tenant'] as const)('/%s asks who it is before what they may', async (route) => {
    await expectEverywhere(ways, ANSWERS.token_missing, undefined, route);
    const expired = right({
      iat: 1000,
      exp: 2000,
      roles: ['admin'],
      tenant_id: 'tenant-1',
      scope: 'email orders:read',
    });
    await expectEverywhere(ways, ANSWERS.invalid_token, `Bearer ${expired}`, route);
  });

  it('in Chinese only the message is another', async () => {
    for (const [authorization, route, answer, message] of [
      [undefined, 'me', ANSWERS.token_missing, '请提供访问令牌。'],
      ['Bearer x', 'me', ANSWERS.invalid_token, '访问令牌格式错误、已过期，或不适用于本服务。'],
      [`Bearer ${right()}`, 'scopes', ANSWERS.insufficient_scope, '您没有权限访问此资源。'],
    ] as const) {
      const expected = { ...answer, body: { ...answer.body, message } };
      await expectEverywhere(ways, expected, authorization, route, { 'accept-language': 'zh-CN' });
    }
  });
});
