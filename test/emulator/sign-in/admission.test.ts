import { decodeJwt } from 'jose';
import type { EmulatorUserStates } from '../../../src/emulator/index.js';
import { asAd, asUser, signIn, useEmulator } from '../support.js';

const emulator = useEmulator({ tenants: ['t-1', 't-2', 't-3'] });
afterEach(() => emulator().removeUser('dave'));

const add = (user: object) => emulator().addUser({ username: 'dave', password: 'passw0rd', ...user });
const ask = (password = 'passw0rd', options: object = {}) => signIn(emulator(), asUser('dave', password, options));

const ANSWER = { statusCode: 301, apiCode: 1642, message: 'Complete it.' };

it.each<[EmulatorUserStates, string, number, string]>([
  [{}, '', 200, 'success'],
  [{ lockout: false, disabled: false, mustChangePassword: false, mfa: false }, '', 200, 'success'],
  [{ lockout: true }, '', 2005, 'account_locked'],
  [{ disabled: true }, '', 2120008, 'account_disabled'],
  [{ mustChangePassword: true }, '', 2058, 'password_change_required'],
  [{ mustChangePassword: 'first_login' }, '', 1639, 'password_change_required'],
  [{ mfa: true }, '', 1636, 'mfa_required'],
  [{ mfa: ['EMAIL'] }, '', 1636, 'mfa_required'],
  [{ mfa: 'personal' }, '', 1635, 'mfa_required'],
  [{ tenants: ['t-1', 't-2'] }, 't-2', 200, 'success'],
  [{ tenants: ['t-1'] }, '', 200, 'success'],
  [{ tenants: ['t-1'] }, 't-2', 2120008, 'tenant_refused'],
  [{ tenants: [] }, 't-1', 2120008, 'tenant_refused'],
  [{}, 't-3', 200, 'success'],
  [{}, 't-4', 2130010, 'tenant_refused'],
  [{ signInAnswer: ANSWER }, '', 1642, 'answered'],
  [{ lockout: true, disabled: true }, '', 2005, 'account_locked'],
  [{ disabled: true, mfa: true, tenants: [] }, 't-1', 2120008, 'account_disabled'],
  [{ tenants: [], signInAnswer: ANSWER }, 't-1', 2120008, 'tenant_refused'],
  [{ signInAnswer: ANSWER, mustChangePassword: true }, '', 1642, 'answered'],
  [{ mustChangePassword: true, mfa: true }, '', 2058, 'password_change_required'],
])('answers a user with %j at the tenant %j with %i', async (states, tenantId, code, outcome) => {
  add(states);
  expect(await ask('passw0rd', { tenantId })).toMatchObject({ status: 200, code, outcome });
});

it.each<[EmulatorUserStates, number]>([
  [{ disabled: true, mfa: true, mustChangePassword: true, tenants: [], signInAnswer: ANSWER }, 2333],
  [{ lockout: true }, 2005],
])('answers a wrong password of a user with %j with %i', async (states, code) => {
  add(states);
  expect(await ask('wrong', { tenantId: 't-4' })).toMatchObject({ code });
});

it('checks the states of an AD account, after a queued answer', async () => {
  add({});
  emulator().addAdAccount({ sAMAccountName: 'dave', password: 'p', disabled: true });
  emulator().answerSignIn({ statusCode: 403, apiCode: 2042, account: 'dave' });
  const answers = [await signIn(emulator(), asAd('dave', 'p')), await signIn(emulator(), asAd('dave', 'p'))];
  expect(answers.map(({ code }) => code)).toEqual([2042, 2120008]);
});

it('uses a changed state from the next sign-in on', async () => {
  add({});
  const codeAfter = (changes: EmulatorUserStates) => {
    emulator().updateUser('dave', changes);
    return ask().then(({ code }) => code);
  };
  const codes = [await codeAfter({ lockout: true }), await codeAfter({ lockout: false, mfa: true })];
  expect([...codes, await codeAfter({ mfa: false })]).toEqual([2005, 1636, 200]);
});

it('resets the count of failures for a right password that requires a further step', async () => {
  emulator().protectLogins({ lockAfter: 2 });
  add({ mfa: true });
  const codes = [await ask('wrong'), await ask(), await ask('wrong'), await ask()].map(({ code }) => code);
  expect(codes).toEqual([2333, 1636, 2333, 1636]);
});

describe('the data of a second factor', () => {
  const nothing = { nickname: null, email: null, phone: null, phoneCountryCode: null, mfaPhone: null, avatar: null };
  const none = { mfaPhoneCountryCode: null, mfaEmail: null, username: 'dave', faceMfaEnabled: false };
  const phone = '+8613800000099';

  it.each<[string, object, object]>([
    [
      'all claims and factors',
      { email: 'd@example.com', phone_number: phone, nickname: 'D', picture: 'p', mfa: ['SMS', 'PASSKEY', 'FACE'] },
      {
        nickname: 'D',
        email: 'd@example.com',
        phone,
        phoneCountryCode: '+86',
        mfaPhone: phone,
        mfaPhoneCountryCode: '+86',
        mfaEmail: 'd@example.com',
        username: 'dave',
        avatar: 'p',
        faceMfaEnabled: true,
        totpMfaEnabled: false,
        passkeyEnabled: true,
        applicationMfa: ['SMS', 'PASSKEY', 'FACE'].map((mfaPolicy, sort) => ({ mfaPolicy, status: 1, sort })),
      },
    ],
    [
      'a personal factor and no claims',
      { mfa: 'personal' },
      { ...nothing, ...none, totpMfaEnabled: true, passkeyEnabled: false, applicationMfa: [] },
    ],
    ['a phone number of another country', { phone_number: '+4912345', mfa: true }, { phoneCountryCode: null }],
  ])('contains %s', async (_title, user, expected) => {
    add(user);
    expect((await ask()).answer.data).toMatchObject(expected);
  });

  it('contains a token of the user for 6 minutes', async () => {
    const { sub } = add({ mfa: true });
    const { mfaToken } = (await ask()).answer.data as unknown as { mfaToken: string };
    const { data, iat, exp } = decodeJwt(mfaToken);
    expect([Number(exp) - Number(iat), data]).toMatchObject([360, { userId: sub, stage: 'mfa' }]);
    emulator().updateUser('dave', { mfa: false, mustChangePassword: 'first_login' });
    const { token } = (await ask()).answer.data as unknown as { token: string };
    expect(decodeJwt(token)['data']).toMatchObject({ userId: sub, stage: 'reset_password' });
  });
});
