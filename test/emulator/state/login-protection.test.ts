import { jest } from '@jest/globals';
import { Captchas } from '../../../src/emulator/state/captchas.js';
import type { EmulatorLoginProtection, GenAuthEmulator } from '../../../src/emulator/index.js';
import { LoginProtection } from '../../../src/emulator/state/login-protection.js';
import {
  type Answer,
  control,
  getCaptcha,
  getJson,
  postSignIn,
  postSignInBytes,
  signInBody,
  useEmulator,
} from '../support.js';

const WRONG = { statusCode: 403, apiCode: 2333, message: 'Account not exists or password is incorrect.' };
const CAPTCHA_REQUIRED = {
  statusCode: 403,
  apiCode: 2000,
  message: 'Please enter captcha code for this login request.',
};
const CAPTCHA_WRONG = { statusCode: 403, apiCode: 2001, message: 'Captcha code is incorrect or expired.' };
const LOCKED = { statusCode: 403, apiCode: 2005, message: 'Account is locked.' };

const emulator = useEmulator();

/** Signs in as somebody, and hands back the answer without its id. */
async function signIn(account: string, password: string, options?: object): Promise<Omit<Answer, 'requestId'>> {
  const body = signInBody(emulator(), { passwordPayload: { account, password }, options });
  const { requestId: _, ...answer } = (await postSignIn(emulator(), body)).answer;
  return answer;
}

async function fail(times: number, account = 'alice'): Promise<void> {
  for (let i = 0; i < times; i++) expect(await signIn(account, 'wrong')).toMatchObject(WRONG);
}

const left = (remainCount: number) => ({ ...WRONG, data: { remainCount } });
const outcomes = (target: GenAuthEmulator) => target.signIns.map(({ outcome }) => outcome);

describe('without limits', () => {
  test('nobody is locked, and no answer counts', async () => {
    for (let i = 0; i < 12; i++) expect(await signIn('alice', 'wrong')).toEqual(WRONG);
    expect(await signIn('alice', 'passw0rd')).toMatchObject({ statusCode: 200 });
  });

  test('a captcha that nobody asked for is not looked at, and stays good', async () => {
    const captcha = await getCaptcha(emulator());
    const bad = { captchaCode: '????', captchaToken: captcha.captchaToken };
    expect(await signIn('alice', 'passw0rd', bad)).toMatchObject({ statusCode: 200 });
    emulator().protectLogins({ captchaAfter: 0 });
    expect(await signIn('alice', 'passw0rd', captcha)).toMatchObject({ statusCode: 200 });
  });
});

describe('a captcha', () => {
  test('is a picture that shows its code, and a token', async () => {
    const answer = await getJson(`${emulator().url}/api/v3/get-captcha-code`);
    expect(answer).toEqual({
      statusCode: 200,
      message: '',
      requestId: expect.stringMatching(/^[\da-f-]{36}$/),
      data: {
        captchaCodeSvg: expect.stringMatching(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"[^]*<\/svg>$/),
        captchaToken: expect.stringMatching(/^[\w-]{22}$/),
      },
    });
    const [one, two] = [await getCaptcha(emulator()), await getCaptcha(emulator())];
    expect(one.captchaCode).toMatch(/^[2-9A-HJKMNP-Z]{4}$/);
    expect(two.captchaToken).not.toBe(one.captchaToken);
    expect(emulator().requests('captcha')).toBe(3);
  });

  test.each(['alice', 'nobody'])('is wanted of %s after so many failures, whatever the password', async (account) => {
    emulator().protectLogins({ captchaAfter: 2 });
    expect(await signIn(account, 'wrong')).toEqual(left(1));
    expect(await signIn(account, 'wrong')).toEqual(left(0));
    for (const password of ['wrong', 'passw0rd', '']) expect(await signIn(account, password)).toEqual(CAPTCHA_REQUIRED);
    expect(await signIn(account, 'wrong', await getCaptcha(emulator()))).toEqual(left(0));
    expect(outcomes(emulator())).toEqual([
      'invalid_credentials',
      'invalid_credentials',
      'captcha_required',
      'captcha_required',
      'captcha_required',
      'invalid_credentials',
    ]);
  });

  test('that is right lets the right password in, and with that the account is trusted again', async () => {
    emulator().protectLogins({ captchaAfter: 2 });
    await fail(2);
    expect(await signIn('alice', 'passw0rd', await getCaptcha(emulator()))).toMatchObject({ statusCode: 200 });
    expect(await signIn('alice', 'wrong')).toEqual(left(1));
    expect(await signIn('alice', 'passw0rd')).toMatchObject({ statusCode: 200 });
  });

  test('is wanted of everybody, always, with a limit of 0', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    for (const account of ['alice', 'nobody']) expect(await signIn(account, 'passw0rd')).toEqual(CAPTCHA_REQUIRED);
    expect(await signIn('alice', 'passw0rd', await getCaptcha(emulator()))).toMatchObject({ statusCode: 200 });
    expect(await signIn('alice', 'passw0rd')).toEqual(CAPTCHA_REQUIRED);
  });

  test('may be typed in lower case', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    // Two, in case that one has no letters.
    for (let i = 0; i < 2; i++) {
      const { captchaCode, captchaToken } = await getCaptcha(emulator());
      const options = { captchaCode: captchaCode.toLowerCase(), captchaToken };
      expect(await signIn('alice', 'passw0rd', options)).toMatchObject({ statusCode: 200 });
    }
  });

  test.each<[string, (captcha: { captchaCode: string; captchaToken: string }) => object, object]>([
    ['nothing', () => ({}), CAPTCHA_REQUIRED],
    ['an empty code', ({ captchaToken }) => ({ captchaCode: '', captchaToken }), CAPTCHA_REQUIRED],
    ['a token alone', ({ captchaToken }) => ({ captchaToken }), CAPTCHA_REQUIRED],
    ['a code alone', ({ captchaCode }) => ({ captchaCode }), CAPTCHA_WRONG],
    ['a wrong code', ({ captchaToken }) => ({ captchaCode: '0000', captchaToken }), CAPTCHA_WRONG],
    ['a longer code', (captcha) => ({ ...captcha, captchaCode: `${captcha.captchaCode} ` }), CAPTCHA_WRONG],
    ['another token', ({ captchaCode }) => ({ captchaCode, captchaToken: 'x' }), CAPTCHA_WRONG],
    ['the name of a member', () => ({ captchaCode: 'x', captchaToken: '__proto__' }), CAPTCHA_WRONG],
  ])('is refused before the password is looked at: %s', async (_name, spoil, expected) => {
    emulator().protectLogins({ captchaAfter: 0, lockAfter: 5 });
    const options = spoil(await getCaptcha(emulator()));
    expect(await signIn('alice', 'passw0rd', options)).toEqual(expected);
    expect(await signIn('alice', 'not even base64', { ...options, passwordEncryptType: 'rsa' })).toEqual(expected);
    expect(outcomes(emulator())).toEqual(
      Array(2).fill(expected === CAPTCHA_WRONG ? 'captcha_wrong' : 'captcha_required'),
    );
    // And it was no failure of the password.
    expect(await signIn('alice', 'wrong', await getCaptcha(emulator()))).toEqual(left(4));
  });

  test('has one try: right or wrong, it is used up', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    const used = await getCaptcha(emulator());
    expect(await signIn('alice', 'passw0rd', used)).toMatchObject({ statusCode: 200 });
    expect(await signIn('alice', 'passw0rd', used)).toEqual(CAPTCHA_WRONG);
    const missed = await getCaptcha(emulator());
    expect(await signIn('alice', 'passw0rd', { ...missed, captchaCode: '0000' })).toEqual(CAPTCHA_WRONG);
    expect(await signIn('alice', 'passw0rd', missed)).toEqual(CAPTCHA_WRONG);
    const wasted = await getCaptcha(emulator());
    expect(await signIn('alice', 'wrong', wasted)).toMatchObject(WRONG);
    expect(await signIn('alice', 'passw0rd', wasted)).toEqual(CAPTCHA_WRONG);
  });

  test('is let in once, though it is sent twice at once', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    const captcha = await getCaptcha(emulator());
    const answers = await Promise.all([1, 2, 3].map(() => signIn('alice', 'passw0rd', captcha)));
    const codes = answers.map(({ apiCode }) => apiCode);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === 2001)).toHaveLength(2);
  });

  test('lives five minutes', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    const [young, old] = [await getCaptcha(emulator()), await getCaptcha(emulator())];
    const { now } = Date;
    const clock = jest.spyOn(Date, 'now');
    try {
      clock.mockImplementation(() => now() + 4.9 * 60_000);
      expect(await signIn('alice', 'passw0rd', young)).toMatchObject({ statusCode: 200 });
      clock.mockImplementation(() => now() + 5 * 60_000);
      expect(await signIn('alice', 'passw0rd', old)).toEqual(CAPTCHA_WRONG);
    } finally {
      clock.mockRestore();
    }
  });

  test('is one of the last thousand: older ones are forgotten', () => {
    // Not over HTTP: on a busy machine so many requests take longer than a test may.
    const captchas = new Captchas();
    const all = Array.from({ length: 1001 }, () => captchas.create());
    const redeemed = all.map(({ captchaCodeSvg, captchaToken }) =>
      captchas.redeem(captchaToken, /<text[^>]*>([^<]+)/.exec(captchaCodeSvg)?.[1] ?? ''),
    );
    expect(redeemed).toEqual([false, ...Array.from({ length: 1000 }, () => true)]);
  });
});

describe('a lock', () => {
  test.each(['alice', 'nobody'])('comes over %s after so many failures, and stays, whatever comes', async (account) => {
    emulator().protectLogins({ lockAfter: 2 });
    expect(await signIn(account, 'wrong')).toEqual(left(1));
    expect(await signIn(account, 'wrong')).toEqual(left(0));
    for (const password of ['wrong', 'passw0rd', '']) expect(await signIn(account, password)).toEqual(LOCKED);
    expect(await signIn(account, 'passw0rd', { passwordEncryptType: 'rsa' })).toEqual(LOCKED);
    expect(await signIn(account, 'passw0rd', await getCaptcha(emulator()))).toEqual(LOCKED);
    expect(outcomes(emulator()).slice(2)).toEqual(Array(5).fill('account_locked'));
    await fail(1, 'bob');
  });

  test('is the same bytes for those who exist and those who do not, and so is the way to it', async () => {
    emulator().protectLogins({ lockAfter: 2, captchaAfter: 1 });
    const way = async (account: string) => {
      const steps = [];
      for (const withCaptcha of [false, false, true, false, true]) {
        const options = withCaptcha ? await getCaptcha(emulator()) : {};
        const body = signInBody(emulator(), { passwordPayload: { account, password: 'wrong' }, options });
        steps.push(await postSignInBytes(emulator(), body));
      }
      return steps;
    };
    const steps = await way('alice');
    expect(steps.map(({ text }) => /"apiCode":(\d+)/.exec(text)?.[1])).toEqual([
      '2333',
      '2000',
      '2333',
      '2005',
      '2005',
    ]);
    expect(await way('nobody')).toEqual(steps);
    expect(await way('nobody@example.com')).toEqual(steps);
  });

  test('is over the account, by whichever identifier', async () => {
    emulator().protectLogins({ lockAfter: 3 });
    await fail(1, 'alice');
    await fail(1, 'ALICE@example.com');
    await fail(1, '+8613800000001');
    for (const account of ['alice', 'alice@EXAMPLE.com', '+8613800000001']) {
      expect(await signIn(account, 'passw0rd')).toEqual(LOCKED);
    }
  });

  test('counts those who do not exist as it counts the others: addresses without case, names with it', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    await fail(1, 'Nobody@Example.com');
    expect(await signIn('nobody@example.com', 'x')).toEqual(LOCKED);
    await fail(1, 'Nobody');
    await fail(1, 'nobody');
    expect(await signIn('bob', 'passw0rd')).toMatchObject({ statusCode: 200 });
  });

  test.each(['alice', 'nobody'])('cannot be told apart by the kind of identifier: %s', async (name) => {
    emulator().protectLogins({ lockAfter: 3 });
    for (const identifier of ['account', 'username', 'email']) {
      const passwordPayload = { [identifier]: name, password: 'wrong' };
      const { answer } = await postSignIn(emulator(), signInBody(emulator(), { passwordPayload }));
      expect(answer).toMatchObject(WRONG);
    }
    expect(await signIn(name, 'passw0rd')).toEqual(LOCKED);
  });

  test('has AD accounts apart from users, without case', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    const ad = async (sAMAccountName: string, password: string) => {
      const adPayload = { sAMAccountName, password };
      return (await postSignIn(emulator(), signInBody(emulator(), { connection: 'AD', adPayload }))).answer;
    };
    await fail(1, 'zhangsan');
    expect(await ad('zhangsan', 'AdPassw0rd')).toMatchObject({ statusCode: 200 });
    expect(await ad('ZhangSan', 'wrong')).toMatchObject(left(0));
    expect(await ad('zhangsan', 'AdPassw0rd')).toMatchObject(LOCKED);
    emulator().unlock('ZHANGSAN');
    expect(await ad('zhangsan', 'AdPassw0rd')).toMatchObject({ statusCode: 200 });
  });

  test('counts from anew after a success', async () => {
    emulator().protectLogins({ lockAfter: 2 });
    for (let round = 0; round < 3; round++) {
      expect(await signIn('alice', 'wrong')).toEqual(left(1));
      expect(await signIn('alice', 'passw0rd')).toMatchObject({ statusCode: 200 });
    }
  });

  test('is not outrun by guesses that come at once', async () => {
    emulator().protectLogins({ lockAfter: 3 });
    const guesses = Array.from({ length: 12 }, (_, i) => signIn('alice', i === 11 ? 'passw0rd' : 'wrong'));
    const codes = (await Promise.all(guesses)).map(({ apiCode }) => apiCode);
    expect(codes.filter((code) => code === 2333)).toHaveLength(3);
    expect(codes.filter((code) => code === 2005)).toHaveLength(9);
  });

  test('does not count what is no guess: a ciphertext that cannot be decrypted, a malformed body', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    expect(await signIn('alice', 'x', { passwordEncryptType: 'sm2' })).toMatchObject({ apiCode: 2016 });
    expect(await signIn('alice', 'wrong', { scope: 'none' })).toMatchObject({ statusCode: 400 });
    expect(await signIn('alice', 'passw0rd')).toMatchObject({ statusCode: 200 });
  });

  test('is opened for one, or for all', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    for (const account of ['alice', 'bob', 'nobody']) await fail(1, account);
    emulator().unlock('alice@example.com');
    expect(await signIn('alice', 'passw0rd')).toMatchObject({ statusCode: 200 });
    for (const account of ['bob', 'nobody']) expect(await signIn(account, 'passw0rd')).toEqual(LOCKED);
    emulator().unlock();
    expect(await signIn('bob', 'passw0rd')).toMatchObject({ statusCode: 200 });
    await fail(1, 'nobody');
  });
});

describe('limits', () => {
  test('tell how many tries are left until the lock, where there is one, and else until the captcha', async () => {
    emulator().protectLogins({ lockAfter: 5, captchaAfter: 9 });
    expect(await signIn('alice', 'wrong')).toEqual(left(4));
    emulator().protectLogins({ captchaAfter: 9 });
    expect(await signIn('alice', 'wrong')).toEqual(left(7));
    emulator().protectLogins({});
    expect(await signIn('alice', 'wrong')).toEqual(WRONG);
    emulator().protectLogins({ captchaAfter: 9 });
    expect(await signIn('alice', 'wrong')).toEqual(left(6));
  });

  test('lock at once who has failed often enough already', async () => {
    emulator().protectLogins({ lockAfter: 9 });
    await fail(2);
    emulator().protectLogins({ lockAfter: 2 });
    expect(await signIn('alice', 'passw0rd')).toEqual(LOCKED);
    emulator().protectLogins({ lockAfter: 3 });
    expect(await signIn('alice', 'passw0rd')).toMatchObject({ statusCode: 200 });
  });

  test('and failures and captchas are gone after a reset', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    await fail(1);
    const captcha = await getCaptcha(emulator());
    emulator().reset();
    expect(await signIn('alice', 'passw0rd')).toMatchObject({ statusCode: 200 });
    emulator().protectLogins({ lockAfter: 1 });
    expect(await signIn('alice', 'passw0rd')).toMatchObject({ statusCode: 200 });
    emulator().protectLogins({ captchaAfter: 0 });
    expect(await signIn('alice', 'passw0rd', captcha)).toEqual(CAPTCHA_WRONG);
  });

  test('remember 10,000 accounts, those that failed last', () => {
    const protection = new LoginProtection({ captchaAfter: Infinity, lockAfter: 2 });
    for (const account of ['one', 'two', 'two', 'one']) protection.recordFailure(account);
    for (let i = 0; i < 9999; i++) protection.recordFailure(`other-${i}`);
    expect([protection.isLocked('one'), protection.isLocked('two')]).toEqual([true, false]);
  });

  test.each<[unknown, string]>([
    [{ captchaAfter: -1 }, 'captchaAfter: expected a whole number from 0'],
    [{ captchaAfter: 1.5 }, 'got 1.5'],
    [{ lockAfter: 0 }, 'lockAfter: expected a whole number from 1'],
    [{ lockAfter: null }, 'got null'],
    [{ lockAfter: 2, captcha: 1 }, 'loginProtection: unknown property "captcha". Use one of: captchaAfter, lockAfter.'],
    [undefined, 'loginProtection: expected an object, got undefined.'],
  ])('%j are refused, and the old ones stay', async (limits, message) => {
    emulator().protectLogins({ captchaAfter: 0 });
    expect(() => emulator().protectLogins(limits as EmulatorLoginProtection)).toThrow(
      expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
    );
    expect(await signIn('alice', 'passw0rd')).toEqual(CAPTCHA_REQUIRED);
  });

  test.each<[unknown, string]>([
    [7, 'account: expected a string, got 7.'],
    [null, 'got null'],
  ])('unlocking %p is refused', (account, message) => {
    expect(() => emulator().unlock(account as string)).toThrow(message);
  });
});

describe('limits of the options', () => {
  const limited = useEmulator({ captchaAfter: 1, lockAfter: 2 });

  test('hold from the start, and again after a reset', async () => {
    const statuses = async (options?: object) => {
      const body = signInBody(limited(), { passwordPayload: { account: 'alice', password: 'wrong' }, options });
      return (await postSignIn(limited(), body)).answer.apiCode;
    };
    expect([await statuses(), await statuses(), await statuses(await getCaptcha(limited())), await statuses()]).toEqual(
      [2333, 2000, 2333, 2005],
    );
    limited().protectLogins({});
    expect(await statuses()).toBe(2333);
    limited().reset();
    expect([await statuses(), await statuses()]).toEqual([2333, 2000]);
    expect((await control(limited(), 'POST', '/unlock', {})).status).toBe(200);
    expect(await statuses()).toBe(2333);
  });
});
