/**
 * The responses to sign-ins that end without tokens: `statusCode`, `apiCode` and English text. The values are from
 * GenAuth's own table unless a comment names another source.
 */
export const ANSWERS = {
  identifierMissing: {
    statusCode: 400,
    message:
      'Parameter passwordPayload must include account, email, username or phone when authenticationType is PASSWORD.',
  },
  clientAuthenticationFailed: { statusCode: 401, message: 'client authentication failed' },
  accountOrPasswordWrong: {
    statusCode: 403,
    apiCode: 2333,
    message: 'Account not exists or password is incorrect.',
  },
  captchaRequired: {
    statusCode: 403,
    apiCode: 2000,
    message: 'Please enter captcha code for this login request.',
  },
  decryptionFailed: {
    statusCode: 499,
    apiCode: 2016,
    message: 'Decrypt password failed, please check your encryption configuration.',
  },
  appNotFound: { statusCode: 499, apiCode: 2011, message: 'Application not exists.' },
  // The following texts are the emulator's own. GenAuth's table has no text for these codes.
  captchaWrong: { statusCode: 403, apiCode: 2001, message: 'Captcha code is incorrect or expired.' },
  accountLocked: { statusCode: 403, apiCode: 2005, message: 'Account is locked.' },
  userExists: { statusCode: 409, apiCode: 2026, message: 'User already exists.' },
  userDisabled: { statusCode: 403, apiCode: 2120008, message: 'User is disabled.' },
  notInTenant: { statusCode: 403, apiCode: 2120008, message: 'User is not a member of this tenant.' },
  tenantRefused: { statusCode: 403, apiCode: 2130010, message: 'No permission to sign in to this tenant.' },
  firstLogin: { statusCode: 301, apiCode: 1639, message: 'First login: a new password must be set.' },
  passwordExpired: { statusCode: 301, apiCode: 2058, message: 'Password must be changed.' },
  personalMfa: { statusCode: 301, apiCode: 1635, message: "The user's own second factor is required." },
  appMfa: { statusCode: 301, apiCode: 1636, message: 'A second factor is required.' },
  profileRequired: { statusCode: 301, apiCode: 1642, message: 'The profile must be completed.' },
  bindingRequired: { statusCode: 301, apiCode: 1640, message: 'An e-mail address must be bound to the account.' },
  closedToPages: { statusCode: 403, message: 'Web pages of other origins may not sign in while the option ad is set.' },
  directoryTimeout: { statusCode: 408, message: 'The function ad did not answer within 5 seconds.' },
  directoryThrew: {
    statusCode: 602,
    message: 'The function ad threw an error. Log the error inside the function: it is not shown here.',
  },
  directoryAnswerWrong: {
    statusCode: 602,
    message: 'The function ad must return undefined, { claims } or { statusCode, … }.',
  },
} as const satisfies Record<string, { statusCode: number; apiCode?: number; message: string }>;
