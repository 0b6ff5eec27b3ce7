/** Compile-time only: `kind` distinguishes the outcomes of a sign-in, and a `switch` must handle each of them. */
import type { GenAuthClient, GenAuthUser, SignInOutcome, SignInRejection, TokenSet } from '../../src/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

export function handleEach(outcome: SignInOutcome): string {
  switch (outcome.kind) {
    case 'success':
      return outcome.user.sub;
    case 'invalid_credentials':
      return String(outcome.remainingAttempts);
    case 'mfa_required':
      return outcome.mfaToken ?? '';
    case 'rate_limited':
      return String(outcome.retryAfter);
    case 'captcha_required':
    case 'password_change_required':
    case 'identity_binding_required':
    case 'profile_completion_required':
    case 'account_locked':
    case 'access_denied':
    case 'rejected':
      return outcome.message;
  }
}

export function forgetOne(outcome: SignInRejection): string {
  if (outcome.kind !== 'mfa_required' && outcome.kind !== 'rejected') return '';
  if (outcome.kind === 'mfa_required') return '';
  // @ts-expect-error `rejected` is not handled
  const never: never = outcome;
  return never;
}

export type Kinds = [
  Expect<Equal<SignInRejection['kind'], Exclude<SignInOutcome['kind'], 'success'>>>,
  // Every outcome has the facts for the operator's log.
  Expect<Equal<SignInOutcome['statusCode'], number>>,
  Expect<Equal<SignInOutcome['apiCode'], number | undefined>>,
  Expect<Equal<SignInOutcome['requestId'], string | undefined>>,
  Expect<Equal<SignInOutcome['message'], string>>,
];

export async function signIn(client: GenAuthClient<'openid' | 'email'>): Promise<TokenSet | undefined> {
  const outcome = await client.signIn({ account: 'alice', password: 'p' }, { tenantId: 't' });
  // @ts-expect-error tokens exist only after a comparison of `kind`
  const early: TokenSet = outcome.tokens;
  // @ts-expect-error the user exists only after a comparison of `kind`
  const user: unknown = outcome.user;
  void [early, user];
  // @ts-expect-error this kind does not exist
  if (outcome.kind === 'ok') return undefined;
  if (outcome.kind === 'mfa_required') {
    // @ts-expect-error only `invalid_credentials` has remainingAttempts
    return outcome.remainingAttempts;
  }
  if (outcome.kind !== 'success') return undefined;
  type User = Expect<Equal<typeof outcome.user, GenAuthUser<'openid' | 'email'>>>;
  const same: User = true;
  return same && outcome.tokens;
}

export function misuse(client: GenAuthClient): void {
  // @ts-expect-error the options are read-only
  client.options.timeout = 1;
  // @ts-expect-error the options do not contain the secret
  void client.options.appSecret;
}
