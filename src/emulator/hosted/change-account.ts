import { EmulatorError } from '../errors.js';
import type { Parameters } from '../oidc/parameters.js';
import type { EmulatorState } from '../state/state.js';
import { isPassword } from '../users/passwords.js';
import type { Account } from '../users/user-store.js';
import type { Notice } from './notice.js';

const MIN_PASSWORD_LENGTH = 6;

/**
 * Sets the new password of a user. The form repeats the new password.
 *
 * @returns The text of the refusal, or `undefined` if the password was changed.
 */
export async function changePassword(
  state: EmulatorState,
  account: Account,
  form: Parameters,
): Promise<Notice | undefined> {
  const password = form.get('new_password') ?? '';
  if (!account.password) return { text: 'The directory has the password of this account. Change it there.' };
  if (password.length < MIN_PASSWORD_LENGTH) {
    return { text: `The new password must have at least ${MIN_PASSWORD_LENGTH} characters.` };
  }
  if (password !== form.get('new_password_repeat')) return { text: 'The two new passwords differ.' };
  if (await isPassword(password, account.password)) {
    return { text: 'The new password must differ from the old password.' };
  }
  return change(state, account, { password, mustChangePassword: false });
}

/** Stores the name of a user. Returns the text of the refusal, or `undefined` if the name was stored. */
export function completeProfile(state: EmulatorState, account: Account, form: Parameters): Notice | undefined {
  const name = form.get('name')?.trim();
  if (!name) return { text: 'Enter a name.' };
  return change(state, account, { name, profileRequired: false });
}

/** Stores the e-mail address of a user. Returns the text of the refusal, or `undefined` if the address was stored. */
export function bindEmail(state: EmulatorState, account: Account, form: Parameters): Notice | undefined {
  return change(state, account, { email: form.get('email')?.trim() ?? '', bindingRequired: false });
}

function change({ users }: EmulatorState, account: Account, changes: object): Notice | undefined {
  try {
    users.update(account, changes);
    return undefined;
  } catch (error) {
    // The message of an `EmulatorError` does not contain a password.
    if (error instanceof EmulatorError) return { text: error.message };
    throw error;
  }
}
