import { EventEmitter, once } from 'node:events';
import { jest } from '@jest/globals';
import {
  type EmulatorAdAnswer,
  type EmulatorAdDirectory,
  GenAuthEmulator,
  type GenAuthEmulatorOptions,
} from '../../../src/emulator/index.js';
import { askDirectory } from '../../../src/emulator/sign-in/ask-directory.js';
import { findLeaks } from '../../support/leak.js';
import { ask } from '../../support/web-server.js';
import { encryptRsa } from '../encryption/ciphertexts.js';
import { control, postSignIn, signInBody, getTokens, useEmulator } from '../support.js';

const PASSWORD = 'c4nary-zhang-pässword';
const CLAIMS = { name: 'Zhang San', email: 'zhangsan@example.test' };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A function that records its calls. By default it knows one user. */
function makeDirectory(
  answer: (name: string, password: string) => unknown = (name, password) =>
    name.toLowerCase() === 'zhangsan' && password === PASSWORD ? { claims: CLAIMS } : undefined,
) {
  const calls: [string, string][] = [];
  const ad = ((name, password) => {
    calls.push([name, password]);
    return answer(name, password);
  }) as EmulatorAdDirectory;
  return { ad, calls };
}

async function startEmulator(
  ad: EmulatorAdDirectory = makeDirectory().ad,
  options: GenAuthEmulatorOptions = {},
): Promise<GenAuthEmulator> {
  const emulator = await new GenAuthEmulator({ ad, ...options }).start();
  closing.push(() => emulator.stop());
  return emulator;
}

/** `POST /api/v3/signin` for the connection AD, and what the journal says of it. */
async function signIn(emulator: GenAuthEmulator, name = 'zhangsan', password = PASSWORD) {
  const adPayload = { sAMAccountName: name, password };
  const { answer } = await postSignIn(emulator, signInBody(emulator, { connection: 'AD', adPayload }));
  const { requestId: _, ...rest } = answer;
  return { ...rest, outcome: emulator.signIns.at(-1)?.outcome };
}

/** Signs zhangsan in, and asks who that is. */
async function readUserInfo(emulator: GenAuthEmulator, name = 'zhangsan'): Promise<Record<string, unknown>> {
  const tokens = await getTokens(emulator, {
    connection: 'AD',
    adPayload: { sAMAccountName: name, password: PASSWORD },
    options: { scope: 'openid profile username email phone roles' },
  });
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  return (await (await fetch(`${emulator.url}/oidc/me`, { headers })).json()) as Record<string, unknown>;
}

const WRONG = {
  statusCode: 403,
  apiCode: 2333,
  message: 'Account not exists or password is incorrect.',
  outcome: 'invalid_credentials',
};

/** What the directory of the shared emulator does. */
let behave: (name: string, password: string) => unknown;
const shared = useEmulator({ ad: (name, password) => behave(name, password) as EmulatorAdAnswer });

describe('what the directory says', () => {
  it.each([
    ['at once', (answer: EmulatorAdAnswer) => answer],
    ['by a promise', (answer: EmulatorAdAnswer) => Promise.resolve(answer)],
  ])('decides alone whether a user signs in: %s', async (_, give) => {
    const { ad, calls } = makeDirectory((_name, password) =>
      give(password === PASSWORD ? { claims: CLAIMS } : undefined),
    );
    const emulator = await startEmulator(ad);
    expect(await signIn(emulator, 'ZhangSan')).toMatchObject({ statusCode: 200, outcome: 'success' });
    expect(await signIn(emulator, 'lisi', 'wrong')).toEqual(WRONG);
    // As they were sent: neither is trimmed, nor put into other letters.
    expect(calls).toEqual([
      ['ZhangSan', PASSWORD],
      ['lisi', 'wrong'],
    ]);
  });

  it.each<[EmulatorAdAnswer & object, string]>([
    [{ statusCode: 403, apiCode: 2005, message: 'Account is locked.' }, 'account_locked'],
    [{ statusCode: 403, apiCode: '2005' }, 'account_locked'],
    [{ statusCode: 403, apiCode: 2120008 }, 'access_denied'],
    [{ statusCode: 403, apiCode: 2120008, outcome: 'account_disabled' }, 'account_disabled'],
    [{ statusCode: 403, apiCode: 2120008, outcome: 'account_expired' }, 'account_expired'],
    [{ statusCode: 301, apiCode: 2058, data: { token: 't' } }, 'password_change_required'],
    [{ statusCode: 301, apiCode: 1636 }, 'mfa_required'],
    [{ statusCode: 408 }, 'directory_failed'],
    [{ statusCode: 422, apiCode: 2820002, message: 'misconfigured' }, 'directory_failed'],
    [{ statusCode: 601 }, 'directory_failed'],
    [{ statusCode: 602 }, 'directory_failed'],
  ])('answers %j, and the journal tells %s', async (answer, outcome) => {
    behave = () => answer;
    const { outcome: _, ...envelope } = answer as EmulatorAdAnswer & { statusCode: number; outcome?: string };
    const code = envelope.statusCode === 301 ? { code: (envelope as { apiCode?: number }).apiCode } : {};
    // Answers that ask for a further step carry the code twice.
    expect(await signIn(shared())).toEqual({ message: '', ...envelope, ...code, outcome });
  });

  it('an empty password is wrong, even where the directory calls it right', async () => {
    const { ad, calls } = makeDirectory(() => ({ claims: CLAIMS }));
    behave = ad;
    expect(await signIn(shared(), 'zhangsan', '')).toEqual(WRONG);
    expect(calls).toEqual([]);
  });

  it.each(['', 'zhangsan\u0000', 'zhang\nsan'])('is not asked for the name %j', async (name) => {
    const { ad, calls } = makeDirectory(() => ({ claims: CLAIMS }));
    behave = ad;
    expect(await signIn(shared(), name)).toEqual(WRONG);
    expect(calls).toEqual([]);
  });

  it('tells of a user what the emulator can take for a claim', async () => {
    const claims = {
      username: 'ZhangSan',
      name: '张三',
      given_name: '三',
      family_name: undefined,
      email: 'not an address',
      phone_number: '+8613800000009',
      roles: ['admin'],
      nickname: 5 as never,
    };
    const userInfo = await readUserInfo(await startEmulator(() => ({ claims })), 'ZHANGSAN');
    expect(userInfo).toMatchObject({
      username: 'ZhangSan',
      name: '张三',
      given_name: '三',
      family_name: null,
      email: null,
      nickname: null,
      phone_number: '+8613800000009',
      roles: ['admin'],
    });
  });

  it('leaves out roles that the user pool does not have', async () => {
    const ad = () => ({ claims: { roles: ['admin', 'other'] } });
    expect(await readUserInfo(await startEmulator(ad, { roles: ['admin'] }))).toMatchObject({ roles: [] });
    expect(await readUserInfo(await startEmulator(ad, { roles: ['admin', 'other'] }))).toMatchObject({
      roles: ['admin', 'other'],
    });
  });

  it('keeps a copy of the claims', async () => {
    const claims = { roles: ['reader'] };
    const emulator = await startEmulator(() => ({ claims }));
    const tokens = await getTokens(emulator, {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: PASSWORD },
      options: { scope: 'openid roles' },
    });
    claims.roles.push('admin');
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const userInfo = await fetch(`${emulator.url}/oidc/me`, { headers });
    expect(await userInfo.json()).toMatchObject({ roles: ['reader'] });
  });

  it('tells at each sign-in what it says now, and knows the same person', async () => {
    let claims: Record<string, string> = CLAIMS;
    const ad = () => ({ claims });
    const emulator = await startEmulator(ad);
    const before = await readUserInfo(emulator, 'ZHANGSAN');
    emulator.updateAdAccount('zhangsan', { nickname: 'San' });
    const same = await readUserInfo(emulator, 'zhangsan');
    expect((await readUserInfo(emulator))['updated_at']).toBe(same['updated_at']);
    claims = { name: 'Zhang San-Li' };
    const after = await readUserInfo(emulator, 'zhangsan');
    // Without a name of its own, the one that was typed first stays.
    expect(before).toMatchObject({ ...CLAIMS, username: 'ZHANGSAN', nickname: null });
    expect(same).toMatchObject({ ...CLAIMS, username: 'ZHANGSAN', nickname: 'San' });
    // What it tells no more is gone, and what it never told stays.
    expect(after).toMatchObject({ name: 'Zhang San-Li', email: null, username: 'ZHANGSAN', nickname: 'San' });
    expect(after['updated_at']).not.toBe(same['updated_at']);
    const another = await startEmulator(ad);
    expect([after['sub'], (await readUserInfo(another, 'ZhangSan'))['sub']]).toEqual([before['sub'], before['sub']]);
  });

  it('is not asked for those who sign in by the connection PASSWORD', async () => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad);
    await getTokens(emulator);
    const body = signInBody(emulator, { passwordPayload: { username: 'zhangsan', password: PASSWORD } });
    expect((await postSignIn(emulator, body)).answer).toMatchObject({ apiCode: 2333 });
    expect(calls).toEqual([]);
  });

  it.each(['rsa', 'sm2'])('gets no password that cannot be decrypted (%s)', async (passwordEncryptType) => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad);
    const body = signInBody(emulator, {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: PASSWORD },
      options: { passwordEncryptType },
    });
    expect((await postSignIn(emulator, body)).answer).toMatchObject({ statusCode: 499, apiCode: 2016 });
    expect(calls).toEqual([]);
  });

  it('gets the clear text of a password that was encrypted', async () => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad);
    const body = signInBody(emulator, {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: await encryptRsa(emulator, PASSWORD) },
      options: { passwordEncryptType: 'rsa' },
    });
    expect((await postSignIn(emulator, body)).answer).toMatchObject({ statusCode: 200 });
    expect(calls).toEqual([['zhangsan', PASSWORD]]);
  });

  it('counts failures for itself as well, and whom the emulator has locked out does not try', async () => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad);
    emulator.protectLogins({ lockAfter: 2 });
    for (const name of ['zhangsan', 'ZhangSan']) await signIn(emulator, name, 'wrong');
    expect(await signIn(emulator)).toMatchObject({ statusCode: 403, apiCode: 2005, outcome: 'account_locked' });
    expect(calls).toHaveLength(2);
    emulator.unlock('zhangsan');
    expect(await signIn(emulator)).toMatchObject({ statusCode: 200 });
  });

  it('lets no guess in that arrives at the same time as the ones that lock the account', async () => {
    const { ad } = makeDirectory();
    const events = new EventEmitter();
    const emulator = await startEmulator(async (name, password) => {
      if (password === PASSWORD) {
        const answered = once(events, 'wrong passwords answered');
        events.emit('right password asked');
        await answered;
      }
      return ad(name, password);
    });
    emulator.protectLogins({ lockAfter: 2 });
    const asked = once(events, 'right password asked');
    const right = signIn(emulator, 'zhangsan', PASSWORD);
    await asked;
    const wrong = await Promise.all(['wrong', 'wrong'].map((each) => signIn(emulator, 'zhangsan', each)));
    events.emit('wrong passwords answered');
    const answers = [...wrong, await right];
    expect(answers.map(({ apiCode }) => apiCode)).toEqual([2333, 2333, 2005]);
  });

  it('counts no answer but a wrong password as a failure', async () => {
    const emulator = await startEmulator(() => ({ statusCode: 601 }));
    emulator.protectLogins({ captchaAfter: 1, lockAfter: 1 });
    for (let i = 0; i < 2; i++) expect(await signIn(emulator)).toMatchObject({ statusCode: 601 });
  });

  it('is not asked before a captcha that the emulator requires', async () => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad, { captchaAfter: 0 });
    expect(await signIn(emulator)).toMatchObject({ apiCode: 2000, outcome: 'captcha_required' });
    expect(calls).toEqual([]);
  });

  it('tries a password once, whatever it may stand for: each try counts', async () => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad);
    const encoded = Buffer.from(PASSWORD).toString('base64');
    expect(await signIn(emulator, 'zhangsan', encoded)).toMatchObject({ apiCode: 2333 });
    expect(calls).toEqual([['zhangsan', encoded]]);
  });

  it('is not asked for an answer on demand', async () => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad);
    emulator.answerSignIn({ statusCode: 500, account: 'ZHANGSAN' });
    expect(await signIn(emulator)).toMatchObject({ statusCode: 500, outcome: 'answered' });
    expect(calls).toEqual([]);
  });
});

describe('its users', () => {
  it('can be given roles and states once they have signed in, and keep them', async () => {
    const emulator = await startEmulator();
    expect(() => emulator.updateAdAccount('zhangsan', { roles: ['admin'] })).toThrow(
      'sAMAccountName: expected the name of an AD account, got "zhangsan".',
    );
    const { sub } = await readUserInfo(emulator);
    expect(await control(emulator, 'PATCH', '/ad-accounts/zhangsan', { roles: ['admin'] })).toMatchObject({
      status: 200,
    });
    expect(await readUserInfo(emulator)).toMatchObject({ roles: ['admin'], sub });
    emulator.updateAdAccount('zhangsan', { disabled: true });
    expect(await signIn(emulator)).toMatchObject({ apiCode: 2120008, outcome: 'account_disabled' });
  });

  it('can be locked here: then no password of theirs gets to the directory', async () => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad);
    await signIn(emulator);
    emulator.updateAdAccount('zhangsan', { lockout: true });
    for (const password of [PASSWORD, 'wrong']) {
      expect(await signIn(emulator, 'zhangsan', password)).toMatchObject({ statusCode: 403, apiCode: 2005 });
    }
    expect(calls).toHaveLength(1);
  });

  it('are among the users over HTTP, and can be removed', async () => {
    const emulator = await startEmulator();
    const { sub } = await readUserInfo(emulator, 'ZhangSan');
    const list = async () => (await control(emulator, 'GET', '/users')).answer as { adAccounts: object[] };
    expect((await list()).adAccounts).toEqual([
      expect.objectContaining({ sAMAccountName: 'ZhangSan', sub, ...CLAIMS }),
    ]);
    emulator.removeAdAccount('zhangsan');
    expect((await list()).adAccounts).toEqual([]);
    expect(await signIn(emulator)).toMatchObject({ statusCode: 200 });
  });

  it('have no password in the emulator, and no users are added', async () => {
    const emulator = await startEmulator();
    await signIn(emulator);
    expect(() => emulator.updateAdAccount('zhangsan', { password: 'x' })).toThrow('unknown property "password"');
    expect(() => emulator.addAdAccount({ sAMAccountName: 'lisi', password: 'x' })).toThrow(
      'AD accounts cannot be added while the option ad is set',
    );
    const adAccounts = [{ sAMAccountName: 'lisi', password: 'x' }];
    expect(() => new GenAuthEmulator({ ad: makeDirectory().ad, adAccounts })).toThrow(
      'adAccounts[0]: AD accounts cannot be added while the option ad is set.',
    );
  });
});

describe('a function that fails', () => {
  const throwing = (error: unknown) => () => {
    throw error;
  };
  it.each<[string, (name: string, password: string) => unknown]>([
    ['throws', (_, password) => throwing(new Error(`wrong: ${password}`))()],
    ['throws no error', (_, password) => throwing(password)()],
    ['rejects', (_, password) => Promise.reject(new TypeError(password))],
    ['rejects with nothing', () => Promise.reject(undefined as unknown as Error)],
  ])('%s', async (_, answer) => {
    behave = answer;
    expect(await signIn(shared())).toEqual({
      statusCode: 602,
      message: 'The function ad threw an error. Log the error inside the function: it is not shown here.',
      outcome: 'directory_failed',
    });
    expect(findLeaks(shared().signIns, [PASSWORD])).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['true', true],
    ['false', false],
    ['the password', PASSWORD],
    ['a list', [{ claims: CLAIMS }]],
    ['a function', () => ({ claims: CLAIMS })],
    ['nothing in it', {}],
    ['claims that are undefined', { claims: undefined }],
    ['claims that are null', { claims: null }],
    ['claims that are a list', { claims: [] }],
    ['claims that are a promise', { claims: Promise.resolve(CLAIMS) }],
    ['an unknown claim', { claims: { [PASSWORD]: 'x' } }],
    ['a sub of its own', { claims: { sub: 'x' } }],
    ['a polluted claim', { claims: JSON.parse('{"__proto__":{"roles":["admin"]}}') as object }],
    ['claims beside an answer', { claims: CLAIMS, statusCode: 403 }],
    ['claims beside something else', { claims: CLAIMS, password: PASSWORD }],
    ['a success without claims', { statusCode: 200 }],
    ['a status below 300', { statusCode: 204 }],
    ['a status that is none', { statusCode: PASSWORD }],
    ['a status of no envelope', { statusCode: 700 }],
    ['an api code that is none', { statusCode: 403, apiCode: PASSWORD }],
    ['a message that is none', { statusCode: 403, message: 5 }],
    ['data that JSON cannot hold', { statusCode: 403, data: 5n }],
    ['an unknown outcome', { statusCode: 403, outcome: 'success' }],
    ['an account', { statusCode: 403, account: 'zhangsan' }],
    [
      'a getter that throws',
      {
        get claims() {
          throw new Error(PASSWORD);
        },
      },
    ],
  ])('returns %s', async (_, answer) => {
    behave = () => answer;
    expect(await signIn(shared())).toEqual({
      statusCode: 602,
      message: 'The function ad must return undefined, { claims } or { statusCode, … }.',
      outcome: 'directory_failed',
    });
  });

  it('does not answer within 5 seconds', async () => {
    jest.useFakeTimers();
    try {
      let answerLate: ((answer: EmulatorAdAnswer) => void) | undefined;
      const ad = () => new Promise<EmulatorAdAnswer>((resolve) => (answerLate = resolve));
      const asking = askDirectory(ad, 'zhangsan', PASSWORD).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(4999);
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(1);
      answerLate?.({ claims: CLAIMS });
      expect(await asking).toMatchObject({
        outcome: 'directory_failed',
        answer: { statusCode: 408, message: 'The function ad did not answer within 5 seconds.' },
      });
      expect(await askDirectory(() => ({ claims: CLAIMS }), 'zhangsan', PASSWORD)).toEqual(CLAIMS);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('does not hold up the end of the emulator, and serves again after a new start', async () => {
    let isSilent = true;
    const { ad, calls } = makeDirectory(() => (isSilent ? new Promise(() => {}) : { claims: CLAIMS }));
    const emulator = await startEmulator(ad);
    const asking = signIn(emulator).catch((error: unknown) => error);
    while (calls.length < 1) await new Promise((resolve) => setImmediate(resolve));
    await emulator.stop();
    expect(await asking).toMatchObject({ message: 'fetch failed' });
    isSilent = false;
    await emulator.start();
    expect(await signIn(emulator)).toMatchObject({ statusCode: 200 });
  });
});

describe('web pages in the browser of the developer', () => {
  it.each([
    ['of another origin', { origin: 'https://evil.example' }, 403],
    ['of another origin on this machine', { origin: 'http://127.0.0.1:1' }, 403],
    ['without an origin', { origin: 'null' }, 403],
    ['by a name that was made to point here', { host: 'evil.example' }, 403],
    ['none: a server', {}, 200],
  ])('cannot try passwords at the directory: %s', async (_, headers, statusCode) => {
    const { ad, calls } = makeDirectory();
    const emulator = await startEmulator(ad);
    const json = signInBody(emulator, {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: PASSWORD },
    });
    const { text } = await ask(emulator.url, { path: '/api/v3/signin', json, headers });
    expect(JSON.parse(text)).toMatchObject({ statusCode });
    expect(calls).toHaveLength(statusCode === 200 ? 1 : 0);
    expect(emulator.signIns.map(({ outcome }) => outcome)).toEqual([
      statusCode === 200 ? 'success' : 'client_authentication_failed',
    ]);
  });

  it('may send sign-ins where nothing is at stake', async () => {
    const emulator = await new GenAuthEmulator().start();
    closing.push(() => emulator.stop());
    const headers = { origin: 'https://page.example', 'content-type': 'application/json' };
    expect((await postSignIn(emulator, signInBody(emulator), headers)).answer).toMatchObject({ statusCode: 200 });
  });

  it.each([
    [{}, true],
    [{ appSecret: 'a secret of our own' }, false],
    [{ appSecret: 'a secret of our own', tokenEndpointAuthMethod: 'none' }, true],
  ] as const)('nor other machines, without a secret: %j', (options, isRefused) => {
    const build = () => new GenAuthEmulator({ ad: makeDirectory().ad, allowRemote: true, host: '0.0.0.0', ...options });
    if (isRefused) expect(build).toThrow(/^ad: with allowRemote and no secret, .* set an appSecret of your own/);
    else expect(build).not.toThrow();
  });
});

describe('secrets', () => {
  it('are in no answer and in no journal', async () => {
    const emulator = await startEmulator();
    const seen = [await signIn(emulator), await signIn(emulator, 'zhangsan', 'c4nary-wrong'), emulator.signIns];
    const list = await control(emulator, 'GET', '/users');
    expect(findLeaks([seen, list, emulator], [PASSWORD, 'c4nary-wrong'])).toEqual([]);
  });
});

describe('options', () => {
  it.each([
    [{ url: 'ldaps://dc.example.com', bindPassword: PASSWORD }, 'an object'],
    [PASSWORD, `"${PASSWORD}"`],
    [null, 'null'],
    [Promise.resolve(() => undefined), 'an object'],
  ])('%j is a mistake', (ad, got) => {
    expect(() => new GenAuthEmulator({ ad: ad as never })).toThrow(
      `ad: expected a function (sAMAccountName, password) => answer, got ${got}.`,
    );
  });

  it('without ad, the accounts of AD are those of the emulator', async () => {
    const emulator = await new GenAuthEmulator({ ad: undefined }).start();
    closing.push(() => emulator.stop());
    expect(await signIn(emulator, 'zhangsan', 'AdPassw0rd')).toMatchObject({ statusCode: 200 });
  });
});
