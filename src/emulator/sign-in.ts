import { SIGN_IN_ERRORS, type WireEnvelope } from '../core/wire.js';
import { isObject } from './check.js';
import { grantScopes } from './claims.js';
import { authenticateClient } from './client-authentication.js';
import { type EmulatorRequest, type EmulatorResponse, envelope, notImplemented } from './operation.js';
import { isPassword } from './passwords.js';
import type { EmulatorState, RecordedOutcome, SignInRecord } from './state.js';
import { type Grant, issueTokens } from './tokens.js';
import { type Account, IDENTIFIERS } from './users.js';

/** GenAuth's default, seen in its answers. */
const DEFAULT_SCOPE = 'openid profile tenant_id';

/** 499 / 2016: what GenAuth answers when it cannot read an encrypted password. */
const DECRYPTION_FAILED = {
  statusCode: 499,
  apiCode: 2016,
  message: 'Decrypt password failed, please check your encryption configuration.',
};

/** The reason why a sign-in ends without tokens. */
class Refusal extends Error {
  constructor(
    readonly outcome: Exclude<RecordedOutcome, 'success' | 'fault'>,
    readonly answer: WireEnvelope<never>,
  ) {
    super(outcome);
  }
}

/**
 * `POST /api/v3/signin` for the connections PASSWORD and AD (GenAuth docs: Login with Account Password, Login with AD
 * Account). Three deliberate differences: a tenant is taken as it is named, without asking for membership;
 * `autoRegister` is recorded and registers nobody; a body that GenAuth might read leniently is refused.
 */
export async function signIn(state: EmulatorState, request: EmulatorRequest): Promise<EmulatorResponse> {
  try {
    const tokens = await issueTokens(state, await authenticate(state, request));
    state.recordSignIn(describeSignIn(request, 'success'));
    return envelope(request, { statusCode: 200, message: '', data: tokens });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    state.recordSignIn(describeSignIn(request, error.outcome));
    return envelope(request, error.answer);
  }
}

/** A sign-in for the journal. It reads any body, however broken, and takes nothing from it that could be a password. */
export function describeSignIn({ body, requestId }: EmulatorRequest, outcome: RecordedOutcome): SignInRecord {
  const signInBody = isObject(body) ? body : {};
  const connection = signInBody['connection'];
  const payload = signInBody[connection === 'AD' ? 'adPayload' : 'passwordPayload'];
  const names = connection === 'AD' ? ['sAMAccountName'] : IDENTIFIERS;
  const identifiers = isObject(payload) ? names.map((name) => payload[name]) : [];
  const options = signInBody['options'];
  const sent = isObject(options) ? options : {};
  return {
    connection: stringOrNull(connection),
    account: stringOrNull(identifiers.find((identifier) => typeof identifier === 'string')),
    clientIp: stringOrNull(sent['clientIp']),
    context: sent['context'] ?? null,
    options: sent,
    requestId,
    outcome,
  };
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** From the outside in: the body's form, the app, what it asks for, and only then the person. */
async function authenticate(state: EmulatorState, request: EmulatorRequest): Promise<Grant> {
  const { body } = request;
  if (!isObject(body)) throw malformed('The body must be a JSON object.');

  const client = authenticateClient(state.config, request, body);
  if (client === 'app_not_found') throw new Refusal(client, SIGN_IN_ERRORS.appNotFound);
  if (client !== 'ok') throw new Refusal(client, SIGN_IN_ERRORS.clientAuthenticationFailed);

  const options = readOptions(body['options']);
  const scopes = grantScopes(options.scope ?? DEFAULT_SCOPE);
  if (!scopes.includes('openid')) throw malformed('options.scope must contain openid.');
  // Not `null` and not another type: an unknown way of encryption must never be taken for clear text.
  if (options.passwordEncryptType !== undefined && options.passwordEncryptType !== 'none') {
    throw new Refusal('decryption_failed', DECRYPTION_FAILED);
  }

  const { account, password } = readCredentials(state, body);
  // The password first: an unknown user must cost the same time.
  if (!(await isPassword(password, account?.password)) || !account) {
    throw new Refusal('invalid_credentials', SIGN_IN_ERRORS.accountOrPasswordWrong);
  }
  return { account, scopes, tenantId: options.tenantId ?? '' };
}

function readCredentials(
  { users }: EmulatorState,
  body: Record<string, unknown>,
): { account: Account | undefined; password: string } {
  const connection = body['connection'];
  switch (connection) {
    case 'PASSWORD': {
      const payload = body['passwordPayload'];
      const named = isObject(payload) ? IDENTIFIERS.filter((identifier) => payload[identifier] !== undefined) : [];
      const [identifier] = named;
      if (!isObject(payload) || !identifier) throw new Refusal('invalid_request', SIGN_IN_ERRORS.identifierMissing);
      if (named.length > 1) throw malformed(`passwordPayload must include only one of ${named.join(', ')}.`);
      const name = readString(payload, identifier, 'passwordPayload');
      return {
        account: users.findUser(identifier, name),
        password: readString(payload, 'password', 'passwordPayload'),
      };
    }
    case 'AD': {
      const payload = body['adPayload'];
      if (!isObject(payload)) throw malformed('adPayload must be an object.');
      const name = readString(payload, 'sAMAccountName', 'adPayload');
      return { account: users.findAdAccount(name), password: readString(payload, 'password', 'adPayload') };
    }
    case 'LDAP':
    case 'PASSCODE':
      throw new Refusal('not_implemented', notImplemented(`the connection ${connection}`));
    default:
      throw malformed('connection must be PASSWORD, PASSCODE, LDAP or AD.');
  }
}

/** `options` with its members checked; `captchaCode` and the rest of SignInOptionsDto are let through unread. */
function readOptions(value: unknown): { scope?: string; tenantId?: string; passwordEncryptType: unknown } {
  if (value !== undefined && !isObject(value)) throw malformed('options must be an object.');
  const options = value ?? {};
  const strings = ['scope', 'clientIp', 'tenantId'].filter((name) => options[name] !== undefined);
  const read = Object.fromEntries(strings.map((name) => [name, readString(options, name, 'options')]));
  const context = options['context'];
  if (context !== undefined && typeof context !== 'string' && !isObject(context)) {
    throw malformed('options.context must be an object or a string.');
  }
  const customData = options['customData'];
  if (customData !== undefined && !isObject(customData)) throw malformed('options.customData must be an object.');
  const autoRegister = options['autoRegister'];
  if (autoRegister !== undefined && typeof autoRegister !== 'boolean') {
    throw malformed('options.autoRegister must be a boolean.');
  }
  return { ...read, passwordEncryptType: options['passwordEncryptType'] };
}

function readString(container: Record<string, unknown>, name: string, path: string): string {
  const value = container[name];
  if (typeof value === 'string') return value;
  throw malformed(`${path}.${name} must be a string.`);
}

function malformed(message: string): Refusal {
  return new Refusal('invalid_request', { statusCode: 400, message });
}
