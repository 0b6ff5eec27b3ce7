import { jest } from '@jest/globals';
import { PATHS } from '../../../src/core/wire/facts.js';
import { type EmulatorAdAnswer, GenAuthEmulator } from '../../../src/emulator/index.js';
import { askDirectory } from '../../../src/emulator/sign-in/ask-directory.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';
import { encryptBySm2 } from '../encryption/ciphertexts.js';
import { getUserInfo } from '../oidc/requests.js';
import { asAd, asJson, invalidInput, inTurn, send, signIn, signInBody, useEmulator, WRONG } from '../support.js';

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

const ask = (password = PASSWORD, name = 'zhangsan', options?: object) =>
  signIn(emulator(), asAd(name, password, options));
/** Signs in and returns the user info. */
async function readUser(name = 'zhangsan'): Promise<Record<string, unknown>> {
  const { answer } = await ask(PASSWORD, name, { scope: 'openid profile username email phone roles' });
  return (await getUserInfo(emulator(), answer.data?.access_token)).body;
}

describe('the function ad', () => {
  it('receives the name and the decrypted password unchanged, once, and decides', async () => {
    const encrypted = await encryptBySm2(emulator(), btoa(PASSWORD));
    expect(await ask(PASSWORD, 'ZhangSan')).toMatchObject({ code: 200, outcome: 'success' });
    expect(await ask('wrong ')).toMatchObject({ answer: WRONG, outcome: 'invalid_credentials' });
    expect((await ask(encrypted, ' zhangsan', { passwordEncryptType: 'sm2' })).code).toBe(2333);
    expect(calls).toEqual([`ZhangSan:${PASSWORD}`, 'zhangsan:wrong ', ` zhangsan:${btoa(PASSWORD)}`]);
  });

  it.each<[EmulatorAdAnswer & object, string]>([
    [{ statusCode: 403, apiCode: '2005' }, 'account_locked'],
    [{ statusCode: 403, apiCode: 2005, outcome: 'account_expired' }, 'account_expired'],
    [{ statusCode: 301, apiCode: 2058, data: { token: 't' } }, 'password_change_required'],
    [{ statusCode: 301, apiCode: '1635' }, 'mfa_required'],
    [{ statusCode: 422, apiCode: 2005, message: 'misconfigured' }, 'directory_failed'],
  ])('may return %j, which is recorded as %s and not counted as a failure', async (answer, outcome) => {
    behave = () => answer;
    emulator().protectLogins({ captchaAfter: 1, lockAfter: 1 });
    const { outcome: _, ...envelope } = answer as EmulatorAdAnswer & { statusCode: number; outcome?: string };
    const results = await inTurn([1, 2], () => ask());
    expect(results).toMatchObject(Array(2).fill({ answer: { message: '', ...envelope }, outcome }));
    // An answer that requires a further step contains the code twice.
    expect('code' in results[0]!.answer).toBe(envelope.statusCode === 301);
  });

  it.each<[string, (name: string, password: string) => unknown]>([
    ['must return', () => ({ claims: JSON.parse('{"__proto__":{"roles":["admin"]}}') as object })],
    ['must return', () => ({ claims: CLAIMS, statusCode: 403 })],
    ['must return', () => ({ statusCode: 299 })],
    ['must return', (_name, password) => ({ statusCode: 403, apiCode: password })],
    ['must return', () => ({ statusCode: 403, outcome: 'success' })],
    ['threw an error', (_name, password) => Promise.reject(new TypeError(password))],
  ])('is answered with 602 without the password: it %s', async (text, run) => {
    behave = run;
    const message: unknown = expect.stringMatching(new RegExp(`^The function ad ${text}.*\\.$`));
    const answer = await ask();
    expect(answer).toMatchObject({ answer: { statusCode: 602, message }, outcome: 'directory_failed' });
    expect(findLeaks([answer, emulator().signIns], [PASSWORD])).toEqual([]);
  });

  it('is answered with 408 after 5 seconds', async () => {
    jest.useFakeTimers();
    const asking = askDirectory(() => new Promise(() => {}), 'zhangsan', PASSWORD).catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(4999);
    expect(jest.getTimerCount()).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    const answer = { statusCode: 408, message: 'The function ad did not answer within 5 seconds.' };
    expect(await asking).toMatchObject({ outcome: 'directory_failed', answer });
    expect([await askDirectory(RIGHT, 'zhangsan', PASSWORD), jest.getTimerCount()]).toEqual([CLAIMS, 0]);
    jest.useRealTimers();
  });

  it.each<[string, string, string, object, object]>([
    ['an empty password', '', 'zhangsan', {}, { answer: WRONG }],
    ['a name with a control character', PASSWORD, 'zhang\nsan', {}, { answer: WRONG }],
    ['an undecryptable password', 'x', 'zhangsan', { passwordEncryptType: 'sm2' }, { code: 2016 }],
  ])('is not called for %s', async (_title, password, name, options, expected) => {
    behave = RIGHT;
    expect(await ask(password, name, options)).toMatchObject(expected);
    expect(calls).toEqual([]);
  });
});

it('a user has the valid claims of the directory, and keeps the sub, the name and the changed claims', async () => {
  behave = () => ({ claims: { ...CLAIMS, phone_number: 'none', website: 5 } });
  const { sub, ...first } = await readUser('ZHANGSAN');
  expect(first).toMatchObject({ ...CLAIMS, phone_number: null, website: null, username: 'ZHANGSAN' });
  emulator().updateAdAccount('zhangsan', { nickname: 'San', roles: ['admin'] });
  const kept = { sub, username: 'ZHANGSAN', nickname: 'San' };
  const same = await readUser();
  expect([same, await readUser()]).toMatchObject([{ ...CLAIMS, ...kept, roles: ['admin'] }, same]);
  behave = () => ({ claims: { name: 'Zhang San-Li', roles: ['unknown'] } });
  const { updated_at, ...now } = await readUser();
  expect(now).toMatchObject({ ...kept, name: 'Zhang San-Li', email: null, roles: [] });
  expect(updated_at).not.toBe(same['updated_at']);
});

it('a user can be changed after the first sign-in, except for the password, and cannot be added', async () => {
  expect(() => emulator().updateAdAccount('zhangsan', {})).toThrow(invalidInput('sAMAccountName: '));
  await ask();
  emulator().updateAdAccount('zhangsan', { lockout: true });
  expect([(await ask()).code, calls.length]).toEqual([2005, 1]);
  expect(() => emulator().updateAdAccount('zhangsan', { password: 'x' })).toThrow(invalidInput('changes: unknown'));
  const entry = { sAMAccountName: 'lisi', password: 'x' };
  expect(() => emulator().addAdAccount(entry)).toThrow(invalidInput('adAccount: AD accounts cannot be added'));
});

const EVIL = { origin: 'https://evil.example' };

it.each<[object, object, Record<string, string>]>([
  [{ ad: RIGHT }, { statusCode: 403 }, EVIL],
  [{ ad: RIGHT }, { statusCode: 403 }, { host: 'evil.example' }],
  [{}, { statusCode: 403, apiCode: 2333 }, EVIL],
  [{ ad: RIGHT, allowRemote: true, appSecret: 's' }, { statusCode: 200 }, EVIL],
])('with %j answers %j to the headers %j', async (options, body, headers) => {
  await using own = await new GenAuthEmulator(options).start();
  const sent = asJson(signInBody(own, asAd('zhangsan', PASSWORD)));
  const answer = await send(own.url + PATHS.signIn, { ...sent, headers: { ...sent.headers, ...headers } });
  expect(answer).toMatchObject({ status: 200, body });
});
