import { isIP, isIPv4 } from 'node:net';
import { TOKEN_ENDPOINT_AUTH_METHODS, type TokenEndpointAuthMethod } from '../core/wire/facts.js';
import {
  readBoolean,
  readFunction,
  readInteger,
  readList,
  readNonEmptyString,
  readObject,
  readOneOf,
  readSecret,
} from './input/readers.js';
import { EmulatorError, invalid } from './errors.js';
import { type EmulatorLoginProtection, type LoginLimits, readLimits } from './state/login-protection.js';
import type { EmulatorAdDirectory } from './users/ad-answer.js';
import { type Catalogs, readCatalog, readMfa } from './users/user-states.js';
import type { EmulatorAdAccount, EmulatorUser } from './users/user-store.js';

/** The default of the option `appId`. */
export const DEFAULT_APP_ID = 'genauth-emulator-app';
/** The default of the option `appSecret`. It is public, so it does not protect anything. */
export const DEFAULT_APP_SECRET = 'genauth-emulator-secret-0123456789abcdef';

/** The valid values of the option `idTokenSignedResponseAlg`. */
const ID_TOKEN_ALGS = ['RS256', 'HS256'] as const;
/** The valid values of the option `rsaKeyFormat`. */
const RSA_KEY_FORMATS = ['pem', 'base64'] as const;
/** The valid values of the option `lifetimeField`. */
const LIFETIME_FIELDS = ['expires_in', 'expire_in', 'both'] as const;
/** The valid values of the option `introspectionScopeSeparator`. */
const SCOPE_SEPARATORS = [' ', ','] as const;
/** The valid values of the option `jwksAddress`. */
const JWKS_ADDRESSES = ['both', 'host', 'app'] as const;
/** The valid values of the option `revocationAnswer`. */
const REVOCATION_ANSWERS = ['wrapped', 'true', 'empty'] as const;

/** The largest lifetime and the largest clock drift: ten years, in seconds. */
export const MAX_SECONDS = 315_360_000;

/** The options of {@link GenAuthEmulator}. All options are optional. */
export interface GenAuthEmulatorOptions extends EmulatorLoginProtection {
  /**
   * The TCP port on which the emulator listens, 0 to 65535. With 0 the operating system chooses a free port, and
   * `emulator.port` returns its number. With `stateFile` it is the port of the last start, if it is free. Default: 0.
   */
  port?: number | undefined;
  /**
   * The address on which the emulator listens. It is also the host of the issuer. An address that is not a loopback
   * address requires `allowRemote`. With `0.0.0.0` the host of the issuer is `127.0.0.1`, with `::` it is `[::1]`.
   * Default: `127.0.0.1`.
   */
  host?: string | undefined;
  /**
   * The name by which other machines call the emulator, for example the name of its container. It is the host of
   * `emulator.url` and of the issuer. The emulator also answers to `localhost`, `127.0.0.1` and `[::1]`, with the
   * issuer of the name that the client uses. Default: `host`.
   */
  hostname?: string | undefined;
  /**
   * Whether the emulator speaks HTTPS. Each emulator creates a certificate authority of its own, and `emulator.ca` is
   * its certificate. `GenAuthClient` connects to other machines with HTTPS only. Requires the package `node-forge`.
   * Default: `false`.
   */
  tls?: boolean | undefined;
  /**
   * The path of a file in which the emulator keeps its state, so that tokens stay valid after a restart: keys,
   * certificates, users, tokens, SSO sessions, counts and limits of failed sign-ins, the clock and the counts of
   * requests. The emulator writes the file before it answers a request that changes the state, and when it stops. The
   * file contains private keys, so only its owner can read it. A user of the options whose definition has changed since
   * the file was written is taken from the options. Default: each start creates new keys.
   */
  stateFile?: string | undefined;
  /**
   * Whether the emulator may listen on an address that other machines can reach. The page and the control paths
   * (`/emulator/v1`) accept only requests from this machine, except for `/emulator/v1/health`. Default: `false`.
   */
  allowRemote?: boolean | undefined;
  /**
   * A further value of `NODE_ENV` with which the emulator starts. It always starts with `development`, `test`, `ci` and
   * without `NODE_ENV`, and never with `production`. Default: none.
   */
  allowNodeEnv?: string | undefined;
  /** The application ID that the emulator accepts. Default: `genauth-emulator-app`. */
  appId?: string | undefined;
  /** The application secret that the emulator accepts. Default: `genauth-emulator-secret-0123456789abcdef`. */
  appSecret?: string | undefined;
  /**
   * The client authentication method that the emulator requires. Every other method is refused. Default:
   * `client_secret_post`. (GenAuth console: application → configuration → token-exchange authentication method.)
   */
  tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** The users who sign in with the connection `PASSWORD`. Default: {@link DEFAULT_USERS}. */
  users?: readonly EmulatorUser[] | undefined;
  /**
   * The accounts that sign in with the connection `AD` (Active Directory). If the option `ad` is set, this list must be
   * absent or empty. Default: {@link DEFAULT_AD_ACCOUNTS}.
   */
  adAccounts?: readonly EmulatorAdAccount[] | undefined;
  /**
   * A function that checks the passwords of the connection `AD` (Active Directory). It replaces `adAccounts` and can
   * query a real directory. So if it is set, sign-ins from web pages of other origins are refused. In this case
   * `allowRemote` requires an `appSecret` that is not the default, and a `tokenEndpointAuthMethod` that is not `none`.
   * Default: none.
   */
  ad?: EmulatorAdDirectory | undefined;
  /**
   * The IDs of the existing tenants. A sign-in to a tenant that is not in this list is refused (`statusCode` 403,
   * `apiCode` 2130010). A user with a tenant that is not in this list causes an `EmulatorError` with the code
   * `invalid_input`. Default: every tenant ID is accepted.
   */
  tenants?: readonly string[] | undefined;
  /**
   * The codes of the existing roles. A user with a role that is not in this list causes an `EmulatorError` with the
   * code `invalid_input`. Default: every role is accepted.
   */
  roles?: readonly string[] | undefined;
  /**
   * The names of the existing extended fields. A user with an extended field that is not in this list causes an
   * `EmulatorError` with the code `invalid_input`. Default: every extended field is accepted.
   */
  extendedFields?: readonly string[] | undefined;
  /**
   * Whether a sign-in requires a second factor after the password (`statusCode` 301, `apiCode` 1636). `true` means the
   * factors `SMS` and `OTP`. A list contains the names of the factors. The hosted page implements `OTP`, `SMS` and
   * `EMAIL`. At `/api/v3/signin` only users with `mfa: false` can sign in if this option is set. Default: `false`.
   */
  mfa?: boolean | readonly string[] | undefined;
  /**
   * The number of seconds by which the emulator's clock is ahead of the real time. With a negative number the clock is
   * behind. The clock determines the times in tokens and the header `Date` of responses. At most 10 years. Default: 0.
   */
  clockDrift?: number | undefined;
  /** The lifetime of id_tokens and access tokens, in seconds. Default: 1209600 (14 days), the default of GenAuth. */
  tokenLifetime?: number | undefined;
  /**
   * The lifetime of each refresh token from its creation, in seconds. Default: 2592000 (30 days), the default of
   * GenAuth.
   */
  refreshTokenLifetime?: number | undefined;
  /**
   * Whether refresh tokens rotate. With `true` each refresh returns a new refresh token and invalidates the old refresh
   * token. With `false` a refresh returns no refresh token, and the refresh token of the sign-in stays valid until it
   * expires. GenAuth's documents describe both. Default: `true`.
   */
  rotateRefreshTokens?: boolean | undefined;
  /**
   * The name of the field that contains the token lifetime in the responses to sign-ins and refreshes. GenAuth's
   * documents use `expire_in`. Recorded responses of GenAuth's servers contain `expires_in`. With `both` the responses
   * contain both fields. Default: `both`.
   */
  lifetimeField?: (typeof LIFETIME_FIELDS)[number] | undefined;
  /**
   * The signature algorithm of id_tokens. With `RS256` they are signed with a key of the key set. With `HS256` they are
   * signed with the application secret, as GenAuth does by default. Access tokens are always signed with RS256. An
   * application with `tokenEndpointAuthMethod: 'none'` has no secret and cannot verify HS256. Default: `RS256`.
   * (GenAuth console: application → protocol configuration → id_token signature algorithm.)
   */
  idTokenSignedResponseAlg?: IdTokenAlg | undefined;
  /**
   * Whether the response with the system information has an envelope, as in some of GenAuth's documents. Default:
   * `false`.
   */
  systemWrapped?: boolean | undefined;
  /**
   * The format of the RSA public key for the encryption of passwords: `pem`, or `base64` without the PEM lines.
   * Default: `pem`.
   */
  rsaKeyFormat?: (typeof RSA_KEY_FORMATS)[number] | undefined;
  /**
   * The path at which the key set is served. `host` is `/oidc/.well-known/jwks.json`. `app` is the same path below the
   * application ID, as in GenAuth's newest SDK. `both` is both paths. A path that is not served has the HTTP status
   * 404. The discovery document names a path that is served. Default: `both`.
   */
  jwksAddress?: (typeof JWKS_ADDRESSES)[number] | undefined;
  /**
   * The separator of the scopes in an introspection response: `' '`, or `','` as in one table of GenAuth's documents.
   * Default: `' '`.
   */
  introspectionScopeSeparator?: (typeof SCOPE_SEPARATORS)[number] | undefined;
  /**
   * The body of a revocation response. GenAuth's documents contradict each other. `wrapped` is an envelope as in
   * GenAuth's schema, `true` is the JSON value `true`, `empty` is no body. Default: `wrapped`.
   */
  revocationAnswer?: (typeof REVOCATION_ANSWERS)[number] | undefined;
  /**
   * The URLs to which a logout may redirect. They are compared character by character. Default: none. (GenAuth console:
   * logout callback URL.)
   */
  postLogoutRedirectUris?: readonly string[] | undefined;
  /**
   * The values of `redirect_uri` that an authorization request may have. They are compared character by character.
   * Default: every `http` and `https` URL of a loopback host (`localhost`, `127.0.0.1`, `[::1]`). (GenAuth console:
   * login callback URL.)
   */
  redirectUris?: readonly string[] | undefined;
  /**
   * The lifetime of the SSO session that a sign-in on the hosted page starts, in seconds. With 0 there is no SSO
   * session. Default: 1209600 (14 days), the default of GenAuth.
   */
  ssoLifetime?: number | undefined;
}

/** The signature algorithm of id_tokens. */
export type IdTokenAlg = (typeof ID_TOKEN_ALGS)[number];

/**
 * The checked options of the emulator, with defaults for absent options. The users and the AD accounts are not
 * included.
 */
export interface EmulatorConfig {
  readonly allowRemote: boolean;
  readonly allowNodeEnv: string | undefined;
  readonly port: number;
  readonly host: string;
  readonly hostname: string | undefined;
  readonly tls: boolean;
  readonly stateFile: string | undefined;
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
  /** `undefined` means every URL of a loopback host. */
  readonly redirectUris: readonly string[] | undefined;
  readonly ssoLifetime: number;
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
  'hostname',
  'tls',
  'stateFile',
  'allowRemote',
  'allowNodeEnv',
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
  'redirectUris',
  'ssoLifetime',
  'captchaAfter',
  'lockAfter',
] as const satisfies readonly (keyof GenAuthEmulatorOptions)[];

/**
 * Checks the options of the emulator and adds the defaults.
 *
 * @throws EmulatorError with the code `invalid_input` if an option is wrong.
 */
export function resolveOptions(options: GenAuthEmulatorOptions): EmulatorConfig {
  const given = readObject(options, '', OPTION_NAMES);
  const allowRemote = readBoolean(given.get('allowRemote') ?? false, 'allowRemote');
  const config: EmulatorConfig = {
    allowRemote,
    allowNodeEnv: given.has('allowNodeEnv') ? readNonEmptyString(given.get('allowNodeEnv'), 'allowNodeEnv') : undefined,
    port: readInteger(given.get('port') ?? 0, 'port', 0, 65_535),
    host: readHost(given.get('host') ?? '127.0.0.1', allowRemote),
    hostname: given.has('hostname') ? readHostname(given.get('hostname')) : undefined,
    tls: readBoolean(given.get('tls') ?? false, 'tls'),
    stateFile: given.has('stateFile') ? readNonEmptyString(given.get('stateFile'), 'stateFile') : undefined,
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
    postLogoutRedirectUris: readUris(given.get('postLogoutRedirectUris') ?? [], 'postLogoutRedirectUris'),
    redirectUris: given.has('redirectUris') ? readUris(given.get('redirectUris'), 'redirectUris') : undefined,
    ssoLifetime: readInteger(given.get('ssoLifetime') ?? 1_209_600, 'ssoLifetime', 0, MAX_SECONDS),
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

/**
 * The loopback address for each wildcard address of the same IP version. On a wildcard address a server listens on all
 * network interfaces.
 */
const WILDCARD_ADDRESSES: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/** The parts of the options that determine the address of the emulator. */
type Address = Pick<EmulatorConfig, 'host' | 'hostname' | 'tls'>;

/** Builds the URL of a started emulator. */
export function buildOrigin(address: Address, port: number): string {
  return `${buildScheme(address)}//${bracket(findName(address))}:${port}`;
}

/** Builds the address of the page. `undefined` if the emulator does not listen on loopback. */
export function buildPageAddress({ host, tls }: Address, port: number): string | undefined {
  const address = WILDCARD_ADDRESSES.get(host) ?? host;
  return isLoopback(address) ? `${buildOrigin({ host: address, hostname: undefined, tls }, port)}/emulator` : undefined;
}

/** Returns the scheme of the emulator's addresses, as `URL.protocol` has it. */
export function buildScheme({ tls }: Pick<Address, 'tls'>): 'http:' | 'https:' {
  return tls ? 'https:' : 'http:';
}

/**
 * Returns the address by which a request calls the emulator, if the emulator answers to this name. It answers to its
 * `hostname`. If it listens on `127.0.0.1` or on all addresses, it also answers to the names of loopback.
 *
 * @param host - The header `Host` of the request.
 */
export function findRequestOrigin(address: Address, host = ''): string | undefined {
  const name = host.toLowerCase().replace(/:\d+$/, '');
  const isLocal =
    LOOPBACK_NAMES.includes(name) && (address.host === '127.0.0.1' || WILDCARD_ADDRESSES.has(address.host));
  const isOwn = address.hostname !== undefined && name === bracket(address.hostname).toLowerCase();
  return isLocal || isOwn ? `${buildScheme(address)}//${host.toLowerCase()}` : undefined;
}

/** Returns the names and IP addresses by which clients can call the emulator, for its certificate. */
export function listHosts(address: Address): readonly string[] {
  return [...new Set([findName(address), 'localhost', '127.0.0.1', '::1'])];
}

const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

function findName({ host, hostname }: Address): string {
  // A client cannot connect to a wildcard address, so the loopback address is used.
  return hostname ?? WILDCARD_ADDRESSES.get(host) ?? host;
}

/** IPv6 addresses are written in brackets (RFC 3986 §3.2.2). */
function bracket(name: string): string {
  return name.includes(':') ? `[${name}]` : name;
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
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

function readHostname(value: unknown): string {
  // The name of a container can have underscores.
  if (typeof value === 'string' && isHost(value.replaceAll('_', 'x'))) return value;
  throw invalid('hostname', 'a host name or an IP address, without scheme and port', value);
}

function isHost(value: string): boolean {
  return (
    isIP(value) !== 0 ||
    /^(?=.{1,253}$)[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i.test(value)
  );
}

/**
 * Reads the application ID. The application ID is used in a URL path, before the colon of an `Authorization: Basic`
 * header, and in an Express route. So it must not contain a character with a special meaning in one of them.
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

function readUris(value: unknown, path: string): readonly string[] {
  return readList(value, path).map((uri, i) => {
    if (typeof uri === 'string' && isRedirectUri(uri)) return uri;
    throw invalid(`${path}[${i}]`, 'an absolute URL of ASCII characters without a fragment', uri);
  });
}

/**
 * Returns whether a text can be a redirect URL. The URL is sent unchanged in the header `Location`, so it must be ASCII
 * without spaces. Parameters are appended to the URL, so it must not have a fragment.
 */
export function isRedirectUri(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text) && !text.includes('#') && URL.canParse(text);
}
