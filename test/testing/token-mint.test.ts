import { GenAuthClient } from '../../src/index.js';
import type { TestClaims, TokenMint } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';
import {
  EXPRESS,
  type ExpressName,
  PRODUCTION,
  createExpressApp,
  createTestedApp,
  makeAppModule,
  useTestKit,
} from './support.js';

const kit = useTestKit();
const closing: (() => unknown)[] = [];
async function closeAll(): Promise<void> {
  for (const close of closing.splice(0)) await close();
}

/** Every way to guard a route, as an application has it. */
const WAYS: readonly (readonly [name: string, make: () => Promise<object>])[] = [
  ...(Object.keys(PLATFORMS) as Platform[]).map((platform) => {
    const make = async (): Promise<object> => {
      const app = await createTestedApp(platform, kit(), makeAppModule(PRODUCTION));
      closing.push(() => app.close());
      return app;
    };
    return [`GenAuthGuard on ${platform}`, make] as const;
  }),
  ...(Object.keys(EXPRESS) as ExpressName[]).map((version) => {
    const make = async (): Promise<object> => {
      const client = new GenAuthClient<string>(kit().redirect(PRODUCTION));
      closing.push(() => client.close());
      return createExpressApp(version, client);
    };
    return [`requireAuth on ${version}`, make] as const;
  }),
];

type Kind = Exclude<keyof TokenMint, symbol>;
const ROWS: readonly (readonly [kind: Kind, claims: TestClaims, path: string, status: number, code: string | null])[] =
  [
    ['valid', {}, '/me', 200, null],
    ['expired', {}, '/me', 401, 'invalid_token'],
    ['wrongAudience', {}, '/me', 401, 'invalid_token'],
    ['forged', {}, '/me', 401, 'invalid_token'],
    ['valid', { roles: ['admin'] }, '/admin', 200, null],
    ['valid', { roles: ['admin', 'auditor'] }, '/admin', 200, null],
    ['valid', { roles: ['auditor'] }, '/admin', 403, 'insufficient_role'],
    ['valid', {}, '/admin', 403, 'insufficient_role'],
    ['expired', { roles: ['admin'] }, '/admin', 401, 'invalid_token'],
    ['forged', { roles: ['admin'] }, '/admin', 401, 'invalid_token'],
    ['withoutScope', { roles: ['admin'] }, '/admin', 403, 'insufficient_role'],
    ['valid', {}, '/orders/1', 200, null],
    ['valid', { scope: 'openid email' }, '/orders/1', 200, null],
    ['valid', { scope: ['openid', 'profile'] }, '/orders/1', 403, 'insufficient_scope'],
    ['withoutScope', {}, '/orders/1', 403, 'insufficient_scope'],
    ['withoutScope', { scope: 'email' }, '/orders/1', 403, 'insufficient_scope'],
    ['withoutScope', { scope: 'profile' }, '/orders/1', 200, null],
    ['valid', { tenant_id: 't1' }, '/tenants/t1', 200, null],
    ['wrongTenant', { tenant_id: 't1' }, '/tenants/t1', 403, 'tenant_mismatch'],
    ['wrongTenant', {}, '/tenants/t1', 403, 'tenant_mismatch'],
    ['valid', {}, '/tenants/t1', 403, 'tenant_mismatch'],
  ];

describe.each(WAYS)('%s', (_way, make) => {
  let app: object;
  beforeAll(async () => {
    app = await make();
  });
  afterAll(closeAll);

  it.each(ROWS)('%s with %j at %s is answered %i %s', async (kind, claims, path, status, code) => {
    const answer = await kit().as(app, kit().mint[kind](claims)).get(path);
    expect([answer.status, (answer.body as { code?: string }).code ?? null]).toEqual([status, code]);
  });
});

describe('what a right token says', () => {
  afterEach(closeAll);

  it('is what the test says, and GenAuth would say', async () => {
    const client = new GenAuthClient(
      kit().redirect({ ...PRODUCTION, scope: ['openid', 'email', 'roles', 'tenant_id'] }),
    );
    closing.push(() => client.close());
    const token = kit().mint.valid({ sub: 'somebody', email: 'a@example.com', roles: ['r'], tenant_id: 't' });
    const claims = await client.verifyAccessToken(token);
    expect(claims).toMatchObject({ sub: 'somebody', scope: 'openid email roles tenant_id', tenant_id: 't' });
    expect(claims).not.toHaveProperty('roles');
    expect(await client.userInfo(token)).toEqual({
      sub: 'somebody',
      email: 'a@example.com',
      email_verified: false,
      roles: ['r'],
      tenant_id: 't',
    });
  });

  it('can be revoked', async () => {
    const client = new GenAuthClient(kit().redirect(PRODUCTION));
    closing.push(() => client.close());
    const token = kit().mint.valid({ sub: 'somebody' });
    expect(await client.introspect(token)).toMatchObject({ active: true, sub: 'somebody' });
    await client.revoke(token, 'access_token');
    expect((await client.introspect(token)).active).toBe(false);
  });

  it('is for the audience of the application', async () => {
    const client = new GenAuthClient(kit().redirect({ ...PRODUCTION, audience: ['https://api.example', 'other'] }));
    closing.push(() => client.close());
    expect((await client.verifyAccessToken(kit().mint.valid())).aud).toBe('https://api.example');
  });

  it('has the header that a forged one shows, and another signature', () => {
    kit().redirect(PRODUCTION);
    const [valid, forged] = [kit().mint.valid(), kit().mint.forged()].map((token) => token.split('.'));
    expect(forged?.[0]).toBe(valid?.[0]);
    expect(forged?.[2]).not.toBe(valid?.[2]);
  });

  it('may lack scopes and still be of somebody whom the application cannot ask about', () => {
    kit().redirect({ ...PRODUCTION, scope: ['openid', 'profile'] });
    const payload =
      kit()
        .mint.withoutScope({ roles: ['admin'], tenant_id: 't' })
        .split('.')[1] ?? '';
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    expect(claims).toMatchObject({ scope: 'openid' });
    expect(claims).not.toHaveProperty('tenant_id');
  });

  it('is known to user info', async () => {
    const { appHost } = kit().redirect(PRODUCTION);
    const headers = { authorization: `Bearer ${kit().mint.valid()}` };
    expect((await fetch(`${appHost}/oidc/me`, { headers })).status).toBe(200);
  });

  it('is always another token, of the same person', () => {
    kit().redirect(PRODUCTION);
    expect(kit().mint.valid()).not.toBe(kit().mint.valid());
  });

  it('has user info refused for tokens that are wrong', async () => {
    const { appHost } = kit().redirect(PRODUCTION);
    for (const kind of ['expired', 'wrongAudience', 'forged'] as const) {
      const headers = { authorization: `Bearer ${kit().mint[kind]()}` };
      expect([kind, (await fetch(`${appHost}/oidc/me`, { headers })).status]).toEqual([kind, 401]);
    }
  });
});

describe('claims that would make a test lie', () => {
  it.each([
    [{ roles: ['admin'] }, 'GenAuth sends the claim roles only with this scope'],
    [{ roles: ['admin'], scope: 'openid email' }, 'expected the scope "roles"'],
    [{ tenant_id: 't' }, 'expected the scope "tenant_id"'],
    [{ email: 'a@example.com', scope: ['openid'] }, 'expected the scope "email"'],
    [{ roles: 'admin', scope: 'openid roles' }, 'roles: expected a list of'],
    [{ role: 'admin' }, 'scope: expected the scope "role"'],
    [{ sub: '' }, 'sub: expected a string that is not empty'],
    [{ isAdmin: true }, 'isAdmin: unknown claim. Use one of: sub, scope'],
  ])('%j is refused: %s', (claims, message) => {
    kit().redirect({ ...PRODUCTION, scope: ['openid', 'profile'] });
    for (const kind of ['valid', 'expired', 'forged', 'wrongAudience'] as const) {
      expect(() => kit().mint[kind](claims as unknown as TestClaims)).toThrow(
        expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
      );
    }
    expect(() => kit().as({}, claims as unknown as TestClaims)).toThrow(message);
  });
});
