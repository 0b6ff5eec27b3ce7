import { isIPv4 } from 'node:net';
import { TOKEN_ENDPOINT_AUTH_METHODS, type TokenEndpointAuthMethod } from '../core/wire.js';
import { readBoolean, readInteger, readObject, readOneOf } from './check.js';
import { invalid, invalidSecret } from './errors.js';
import { type EmulatorLoginProtection, type LoginLimits, readLimits } from './login-protection.js';
import type { EmulatorAdAccount, EmulatorUser } from './users.js';

/** The app that the emulator plays unless told otherwise. Its secret is public: it guards nothing. */
export const DEFAULT_APP_ID = 'genauth-emulator-app';
export const DEFAULT_APP_SECRET = 'genauth-emulator-secret-0123456789abcdef';

const ID_TOKEN_ALGS = ['RS256', 'HS256'] as const;
const RSA_KEY_FORMATS = ['pem', 'base64'] as const;
const LIFETIME_FIELDS = ['expires_in', 'expire_in', 'both'] as const;

/** Options of {@link GenAuthEmulator}; each may be left out. */
export interface GenAuthEmulatorOptions extends EmulatorLoginProtection {
  /** TCP port, 0 to 65535. Default 0: any free one, see `emulator.port`. */
  port?: number | undefined;
  /** Address to listen on, and the host of the issuer. Default `127.0.0.1`; only loopback addresses are taken. */
  host?: string | undefined;
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
  /** Accounts of the connection AD. Default {@link DEFAULT_AD_ACCOUNTS}. */
  adAccounts?: readonly EmulatorAdAccount[] | undefined;
  /** Lifetime of both tokens in seconds. Default 1209600 (14 days), which is GenAuth's. */
  tokenLifetime?: number | undefined;
  /**
   * The member of a sign-in's answer that tells the lifetime. GenAuth's documents say `expire_in`, its servers have been
   * seen to send `expires_in`. Default `both`.
   */
  lifetimeField?: (typeof LIFETIME_FIELDS)[number] | undefined;
  /**
   * What id_tokens are signed with: `RS256`, the default, by a key of the key set; `HS256` by the app secret, which is
   * GenAuth's own default. Access tokens are RS256 in either case. An app with `tokenEndpointAuthMethod: 'none'` has no
   * secret to verify HS256 with. (GenAuth console: application → protocol configuration → id_token signature algorithm.)
   */
  idTokenSignedResponseAlg?: IdTokenAlg | undefined;
  /** Whether the system information comes in an envelope, as some of GenAuth's documents have it. Default `false`. */
  systemWrapped?: boolean | undefined;
  /** The form of the RSA key for passwords: `pem`, the default, or the bare `base64` that some SDKs hold. */
  rsaKeyFormat?: (typeof RSA_KEY_FORMATS)[number] | undefined;
}

export type IdTokenAlg = (typeof ID_TOKEN_ALGS)[number];

/** Checked options, without the users. */
export interface EmulatorConfig {
  readonly port: number;
  readonly host: string;
  readonly appId: string;
  readonly appSecret: string;
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  readonly tokenLifetime: number;
  readonly lifetimeField: (typeof LIFETIME_FIELDS)[number];
  readonly idTokenSignedResponseAlg: IdTokenAlg;
  readonly systemWrapped: boolean;
  readonly rsaKeyFormat: (typeof RSA_KEY_FORMATS)[number];
  readonly loginLimits: LoginLimits;
}

const NAMES = [
  'port',
  'host',
  'appId',
  'appSecret',
  'tokenEndpointAuthMethod',
  'users',
  'adAccounts',
  'tokenLifetime',
  'lifetimeField',
  'idTokenSignedResponseAlg',
  'systemWrapped',
  'rsaKeyFormat',
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
  return {
    port: readInteger(given.get('port') ?? 0, 'port', 0, 65_535),
    host: readHost(given.get('host') ?? '127.0.0.1'),
    appId: readAppId(given.get('appId') ?? DEFAULT_APP_ID),
    appSecret: readSecret(given.get('appSecret') ?? DEFAULT_APP_SECRET),
    tokenEndpointAuthMethod: readOneOf(
      given.get('tokenEndpointAuthMethod') ?? 'client_secret_post',
      'tokenEndpointAuthMethod',
      TOKEN_ENDPOINT_AUTH_METHODS,
    ),
    tokenLifetime: readInteger(given.get('tokenLifetime') ?? 1_209_600, 'tokenLifetime', 1, 315_360_000),
    lifetimeField: readOneOf(given.get('lifetimeField') ?? 'both', 'lifetimeField', LIFETIME_FIELDS),
    idTokenSignedResponseAlg: readOneOf(
      given.get('idTokenSignedResponseAlg') ?? 'RS256',
      'idTokenSignedResponseAlg',
      ID_TOKEN_ALGS,
    ),
    systemWrapped: readBoolean(given.get('systemWrapped') ?? false, 'systemWrapped'),
    rsaKeyFormat: readOneOf(given.get('rsaKeyFormat') ?? 'pem', 'rsaKeyFormat', RSA_KEY_FORMATS),
    loginLimits: readLimits(given),
  };
}

/** Whether a host name can only mean this machine (RFC 6761 §6.3 for `localhost`). */
export function isLoopback(host: string): boolean {
  return (isIPv4(host) && host.startsWith('127.')) || host === '::1' || host === 'localhost';
}

/** The URL of a listening emulator; IPv6 addresses stand in brackets (RFC 3986 §3.2.2). */
export function buildOrigin(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function readHost(value: unknown): string {
  if (typeof value === 'string' && isLoopback(value)) return value;
  const expected = "a loopback address ('127.0.0.1', '::1' or 'localhost': the emulator's keys and users are public)";
  throw invalid('host', expected, value);
}

/** The id stands in a path, in a Basic header before the colon, and in routes: so nothing that any of them reads as its own. */
function readAppId(value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z0-9][\w-]{0,127}$/.test(value)) return value;
  throw invalid('appId', '1 to 128 letters, digits, "-" or "_"', value);
}

function readSecret(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalidSecret('appSecret', 'a string that is not empty', value);
}
