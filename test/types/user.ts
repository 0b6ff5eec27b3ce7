/** Compile-time only: `GenAuthUser<S>` has exactly the claims of the scopes `S`, with the types that GenAuth sends. */
import type { ClaimScope, GenAuthRole, GenAuthTokenUser, GenAuthUser, ScopeNames } from '../../src/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

type Text = string | null;
type Name = 'family_name' | 'given_name' | 'middle_name' | 'name' | 'nickname' | 'preferred_username';
type Profile = Name | 'birthdate' | 'gender' | 'locale' | 'picture' | 'profile' | 'website' | 'zoneinfo';

/** The claims of each scope, without `sub`. */
interface Claims {
  openid: {};
  profile: Record<Profile, Text> & { updated_at: string | number | null };
  username: { username: Text };
  email: { email: Text; email_verified: boolean };
  phone: { phone_number: Text; phone_number_verified: boolean };
  address: { address: Record<string, unknown> | null };
  roles: { roles: GenAuthRole[] };
  role: { role: Text };
  unionid: { unionid: Text };
  userpool_id: { userpool_id: Text };
  external_id: { external_id: Text };
  extended_fields: { extended_fields: Record<string, unknown> | null };
  tenant_id: { tenant_id: Text };
}
type Flat<T> = { [Key in keyof T]: T[Key] };
type Wrong = {
  [S in ClaimScope]: Equal<Flat<GenAuthUser<'openid' | S>>, Flat<{ sub: string } & Claims[S]>> extends true ? never : S;
}[ClaimScope];

export type Rest = [
  Expect<Equal<ClaimScope, keyof Claims>>,
  Expect<Equal<Wrong, never>>,
  // Scopes without claims change nothing.
  Expect<Equal<GenAuthUser<'openid' | 'offline_access' | 'orders:read'>, { sub: string }>>,
  // A space-separated string of scopes is the same as their union. Spaces may be doubled.
  Expect<Equal<GenAuthUser<'openid  email'>, GenAuthUser<'openid' | 'email'>>>,
  Expect<Equal<ScopeNames<'openid email phone'>, 'openid' | 'email' | 'phone'>>,
  // Without known scopes every claim except `sub` may be missing.
  Expect<Equal<GenAuthUser, GenAuthUser<string>>>,
  Expect<Equal<GenAuthUser['email'], string | null | undefined>>,
  Expect<Equal<GenAuthTokenUser, { sub: string; scope: readonly string[]; tenant_id: string | null }>>,
];

declare const user: GenAuthUser<'openid' | 'roles'>;
// @ts-expect-error a role may be an object
export const roles: string[] = user.roles;
declare const anyone: GenAuthUser;
// @ts-expect-error a claim that no scope brings does not exist
export const phone: unknown = anyone.phone;
