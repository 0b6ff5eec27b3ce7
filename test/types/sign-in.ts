/** Compile-time only: the credentials and options of a sign-in, its own scope, and the user pool's extended fields. */
import {
  type Credentials,
  GenAuthClient,
  type GenAuthUser,
  type PasswordCredentials,
  type SignInOptions,
  type SignInOutcome,
  type SignInSuccess,
} from '../../src/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

const required = { appId: 'a', appSecret: 's', appHost: 'https://example.genauth.ai' };
const ALICE = { account: 'alice', password: 'p' };
declare const text: string;

// ── Credentials: one identifier and the password ────────────────────────────────────────────────────────────────────

export const credentials: PasswordCredentials[] = [
  { account: 'a', password: 'p' },
  { username: 'a', password: 'p' },
  { phone: '+8613800000001', password: 'p' },
  // @ts-expect-error two identifiers
  { account: 'a', email: 'a@example.com', password: 'p' },
  // @ts-expect-error no identifier
  { password: 'p' },
  // @ts-expect-error no password
  { email: 'a@example.com' },
  // @ts-expect-error a password that may be undefined
  { phone: '1', password: undefined },
  // @ts-expect-error Active Directory has its own type
  { sAMAccountName: 'zhangsan', password: 'p' },
];

export const both: Credentials[] = [
  { phone: '1', password: 'p' },
  { sAMAccountName: 'zhangsan', password: 'p' },
  // @ts-expect-error wrong spelling
  { samAccountName: 'zhangsan', password: 'p' },
];

// ── The scope of one sign-in ────────────────────────────────────────────────────────────────────────────────────────

const client = new GenAuthClient({ ...required, scope: ['openid', 'email'] });
const scopes = ['openid', 'phone'] as const;
const signedIn = {
  withoutScope: () => client.signIn(ALICE, { tenantId: 't' }),
  withString: () => client.signIn(ALICE, { scope: 'openid roles' }),
  withList: () => client.signIn(ALICE, { scope: ['openid', 'roles'], tenantId: 't' }),
  withConst: () => client.signIn(ALICE, { scope: scopes }),
  withUnknownString: () => client.signIn(ALICE, { scope: text }),
  withTypedOptions: (options: SignInOptions<'openid' | 'username'>) => client.signIn(ALICE, options),
};
type UserOf<Outcome> = Extract<Awaited<Outcome>, { kind: 'success' }> extends { user: infer User } ? User : never;
type SignedIn = { [Name in keyof typeof signedIn]: UserOf<ReturnType<(typeof signedIn)[Name]>> };

export type Users = [
  Expect<Equal<SignedIn['withoutScope'], GenAuthUser<'openid' | 'email'>>>,
  Expect<Equal<SignedIn['withString'], GenAuthUser<'openid' | 'roles'>>>,
  Expect<Equal<SignedIn['withList'], GenAuthUser<'openid' | 'roles'>>>,
  Expect<Equal<SignedIn['withConst'], GenAuthUser<'openid' | 'phone'>>>,
  Expect<Equal<SignedIn['withUnknownString'], GenAuthUser>>,
  Expect<Equal<SignedIn['withTypedOptions'], GenAuthUser<'openid' | 'username'>>>,
];

// ── Extended fields of the user pool ────────────────────────────────────────────────────────────────────────────────

interface Fields {
  school: string;
  age?: number;
}
type WithFields = GenAuthUser<'openid' | 'extended_fields', Fields>;
const typed = new GenAuthClient<'openid' | 'extended_fields', Fields>({
  ...required,
  scope: ['openid', 'extended_fields'],
});
const typedSignIn = () => typed.signIn(ALICE);
const typedSignInByScope = () => typed.signIn(ALICE, { scope: 'openid email' });

export type Extended = [
  Expect<Equal<WithFields, { sub: string; extended_fields: Fields | null }>>,
  Expect<Equal<GenAuthUser<'openid', Fields>, { sub: string }>>,
  Expect<Equal<GenAuthUser<string, Fields>['extended_fields'], Fields | null | undefined>>,
  Expect<Equal<UserOf<ReturnType<typeof typedSignIn>>, WithFields>>,
  Expect<Equal<UserOf<ReturnType<typeof typedSignInByScope>>, GenAuthUser<'openid' | 'email'>>>,
  Expect<Equal<UserOf<Promise<SignInOutcome<'openid' | 'extended_fields', Fields>>>, WithFields>>,
  Expect<Equal<Extract<SignInOutcome<'openid'>, { kind: 'success' }>, SignInSuccess<{ sub: string }>>>,
];

// @ts-expect-error fields are an object
export type NoFields = GenAuthUser<'openid' | 'extended_fields', string>;

// ── Custom data ─────────────────────────────────────────────────────────────────────────────────────────────────────

type CustomData = { school: string };
export const customData: SignInOptions<string, CustomData>[] = [
  {},
  { customData: { school: 'pku' } },
  // @ts-expect-error a field is missing
  { customData: {} },
  // @ts-expect-error a field is not defined
  { customData: { school: 'pku', course: 'x' } },
];
export const untyped: SignInOptions[] = [
  { customData: { anything: [1, { deep: true }] } },
  // @ts-expect-error custom data is an object
  { customData: '{}' },
];
export const passedOn = (options: SignInOptions<'openid', CustomData>): unknown => client.signIn(ALICE, options);
