import { asAd, asUser, getCaptcha, inTurn, later, signIn, useEmulator, WRONG } from '../support.js';

const CAPTCHA_REQUIRED = {
  statusCode: 403,
  apiCode: 2000,
  message: 'Please enter captcha code for this login request.',
};
const CAPTCHA_WRONG = { statusCode: 403, apiCode: 2001, message: 'Captcha code is incorrect or expired.' };
const LOCKED = { statusCode: 403, apiCode: 2005, message: 'Account is locked.' };

const emulator = useEmulator();

const ask = (body: object) => signIn(emulator(), body);
/** Signs in one after the other and returns the codes. */
const codesOf = async (...bodies: object[]) => (await inTurn(bodies, ask)).map(({ code }) => code);
const right = (options = {}) => asUser('alice', 'passw0rd', options);
const WRONG_ALICE = asUser('alice', 'wrong');
const left = (remainCount: number) => ({ ...WRONG, data: { remainCount } });

describe('a captcha', () => {
  it.each(['alice', 'unknown'])('is required of %s after the limit, whatever the password is', async (account) => {
    emulator().protectLogins({ captchaAfter: 2 });
    const wrong = asUser(account, 'wrong');
    expect((await inTurn([wrong, wrong], ask)).map(({ answer }) => answer)).toEqual([left(1), left(0)]);
    expect(await ask(asUser(account))).toMatchObject({ answer: CAPTCHA_REQUIRED, outcome: 'captcha_required' });
    expect((await ask(asUser(account, 'wrong', await getCaptcha(emulator())))).answer).toEqual(left(0));
  });

  it('that is right, also in lower case, resets the count, and is used up', async () => {
    emulator().protectLogins({ captchaAfter: 1 });
    // Two captchas, because a code may consist of digits.
    const captchas = (await inTurn([1, 2], () => getCaptcha(emulator()))).map(({ captchaCode, captchaToken }) => {
      expect(captchaCode).toMatch(/^[2-9A-HJKMNP-Z]{4}$/);
      return right({ captchaCode: captchaCode.toLowerCase(), captchaToken });
    });
    const [first = {}, second = {}] = captchas;
    expect(await codesOf(WRONG_ALICE, first, right(), WRONG_ALICE, first)).toEqual([2333, 200, 200, 2333, 2001]);
    expect(await codesOf(second)).toEqual([200]);
  });

  it.each<[string, object, object]>([
    ['no captcha', { captchaCode: undefined, captchaToken: undefined }, CAPTCHA_REQUIRED],
    ['an empty code', { captchaCode: '' }, CAPTCHA_REQUIRED],
    ['no token', { captchaToken: undefined }, CAPTCHA_WRONG],
    ['a wrong code', { captchaCode: '0000' }, CAPTCHA_WRONG],
  ])('refuses %s before the password is checked, without counting it', async (_title, change, answer) => {
    emulator().protectLogins({ captchaAfter: 0, lockAfter: 5 });
    const captcha = await getCaptcha(emulator());
    const undecryptable = right({ ...captcha, ...change, passwordEncryptType: 'rsa' });
    expect((await ask(undecryptable)).answer).toEqual(answer);
    const wrong = asUser('alice', 'wrong', await getCaptcha(emulator()));
    expect((await ask(wrong)).answer).toEqual(left(4));
  });

  it('is used up by a wrong code and by a wrong password, but not if it was not required', async () => {
    const [one, two] = [await getCaptcha(emulator()), await getCaptcha(emulator())];
    expect(await codesOf(right({ ...one, captchaCode: '0000' }))).toEqual([200]);
    emulator().protectLogins({ captchaAfter: 0 });
    const codes = await codesOf(right({ ...one, captchaCode: '0000' }), right(one));
    expect([...codes, ...(await codesOf(asUser('alice', 'wrong', two), right(two)))]).toEqual([2001, 2001, 2333, 2001]);
  });

  it.each([
    [299, 200],
    [300, 2001],
  ])('after %i seconds is answered with %i', async (seconds, code) => {
    emulator().protectLogins({ captchaAfter: 0 });
    const captcha = await getCaptcha(emulator());
    expect(await later(seconds, () => codesOf(right(captcha)))).toEqual([code]);
  });
});

describe('a lock', () => {
  it.each(['alice', 'unknown'])('refuses %s after the limit, whatever the request contains', async (account) => {
    emulator().protectLogins({ lockAfter: 2, captchaAfter: 2 });
    const wrong = asUser(account, 'wrong');
    expect((await inTurn([wrong, wrong], ask)).map(({ answer }) => answer)).toEqual([left(1), left(0)]);
    const options = [{}, { passwordEncryptType: 'rsa' }, await getCaptcha(emulator())];
    const locked = await inTurn(options, (each) => ask(asUser(account, 'passw0rd', each)));
    expect(locked).toMatchObject(Array(3).fill({ status: 200, answer: LOCKED, outcome: 'account_locked' }));
    expect(await codesOf(asUser('bob'))).toEqual([200]);
  });

  it('counts all identifiers of a user together, and AD accounts apart from users, in any case', async () => {
    emulator().protectLogins({ lockAfter: 2 });
    const payloads = [{ email: 'ALICE@example.com' }, { phone: '+8613800000001' }];
    await codesOf(...payloads.map((each) => ({ passwordPayload: { ...each, password: 'wrong' } })));
    expect(await codesOf(right(), asUser('alice@EXAMPLE.com'))).toEqual([2005, 2005]);
    const user = asUser('zhangsan', 'wrong');
    expect(await codesOf(user, user, asAd('ZhangSan', 'x'), asAd('zhangsan', 'x'))).toEqual([2333, 2333, 2333, 2333]);
    expect(await codesOf(asAd('zhangsan'))).toEqual([2005]);
    emulator().unlock('ZHANGSAN');
    expect(await codesOf(asAd('zhangsan'))).toEqual([200]);
  });

  it('refuses simultaneous guesses above the limit, also the right one', async () => {
    emulator().protectLogins({ lockAfter: 3 });
    const guesses = Array.from({ length: 12 }, (_, i) => ask(asUser('alice', i === 11 ? 'passw0rd' : 'wrong')));
    const codes = (await Promise.all(guesses)).map(({ code }) => code);
    expect(codes.toSorted((a, b) => a - b)).toEqual([...Array(9).fill(2005), 2333, 2333, 2333]);
  });

  it('does not count an undecryptable password, a malformed request and a further step', async () => {
    emulator().protectLogins({ lockAfter: 2 });
    emulator().addUser({ username: 'dave', password: 'passw0rd', mfa: true });
    const uncounted = [right({ passwordEncryptType: 'sm2' }), right({ scope: 'none' })];
    expect(await codesOf(WRONG_ALICE, ...uncounted, right())).toEqual([2333, 2016, 400, 200]);
    const wrong = asUser('dave', 'wrong');
    expect(await codesOf(wrong, asUser('dave'), wrong, asUser('dave'))).toEqual([2333, 1636, 2333, 1636]);
  });

  it('is removed for one account, or for all', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    expect(await codesOf(WRONG_ALICE, asUser('bob', 'wrong'))).toEqual([2333, 2333]);
    emulator().unlock('alice@example.com');
    expect(await codesOf(right(), asUser('bob'))).toEqual([200, 2005]);
    emulator().unlock();
    expect(await codesOf(asUser('bob'))).toEqual([200]);
  });
});

it('counts down to the lock, or to the captcha without a lock, and keeps the count at new limits', async () => {
  const limits = [{ lockAfter: 5, captchaAfter: 9 }, { captchaAfter: 9 }, {}, { captchaAfter: 9 }];
  const answers = await inTurn(limits, (each) => {
    emulator().protectLogins(each);
    return ask(WRONG_ALICE);
  });
  expect(answers.map(({ answer }) => answer)).toEqual([left(4), left(7), WRONG, left(6)]);
  emulator().protectLogins({ lockAfter: 3 });
  expect(await codesOf(right())).toEqual([2005]);
});
