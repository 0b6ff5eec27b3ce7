import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  DEFAULT_USERS,
  type EmulatorUser,
  type EmulatorUserStates,
  GenAuthEmulator,
} from '../../../src/emulator/index.js';
import { areActive, getTokens, getUserInfo, postSignIn, refresh, signInBody, useEmulator } from '../support.js';

const emulator = useEmulator({ tenants: ['t-1', 't-2', 't-3'] });
const PASSWORD = 'passw0rd';

afterEach(() => {
  for (const remove of [() => emulator().removeUser('dave'), () => emulator().removeAdAccount('dave')]) {
    try {
      remove();
    } catch {
      // Most tests have one of the two.
    }
  }
});

const asUser = (password: string, options: object = {}, account = 'dave') => ({
  connection: 'PASSWORD',
  passwordPayload: { account, password },
  options,
});
const asAdAccount = (password: string, options: object = {}, sAMAccountName = 'dave') => ({
  connection: 'AD',
  adPayload: { sAMAccountName, password },
  options,
});

async function signIn(body: Record<string, unknown>) {
  const { status, answer } = await postSignIn(emulator(), signInBody(emulator(), body));
  const { requestId: _, ...rest } = answer;
  return { status, ...rest, outcome: emulator().signIns.at(-1)?.outcome };
}

const WRONG = {
  status: 200,
  statusCode: 403,
  apiCode: 2333,
  message: 'Account not exists or password is incorrect.',
  outcome: 'invalid_credentials',
};

/** State and options of the sign-in → what those are told who know the password. */
const STATES: [EmulatorUserStates, object, statusCode: number, apiCode: number | undefined, outcome: string][] = [
  [{}, {}, 200, undefined, 'success'],
  [{ lockout: false, disabled: false, mustChangePassword: false, mfa: false }, {}, 200, undefined, 'success'],
  [{ lockout: true }, {}, 403, 2005, 'account_locked'],
  [{ disabled: true }, {}, 403, 2120008, 'account_disabled'],
  [{ mustChangePassword: true }, {}, 301, 2058, 'password_change_required'],
  [{ mustChangePassword: 'first_login' }, {}, 301, 1639, 'password_change_required'],
  [{ mfa: true }, {}, 301, 1636, 'mfa_required'],
  [{ mfa: ['EMAIL'] }, {}, 301, 1636, 'mfa_required'],
  [{ mfa: 'personal' }, {}, 301, 1635, 'mfa_required'],
  [{ tenants: ['t-1', 't-2'] }, { tenantId: 't-2' }, 200, undefined, 'success'],
  [{ tenants: ['t-1'] }, {}, 200, undefined, 'success'],
  [{ tenants: ['t-1'] }, { tenantId: '' }, 200, undefined, 'success'],
  [{ tenants: ['t-1'] }, { tenantId: 't-2' }, 403, 2120008, 'tenant_refused'],
  [{ tenants: [] }, { tenantId: 't-1' }, 403, 2120008, 'tenant_refused'],
  [{}, { tenantId: 't-3' }, 200, undefined, 'success'],
  [{}, { tenantId: 't-4' }, 403, 2130010, 'tenant_refused'],
  [{ signInAnswer: { statusCode: 301, apiCode: 1642, message: 'Complete it.' } }, {}, 301, 1642, 'answered'],
  // The first that is in the way.
  [{ lockout: true, disabled: true }, {}, 403, 2005, 'account_locked'],
  [{ disabled: true, mfa: true, tenants: [] }, { tenantId: 't-1' }, 403, 2120008, 'account_disabled'],
  [{ tenants: [], signInAnswer: { statusCode: 301 } }, { tenantId: 't-1' }, 403, 2120008, 'tenant_refused'],
  [{ mustChangePassword: true, mfa: true }, {}, 301, 2058, 'password_change_required'],
];

describe.each([
  [
    'a user',
    asUser,
    (states: EmulatorUserStates) => emulator().addUser({ username: 'dave', password: PASSWORD, ...states }),
  ],
  [
    'an AD account',
    asAdAccount,
    (states: EmulatorUserStates) => emulator().addAdAccount({ sAMAccountName: 'dave', password: PASSWORD, ...states }),
  ],
] as const)('%s', (_name, as, add) => {
  test.each(STATES)(
    '%j who signs in with %j is told %s / %s',
    async (states, options, statusCode, apiCode, outcome) => {
      add(states);
      const answer = await signIn(as(PASSWORD, options));
      expect(answer).toMatchObject({ status: 200, statusCode, outcome });
      expect(answer.apiCode).toBe(apiCode);
      expect(answer.data !== undefined && 'access_token' in answer.data).toBe(statusCode === 200);
    },
  );

  test.each(STATES)('%j is told to nobody who does not know the password', async (states, options) => {
    add(states);
    const locked = { statusCode: 403, apiCode: 2005, outcome: 'account_locked' };
    expect(await signIn(as('wrong', options))).toMatchObject(states.lockout === true ? locked : WRONG);
  });
});

describe('a second factor', () => {
  const data = async (user: Partial<EmulatorUser>) => {
    emulator().addUser({ username: 'dave', password: PASSWORD, ...user });
    return (await signIn(asUser(PASSWORD))).data as unknown as Record<string, unknown>;
  };

  test('comes with all that GenAuth tells', async () => {
    const user = {
      email: 'dave@example.com',
      phone_number: '+8613800000099',
      nickname: 'D',
      picture: 'https://p.example',
    };
    const { mfaToken, ...rest } = await data({ ...user, mfa: ['SMS', 'OTP', 'FACE'] });
    expect(rest).toEqual({
      nickname: 'D',
      email: user.email,
      phone: user.phone_number,
      phoneCountryCode: '+86',
      mfaPhone: user.phone_number,
      mfaPhoneCountryCode: '+86',
      mfaEmail: user.email,
      username: 'dave',
      avatar: user.picture,
      faceMfaEnabled: true,
      totpMfaEnabled: true,
      passkeyEnabled: false,
      applicationMfa: [
        { mfaPolicy: 'SMS', status: 1, sort: 0 },
        { mfaPolicy: 'OTP', status: 1, sort: 1 },
        { mfaPolicy: 'FACE', status: 1, sort: 2 },
      ],
    });
    const { sub } = emulator().addUser({ username: 'dave2', password: 'x' });
    emulator().removeUser('dave2');
    const token = decodeJwt(String(mfaToken));
    expect(decodeProtectedHeader(String(mfaToken))).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(token).toEqual({
      data: {
        userPoolId: expect.stringMatching(/^[\da-f]{24}$/),
        userId: expect.any(String),
        arn: expect.any(String),
        stage: 'mfa',
      },
      iat: expect.any(Number),
      exp: Number(token.iat) + 360,
    });
    expect((token['data'] as { userId: string }).userId).toHaveLength(sub.length);
  });

  test('is null where nothing is known, and tells the user’s own factor alone', async () => {
    expect(await data({ mfa: 'personal' })).toMatchObject({
      email: null,
      mfaPhone: null,
      phoneCountryCode: null,
      totpMfaEnabled: true,
      applicationMfa: [],
    });
  });

  test('can be the application’s, from which a user is exempt by his own word', async () => {
    const users = [
      ...DEFAULT_USERS,
      { username: 'exempt', password: PASSWORD, mfa: false },
      { username: 'own', password: PASSWORD, mfa: 'personal' as const },
    ];
    for (const mfa of [true, ['SMS', 'OTP']]) {
      await using own = await new GenAuthEmulator({ mfa, users }).start();
      const codeOf = async (account: string) =>
        (await postSignIn(own, signInBody(own, asUser(PASSWORD, {}, account)))).answer.apiCode;
      expect([await codeOf('alice'), await codeOf('exempt'), await codeOf('own')]).toEqual([1636, undefined, 1635]);
      const { answer } = await postSignIn(own, signInBody(own, asUser(PASSWORD, {}, 'bob')));
      expect(answer.data).toMatchObject({ applicationMfa: [{ mfaPolicy: 'SMS' }, { mfaPolicy: 'OTP' }] });
    }
  });
});

describe('a state that changes', () => {
  test('counts from the next sign-in on', async () => {
    emulator().addUser({ username: 'dave', password: PASSWORD });
    const codes = [];
    for (const changes of [
      { lockout: true },
      { lockout: false, mfa: true },
      { mfa: false, disabled: true },
      { disabled: false },
    ]) {
      emulator().updateUser('dave', changes);
      codes.push((await signIn(asUser(PASSWORD))).apiCode);
    }
    expect(codes).toEqual([2005, 1636, 2120008, undefined]);
  });

  test('disabled: the tokens are over as long as it lasts, and the refresh token with them', async () => {
    emulator().addUser({ username: 'dave', password: PASSWORD });
    const { access_token, refresh_token } = await getTokens(
      emulator(),
      asUser(PASSWORD, { scope: 'openid offline_access' }),
    );
    emulator().updateUser('dave', { disabled: true });
    expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, false]);
    expect((await getUserInfo(emulator(), access_token)).status).toBe(401);
    expect(await refresh(emulator(), refresh_token)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    emulator().updateUser('dave', { disabled: false });
    expect(await areActive(emulator(), access_token, refresh_token)).toEqual([true, true]);
  });

  test('the right password ends a row of failures, also where a step is still to be taken', async () => {
    emulator().protectLogins({ lockAfter: 2 });
    emulator().addUser({ username: 'dave', password: PASSWORD, mfa: true });
    for (let round = 0; round < 3; round++) {
      expect((await signIn(asUser('wrong'))).apiCode).toBe(2333);
      expect((await signIn(asUser(PASSWORD))).apiCode).toBe(1636);
    }
  });

  test('an answer on demand comes first', async () => {
    emulator().addUser({ username: 'dave', password: PASSWORD, disabled: true });
    emulator().answerSignIn({ statusCode: 403, apiCode: 2042, account: 'dave' });
    expect((await signIn(asUser(PASSWORD))).apiCode).toBe(2042);
    expect((await signIn(asUser(PASSWORD))).apiCode).toBe(2120008);
  });
});

test.each<[string, object, string]>([
  ['a lockout', { lockout: 'yes' }, 'user.lockout: expected true or false, got "yes".'],
  ['disabled', { disabled: 1 }, 'user.disabled: expected true or false, got 1.'],
  [
    'a password change',
    { mustChangePassword: 'now' },
    `user.mustChangePassword: expected true, false or 'first_login'`,
  ],
  ['MFA', { mfa: 'SMS' }, 'user.mfa: expected true, false or a list of factors such as SMS, got "SMS".'],
  ['MFA without a factor', { mfa: [] }, 'user.mfa: expected'],
  ['an empty factor', { mfa: ['SMS', ''] }, 'user.mfa[1]: expected a string that is not empty, got "".'],
  ['a factor', { mfa: [7] }, 'user.mfa[0]: expected a string that is not empty, got 7.'],
  ['tenants', { tenants: 't-1' }, 'user.tenants: expected a list, got "t-1".'],
  [
    'a tenant that there is not',
    { tenants: ['t-1', 't-9'] },
    'user.tenants[1]: "t-9" is not in the option tenants (t-1, t-2, t-3).',
  ],
  ['an answer', { signInAnswer: { statusCode: 99 } }, 'user.signInAnswer.statusCode: expected a whole number from 200'],
  [
    'an answer for another',
    { signInAnswer: { statusCode: 301, account: 'x' } },
    'user.signInAnswer: unknown property "account"',
  ],
  ['an answer that ends', { signInAnswer: { statusCode: 301, times: 2 } }, 'unknown property "times"'],
])('%s that is none is refused with its place, and nobody is added', (_name, states, message) => {
  const user = { username: 'dave', password: PASSWORD, ...states };
  const mistake = expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) });
  expect(() => emulator().addUser(user as never)).toThrow(mistake as never);
  expect(() => emulator().addAdAccount({ sAMAccountName: 'dave', password: PASSWORD, ...states } as never)).toThrow(
    expect.objectContaining({ message: expect.stringContaining(message.replace(/^user/, 'adAccount')) }) as never,
  );
  emulator().addUser({ username: 'dave', password: PASSWORD });
  expect(() => emulator().updateUser('dave', { nickname: 'D', ...states })).toThrow(
    expect.objectContaining({ message: expect.stringContaining(message.replace(/^user/, 'changes')) }) as never,
  );
});
