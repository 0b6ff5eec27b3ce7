import type { EmulatorSignInAnswer } from '../../../src/emulator/index.js';
import { getTokens, postSignIn, signInBody, useEmulator } from '../support.js';

const emulator = useEmulator();

async function signIn(overrides: Record<string, unknown> = {}) {
  const { status, answer } = await postSignIn(emulator(), signInBody(emulator(), overrides));
  expect(answer.requestId).toMatch(/^[\da-f-]{36}$/);
  const { requestId: _, ...rest } = answer;
  return { status, answer: rest };
}

const as = (account: string, password = 'passw0rd') => ({ passwordPayload: { account, password } });
const MFA = {
  statusCode: 301,
  apiCode: 1636,
  message: 'MFA',
  data: { mfaToken: 'eyJ', applicationMfa: [{ sort: 0 }] },
};

describe('an answer on demand', () => {
  test('is given in place of the sign-in’s own, once, whatever the password', async () => {
    for (const password of ['passw0rd', 'wrong']) {
      emulator().answerSignIn(MFA);
      expect(await signIn(as('alice', password))).toEqual({ status: 200, answer: MFA });
    }
    await getTokens(emulator());
    expect(emulator().signIns.map(({ outcome, account }) => [outcome, account])).toEqual([
      ['answered', 'alice'],
      ['answered', 'alice'],
      ['success', 'alice'],
    ]);
  });

  test('reaches those who do not exist, and AD', async () => {
    emulator().answerSignIn({ ...MFA, times: 2 });
    expect((await signIn(as('nobody'))).answer).toEqual(MFA);
    const adPayload = { sAMAccountName: 'zhangsan', password: 'wrong' };
    expect((await signIn({ connection: 'AD', adPayload })).answer).toEqual(MFA);
  });

  test.each<[EmulatorSignInAnswer, object, number]>([
    [{ statusCode: 403 }, { statusCode: 403, message: '' }, 200],
    [{ statusCode: 499, apiCode: '2011' }, { statusCode: 499, apiCode: '2011', message: '' }, 200],
    [{ statusCode: 301, apiCode: 0, message: 'x' }, { statusCode: 301, apiCode: 0, message: 'x' }, 200],
    [{ statusCode: 400, data: null }, { statusCode: 400, message: '', data: null }, 200],
    [{ statusCode: 400, data: [1] }, { statusCode: 400, message: '', data: [1] }, 200],
    [{ statusCode: 200 }, { statusCode: 200, message: '' }, 200],
    [{ statusCode: 500, apiCode: 1000 }, { statusCode: 500, apiCode: 1000, message: '' }, 200],
    [{ statusCode: 603 }, { statusCode: 603, message: '' }, 200],
    [{ statusCode: 429, apiCode: 1002 }, { statusCode: 429, apiCode: 1002, message: '' }, 429],
  ])('%j is this envelope', async (input, answer, status) => {
    emulator().answerSignIn(input);
    expect(await signIn()).toEqual({ status, answer });
  });

  test('for one account is kept for it, by whichever identifier', async () => {
    emulator().answerSignIn({ ...MFA, account: 'alice', times: 3 });
    await getTokens(emulator(), as('bob'));
    expect((await signIn(as('ALICE@example.com'))).answer).toEqual(MFA);
    expect((await signIn({ passwordPayload: { phone: '+8613800000001', password: 'x' } })).answer).toEqual(MFA);
    await getTokens(emulator(), as('bob@example.com'));
    expect((await signIn(as('alice'))).answer).toEqual(MFA);
    await getTokens(emulator());
  });

  test('for an account that is not there, or is in AD, finds it by its name', async () => {
    emulator().answerSignIn({ ...MFA, account: 'nobody' });
    emulator().answerSignIn({ ...MFA, account: 'ZhangSan' });
    await getTokens(emulator());
    expect((await signIn(as('nobody'))).answer).toEqual(MFA);
    const adPayload = { sAMAccountName: 'zhangsan', password: 'x' };
    expect((await signIn({ connection: 'AD', adPayload })).answer).toEqual(MFA);
  });

  test('is one of several that are used up in order', async () => {
    emulator().answerSignIn({ statusCode: 403, apiCode: 1, times: 2 });
    emulator().answerSignIn({ statusCode: 403, apiCode: 2, account: 'bob' });
    emulator().answerSignIn({ statusCode: 403, apiCode: 3 });
    const codes = [];
    for (const name of ['alice', 'bob', 'alice', 'bob', 'alice']) codes.push((await signIn(as(name))).answer.apiCode);
    expect(codes).toEqual([1, 1, 3, 2, undefined]);
  });

  test('is not used up by a request that is malformed, or of an app that fails', async () => {
    emulator().answerSignIn(MFA);
    expect((await signIn({ options: { scope: 'none' } })).answer.statusCode).toBe(400);
    expect((await signIn({ passwordPayload: {} })).answer.statusCode).toBe(400);
    expect((await signIn({ client_secret: 'wrong' })).answer.statusCode).toBe(401);
    expect((await signIn()).answer).toEqual(MFA);
  });

  test('asks for no captcha, and is no failure', async () => {
    emulator().protectLogins({ captchaAfter: 0, lockAfter: 1 });
    emulator().answerSignIn({ statusCode: 403, apiCode: 2333, times: 2 });
    for (let i = 0; i < 2; i++) expect((await signIn()).answer).toMatchObject({ apiCode: 2333 });
    emulator().protectLogins({ lockAfter: 1 });
    await getTokens(emulator());
  });

  test('is a copy: what the caller changes later changes nothing', async () => {
    const data = { mfaToken: 'one' };
    emulator().answerSignIn({ statusCode: 301, data });
    data.mfaToken = 'two';
    expect((await signIn()).answer.data).toEqual({ mfaToken: 'one' });
  });

  test.each(['clearSignInAnswers', 'reset'] as const)('is forgotten by %s', async (forget) => {
    emulator().answerSignIn({ ...MFA, times: 9 });
    emulator()[forget]();
    await getTokens(emulator());
  });

  test.each<[unknown, string]>([
    [undefined, 'answer: expected an object, got undefined.'],
    [{}, 'answer.statusCode: expected a whole number from 200 to 699, got undefined.'],
    [{ statusCode: 199 }, 'got 199'],
    [{ statusCode: 700 }, 'got 700'],
    [{ statusCode: '301' }, 'got "301"'],
    [{ statusCode: 301, apiCode: -1 }, 'answer.apiCode: expected a whole number, or a string of digits, got -1.'],
    [{ statusCode: 301, apiCode: 1.5 }, 'got 1.5'],
    [{ statusCode: 301, apiCode: 'MFA' }, 'got "MFA"'],
    [{ statusCode: 301, apiCode: null }, 'got null'],
    [{ statusCode: 301, message: 7 }, 'answer.message: expected a string, got 7.'],
    [{ statusCode: 301, data: () => 1 }, 'answer.data: expected a value that JSON can hold'],
    [{ statusCode: 301, data: { a: 1n } }, 'answer.data: expected a value that JSON can hold'],
    [{ statusCode: 301, account: ['alice'] }, 'answer.account: expected a string, got a list.'],
    [{ statusCode: 301, times: 0 }, 'answer.times: expected a whole number from 1'],
    [{ statusCode: 301, code: 1636 }, 'unknown property "code". Use one of: statusCode, apiCode, message, data'],
  ])('%p is refused', async (answer, message) => {
    expect(() => emulator().answerSignIn(answer as EmulatorSignInAnswer)).toThrow(
      expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
    );
    await getTokens(emulator());
  });
});
