import { GenAuthAdStrategy, GenAuthPasswordStrategy, RequestError, signInHandler } from '../../src/index.js';
import { resolveOptions } from '../../src/core/options/resolve-options.js';
import { parseAdLogin, parsePasswordLogin } from '../../src/web/login-body.js';
import { useEmulator } from '../emulator/support.js';
import { EXPRESS_VERSIONS, type ExpressFactory } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { findLeaks } from '../support/leak.js';
import { createLoginApp } from '../support/login-app.js';
import { ask, useWebServer } from '../support/web-server.js';
import { catchThrown } from '../support/thrown.js';

const CANARY = 'canary-password';
const { fields } = resolveOptions({ appId: 'a', appSecret: 's', appHost: 'https://a.example' });

describe('the two texts of a body', () => {
  it.each([
    ['account', parsePasswordLogin],
    ['sAMAccountName', parseAdLogin],
  ] as const)('%s and password, and nothing else', (name, parse) => {
    const body = { [name]: ' alice ', password: ' pw ', options: { autoRegister: true }, client_id: 'x' };
    const connection = name === 'account' ? 'PASSWORD' : 'AD';
    const login = { credentials: { connection, identifier: name, name: ' alice ', password: ' pw ' }, captcha: {} };
    expect(parse({ headers: {}, body }, fields)).toStrictEqual(login);
    // As querystring and Fastify make them.
    expect(parse({ headers: {}, body: Object.assign(Object.create(null), body) }, fields)).toStrictEqual(login);
  });

  it.each<[string, unknown]>([
    ['that nobody parsed', undefined],
    ['that is null', null],
    ['that is a text', JSON.stringify({ account: 'alice', password: CANARY })],
    ['that is bytes', Buffer.from(`account=alice&password=${CANARY}`)],
    ['that is a list', ['alice', CANARY]],
    ['that is a function', Object.assign(() => '', { account: 'alice', password: CANARY })],
    ['that is a Map', new Map(Object.entries({ account: 'alice', password: CANARY }))],
    ['that only inherits them', Object.create({ account: 'alice', password: CANARY })],
    ['with String objects', { account: new String('alice'), password: new String(CANARY) }],
    ['with things that print as texts', { account: 'alice', password: { toString: () => CANARY } }],
    ['with a password of bytes', { account: 'alice', password: Buffer.from(CANARY) }],
  ])('a body %s: RequestError, without its values', (_name, body) => {
    const parse = (): unknown => parsePasswordLogin({ headers: {}, body }, fields);
    expect(parse).toThrow(RequestError);
    expect(parse).toThrow(/"(account|password)"/);
    expect(findLeaks(catchThrown(parse), [CANARY])).toEqual([]);
  });
});

describe.each(EXPRESS_VERSIONS)('a login on %s', (_version, express) => {
  failOnUnhandledRejections();
  const emulator = useEmulator();
  const serve = useWebServer();

  const start = (parse?: ReturnType<ExpressFactory['json']>, name = 'genauth-password'): Promise<string> =>
    serve(
      createLoginApp(express, {
        strategies: [
          new GenAuthPasswordStrategy({ ...emulator().clientOptions, scope: 'openid username' }),
          new GenAuthAdStrategy(emulator().clientOptions),
        ],
        authenticate: (_passport, find) => signInHandler(find(name)),
        ...(parse === undefined ? {} : { parse }),
      }),
    );

  it.each<[string, string]>([
    ['an empty object', '{}'],
    ['a list', `["alice","${CANARY}"]`],
    ['a list in a list', `[{"account":"alice","password":"${CANARY}"}]`],
    ['no password', '{"account":"alice"}'],
    ['no account', `{"password":"${CANARY}"}`],
    ['an empty password', '{"account":"alice","password":""}'],
    ['an empty account', `{"account":"","password":"${CANARY}"}`],
    ['a password that is null', '{"account":"alice","password":null}'],
    ['a password that is a number', '{"account":"alice","password":12345678}'],
    ['a password that is true', '{"account":"alice","password":true}'],
    ['a password that is an operator', '{"account":"alice","password":{"$ne":""}}'],
    ['a password in a list', `{"account":"alice","password":["${CANARY}"]}`],
    ['a password with a length', '{"account":"alice","password":{"length":8}}'],
    ['an account that is an operator', `{"account":{"$gt":""},"password":"${CANARY}"}`],
    ['an account in a list', `{"account":["alice"],"password":"${CANARY}"}`],
    ['an account that is 0', `{"account":0,"password":"${CANARY}"}`],
    ['both in __proto__', `{"__proto__":{"account":"alice","password":"${CANARY}"}}`],
    ['both in constructor.prototype', `{"constructor":{"prototype":{"account":"alice","password":"${CANARY}"}}}`],
    ['a second password that is a list', `{"account":"alice","password":"${CANARY}","password":[]}`],
    ['names in capitals', `{"Account":"alice","PASSWORD":"${CANARY}"}`],
    ["GenAuth's own names", `{"passwordPayload":{"account":"alice","password":"${CANARY}"}}`],
    ['a name that is none of the four', `{"login":"alice","password":"${CANARY}"}`],
    ["Active Directory's name for the account", `{"sAMAccountName":"alice","password":"${CANARY}"}`],
    ['an account of 257 characters', JSON.stringify({ account: 'a'.repeat(257), password: CANARY })],
    ['a password of 1025 characters', JSON.stringify({ account: 'alice', password: CANARY.repeat(70).slice(0, 1025) })],
    ['a password of a megabyte', JSON.stringify({ account: 'alice', password: CANARY.repeat(70_000) })],
  ])('with %s: 400, and GenAuth is not called', async (_name, text) => {
    const answer = await ask(await start(), { path: '/login', text });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ statusCode: 400, error: 'Bad Request', code: 'invalid_request' });
    expect(findLeaks(answer, [CANARY])).toEqual([]);
    expect(emulator().requests('signin')).toBe(0);
    expect(Object.prototype).not.toHaveProperty('account');
  });

  it('with no body at all, or credentials in the address or in headers: 400, and GenAuth is not called', async () => {
    const url = await start();
    const inHeaders = { account: 'alice', password: CANARY, authorization: 'Basic YWxpY2U6cGFzc3cwcmQ=' };
    for (const request of [
      { path: '/login' },
      { path: '/login', method: 'POST' },
      { path: `/login?account=alice&password=${CANARY}`, json: {} },
      { path: '/login', json: {}, headers: inHeaders },
      { path: '/login', text: `{"account":"alice","password":"${CANARY}"}`, type: 'text/plain' },
    ]) {
      const answer = await ask(url, request);
      expect(answer.status).toBe(400);
      expect(findLeaks(answer, [CANARY])).toEqual([]);
    }
    expect(emulator().requests('signin')).toBe(0);
  });

  it.each([true, false])('with a form (extended: %s): the same', async (extended) => {
    const url = await start(express.urlencoded({ extended }));
    const send = (text: string): ReturnType<typeof ask> =>
      ask(url, { path: '/login', text, type: 'application/x-www-form-urlencoded' });
    for (const text of [
      '',
      'account=alice',
      'account=alice&password=',
      'account=alice&password[$ne]=1',
      'account=alice&password[]=passw0rd',
      'account=alice&password[0]=passw0rd',
      'account=alice&password=passw0rd&password=passw0rd',
      'account[]=alice&password=passw0rd',
      'account[toString]=alice&password=passw0rd',
      'account=alice&account=bob&password=passw0rd',
      '__proto__[account]=alice&__proto__[password]=passw0rd',
      'constructor[prototype][account]=alice&constructor[prototype][password]=passw0rd',
    ]) {
      expect([text, (await send(text)).status]).toEqual([text, 400]);
    }
    expect(emulator().requests('signin')).toBe(0);
    expect(Object.prototype).not.toHaveProperty('account');
    expect((await send('account=alice&password=passw0rd')).status).toBe(200);
    expect((await send('account=+alice%20&password=passw0rd')).status).toBe(401);
    expect(emulator().signIns.map(({ account }) => account)).toEqual(['alice', ' alice ']);
  });

  /** Passwords that are taken as they are, and what one might make of them: each is another password. */
  it.each([
    ['spaces around', '  pass word\t', 'pass word'],
    ['NFC', 'caf\u00E9-pass', 'cafe\u0301-pass'],
    ['NFD', 'cafe\u0301-pass', 'caf\u00E9-pass'],
    ['compatibility characters', '\uFB01x\u00B2-pass', 'fix2-pass'],
    ['capitals', 'PassWord', 'password'],
    ['a line break', 'pass\r\nword', 'pass\nword'],
    ['NUL', 'pass\0word', 'pass'],
    ['a byte order mark', '\uFEFFpassword', 'password'],
    ['percent signs', '%70assword', 'password'],
    ['1024 characters', 'p'.repeat(1024), 'p'.repeat(1023)],
    ['a number', '12345678', '12345678.0'],
  ])('keeps a password with %s', async (name, password, other) => {
    const username = `${name} ${_version}`;
    emulator().addUser({ username, password });
    const url = await start();
    const attempt = async (text: string): Promise<number> =>
      (await ask(url, { path: '/login', json: { account: username, password: text } })).status;
    expect(await attempt(password)).toBe(200);
    expect(await attempt(other)).toBe(401);
  });

  it('keeps an account as it is: NFC, NFD, spaces, lone surrogates, 256 characters', async () => {
    const url = await start();
    const accounts = [
      ' alice',
      'alice ',
      'caf\u00E9',
      'cafe\u0301',
      'a\uD800b',
      '\0',
      'x'.repeat(256),
      '😀'.repeat(128),
    ];
    for (const account of accounts) {
      expect((await ask(url, { path: '/login', json: { account, password: 'passw0rd' } })).status).toBe(401);
    }
    expect(emulator().signIns.map(({ account }) => account)).toEqual(accounts);
  });

  it('of Active Directory: its own names, the same rules', async () => {
    const url = await start(undefined, 'genauth-ad');
    const send = (json: object): ReturnType<typeof ask> => ask(url, { path: '/login', json });
    for (const json of [
      { account: 'zhangsan', password: 'AdPassw0rd' },
      { sAMAccountName: 'zhangsan', password: '' },
      { sAMAccountName: 'zhangsan', password: { $ne: '' } },
      { sAMAccountName: ['zhangsan'], password: 'AdPassw0rd' },
      { sAMAccountName: 'z'.repeat(257), password: 'AdPassw0rd' },
    ]) {
      expect((await send(json)).status).toBe(400);
    }
    expect(emulator().requests('signin')).toBe(0);
    expect((await send({ sAMAccountName: 'zhangsan', password: 'AdPassw0rd' })).status).toBe(200);
    expect(emulator().signIns).toMatchObject([{ connection: 'AD', account: 'zhangsan', outcome: 'success' }]);
  });
});
