/** Compile-time only: `GenAuthUser<S>` has the claims of its scopes, each as GenAuth sends it, and no other. */
import type { ClaimScope, GenAuthRole, GenAuthTokenUser, GenAuthUser, ScopeNames } from '../../src/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

declare const openid: GenAuthUser<'openid'>;
/** All scopes but the one: nothing but that one may bring the claim. */
declare const without: { [S in ClaimScope]: GenAuthUser<Exclude<ClaimScope, S>> };

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

export const claims: unknown[] = [
  openid.sub,
  // @ts-expect-error profile
  without.profile.birthdate,
  // @ts-expect-error profile
  without.profile.family_name,
  // @ts-expect-error profile
  without.profile.gender,
  // @ts-expect-error profile
  without.profile.given_name,
  // @ts-expect-error profile
  without.profile.locale,
  // @ts-expect-error profile
  without.profile.middle_name,
  // @ts-expect-error profile
  without.profile.name,
  // @ts-expect-error profile
  without.profile.nickname,
  // @ts-expect-error profile
  without.profile.picture,
  // @ts-expect-error profile
  without.profile.preferred_username,
  // @ts-expect-error profile
  without.profile.profile,
  // @ts-expect-error profile
  without.profile.updated_at,
  // @ts-expect-error profile
  without.profile.website,
  // @ts-expect-error profile
  without.profile.zoneinfo,
  // @ts-expect-error username
  without.username.username,
  // @ts-expect-error email
  without.email.email,
  // @ts-expect-error email
  without.email.email_verified,
  // @ts-expect-error phone
  without.phone.phone_number,
  // @ts-expect-error phone
  without.phone.phone_number_verified,
  // @ts-expect-error address
  without.address.address,
  // @ts-expect-error roles
  without.roles.roles,
  // @ts-expect-error role
  without.role.role,
  // @ts-expect-error unionid
  without.unionid.unionid,
  // @ts-expect-error userpool_id
  without.userpool_id.userpool_id,
  // @ts-expect-error external_id
  without.external_id.external_id,
  // @ts-expect-error extended_fields
  without.extended_fields.extended_fields,
  // @ts-expect-error tenant_id
  without.tenant_id.tenant_id,
  // @ts-expect-error a claim of GenAuth's that no scope brings
  openid.phone,
  // @ts-expect-error a token is not a claim
  openid.accessToken,
];

/** What no scope takes away: `sub` is there without `openid` among the names, and is a text. */
export type Rest = [
  Expect<Equal<GenAuthUser<'email'>['sub'], string>>,
  // Scopes that bring no claims change nothing.
  Expect<Equal<GenAuthUser<'openid' | 'offline_access' | 'orders:read'>, { sub: string }>>,
  // One text is as good as a union; spaces may be doubled.
  Expect<Equal<GenAuthUser<'openid email'>, GenAuthUser<'openid' | 'email'>>>,
  Expect<
    Equal<GenAuthUser<'openid  roles tenant_id'>, { sub: string; roles: GenAuthRole[]; tenant_id: string | null }>
  >,
  Expect<Equal<ScopeNames<'openid email phone'>, 'openid' | 'email' | 'phone'>>,
  Expect<Equal<ScopeNames<'openid'>, 'openid'>>,
  // Scopes that only run time knows: every claim may be missing.
  Expect<Equal<GenAuthUser, GenAuthUser<string>>>,
  Expect<Equal<GenAuthUser['sub'], string>>,
  Expect<Equal<GenAuthUser['email'], string | null | undefined>>,
  Expect<Equal<GenAuthUser['email_verified'], boolean | undefined>>,
  Expect<Equal<GenAuthTokenUser, { sub: string; scope: readonly string[]; tenant_id: string | null }>>,
];

declare const user: GenAuthUser<'openid' | 'email' | 'roles'>;
declare const anyone: GenAuthUser;

// @ts-expect-error the e-mail address may be null
export const length: number = user.email.length;
// @ts-expect-error a role may be an object
export const roles: string[] = user.roles;
// @ts-expect-error where the scopes are not known, the claim may be missing
export const email: string | null = anyone.email;
// @ts-expect-error and what no scope brings is no claim there either
export const phone: unknown = anyone.phone;
