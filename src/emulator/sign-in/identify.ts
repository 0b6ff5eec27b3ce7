import type { WireSignInOptions } from '../../core/wire/facts.js';
import { decodeBase64 } from '../encryption/text.js';
import { EmulatorError } from '../errors.js';
import { ANSWERS } from './answers.js';
import { askDirectory } from './ask-directory.js';
import { malformed, Refusal } from './refusal.js';
import type { SignInRequest } from './request.js';
import type { EmulatorState } from '../state/state.js';
import { isIdentifier } from '../users/accounts.js';
import { isPassword } from '../users/passwords.js';
import type { Account } from '../users/user-store.js';

/**
 * Finds the user of a sign-in and checks the password. A queued sign-in answer replaces the result.
 *
 * If a password cannot be decrypted, the response (`statusCode` 499, `apiCode` 2016) differs from the response to a
 * wrong password. GenAuth's responses differ in the same way. With RSA this difference makes Bleichenbacher's attack
 * possible. The emulator's keys protect no real secret, so the attack does no harm.
 *
 * @throws Refusal if the user is unknown or locked, the password is wrong, or a queued sign-in answer applies.
 */
export async function identify(state: EmulatorState, signInRequest: SignInRequest): Promise<Account> {
  const { protection, users } = state;
  const { connection, identifier, name, options } = signInRequest;
  const answer = state.takeSignInAnswer(connection, name);
  if (answer) throw new Refusal('answered', answer);
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
  if (!found) throw wrongCredentials(state, key, name);
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

function wrongCredentials({ protection }: EmulatorState, key: string, name: string): Refusal {
  const remainCount = protection.recordFailure(key, name);
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
