import { jest } from '@jest/globals';
import { PATHS } from '../../../src/core/wire/facts.js';
import { type EmulatorAdAnswer, type EmulatorAdDirectory, GenAuthEmulator } from '../../../src/emulator/index.js';
import { askDirectory } from '../../../src/emulator/sign-in/ask-directory.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, until } from '../../support/promise.js';
import { catchThrown } from '../../support/thrown.js';
import { encryptBySm2 } from '../encryption/ciphertexts.js';
import {
  asAd,
  asJson,
  getTokens,
  getUserInfo,
  invalidInput,
  inTurn,
  send,
  signIn as ask,
  signInBody,
  useEmulator,
  WRONG,
} from '../support.js';

const PASSWORD = 'c4nary-zhang-pässword';
const CLAIMS = { name: 'Zhang San', email: 'zhangsan@example.test' };
const RIGHT = () => ({ claims: CLAIMS });

let behave: (name: string, password: string) => unknown;
const calls: string[] = [];
const emulator = useEmulator({
  roles: ['admin', 'reader'],
  ad: (name, password) => {
    calls.push(`${name}:${password}`);
    return behave(name, password) as EmulatorAdAnswer;
  },
});

beforeEach(() => {
  behave = (name, password) => (name.toLowerCase() === 'zhangsan' && password === PASSWORD ? RIGHT() : undefined);
});
afterEach(() => {
  calls.length = 0;
  catchThrown(() => emulator().removeAdAccount('zhangsan'));
});

const signIn = (password = PASSWORD, name = 'zhangsan', options?: object) =>
  ask(emulator(), asAd(name, password, options));
/** Signs in and returns the user info. */
async function readUser(name = 'zhangsan'): Promise<Record<string, unknown>> {
  const options = { scope: 'openid profile username email phone roles' };
  const { access_token } = await getTokens(emulator(), asAd(name, PASSWORD, options));
  return (await getUserInfo(emulator(), access_token)).body;
}

describe('the function ad', () => {
  it('receives the name and the decrypted password unchanged, once, and decides', async () => {
    const base64 = btoa(PASSWORD);
    const encrypted = await encryptBySm2(emulator(), base64);
    expect(await signIn(PASSWORD, 'ZhangSan')).toMatchObject({ code: 200, outcome: 'success' });
    expect(await signIn('wrong ')).toMatchObject({ answer: WRONG, outcome: 'invalid_credentials' });
    expect((await signIn(encrypted, ' zhangsan', { passwordEncryptType: 'sm2' })).code).toBe(2333);
    expect(calls).toEqual([`ZhangSan:${PASSWORD}`, 'zhangsan:wrong ', ` zhangsan:${base64}`]);
  });

  it.each<[EmulatorAdAnswer & object, string]>([
    [{ statusCode: 403, apiCode: '2005' }, 'account_locked'],
    [{ statusCode: 403, apiCode: 2120008 }, 'access_denied'],
    [{ statusCode: 403, apiCode: 2005, outcome: 'account_expired' }, 'account_expired'],
    [{ statusCode: 301, apiCode: 2058, data: { token: 't' } }, 'password_change_required'],
    [{ statusCode: 301, apiCode: '1635' }, 'mfa_required'],
    [{ statusCode: 422, apiCode: 2005, message: 'misconfigured' }, 'directory_failed'],
  ])('may return %j, which is recorded as %s and not counted as a failure', async (answer, outcome) => {
    behave = () => answer;
    emulator().protectLogins({ captchaAfter: 1, lockAfter: 1 });
    const { outcome: _, ...envelope } = answer as EmulatorAdAnswer & { statusCode: number; outcome?: string };
    const results = await inTurn([1, 2], () => signIn());
    expect(results).toMatchObject(Array(2).fill({ answer: { message: '', ...envelope }, outcome }));
    // An answer that requires a further step contains the code twice.
    expect('code' in results[0]!.answer).toBe(envelope.statusCode === 301);
  });

  it.each<[string, (name: string, password: string) => unknown]>([
    ['must return', () => ({})],
    ['must return', () => ({ claims: JSON.parse('{"__proto__":{"roles":["admin"]}}') as object })],
    ['must return', () => ({ claims: CLAIMS, statusCode: 403 })],
    ['must return', (_name, password) => ({ statusCode: 403, apiCode: password })],
    ['must return', () => ({ statusCode: 403, outcome: 'success' })],
    ['threw an error', (_name, password) => Promise.reject(new TypeError(password))],
  ])('is answered with 602 without the password: it %s', async (text, run) => {
    behave = run;
    const message: unknown = expect.stringMatching(new RegExp(`^The function ad ${text}.*\\.$`));
    const answer = await signIn();
    expect(answer).toMatchObject({ answer: { statusCode: 602, message }, outcome: 'directory_failed' });
    expect(findLeaks([answer, emulator().signIns], [PASSWORD])).toEqual([]);
  });

  it('is answered with 408 after 5 seconds', async () => {
    jest.useFakeTimers();
    try {
      const asking = askDirectory(() => new Promise(() => {}), 'zhangsan', PASSWORD).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(4999);
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(1);
      const answer = { statusCode: 408, message: 'The function ad did not answer within 5 seconds.' };
      expect(await asking).toMatchObject({ outcome: 'directory_failed', answer });
      expect([await askDirectory(RIGHT, 'zhangsan', PASSWORD), jest.getTimerCount()]).toEqual([CLAIMS, 0]);
    } finally {
      jest.useRealTimers();
    }
  });

  it.each<[string, () => Promise<unknown>, object]>([
    ['an empty password', () => signIn(''), { answer: WRONG }],
    ['a name with a control character', () => signIn(PASSWORD, 'zhang\nsan'), { answer: WRONG }],
    ['an undecryptable password', () => signIn('x', 'zhangsan', { passwordEncryptType: 'sm2' }), { code: 2016 }],
  ])('is not called for %s', async (_title, run, expected) => {
    behave = RIGHT;
    expect(await run()).toMatchObject(expected);
    expect(calls).toEqual([]);
  });

  it('cannot admit a right password that arrived with the guesses that lock the account', async () => {
    const gate = new Gate();
    behave = (_name, password) => (password === PASSWORD ? gate.opened.then(RIGHT) : undefined);
    emulator().protectLogins({ lockAfter: 2 });
    const right = signIn();
    await until(() => calls.length === 1);
    await inTurn(['wrong', 'wrong'], (password) => signIn(password));
    gate.open();
    expect((await right).code).toBe(2005);
  });
});

describe('the user', () => {
  it('has the valid claims of the directory', async () => {
    const claims = { username: 'ZhangSan', name: '张三', family_name: undefined, email: 'none', nickname: 5 };
    behave = () => ({ claims });
    expect(await readUser('ZHANGSAN')).toMatchObject({ ...claims, family_name: null, email: null, nickname: null });
  });

  it('keeps the sub, the first name and the changed claims, and gets the current claims of the directory', async () => {
    behave = RIGHT;
    const { sub } = await readUser('ZHANGSAN');
    emulator().updateAdAccount('zhangsan', { nickname: 'San', roles: ['admin'] });
    const same = await readUser();
    const kept = { sub, username: 'ZHANGSAN', nickname: 'San', roles: ['admin'] };
    expect([same, await readUser()]).toMatchObject([{ ...CLAIMS, ...kept }, same]);
    behave = () => ({ claims: { name: 'Zhang San-Li', roles: ['unknown'] } });
    const updated: unknown = expect.not.stringMatching(String(same['updated_at']));
    const now = { name: 'Zhang San-Li', email: null, roles: [], updated_at: updated };
    expect(await readUser()).toMatchObject({ ...kept, ...now });
  });

  it('can be changed after the first sign-in, except for the password, and cannot be added', async () => {
    expect(() => emulator().updateAdAccount('zhangsan', {})).toThrow(invalidInput('sAMAccountName: '));
    await signIn();
    emulator().updateAdAccount('zhangsan', { lockout: true });
    expect([(await signIn()).code, calls.length]).toEqual([2005, 1]);
    expect(() => emulator().updateAdAccount('zhangsan', { password: 'x' })).toThrow(invalidInput('changes: unknown'));
    const lisi = { sAMAccountName: 'lisi', password: 'x' };
    expect(() => emulator().addAdAccount(lisi)).toThrow(invalidInput('adAccount: AD accounts cannot be added'));
    const options = { ad: RIGHT as EmulatorAdDirectory, adAccounts: [lisi] };
    expect(() => new GenAuthEmulator(options)).toThrow(invalidInput('adAccounts[0]: AD accounts cannot be added'));
  });
});

const EVIL = { origin: 'https://evil.example' };

it.each<[object, object, Record<string, string>]>([
  [{ ad: RIGHT }, { statusCode: 403 }, EVIL],
  [{ ad: RIGHT }, { statusCode: 403 }, { host: 'evil.example' }],
  [{ ad: RIGHT }, { statusCode: 200 }, {}],
  [{}, { statusCode: 403, apiCode: 2333 }, EVIL],
  [{ ad: RIGHT, allowRemote: true, appSecret: 's' }, { statusCode: 200 }, EVIL],
])('with %j answers %j to the headers %j', async (options, body, headers) => {
  await using own = await new GenAuthEmulator(options).start();
  const sent = asJson(signInBody(own, asAd('zhangsan', PASSWORD)));
  const answer = await send(own.url + PATHS.signIn, { ...sent, headers: { ...sent.headers, ...headers } });
  expect(answer).toMatchObject({ status: 200, body });
});
