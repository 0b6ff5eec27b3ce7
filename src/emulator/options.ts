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

/** The app that the emulator plays unless told otherwise. Its secret is public: it guards nothing. */
export const DEFAULT_APP_ID = 'genauth-emulator-app';
export const DEFAULT_APP_SECRET = 'genauth-emulator-secret-0123456789abcdef';

const ID_TOKEN_ALGS = ['RS256', 'HS256'] as const;
const RSA_KEY_FORMATS = ['pem', 'base64'] as const;
const LIFETIME_FIELDS = ['expires_in', 'expire_in', 'both'] as const;
const SCOPE_SEPARATORS = [' ', ','] as const;
const JWKS_ADDRESSES = ['both', 'host', 'app'] as const;
const REVOCATION_ANSWERS = ['wrapped', 'true', 'empty'] as const;

/** Ten years. */
const MAX_SECONDS = 315_360_000;

/** Options of {@link GenAuthEmulator}; each may be left out. */
export interface GenAuthEmulatorOptions extends EmulatorLoginProtection {
  /** TCP port, 0 to 65535. Default 0: any free one, see `emulator.port`. */
  port?: number | undefined;
  /**
   * Address to listen on, and the host of the issuer. Default `127.0.0.1`. Others than loopback addresses are taken
   * with `allowRemote` alone; with `0.0.0.0` or `::` the issuer is on the loopback address all the same.
   */
  host?: string | undefined;
  /** Whether other machines may reach the emulator; its knobs (`/emulator/v1`) stay this machine's. Default `false`. */
  allowRemote?: boolean | undefined;
  /** Id of the one app that the emulator knows. Default `genauth-emulator-app`. */
  appId?: string | undefined;
  /** Secret of that app. Default `genauth-emulator-secret-0123456789abcdef`. */
  appSecret?: string | undefined;
  /**
   * How the app must prove who it is; every other way is refused. Default `client_secret_post`.
   * (GenAuth console: application → configuration → token-exchange authentication method.)
   */
  tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** Users of the connection PASSWORD. Default {@link DEFAULT_USERS}. */
  users?: readonly EmulatorUser[] | undefined;
  /** Accounts of the connection AD. Default {@link DEFAULT_AD_ACCOUNTS}, and with `ad` none. */
  adAccounts?: readonly EmulatorAdAccount[] | undefined;
  /**
   * Checks the passwords of the connection AD, in place of `adAccounts`. It may ask a real directory. Therefore
   * sign-ins from web pages of other origins are refused, and `allowRemote` requires an `appSecret` of your own.
   * Default: none.
   */
  ad?: EmulatorAdDirectory | undefined;
  /**
   * Ids of the tenants that there are; a sign-in to another is refused (403 / 2130010). Default: whichever is named.
   */
  tenants?: readonly string[] | undefined;
  /** Codes of the roles that there are: a user with another one is a mistake. Default: any. */
  roles?: readonly string[] | undefined;
  /** Names of the extended fields that there are: a user with another one is a mistake. Default: any. */
  extendedFields?: readonly string[] | undefined;
  /**
   * Whether the application asks every user for a second factor after the password (301 / 1636): `true` for `SMS` and
   * `OTP`, or a list of factors. The emulator implements no further step, so only users with `mfa: false` can sign in
   * then.
   */
  mfa?: boolean | readonly string[] | undefined;
  /**
   * Seconds by which the emulator's clock is ahead, or behind if negative: that of its tokens and of the `Date` of its
   * answers. Default 0.
   */
  clockDrift?: number | undefined;
  /** Lifetime of id_tokens and access tokens in seconds. Default 1209600 (14 days), which is GenAuth's. */
  tokenLifetime?: number | undefined;
  /** Lifetime of refresh tokens in seconds, for each one anew. Default 2592000 (30 days), which is GenAuth's. */
  refreshTokenLifetime?: number | undefined;
  /**
   * Whether each refresh brings a new refresh token and uses the old one up, or the first one stays until it expires
   * and no answer carries it again. GenAuth's documents say both. Default `true`.
   */
  rotateRefreshTokens?: boolean | undefined;
  /**
   * The member that tells the lifetime in the answers of sign-ins and refreshes. GenAuth's documents say `expire_in`,
   * its servers have been seen to send `expires_in`. Default `both`.
   */
  lifetimeField?: (typeof LIFETIME_FIELDS)[number] | undefined;
  /**
   * What id_tokens are signed with: `RS256`, the default, by a key of the key set; `HS256` by the app secret, which is
   * GenAuth's own default. Access tokens are RS256 in either case. An app with `tokenEndpointAuthMethod: 'none'` has no
   * secret to verify HS256 with. (GenAuth console: application → protocol configuration → id_token signature
   * algorithm.)
   */
  idTokenSignedResponseAlg?: IdTokenAlg | undefined;
  /** Whether the system information comes in an envelope, as some of GenAuth's documents have it. Default `false`. */
  systemWrapped?: boolean | undefined;
  /** The form of the RSA key for passwords: `pem`, the default, or the bare `base64` that some SDKs hold. */
  rsaKeyFormat?: (typeof RSA_KEY_FORMATS)[number] | undefined;
  /**
   * Where the key set is: `host` for `/oidc/.well-known/jwks.json`, `app` for the same below the app's id, as GenAuth's
   * newest SDK has it, or at `both`, the default. The other address answers 404, and discovery names one that is there.
   */
  jwksAddress?: (typeof JWKS_ADDRESSES)[number] | undefined;
  /**
   * What stands between the scopes in an introspection: `' '`, the default, or `','`, as one of GenAuth's tables has
   * it.
   */
  introspectionScopeSeparator?: (typeof SCOPE_SEPARATORS)[number] | undefined;
  /**
   * The body of a revocation: an envelope (`wrapped`, the default, by GenAuth's schema), `true` as JSON, or none
   * (`empty`), as other documents of GenAuth have it.
   */
  revocationAnswer?: (typeof REVOCATION_ANSWERS)[number] | undefined;
  /** Where a logout may lead, each compared to the letter. Default: nowhere. (GenAuth console: logout callback URL.) */
  postLogoutRedirectUris?: readonly string[] | undefined;
}

export type IdTokenAlg = (typeof ID_TOKEN_ALGS)[number];

/** Checked options, without the users. */
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

const NAMES = [
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
 * Checks the options and fills in the defaults.
 *
 * @throws EmulatorError `invalid_input`
 */
export function resolveOptions(options: GenAuthEmulatorOptions): EmulatorConfig {
  const given = readObject(options, '', NAMES);
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
    const impact = 'every machine that reaches the emulator could try passwords at the directory';
    const fix = 'set an appSecret of your own, and a tokenEndpointAuthMethod that requires it';
    throw new EmulatorError('invalid_input', `ad: with allowRemote and no secret, ${impact}: ${fix}.`);
  }
  return config;
}

/** Whether a host name can only mean this machine (RFC 6761 §6.3 for `localhost`). */
export function isLoopback(host: string): boolean {
  return (isIPv4(host) && host.startsWith('127.')) || host === '::1' || host === 'localhost';
}

/** Addresses that stand for all of a machine's → the one that is this machine's alone. */
const ANY_ADDRESS: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/** The URL of a listening emulator; IPv6 addresses stand in brackets (RFC 3986 §3.2.2). */
export function buildOrigin(host: string, port: number): string {
  // "Any address" is no address that a client can call.
  const name = ANY_ADDRESS.get(host) ?? host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** @throws EmulatorError `invalid_input` */
export function readDrift(value: unknown, path: string): number {
  return readInteger(value, path, -MAX_SECONDS, MAX_SECONDS);
}

function readHost(value: unknown, allowRemote: boolean): string {
  if (typeof value === 'string' && isLoopback(value)) return value;
  if (!allowRemote) {
    const expected = "a loopback address ('127.0.0.1', '::1' or 'localhost': the emulator's keys and users are public)";
    throw invalid('host', `${expected}, or allowRemote with it`, value);
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
 * The id stands in a path, in a Basic header before the colon, and in routes: so nothing that any of them reads as its
 * own.
 */
function readAppId(value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z0-9][\w-]{0,127}$/.test(value)) return value;
  throw invalid('appId', '1 to 128 letters, digits, "-" or "_"', value);
}

function readDirectory(value: unknown): EmulatorAdDirectory {
  return readFunction(value, 'ad', 'a function (sAMAccountName, password) => answer') as EmulatorAdDirectory;
}

function readLifetime(given: ReadonlyMap<string, unknown>, name: string, byDefault: number): number {
  return readInteger(given.get(name) ?? byDefault, name, 1, MAX_SECONDS);
}

function readSeparator(value: unknown): (typeof SCOPE_SEPARATORS)[number] {
  const separator = SCOPE_SEPARATORS.find((candidate) => candidate === value);
  if (separator === undefined) throw invalid('introspectionScopeSeparator', "' ' or ','", value);
  return separator;
}

/** It goes into a header as it is, and `state` behind it: so ASCII without spaces, and no fragment. */
function readUri(value: unknown, index: number): string {
  if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) && !value.includes('#') && URL.canParse(value)) {
    return value;
  }
  throw invalid(`postLogoutRedirectUris[${index}]`, 'an absolute URL of ASCII characters without a fragment', value);
}
