import { jest } from '@jest/globals';
import { type EmulatorAdAnswer, type EmulatorAdDirectory, GenAuthEmulator } from '../../../src/emulator/index.js';
import { askDirectory } from '../../../src/emulator/sign-in/ask-directory.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, until } from '../../support/promise.js';
import { encryptRsa } from '../encryption/ciphertexts.js';
import {
  asAd,
  asUser,
  attempt,
  control,
  getTokens,
  getUserInfo,
  invalidInput,
  rawRequest,
  signIn as ask,
  signInBody,
  useEmulator,
  WRONG,
} from '../support.js';

const PASSWORD = 'c4nary-zhang-pässword';
const CLAIMS = { name: 'Zhang San', email: 'zhangsan@example.test' };
const RIGHT = () => ({ claims: CLAIMS });

let behave: (name: string, password: string) => unknown;
let calls: [name: string, password: string][];
const emulator = useEmulator({
  roles: ['admin', 'reader'],
  ad: (name, password) => {
    calls.push([name, password]);
    return behave(name, password) as EmulatorAdAnswer;
  },
});

beforeEach(() => {
  calls = [];
  behave = (name, password) => (name.toLowerCase() === 'zhangsan' && password === PASSWORD ? RIGHT() : undefined);
});
afterEach(() => attempt(() => emulator().removeAdAccount('zhangsan')));

const signIn = (name = 'zhangsan', password = PASSWORD, options?: object) =>
  ask(emulator(), asAd(name, password, options));

/** Signs in and returns the user info. */
async function readUser(name = 'zhangsan'): Promise<Record<string, unknown>> {
  const options = { scope: 'openid profile username email phone roles' };
  const { access_token } = await getTokens(emulator(), asAd(name, PASSWORD, options));
  return (await getUserInfo(emulator(), access_token)).body;
}

async function postRaw(own: GenAuthEmulator, password: string, headers: Record<string, string>): Promise<unknown> {
  const body = JSON.stringify(signInBody(own, asAd('zhangsan', password)));
  const options = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
  return JSON.parse((await rawRequest(`${own.url}/api/v3/signin`, options)).body);
}

describe('the function ad', () => {
  it('receives the name and the password unchanged, and decides', async () => {
    behave = async (_name, password) => (password === PASSWORD ? RIGHT() : undefined);
    expect(await signIn(' ZhangSan')).toMatchObject({ code: 200, outcome: 'success' });
    expect(await signIn('zhangsan', 'wrong ')).toMatchObject({ answer: WRONG, outcome: 'invalid_credentials' });
    expect(calls).toEqual([
      [' ZhangSan', PASSWORD],
      ['zhangsan', 'wrong '],
    ]);
    emulator().removeAdAccount(' zhangsan');
  });

  it.each<[EmulatorAdAnswer & object, string]>([
    [{ statusCode: 403, apiCode: 2005, message: 'Account is locked.' }, 'account_locked'],
    [{ statusCode: 403, apiCode: '2005' }, 'account_locked'],
    [{ statusCode: 403, apiCode: 2333 }, 'invalid_credentials'],
    [{ statusCode: 403, apiCode: 2120008 }, 'access_denied'],
    [{ statusCode: 403, apiCode: 2120008, outcome: 'account_expired' }, 'account_expired'],
    [{ statusCode: 301, apiCode: 2058, data: { token: 't' } }, 'password_change_required'],
    [{ statusCode: 301, apiCode: 1636 }, 'mfa_required'],
    [{ statusCode: 301, apiCode: 1635 }, 'mfa_required'],
    [{ statusCode: 300 }, 'directory_failed'],
    [{ statusCode: 422, apiCode: 2005, message: 'misconfigured' }, 'directory_failed'],
  ])('may return %j, which is recorded as %s', async (answer, outcome) => {
    behave = () => answer;
    const { outcome: _, ...envelope } = answer as EmulatorAdAnswer & { statusCode: number; outcome?: string };
    const result = await signIn();
    expect(result).toMatchObject({ answer: { message: '', ...envelope }, outcome });
    // An answer that requires a further step contains the code twice.
    expect('code' in result.answer).toBe(envelope.statusCode === 301);
  });

  it.each([
    [null],
    [true],
    [PASSWORD],
    [[RIGHT()]],
    [{}],
    [{ claims: undefined }],
    [{ claims: null }],
    [{ claims: Promise.resolve(CLAIMS) }],
    [{ claims: { sub: 'x' } }],
    [{ claims: JSON.parse('{"__proto__":{"roles":["admin"]}}') as object }],
    [{ claims: CLAIMS, statusCode: 403 }],
    [{ statusCode: 200 }],
    [{ statusCode: 299 }],
    [{ statusCode: 700 }],
    [{ statusCode: 403, apiCode: PASSWORD }],
    [{ statusCode: 403, outcome: 'success' }],
    [{ statusCode: 403, account: 'zhangsan' }],
  ])('must not return %j', async (answer) => {
    behave = () => answer;
    const message = 'The function ad must return undefined, { claims } or { statusCode, … }.';
    expect(await signIn()).toMatchObject({ answer: { statusCode: 602, message }, outcome: 'directory_failed' });
  });

  it.each<[string, (name: string, password: string) => unknown]>([
    ['throws', (_name, password) => JSON.parse(password)],
    ['rejects', (_name, password) => Promise.reject(new TypeError(password))],
    ['rejects without an error', () => Promise.reject(undefined as unknown as Error)],
  ])('is answered with 602 without its error if it %s', async (_title, answer) => {
    behave = answer;
    const message = 'The function ad threw an error. Log the error inside the function: it is not shown here.';
    expect(await signIn()).toMatchObject({ answer: { statusCode: 602, message }, outcome: 'directory_failed' });
    expect(findLeaks(emulator().signIns, [PASSWORD])).toEqual([]);
  });

  it('is answered with 408 after 5 seconds', async () => {
    jest.useFakeTimers();
    try {
      const gate = new Gate<EmulatorAdAnswer>();
      const asking = askDirectory(() => gate.opened, 'zhangsan', PASSWORD).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(4999);
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(1);
      gate.open(RIGHT());
      const answer = { statusCode: 408, message: 'The function ad did not answer within 5 seconds.' };
      expect(await asking).toMatchObject({ outcome: 'directory_failed', answer });
      expect(await askDirectory(RIGHT, 'zhangsan', PASSWORD)).toEqual(CLAIMS);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it.each<[string, () => Promise<unknown>, object]>([
    ['an empty password', () => signIn('zhangsan', ''), { answer: WRONG }],
    ['an empty name', () => signIn(''), { answer: WRONG }],
    ['a name with a control character', () => signIn('zhang\nsan'), { answer: WRONG }],
    ['an undecryptable password', () => signIn('zhangsan', 'x', { passwordEncryptType: 'sm2' }), { code: 2016 }],
    ['the connection PASSWORD', () => ask(emulator(), asUser('zhangsan', PASSWORD)), { code: 2333 }],
    ['a queued answer', () => (emulator().answerSignIn({ statusCode: 500 }), signIn()), { outcome: 'answered' }],
    ['a required captcha', () => (emulator().protectLogins({ captchaAfter: 0 }), signIn()), { code: 2000 }],
  ])('is not called for %s', async (_title, run, expected) => {
    behave = RIGHT;
    expect(await run()).toMatchObject(expected);
    expect(calls).toEqual([]);
  });

  it('receives a decrypted password once, also if the password is base64 text', async () => {
    const password = btoa(PASSWORD);
    await signIn('zhangsan', await encryptRsa(emulator(), password), { passwordEncryptType: 'rsa' });
    expect(calls).toEqual([['zhangsan', password]]);
  });

  it('is not called for an account that the emulator has locked', async () => {
    await signIn();
    emulator().protectLogins({ lockAfter: 2 });
    expect([(await signIn('zhangsan', 'wrong')).code, (await signIn('ZhangSan', 'wrong')).code]).toEqual([2333, 2333]);
    expect(await signIn()).toMatchObject({ code: 2005, outcome: 'account_locked' });
    emulator().unlock('zhangsan');
    emulator().updateAdAccount('zhangsan', { lockout: true });
    expect([(await signIn()).code, (await signIn('zhangsan', 'wrong')).code]).toEqual([2005, 2005]);
    expect(calls).toHaveLength(3);
  });

  it('cannot admit a right password that arrived with the guesses that lock the account', async () => {
    const gate = new Gate();
    behave = (_name, password) => (password === PASSWORD ? gate.opened.then(RIGHT) : undefined);
    emulator().protectLogins({ lockAfter: 2 });
    const right = signIn();
    await until(() => calls.length === 1);
    await Promise.all([signIn('zhangsan', 'wrong'), signIn('zhangsan', 'wrong')]);
    gate.open();
    expect((await right).code).toBe(2005);
  });

  it('does not count a refusal as a failed sign-in', async () => {
    behave = () => ({ statusCode: 601 });
    emulator().protectLogins({ captchaAfter: 1, lockAfter: 1 });
    expect([(await signIn()).code, (await signIn()).code]).toEqual([601, 601]);
  });

  it('does not delay the stop of the emulator', async () => {
    await using own = await new GenAuthEmulator({ ad: () => new Promise(() => calls.push(['', ''])) }).start();
    const asking = ask(own, asAd('zhangsan')).catch((error: Error) => error.message);
    await until(() => calls.length === 1);
    await own.stop();
    expect(await asking).toBe('fetch failed');
  });
});

describe('the user', () => {
  it('has the valid claims of the directory, as a copy', async () => {
    const roles = ['admin'];
    const claims = { username: 'ZhangSan', name: '张三', family_name: undefined, email: 'none', nickname: 5, roles };
    behave = () => ({ claims });
    expect(await readUser('ZHANGSAN')).toMatchObject({ ...claims, family_name: null, email: null, nickname: null });
    roles.push('reader');
    const { adAccounts } = (await control(emulator(), 'GET', '/users')).answer as { adAccounts: object[] };
    expect(adAccounts).toMatchObject([{ roles: ['admin'] }]);
    claims.roles = ['admin', 'unknown'];
    expect(await readUser()).toMatchObject({ roles: [] });
  });

  it('keeps the sub, the first name and the changed claims, and gets the current claims of the directory', async () => {
    behave = RIGHT;
    const before = await readUser('ZHANGSAN');
    emulator().updateAdAccount('zhangsan', { nickname: 'San', roles: ['admin'] });
    const same = await readUser();
    expect((await readUser())['updated_at']).toBe(same['updated_at']);
    behave = () => ({ claims: { name: 'Zhang San-Li' } });
    const after = await readUser();
    const kept = { sub: before['sub'], username: 'ZHANGSAN', nickname: 'San', roles: ['admin'] };
    expect(before).toMatchObject({ ...CLAIMS, username: 'ZHANGSAN', nickname: null });
    expect(same).toMatchObject({ ...CLAIMS, ...kept });
    expect(after).toMatchObject({ ...kept, name: 'Zhang San-Li', email: null });
    expect(after['updated_at']).not.toBe(same['updated_at']);
  });

  it('can be changed after the first sign-in, except for the password', async () => {
    expect(() => emulator().updateAdAccount('zhangsan', {})).toThrow(invalidInput('sAMAccountName: '));
    await signIn();
    emulator().updateAdAccount('zhangsan', { disabled: true });
    expect(await signIn()).toMatchObject({ code: 2120008, outcome: 'account_disabled' });
    expect(() => emulator().updateAdAccount('zhangsan', { password: 'x' })).toThrow(invalidInput('changes: unknown'));
  });

  it('cannot be added', () => {
    const account = { sAMAccountName: 'lisi', password: 'x' };
    const start = 'AD accounts cannot be added while the option ad is set.';
    expect(() => emulator().addAdAccount(account)).toThrow(invalidInput(`adAccount: ${start}`));
    const build = () => new GenAuthEmulator({ ad: RIGHT as EmulatorAdDirectory, adAccounts: [account] });
    expect(build).toThrow(invalidInput(`adAccounts[0]: ${start}`));
  });
});

it.each<[number, number, Record<string, string>]>([
  [403, 0, { origin: 'https://evil.example' }],
  [403, 0, { origin: 'http://127.0.0.1:1' }],
  [403, 0, { host: 'evil.example' }],
  [200, 1, {}],
])('answers with %i and %i calls a sign-in with the headers %j', async (statusCode, called, headers) => {
  expect([await postRaw(emulator(), PASSWORD, headers), calls.length]).toMatchObject([{ statusCode }, called]);
});

it.each([
  ['without the option ad', {}, 'AdPassw0rd'],
  ['with allowRemote, which requires a secret', { ad: RIGHT, allowRemote: true, appSecret: 's' }, 'x'],
])('allows web pages to sign in %s', async (_title, options, password) => {
  await using own = await new GenAuthEmulator(options).start();
  const headers = { origin: 'https://page.example' };
  expect(await postRaw(own, password, headers)).toMatchObject({ statusCode: 200 });
});
