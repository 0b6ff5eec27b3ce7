import { PASSWORD_ENCRYPT_TYPES, type WireSignInOptions } from '../../core/wire/facts.js';
import { ANSWERS } from './answers.js';
import { isObject } from '../input/readers.js';
import { grantScopes } from '../users/claims.js';
import { notImplemented } from '../http/operation.js';
import { malformed, Refusal } from './refusal.js';
import { type Identifier, IDENTIFIERS } from '../users/user-store.js';

/** The scopes of a sign-in without `options.scope`, as recorded from GenAuth's responses. */
export const DEFAULT_SCOPE = 'openid profile tenant_id';

/** The identifier and the password of a sign-in. */
interface Credentials {
  readonly connection: 'PASSWORD' | 'AD';
  /**
   * The kind of the identifier in `name`. For the connection `AD` it is `account`, and `name` is the sAMAccountName.
   */
  readonly identifier: Identifier;
  readonly name: string;
  /** The password as clear text or as ciphertext, depending on `options.passwordEncryptType`. */
  readonly password: string;
}

/** The checked request body of a sign-in. */
export interface SignInRequest extends Credentials {
  readonly scopes: readonly string[];
  readonly options: Readonly<WireSignInOptions>;
}

/**
 * Reads the request body of a sign-in (SigninByCredentialsDto) without its client credentials. A body that does not
 * match GenAuth's schema is refused. GenAuth itself may accept such a body.
 *
 * @throws Refusal if the request body is not a valid sign-in.
 */
export function readSignIn(body: Readonly<Record<string, unknown>>): SignInRequest {
  const options = readOptions(body['options']);
  const scopes = grantScopes(options.scope ?? DEFAULT_SCOPE);
  if (!scopes.includes('openid')) throw malformed('options.scope must contain openid.');
  const credentials = readCredentials(body);
  if (options.autoRegister === true && credentials.connection === 'PASSWORD' && credentials.identifier === 'account') {
    // For a new user, the kind of the identifier in `account` is not known (SignInOptionsDto).
    throw malformed('options.autoRegister needs email, username or phone in passwordPayload, not account.');
  }
  return { ...credentials, scopes, options };
}

function readCredentials(body: Readonly<Record<string, unknown>>): Credentials {
  const connection = body['connection'];
  switch (connection) {
    case 'PASSWORD': {
      const payload = body['passwordPayload'];
      const named = isObject(payload) ? IDENTIFIERS.filter((identifier) => payload[identifier] !== undefined) : [];
      const [identifier] = named;
      if (!isObject(payload) || !identifier) throw new Refusal('invalid_request', ANSWERS.identifierMissing);
      if (named.length > 1) throw malformed(`passwordPayload must include only one of ${named.join(', ')}.`);
      const name = readString(payload, identifier, 'passwordPayload');
      return { connection, identifier, name, password: readString(payload, 'password', 'passwordPayload') };
    }
    case 'AD': {
      const payload = body['adPayload'];
      if (!isObject(payload)) throw malformed('adPayload must be an object.');
      const name = readString(payload, 'sAMAccountName', 'adPayload');
      return { connection, identifier: 'account', name, password: readString(payload, 'password', 'adPayload') };
    }
    case 'LDAP':
    case 'PASSCODE':
      throw new Refusal('not_implemented', notImplemented(`the connection ${connection}`));
    default:
      throw malformed('connection must be PASSWORD, PASSCODE, LDAP or AD.');
  }
}

/** Reads `options` and checks the types of the properties of SignInOptionsDto. All other properties are not checked. */
function readOptions(value: unknown): WireSignInOptions {
  if (value !== undefined && !isObject(value)) throw malformed('options must be an object.');
  const options = value ?? {};
  for (const name of ['scope', 'clientIp', 'tenantId', 'captchaCode', 'captchaToken']) {
    if (options[name] !== undefined) readString(options, name, 'options');
  }
  const { context, customData, autoRegister, passwordEncryptType } = options;
  if (context !== undefined && typeof context !== 'string' && !isObject(context)) {
    throw malformed('options.context must be an object or a string.');
  }
  if (customData !== undefined && !isObject(customData)) throw malformed('options.customData must be an object.');
  if (autoRegister !== undefined && typeof autoRegister !== 'boolean') {
    throw malformed('options.autoRegister must be a boolean.');
  }
  // `null` is also refused, because an unknown encryption type must never be treated as clear text.
  if (passwordEncryptType !== undefined && !PASSWORD_ENCRYPT_TYPES.some((type) => type === passwordEncryptType)) {
    throw malformed(`options.passwordEncryptType must be one of ${PASSWORD_ENCRYPT_TYPES.join(', ')}.`);
  }
  return options;
}

function readString(container: Readonly<Record<string, unknown>>, name: string, path: string): string {
  const value = container[name];
  if (typeof value === 'string') return value;
  throw malformed(`${path}.${name} must be a string.`);
}
