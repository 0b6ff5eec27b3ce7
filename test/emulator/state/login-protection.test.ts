import { asAd, asUser, getCaptcha, later, rawRequest, signIn, useEmulator, WRONG } from '../support.js';

const CAPTCHA_REQUIRED = {
  statusCode: 403,
  apiCode: 2000,
  message: 'Please enter captcha code for this login request.',
};
const CAPTCHA_WRONG = { statusCode: 403, apiCode: 2001, message: 'Captcha code is incorrect or expired.' };
const LOCKED = { statusCode: 403, apiCode: 2005, message: 'Account is locked.' };

const emulator = useEmulator();

const ask = (account: string, password: string, options?: object) =>
  signIn(emulator(), asUser(account, password, options));
/** Signs in one after the other and returns the codes. */
async function codesOf(...attempts: [account: string, password: string, options?: object][]): Promise<number[]> {
  const codes: number[] = [];
  for (const attempt of attempts) codes.push((await ask(...attempt)).code);
  return codes;
}
const left = (remainCount: number) => ({ ...WRONG, data: { remainCount } });

describe('a captcha', () => {
  const captchaOf = () => getCaptcha(emulator());

  it.each(['alice', 'unknown'])('is required of %s after the limit, whatever the password is', async (account) => {
    emulator().protectLogins({ captchaAfter: 2 });
    const first = [(await ask(account, 'wrong')).answer, (await ask(account, 'wrong')).answer];
    expect(first).toEqual([left(1), left(0)]);
    expect(await ask(account, 'passw0rd')).toMatchObject({ answer: CAPTCHA_REQUIRED, outcome: 'captcha_required' });
    expect((await ask(account, 'wrong', await captchaOf())).answer).toEqual(left(0));
  });

  it('that is right signs in with the right password, and resets the count', async () => {
    emulator().protectLogins({ captchaAfter: 1 });
    expect(await codesOf(['alice', 'wrong'], ['alice', 'passw0rd', await captchaOf()])).toEqual([2333, 200]);
    expect(await codesOf(['alice', 'passw0rd'])).toEqual([200]);
  });

  it('may be typed in lower case', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    // Two captchas, because a code may consist of digits.
    const captchas = [await captchaOf(), await captchaOf()].map(({ captchaCode, captchaToken }) => {
      expect(captchaCode).toMatch(/^[2-9A-HJKMNP-Z]{4}$/);
      return { captchaCode: captchaCode.toLowerCase(), captchaToken };
    });
    const attempts = captchas.map((captcha) => ask('alice', 'passw0rd', captcha));
    expect((await Promise.all(attempts)).map(({ code }) => code)).toEqual([200, 200]);
  });

  it.each<[string, object, object]>([
    ['no captcha', { captchaCode: undefined, captchaToken: undefined }, CAPTCHA_REQUIRED],
    ['an empty code', { captchaCode: '' }, CAPTCHA_REQUIRED],
    ['no code', { captchaCode: undefined }, CAPTCHA_REQUIRED],
    ['no token', { captchaToken: undefined }, CAPTCHA_WRONG],
    ['a wrong code', { captchaCode: '0000' }, CAPTCHA_WRONG],
    ['another token', { captchaToken: '__proto__' }, CAPTCHA_WRONG],
  ])('refuses %s before the password is checked', async (_title, change, answer) => {
    emulator().protectLogins({ captchaAfter: 0, lockAfter: 5 });
    const options = { ...(await captchaOf()), ...change };
    expect((await ask('alice', 'undecryptable', { ...options, passwordEncryptType: 'rsa' })).answer).toEqual(answer);
    expect((await ask('alice', 'wrong', await captchaOf())).answer).toEqual(left(4));
  });

  it.each([
    ['a sign-in', 'passw0rd', {}, 200],
    ['a wrong password', 'wrong', {}, 2333],
    ['a wrong code', 'passw0rd', { captchaCode: '0000' }, 2001],
  ])('is used up by %s', async (_title, password, change, code) => {
    emulator().protectLogins({ captchaAfter: 0 });
    const captcha = await captchaOf();
    expect(await codesOf(['alice', password, { ...captcha, ...change }], ['alice', 'passw0rd', captcha])).toEqual([
      code,
      2001,
    ]);
  });

  it('is accepted once when it is sent several times at once', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    const captcha = await captchaOf();
    const answers = await Promise.all([1, 2, 3].map(() => ask('alice', 'passw0rd', captcha)));
    expect(answers.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([200, 2001, 2001]);
  });

  it.each([
    [299, 200],
    [300, 2001],
  ])('after %i seconds is answered with %i', async (seconds, code) => {
    emulator().protectLogins({ captchaAfter: 0 });
    const captcha = await captchaOf();
    expect(await later(seconds, () => codesOf(['alice', 'passw0rd', captcha]))).toEqual([code]);
  });

  it('stays valid if it was not required', async () => {
    const captcha = await captchaOf();
    expect(await codesOf(['alice', 'passw0rd', { ...captcha, captchaCode: '0000' }])).toEqual([200]);
    emulator().protectLogins({ captchaAfter: 0 });
    expect(await codesOf(['alice', 'passw0rd', captcha])).toEqual([200]);
  });
});

describe('a lock', () => {
  it.each(['alice', 'unknown'])('refuses %s after the limit, whatever the request contains', async (account) => {
    emulator().protectLogins({ lockAfter: 2, captchaAfter: 2 });
    const first = [(await ask(account, 'wrong')).answer, (await ask(account, 'wrong')).answer];
    expect(first).toEqual([left(1), left(0)]);
    const attempts = [{}, { passwordEncryptType: 'rsa' }, await getCaptcha(emulator())];
    const locked = await Promise.all(attempts.map((options) => ask(account, 'passw0rd', options)));
    expect(locked).toMatchObject(Array(3).fill({ answer: LOCKED, outcome: 'account_locked' }));
    expect(await codesOf(['bob', 'passw0rd'])).toEqual([200]);
  });

  it('has the same bytes for a user and for an unknown name', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    const post = async (account: string) => {
      const app = { client_id: emulator().appId, client_secret: emulator().appSecret };
      const body = JSON.stringify({ connection: 'PASSWORD', ...app, ...asUser(account, 'wrong') });
      const headers = { 'content-type': 'application/json' };
      const answer = await rawRequest(`${emulator().url}/api/v3/signin`, { method: 'POST', headers, body });
      return {
        ...answer,
        headers: { ...answer.headers, date: '' },
        body: answer.body.replace(/"requestId":"[^"]+"/, ''),
      };
    };
    expect([await post('alice'), await post('alice')]).toEqual([await post('unknown'), await post('unknown')]);
  });

  it('counts all identifiers of a user together, of every kind', async () => {
    emulator().protectLogins({ lockAfter: 3 });
    const payloads = [{ username: 'alice' }, { email: 'ALICE@example.com' }, { phone: '+8613800000001' }];
    await Promise.all(payloads.map((each) => signIn(emulator(), { passwordPayload: { ...each, password: 'wrong' } })));
    expect(await codesOf(['alice', 'passw0rd'], ['alice@EXAMPLE.com', 'passw0rd'])).toEqual([2005, 2005]);
  });

  it('counts AD accounts apart from users, in any case', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    const askAd = async (name: string, password?: string) => (await signIn(emulator(), asAd(name, password))).code;
    expect([await codesOf(['zhangsan', 'wrong']), await askAd('zhangsan')]).toEqual([[2333], 200]);
    expect([await askAd('ZhangSan', 'wrong'), await askAd('zhangsan')]).toEqual([2333, 2005]);
    emulator().unlock('ZHANGSAN');
    expect(await askAd('zhangsan')).toBe(200);
  });

  it('refuses simultaneous guesses above the limit, also the right one', async () => {
    emulator().protectLogins({ lockAfter: 3 });
    const guesses = Array.from({ length: 12 }, (_, i) => ask('alice', i === 11 ? 'passw0rd' : 'wrong'));
    const codes = (await Promise.all(guesses)).map(({ code }) => code);
    expect(codes.toSorted((a, b) => a - b)).toEqual([...Array(9).fill(2005), 2333, 2333, 2333]);
  });

  it('does not count an undecryptable password and a malformed request', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    const options = [{ passwordEncryptType: 'sm2' }, { scope: 'none' }, {}];
    const attempts = options.map((each): [string, string, object] => ['alice', 'passw0rd', each]);
    expect(await codesOf(...attempts)).toEqual([2016, 400, 200]);
  });

  it('is removed for one account, or for all', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    expect(await codesOf(['alice', 'wrong'], ['bob', 'wrong'])).toEqual([2333, 2333]);
    emulator().unlock('alice@example.com');
    expect(await codesOf(['alice', 'passw0rd'], ['bob', 'passw0rd'])).toEqual([200, 2005]);
    emulator().unlock();
    expect(await codesOf(['bob', 'passw0rd'])).toEqual([200]);
  });
});

it('counts down to the lock, or to the captcha without a lock, and keeps the count at new limits', async () => {
  const limits = [{ lockAfter: 5, captchaAfter: 9 }, { captchaAfter: 9 }, {}, { captchaAfter: 9 }];
  const answers = [];
  for (const each of limits) {
    emulator().protectLogins(each);
    answers.push((await ask('alice', 'wrong')).answer);
  }
  expect(answers).toEqual([left(4), left(7), WRONG, left(6)]);
  emulator().protectLogins({ lockAfter: 3 });
  expect(await codesOf(['alice', 'passw0rd'])).toEqual([2005]);
});
