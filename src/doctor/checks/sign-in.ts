import {
  ConfigurationError,
  type ConfigurationErrorCode,
  RequestError,
  TokenVerificationError,
  UpstreamError,
} from '../../core/errors.js';
import type { Credentials } from '../../core/sign-in/credentials.js';
import type { SignInOutcome, SignInRejection } from '../../core/sign-in/outcome.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import { type Context, formatCodes } from '../context.js';
import { type Advice, type Observation, error, ok, skipped, warning } from '../report.js';

/** The two ways to sign in, with their names in the request to GenAuth. */
type Connection = 'PASSWORD' | 'AD';

export const checkLogin = (context: Context): Promise<Observation[]> =>
  checkSignIn(context, 'PASSWORD', '--account NAME');
export const checkDirectory = (context: Context): Promise<Observation[]> =>
  checkSignIn(context, 'AD', '--ad-account NAME');

/**
 * Signs in once with a `GenAuthClient`. Without credentials the check makes no sign-in, because each sign-in is a real
 * login attempt.
 */
async function checkSignIn(context: Context, connection: Connection, flag: string): Promise<Observation[]> {
  const { signIns, clientIp, now } = context.settings;
  const credentials = signIns.find((candidate) => 'sAMAccountName' in candidate === (connection === 'AD'));
  if (credentials === undefined) {
    const message = `No sign-in, because ${flag} is not given. The checks tokens, scopes and address need a sign-in.`;
    return [skipped('not_asked', message)];
  }
  // `warmUp` loads the key set that the check `keys` has received. If GenAuth has replaced its keys since that check,
  // the client requests the key set again during the sign-in. If the key set cannot be loaded, the sign-in fails with
  // the same error.
  await context.client.warmUp().catch(() => undefined);
  const at = now();
  let outcome: SignInOutcome;
  try {
    outcome = await context.client.signIn(credentials, { clientIp });
  } catch (fault) {
    return [explainFault(context, fault, connection)];
  }
  if (outcome.kind !== 'success') return [explainRejection(context, outcome, connection)];
  const { accessToken, idToken, refreshToken } = outcome.tokens;
  context.hide(accessToken, idToken, refreshToken);
  context.signedIn ??= { ...outcome, at };
  // The tokens are revoked, because they are not needed after the run and a refresh token is valid for weeks. If the
  // revocation fails, the error is ignored.
  const revocation =
    refreshToken === undefined
      ? context.client.revoke(accessToken, 'access_token')
      : context.client.revoke(refreshToken);
  await revocation.catch(() => undefined);
  return [ok('signed_in', `${describeAccount(credentials)} signed in.`)];
}

function describeAccount(credentials: Credentials): string {
  const { password: _, ...named } = credentials;
  return Object.values(named).join();
}

const LOGIN_FAILS = 'This user cannot sign in.';
/** The outcomes of a sign-in that require a further step of the user. These outcomes are no fault of the tenant. */
const STEPS: Partial<Record<SignInRejection['kind'], string>> = {
  captcha_required: 'GenAuth requires a captcha',
  mfa_required: 'GenAuth requires a second factor',
  password_change_required: 'GenAuth requires a new password',
  identity_binding_required: 'GenAuth requires that the user binds the account',
  profile_completion_required: 'GenAuth requires that the user completes the profile',
};
/** The outcomes of a sign-in that refuse the user. */
const REFUSALS: Readonly<Record<string, readonly [code: string, message: string, advice: Advice]>> = {
  invalid_credentials: [
    'login_wrong',
    'The account does not exist, or the password is wrong',
    {
      impact: LOGIN_FAILS,
      consolePage: CONSOLE_PAGES.users,
      fix: 'Correct the account or the password. Each failed attempt counts towards lock-out.',
    },
  ],
  account_locked: [
    'login_locked',
    'The account is locked',
    {
      impact: LOGIN_FAILS,
      consolePage: CONSOLE_PAGES.users,
      fix: 'Unlock the account on the console page, or wait until the lock-out ends.',
    },
  ],
  access_denied: [
    'login_denied',
    'The account is disabled, or it may not sign in to this application',
    {
      impact: LOGIN_FAILS,
      consolePage: CONSOLE_PAGES.accessAuthorization,
      fix: `Allow the account on the console page. If it is disabled, enable it in ${CONSOLE_PAGES.users}.`,
    },
  ],
  rate_limited: [
    'login_rate_limited',
    'GenAuth refuses further sign-ins for now, because there were too many',
    {
      impact:
        'Users cannot sign in for now. GenAuth counts sign-ins by client address. ' +
        'If the application does not send the address of each client, all clients count as one.',
      consolePage: CONSOLE_PAGES.security,
      fix: 'Wait, then try again. Check that the option clientIp returns the address of each client.',
    },
  ],
};

function explainRejection(context: Context, outcome: SignInRejection, connection: Connection): Observation {
  if (outcome.kind === 'mfa_required') context.hide(outcome.mfaToken);
  if ('flowToken' in outcome) context.hide(outcome.flowToken);
  const { kind, message: text } = outcome;
  const answer = `(${formatCodes(outcome)}: ${context.quote(text)})`;
  const step =
    STEPS[kind] ?? (kind === 'rejected' && outcome.furtherStep ? 'GenAuth requires one more step' : undefined);
  if (step !== undefined) {
    return warning('login_needs_step', `${step} ${answer}.`, {
      impact:
        'Users who need this step cannot sign in until your application offers it. ' +
        'The doctor has no tokens to check.',
      consolePage: CONSOLE_PAGES.security,
      fix: `Offer this step, as outcomes.ts in docs/outcomes.md shows: if (outcome.kind === '${kind}') { … }`,
    });
  }
  const [code, message, advice] = REFUSALS[kind] ?? [
    'login_refused',
    'GenAuth refuses the sign-in',
    {
      impact: LOGIN_FAILS,
      consolePage: connection === 'AD' ? CONSOLE_PAGES.directories : CONSOLE_PAGES.loginControl,
      fix:
        connection === 'AD'
          ? 'Enable the AD connection for this application on the console page.'
          : 'Enable login by password for this application on the console page.',
    },
  ];
  return error(code, `${message} ${answer}.`, advice);
}

/**
 * The configuration errors that GenAuth's response to a sign-in causes. All other configuration errors have different
 * causes.
 */
const FAULTS: Partial<Record<ConfigurationErrorCode, Advice & { problem: string }>> = {
  client_authentication_failed: {
    problem: 'GenAuth refuses the application itself.',
    impact: 'GenAuth refuses every login before it checks the password. Each login fails with HTTP 500.',
    consolePage: CONSOLE_PAGES.tokenAuthMethod,
    fix: 'Correct appSecret or tokenEndpointAuthMethod.',
  },
  app_not_found: {
    problem: 'GenAuth does not know this application.',
    impact: 'Every login fails with HTTP 500.',
    consolePage: CONSOLE_PAGES.endpoints,
    fix: 'Correct appId and appHost.',
  },
  password_decryption_failed: {
    problem: 'GenAuth could not decrypt the password.',
    impact: 'Every login with this passwordEncryptType fails with HTTP 500.',
    fix: 'Set passwordEncryptType to another value: none, rsa or sm2.',
  },
  connection_misconfigured: {
    problem: "GenAuth's connection to the directory is wrong.",
    impact: 'GenAuth cannot query the directory, so no user of the directory can sign in.',
    consolePage: CONSOLE_PAGES.directories,
    fix: 'Correct the address of the directory, the base DN and the account that GenAuth uses to bind.',
  },
  plan_exhausted: {
    problem: 'The plan of the tenant is exhausted.',
    impact: LOGIN_FAILS,
    consolePage: CONSOLE_PAGES.billing,
    fix: 'Extend the plan of the tenant.',
  },
};

function explainFault(context: Context, fault: unknown, connection: Connection): Observation {
  if (fault instanceof UpstreamError && fault.cause instanceof TokenVerificationError) {
    context.tokenFault = fault.cause;
    return ok('signed_in', 'GenAuth accepts the password.');
  }
  if (fault instanceof RequestError) {
    return error('login_impossible', fault.message, {
      impact: LOGIN_FAILS,
      fix: 'Use a non-empty account and a non-empty password within the length limits.',
    });
  }
  const known = fault instanceof ConfigurationError ? FAULTS[fault.code] : undefined;
  if (fault instanceof ConfigurationError && known !== undefined) {
    const { problem, ...advice } = known;
    return error(`login_${fault.code}`, `${problem} ${context.describe(fault)}`, {
      ...advice,
      docs: fault.details.docs,
    });
  }
  if (!(fault instanceof UpstreamError)) throw fault;
  return error('login_failed', context.describe(fault), {
    impact:
      connection === 'AD'
        ? `${LOGIN_FAILS} GenAuth, or the directory behind it, failed or did not answer.`
        : LOGIN_FAILS,
    ...(connection === 'AD' && { consolePage: CONSOLE_PAGES.directories }),
    fix: "Try again. If the sign-in fails again, ask GenAuth's support and quote this message.",
    docs: fault.details.docs,
  });
}
