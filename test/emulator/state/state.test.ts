import type { SignInRecord } from '../../../src/emulator/state/journal.js';
import { RepeatQueue } from '../../../src/emulator/state/repeat-queue.js';
import { EmulatorState } from '../../../src/emulator/state/state.js';
import type { IssuedToken } from '../../../src/emulator/tokens/issued-tokens.js';
import { asAd, asUser, getCaptcha, inTurn, invalidInput, signIn, useEmulator, WRONG } from '../support.js';

const emulator = useEmulator();
const ask = (body: object) => signIn(emulator(), body);
/** Signs in one after the other and returns the codes. */
const codesOf = async (...bodies: object[]) => (await inTurn(bodies, ask)).map(({ code }) => code);
const right = (options = {}) => asUser('alice', 'passw0rd', options);

describe('a queued answer', () => {
  it('replaces the result of any password, as often as given, without a captcha and without a count', async () => {
    const data = { mfaToken: 'one' };
    emulator().answerSignIn({ statusCode: 429, apiCode: 1636, data, times: 2 });
    data.mfaToken = 'two';
    emulator().protectLogins({ captchaAfter: 0, lockAfter: 1 });
    const wrong = [asUser('alice', 'x'), asAd('zhangsan', 'x')];
    const answers = await inTurn([{ options: { scope: 'none' } }, { client_secret: '' }, ...wrong], ask);
    const answer = { statusCode: 429, apiCode: 1636, message: '', data: { mfaToken: 'one' } };
    const answered = { status: 429, answer, outcome: 'answered' };
    expect(answers).toMatchObject([{ code: 400 }, { code: 401 }, answered, answered]);
    emulator().protectLogins({ lockAfter: 1 });
    expect(await codesOf({})).toEqual([200]);
  });

  it('is kept for its account, under every identifier and for both connections', () => {
    const state = new EmulatorState({});
    const take = (name: string, connection: 'PASSWORD' | 'AD' = 'PASSWORD') =>
      state.takeSignInAnswer(connection, name)?.apiCode;
    state.addSignInAnswer({ statusCode: 403, apiCode: 1, account: 'ALICE@example.com', times: 2 });
    state.addSignInAnswer({ statusCode: 403, apiCode: 2, account: 'ZhangSan' });
    state.addSignInAnswer({ statusCode: 403, apiCode: 3 });
    const taken = [take('+8613800000001'), take('zhangsan', 'AD'), take('bob'), take('alice'), take('alice')];
    expect(taken).toEqual([1, 2, 3, 1, undefined]);
  });
});

it('a queue returns each item as often as it was added, in order, and replaces a last item without an end', () => {
  const queue = new RepeatQueue<string>();
  const take = (times: number) => Array.from({ length: times }, () => queue.take());
  queue.add('a', 2);
  queue.add('b', Infinity);
  expect(take(4)).toEqual(['a', 'a', 'b', 'b']);
  queue.add('c', 1);
  queue.add('d', 1);
  expect([queue.take((item) => item === 'd'), ...take(2)]).toEqual(['d', 'c', undefined]);
});

it.each<[string, (own: ReturnType<typeof emulator>) => unknown]>([
  ['flaw: expected one of expired', (own) => own.flawIdToken('toString' as never)],
  ['times: expected a whole number from 1', (own) => own.flawIdToken('expired', Infinity)],
  ['endpoint: expected one of signin', (own) => own.requests('login' as never)],
  ['seconds: expected', (own) => own.setClockDrift(315_360_001)],
  ['account: expected a string', (own) => own.unlock(7 as never)],
  ['loginProtection: unknown property "captcha"', (own) => own.protectLogins({ captcha: 1 } as never)],
])('refuses an argument: %s', async (start, run) => {
  await expect((async () => run(emulator()))()).rejects.toEqual(invalidInput(start));
});

describe('the state', () => {
  const repeat = <Value>(times: number, run: (i: number) => Value) => Array.from({ length: times }, (_, i) => run(i));
  const redeem = ({ captchas }: EmulatorState, { captchaCodeSvg, captchaToken }: Record<string, string>) =>
    captchas.redeem(String(captchaToken), />(\w+)</.exec(String(captchaCodeSvg))?.[1] ?? '');
  const account = { sub: 's', claims: {}, removed: false };
  const grant = { account, scopes: [], tenantId: '', revoked: false };
  const TOKEN: IssuedToken = { kind: 'access_token', grant, scopes: [], iat: 0, exp: Infinity, jti: '' };

  it('keeps the last 1,000 captchas and sign-ins, 10,000 counts of failures and 50,000 tokens', () => {
    const state = new EmulatorState({ lockAfter: 1 });
    const captchas = repeat(1001, () => state.captchas.create());
    expect(captchas.slice(0, 2).map((each) => redeem(state, { ...each }))).toEqual([false, true]);
    // The failure of account 0 is recorded again, so account 1 is the oldest.
    const names = [...repeat(10_000, String), '0', '10000'];
    names.forEach((name) => state.protection.recordFailure(name, name));
    expect(['0', '1', '2'].map((name) => state.protection.isLocked(name))).toEqual([true, false, true]);
    repeat(50_001, (i) => state.tokens.add(String(i), TOKEN));
    expect([state.tokens.find('0'), state.tokens.find('1')]).toEqual([undefined, TOKEN]);
    repeat(1001, (i) => state.journal.add({ account: String(i) } as SignInRecord));
    expect(state.journal.records).toEqual(repeat(1000, (i) => ({ account: String(i + 1) })));
  });

  it('loses at a reset all that tests change, except for tokens', () => {
    const state = new EmulatorState({ captchaAfter: 9, clockDrift: 5 });
    const captcha = { ...state.captchas.create() };
    state.addFault({ endpoint: 'jwks', drop: true });
    state.addFlaw({ flaw: 'expired' });
    state.addSignInAnswer({ statusCode: 403 });
    state.protectLogins({ lockAfter: 1 });
    state.protection.recordFailure('a', 'a');
    state.setClockDrift({ seconds: 7 });
    state.journal.add({} as SignInRecord);
    state.countRequest('jwks');
    state.tokens.add('t', TOKEN);
    state.reset();
    const queued = [state.takeFault('jwks'), state.flaws.take(), state.answers.take(), redeem(state, captcha)];
    const counts = [state.protection.recordFailure('a', 'a'), state.clock.drift, state.requests('jwks')];
    expect([...queued, ...counts]).toEqual([undefined, undefined, undefined, false, 8, 5, 0]);
    expect([state.journal.records, state.tokens.find('t')]).toEqual([[], TOKEN]);
  });
});

const LOCKED = { statusCode: 403, apiCode: 2005, message: 'Account is locked.' };

const left = (remainCount: number) => ({ ...WRONG, data: { remainCount } });

it.each(['alice', 'unknown'])('requires a captcha of %s, and then locks the account', async (account) => {
  emulator().protectLogins({ captchaAfter: 1, lockAfter: 2 });
  const wrong = asUser(account, 'wrong');
  const message = 'Please enter captcha code for this login request.';
  const required = { answer: { statusCode: 403, apiCode: 2000, message }, outcome: 'captcha_required' };
  expect(await inTurn([wrong, asUser(account)], ask)).toMatchObject([{ answer: left(1) }, required]);
  expect((await ask(asUser(account, 'wrong', await getCaptcha(emulator())))).answer).toEqual(left(0));
  const options = [{}, { passwordEncryptType: 'rsa' }, await getCaptcha(emulator())];
  const locked = await inTurn(options, (each) => ask(asUser(account, 'passw0rd', each)));
  expect(locked).toMatchObject(Array(3).fill({ status: 200, answer: LOCKED, outcome: 'account_locked' }));
  expect(await codesOf(asUser('bob'))).toEqual([200]);
});

it('a captcha is used up by every attempt, and a right one, also in lower case, resets the count', async () => {
  const [one, two] = await inTurn([1, 2], () => getCaptcha(emulator()));
  expect(`${one?.captchaCode}${two?.captchaCode}`).toMatch(/^[2-9A-HJKMNP-Z]{8}$/);
  const lower = right({ ...one, captchaCode: one?.captchaCode.toLowerCase() });
  emulator().protectLogins({ captchaAfter: 1 });
  const wrong = asUser('alice', 'wrong');
  expect(await codesOf(wrong, lower, right(), wrong, lower)).toEqual([2333, 200, 200, 2333, 2001]);
  const answer = { statusCode: 403, apiCode: 2001, message: 'Captcha code is incorrect or expired.' };
  const refused = { answer, outcome: 'captcha_wrong' };
  expect(await ask(right({ captchaCode: 'x', passwordEncryptType: 'rsa' }))).toMatchObject(refused);
  expect(await ask(right({ ...two, captchaCode: '0' }))).toMatchObject(refused);
  expect(await ask(right(two))).toMatchObject(refused);
});

it('a lock refuses simultaneous guesses above the limit, also the right one', async () => {
  emulator().protectLogins({ lockAfter: 3 });
  const guesses = Array.from({ length: 12 }, (_, i) => ask(asUser('alice', i === 11 ? 'passw0rd' : 'wrong')));
  const codes = (await Promise.all(guesses)).map(({ code }) => code);
  expect(codes.toSorted((a, b) => a - b)).toEqual([...Array(9).fill(2005), 2333, 2333, 2333]);
});

it('counts down to the lock, or to the captcha without a lock, and keeps the count at new limits', async () => {
  const answers = await inTurn([{ lockAfter: 5, captchaAfter: 9 }, { captchaAfter: 9 }, {}], (limits) => {
    emulator().protectLogins(limits);
    return ask(asUser('alice', 'wrong'));
  });
  expect(answers.map(({ answer }) => answer)).toEqual([left(4), left(7), WRONG]);
});
