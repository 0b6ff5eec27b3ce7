import type { SignInSuccess } from '../../../src/core/sign-in/outcome.js';
import { checkScopes } from '../../../src/doctor/checks/scopes.js';
import { expectFindings, useContexts } from '../support.js';

const createContext = useContexts();
const OK = ['ok scopes'];
const NOT_GRANTED = ['scope_not_granted @ OIDC scopes'];
const MISSING = ['scope_without_claims @ OIDC scopes'];
const EMPTY = ['scope_empty @ user management'];
const ALL = [...NOT_GRANTED, ...MISSING, ...EMPTY, 'refresh_token_missing @ authorization mode'];

type Row = [title: string, scope: string, claims: object, outline: string[], part: string, granted?: string];
test.each<Row>([
  ['one filled claim', 'openid email', { email: 'a@x', email_verified: false }, OK, ': openid email.'],
  ['an alias of a claim', 'openid external_id', { externalId: 'x' }, OK, ''],
  ['a scope without claims of its own', 'openid orders:read', {}, OK, ''],
  ['null', 'openid external_id', { external_id: null }, EMPTY, 'these scopes are empty: external_id.'],
  ['an empty string and false', 'openid email', { email: '', email_verified: false }, EMPTY, ''],
  ['an empty array', 'openid roles', { roles: [] }, EMPTY, ''],
  ['empty members', 'openid address', { address: { city: '', more: { zip: null } } }, EMPTY, ''],
  ['a filled member', 'openid address', { address: { city: '', zip: 1 } }, OK, ''],
  ['missing claims', 'openid email phone', {}, MISSING, 'no claim of these scopes: email, phone.'],
  ['refused scopes', 'openid email phone', {}, NOT_GRANTED, 'these scopes: email, phone.', 'openid'],
  ['every problem', 'openid x email phone', { email: null }, ALL, ': x.', 'email phone offline_access openid'],
])('judges %s', async (...[, scope, claims, outline, part, granted = scope]: Row) => {
  const context = createContext({ scope });
  const signedIn = { claims, tokens: { scope: granted.split(' ') }, at: 0 };
  context.signedIn = signedIn as unknown as SignInSuccess & { at: number };
  expectFindings(await checkScopes(context), outline, part);
});

test('finds nothing without a sign-in', async () => {
  expect(await checkScopes(createContext())).toEqual([]);
});
