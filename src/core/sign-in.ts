import { parseIpAddress } from './client-ip.js';
import { ConfigurationError, RequestError, UpstreamError, quote } from './errors.js';
import type { HttpAnswer, HttpRequest } from './http.js';
import type { ResolvedOptions } from './options.js';
import { ownProperties } from './own-properties.js';
import type { GenAuthUser } from './scopes.js';
import type { IdTokenClaims } from './token-verifier.js';
import {
  type Envelope,
  HEADERS,
  PATHS,
  type UnverifiedTokens,
  type WireSignInOptions,
  type WireSignInRequest,
  parseEnvelope,
  parseTokens,
} from './wire.js';

const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_IDENTIFIER_LENGTH = 256;
const MAX_PASSWORD_LENGTH = 1024;

/** Account (user name, e-mail or phone number) and password. */
export interface PasswordCredentials {
  account: string;
  password: string;
}

/** The name that a person has in the company's Active Directory, and the password there. */
export interface AdCredentials {
  sAMAccountName: string;
  password: string;
}

export type Credentials = PasswordCredentials | AdCredentials;

/** What accompanies a sign-in (GenAuth: sign-in page, SignInOptionsDto). All of it comes from the server's own side. */
export interface SignInOptions {
  /** The person's IP address; any other text is refused. */
  clientIp?: string | undefined;
  /** Reaches the Pipeline functions of the tenant; an object, or a text that is passed on as it is. */
  context?: Record<string, unknown> | string | undefined;
  /** Sign in to this tenant. */
  tenantId?: string | undefined;
  /** Values for custom fields that are defined in the console. */
  customData?: Record<string, unknown> | undefined;
}

/** The tokens of a verified sign-in. Keep them from logs and from `req.user`. */
export interface TokenSet {
  /** Sent as `Authorization: Bearer …` to guarded routes. */
  accessToken: string;
  idToken: string;
  /** With scope `offline_access`, if the application allows it. */
  refreshToken: string | undefined;
  /** When the access token ends. */
  expiresAt: Date;
  /** What was granted; may be more than was asked for. */
  scope: readonly string[];
}

/** What every answer of GenAuth carries; for the operator's log, not for the person. */
export interface SignInAnswer {
  statusCode: number;
  /** GenAuth's own code for the cause, where it gave one. */
  apiCode: number | undefined;
  /** GenAuth's ID for this request: quote it to their support. */
  requestId: string | undefined;
  /** GenAuth's text, in a language of its choosing. */
  message: string;
}

export interface SignInSuccess<User = GenAuthUser> extends SignInAnswer {
  kind: 'success';
  user: User;
  tokens: TokenSet;
  /** All claims of the verified id_token, also those that were not asked for. */
  claims: IdTokenClaims;
}

/** A sign-in that GenAuth understood and did not complete: the person must do something, or may not come in. */
export type SignInRejection = SignInAnswer &
  (
    | {
        /** Unknown account or wrong password; nobody outside learns which. */
        kind: 'invalid_credentials';
        remainingAttempts: number | undefined;
      }
    | { kind: 'captcha_required' }
    | {
        kind: 'mfa_required';
        /** Bearer token for GenAuth's MFA calls. */
        mfaToken: string | undefined;
      }
    | { kind: 'password_change_required' }
    | { kind: 'identity_binding_required' }
    | { kind: 'profile_completion_required' }
    | { kind: 'account_locked' }
    | { kind: 'access_denied' }
    | {
        kind: 'rate_limited';
        /** Seconds, where GenAuth said so. */
        retryAfter: number | undefined;
      }
    /** Anything else that is not success, unknown codes among them. */
    | { kind: 'rejected' }
  );

/** Every way a sign-in can go, told apart by `kind`. Faults of GenAuth, the network or the configuration are thrown instead. */
export type SignInOutcome<S extends string = string> = SignInSuccess<GenAuthUser<S>> | SignInRejection;

/**
 * GenAuth's codes for the cause (error page; codes seen in its own front end), as the kind of step that they ask for. Several
 * names for one thing, such as 2333, 2004 and 2006, are one kind.
 */
const KINDS: Readonly<Record<number, SignInRejection['kind']>> = {
  1001: 'access_denied',
  1002: 'rate_limited',
  1108: 'profile_completion_required',
  1576: 'access_denied',
  1577: 'access_denied',
  1578: 'access_denied',
  1635: 'mfa_required',
  1636: 'mfa_required',
  1639: 'password_change_required',
  1640: 'identity_binding_required',
  1641: 'identity_binding_required',
  1642: 'profile_completion_required',
  1643: 'account_locked',
  1645: 'profile_completion_required',
  1666: 'identity_binding_required',
  2000: 'captcha_required',
  2001: 'captcha_required',
  2004: 'invalid_credentials',
  2005: 'account_locked',
  2006: 'invalid_credentials',
  2027: 'invalid_credentials',
  2031: 'access_denied',
  2042: 'access_denied',
  2057: 'account_locked',
  2058: 'password_change_required',
  2061: 'password_change_required',
  2071: 'password_change_required',
  2100: 'rate_limited',
  2333: 'invalid_credentials',
  2120008: 'access_denied',
  2130010: 'access_denied',
};

/** The later ones count, where they say something: `undefined` takes nothing away. */
export function mergeSignInOptions(...layers: SignInOptions[]): SignInOptions {
  const said = layers.flatMap((layer) => Object.entries(layer)).filter(([, value]) => value !== undefined);
  // Not by assignment: a name may be `__proto__`, and is then to be found wrong.
  return Object.fromEntries(said);
}

/** What is wrong with sign-in options, one text for each mistake; the names are those of the options. */
export function findSignInOptionsMistakes(options: SignInOptions): string[] {
  const mistakes: string[] = [];
  const object = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && isJson(value);
  const checks: Record<keyof SignInOptions, [(value: unknown) => boolean, string]> = {
    clientIp: [(value) => parseIpAddress(value) !== undefined, 'write an IP address, "203.0.113.7"'],
    context: [
      (value) => typeof value === 'string' || object(value),
      'write an object that JSON can hold, { source: "utm" }',
    ],
    tenantId: [(value) => typeof value === 'string' && value !== '', 'write the tenant ID as a text'],
    customData: [object, 'write an object that JSON can hold, { school: "pku" }'],
  };
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name as keyof SignInOptions] : undefined;
    if (check === undefined)
      mistakes.push(`${name} is not a sign-in option: there are ${Object.keys(checks).join(', ')}.`);
    else if (value !== undefined && !check[0](value)) mistakes.push(`${name} is ${quote(value)}: ${check[1]}.`);
  }
  return mistakes;
}

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value)?.startsWith('{') === true;
  } catch {
    return false;
  }
}

function checkText(name: string, value: unknown, maxLength: number): void {
  if (typeof value === 'string' && value !== '' && value.length <= maxLength) return;
  // The value stays out of the message: it may be a password in the wrong field.
  throw new RequestError(`"${name}" must be a text of 1 to ${maxLength} characters.`);
}

/**
 * The request of a sign-in: configuration, the two texts of the person, and what the server's side adds. Texts are neither
 * trimmed nor normalised: a password may begin with a space.
 *
 * @throws RequestError for credentials that no account can have; they are not sent.
 * @throws ConfigurationError `invalid_sign_in_options`.
 */
export function buildSignInRequest(
  options: ResolvedOptions,
  credentials: Credentials,
  signInOptions: SignInOptions,
): HttpRequest {
  const mistakes = findSignInOptionsMistakes(signInOptions);
  if (mistakes.length > 0) {
    throw new ConfigurationError('invalid_sign_in_options', `The sign-in options are wrong: ${mistakes.join(' ')}`);
  }
  const { appId, appSecret = '', tokenEndpointAuthMethod } = options;
  const { clientIp: address, context, tenantId, customData } = ownProperties(signInOptions);
  const clientIp = parseIpAddress(address);
  const wireOptions: WireSignInOptions = {
    scope: options.scope.join(' '),
    ...(clientIp === undefined ? {} : { clientIp }),
    ...(context === undefined ? {} : { context }),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(customData === undefined ? {} : { customData }),
  };
  const body: WireSignInRequest = {
    ...buildPayload(credentials),
    options: wireOptions,
    ...(tokenEndpointAuthMethod === 'client_secret_post' ? { client_id: appId, client_secret: appSecret } : {}),
  };
  return {
    method: 'POST',
    path: PATHS.signIn,
    headers: {
      [HEADERS.appId]: appId,
      [HEADERS.appIdOfGenAuth]: appId,
      [HEADERS.requestFrom]: 'sdk',
      ...(tokenEndpointAuthMethod === 'client_secret_basic'
        ? { authorization: `Basic ${Buffer.from(`${appId}:${appSecret}`).toString('base64')}` }
        : {}),
    },
    body,
    maxBytes: MAX_ANSWER_BYTES,
  };
}

function buildPayload(given: Credentials): Pick<WireSignInRequest, 'connection' | 'passwordPayload' | 'adPayload'> {
  if (typeof given !== 'object' || given === null) {
    throw new RequestError('The credentials are missing: pass { account, password } or { sAMAccountName, password }.');
  }
  const credentials = ownProperties(given);
  const { password } = credentials;
  if ('sAMAccountName' in credentials) {
    const { sAMAccountName } = credentials;
    checkText('sAMAccountName', sAMAccountName, MAX_IDENTIFIER_LENGTH);
    checkText('password', password, MAX_PASSWORD_LENGTH);
    return { connection: 'AD', adPayload: { sAMAccountName, password } };
  }
  const { account } = credentials;
  checkText('account', account, MAX_IDENTIFIER_LENGTH);
  checkText('password', password, MAX_PASSWORD_LENGTH);
  return { connection: 'PASSWORD', passwordPayload: { account, password } };
}

/** GenAuth's answer before anything in it is verified: the tokens, or the reason why there are none. */
export type ParsedSignIn = { envelope: Envelope; tokens: SignedInTokens } | SignInRejection;

/** Both tokens are there, and nobody has verified them. */
export type SignedInTokens = UnverifiedTokens & { idToken: string; accessToken: string };

/**
 * Reads the answer: by the body first, since its HTTP status is 200 for nearly everything, then by the HTTP status.
 *
 * @throws UpstreamError where GenAuth is down or answers what cannot be used.
 * @throws ConfigurationError where it refuses the application itself.
 */
export function parseSignInResponse(answer: HttpAnswer): ParsedSignIn {
  const envelope = parseEnvelope(answer.body);
  if (envelope === undefined) return parseForeignAnswer(answer);
  if (envelope.statusCode === 200) {
    const { idToken, accessToken, ...rest } = parseTokens(envelope.data);
    if (idToken !== undefined && accessToken !== undefined) {
      return { envelope, tokens: { ...rest, idToken, accessToken } };
    }
    throw new UpstreamError(
      'upstream_invalid_response',
      `GenAuth answered a sign-in with success and without ${idToken === undefined ? 'an id_token' : 'an access_token'} ` +
        `(request ${quote(envelope.requestId ?? 'without ID')}).`,
    );
  }
  return toRejection(envelope, answer.retryAfter);
}

/** An answer without GenAuth's envelope comes from something in between. */
function parseForeignAnswer({ status, retryAfter }: HttpAnswer): SignInRejection {
  if (status === 429) {
    return { kind: 'rate_limited', statusCode: 429, apiCode: undefined, requestId: undefined, message: '', retryAfter };
  }
  if (status >= 500) {
    throw new UpstreamError('upstream_unavailable', `GenAuth's gateway answered HTTP ${status}.`, { retryAfter });
  }
  throw new UpstreamError(
    'upstream_invalid_response',
    `The sign-in was answered with HTTP ${status} and without GenAuth's JSON: is appHost the application's address?`,
  );
}

function toRejection(envelope: Envelope, retryAfter: number | undefined): SignInRejection {
  const { statusCode, apiCode, message, requestId, data } = envelope;
  const answer = { statusCode, apiCode, message, requestId };
  const said = `${statusCode}${apiCode === undefined ? '' : `/${apiCode}`} ${quote(message)}, request ${quote(requestId ?? 'without ID')}`;
  const kind = apiCode === undefined ? undefined : KINDS[apiCode];
  if (kind === undefined) {
    if (apiCode === 2011 || apiCode === 2224) {
      throw new ConfigurationError(
        'app_not_found',
        `GenAuth does not know this application (${said}): check appId and appHost against the console.`,
      );
    }
    if (statusCode === 401 && apiCode === undefined) {
      throw new ConfigurationError(
        'client_authentication_failed',
        `GenAuth refused the application's own credentials (${said}): check appSecret, and tokenEndpointAuthMethod against ` +
          'the console, application → configuration → token-exchange authentication method.',
      );
    }
    if (statusCode >= 500 || apiCode === 1000) {
      throw new UpstreamError('upstream_unavailable', `GenAuth cannot sign anybody in now (${said}).`, { retryAfter });
    }
  }
  switch (kind ?? (statusCode === 429 ? 'rate_limited' : 'rejected')) {
    case 'invalid_credentials': {
      const remaining = data['remainCount'];
      return {
        ...answer,
        kind: 'invalid_credentials',
        remainingAttempts: typeof remaining === 'number' ? remaining : undefined,
      };
    }
    case 'mfa_required': {
      const token = data['mfaToken'];
      return { ...answer, kind: 'mfa_required', mfaToken: typeof token === 'string' ? token : undefined };
    }
    case 'rate_limited':
      return { ...answer, kind: 'rate_limited', retryAfter };
    default:
      return { ...answer, kind: (kind ?? 'rejected') as 'rejected' };
  }
}
