/**
 * GenAuth's wire as its own documents and SDKs show it: paths, header names, bodies and codes, and the two ways between its
 * words and ours.
 *
 * The one module that the client shares with whatever plays GenAuth in a test. What both use are facts and types; the functions
 * that write and read bodies are the client's alone, so that no mistake in them can hide on both sides.
 */

import { isRecord } from './record.js';

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

/** How the application proves who it is (console: application → configuration → token-exchange authentication method). */
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

/** Who wants to sign in and how, in words of our own. */
export interface SignInBodyParts {
  connection: 'PASSWORD' | 'AD';
  identifier: 'account' | 'email' | 'username' | 'phone' | 'sAMAccountName';
  /** What the person is called by. */
  name: string;
  password: string;
  options: WireSignInOptions;
  /** With `client_secret_post` only. */
  client: { id: string; secret: string } | undefined;
}

/** Writes the body of a sign-in. */
export function buildSignInBody(parts: SignInBodyParts): WireSignInRequest {
  const { connection, identifier, name, password, options, client } = parts;
  return {
    connection,
    ...(identifier === 'sAMAccountName'
      ? { adPayload: { sAMAccountName: name, password } }
      : { passwordPayload: { [identifier]: name, password } }),
    options,
    ...(client === undefined ? {} : { client_id: client.id, client_secret: client.secret }),
  };
}

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
  if (!isRecord(body) || typeof body['statusCode'] !== 'number') return undefined;
  const code = body['apiCode'] ?? body['code'];
  const apiCode = typeof code === 'string' && /^\d+$/.test(code) ? Number(code) : code;
  return {
    statusCode: body['statusCode'],
    apiCode: typeof apiCode === 'number' && Number.isInteger(apiCode) ? apiCode : undefined,
    message: typeof body['message'] === 'string' ? body['message'] : '',
    requestId: toRequestId(body['requestId']),
    data: isRecord(body['data']) ? body['data'] : {},
  };
}

/** It goes into answers to the person: what is no ID is not repeated. */
function toRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined;
}

/** Reads `GET /api/v3/system`, with or without an envelope: the public keys as they stand, none of them checked. */
export function parseSystemKeys(body: unknown): Partial<Record<'rsa' | 'sm2', string>> {
  if (!isRecord(body)) return {};
  const system = isRecord(body['rsa']) || isRecord(body['sm2']) ? body : body['data'];
  const keys: Partial<Record<'rsa' | 'sm2', string>> = {};
  for (const type of ['rsa', 'sm2'] as const) {
    const entry = isRecord(system) ? system[type] : undefined;
    const key = isRecord(entry) ? entry['publicKey'] : undefined;
    if (typeof key === 'string') keys[type] = key;
  }
  return keys;
}

/** Reads `GET /api/v3/get-captcha-code`; `undefined` for an answer without picture and token. */
export function parseCaptcha(body: unknown): { svg: string; token: string } | undefined {
  const { captchaCodeSvg: svg, captchaToken: token } = parseEnvelope(body)?.data ?? {};
  return typeof svg === 'string' && typeof token === 'string' ? { svg, token } : undefined;
}

/** What GenAuth adds to a sign-in that is not complete; which of it is there depends on the code. */
export interface RejectionData {
  /** With a wrong password, where a limit is on. */
  remainingAttempts: number | undefined;
  mfaToken: string | undefined;
  applicationMfa: { mfaPolicy: string; status: number; sort: number }[];
  /** With a step that another call of GenAuth does. */
  flowToken: string | undefined;
}

/** Reads `data` of a sign-in that is not complete. */
export function parseRejectionData(data: Readonly<Record<string, unknown>>): RejectionData {
  const { remainCount, mfaToken, applicationMfa, token } = data;
  const factors: unknown[] = Array.isArray(applicationMfa) ? applicationMfa : [];
  return {
    remainingAttempts: toNumber(remainCount),
    mfaToken: toText(mfaToken),
    applicationMfa: factors.filter(isRecord).flatMap(({ mfaPolicy, status, sort }) => {
      return typeof mfaPolicy === 'string'
        ? [{ mfaPolicy, status: toNumber(status) ?? 0, sort: toNumber(sort) ?? 0 }]
        : [];
    }),
    flowToken: toText(token),
  };
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function toNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
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
  return {
    accessToken: toText(data['access_token']),
    idToken: toText(data['id_token']),
    refreshToken: toText(data['refresh_token']),
    scope: toText(data['scope']),
    expiresIn: toNumber(data['expires_in'] ?? data['expire_in']),
  };
}

/** What `POST /oidc/token` and its neighbours say of a refusal (RFC 6749 §5.2): the code, or `undefined` where there is none. */
export function parseOidcError(body: unknown): string | undefined {
  return isRecord(body) ? toText(body['error']) : undefined;
}

/** What GenAuth says of a token (RFC 7662 §2.2). */
export interface Introspection {
  active: boolean;
  sub: string | undefined;
  /** The application that the token was issued to. */
  clientId: string | undefined;
  /** Between spaces in GenAuth's samples, between commas in its tables. */
  scope: readonly string[];
  /** Seconds since 1970; a number in samples, a text in one table. */
  exp: number | undefined;
}

/** Reads an introspection; `undefined` for an answer that does not say whether the token is active. */
export function parseIntrospection(body: unknown): Introspection | undefined {
  if (!isRecord(body) || typeof body['active'] !== 'boolean') return undefined;
  const { active, sub, client_id: clientId, scope, exp } = body;
  return {
    active,
    sub: toText(sub),
    clientId: toText(clientId),
    scope: (toText(scope) ?? '').split(/[ ,]+/).filter((name) => name !== ''),
    exp: typeof exp === 'string' && /^\d{1,12}$/.test(exp) ? Number(exp) : toNumber(exp),
  };
}
