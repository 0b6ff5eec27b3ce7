import type { SignInRecord } from 'passport-genauth/emulator';
import { type Settings, getEmulatorPage, listTestUsers } from './settings.js';

/**
 * Returns what the page shows about the emulator: its page, its users, and its protection of logins. With a tenant
 * `emulator` is `null`, so that the page names no users.
 */
export function describeSettings({ emulator }: Pick<Settings, 'emulator'>): object {
  if (emulator === undefined) return { emulator: null };
  const { captchaAfter = null, lockAfter = null } = emulator.loginProtection;
  return { emulator: { page: getEmulatorPage(emulator), users: listTestUsers(emulator), captchaAfter, lockAfter } };
}

/**
 * Returns the last sign-in that the emulator received, or `undefined`. With a tenant, the audit log of GenAuth's
 * console shows it.
 */
export function findLastSignIn({ emulator }: Pick<Settings, 'emulator'>): SignInRecord | undefined {
  return emulator?.signIns.at(-1);
}

/** The message of the response if there is no such sign-in. */
export const NO_SIGN_IN = 'No sign-in has reached an emulator in this process.';
