/**
 * Facts of GenAuth's HTTP interface, from its documentation and its SDKs: paths, header names, codes and the types of
 * bodies.
 *
 * This is the only file that the client shares with the emulator. The functions that build and parse bodies are in
 * `parse.ts`, which only the client uses. If the emulator used them too, a test could not find their mistakes.
 */

/** Paths of GenAuth's endpoints on the application's host. */
export const PATHS = {
  /** Sign-in with a password or with Active Directory credentials. */
  signIn: '/api/v3/signin',
  /** Public information of the server, including its public keys for passwords. */
  system: '/api/v3/system',
  /** A captcha picture, with a token that identifies it, so that no cookie is needed. */
  captcha: '/api/v3/get-captcha-code',
  /** OpenID Connect Discovery 1.0 §4. */
  discovery: '/oidc/.well-known/openid-configuration',
  /** The key set (JWKS), at the path that GenAuth documents. */
  jwks: '/oidc/.well-known/jwks.json',
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

/** Builds the path of the key set on newer tenants, which begins with the application ID. */
export function buildAppJwksPath(appId: string): string {
  return `/${encodeURIComponent(appId)}/oidc/.well-known/jwks.json`;
}

/** Builds the issuer of a tenant's tokens: the application's host and `/oidc`, without the application ID. */
export function buildIssuer(appHost: string): string {
  return `${appHost}/oidc`;
}

/** Names of request headers. GenAuth's own tools send the Authing names, its SDKs for GenAuth send the GenAuth name. */
export const HEADERS = {
  appId: 'x-authing-app-id',
  appIdOfGenAuth: 'x-genauth-app-id',
  requestFrom: 'x-authing-request-from',
} as const;

export const TOKEN_ENDPOINT_AUTH_METHODS = ['client_secret_post', 'client_secret_basic', 'none'] as const;
/**
 * How the application proves its identity to GenAuth: the secret in the body, the secret in the header `Authorization`,
 * or no secret
 * ([OpenID Connect Core 1.0 §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)). The
 * console shows the method under application → configuration → token-exchange authentication method.
 */
export type TokenEndpointAuthMethod = (typeof TOKEN_ENDPOINT_AUTH_METHODS)[number];

/**
 * Other names of claims. GenAuth's documentation has a list of claims and a table of scopes, which name some claims
 * differently. Each key is the name in the list, each value the name in the table.
 */
export const CLAIM_ALIASES: Readonly<Record<string, string>> = { external_id: 'externalId' };

export const PASSWORD_ENCRYPT_TYPES = ['none', 'rsa', 'sm2'] as const;
/** How the password is encrypted in the request to GenAuth, in addition to TLS. */
export type PasswordEncryptType = (typeof PASSWORD_ENCRYPT_TYPES)[number];

/** Property `options` of a sign-in's body (GenAuth: SignInOptionsDto). */
export interface WireSignInOptions {
  scope?: string;
  clientIp?: string;
  /** GenAuth documents an object in one place and a string in another. It accepts both. */
  context?: object | string;
  tenantId?: string;
  customData?: object;
  autoRegister?: boolean;
  captchaCode?: string;
  captchaToken?: string;
  /** Default: `none`. */
  passwordEncryptType?: PasswordEncryptType;
}

/** Property `passwordPayload` of a sign-in's body: the password and exactly one identifier. */
export interface WirePasswordPayload {
  password: string;
  account?: string;
  email?: string;
  username?: string;
  phone?: string;
}

/** Property `adPayload` of a sign-in's body. */
export interface WireAdPayload {
  sAMAccountName: string;
  password: string;
}

/** Body of `POST /api/v3/signin` (GenAuth: SigninByCredentialsDto). */
export interface WireSignInRequest {
  connection: 'PASSWORD' | 'AD';
  passwordPayload?: WirePasswordPayload;
  adPayload?: WireAdPayload;
  options?: WireSignInOptions;
  client_id?: string;
  client_secret?: string;
}

/**
 * The form of every answer of GenAuth's V3 API. The HTTP status is 200 for nearly all answers. `statusCode`
 * distinguishes success (200), a further step (3xx) and failure. `apiCode` is a number. In older answers it is a
 * string, and in some answers its name is `code`.
 */
export interface WireEnvelope<Data> {
  statusCode: number;
  message?: string;
  apiCode?: number | string;
  code?: number | string;
  requestId?: string;
  data?: Data | null;
}

/**
 * Property `data` of a successful sign-in's answer (GenAuth: LoginTokenResponseDataDto). The lifetime in seconds is in
 * `expires_in` or `expire_in`.
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

/** Answer to `GET /api/v3/system` (GenAuth: SystemInfoResp), usually without an envelope, sometimes with one. */
export interface WireSystem {
  /** A public key in PEM, or in base64 without the PEM lines. */
  rsa?: { publicKey: string };
  /** An uncompressed curve point in hex, with or without the leading `04`. */
  sm2?: { publicKey: string };
  version?: Record<string, string>;
  publicIps?: string[];
}

/** Property `data` of the answer to `GET /api/v3/get-captcha-code` (GenAuth: GetCaptchaCodeDataDto). */
export interface WireCaptcha {
  captchaCodeSvg: string;
  captchaToken: string;
}
