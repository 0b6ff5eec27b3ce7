import { quote, unquote } from './util/quote.js';
import { isRecord } from './util/record.js';
import { CLAIM_ALIASES } from './wire/facts.js';

/**
 * Scopes, and the claims that each scope requests. The sources are GenAuth's documentation of the sign-in option
 * `scope` and OpenID Connect Core 1.0 §5.4. The types of the claims and the functions that read the claims are both in
 * this file, so that a user object has at run time exactly the claims of its type.
 */

/** A role in GenAuth's claim `roles`: the role's code as a string, or an object with the role's code. */
export type GenAuthRole =
  | string
  | {
      /** The role's code, for example `admin`. */
      readonly code: string;
      /** Other properties of the role. They are not checked. */
      readonly [property: string]: unknown;
    };

/**
 * The claims of each scope, see
 * [OpenID Connect Core 1.0 §5.4](https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims) and
 * [§5.1](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims). A string claim is `null` if GenAuth
 * does not send it, or sends it as `null` or `""`.
 *
 * @typeParam ExtendedFields - The type of the custom fields of the user pool, for the scope `extended_fields`.
 */
export interface ScopeClaims<ExtendedFields extends object = Record<string, unknown>> {
  /** The claim of the scope `openid`. Every user has it. */
  openid: {
    /** The user's ID. */
    sub: string;
  };
  /** The claims of the scope `profile`. */
  profile: {
    /** The date of birth: `YYYY-MM-DD`, or a date with a time. */
    birthdate: string | null;
    /** The family name. */
    family_name: string | null;
    /** The gender: `M`, `F` or `U`. Other strings are possible. */
    gender: string | null;
    /** The given name. */
    given_name: string | null;
    /** Language and country, for example `zh-CN`. */
    locale: string | null;
    /** The middle name. */
    middle_name: string | null;
    /** The full name for display. */
    name: string | null;
    /** The nickname. */
    nickname: string | null;
    /** The URL of the profile picture. */
    picture: string | null;
    /** The name by which the user wants to be called. */
    preferred_username: string | null;
    /** The URL of the profile page. */
    profile: string | null;
    /**
     * The time of the last change to the profile. GenAuth sends an ISO 8601 string. OpenID Connect defines a number of
     * seconds since 1970.
     */
    updated_at: string | number | null;
    /** The URL of the user's website. */
    website: string | null;
    /** The time zone, for example `Asia/Shanghai`. */
    zoneinfo: string | null;
  };
  /** The claim of the scope `username`. */
  username: {
    /** The user name for sign-in. */
    username: string | null;
  };
  /** The claims of the scope `email`. */
  email: {
    /** The e-mail address. */
    email: string | null;
    /** Whether the e-mail address is verified. `false` if GenAuth does not send the claim. */
    email_verified: boolean;
  };
  /** The claims of the scope `phone`. */
  phone: {
    /** The phone number. */
    phone_number: string | null;
    /** Whether the phone number is verified. `false` if GenAuth does not send the claim. */
    phone_number_verified: boolean;
  };
  /** The claim of the scope `address`. */
  address: {
    /** The postal address as an object. The properties of the object are not checked. */
    address: Record<string, unknown> | null;
  };
  /** The claim of the scope `roles`. */
  roles: {
    /** The user's roles. The array is empty if GenAuth does not send the claim. */
    roles: GenAuthRole[];
  };
  /** The claim of the scope `role`. */
  role: {
    /** The role, as GenAuth sends it. */
    role: string | null;
  };
  /** The claim of the scope `unionid`. */
  unionid: {
    /** The union ID, as GenAuth sends it. */
    unionid: string | null;
  };
  /** The claim of the scope `userpool_id`. */
  userpool_id: {
    /** The ID of the user pool to which the user belongs. */
    userpool_id: string | null;
  };
  /** The claim of the scope `external_id`. */
  external_id: {
    /** The ID of the user in the system from which the user was imported. */
    external_id: string | null;
  };
  /** The claim of the scope `extended_fields`. */
  extended_fields: {
    /**
     * The custom fields of the user pool. The application chooses the type of the custom fields. The values are not
     * checked against this type.
     */
    extended_fields: ExtendedFields | null;
  };
  /** The claim of the scope `tenant_id`. */
  tenant_id: {
    /** ID of the tenant that the user signed in to. `null` if the user did not sign in to a tenant. */
    tenant_id: string | null;
  };
}

/** The scopes that request claims. `offline_access` and the scopes of an application's own API request no claims. */
export type ClaimScope = keyof ScopeClaims;

/** The scopes that a sign-in requests if the option `scope` is not set. */
export type DefaultScope = 'openid' | 'profile';

/** Splits a string type at its spaces: `'openid profile'` becomes `'openid' | 'profile'`. */
export type ScopeNames<S extends string> = S extends `${infer Head} ${infer Tail}` ? Head | ScopeNames<Tail> : S;

/** Converts a union of types to an intersection: `A | B` becomes `A & B`. */
type UnionToIntersection<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer I) => void
  ? I
  : never;

/**
 * A signed-in user. It has exactly the claims of the scopes `S`, see {@link ScopeClaims}. All other claims of the
 * id_token are left out.
 *
 * @typeParam S - A union of scopes (`'openid' | 'email'`), or one string with spaces (`'openid email'`). If the scopes
 * are known at run time only (`string`), all claims except `sub` are optional.
 * @typeParam ExtendedFields - The type of the custom fields of the user pool, for the scope `extended_fields`.
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

const readString: Reader<string | null> = (value) => (typeof value === 'string' && value !== '' ? value : null);
const readBoolean: Reader<boolean> = (value) => value === true;
const readTime: Reader<string | number | null> = (value) => (typeof value === 'number' ? value : readString(value));
const readObject: Reader<Record<string, unknown> | null> = (value) => (isRecord(value) ? value : null);
const isRole = (value: unknown): value is GenAuthRole =>
  typeof value === 'string' || (isRecord(value) && typeof value['code'] === 'string');
const readRoles: Reader<GenAuthRole[]> = (value) => (Array.isArray(value) ? value.filter(isRole) : []);

/** For each claim of each scope: the function that converts GenAuth's value of the claim. */
const READERS: { [S in ClaimScope]: { [Name in keyof ScopeClaims[S]]: Reader<ScopeClaims[S][Name]> } } = {
  openid: { sub: (value) => String(value) },
  profile: {
    birthdate: readString,
    family_name: readString,
    gender: readString,
    given_name: readString,
    locale: readString,
    middle_name: readString,
    name: readString,
    nickname: readString,
    picture: readString,
    preferred_username: readString,
    profile: readString,
    updated_at: readTime,
    website: readString,
    zoneinfo: readString,
  },
  username: { username: readString },
  email: { email: readString, email_verified: readBoolean },
  phone: { phone_number: readString, phone_number_verified: readBoolean },
  address: { address: readObject },
  roles: { roles: readRoles },
  role: { role: readString },
  unionid: { unionid: readString },
  userpool_id: { userpool_id: readString },
  external_id: { external_id: readString },
  extended_fields: { extended_fields: readObject },
  tenant_id: { tenant_id: readString },
};

/** For each scope: its claims, with the other name of each claim and the function that converts its value. */
const CLAIMS = new Map(
  Object.entries<Record<string, Reader<unknown>>>(READERS).map(([scope, readers]) => [
    scope,
    Object.entries(readers).map(([claim, read]) => ({ claim, alias: CLAIM_ALIASES[claim], read })),
  ]),
);

/**
 * Splits a string of scopes at the spaces and removes duplicates: `'openid profile'` becomes `['openid', 'profile']`.
 */
export function parseScope(scope: string | readonly string[]): string[] {
  const names = typeof scope === 'string' ? scope.split(' ') : scope;
  return names.filter((name, i) => name !== '' && names.indexOf(name) === i);
}

/** Returns whether a name is a valid scope: visible ASCII characters without `"` and `\` (RFC 6749 §3.3). */
export function isScopeName(name: string): boolean {
  return /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(name);
}

/** Characters that stand between scopes in other programs and in JSON. GenAuth requires spaces. */
const SEPARATORS = /(?:[\s,;|+"'`[\]]|%20)+/;

/** Splits a text at spaces and at the characters that other programs write between scopes. */
function splitLoosely(text: string): string[] {
  return parseScope(text.split(SEPARATORS));
}

/**
 * Returns whether a text that should be one scope consists of several scopes, for example `openid,profile`. A scope of
 * the application's own API may contain a comma, so at least one part must be a scope of GenAuth.
 */
export function isJoinedScope(name: string): boolean {
  const parts = splitLoosely(name);
  return (
    (parts.length > 1 || parts[0] !== name) &&
    parts.some((part) => part === 'offline_access' || Object.hasOwn(READERS, part))
  );
}

/**
 * Returns the scopes that were probably meant by a wrong value of the option `scope`, always with `openid`. Returns
 * `undefined` if the value has no scopes.
 */
export function suggestScope(value: unknown): string[] | undefined {
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  const names = texts.flatMap((text) => (typeof text === 'string' ? splitLoosely(text) : []));
  const valid = names.filter(isScopeName).map((name) => (name.toLowerCase() === 'openid' ? 'openid' : name));
  return valid.length === 0 ? undefined : parseScope(valid.includes('openid') ? valid : ['openid', ...valid]);
}

/**
 * Checks a value of the option `scope`, of a client or of one sign-in. The value must be a string or a list of strings.
 * It must contain `openid`. Without `openid` GenAuth sends no id_token (OpenID Connect Core 1.0 §3.1.2.1).
 *
 * @returns The problem and the fix, or `undefined` if the scopes are valid.
 */
export function findScopeProblem(value: unknown): { problem: string; fix: string } | undefined {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (typeof value !== 'string' && !isList) {
    return { problem: `is ${quote(value)}`, fix: "write ['openid', 'profile'] or 'openid profile'" };
  }
  const scope = parseScope(value as string | string[]);
  const suggested = suggestScope(value) ?? ['openid', 'profile'];
  const joined = scope.find(isJoinedScope);
  if (joined !== undefined) {
    const problem = `contains ${quote(joined)}`;
    const line = isList ? `[${suggested.map((name) => `'${name}'`).join(', ')}]` : `'${suggested.join(' ')}'`;
    if (isJoinedScope(unquote(joined))) {
      return { problem, fix: `${isList ? 'separate the scopes' : 'separate the scopes by spaces'}, write ${line}` };
    }
    return { problem, fix: `remove the quotes, write ${line}` };
  }
  const invalid = scope.find((name) => !isScopeName(name));
  if (invalid !== undefined) {
    return { problem: `contains ${quote(invalid)}, which is not a valid scope`, fix: 'remove it' };
  }
  if (scope.includes('openid')) return undefined;
  return {
    problem: `is ${quote(scope.join(' '))} without 'openid'`,
    fix: "add 'openid', because GenAuth sends no id_token without it",
  };
}

/**
 * Builds the user object from verified claims. Copies only the claims of `openid` and of the given scopes, so that no
 * other claim gets into the user object.
 */
export function toUser<User>(claims: Readonly<Record<string, unknown>>, scope: readonly string[]): User {
  const user: Record<string, unknown> = {};
  for (const name of ['openid', ...scope]) {
    for (const { claim, alias, read } of CLAIMS.get(name) ?? []) {
      const source = Object.hasOwn(claims, claim) ? claim : alias;
      user[claim] = read(source !== undefined && Object.hasOwn(claims, source) ? claims[source] : undefined);
    }
  }
  return user as User;
}

/**
 * The user object on a guarded route with the option `userClaims: 'token'`. It has no profile claims, because GenAuth
 * puts no profile claims into access tokens.
 */
export interface GenAuthTokenUser {
  /** The user's ID. */
  sub: string;
  /** The scopes that GenAuth granted to the access token. */
  scope: readonly string[];
  /** ID of the tenant that the user signed in to. `null` if the user did not sign in to a tenant. */
  tenant_id: string | null;
}

/** Builds the user object of a guarded route from the claims of a verified access token. */
export function toTokenUser(
  claims: Readonly<{ sub: string; scope: string; [claim: string]: unknown }>,
): GenAuthTokenUser {
  const { sub, scope, tenant_id: tenantId } = claims;
  return { sub, scope: toScopeList(scope), tenant_id: readString(tenantId) };
}

let last: { readonly scope: string; readonly names: readonly string[] } = { scope: '', names: Object.freeze([]) };

/**
 * Returns the scopes of a token as a frozen list. Most tokens of a service have the same scopes, so that they are split
 * only once.
 */
export function toScopeList(scope: string): readonly string[] {
  if (last.scope !== scope) last = { scope, names: Object.freeze(parseScope(scope)) };
  return last.names;
}
