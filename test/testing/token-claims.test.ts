import { type TestClaims, readTokenSubject } from '../../src/testing/token-claims.js';

const SCOPE = ['openid', 'profile'];
const SUB = '000000000000000000000001';

test.each<[title: string, claims: TestClaims, subject: object]>([
  ['has the scopes of the application without claims', {}, { sub: SUB, scopes: SCOPE, tenantId: '', claims: {} }],
  ['has the scopes of a list', { scope: ['openid'] }, { scopes: ['openid'] }],
  ['has the scopes of a string', { scope: ' openid  email ' }, { scopes: ['openid', 'email'] }],
  ['has the claims of its scopes', { sub: 'alice', name: 'Alice' }, { sub: 'alice', claims: { name: 'Alice' } }],
  ['has the given tenant', { tenant_id: 't', scope: 'openid tenant_id' }, { tenantId: 't', claims: {} }],
])('the user of a token %s', (_title, claims, subject) => {
  expect(readTokenSubject(claims, SCOPE)).toMatchObject(subject);
});

test.each([
  [{ roles: ['admin'] }, 'scope: expected the scope "roles", got "openid profile". GenAuth sends the claim roles only'],
  [{ tenant_id: 't' }, 'Add "tenant_id" to the option scope of the application, or remove tenant_id from the test.'],
  [{ name: 'x', scope: ['openid'] }, 'expected the scope "profile", got "openid"'],
  [{ roles: 'admin', scope: 'openid roles' }, 'roles: expected a list of'],
  [{ sub: '' }, 'sub: expected a string that is not empty'],
  [{ sub: 5 }, 'sub: expected a string that is not empty'],
  [{ tenant_id: 5 }, 'tenant_id: expected a string'],
  [{ isAdmin: true }, 'isAdmin: unknown claim. Use one of: sub, scope, '],
])('GenAuth would not send %j', (claims, message) => {
  const expected = { code: 'invalid_input', message: expect.stringContaining(message) as unknown };
  expect(() => readTokenSubject(claims as TestClaims, SCOPE)).toThrow(expect.objectContaining(expected));
});
