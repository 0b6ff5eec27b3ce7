/**
 * Claims of a user, with their names in GenAuth's id_token. They are the standard claims of
 * [OpenID Connect Core 1.0 §5.1](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims) and the claims
 * that GenAuth adds.
 *
 * All are optional. A claim that is not given is sent as GenAuth sends an unset claim: `null`, `false`, or an empty
 * array or object.
 */
export interface EmulatorClaims {
  /** User name. It is also an identifier for sign-in. */
  username?: string;
  /** E-mail address. It is also an identifier for sign-in. Upper and lower case are equal there. */
  email?: string;
  /** Whether the e-mail address is verified. Default `false`. */
  email_verified?: boolean;
  /** Phone number, for example `+8613800000001`. It is also an identifier for sign-in. */
  phone_number?: string;
  /** Whether the phone number is verified. Default `false`. */
  phone_number_verified?: boolean;
  /** Full name. */
  name?: string;
  /** First name. */
  given_name?: string;
  /** Middle name. */
  middle_name?: string;
  /** Last name. */
  family_name?: string;
  /** Nickname. */
  nickname?: string;
  /** Name by which the user prefers to be called. */
  preferred_username?: string;
  /** URL of the profile page. */
  profile?: string;
  /** URL of the profile picture. */
  picture?: string;
  /** URL of the web page. */
  website?: string;
  /** Date of birth, `YYYY-MM-DD`. The format is not checked. */
  birthdate?: string;
  /** `M`, `F` or `U`. The value is not checked. Default `U`. */
  gender?: string;
  /** Time zone, for example `Asia/Shanghai`. */
  zoneinfo?: string;
  /** Language and country, for example `zh-CN`. */
  locale?: string;
  /**
   * Time of the last change in ISO 8601. GenAuth sends a string, although OpenID Connect defines a number. Default: the
   * time at which the user was added.
   */
  updated_at?: string;
  /** Postal address. */
  address?: Record<string, unknown>;
  /** Codes of the user's roles, or objects with a `code`. GenAuth's documents do not define which of them it sends. */
  roles?: (string | { code: string; [member: string]: unknown })[];
  /** Id of the user in the system from which the user was imported. */
  external_id?: string;
  /** Values of the fields that the user pool defines, by field name. */
  extended_fields?: Record<string, unknown>;
}

/** Kind of a claim's value. It decides which values are valid, and which value an unset claim has. */
type Kind = 'text' | 'flag' | 'roles' | 'object' | 'address';

type ClaimName = keyof EmulatorClaims | 'role' | 'unionid' | 'userpool_id' | 'tenant_id';

/** Scope → its claims, in the order of GenAuth's discovery document. */
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

/** `claims_supported` of the discovery document. GenAuth lists the last three in addition to the claims of scopes. */
export const CLAIMS_SUPPORTED: readonly string[] = ['sub', ...KINDS.keys(), 'sid', 'auth_time', 'iss'];

const UNSET: Readonly<Record<Kind, unknown>> = {
  text: null,
  flag: false,
  roles: [],
  object: {},
  address: { country: null, postal_code: null, region: null, formatted: null },
};

/** Claims that a user can have. The excluded claims depend on a tenant or on a user pool. */
export const USER_CLAIMS: readonly string[] = [...KINDS.keys()].filter(
  (name) => !['role', 'unionid', 'userpool_id', 'tenant_id'].includes(name),
);

/** Returns what the claim must be, in words for a message, or `undefined` if the value is right. */
export function claimMistake(name: string, value: unknown): string | undefined {
  switch (KINDS.get(name)) {
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'roles':
      return Array.isArray(value) && value.every(isRole)
        ? undefined
        : 'a list of role codes, or of objects with a code';
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

/** Returns the scopes of a space-separated list that GenAuth knows, without duplicates, in the given order. */
export function grantScopes(requested: string): string[] {
  return [...new Set(requested.split(' '))].filter((scope) => SCOPE_CLAIMS.has(scope));
}

/** Returns all claims of the granted scopes. A claim that the user does not have gets the value for an unset claim. */
export function buildScopeClaims(claims: Readonly<Record<string, unknown>>, granted: readonly string[]) {
  const included = granted.flatMap((scope) => Object.entries(SCOPE_CLAIMS.get(scope) ?? {}));
  return Object.fromEntries(included.map(([name, kind]) => [name, claims[name] ?? UNSET[kind]]));
}
