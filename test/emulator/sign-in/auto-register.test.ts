import { randomUUID } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import { signIn as runSignIn } from '../../../src/emulator/sign-in/sign-in.js';
import { EmulatorState } from '../../../src/emulator/state/state.js';
import { getSystem, getTokens, postSignIn, signInBody, useEmulator, verify } from '../support.js';

const WRONG = { statusCode: 403, apiCode: 2333, message: 'Account not exists or password is incorrect.' };
const EXISTS = { statusCode: 409, apiCode: 2026, message: 'User already exists.' };

const emulator = useEmulator();

async function signIn(passwordPayload: object, options: object = { autoRegister: true }, more: object = {}) {
  const { answer } = await postSignIn(emulator(), signInBody(emulator(), { passwordPayload, options, ...more }));
  const { requestId: _, ...rest } = answer;
  return rest;
}

describe('autoRegister', () => {
  test.each([
    ['username', 'carol', { username: 'carol' }],
    ['email', 'Carol@Example.com', { email: 'Carol@Example.com' }],
    ['phone', '+8613900000001', { phone_number: '+8613900000001' }],
  ])('creates who signs in by an unknown %s, with that password', async (identifier, name, claims) => {
    const passwordPayload = { [identifier]: name, password: 'new' };
    const options = { autoRegister: true, scope: 'openid username email phone' };
    const first = await getTokens(emulator(), { passwordPayload, options });
    const { payload } = await verify(emulator(), first.id_token);
    expect(payload).toMatchObject({ username: null, email: null, phone_number: null, ...claims });
    expect(emulator().signIns).toMatchObject([{ account: name, outcome: 'success' }]);

    const again = await getTokens(emulator(), { passwordPayload: { account: name, password: 'new' } });
    expect((await verify(emulator(), again.id_token)).payload.sub).toBe(payload.sub);
    expect(await signIn({ [identifier]: name, password: 'other' })).toEqual(WRONG);
    expect(await signIn({ [identifier]: name, password: 'new' }, {})).toMatchObject({ statusCode: 200 });
  });

  test.each([false, undefined])('creates nobody where it is %p', async (autoRegister) => {
    const passwordPayload = { username: `user-${randomUUID()}`, password: 'new' };
    for (let i = 0; i < 2; i++) expect(await signIn(passwordPayload, { autoRegister })).toEqual(WRONG);
  });

  test('signs in who exists, and changes no password', async () => {
    expect(await signIn({ email: 'ALICE@example.com', password: 'passw0rd' })).toMatchObject({ statusCode: 200 });
    expect(await signIn({ username: 'alice', password: 'mine-now' })).toEqual(WRONG);
    await getTokens(emulator());
  });

  test.each(['alice', 'nobody'])('is a mistake with account: %s', async (account) => {
    expect(await signIn({ account, password: 'passw0rd' })).toEqual({
      statusCode: 400,
      message: 'options.autoRegister needs email, username or phone in passwordPayload, not account.',
    });
    expect(emulator().signIns).toMatchObject([{ outcome: 'invalid_request' }]);
  });

  test('false with account is none', async () => {
    const options = { autoRegister: false };
    expect(await signIn({ account: 'alice', password: 'passw0rd' }, options)).toMatchObject({ statusCode: 200 });
  });

  test('does nothing for AD', async () => {
    const adPayload = { sAMAccountName: 'lisi', password: 'new' };
    for (let i = 0; i < 2; i++) {
      expect(await signIn({}, { autoRegister: true }, { connection: 'AD', adPayload })).toEqual(WRONG);
    }
    const known = { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' };
    const answer = await signIn({}, { autoRegister: true }, { connection: 'AD', adPayload: known });
    expect(answer).toMatchObject({ statusCode: 200 });
  });

  test.each([
    ['a user name that is an address', { username: 'alice@example.com' }],
    ['a user name that is a phone number', { username: '+8613800000001' }],
  ])('gives nobody what is another’s: %s', async (_name, identifier) => {
    expect(await signIn({ ...identifier, password: 'passw0rd' })).toEqual(EXISTS);
    expect(emulator().signIns).toMatchObject([{ outcome: 'user_exists' }]);
    await getTokens(emulator());
  });

  test('creates one user, though several ask at once', async () => {
    // Without HTTP in between, so that they do come at once.
    const state = new EmulatorState({});
    state.origin = 'http://127.0.0.1:1';
    await state.createKeys();
    const ask = async (password: string) => {
      const body = signInBody(emulator(), {
        passwordPayload: { username: 'twice', password },
        options: { autoRegister: true },
      });
      const answer = await runSignIn(state, { method: 'POST', path: '', query: '', headers: {}, body, requestId: '' });
      return (answer.body as { statusCode: number }).statusCode;
    };
    const passwords = ['one', 'two', 'three'];
    const codes = await Promise.all(passwords.map(ask));
    // Whose password check is done first is left to the threads.
    const winner = codes.indexOf(200);
    expect(codes).toEqual(passwords.map((_, i) => (i === winner ? 200 : 409)));
    const again = [await ask('one'), await ask('two'), await ask('three')];
    expect(again).toEqual(passwords.map((_, i) => (i === winner ? 200 : 403)));
  });

  test.each([
    [{ email: 'no address', password: 'x' }, 'autoRegister.email: expected an e-mail address, got "no address".'],
    [{ phone: 'none', password: 'x' }, 'autoRegister.phone_number: expected digits'],
    [{ username: 'a\u001b[2J', password: 'x' }, 'autoRegister.username: expected a name without control characters'],
    [{ username: '', password: 'x' }, 'autoRegister.username: expected a string that is not empty'],
    [{ username: 'empty', password: '' }, 'autoRegister.password: expected a string that is not empty'],
  ])('creates nobody of %j', async (passwordPayload, message) => {
    const answer = await signIn(passwordPayload);
    expect(answer).toEqual({ statusCode: 400, message: expect.stringContaining(message) });
    expect(await signIn({ ...passwordPayload, password: 'x' }, {})).toEqual(WRONG);
  });

  test('takes the password that was encrypted, and no ciphertext for one', async () => {
    const options = { autoRegister: true, passwordEncryptType: 'sm2' };
    const password = sm2.doEncrypt('secret', (await getSystem(emulator())).sm2.publicKey);
    expect(await signIn({ username: 'dave', password: 'secret' }, options)).toMatchObject({ apiCode: 2016 });
    expect(await signIn({ username: 'dave', password: 'secret' }, {})).toEqual(WRONG);
    expect(await signIn({ username: 'dave', password }, options)).toMatchObject({ statusCode: 200 });
    expect(await signIn({ username: 'dave', password: 'secret' }, {})).toMatchObject({ statusCode: 200 });
  });

  test('creates nobody under a locked name', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    expect(await signIn({ username: 'erin', password: 'x' }, {})).toMatchObject(WRONG);
    expect(await signIn({ username: 'erin', password: 'x' })).toMatchObject({ apiCode: 2005 });
    emulator().reset();
    expect(await signIn({ username: 'erin', password: 'x' }, {})).toEqual(WRONG);
  });
});
