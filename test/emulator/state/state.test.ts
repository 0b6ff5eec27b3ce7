import { decodeJwt } from 'jose';
import { BoundedMap } from '../../../src/emulator/state/bounded-map.js';
import { Captchas } from '../../../src/emulator/state/captchas.js';
import { EmulatorClock } from '../../../src/emulator/state/clock.js';
import { readFault } from '../../../src/emulator/state/faults.js';
import { Journal, type SignInRecord } from '../../../src/emulator/state/journal.js';
import { LoginProtection } from '../../../src/emulator/state/login-protection.js';
import { readSignInAnswer } from '../../../src/emulator/state/queued-answers.js';
import { RepeatQueue } from '../../../src/emulator/state/repeat-queue.js';
import { EmulatorState } from '../../../src/emulator/state/state.js';
import { IssuedTokens } from '../../../src/emulator/tokens/issued-tokens.js';
import { asAd, asUser, getTokens, invalidInput, later, listRows, rawRequest, signIn, useEmulator } from '../support.js';

const emulator = useEmulator({ clockDrift: -600 });

describe('a fault', () => {
  it.each<[object, object]>([
    [{ status: 200 }, { times: Infinity, fault: { delayMs: 0, drop: false, delivery: undefined } }],
    [{ status: 599, times: 1 }, { times: 1 }],
    [{ delayMs: 2_147_483_647 }, { fault: { delayMs: 2_147_483_647, buildReply: undefined } }],
    [{ drop: true, delayMs: 0 }, { fault: { drop: true } }],
    [{ dripMs: 0 }, { fault: { delivery: { dripMs: 0, size: 0 } } }],
    [{ oversize: 1_073_741_824 }, { fault: { delivery: { dripMs: undefined, size: 1_073_741_824 } } }],
    [{ garbage: 16_777_216 }, { fault: { delivery: undefined } }],
  ])('accepts %j', (fault, expected) => {
    expect(readFault({ endpoint: 'jwks', ...fault }, 'fault')).toMatchObject({ endpoint: 'jwks', ...expected });
  });

  it.each(
    listRows({
      '.endpoint: ': [{ endpoint: undefined, status: 500 }, { endpoint: 'login' }, { endpoint: 'constructor' }],
      ': set at least one of': [{}, { delayMs: 0, drop: false }],
      ': unknown property "delay"': [{ delay: 5 }],
      '.status: ': [{ status: 199 }, { status: 600 }, { status: '500' }],
      '.delayMs: ': [{ delayMs: -1 }, { delayMs: 2 ** 31 }],
      '.drop: expected': [{ drop: 1 }],
      '.drop: it cannot be combined with status, body, dripMs, oversize, garbage.': [
        { drop: true, status: 500, body: 1, dripMs: 1, oversize: 1, garbage: 1 },
      ],
      '.garbage: it cannot be combined with body.': [{ garbage: 8, body: 'x' }],
      '.times: ': [{ status: 500, times: 0 }],
      '.body: ': [{ body: () => 1 }, { body: { a: 1n } }],
      '.dripMs: ': [{ dripMs: '1' }, { dripMs: -1 }, { dripMs: 2 ** 31 }],
      '.oversize: ': [{ oversize: 0 }, { oversize: 1_073_741_825 }],
      '.garbage: expected': [{ garbage: 0 }, { garbage: 16_777_217 }],
    }),
  )('is refused: "%s" for %o', (place, fault) => {
    const given = { endpoint: 'jwks', ...(fault as object) };
    expect(() => emulator().fault(given as never)).toThrow(invalidInput(`fault${place}`));
  });
});

describe('a queued answer', () => {
  it.each<[object, object]>([
    [{ statusCode: 200 }, { statusCode: 200, message: '' }],
    [
      { statusCode: 699, apiCode: '2011' },
      { statusCode: 699, apiCode: '2011', message: '' },
    ],
    [
      { statusCode: 301, apiCode: 0, message: 'x' },
      { statusCode: 301, apiCode: 0, message: 'x' },
    ],
    [
      { statusCode: 400, data: null },
      { statusCode: 400, message: '', data: null },
    ],
  ])('accepts %j', (answer, envelope) => {
    expect(readSignInAnswer(answer, 'answer')).toEqual({ times: 1, answer: { account: undefined, envelope } });
  });

  it.each(
    listRows({
      ': expected an object': [undefined, []],
      '.statusCode: ': [{}, { statusCode: 199 }, { statusCode: 700 }, { statusCode: '301' }],
      '.apiCode: ': [-1, 1.5, 'MFA', '', '1'.repeat(17), null].map((apiCode) => ({ statusCode: 301, apiCode })),
      '.message: ': [{ statusCode: 301, message: 7 }],
      '.data: ': [{ statusCode: 301, data: () => 1 }],
      '.account: ': [{ statusCode: 301, account: ['alice'] }],
      '.times: ': [{ statusCode: 301, times: 0 }],
      ': unknown property "code"': [{ statusCode: 301, code: 1636 }],
    }),
  )('is refused: "%s" for %o', (place, answer) => {
    expect(() => emulator().answerSignIn(answer as never)).toThrow(invalidInput(`answer${place}`));
  });

  it('replaces the result of any password, once, without counting a failure or requiring a captcha', async () => {
    const data = { mfaToken: 'one' };
    emulator().answerSignIn({ statusCode: 301, apiCode: 1636, data, times: 2 });
    data.mfaToken = 'two';
    emulator().protectLogins({ captchaAfter: 0, lockAfter: 1 });
    const answer = { statusCode: 301, apiCode: 1636, message: '', data: { mfaToken: 'one' } };
    expect(await signIn(emulator(), asUser('alice', 'wrong'))).toMatchObject({ answer, outcome: 'answered' });
    expect(await signIn(emulator(), asAd('zhangsan', 'wrong'))).toMatchObject({ answer, outcome: 'answered' });
    emulator().protectLogins({ lockAfter: 1 });
    await getTokens(emulator());
  });

  it('has the HTTP status 429 for the statusCode 429', async () => {
    emulator().answerSignIn({ statusCode: 429, apiCode: 1002 });
    expect(await signIn(emulator())).toMatchObject({ status: 429, code: 1002 });
  });

  it('is kept by a malformed request and by a wrong app secret', async () => {
    emulator().answerSignIn({ statusCode: 403, apiCode: 1 });
    expect((await signIn(emulator(), { options: { scope: 'none' } })).code).toBe(400);
    expect((await signIn(emulator(), { client_secret: 'wrong' })).code).toBe(401);
    expect((await signIn(emulator())).code).toBe(1);
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

describe('a queue', () => {
  const take = (queue: RepeatQueue<string>, times: number) => Array.from({ length: times }, () => queue.take());

  it('takes each item as often as it was added, in order', () => {
    const queue = new RepeatQueue<string>();
    queue.add('a', 2);
    queue.add('b', 1);
    queue.add('c', Infinity);
    expect(take(queue, 5)).toEqual(['a', 'a', 'b', 'c', 'c']);
    queue.clear();
    expect(queue.take()).toBeUndefined();
  });

  it('replaces a last item that has no end, and takes the first matching item', () => {
    const queue = new RepeatQueue<string>();
    queue.add('a', Infinity);
    queue.add('b', 1);
    queue.add('c', 1);
    expect([queue.take((item) => item === 'c'), ...take(queue, 2)]).toEqual(['c', 'b', undefined]);
  });
});

type Emulator = ReturnType<typeof emulator>;

it.each<[string, (own: Emulator) => unknown]>([
  ['flaw: expected one of expired', (own) => own.flawIdToken('toString' as never)],
  ['times: expected a whole number from 1', (own) => own.flawIdToken('expired', Infinity)],
  ['endpoint: expected one of signin', (own) => own.requests('login' as never)],
  ['seconds: expected', (own) => own.setClockDrift(315_360_001)],
  ['account: expected a string', (own) => own.unlock(7 as never)],
  ['captchaAfter: expected a whole number from 0', (own) => own.protectLogins({ captchaAfter: -1 })],
  ['lockAfter: expected a whole number from 1', (own) => own.protectLogins({ lockAfter: 0 })],
  ['loginProtection: unknown property "captcha"', (own) => own.protectLogins({ captcha: 1 } as never)],
])('refuses an argument: %s', (start, run) => {
  expect(() => run(emulator())).toThrow(invalidInput(start));
});

it('refuses a wrong argument of rotateKeys', async () => {
  await expect(emulator().rotateKeys({ withdraw: 'yes' } as never)).rejects.toEqual(invalidInput('withdraw: expected'));
  await expect(emulator().rotateKeys({ withdrew: 1 } as never)).rejects.toEqual(invalidInput('rotate: unknown'));
});

describe('the clock', () => {
  /** Seconds by which a time is ahead, rounded to 10. */
  const ahead = (seconds: number) => Math.round((seconds - Date.now() / 1000) / 10) * 10;
  const getTimes = async () => {
    const { id_token } = await getTokens(emulator());
    const { headers } = await rawRequest(`${emulator().url}/api/v3/system`);
    return [ahead(Number(decodeJwt(id_token).iat)), ahead(Date.parse(String(headers['date'])) / 1000)];
  };

  it('is shown in tokens and in the header Date, and reset restores the drift of the options', async () => {
    expect(await getTimes()).toEqual([-600, -600]);
    emulator().setClockDrift(3600);
    expect(await getTimes()).toEqual([3600, 3600]);
    emulator().reset();
    expect(await getTimes()).toEqual([-600, -600]);
  });

  it('adds its drift to the clock of the machine', async () => {
    const clock = new EmulatorClock(1000);
    const times = await later(500, async () => [clock.nowInSeconds(), clock.date().getTime() / 1000]);
    expect(times.map(ahead)).toEqual([1500, 1500]);
    expect(Number.isInteger(clock.nowInSeconds())).toBe(true);
  });
});

describe('the emulator', () => {
  it('drops the entry of a bounded map that was set longest ago', () => {
    const map = new BoundedMap<number>(2);
    map.set('a', 1);
    map.set('b', 1);
    map.set('a', 2);
    map.set('c', 1);
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([2, undefined, 1]);
  });

  it('keeps the last 1,000 captchas', () => {
    const captchas = new Captchas();
    const all = Array.from({ length: 1001 }, () => captchas.create());
    const redeem = ({ captchaCodeSvg, captchaToken }: (typeof all)[number]) =>
      captchas.redeem(captchaToken, /<text[^>]*>([^<]+)/.exec(captchaCodeSvg)?.[1] ?? '');
    expect(all.slice(0, 2).map(redeem)).toEqual([false, true]);
  });

  it('keeps the last 10,000 counts of failed sign-ins', () => {
    const protection = new LoginProtection({ captchaAfter: Infinity, lockAfter: 1 });
    Array.from({ length: 10_001 }, (_, i) => protection.recordFailure(String(i)));
    expect([protection.isLocked('0'), protection.isLocked('1')]).toEqual([false, true]);
  });

  it('keeps the last 50,000 tokens', () => {
    const tokens = new IssuedTokens(new EmulatorClock(0));
    const account = { sub: 's', claims: {}, removed: false };
    const grant = { account, scopes: [], tenantId: '', revoked: false };
    const token = { kind: 'access_token' as const, grant, scopes: [], iat: 0, exp: Infinity, jti: '' };
    Array.from({ length: 50_001 }, (_, i) => tokens.add(String(i), token));
    expect([tokens.find('0'), tokens.find('1')]).toEqual([undefined, token]);
  });

  it('keeps the last 1,000 records of sign-ins, and returns a copy', () => {
    const journal = new Journal();
    const names = Array.from({ length: 1001 }, (_, i) => String(i));
    names.forEach((account) => journal.add({ account } as SignInRecord));
    (journal.records as unknown[]).length = 0;
    expect(journal.records.map(({ account }) => account)).toEqual(names.slice(1));
  });
});

it('reset removes faults, flaws, answers, captchas, counts, records and restores the options', () => {
  const state = new EmulatorState({ captchaAfter: 9, clockDrift: 5 });
  const { captchaCodeSvg, captchaToken } = state.captchas.create();
  state.addFault({ endpoint: 'jwks', drop: true });
  state.addFlaw({ flaw: 'expired' });
  state.addSignInAnswer({ statusCode: 403 });
  state.protectLogins({ lockAfter: 1 });
  state.protection.recordFailure('a');
  state.setClockDrift({ seconds: 7 });
  state.journal.add({} as SignInRecord);
  state.countRequest('jwks');
  state.reset();
  expect([state.takeFault('jwks'), state.flaws.take(), state.answers.take()]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(state.captchas.redeem(captchaToken, />(\w+)</.exec(captchaCodeSvg)?.[1] ?? '')).toBe(false);
  expect([state.protection.recordFailure('a'), state.clock.drift]).toEqual([8, 5]);
  expect([state.journal.records, state.requests('jwks')]).toEqual([[], 0]);
});
