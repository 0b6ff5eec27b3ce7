/** Compile-time only: `GenAuthUser<S>` has exactly the claims of the scopes `S`, with the types that GenAuth sends. */
import type { ClaimScope, GenAuthRole, GenAuthTokenUser, GenAuthUser, ScopeNames } from '../../src/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

/** Adding a scope to the library without a case here does not compile. */
export type Covered = Expect<Equal<ClaimScope, keyof Cases>>;

export interface Cases {
  openid: Expect<Equal<GenAuthUser<'openid'>, { sub: string }>>;
  profile: Expect<
    Equal<
      GenAuthUser<'openid' | 'profile'>,
      {
        sub: string;
        birthdate: string | null;
        family_name: string | null;
        gender: string | null;
        given_name: string | null;
        locale: string | null;
        middle_name: string | null;
        name: string | null;
        nickname: string | null;
        picture: string | null;
        preferred_username: string | null;
        profile: string | null;
        updated_at: string | number | null;
        website: string | null;
        zoneinfo: string | null;
      }
    >
  >;
  username: Expect<Equal<GenAuthUser<'openid' | 'username'>, { sub: string; username: string | null }>>;
  email: Expect<Equal<GenAuthUser<'openid' | 'email'>, { sub: string; email: string | null; email_verified: boolean }>>;
  phone: Expect<
    Equal<GenAuthUser<'openid' | 'phone'>, { sub: string; phone_number: string | null; phone_number_verified: boolean }>
  >;
  address: Expect<Equal<GenAuthUser<'openid' | 'address'>, { sub: string; address: Record<string, unknown> | null }>>;
  roles: Expect<Equal<GenAuthUser<'openid' | 'roles'>, { sub: string; roles: GenAuthRole[] }>>;
  role: Expect<Equal<GenAuthUser<'openid' | 'role'>, { sub: string; role: string | null }>>;
  unionid: Expect<Equal<GenAuthUser<'openid' | 'unionid'>, { sub: string; unionid: string | null }>>;
  userpool_id: Expect<Equal<GenAuthUser<'openid' | 'userpool_id'>, { sub: string; userpool_id: string | null }>>;
  external_id: Expect<Equal<GenAuthUser<'openid' | 'external_id'>, { sub: string; external_id: string | null }>>;
  extended_fields: Expect<
    Equal<GenAuthUser<'openid' | 'extended_fields'>, { sub: string; extended_fields: Record<string, unknown> | null }>
  >;
  tenant_id: Expect<Equal<GenAuthUser<'openid' | 'tenant_id'>, { sub: string; tenant_id: string | null }>>;
}

export type Rest = [
  // `sub` does not depend on the scopes.
  Expect<Equal<GenAuthUser<'email'>['sub'], string>>,
  // Scopes without claims change nothing.
  Expect<Equal<GenAuthUser<'openid' | 'offline_access' | 'orders:read'>, { sub: string }>>,
  // A space-separated string of scopes is the same as their union. Spaces may be doubled.
  Expect<Equal<GenAuthUser<'openid  email'>, GenAuthUser<'openid' | 'email'>>>,
  Expect<Equal<ScopeNames<'openid email phone'>, 'openid' | 'email' | 'phone'>>,
  Expect<Equal<ScopeNames<'openid'>, 'openid'>>,
  // Without known scopes every claim except `sub` may be missing.
  Expect<Equal<GenAuthUser, GenAuthUser<string>>>,
  Expect<Equal<GenAuthUser['sub'], string>>,
  Expect<Equal<GenAuthUser['email'], string | null | undefined>>,
  Expect<Equal<GenAuthUser['email_verified'], boolean | undefined>>,
  Expect<Equal<GenAuthTokenUser, { sub: string; scope: readonly string[]; tenant_id: string | null }>>,
];

declare const user: GenAuthUser<'openid' | 'roles'>;
declare const anyone: GenAuthUser;

// @ts-expect-error a role may be an object
export const roles: string[] = user.roles;
// @ts-expect-error a claim that no scope brings does not exist
export const phone: unknown = anyone.phone;
