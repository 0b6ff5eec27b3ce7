import type { SignInRejection } from '../../src/index.js';
import { type RefusalContext, toRefusal, toRejectedError } from '../../src/web/refusal.js';
import { findLeaks } from '../support/leak.js';

/** GenAuth's own text, which the operator may read and a stranger must not. */
const CANARY = 'canary-of-the-cause';
/** No option set, and a request that prefers no language. */
const CONTEXT: RefusalContext = { options: { language: undefined, exposeReasons: false } };
const EXPOSING: RefusalContext = { options: { language: undefined, exposeReasons: true } };

const WRONG = 'The account or the password is wrong.';
type Words = readonly [status: number, error: string, message: string, exposed?: string];
/** Kind → status, its words, what the person reads, and with `exposeReasons`. A new kind does not compile until it stands here. */
const REJECTIONS: Readonly<Record<SignInRejection['kind'], Words>> = {
  invalid_credentials: [401, 'Unauthorized', WRONG],
  captcha_required: [403, 'Forbidden', 'Enter the characters in the image to sign in.'],
  mfa_required: [403, 'Forbidden', 'A second verification step is required to sign in.'],
  password_change_required: [403, 'Forbidden', 'Change your password before you sign in.'],
  identity_binding_required: [403, 'Forbidden', 'Link an identity to your account before you sign in.'],
  profile_completion_required: [403, 'Forbidden', 'Complete your profile before you sign in.'],
  account_locked: [403, 'Forbidden', WRONG, 'Your account is locked.'],
  access_denied: [403, 'Forbidden', WRONG, 'Your account is not allowed to sign in here.'],
  rate_limited: [429, 'Too Many Requests', 'Too many attempts. Try again later.'],
  rejected: [403, 'Forbidden', 'The sign-in was refused.'],
};
const KINDS = Object.keys(REJECTIONS) as SignInRejection['kind'][];
/** Members that some kinds have, with values that can be found again; every kind is given all of them. */
const MEMBERS = {
  remainingAttempts: 424_242,
  mfaToken: 'canary-mfa',
  applicationMfa: [{ mfaPolicy: 'canary-factor', status: 1, sort: 0 }],
  flowToken: 'canary-flow',
  furtherStep: false,
  tokens: 'canary-tokens',
  data: { password: 'canary-data' },
};
const STEP = { flowToken: 'canary-flow' };
/** What of them the next step needs, and so is in the answer. */
const NEXT_STEPS: Partial<Record<SignInRejection['kind'], object>> = {
  mfa_required: { mfaToken: 'canary-mfa', applicationMfa: MEMBERS.applicationMfa },
  password_change_required: STEP,
  identity_binding_required: STEP,
  profile_completion_required: STEP,
};

function reject(kind: SignInRejection['kind'], more: object = {}): SignInRejection {
  // GenAuth's own status, code and text are for the operator.
  const answer = { statusCode: 499, apiCode: 987654, requestId: 'r-1', message: CANARY };
  return { kind, ...answer, applicationMfa: [], furtherStep: false, ...more } as SignInRejection;
}

describe.each([
  ['with exposeReasons off', CONTEXT],
  ['with exposeReasons on', EXPOSING],
] as const)('a rejected sign-in, %s', (_name, context) => {
  const { exposeReasons } = context.options;
  const expected = (kind: SignInRejection['kind']): object => {
    const [statusCode, error, message, exposed = message] = REJECTIONS[kind];
    return { statusCode, error, message: exposeReasons ? exposed : message, code: kind };
  };

  it.each(KINDS)('%s', (kind) => {
    const { statusCode, message } = expected(kind) as { statusCode: number; message: string };
    const thrown = toRejectedError(reject(kind), context);
    expect(thrown).toMatchObject({ code: kind, statusCode, message, outcome: { apiCode: 987654 } });
    const refusal = toRefusal(thrown, context);
    expect(refusal).toStrictEqual({
      action: 'fail',
      status: statusCode,
      headers: {},
      body: { ...expected(kind), requestId: 'r-1', ...(exposeReasons && { apiCode: 987654 }) },
      error: thrown,
    });
    expect(findLeaks(refusal?.body, [CANARY])).toEqual([]);
  });

  it.each(KINDS)('%s shows of what GenAuth sent beside only what the next step needs', (kind) => {
    const rejection = reject(kind, { ...MEMBERS, requestId: undefined, apiCode: undefined });
    const body = toRefusal(toRejectedError(rejection, context), context)?.body;
    const attempts = exposeReasons && kind === 'invalid_credentials' ? { remainingAttempts: 424_242 } : {};
    expect(body).toStrictEqual({ ...expected(kind), ...NEXT_STEPS[kind], ...attempts });
  });

  it.each(KINDS)('%s without any of them has none, not even empty', (kind) => {
    const none = { requestId: undefined, apiCode: undefined, applicationMfa: [] };
    const body = toRefusal(toRejectedError(reject(kind, none), context), context)?.body;
    expect(Object.keys(body ?? {})).toEqual(['statusCode', 'error', 'message', 'code']);
  });

  it('rejected with a further step says so, in a text of its own', () => {
    expect(toRefusal(toRejectedError(reject('rejected', { furtherStep: true }), context), context)?.body).toEqual({
      ...expected('rejected'),
      message: 'The sign-in requires one more step that is not available here.',
      requestId: 'r-1',
      furtherStep: true,
      ...(exposeReasons && { apiCode: 987654 }),
    });
  });

  it.each([
    [7, { 'retry-after': '7' }],
    [0, { 'retry-after': '0' }],
    [undefined, {}],
  ])('rate_limited with retryAfter %s has the headers %j', (retryAfter, headers) => {
    const thrown = toRejectedError(reject('rate_limited', { retryAfter }), context);
    expect(toRefusal(thrown, context)?.headers).toEqual(headers);
  });
});

it.each([0, 1])('exposeReasons tells that %i tries are left', (remainingAttempts) => {
  const thrown = toRejectedError(reject('invalid_credentials', { remainingAttempts }), EXPOSING);
  expect(toRefusal(thrown, EXPOSING)?.body).toMatchObject({ remainingAttempts });
});

it.each(KINDS)('%s in Chinese: only the message is another', (kind) => {
  const zh: RefusalContext = { ...CONTEXT, acceptLanguage: 'zh-CN,en;q=0.8' };
  const [chinese, english] = [zh, CONTEXT].map((context) => toRefusal(toRejectedError(reject(kind), context), context));
  expect(chinese?.body.message).toMatch(/^[\p{Script=Han}，。、]+$/u);
  expect({ ...chinese?.body, message: '' }).toStrictEqual({ ...english?.body, message: '' });
  expect(chinese?.headers).toStrictEqual(english?.headers);
});
