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
 * Answers `POST /api/v3/signin` for the connections `PASSWORD` and `AD` (GenAuth docs: Login with Account Password,
 * Login with AD Account). The emulator intentionally differs from GenAuth in one point: a request body that does not
 * match GenAuth's schema is always refused.
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
 * Builds the journal record of a sign-in. The request body can have any form. The record contains no password: secrets
 * in `options` are masked.
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

/** Checks a sign-in in this order: type of the request body, client authentication, properties of the body, user. */
async function authenticate(state: EmulatorState, request: EmulatorRequest): Promise<Grant> {
  const { body } = request;
  const { ad, allowRemote } = state.config;
  // The default application secret is public, so a web page in the developer's browser could test passwords against the
  // directory. With `allowRemote` this check is not needed, because the emulator requires an application secret that is
  // not the default.
  if (ad && !allowRemote && isFromForeignPage(request.headers)) {
    throw new Refusal('client_authentication_failed', ANSWERS.closedToPages);
  }
  if (!isObject(body)) throw malformed('The body must be a JSON object.');

  const client = authenticateClient(state.config, request, body);
  if (client === 'app_not_found') throw new Refusal(client, ANSWERS.appNotFound);
  if (client !== 'ok') throw new Refusal(client, ANSWERS.clientAuthenticationFailed);

  const signInRequest = readSignIn(body);
  const answer = state.takeSignInAnswer(signInRequest.connection, signInRequest.name);
  if (answer) throw new Refusal('answered', answer);
  const tenantId = signInRequest.options.tenantId ?? '';
  const account = await identify(state, signInRequest);
  await checkAdmission(state, account, tenantId);
  return { account, scopes: signInRequest.scopes, tenantId, revoked: false };
}

/**
 * Finds the user of a sign-in and checks the password.
 *
 * If a password cannot be decrypted, the response (`statusCode` 499, `apiCode` 2016) differs from the response to a
 * wrong password. GenAuth's responses differ in the same way. With RSA this difference makes Bleichenbacher's attack
 * possible. The emulator's keys protect no real secret, so the attack does no harm.
 */
async function identify(state: EmulatorState, signInRequest: SignInRequest): Promise<Account> {
  const { protection, users } = state;
  const { connection, identifier, name, options } = signInRequest;
  const key = users.keyOf(connection, name);
  if (protection.requiresCaptcha(key) && !protection.isLocked(key)) redeemCaptcha(state, options);

  const clear = await decrypt(state, signInRequest);
  const known = connection === 'AD' ? users.findAdAccount(name) : users.findUser(identifier, name);
  const isLocked = () => protection.isLocked(key) || known?.states.lockout === true;
  const canCheck = clear !== undefined && !isLocked();
  const account = canCheck ? await checkPassword(state, signInRequest, clear, known) : undefined;

  // The lock is checked again after the password check. Without the second check, many simultaneous sign-ins could
  // guess passwords before the account is locked.
  if (isLocked()) throw new Refusal('account_locked', ANSWERS.accountLocked);
  // A password that cannot be decrypted does not count as a failed sign-in. The application used a key that is not the
  // emulator's current key.
  if (clear === undefined) throw new Refusal('decryption_failed', ANSWERS.decryptionFailed);
  const found = account ?? (known ? undefined : register(state, signInRequest, clear));
  if (!found) throw wrongCredentials(state, key);
  protection.forget(key);
  return found;
}

/**
 * Checks the password of a sign-in. For the connection `AD` the function of the option `ad` checks it, if the option is
 * set.
 *
 * @param known The account that the emulator has stored for this name, if any.
 * @returns The account if the password is right, otherwise `undefined`.
 */
async function checkPassword(
  state: EmulatorState,
  signInRequest: SignInRequest,
  clear: string,
  known: Account | undefined,
): Promise<Account | undefined> {
  const { ad } = state.config;
  if (signInRequest.connection === 'AD' && ad) {
    // A directory may treat an empty password as an anonymous bind, and an anonymous bind succeeds (RFC 4513 §5.1.2).
    if (clear === '' || !isIdentifier(signInRequest.name)) return undefined;
    // Only the clear text is checked, not its base64 decoding, because the directory counts each wrong password and
    // locks the account after too many.
    const claims = await askDirectory(ad, signInRequest.name, clear);
    return claims && state.users.admitFromDirectory(signInRequest.name, claims);
  }
  for (const password of readPasswords(clear, signInRequest.options)) {
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

/** Returns the clear text of the password, or `undefined` if the password cannot be decrypted. */
async function decrypt({ encryptionKeys }: EmulatorState, { password, options }: SignInRequest) {
  const type = options.passwordEncryptType ?? 'none';
  return type === 'none' ? password : (await encryptionKeys[type]).decrypt(password);
}

/**
 * Returns the passwords that a decrypted text can mean. With SM2, GenAuth's mobile SDKs encrypt the base64 text of the
 * password, so the base64-decoded text is a second possible password.
 */
function readPasswords(clear: string, { passwordEncryptType }: WireSignInOptions): string[] {
  return passwordEncryptType === 'sm2' ? [clear, decodeBase64(clear) ?? ''] : [clear];
}

/**
 * Creates a user who does not exist, if `autoRegister` is set. Never creates a user for the identifier `account` or for
 * the connection `AD`.
 */
function register({ users }: EmulatorState, signInRequest: SignInRequest, password: string): Account | undefined {
  const { identifier, name, options } = signInRequest;
  if (options.autoRegister !== true || identifier === 'account') return undefined;
  try {
    const account = users.register(identifier, name, password);
    if (!account) throw new Refusal('user_exists', ANSWERS.userExists);
    return account;
  } catch (error) {
    // The message of an `EmulatorError` describes the wrong identifier and does not contain the password.
    throw error instanceof EmulatorError ? malformed(error.message) : error;
  }
}
