/** Compile-time only: what a sign-in takes, and that its own scope and the pool's own fields come through. */
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

export const good: PasswordCredentials[] = [
  { account: 'a', password: 'p' },
  { email: 'a@example.com', password: 'p' },
  { username: 'a', password: 'p' },
  { phone: '+8613800000001', password: 'p' },
];

export const bad: PasswordCredentials[] = [
  // @ts-expect-error two identifiers
  { account: 'a', email: 'a@example.com', password: 'p' },
  // @ts-expect-error two others
  { username: 'a', phone: '1', password: 'p' },
  // @ts-expect-error all four
  { account: 'a', email: 'a@example.com', username: 'a', phone: '1', password: 'p' },
  // @ts-expect-error none
  { password: 'p' },
  // @ts-expect-error no password
  { email: 'a@example.com' },
  // @ts-expect-error a password that may be missing
  { phone: '1', password: undefined },
  // @ts-expect-error a phone number that is a number
  { phone: 13_800_000_001, password: 'p' },
  // @ts-expect-error that is Active Directory
  { sAMAccountName: 'zhangsan', password: 'p' },
];

export const any: Credentials[] = [
  { phone: '1', password: 'p' },
  { sAMAccountName: 'zhangsan', password: 'p' },
  // @ts-expect-error another spelling
  { samAccountName: 'zhangsan', password: 'p' },
];

// ── The scope of one sign-in ────────────────────────────────────────────────────────────────────────────────────────

const client = new GenAuthClient({ ...required, scope: ['openid', 'email'] });
const scopes = ['openid', 'phone'] as const;
const signedIn = {
  asConfigured: () => client.signIn(ALICE),
  byNothing: () => client.signIn(ALICE, {}),
  byText: () => client.signIn(ALICE, { scope: 'openid roles' }),
  byList: () => client.signIn(ALICE, { scope: ['openid', 'roles'], tenantId: 't' }),
  byConst: () => client.signIn(ALICE, { scope: scopes }),
  byRunTimeText: () => client.signIn(ALICE, { scope: text }),
  byRunTimeOptions: (options: SignInOptions) => client.signIn(ALICE, options),
  byTypedOptions: (options: SignInOptions<'openid' | 'username'>) => client.signIn(ALICE, options),
};
type UserOf<Outcome> = Extract<Awaited<Outcome>, { kind: 'success' }> extends { user: infer User } ? User : never;
type SignedIn = { [Name in keyof typeof signedIn]: UserOf<ReturnType<(typeof signedIn)[Name]>> };

export type Users = [
  Expect<Equal<SignedIn['asConfigured'], GenAuthUser<'openid' | 'email'>>>,
  Expect<Equal<SignedIn['byNothing'], GenAuthUser<'openid' | 'email'>>>,
  Expect<Equal<SignedIn['byText'], GenAuthUser<'openid' | 'roles'>>>,
  Expect<Equal<SignedIn['byList'], GenAuthUser<'openid' | 'roles'>>>,
  Expect<Equal<SignedIn['byConst'], GenAuthUser<'openid' | 'phone'>>>,
  Expect<Equal<SignedIn['byRunTimeText'], GenAuthUser>>,
  Expect<Equal<SignedIn['byRunTimeOptions'], GenAuthUser>>,
  Expect<Equal<SignedIn['byTypedOptions'], GenAuthUser<'openid' | 'username'>>>,
];

export async function readClaims(): Promise<unknown[]> {
  const outcome = await client.signIn(ALICE, { scope: 'openid roles' });
  if (outcome.kind !== 'success') return [];
  // @ts-expect-error the configured scope does not count beside that of the sign-in
  return [outcome.user.roles, outcome.user.email];
}

// ── The pool's own fields ───────────────────────────────────────────────────────────────────────────────────────────

interface Fields {
  school: string;
  age?: number;
}
type WithFields = GenAuthUser<'openid' | 'extended_fields', Fields>;
declare const typed: GenAuthClient<'openid' | 'extended_fields', Fields>;
export const constructed = new GenAuthClient<'openid' | 'extended_fields', Fields>({
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

export function readFields(user: WithFields): string {
  // @ts-expect-error there may be none
  const early: string = user.extended_fields.school;
  // @ts-expect-error a field that the pool does not have
  const unknown: unknown = user.extended_fields?.course;
  void [early, unknown];
  return user.extended_fields?.school ?? '';
}

// @ts-expect-error fields are an object
export type NoFields = GenAuthUser<'openid' | 'extended_fields', string>;

// ── Custom data ─────────────────────────────────────────────────────────────────────────────────────────────────────

type CustomData = { school: string };
export const customData: SignInOptions<string, CustomData>[] = [
  {},
  { customData: undefined },
  { customData: { school: 'pku' } },
  // @ts-expect-error a field is missing
  { customData: {} },
  // @ts-expect-error a field of another type
  { customData: { school: 5 } },
  // @ts-expect-error a field that is not defined
  { customData: { school: 'pku', course: 'x' } },
];
export const untyped: SignInOptions[] = [
  { customData: { anything: [1, { deep: true }] } },
  // @ts-expect-error a text is no object
  { customData: '{}' },
];
export const passedOn = (options: SignInOptions<'openid', CustomData>): unknown => client.signIn(ALICE, options);
