import { parseIpAddress } from './client-ip.js';
import { ConfigurationError, RequestError, quote } from './errors.js';
import type { HttpRequest } from './http.js';
import type { ResolvedOptions } from './options.js';
import { MAX_ANSWER_BYTES, buildBasicAuthorization } from './oidc-endpoints.js';
import { isRecord, ownProperties } from './record.js';
import { type GenAuthUser, isScopeName, parseScope } from './scopes.js';
import type { IdTokenClaims } from './token-verifier.js';
import {
  HEADERS,
  PASSWORD_ENCRYPT_TYPES,
  PATHS,
  type PasswordEncryptType,
  type WireSignInOptions,
  buildSignInBody,
} from './wire.js';

const MAX_IDENTIFIER_LENGTH = 256;
const MAX_PASSWORD_LENGTH = 1024;
/** Characters, of a captcha and of other texts that go along. */
export const MAX_CAPTCHA_LENGTH = 4096;

/** The four ways to name a person with a password; `account` is any of the others, GenAuth tries them. */
export const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;
export type Identifier = (typeof IDENTIFIERS)[number];

/** One identifier and the password. */
export type PasswordCredentials = {
  [Name in Identifier]: { [Member in Name]: string } & { [Other in Exclude<Identifier, Name>]?: never } & {
    password: string;
  };
}[Identifier];

/** The name that a person has in the company's Active Directory, and the password there. */
export interface AdCredentials {
  sAMAccountName: string;
  password: string;
}

export type Credentials = PasswordCredentials | AdCredentials;

/**
 * What accompanies a sign-in (GenAuth: sign-in page, SignInOptionsDto). All of it comes from the server's own side, except a
 * captcha.
 */
export interface SignInOptions<S extends string = string, CustomData extends object = object> {
  /** Instead of the configured scopes; the user of the outcome follows them. */
  scope?: S | readonly S[] | undefined;
  /** The person's IP address; any other text is refused. */
  clientIp?: string | undefined;
  /** Reaches the Pipeline functions of the tenant; an object, or a string that is passed on as it is. */
  context?: object | string | undefined;
  /** Sign in to this tenant. */
  tenantId?: string | undefined;
  /** Values for custom fields that are defined in the console. */
  customData?: CustomData | undefined;
  /** Creates the account if there is none: with `email`, `username` or `phone`, never with `account`. */
  autoRegister?: boolean | undefined;
  /** What the person read in the picture, after an outcome `captcha_required`. */
  captchaCode?: string | undefined;
  /** The token that came with the picture. */
  captchaToken?: string | undefined;
  /** Instead of the configured one. */
  passwordEncryptType?: PasswordEncryptType | undefined;
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

/** A factor that the person may use (GenAuth: MfaTriggerData). */
export interface ApplicationMfa {
  /** `SMS`, `EMAIL`, `OTP`, `FACE`, `PASSKEY`; others may come. */
  mfaPolicy: string;
  status: number;
  sort: number;
}

/** A sign-in that GenAuth understood and did not complete: the person must do something, or may not come in. */
export type SignInRejection = SignInAnswer &
  (
    | {
        /** Unknown account or wrong password; nobody outside learns which. */
        kind: 'invalid_credentials';
        /** Tries that are left before the account is locked, where GenAuth says so. */
        remainingAttempts: number | undefined;
      }
    /** Fetch a picture with `getCaptcha`, and sign in again with `captchaCode` and `captchaToken`. */
    | { kind: 'captcha_required' }
    | {
        kind: 'mfa_required';
        /** Bearer token for GenAuth's MFA calls. */
        mfaToken: string | undefined;
        applicationMfa: readonly ApplicationMfa[];
      }
    | {
        kind: 'password_change_required' | 'identity_binding_required' | 'profile_completion_required';
        /** Token for GenAuth's call that does it, where it gave one. */
        flowToken: string | undefined;
      }
    | { kind: 'account_locked' }
    | { kind: 'access_denied' }
    | {
        kind: 'rate_limited';
        /** Seconds, where GenAuth said so. */
        retryAfter: number | undefined;
      }
    | {
        /** Anything else that is not success, unknown codes among them. */
        kind: 'rejected';
        /** GenAuth wants one more step that has no kind here (`statusCode` 3xx); its own sign-in page offers it. */
        furtherStep: boolean;
      }
  );

/** Every way a sign-in can go, told apart by `kind`. Faults of GenAuth, the network or the configuration are thrown instead. */
export type SignInOutcome<S extends string = string, ExtendedFields extends object = Record<string, unknown>> =
  | SignInSuccess<GenAuthUser<S, ExtendedFields>>
  | SignInRejection;

/** The later ones count, where they say something: `undefined` takes nothing away. */
export function mergeSignInOptions(...layers: SignInOptions[]): SignInOptions {
  const said = layers.flatMap((layer) => Object.entries(layer)).filter(([, value]) => value !== undefined);
  // Not by assignment: a name may be `__proto__`, and is then to be found wrong.
  return Object.fromEntries(said);
}

const CHECKS: Readonly<Record<keyof SignInOptions, readonly [(value: unknown) => boolean, string]>> = {
  scope: [isScope, "write ['openid', 'email'], with 'openid' among them"],
  clientIp: [(value) => parseIpAddress(value) !== undefined, 'write an IP address, "203.0.113.7"'],
  context: [
    (value) => typeof value === 'string' || isJsonObject(value),
    'write an object that JSON can hold, { source: "utm" }',
  ],
  tenantId: [isText, 'write the tenant ID as a string'],
  customData: [isJsonObject, 'write an object that JSON can hold, { school: "pku" }'],
  autoRegister: [(value) => typeof value === 'boolean', 'write true or false'],
  captchaCode: [isText, 'write the text of the picture'],
  captchaToken: [isText, 'write the token that came with the picture'],
  passwordEncryptType: [
    (value) => PASSWORD_ENCRYPT_TYPES.some((type) => type === value),
    `write one of ${PASSWORD_ENCRYPT_TYPES.join(', ')}`,
  ],
};

/** What is wrong with sign-in options, one line for each mistake; the names are those of the options. */
export function findSignInOptionsMistakes(options: SignInOptions): string[] {
  const mistakes: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof SignInOptions] : undefined;
    if (check === undefined) {
      mistakes.push(`${name} is not a sign-in option: there are ${Object.keys(CHECKS).join(', ')}.`);
    } else if (value !== undefined && !check[0](value)) mistakes.push(`${name} is ${quote(value)}: ${check[1]}.`);
  }
  return mistakes;
}

function isScope(value: unknown): boolean {
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (typeof value !== 'string' && !isTexts) return false;
  const scope = parseScope(value as string | string[]);
  return scope.includes('openid') && scope.every(isScopeName);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_CAPTCHA_LENGTH;
}

function isJsonObject(value: unknown): boolean {
  // A Map or a Date would arrive as something else than it is.
  if (!isRecord(value) || ![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null))
    return false;
  try {
    return JSON.stringify(value).startsWith('{');
  } catch {
    return false;
  }
}

/** Credentials in the form of the wire: which connection, what the person is called by, and the password. */
export interface ParsedCredentials {
  connection: 'PASSWORD' | 'AD';
  identifier: Identifier | 'sAMAccountName';
  name: string;
  password: string;
}

/**
 * Checks credentials. Texts are neither trimmed nor normalised: a password may begin with a space.
 *
 * @throws RequestError for credentials that no account can have; they are never sent.
 */
export function parseCredentials(given: Credentials): ParsedCredentials {
  const credentials: Partial<Record<string, unknown>> = ownProperties(isRecord(given) ? given : {});
  const named = ([...IDENTIFIERS, 'sAMAccountName'] as const).filter((name) => credentials[name] !== undefined);
  const [identifier] = named;
  if (identifier === undefined || named.length > 1) {
    const found = named.length === 0 ? 'none' : named.join(' and ');
    throw new RequestError(
      `One of ${IDENTIFIERS.join(', ')} and sAMAccountName is needed with the password, not ${found}.`,
    );
  }
  return {
    connection: identifier === 'sAMAccountName' ? 'AD' : 'PASSWORD',
    identifier,
    name: readText(identifier, credentials[identifier], MAX_IDENTIFIER_LENGTH),
    password: readText('password', credentials['password'], MAX_PASSWORD_LENGTH),
  };
}

function readText(name: string, value: unknown, maxLength: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= maxLength) return value;
  // The value stays out of the message: it may be a password in the wrong field.
  throw new RequestError(`"${name}" must be a string of 1 to ${maxLength} characters.`);
}

/** @throws ConfigurationError `invalid_sign_in_options`; RequestError for `account` with `autoRegister`, which GenAuth refuses. */
export function checkSignInOptions(options: SignInOptions, { identifier }: ParsedCredentials): void {
  const mistakes = findSignInOptionsMistakes(options);
  if (mistakes.length === 0 && ownProperties(options).autoRegister === true && identifier === 'account') {
    throw new RequestError('"account" cannot be registered: send "email", "username" or "phone" in its place.');
  }
  if (mistakes.length === 0) return;
  throw new ConfigurationError('invalid_sign_in_options', `The sign-in options are wrong: ${mistakes.join(' ')}`);
}

/** What goes into a sign-in beside the configuration: checked, and the password as it is to be sent. */
export interface SignInRequestParts {
  credentials: ParsedCredentials;
  options: SignInOptions;
  /** Encrypted, if `passwordEncryptType` says so. */
  password: string;
  passwordEncryptType: PasswordEncryptType;
  appSecret: string | undefined;
}

/** The request of a sign-in: configuration, what the person typed, and what the server's side adds. */
export function buildSignInRequest(configuration: ResolvedOptions, parts: SignInRequestParts): HttpRequest {
  const { appId, tokenEndpointAuthMethod } = configuration;
  const { credentials, password, passwordEncryptType, appSecret = '' } = parts;
  const { scope, clientIp, context, tenantId, customData, autoRegister, captchaCode, captchaToken } = ownProperties(
    parts.options,
  );
  const address = parseIpAddress(clientIp);
  const options: WireSignInOptions = {
    scope: (scope === undefined ? configuration.scope : parseScope(scope)).join(' '),
    ...(address === undefined ? {} : { clientIp: address }),
    ...(context === undefined ? {} : { context }),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(customData === undefined ? {} : { customData }),
    ...(autoRegister === undefined ? {} : { autoRegister }),
    ...(captchaCode === undefined ? {} : { captchaCode }),
    ...(captchaToken === undefined ? {} : { captchaToken }),
    ...(passwordEncryptType === 'none' ? {} : { passwordEncryptType }),
  };
  const body = buildSignInBody({
    ...credentials,
    password,
    options,
    client: tokenEndpointAuthMethod === 'client_secret_post' ? { id: appId, secret: appSecret } : undefined,
  });
  return {
    method: 'POST',
    path: PATHS.signIn,
    headers: {
      ...buildAppHeaders(appId),
      ...(tokenEndpointAuthMethod === 'client_secret_basic'
        ? { authorization: buildBasicAuthorization(appId, appSecret) }
        : {}),
    },
    body,
    maxBytes: MAX_ANSWER_BYTES,
  };
}

/** Which application calls. Newer tenants know the second name, all know the first. */
export function buildAppHeaders(appId: string): Record<string, string> {
  return { [HEADERS.appId]: appId, [HEADERS.appIdOfGenAuth]: appId, [HEADERS.requestFrom]: 'sdk' };
}
