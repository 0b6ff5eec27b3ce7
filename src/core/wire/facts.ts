/**
 * Facts about GenAuth's HTTP interface: paths, header names, and the types of request and response bodies. The sources
 * are GenAuth's documentation and GenAuth's SDKs.
 *
 * This is the only file in `src/core` that the emulator uses. The functions that build and parse bodies are in
 * `parse.ts`, which the emulator does not use. If the emulator used `parse.ts` too, a test with the emulator could not
 * find the mistakes in `parse.ts`.
 */

/** Paths of GenAuth's endpoints on the host of the option `appHost`. */
export const PATHS = {
  /** Sign-in with a password or with Active Directory credentials. */
  signIn: '/api/v3/signin',
  /** Public information about the GenAuth server, including GenAuth's public keys for passwords. */
  system: '/api/v3/system',
  /** A captcha picture and a token. The token identifies the picture, so that no cookie is needed. */
  captcha: '/api/v3/get-captcha-code',
  /** The discovery document, OpenID Connect Discovery 1.0 §4. */
  discovery: '/oidc/.well-known/openid-configuration',
  /** The key set (JWKS), at the path that GenAuth documents. */
  jwks: '/oidc/.well-known/jwks.json',
  /** Authorization endpoint, RFC 6749 §3.1. The user's browser calls it. */
  authorization: '/oidc/auth',
  /** Token endpoint, RFC 6749 §3.2. */
  token: '/oidc/token',
  /** Token introspection, RFC 7662. */
  introspection: '/oidc/token/introspection',
  /** Token revocation, RFC 7009. */
  revocation: '/oidc/token/revocation',
  /** User info, OpenID Connect Core 1.0 §5.3. */
  userInfo: '/oidc/me',
  /** Logout, OpenID Connect RP-Initiated Logout 1.0. */
  endSession: '/oidc/session/end',
} as const;

/** The messages that GenAuth's documentation lists for a refused sign-in. */
export const DOCUMENTED_MESSAGES: readonly string[] = [
  'Parameter passwordPayload must include account, email, username or phone when authenticationType is PASSWORD.',
  'Account not exists or password is incorrect.',
  'Password is incorrect.',
  'Please enter captcha code for this login request.',
  'User not exists.',
  'Decrypt password failed, please check your encryption configuration.',
];

/** The error codes of a token endpoint (RFC 6749 §5.2) and of user info (RFC 6750 §3.1). */
export const OAUTH_ERRORS: readonly string[] = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_token',
  'insufficient_scope',
  'server_error',
  'temporarily_unavailable',
];

/**
 * Builds the path of a discovery document or key set on newer GenAuth tenants. This path begins with the application
 * ID.
 */
export function buildAppPath(appId: string, path: string): string {
  return `/${encodeURIComponent(appId)}${path}`;
}

/** Builds the usual issuer of GenAuth's tokens: `appHost` followed by `/oidc`. */
export function buildIssuer(appHost: string): string {
  return `${appHost}/oidc`;
}

/**
 * Builds the issuers that the tokens of an application can have. Applications whose address in the console contains
 * the application ID can have it in the issuer too.
 */
export function buildIssuers(appHost: string, appId: string): string[] {
  return [buildIssuer(appHost), buildIssuer(appHost + buildAppPath(appId, ''))];
}

/**
 * Names of request headers. The former name of GenAuth is Authing. GenAuth's own tools send the names with `authing`.
 * The GenAuth SDKs send the name with `genauth`.
 */
export const HEADERS = {
  appId: 'x-authing-app-id',
  appIdOfGenAuth: 'x-genauth-app-id',
  requestFrom: 'x-authing-request-from',
} as const;

/** The valid values of the option `tokenEndpointAuthMethod`. */
export const TOKEN_ENDPOINT_AUTH_METHODS = ['client_secret_post', 'client_secret_basic', 'none'] as const;
/**
 * How the application proves its identity to GenAuth: with the application secret in the request body, with the
 * application secret in the request header `Authorization`, or without a secret
 * ([OpenID Connect Core 1.0 §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)). GenAuth's
 * console shows the method under application → configuration → token-exchange authentication method.
 */
export type TokenEndpointAuthMethod = (typeof TOKEN_ENDPOINT_AUTH_METHODS)[number];

/**
 * Claims that have two names in GenAuth's documentation. Each key is the name in GenAuth's list of claims. Each value
 * is the name in GenAuth's table of scopes.
 */
export const CLAIM_ALIASES: Readonly<Record<string, string>> = { external_id: 'externalId' };

/** The valid values of the option `passwordEncryptType`. */
export const PASSWORD_ENCRYPT_TYPES = ['none', 'rsa', 'sm2'] as const;
/** How the password is encrypted in the request to GenAuth, in addition to TLS. */
export type PasswordEncryptType = (typeof PASSWORD_ENCRYPT_TYPES)[number];

/** Property `options` in the body of a sign-in request (GenAuth's type: SignInOptionsDto). */
export interface WireSignInOptions {
  scope?: string | undefined;
  clientIp?: string | undefined;
  /**
   * In GenAuth's documentation, `context` is an object in one place and a string in another place. GenAuth accepts
   * both.
   */
  context?: object | string | undefined;
  tenantId?: string | undefined;
  customData?: object | undefined;
  autoRegister?: boolean | undefined;
  captchaCode?: string | undefined;
  captchaToken?: string | undefined;
  /** How the password is encrypted. GenAuth's default is `none`. */
  passwordEncryptType?: PasswordEncryptType | undefined;
}

/** Property `passwordPayload` in the body of a sign-in request: the password and exactly one identifier. */
export interface WirePasswordPayload {
  password: string;
  account?: string;
  email?: string;
  username?: string;
  phone?: string;
}

/** Property `adPayload` in the body of a sign-in request. */
export interface WireAdPayload {
  sAMAccountName: string;
  password: string;
}

/** Body of the sign-in request `POST /api/v3/signin` (GenAuth's type: SigninByCredentialsDto). */
export interface WireSignInRequest {
  connection: 'PASSWORD' | 'AD';
  passwordPayload?: WirePasswordPayload;
  adPayload?: WireAdPayload;
  options?: WireSignInOptions;
  client_id?: string;
  client_secret?: string;
}

/**
 * The JSON body (envelope) of the answers of GenAuth's V3 API. The HTTP status is 200 for nearly all answers. The
 * property `statusCode` distinguishes success (200), a further step (3xx) and failure. The property `apiCode`
 * identifies the cause, and is a number. In older answers `apiCode` is a string, and in some answers its name is
 * `code`.
 */
export interface WireEnvelope<Data> {
  /** The result: 200 is success, 3xx is a further step, any other value is a failure. */
  statusCode: number;
  /** GenAuth's text about the result. */
  message?: string;
  /** The cause. */
  apiCode?: number | string;
  /** The cause in answers that have no `apiCode`. */
  code?: number | string;
  /** GenAuth's ID of the request. */
  requestId?: string;
  /** The content of the answer. `null` or absent if there is none. */
  data?: Data | null;
}

/**
 * Property `data` in the answer to a successful sign-in (GenAuth's type: LoginTokenResponseDataDto). `expires_in` or
 * `expire_in` is the lifetime of the access token in seconds.
 */
export interface WireTokens {
  access_token?: string;
  id_token?: string;
  refresh_token?: string;
  token_type?: string;
  scope?: string;
  expires_in?: number;
  expire_in?: number;
}

/**
 * Answer to `GET /api/v3/system` (GenAuth's type: SystemInfoResp). Sometimes this object is the `data` of an envelope.
 */
export interface WireSystem {
  /** The RSA public key, in PEM or in base64 without the PEM lines. */
  rsa?: { publicKey: string };
  /** The SM2 public key: an uncompressed curve point in hex, with or without the leading `04`. */
  sm2?: { publicKey: string };
  version?: Record<string, string>;
  publicIps?: string[];
}

/** Property `data` of the answer to `GET /api/v3/get-captcha-code` (GenAuth's type: GetCaptchaCodeDataDto). */
export interface WireCaptcha {
  captchaCodeSvg: string;
  captchaToken: string;
}
