import { decodeJwt } from 'jose';
import { GenAuthClient } from '../../src/index.js';
import type { TestClaims, TokenMint } from '../../src/testing/index.js';
import { PRODUCTION, createExpressApp, useClosing, useTestKit } from './support.js';

const kit = useTestKit();
const close = useClosing();
const connect = (changes: object = {}) =>
  close(new GenAuthClient<string>(kit().redirect({ ...PRODUCTION, ...changes })));

type Kind = Exclude<keyof TokenMint, symbol>;
test.each<[kind: Kind, claims: TestClaims, path: string, status: number, code: string | undefined]>([
  ['valid', {}, '/me', 200, undefined],
  ['expired', {}, '/me', 401, 'invalid_token'],
  ['wrongAudience', {}, '/me', 401, 'invalid_token'],
  ['forged', {}, '/me', 401, 'invalid_token'],
  ['valid', { roles: ['auditor', 'admin'] }, '/admin', 200, undefined],
  ['withoutScope', { roles: ['admin'] }, '/admin', 403, 'insufficient_role'],
  ['withoutScope', { scope: 'email' }, '/orders', 403, 'insufficient_scope'],
  ['withoutScope', { scope: ['profile'] }, '/orders', 200, undefined],
  ['valid', { tenant_id: 't1' }, '/tenants/t1', 200, undefined],
  ['wrongTenant', { tenant_id: 't1' }, '/tenants/t1', 403, 'tenant_mismatch'],
  ['wrongTenant', {}, '/tenants/yours', 403, 'tenant_mismatch'],
])('a guard answers the token %s of %j at %s with %i', async (kind, claims, path, status, code) => {
  const answer = await kit().as(createExpressApp(connect()), kit().mint[kind](claims)).get(path);
  expect([answer.status, (answer.body as { code?: string }).code]).toEqual([status, code]);
});

test('a valid token has the claims that GenAuth sends, and can be introspected and revoked', async () => {
  const client = connect({ audience: ['https://api.example', 'other'] });
  const token = kit().mint.valid({ sub: 'alice', email: 'a@example.com', roles: ['r'], tenant_id: 't' });
  const claims = await client.verifyAccessToken(token);
  expect(claims).toMatchObject({ sub: 'alice', scope: PRODUCTION.scope.join(' '), tenant_id: 't' });
  expect(claims).not.toHaveProperty('roles');
  expect([claims.aud, Number(claims.exp) - Number(claims.iat)]).toEqual(['https://api.example', 1_209_600]);
  const user = { sub: 'alice', email: 'a@example.com', email_verified: false, roles: ['r'], tenant_id: 't' };
  expect(await client.userInfo(token)).toMatchObject(user);
  expect(await client.introspect(token)).toMatchObject({ active: true, sub: 'alice', exp: claims.exp });
  await client.revoke(token, 'access_token');
  expect((await client.introspect(token)).active).toBe(false);
});

test.each(['expired', 'wrongAudience', 'forged'] as const)('user info refuses the token %s', async (kind) => {
  const { appHost } = kit().redirect(PRODUCTION);
  const headers = { authorization: `Bearer ${kit().mint[kind]()}` };
  expect((await fetch(`${appHost}/oidc/me`, { headers })).status).toBe(401);
});

test('an expired token ended one hour ago', () => {
  kit().redirect(PRODUCTION);
  const now = Math.floor(Date.now() / 1000);
  const { iat, exp } = decodeJwt(kit().mint.expired());
  expect([Math.round((Number(iat) - now) / 60), Math.round((Number(exp) - now) / 60)]).toEqual([-120, -60]);
});

test('a forged token has the header of a valid token and another signature, and each token is unique', () => {
  kit().redirect(PRODUCTION);
  const [valid, forged] = [kit().mint.valid(), kit().mint.forged()].map((token) => token.split('.'));
  expect(forged?.[0]).toBe(valid?.[0]);
  expect(forged?.[2]).not.toBe(valid?.[2]);
  expect(kit().mint.valid()).not.toBe(kit().mint.valid());
});

test('a token without scopes may have a user with claims of other scopes, other tokens may not', () => {
  kit().redirect({ ...PRODUCTION, scope: ['openid', 'profile'] });
  const claims = decodeJwt(kit().mint.withoutScope({ roles: ['admin'], tenant_id: 't' }));
  expect(claims).toMatchObject({ scope: 'openid' });
  expect(claims).not.toHaveProperty('tenant_id');
  expect(() => kit().mint.expired({ roles: ['admin'] })).toThrow(expect.objectContaining({ code: 'invalid_input' }));
});
