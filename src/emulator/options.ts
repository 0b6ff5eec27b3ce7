import { isIP, isIPv4 } from 'node:net';
import { TOKEN_ENDPOINT_AUTH_METHODS, type TokenEndpointAuthMethod } from '../core/wire/facts.js';
import {
  readBoolean,
  readFunction,
  readInteger,
  readList,
  readObject,
  readOneOf,
  readSecret,
} from './input/readers.js';
import { EmulatorError, invalid } from './errors.js';
import { type EmulatorLoginProtection, type LoginLimits, readLimits } from './state/login-protection.js';
import type { EmulatorAdDirectory } from './users/ad-answer.js';
import { type Catalogs, readCatalog, readMfa } from './users/user-states.js';
import type { EmulatorAdAccount, EmulatorUser } from './users/user-store.js';

/** Default id of the emulator's application. */
export const DEFAULT_APP_ID = 'genauth-emulator-app';
/** Default secret of the emulator's application. It is public, so it protects nothing. */
export const DEFAULT_APP_SECRET = 'genauth-emulator-secret-0123456789abcdef';

const ID_TOKEN_ALGS = ['RS256', 'HS256'] as const;
const RSA_KEY_FORMATS = ['pem', 'base64'] as const;
const LIFETIME_FIELDS = ['expires_in', 'expire_in', 'both'] as const;
const SCOPE_SEPARATORS = [' ', ','] as const;
const JWKS_ADDRESSES = ['both', 'host', 'app'] as const;
const REVOCATION_ANSWERS = ['wrapped', 'true', 'empty'] as const;

/** Ten years in seconds. */
const MAX_SECONDS = 315_360_000;

/** Options of {@link GenAuthEmulator}. All are optional. */
export interface GenAuthEmulatorOptions extends EmulatorLoginProtection {
  /** TCP port, 0 to 65535. Default 0, which chooses a free port. `emulator.port` returns it. */
  port?: number | undefined;
  /**
   * Address to listen on. It is also the host of the issuer. Default `127.0.0.1`. An address that is not a loopback
   * address requires `allowRemote`. With `0.0.0.0` the host of the issuer is `127.0.0.1`, with `::` it is `[::1]`.
   */
  host?: string | undefined;
  /**
   * Whether other machines may reach the emulator. The control paths (`/emulator/v1`) accept only requests from this
   * machine in any case. Default `false`.
   */
  allowRemote?: boolean | undefined;
  /** Id of the emulator's application. Default `genauth-emulator-app`. */
  appId?: string | undefined;
  /** Secret of the emulator's application. Default `genauth-emulator-secret-0123456789abcdef`. */
  appSecret?: string | undefined;
  /**
   * Client authentication method that the application must use. Other methods are refused. Default
   * `client_secret_post`. (GenAuth console: application → configuration → token-exchange authentication method.)
   */
  tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** Users of the connection PASSWORD. Default {@link DEFAULT_USERS}. */
  users?: readonly EmulatorUser[] | undefined;
  /** Accounts of the connection AD. Default {@link DEFAULT_AD_ACCOUNTS}. With `ad` it must be absent or empty. */
  adAccounts?: readonly EmulatorAdAccount[] | undefined;
  /**
   * Function that checks the passwords of the connection AD, instead of `adAccounts`. It may query a real directory.
   * Therefore sign-ins from web pages of other origins are refused, and `allowRemote` requires an `appSecret` of your
   * own. Default: none.
   */
  ad?: EmulatorAdDirectory | undefined;
  /**
   * Ids of the existing tenants. A sign-in to another tenant is refused (403 / 2130010). A user with another tenant is
   * refused as `invalid_input`. Default: every tenant id is accepted.
   */
  tenants?: readonly string[] | undefined;
  /** Codes of the existing roles. A user with another role is refused as `invalid_input`. Default: any role. */
  roles?: readonly string[] | undefined;
  /**
   * Names of the existing extended fields. A user with another field is refused as `invalid_input`. Default: any field.
   */
  extendedFields?: readonly string[] | undefined;
  /**
   * Whether the application requires a second factor after the password (301 / 1636). `true` means the factors `SMS`
   * and `OTP`; a list names the factors. The emulator does not implement the second step, so only users with
   * `mfa: false` can sign in then. Default `false`.
   */
  mfa?: boolean | readonly string[] | undefined;
  /**
   * Seconds by which the emulator's clock is ahead, or behind if negative. The clock applies to the times in tokens and
   * to the `Date` header of responses. At most 10 years. Default 0.
   */
  clockDrift?: number | undefined;
  /** Lifetime of id_tokens and access tokens in seconds. Default 1209600 (14 days), as at GenAuth. */
  tokenLifetime?: number | undefined;
  /** Lifetime of each refresh token in seconds, from its creation. Default 2592000 (30 days), as at GenAuth. */
  refreshTokenLifetime?: number | undefined;
  /**
   * With `true`, each refresh returns a new refresh token and invalidates the old one. With `false`, the first refresh
   * token stays valid until it expires, and a refresh returns no refresh token. GenAuth's documents describe both.
   * Default `true`.
   */
  rotateRefreshTokens?: boolean | undefined;
  /**
   * Name of the field that contains the token lifetime in the responses of sign-ins and refreshes. GenAuth's documents
   * use `expire_in`. Recorded responses of GenAuth's servers use `expires_in`. Default `both`.
   */
  lifetimeField?: (typeof LIFETIME_FIELDS)[number] | undefined;
  /**
   * Signature algorithm of id_tokens. Default `RS256`: signed with a key of the key set. `HS256`: signed with the app
   * secret, which is GenAuth's own default. Access tokens are always signed with RS256. An application with
   * `tokenEndpointAuthMethod: 'none'` has no secret and cannot verify HS256.
   * (GenAuth console: application → protocol configuration → id_token signature algorithm.)
   */
  idTokenSignedResponseAlg?: IdTokenAlg | undefined;
  /** Whether the system information is wrapped in an envelope, as in some of GenAuth's documents. Default `false`. */
  systemWrapped?: boolean | undefined;
  /** Format of the RSA public key for passwords: `pem`, or `base64` without the PEM lines. Default `pem`. */
  rsaKeyFormat?: (typeof RSA_KEY_FORMATS)[number] | undefined;
  /**
   * Where the key set is served: `host` for `/oidc/.well-known/jwks.json`, `app` for the same path below the app id, as
   * in GenAuth's newest SDK, or `both`. An address that is not served answers 404. Discovery names a served address.
   * Default `both`.
   */
  jwksAddress?: (typeof JWKS_ADDRESSES)[number] | undefined;
  /**
   * Separator of the scopes in an introspection response: `' '`, or `','` as in one table of GenAuth's documents.
   * Default `' '`.
   */
  introspectionScopeSeparator?: (typeof SCOPE_SEPARATORS)[number] | undefined;
  /**
   * Body of a revocation response. GenAuth's documents differ: `wrapped` is an envelope as in GenAuth's schema, `true`
   * is the JSON value, `empty` is no body. Default `wrapped`.
   */
  revocationAnswer?: (typeof REVOCATION_ANSWERS)[number] | undefined;
  /**
   * Addresses to which a logout may redirect. They are compared character by character. Default: none.
   * (GenAuth console: logout callback URL.)
   */
  postLogoutRedirectUris?: readonly string[] | undefined;
}

/** Signature algorithms of id_tokens. */
export type IdTokenAlg = (typeof ID_TOKEN_ALGS)[number];

/** The checked options with their defaults, without the users and the AD accounts. */
export interface EmulatorConfig {
  readonly allowRemote: boolean;
  readonly port: number;
  readonly host: string;
  readonly appId: string;
  readonly appSecret: string;
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  readonly tokenLifetime: number;
  readonly refreshTokenLifetime: number;
  readonly rotateRefreshTokens: boolean;
  readonly lifetimeField: (typeof LIFETIME_FIELDS)[number];
  readonly idTokenSignedResponseAlg: IdTokenAlg;
  readonly systemWrapped: boolean;
  readonly rsaKeyFormat: (typeof RSA_KEY_FORMATS)[number];
  readonly introspectionScopeSeparator: (typeof SCOPE_SEPARATORS)[number];
  readonly revocationAnswer: (typeof REVOCATION_ANSWERS)[number];
  readonly postLogoutRedirectUris: readonly string[];
  readonly jwksAddress: (typeof JWKS_ADDRESSES)[number];
  readonly clockDrift: number;
  readonly mfa: boolean | readonly string[];
  readonly ad: EmulatorAdDirectory | undefined;
  readonly catalogs: Catalogs;
  readonly loginLimits: LoginLimits;
}

const OPTION_NAMES = [
  'port',
  'host',
  'allowRemote',
  'appId',
  'appSecret',
  'tokenEndpointAuthMethod',
  'users',
  'adAccounts',
  'ad',
  'tenants',
  'roles',
  'extendedFields',
  'mfa',
  'clockDrift',
  'tokenLifetime',
  'refreshTokenLifetime',
  'rotateRefreshTokens',
  'lifetimeField',
  'idTokenSignedResponseAlg',
  'systemWrapped',
  'rsaKeyFormat',
  'jwksAddress',
  'introspectionScopeSeparator',
  'revocationAnswer',
  'postLogoutRedirectUris',
  'captchaAfter',
  'lockAfter',
] as const satisfies readonly (keyof GenAuthEmulatorOptions)[];

/**
 * Checks the options and adds the defaults.
 *
 * @throws EmulatorError `invalid_input` if an option is wrong.
 */
export function resolveOptions(options: GenAuthEmulatorOptions): EmulatorConfig {
  const given = readObject(options, '', OPTION_NAMES);
  const allowRemote = readBoolean(given.get('allowRemote') ?? false, 'allowRemote');
  const config: EmulatorConfig = {
    allowRemote,
    port: readInteger(given.get('port') ?? 0, 'port', 0, 65_535),
    host: readHost(given.get('host') ?? '127.0.0.1', allowRemote),
    appId: readAppId(given.get('appId') ?? DEFAULT_APP_ID),
    appSecret: readSecret(given.get('appSecret') ?? DEFAULT_APP_SECRET, 'appSecret'),
    tokenEndpointAuthMethod: readOneOf(
      given.get('tokenEndpointAuthMethod') ?? 'client_secret_post',
      'tokenEndpointAuthMethod',
      TOKEN_ENDPOINT_AUTH_METHODS,
    ),
    tokenLifetime: readLifetime(given, 'tokenLifetime', 1_209_600),
    refreshTokenLifetime: readLifetime(given, 'refreshTokenLifetime', 2_592_000),
    rotateRefreshTokens: readBoolean(given.get('rotateRefreshTokens') ?? true, 'rotateRefreshTokens'),
    lifetimeField: readOneOf(given.get('lifetimeField') ?? 'both', 'lifetimeField', LIFETIME_FIELDS),
    idTokenSignedResponseAlg: readOneOf(
      given.get('idTokenSignedResponseAlg') ?? 'RS256',
      'idTokenSignedResponseAlg',
      ID_TOKEN_ALGS,
    ),
    systemWrapped: readBoolean(given.get('systemWrapped') ?? false, 'systemWrapped'),
    rsaKeyFormat: readOneOf(given.get('rsaKeyFormat') ?? 'pem', 'rsaKeyFormat', RSA_KEY_FORMATS),
    introspectionScopeSeparator: readSeparator(given.get('introspectionScopeSeparator') ?? ' '),
    revocationAnswer: readOneOf(given.get('revocationAnswer') ?? 'wrapped', 'revocationAnswer', REVOCATION_ANSWERS),
    postLogoutRedirectUris: readList(given.get('postLogoutRedirectUris') ?? [], 'postLogoutRedirectUris').map(readUri),
    jwksAddress: readOneOf(given.get('jwksAddress') ?? 'both', 'jwksAddress', JWKS_ADDRESSES),
    clockDrift: readDrift(given.get('clockDrift') ?? 0, 'clockDrift'),
    mfa: readMfa(given.get('mfa') ?? false, 'mfa'),
    ad: given.has('ad') ? readDirectory(given.get('ad')) : undefined,
    catalogs: {
      tenants: readCatalog(given.get('tenants'), 'tenants'),
      roles: readCatalog(given.get('roles'), 'roles'),
      extendedFields: readCatalog(given.get('extendedFields'), 'extendedFields'),
    },
    loginLimits: readLimits(given),
  };
  const isPublic = config.appSecret === DEFAULT_APP_SECRET || config.tokenEndpointAuthMethod === 'none';
  if (config.ad && allowRemote && isPublic) {
    const impact = 'every machine that reaches the emulator could test passwords against the directory';
    const fix = 'set an appSecret of your own, and a tokenEndpointAuthMethod that requires it';
    throw new EmulatorError('invalid_input', `ad: with allowRemote and no secret, ${impact}: ${fix}.`);
  }
  return config;
}

/** Returns whether a host is a loopback address or `localhost`, which RFC 6761 §6.3 reserves for loopback. */
export function isLoopback(host: string): boolean {
  return (isIPv4(host) && host.startsWith('127.')) || host === '::1' || host === 'localhost';
}

/** Wildcard address, on which a server listens on all interfaces → loopback address of the same IP version. */
const WILDCARD_ADDRESSES: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/** Builds the URL of a listening emulator. IPv6 addresses are written in brackets (RFC 3986 §3.2.2). */
export function buildOrigin(host: string, port: number): string {
  // A client cannot connect to a wildcard address.
  const name = WILDCARD_ADDRESSES.get(host) ?? host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** @throws EmulatorError `invalid_input` */
export function readDrift(value: unknown, path: string): number {
  return readInteger(value, path, -MAX_SECONDS, MAX_SECONDS);
}

function readHost(value: unknown, allowRemote: boolean): string {
  if (typeof value === 'string' && isLoopback(value)) return value;
  if (!allowRemote) {
    const expected = "a loopback address ('127.0.0.1', '::1' or 'localhost'), because the emulator's users are public";
    throw invalid('host', `${expected} (allow other addresses with allowRemote: true)`, value);
  }
  if (typeof value === 'string' && isHost(value)) return value;
  throw invalid('host', 'an IP address or a host name', value);
}

function isHost(value: string): boolean {
  return (
    isIP(value) !== 0 ||
    /^(?=.{1,253}$)[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i.test(value)
  );
}

/**
 * Reads the app id. It is used in a URL path, before the colon of a Basic header, and in an Express route. Therefore it
 * must not contain a character that has a special meaning there.
 */
function readAppId(value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z0-9][\w-]{0,127}$/.test(value)) return value;
  throw invalid('appId', '1 to 128 letters, digits, "-" or "_"', value);
}

function readDirectory(value: unknown): EmulatorAdDirectory {
  return readFunction(value, 'ad', 'a function (sAMAccountName, password) => answer') as EmulatorAdDirectory;
}

function readLifetime(given: ReadonlyMap<string, unknown>, name: string, defaultValue: number): number {
  return readInteger(given.get(name) ?? defaultValue, name, 1, MAX_SECONDS);
}

function readSeparator(value: unknown): (typeof SCOPE_SEPARATORS)[number] {
  const separator = SCOPE_SEPARATORS.find((candidate) => candidate === value);
  if (separator === undefined) throw invalid('introspectionScopeSeparator', "' ' or ','", value);
  return separator;
}

/**
 * Reads a redirect address. It is sent in a header unchanged, so it must be ASCII without spaces. The parameter `state`
 * is appended to it, so it must not have a fragment.
 */
function readUri(value: unknown, index: number): string {
  if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) && !value.includes('#') && URL.canParse(value)) {
    return value;
  }
  throw invalid(`postLogoutRedirectUris[${index}]`, 'an absolute URL of ASCII characters without a fragment', value);
}
