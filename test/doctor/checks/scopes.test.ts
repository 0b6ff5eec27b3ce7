import type { SignInSuccess } from '../../../src/core/sign-in/outcome.js';
import { checkScopes } from '../../../src/doctor/checks/scopes.js';
import { examine, expectFindings, useContexts } from '../support.js';

const createContext = useContexts();
const OK = ['ok scopes'];
const NOT_GRANTED = ['scope_not_granted @ OIDC scopes'];
const MISSING = ['scope_without_claims @ OIDC scopes'];
const EMPTY = ['scope_empty @ user management'];
const NO_REFRESH = ['refresh_token_missing @ authorization mode'];
const ALL = [...NOT_GRANTED, ...MISSING, ...EMPTY, ...NO_REFRESH];
const granted = (scope: string, refreshToken?: string): object => ({ scope: scope.split(' '), refreshToken });

type Row = [title: string, scope: string, tokens: object | undefined, claims: object, outline: string[], part: string];
test.each<Row>([
  ['one filled claim', 'openid email', undefined, { email: 'a@x', email_verified: false }, OK, ': openid email.'],
  ['an alias of a claim', 'openid external_id', undefined, { externalId: 'x' }, OK, ''],
  ['a scope without claims of its own', 'openid orders:read', undefined, {}, OK, ''],
  ['missing claims', 'openid email phone', undefined, {}, MISSING, 'no claim of these scopes: email, phone.'],
  ['null', 'openid external_id', undefined, { external_id: null }, EMPTY, 'these scopes are empty: external_id.'],
  ['an empty string and false', 'openid email', undefined, { email: '', email_verified: false }, EMPTY, ''],
  ['an empty array', 'openid roles', undefined, { roles: [] }, EMPTY, ''],
  ['empty members', 'openid address', undefined, { address: { city: '', more: { zip: null } } }, EMPTY, ''],
  ['a filled member', 'openid address', undefined, { address: { city: '', more: { zip: 1 } } }, OK, ''],
  ['refused scopes', 'openid email phone', granted('openid'), {}, NOT_GRANTED, 'these scopes: email, phone.'],
  ['every problem', 'openid x email phone', granted('email phone offline_access openid'), { email: null }, ALL, ': x.'],
  ['a refresh token', 'openid offline_access', granted('openid offline_access', 'r'), {}, OK, ''],
])('judges %s', async (...[, scope, tokens, claims, outline, part]: Row) => {
  const context = createContext({ scope });
  context.signedIn = { claims, tokens: tokens ?? granted(scope), at: 0 } as unknown as SignInSuccess & { at: number };
  expectFindings(await examine(context, checkScopes), outline, part);
});

test('finds nothing without a sign-in', async () => {
  expect(await checkScopes(createContext())).toEqual([]);
});
