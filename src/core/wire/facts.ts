/**
 * Facts of GenAuth's wire, as its documents and SDKs show them: paths, header names, codes and the types of bodies.
 *
 * The client shares this file, and no other, with whatever plays GenAuth in a test. The functions that write and read
 * bodies are in `parse.ts`, for the client alone: a mistake in them must not hide on both sides.
 */

/** Addresses below the application's host. */
export const PATHS = {
  /** Sign-in by credentials. */
  signIn: '/api/v3/signin',
  /** Public facts of the server, its keys for passwords among them. */
  system: '/api/v3/system',
  /** A captcha picture with a token that stands for it, so that no cookie is needed. */
  captcha: '/api/v3/get-captcha-code',
  /** OpenID Connect Discovery 1.0 §4. */
  discovery: '/oidc/.well-known/openid-configuration',
  /** Key set, the address that GenAuth documents. */
  jwks: '/oidc/.well-known/jwks.json',
  /** RFC 6749 §3.2. */
  token: '/oidc/token',
  /** RFC 7662. */
  introspection: '/oidc/token/introspection',
  /** RFC 7009. */
  revocation: '/oidc/token/revocation',
  /** OpenID Connect Core 1.0 §5.3. */
  userInfo: '/oidc/me',
  /** OpenID Connect RP-Initiated Logout 1.0. */
  endSession: '/oidc/session/end',
} as const;

/** Where newer tenants serve the key set: below the application's id. */
export function buildAppJwksPath(appId: string): string {
  return `/${encodeURIComponent(appId)}/oidc/.well-known/jwks.json`;
}

/** The issuer of a tenant's tokens: the application's host and `/oidc`, without the application's id. */
export function buildIssuer(appHost: string): string {
  return `${appHost}/oidc`;
}

/** Request headers. GenAuth's own tools still send the Authing names; its SDKs for GenAuth send the other. */
export const HEADERS = {
  appId: 'x-authing-app-id',
  appIdOfGenAuth: 'x-genauth-app-id',
  requestFrom: 'x-authing-request-from',
} as const;

/**
 * How the application proves who it is (console: application → configuration → token-exchange authentication method).
 */
export const TOKEN_ENDPOINT_AUTH_METHODS = ['client_secret_post', 'client_secret_basic', 'none'] as const;
export type TokenEndpointAuthMethod = (typeof TOKEN_ENDPOINT_AUTH_METHODS)[number];

/** GenAuth's scope table writes some claims in another way than its claims list: the list's name, and the table's. */
export const CLAIM_ALIASES: Readonly<Record<string, string>> = { external_id: 'externalId' };

/** How a password may be encrypted on the way, on top of TLS. */
export const PASSWORD_ENCRYPT_TYPES = ['none', 'rsa', 'sm2'] as const;
export type PasswordEncryptType = (typeof PASSWORD_ENCRYPT_TYPES)[number];

/** `options` of a sign-in (SignInOptionsDto). */
export interface WireSignInOptions {
  scope?: string;
  clientIp?: string;
  /** Documented as an object and as a string; both are taken. */
  context?: object | string;
  tenantId?: string;
  customData?: object;
  autoRegister?: boolean;
  captchaCode?: string;
  captchaToken?: string;
  /** Left out, it is `none`. */
  passwordEncryptType?: PasswordEncryptType;
}

/** `passwordPayload`: the password and exactly one identifier. */
export interface WirePasswordPayload {
  password: string;
  account?: string;
  email?: string;
  username?: string;
  phone?: string;
}

export interface WireAdPayload {
  sAMAccountName: string;
  password: string;
}

/** Body of `POST /api/v3/signin` (SigninByCredentialsDto). */
export interface WireSignInRequest {
  connection: 'PASSWORD' | 'AD';
  passwordPayload?: WirePasswordPayload;
  adPayload?: WireAdPayload;
  options?: WireSignInOptions;
  client_id?: string;
  client_secret?: string;
}

/**
 * Every V3 answer. The HTTP status is 200 for nearly all of them: only `statusCode` tells success (200), a further step
 * (3xx) or failure. `apiCode` is a number, in older answers a string, in others it is called `code`.
 */
export interface WireEnvelope<Data> {
  statusCode: number;
  message?: string;
  apiCode?: number | string;
  code?: number | string;
  requestId?: string;
  data?: Data | null;
}

/** `data` of a successful sign-in (LoginTokenResponseDataDto): the lifetime goes by either of two names. */
export interface WireTokens {
  access_token?: string;
  id_token?: string;
  refresh_token?: string;
  token_type?: string;
  scope?: string;
  expires_in?: number;
  expire_in?: number;
}

/** Body of `GET /api/v3/system` (SystemInfoResp), which comes without an envelope, and in some places with one. */
export interface WireSystem {
  /** PEM, in some places bare base64. */
  rsa?: { publicKey: string };
  /** Uncompressed point in hex, with or without the leading `04`. */
  sm2?: { publicKey: string };
  version?: Record<string, string>;
  publicIps?: string[];
}

/** `data` of `GET /api/v3/get-captcha-code` (GetCaptchaCodeDataDto). */
export interface WireCaptcha {
  captchaCodeSvg: string;
  captchaToken: string;
}
