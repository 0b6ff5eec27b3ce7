/** What sign-in answers, by GenAuth's own table: the `statusCode`, the `apiCode` and the English text. */
export const SIGN_IN_ERRORS = {
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
  // In words of our own: GenAuth's table has none for these.
  captchaWrong: { statusCode: 403, apiCode: 2001, message: 'Captcha code is incorrect or expired.' },
  accountLocked: { statusCode: 403, apiCode: 2005, message: 'Account is locked.' },
  userExists: { statusCode: 409, apiCode: 2026, message: 'User already exists.' },
  userDisabled: { statusCode: 403, apiCode: 2120008, message: 'User is disabled.' },
  notInTenant: { statusCode: 403, apiCode: 2120008, message: 'User is not a member of this tenant.' },
  tenantRefused: { statusCode: 403, apiCode: 2130010, message: 'There is no right to sign in to this tenant.' },
  firstLogin: { statusCode: 301, apiCode: 1639, message: 'First login: a new password must be set.' },
  passwordExpired: { statusCode: 301, apiCode: 2058, message: 'Password must be changed.' },
  personalMfa: { statusCode: 301, apiCode: 1635, message: "The user's own second factor is required." },
  appMfa: { statusCode: 301, apiCode: 1636, message: 'A second factor is required.' },
  // A directory's own reasons, and its faults. GenAuth's table has the codes 422 / 2820002, 601 and 602; its front end shows 408.
  passwordTooOld: { statusCode: 301, apiCode: 2058, message: 'Password is too old and must be changed.' },
  accountExpired: { statusCode: 403, apiCode: 2120008, message: 'Account has expired.' },
  notAllowedNow: { statusCode: 403, apiCode: 2120008, message: 'User may not sign in at this time.' },
  notAllowedHere: { statusCode: 403, apiCode: 2120008, message: 'User may not sign in from this computer.' },
  closedToPages: { statusCode: 403, message: 'Sign-ins are closed to web pages while a real directory judges them.' },
  directoryMisconfigured: { statusCode: 422, apiCode: 2820002, message: 'The AD connection is configured wrongly' },
  directoryUnreachable: { statusCode: 601, message: 'The directory cannot be reached' },
  directoryTimeout: { statusCode: 408, message: 'The directory did not answer in time' },
  directoryFailed: { statusCode: 602, message: 'The directory answered an error' },
} as const satisfies Record<string, { statusCode: number; apiCode?: number; message: string }>;
