import type { WireSignInOptions } from '../../core/wire/facts.js';
import { isObject } from '../input/readers.js';
import { authenticateClient } from '../oidc/client-authentication.js';
import { isFromForeignPage } from '../control/caller.js';
import { EmulatorError } from '../errors.js';
import type { Grant } from '../tokens/issued-tokens.js';
import { mask } from './masking.js';
import { checkAdmission } from './admission.js';
import { type EmulatorRequest, type EmulatorResponse, envelope } from '../http/operation.js';
import { isPassword } from '../users/passwords.js';
import { malformed, Refusal } from './refusal.js';
import { ANSWERS } from './answers.js';
import { askDirectory } from './ask-directory.js';
import { readSignIn, type SignInRequest } from './request.js';
import type { RecordedOutcome, SignInRecord } from '../state/journal.js';
import type { EmulatorState } from '../state/state.js';
import { decodeBase64 } from '../encryption/text.js';
import { issueTokens } from '../tokens/issue-tokens.js';
import { isIdentifier } from '../users/accounts.js';
import { type Account, IDENTIFIERS } from '../users/user-store.js';

/**
 * `POST /api/v3/signin` for the connections PASSWORD and AD (GenAuth docs: Login with Account Password, Login with AD
 * Account). A deliberate difference: a body that GenAuth might read leniently is refused.
 */
export async function signIn(state: EmulatorState, request: EmulatorRequest): Promise<EmulatorResponse> {
  try {
    const grant = await authenticate(state, request);
    const withRefreshToken = grant.scopes.includes('offline_access');
    const tokens = await issueTokens(state, grant, { scopes: grant.scopes, withRefreshToken });
    state.journal.add(describeSignIn(request, 'success'));
    return envelope(request, { statusCode: 200, message: '', data: tokens });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    state.journal.add(describeSignIn(request, error.outcome));
    return envelope(request, error.answer);
  }
}

/**
 * Describes a sign-in for the journal. Reads any body, however malformed, and takes no password from it. The members
 * that it takes as they were sent may hold a password, so they are masked.
 */
export function describeSignIn({ body, requestId }: EmulatorRequest, outcome: RecordedOutcome): SignInRecord {
  const signInBody = isObject(body) ? body : {};
  const connection = signInBody['connection'];
  const payload = signInBody[connection === 'AD' ? 'adPayload' : 'passwordPayload'];
  const names = connection === 'AD' ? ['sAMAccountName'] : IDENTIFIERS;
  const identifiers = isObject(payload) ? names.map((name) => payload[name]) : [];
  const options = signInBody['options'];
  const secrets = [signInBody, signInBody['passwordPayload'], signInBody['adPayload']].flatMap(listSecrets);
  const sent = mask(isObject(options) ? options : {}, secrets) as Record<string, unknown>;
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

function listSecrets(container: unknown): string[] {
  const { password, client_secret: secret } = isObject(container) ? container : {};
  return [password, secret].filter((value) => typeof value === 'string');
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Checks from the outside in: the form of the body, the app, the request, and only then the user. */
async function authenticate(state: EmulatorState, request: EmulatorRequest): Promise<Grant> {
  const { body } = request;
  const { ad, allowRemote } = state.config;
  // The default secret is public, so a web page could try passwords at the directory. With allowRemote, the secret is
  // not the default one.
  if (ad && !allowRemote && isFromForeignPage(request.headers)) {
    throw new Refusal('client_authentication_failed', ANSWERS.closedToPages);
  }
  if (!isObject(body)) throw malformed('The body must be a JSON object.');

  const client = authenticateClient(state.config, request, body);
  if (client === 'app_not_found') throw new Refusal(client, ANSWERS.appNotFound);
  if (client !== 'ok') throw new Refusal(client, ANSWERS.clientAuthenticationFailed);

  const wanted = readSignIn(body);
  const answer = state.takeSignInAnswer(wanted.connection, wanted.name);
  if (answer) throw new Refusal('answered', answer);
  const tenantId = wanted.options.tenantId ?? '';
  const account = await identify(state, wanted);
  await checkAdmission(state, account, tenantId);
  return { account, scopes: wanted.scopes, tenantId, revoked: false };
}

/**
 * Finds the user and checks the password.
 *
 * The answer tells a password that cannot be decrypted from a wrong one (499 / 2016), because GenAuth's does. With RSA
 * this is the oracle of Bleichenbacher's attack. The emulator's keys protect no secret.
 */
async function identify(state: EmulatorState, wanted: SignInRequest): Promise<Account> {
  const { protection, users } = state;
  const { connection, identifier, name, options } = wanted;
  const key = users.keyOf(connection, name);
  if (protection.wantsCaptcha(key) && !protection.isLocked(key)) redeemCaptcha(state, options);

  const clear = await decrypt(state, wanted);
  const known = connection === 'AD' ? users.findAdAccount(name) : users.findUser(identifier, name);
  const isLocked = () => protection.isLocked(key) || known?.states.lockout === true;
  const isAskable = clear !== undefined && !isLocked();
  const account = isAskable ? await checkPassword(state, wanted, clear, known) : undefined;

  // Checked after the password as well: otherwise simultaneous guesses would all be let through.
  if (isLocked()) throw new Refusal('account_locked', ANSWERS.accountLocked);
  // Not counted as a failure: the application encrypted with another key than the emulator's current one.
  if (clear === undefined) throw new Refusal('decryption_failed', ANSWERS.decryptionFailed);
  const found = account ?? (known ? undefined : register(state, wanted, clear));
  if (!found) throw wrongCredentials(state, key);
  protection.forget(key);
  return found;
}

/** Returns the account if the password is right. `known` is the account as the emulator has it. */
async function checkPassword(
  state: EmulatorState,
  wanted: SignInRequest,
  clear: string,
  known: Account | undefined,
): Promise<Account | undefined> {
  const { ad } = state.config;
  if (wanted.connection === 'AD' && ad) {
    // A directory may take an empty password for an anonymous bind, which succeeds (RFC 4513 §5.1.2).
    if (clear === '' || !isIdentifier(wanted.name)) return undefined;
    // Only the clear text, and no other reading of it: each call counts towards the directory's own lock-out.
    const claims = await askDirectory(ad, wanted.name, clear);
    return claims && state.users.admitFromDirectory(wanted.name, claims);
  }
  for (const password of readPasswords(clear, wanted.options)) {
    if (await isPassword(password, known?.password)) return known;
  }
  return undefined;
}

function wrongCredentials({ protection }: EmulatorState, key: string): Refusal {
  const remainCount = protection.recordFailure(key);
  return new Refusal('invalid_credentials', {
    ...ANSWERS.accountOrPasswordWrong,
    ...(remainCount !== undefined && { data: { remainCount } }),
  });
}

function redeemCaptcha({ captchas }: EmulatorState, { captchaCode, captchaToken }: WireSignInOptions): void {
  if (!captchaCode) throw new Refusal('captcha_required', ANSWERS.captchaRequired);
  if (!captchas.redeem(captchaToken ?? '', captchaCode)) throw new Refusal('captcha_wrong', ANSWERS.captchaWrong);
}

/** Returns `undefined` for a password that cannot be decrypted. */
async function decrypt({ encryptionKeys }: EmulatorState, { password, options }: SignInRequest) {
  const type = options.passwordEncryptType ?? 'none';
  return type === 'none' ? password : (await encryptionKeys[type]).decrypt(password);
}

/**
 * The passwords that a clear text may stand for: with SM2, GenAuth's mobile SDKs encrypt the base64 of the password.
 */
function readPasswords(clear: string, { passwordEncryptType }: WireSignInOptions): string[] {
  return passwordEncryptType === 'sm2' ? [clear, decodeBase64(clear) ?? ''] : [clear];
}

/** Creates a missing user when `autoRegister` is set. Never for the identifier `account`, nor for the connection AD. */
function register({ users }: EmulatorState, wanted: SignInRequest, password: string): Account | undefined {
  const { identifier, name, options } = wanted;
  if (options.autoRegister !== true || identifier === 'account') return undefined;
  try {
    const account = users.register(identifier, name, password);
    if (!account) throw new Refusal('user_exists', ANSWERS.userExists);
    return account;
  } catch (error) {
    // Its message names what is wrong with the identifier, and no password.
    throw error instanceof EmulatorError ? malformed(error.message) : error;
  }
}
