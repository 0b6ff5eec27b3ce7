/**
 * GenAuth's wire as its own documents and SDKs show it: paths, header names, bodies and codes, nothing else.
 *
 * The one module that the emulator shares with the client. It holds facts and types, no behaviour that a test could
 * need to see from both sides.
 */

/** Addresses below the application's host. */
export const PATHS = {
  /** Sign-in by credentials. */
  signIn: '/api/v3/signin',
  /** OpenID Connect Discovery 1.0 §4. */
  discovery: '/oidc/.well-known/openid-configuration',
  /** Key set, the address that GenAuth documents. */
  jwks: '/oidc/.well-known/jwks.json',
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

/** How the application proves who it is (console: application → configuration → token-exchange authentication method). */
export const TOKEN_ENDPOINT_AUTH_METHODS = ['client_secret_post', 'client_secret_basic', 'none'] as const;
export type TokenEndpointAuthMethod = (typeof TOKEN_ENDPOINT_AUTH_METHODS)[number];

/** `options` of a sign-in (SignInOptionsDto). */
export interface WireSignInOptions {
  scope?: string;
  clientIp?: string;
  /** Documented as an object and as a string; both are taken. */
  context?: Record<string, unknown> | string;
  tenantId?: string;
  customData?: Record<string, unknown>;
  autoRegister?: boolean;
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

/** The parts of a discovery document that matter here. */
export interface WireDiscovery {
  issuer: string;
  jwks_uri: string;
}

/** What sign-in answers, by GenAuth's own table: the `statusCode`, the `apiCode` and the English text. */
export const SIGN_IN_ERRORS = {
  identifierMissing: {
    statusCode: 400,
    message:
      'Parameter passwordPayload must include account, email, username or phone when authenticationType is PASSWORD.',
  },
  clientAuthenticationFailed: { statusCode: 401, message: 'client authentication failed' },
  accountOrPasswordWrong: {
    statusCode: 403,
    apiCode: 2333,
    message: 'Account not exists or password is incorrect.',
  },
  passwordWrong: { statusCode: 403, apiCode: 2006, message: 'Password is incorrect.' },
  captchaRequired: {
    statusCode: 403,
    apiCode: 2000,
    message: 'Please enter captcha code for this login request.',
  },
  userNotFound: { statusCode: 404, apiCode: 2004, message: 'User not exists.' },
  appNotFound: { statusCode: 499, apiCode: 2011, message: 'Application not exists.' },
} as const satisfies Record<string, { statusCode: number; apiCode?: number; message: string }>;

/** A V3 answer in one form: `apiCode` as a number wherever and however it was written, nothing optional but the two ids. */
export interface Envelope {
  statusCode: number;
  apiCode: number | undefined;
  message: string;
  requestId: string | undefined;
  data: Readonly<Record<string, unknown>>;
}

/** Reads a V3 answer; `undefined` for a body that is none, such as a gateway's page. */
export function parseEnvelope(body: unknown): Envelope | undefined {
  if (!isObject(body) || typeof body['statusCode'] !== 'number') return undefined;
  const code = body['apiCode'] ?? body['code'];
  const apiCode = typeof code === 'string' && /^\d+$/.test(code) ? Number(code) : code;
  return {
    statusCode: body['statusCode'],
    apiCode: typeof apiCode === 'number' && Number.isInteger(apiCode) ? apiCode : undefined,
    message: typeof body['message'] === 'string' ? body['message'] : '',
    requestId: typeof body['requestId'] === 'string' ? body['requestId'] : undefined,
    data: isObject(body['data']) ? body['data'] : {},
  };
}

/** The tokens of a sign-in answer, as texts that nobody has verified yet. */
export interface UnverifiedTokens {
  accessToken: string | undefined;
  idToken: string | undefined;
  refreshToken: string | undefined;
  /** Granted scopes. */
  scope: string | undefined;
  /** Seconds. */
  expiresIn: number | undefined;
}

/** Reads `data` of a successful sign-in; the lifetime goes by `expires_in` in real answers and by `expire_in` in the schema. */
export function parseTokens(data: Readonly<Record<string, unknown>>): UnverifiedTokens {
  const text = (name: string): string | undefined => {
    const value = data[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const lifetime = data['expires_in'] ?? data['expire_in'];
  return {
    accessToken: text('access_token'),
    idToken: text('id_token'),
    refreshToken: text('refresh_token'),
    scope: text('scope'),
    expiresIn: typeof lifetime === 'number' && Number.isFinite(lifetime) ? lifetime : undefined,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
