import { quote } from './util/quote.js';
import { isRecord } from './util/record.js';
import { CLAIM_ALIASES } from './wire/facts.js';

/**
 * Scopes and the claims they bring (GenAuth: sign-in page, option `scope`; OpenID Connect Core 1.0 §5.4), once as types and once
 * as readers, so that a user has at run time what its type promises.
 */

/** A role as GenAuth may send it: its code, or an object that holds the code. */
export type GenAuthRole = string | { readonly code: string; readonly [property: string]: unknown };

/** Claims by scope. A string that GenAuth leaves unset (`null` or `""`) is `null`. */
export interface ScopeClaims<ExtendedFields extends object = Record<string, unknown>> {
  openid: { sub: string };
  profile: {
    /** `YYYY-MM-DD`, or a date-time. */
    birthdate: string | null;
    family_name: string | null;
    /** `M`, `F` or `U`; other texts occur. */
    gender: string | null;
    given_name: string | null;
    locale: string | null;
    middle_name: string | null;
    name: string | null;
    nickname: string | null;
    picture: string | null;
    preferred_username: string | null;
    profile: string | null;
    /** GenAuth sends an ISO 8601 text, OpenID Connect says seconds since 1970. */
    updated_at: string | number | null;
    website: string | null;
    zoneinfo: string | null;
  };
  username: { username: string | null };
  email: { email: string | null; email_verified: boolean };
  phone: { phone_number: string | null; phone_number_verified: boolean };
  address: { address: Record<string, unknown> | null };
  roles: { roles: GenAuthRole[] };
  role: { role: string | null };
  unionid: { unionid: string | null };
  userpool_id: { userpool_id: string | null };
  external_id: { external_id: string | null };
  /** The fields that your user pool defines; the type is yours to give, and nobody checks the values against it. */
  extended_fields: { extended_fields: ExtendedFields | null };
  /** `null` outside a tenant. */
  tenant_id: { tenant_id: string | null };
}

/** The scopes that bring claims; `offline_access` and the scopes of your own API resources bring none. */
export type ClaimScope = keyof ScopeClaims;

/** The scopes asked for when none are configured. */
export type DefaultScope = 'openid' | 'profile';

/** `'openid profile'` → `'openid' | 'profile'`; a single scope stays what it is. */
export type ScopeNames<S extends string> = S extends `${infer Head} ${infer Tail}` ? Head | ScopeNames<Tail> : S;

type UnionToIntersection<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer I) => void
  ? I
  : never;

/**
 * A signed-in user: exactly the claims that the scopes `S` promise, and nothing that was not asked for.
 *
 * `S` is a union of scopes (`'openid' | 'email'`) or the space-separated text. With scopes that are known only at run time
 * (`string`) every claim but `sub` is optional.
 *
 * @typeParam ExtendedFields - The user pool's own fields, with scope `extended_fields`.
 */
export type GenAuthUser<
  S extends string = string,
  ExtendedFields extends object = Record<string, unknown>,
> = string extends S
  ? { sub: string } & Partial<UnionToIntersection<ScopeClaims<ExtendedFields>[ClaimScope]>>
  : UnionToIntersection<
        ScopeClaims<ExtendedFields>['openid'] | ScopeClaims<ExtendedFields>[ScopeNames<S> & ClaimScope]
      > extends infer Claims
    ? { [Name in keyof Claims]: Claims[Name] }
    : never;

type Reader<Value> = (value: unknown) => Value;

const text: Reader<string | null> = (value) => (typeof value === 'string' && value !== '' ? value : null);
const flag: Reader<boolean> = (value) => value === true;
const moment: Reader<string | number | null> = (value) => (typeof value === 'number' ? value : text(value));
const object: Reader<Record<string, unknown> | null> = (value) => (isRecord(value) ? value : null);
const isRole = (value: unknown): value is GenAuthRole =>
  typeof value === 'string' || (isRecord(value) && typeof value['code'] === 'string');
const roles: Reader<GenAuthRole[]> = (value) => (Array.isArray(value) ? value.filter(isRole) : []);

const READERS: { [S in ClaimScope]: { [Name in keyof ScopeClaims[S]]: Reader<ScopeClaims[S][Name]> } } = {
  openid: { sub: (value) => String(value) },
  profile: {
    birthdate: text,
    family_name: text,
    gender: text,
    given_name: text,
    locale: text,
    middle_name: text,
    name: text,
    nickname: text,
    picture: text,
    preferred_username: text,
    profile: text,
    updated_at: moment,
    website: text,
    zoneinfo: text,
  },
  username: { username: text },
  email: { email: text, email_verified: flag },
  phone: { phone_number: text, phone_number_verified: flag },
  address: { address: object },
  roles: { roles },
  role: { role: text },
  unionid: { unionid: text },
  userpool_id: { userpool_id: text },
  external_id: { external_id: text },
  extended_fields: { extended_fields: object },
  tenant_id: { tenant_id: text },
};

/** `'openid  profile'` → `['openid', 'profile']`, each once. */
export function parseScope(scope: string | readonly string[]): string[] {
  const names = typeof scope === 'string' ? scope.split(' ') : scope;
  return names.filter((name, i) => name !== '' && names.indexOf(name) === i);
}

/** RFC 6749 §3.3: a scope is made of visible ASCII without quote and backslash. */
export function isScopeName(name: string): boolean {
  return /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(name);
}

/**
 * What keeps a value from being the scopes of a client or a sign-in: it must be a list or a string of scopes with
 * `openid` among them, without which GenAuth sends no id_token (OpenID Connect Core 1.0 §3.1.2.1).
 *
 * @returns The problem and the fix, or `undefined` for usable scopes.
 */
export function findScopeProblem(value: unknown): { problem: string; fix: string } | undefined {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (typeof value !== 'string' && !isList) {
    return { problem: `is ${quote(value)}`, fix: "write ['openid', 'profile'] or 'openid profile'" };
  }
  const scope = parseScope(value as string | string[]);
  const bad = scope.find((name) => !isScopeName(name));
  if (bad !== undefined) return { problem: `holds ${quote(bad)}, which is not a scope`, fix: 'take it out' };
  if (scope.includes('openid')) return undefined;
  return { problem: `is ${quote(scope.join(' '))} without 'openid'`, fix: 'add it, else there is no id_token' };
}

/** Builds the user from verified claims: by name, into a new object, so that nothing that was not asked for gets in. */
export function toUser<User>(claims: Readonly<Record<string, unknown>>, scope: readonly string[]): User {
  const user: Record<string, unknown> = {};
  for (const name of ['openid', ...scope]) {
    if (!Object.hasOwn(READERS, name)) continue;
    for (const [claim, read] of Object.entries<Reader<unknown>>(READERS[name as ClaimScope])) {
      const source = Object.hasOwn(claims, claim) ? claim : CLAIM_ALIASES[claim];
      user[claim] = read(source !== undefined && Object.hasOwn(claims, source) ? claims[source] : undefined);
    }
  }
  return user as User;
}

/** Who sent a guarded request, from the access token alone: GenAuth puts no profile into it. */
export interface GenAuthTokenUser {
  sub: string;
  /** What the token was granted. */
  scope: readonly string[];
  /** `null` outside a tenant. */
  tenant_id: string | null;
}

/** Builds that user from a verified access token's claims. */
export function toTokenUser(
  claims: Readonly<{ sub: string; scope: string; [claim: string]: unknown }>,
): GenAuthTokenUser {
  return { sub: claims.sub, scope: parseScope(claims.scope), tenant_id: text(claims['tenant_id']) };
}
