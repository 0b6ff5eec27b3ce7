/** Compile-time only: the credentials, options and outcomes of a sign-in, and the user pool's extended fields. */
import { type Credentials, GenAuthClient, type GenAuthUser, type SignInOptions } from '../../src/index.js';
import type { SignInOutcome, SignInRejection, SignInSuccess } from '../../src/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

const required = { appId: 'a', appSecret: 's', appHost: 'https://example.genauth.ai' };
const ALICE = { account: 'alice', password: 'p' };
declare const text: string;

export const credentials: Credentials[] = [
  { account: 'a', password: 'p' },
  { username: 'a', password: 'p' },
  { sAMAccountName: 'zhangsan', password: 'p' },
  // @ts-expect-error wrong spelling
  { samAccountName: 'zhangsan', password: 'p' },
  // @ts-expect-error two identifiers
  { account: 'a', email: 'a@example.com', password: 'p' },
];

const client = new GenAuthClient({ ...required, scope: ['openid', 'email'] });
const signedIn = {
  withoutScope: () => client.signIn(ALICE, { tenantId: 't' }),
  withString: () => client.signIn(ALICE, { scope: 'openid roles' }),
  withList: () => client.signIn(ALICE, { scope: ['openid', 'roles'], tenantId: 't' }),
  withUnknownString: () => client.signIn(ALICE, { scope: text }),
  withTypedOptions: (options: SignInOptions<'openid' | 'username'>) => client.signIn(ALICE, options),
};
type UserOf<Outcome> = Extract<Awaited<Outcome>, { kind: 'success' }> extends { user: infer User } ? User : never;
type SignedIn = { [Name in keyof typeof signedIn]: UserOf<ReturnType<(typeof signedIn)[Name]>> };
export type Users = [
  Expect<Equal<SignedIn['withoutScope'], GenAuthUser<'openid' | 'email'>>>,
  Expect<Equal<SignedIn['withString'], GenAuthUser<'openid' | 'roles'>>>,
  Expect<Equal<SignedIn['withList'], GenAuthUser<'openid' | 'roles'>>>,
  Expect<Equal<SignedIn['withUnknownString'], GenAuthUser>>,
  Expect<Equal<SignedIn['withTypedOptions'], GenAuthUser<'openid' | 'username'>>>,
];

type Fields = { school: string; age?: number };
type WithFields = GenAuthUser<'openid' | 'extended_fields', Fields>;
const typed = new GenAuthClient<'openid' | 'extended_fields', Fields>({
  ...required,
  scope: ['openid', 'extended_fields'],
});
const typedSignIn = () => typed.signIn(ALICE);
const typedSignInByScope = () => typed.signIn(ALICE, { scope: 'openid email' });
export type Extended = [
  Expect<Equal<WithFields, { sub: string; extended_fields: Fields | null }>>,
  Expect<Equal<GenAuthUser<string, Fields>['extended_fields'], Fields | null | undefined>>,
  Expect<Equal<UserOf<ReturnType<typeof typedSignIn>>, WithFields>>,
  Expect<Equal<UserOf<ReturnType<typeof typedSignInByScope>>, GenAuthUser<'openid' | 'email'>>>,
];
export const customData: SignInOptions<string, { school: string }>[] = [
  { customData: { school: 'pku' } },
  // @ts-expect-error a field is not defined
  { customData: { school: 'pku', course: 'x' } },
];
export const untyped: SignInOptions = { customData: { anything: [1, { deep: true }] } };

export type Outcomes = [
  Expect<Equal<SignInRejection['kind'], Exclude<SignInOutcome['kind'], 'success'>>>,
  Expect<Equal<Extract<SignInOutcome<'openid'>, { kind: 'success' }>, SignInSuccess<{ sub: string }>>>,
  // Every outcome has the facts for the operator's log.
  Expect<Equal<SignInOutcome['statusCode'], number>>,
  Expect<Equal<SignInOutcome['apiCode'], number | undefined>>,
];

export function misuse(outcome: SignInOutcome): unknown {
  // @ts-expect-error tokens exist only after a comparison of `kind`
  void outcome.tokens;
  // @ts-expect-error only `invalid_credentials` has remainingAttempts
  void (outcome.kind === 'mfa_required' && outcome.remainingAttempts);
  // @ts-expect-error the options do not contain the secret
  return client.options.appSecret;
}
