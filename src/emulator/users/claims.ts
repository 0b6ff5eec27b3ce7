/**
 * The claims of a user, with their names in GenAuth's id_token. They are the standard claims of
 * [OpenID Connect Core 1.0 §5.1](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims) and the claims
 * that GenAuth adds.
 *
 * All claims are optional. An absent claim is sent as GenAuth sends a claim without a value: `null`, `false`, or an
 * empty array or object.
 */
export interface EmulatorClaims {
  /** The user name. It is also an identifier for sign-in. */
  username?: string;
  /** The e-mail address. It is also an identifier for sign-in, in upper or lower case. */
  email?: string;
  /** Whether the e-mail address is verified. Default: `false`. */
  email_verified?: boolean;
  /** The phone number, for example `+8613800000001`. It is also an identifier for sign-in. */
  phone_number?: string;
  /** Whether the phone number is verified. Default: `false`. */
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
  /** The name by which the user wants to be called. */
  preferred_username?: string;
  /** The URL of the user's profile page. */
  profile?: string;
  /** The URL of the user's profile picture. */
  picture?: string;
  /** The URL of the user's web page. */
  website?: string;
  /** The date of birth, `YYYY-MM-DD`. The emulator does not check the format. */
  birthdate?: string;
  /** The gender: `M`, `F` or `U`. The emulator does not check the value. Default: `U`. */
  gender?: string;
  /** Time zone, for example `Asia/Shanghai`. */
  zoneinfo?: string;
  /** Language and country, for example `zh-CN`. */
  locale?: string;
  /**
   * The time of the last change of the user in ISO 8601. GenAuth sends a string, although OpenID Connect defines a
   * number. Default: the time at which the user was added.
   */
  updated_at?: string;
  /** Postal address. */
  address?: Record<string, unknown>;
  /**
   * The codes of the user's roles, or objects with the code as `code`. GenAuth's documents do not say which of the two
   * forms GenAuth sends.
   */
  roles?: (string | { code: string; [member: string]: unknown })[];
  /** The ID of the user in the system from which the user was imported. */
  external_id?: string;
  /** The values of the extended fields that the user pool defines, by the name of the field. */
  extended_fields?: Record<string, unknown>;
}

/** The kind of a claim's value. It determines which values are valid, and what is sent for a claim without a value. */
type Kind = 'text' | 'flag' | 'roles' | 'object' | 'address';

type ClaimName = keyof EmulatorClaims | 'role' | 'unionid' | 'userpool_id' | 'tenant_id';

/** The claims of each scope, in the order of GenAuth's discovery document. */
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

/**
 * The value of `claims_supported` in the discovery document. GenAuth lists the last three claims in addition to the
 * claims of the scopes.
 */
export const CLAIMS_SUPPORTED: readonly string[] = ['sub', ...KINDS.keys(), 'sid', 'auth_time', 'iss'];

const UNSET: Readonly<Record<Kind, unknown>> = {
  text: null,
  flag: false,
  roles: [],
  object: {},
  address: { country: null, postal_code: null, region: null, formatted: null },
};

/** The claims that a user can have. The four excluded claims depend on a tenant or on a user pool. */
export const USER_CLAIMS: readonly string[] = [...KINDS.keys()].filter(
  (name) => !['role', 'unionid', 'userpool_id', 'tenant_id'].includes(name),
);

/** Returns the expected value of a claim in words, for an error message, or `undefined` if the value is right. */
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

/**
 * Returns the scopes that GenAuth knows from a list with spaces between the scopes. The order is kept and duplicates
 * are removed.
 */
export function grantScopes(requested: string): string[] {
  return [...new Set(requested.split(' '))].filter((scope) => SCOPE_CLAIMS.has(scope));
}

/** Returns all claims of the granted scopes. A claim that the user does not have gets the value in `UNSET`. */
export function buildScopeClaims(claims: Readonly<Record<string, unknown>>, granted: readonly string[]) {
  const included = granted.flatMap((scope) => Object.entries(SCOPE_CLAIMS.get(scope) ?? {}));
  return Object.fromEntries(included.map(([name, kind]) => [name, claims[name] ?? UNSET[kind]]));
}
