/** The entry point of the GenAuth emulator, for tests and development. Do not use the emulator in production. */
export { type EmulatorClientOptions, GenAuthEmulator } from './emulator.js';
export { EmulatorError, type EmulatorErrorCode } from './errors.js';
export { GenAuthEmulatorModule } from './genauth-emulator.module.js';
export type { EmulatorAdAnswer, EmulatorAdDirectory, EmulatorAdRefusal, EmulatorAdSuccess } from './users/ad-answer.js';
export type { EmulatorClaims } from './users/claims.js';
export type { EmulatorEndpoint, EmulatorFault } from './state/faults.js';
export type { EmulatorCaptcha } from './state/captchas.js';
export type {
  EmulatorFailedSignIns,
  EmulatorLoginProtection,
  EmulatorLoginProtectionState,
} from './state/login-protection.js';
export type { EmulatorIssuedToken, EmulatorTokenRequest, EmulatorTokens } from './control/token-control.js';
export type { EmulatorSigningKey } from './tokens/signing-keys.js';
export type { TokenState } from './tokens/issued-tokens.js';
export { DEFAULT_APP_ID, DEFAULT_APP_SECRET, type GenAuthEmulatorOptions } from './options.js';
export type { EmulatorTotp } from './hosted/totp.js';
export type { SentCode } from './state/interaction.js';
export type { EmulatorSignInAnswer } from './state/queued-answers.js';
export type { RecordedOutcome, SignInRecord } from './state/journal.js';
export type { EmulatorUserStates } from './users/user-states.js';
export { readUsersFile, type UsersFile } from './users/users-file.js';
export { type EmulatorQueuedFlaw, ID_TOKEN_FLAWS, type IdTokenFlaw } from './tokens/id-token-flaws.js';
export { DEFAULT_AD_ACCOUNTS, DEFAULT_USERS } from './users/default-users.js';
export type { EmulatorAdAccount, EmulatorUser, EmulatorUserList } from './users/user-store.js';
