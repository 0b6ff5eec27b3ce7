/**
 * Claims that a user may have, by their names in GenAuth's id_token (OpenID Connect Core 1.0 §5.1 and GenAuth's own).
 * Whatever is left out is sent as GenAuth sends an unset claim: `null`, `false`, or an empty list or object.
 */
export interface EmulatorClaims {
  /** User name; also an identifier at sign-in. */
  username?: string;
  /** E-mail address; also an identifier at sign-in, where its case does not matter. */
  email?: string;
  email_verified?: boolean;
  /** Phone number, as `+8613800000001`; also an identifier at sign-in. */
  phone_number?: string;
  phone_number_verified?: boolean;
  name?: string;
  given_name?: string;
  middle_name?: string;
  family_name?: string;
  nickname?: string;
  preferred_username?: string;
  profile?: string;
  picture?: string;
  website?: string;
  birthdate?: string;
  /** `M`, `F` or `U`. Default `U`. */
  gender?: string;
  zoneinfo?: string;
  locale?: string;
  /** ISO 8601: GenAuth sends a string where OpenID Connect says a number. Default: when the user was added. */
  updated_at?: string;
  address?: Record<string, unknown>;
  /** Codes of the user's roles, or objects with a `code`: GenAuth's documents do not tell which it sends. */
  roles?: (string | { code: string; [member: string]: unknown })[];
  /** The user's id in the system that the user came from. */
  external_id?: string;
  /** Fields that the user pool defines, name → value. */
  extended_fields?: Record<string, unknown>;
}

/** What a claim holds; it decides what is taken from a user and what stands for an unset claim. */
type Kind = 'text' | 'flag' | 'roles' | 'object' | 'address';

type ClaimName = keyof EmulatorClaims | 'role' | 'unionid' | 'userpool_id' | 'tenant_id';

/** Scope → its claims. The order is that of GenAuth's discovery document. */
const SCOPES = {
  openid: {},
  offline_access: {},
  username: { username: 'text' },
  phone: { phone_number: 'text', phone_number_verified: 'flag' },
  email: { email: 'text', email_verified: 'flag' },
  address: { address: 'address' },
  profile: {
    name: 'text',
    given_name: 'text',
    middle_name: 'text',
    family_name: 'text',
    nickname: 'text',
    preferred_username: 'text',
    profile: 'text',
    picture: 'text',
    website: 'text',
    birthdate: 'text',
    gender: 'text',
    zoneinfo: 'text',
    locale: 'text',
    updated_at: 'text',
  },
  role: { role: 'text' },
  roles: { roles: 'roles' },
  unionid: { unionid: 'text' },
  external_id: { external_id: 'text' },
  extended_fields: { extended_fields: 'object' },
  tenant_id: { tenant_id: 'text' },
  userpool_id: { userpool_id: 'text' },
} as const satisfies Record<string, Partial<Record<ClaimName, Kind>>>;

export const SCOPES_SUPPORTED: readonly string[] = Object.keys(SCOPES);

const SCOPE_CLAIMS: ReadonlyMap<string, Readonly<Record<string, Kind>>> = new Map(Object.entries(SCOPES));

const KINDS: ReadonlyMap<string, Kind> = new Map(
  [...SCOPE_CLAIMS.values()].flatMap((claims) => Object.entries(claims)),
);

/** `claims_supported` of the discovery document; GenAuth lists the last three beside the scopes' own. */
export const CLAIMS_SUPPORTED: readonly string[] = ['sub', ...KINDS.keys(), 'sid', 'auth_time', 'iss'];

const UNSET: Readonly<Record<Kind, unknown>> = {
  text: null,
  flag: false,
  roles: [],
  object: {},
  address: { country: null, postal_code: null, region: null, formatted: null },
};

/** Claims that a user may be given: all but those that only a tenant or a user pool could tell. */
export const USER_CLAIMS: readonly string[] = [...KINDS.keys()].filter(
  (name) => !['role', 'unionid', 'userpool_id', 'tenant_id'].includes(name),
);

/** What a claim must be, in words for a message, or `undefined` if `value` is that. */
export function claimMistake(name: string, value: unknown): string | undefined {
  switch (KINDS.get(name)) {
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'roles':
      return Array.isArray(value) && value.every(isRole) ? undefined : 'a list of codes, or of objects with a code';
    case 'object':
    case 'address':
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'an object';
    default:
      return typeof value === 'string' && value !== '' ? undefined : 'a string that is not empty';
  }
}

function isRole(value: unknown): boolean {
  const code: unknown = typeof value === 'object' && value !== null && 'code' in value ? value.code : value;
  return typeof code === 'string' && code !== '';
}

/** The scopes of a space-separated list that GenAuth knows, each once, in the order they were asked for. */
export function grantScopes(requested: string): string[] {
  return [...new Set(requested.split(' '))].filter((scope) => SCOPE_CLAIMS.has(scope));
}

/** The claims that `granted` scopes promise: every one of them, set or not. */
export function buildScopeClaims(claims: Readonly<Record<string, unknown>>, granted: readonly string[]) {
  const promised = granted.flatMap((scope) => Object.entries(SCOPE_CLAIMS.get(scope) ?? {}));
  return Object.fromEntries(promised.map(([name, kind]) => [name, claims[name] ?? UNSET[kind]]));
}
