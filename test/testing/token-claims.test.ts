import { type TestClaims, readTokenSubject } from '../../src/testing/token-claims.js';

const SCOPE = ['openid', 'profile'];

test.each<[title: string, claims: TestClaims, subject: object]>([
  ['has the scopes of the application without claims', {}, { scopes: SCOPE, tenantId: '', claims: {} }],
  ['has a fixed id without claims', {}, { sub: '000000000000000000000001' }],
  ['has the given id', { sub: 'alice' }, { sub: 'alice', claims: {} }],
  ['has the scopes of a list', { scope: ['openid'] }, { scopes: ['openid'] }],
  ['has the scopes of a string', { scope: ' openid  email ' }, { scopes: ['openid', 'email'] }],
  ['has the claims of its scopes', { name: 'Alice' }, { claims: { name: 'Alice' } }],
  ['has the given tenant', { tenant_id: 't', scope: 'openid tenant_id' }, { tenantId: 't', claims: {} }],
  ['has no tenant for an empty string', { tenant_id: '' }, { tenantId: '' }],
])('the user of a token %s', (_title, claims, subject) => {
  expect(readTokenSubject(claims, SCOPE)).toMatchObject(subject);
});

test.each([
  [{ roles: ['admin'] }, 'scope: expected the scope "roles", got "openid profile". GenAuth sends the claim roles only'],
  [{ roles: ['admin'], scope: 'openid email' }, 'expected the scope "roles", got "openid email".'],
  [{ tenant_id: 't' }, 'Add "tenant_id" to the option scope of the application, or remove tenant_id from the test.'],
  [{ name: 'x', scope: ['openid'] }, 'expected the scope "profile"'],
  [{ roles: 'admin', scope: 'openid roles' }, 'roles: expected a list of'],
  [{ sub: '' }, 'sub: expected a string that is not empty'],
  [{ sub: 5 }, 'sub: expected a string that is not empty'],
  [{ tenant_id: 5 }, 'tenant_id: expected a string'],
  [{ isAdmin: true }, 'isAdmin: unknown claim. Use one of: sub, scope, '],
])('GenAuth would not send %j', (claims, message) => {
  expect(() => readTokenSubject(claims as TestClaims, SCOPE)).toThrow(
    expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
  );
});
