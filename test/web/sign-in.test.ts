import { type GenAuthOptions, GenAuthAdStrategy, GenAuthPasswordStrategy, signInHandler } from '../../src/index.js';
import { useEmulator } from '../emulator/support.js';
import { EXPRESS_VERSIONS, type ExpressFactory } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { createLoginApp } from '../support/login-app.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const emulator = useEmulator();
const issuer = useIssuer();
const serve = useWebServer();

const ALICE = { account: 'alice', password: 'passw0rd' };
const FIXED = { tenantId: 'tenant-1', context: { source: 'utm' }, customData: { school: 'pku' } };

function start(express: ExpressFactory, options: GenAuthOptions, name = 'genauth-password'): Promise<string> {
  const strategies = [new GenAuthPasswordStrategy(options), new GenAuthAdStrategy(options)];
  return serve(createLoginApp(express, { strategies, authenticate: (_passport, find) => signInHandler(find(name)) }));
}

/** What a stranger may add to a login, as JSON text, so that `__proto__` is a member. */
const EXTRAS = [
  '"options":{"autoRegister":true,"scope":"openid roles","clientIp":"198.51.100.9","tenantId":"evil"}',
  '"options":null',
  '"signInOptions":{"tenantId":"evil"}',
  '"autoRegister":true',
  '"tenantId":"evil"',
  '"tenant_id":"evil"',
  '"connection":"AD"',
  '"connection":"LDAP"',
  '"client_id":"evil","client_secret":"evil"',
  '"appId":"evil","appSecret":"evil","appHost":"http://127.0.0.1:9"',
  '"scope":"openid roles extended_fields"',
  '"clientIp":"198.51.100.9"',
  '"ip":"198.51.100.9"',
  '"context":{"source":"evil"}',
  '"customData":{"admin":true}',
  '"passwordEncryptType":"rsa"',
  '"Account":"bob","Email":"bob@example.com","user_name":"bob","phone_number":"+8613800000001"',
  '"captcha_code":"evil","captcha":{"captchaCode":"evil"},"captchatoken":"evil"',
  '"fields":{"account":"connection"},"name":"evil","language":"zh","exposeReasons":true',
  '"passwordPayload":{"account":"bob","password":"passw0rd"}',
  '"sAMAccountName":"zhangsan"',
  '"adPayload":{"sAMAccountName":"zhangsan","password":"AdPassw0rd"}',
  '"__proto__":{"tenantId":"evil","clientIp":"198.51.100.9","sAMAccountName":"zhangsan","autoRegister":true}',
  '"constructor":{"prototype":{"tenantId":"evil"}}',
  '"toString":"evil","hasOwnProperty":"evil"',
  '"verify":"evil","session":true,"failureRedirect":"//evil.example","successRedirect":"//evil.example"',
];

describe.each(EXPRESS_VERSIONS)('what a request adds on %s', (_version, express) => {
  it.each(EXTRAS)('changes nothing: %s', async (extra) => {
    const url = await start(express, { ...emulator().clientOptions, scope: 'openid username', signInOptions: FIXED });
    const plain = await ask(url, { path: '/login', json: ALICE });
    const more = await ask(url, { path: '/login', text: `{${extra},${JSON.stringify(ALICE).slice(1)}` });
    const [control, attempt] = emulator().signIns.map(({ requestId: _requestId, ...rest }) => rest);
    expect(attempt).toStrictEqual(control);
    expect(control).toStrictEqual({
      connection: 'PASSWORD',
      account: 'alice',
      clientIp: '127.0.0.1',
      context: FIXED.context,
      options: { scope: 'openid username', clientIp: '127.0.0.1', ...FIXED },
      outcome: 'success',
    });
    const [user, same] = [plain, more].map(({ text }) => (JSON.parse(text) as Record<string, unknown>)['user']);
    expect(same).toStrictEqual(user);
    expect(more.headers['location']).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty('tenantId');
  });

  it.each(['genauth-password', 'genauth-ad'])('leaves every byte that %s sends as it is', async (name) => {
    const url = await start(express, { ...issuer().clientOptions, signInOptions: FIXED }, name);
    issuer().reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333 } });
    const body = name === 'genauth-ad' ? { sAMAccountName: 'z', password: 'p' } : ALICE;
    await ask(url, { path: '/login', json: body });
    // The last of two equal names counts, so the person's own go to the end.
    for (const extra of EXTRAS) {
      await ask(url, { path: '/login?tenantId=evil&scope=roles', text: `{${extra},${JSON.stringify(body).slice(1)}` });
    }
    const headers = {
      authorization: 'Bearer x',
      cookie: 'a=b',
      'x-forwarded-for': '198.51.100.9',
      'x-real-ip': '198.51.100.9',
      forwarded: 'for=198.51.100.9',
      'x-authing-app-id': 'evil',
      'x-authing-tenant-id': 'evil',
      'x-authing-lang': 'zh-CN',
      'user-agent': 'evil',
    };
    await ask(url, { path: '/login', json: body, headers });
    const [control, ...others] = issuer().requests;
    expect(others).toHaveLength(EXTRAS.length + 1);
    for (const other of others) expect(other).toStrictEqual(control);
    expect(control?.body.match(/evil|198\.51/)).toBeNull();
  });

  it('an unknown account and a wrong password get the same bytes, but for the ID of the request', async () => {
    const url = await start(express, emulator().clientOptions);
    const answers: WebAnswer[] = [];
    for (const json of [
      { account: 'alice', password: 'wrong' },
      { account: 'nobody', password: 'passw0rd' },
      { account: 'x'.repeat(256), password: 'x'.repeat(1024) },
    ]) {
      answers.push(await ask(url, { path: '/login', json }));
    }
    for (const [apiCode, statusCode] of [
      [2333, 403],
      [2006, 403],
      [2004, 404],
      [2027, 403],
    ]) {
      const body = { statusCode, apiCode, message: `code ${apiCode}`, requestId: 'x', data: { remainCount: 2 } };
      emulator().fault({ endpoint: 'signin', body, times: 1 });
      answers.push(await ask(url, { path: '/login', json: ALICE }));
    }
    const seen = answers.map(({ status, headers, text }) => {
      const { date: _, 'content-length': __, ...rest } = headers;
      return JSON.stringify([status, rest, text.replace(/"requestId":"[^"]+"/, '"requestId":"…"')]);
    });
    expect(new Set(seen).size).toBe(1);
    expect(seen[0]).toContain('The account or the password is wrong.');
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
  });
});

describe('signInOptions', () => {
  const [, express] = EXPRESS_VERSIONS.at(-1)!;
  const login = async (signInOptions: unknown): Promise<WebAnswer> => {
    const url = await start(express, { ...emulator().clientOptions, signInOptions } as GenAuthOptions);
    return ask(url, { path: '/login', json: ALICE, headers: { 'x-tenant': 'tenant-2' } });
  };
  const IP = { clientIp: '127.0.0.1' };

  it.each<[string, unknown, object]>([
    ['nothing', undefined, IP],
    ['a fixed object', FIXED, { ...IP, ...FIXED }],
    ['a fixed address', { clientIp: '203.0.113.7' }, { clientIp: '203.0.113.7' }],
    ['a function', () => FIXED, { ...IP, ...FIXED }],
    ['an async function', async () => FIXED, { ...IP, ...FIXED }],
    ['a function that gives nothing', () => ({}), IP],
    ['a function that gives undefined members', () => ({ tenantId: undefined, context: undefined }), IP],
    ['a function that gives the address', () => ({ clientIp: '[2001:DB8::7]:443' }), { clientIp: '2001:db8::7' }],
    ['a context that is a text', () => ({ context: '{"a":1}' }), { ...IP, context: '{"a":1}' }],
    ['a scope', () => ({ scope: ['openid', 'roles'] }), { ...IP, scope: 'openid roles' }],
    ['a scope in one text', () => ({ scope: 'openid roles' }), { ...IP, scope: 'openid roles' }],
    ['autoRegister that is off', () => ({ autoRegister: false }), { ...IP, autoRegister: false }],
    ['a captcha', () => ({ captchaCode: 'c', captchaToken: 't' }), { ...IP, captchaCode: 'c', captchaToken: 't' }],
    [
      'a function of the request',
      (req: { headers: Record<string, string> }) => ({ tenantId: req.headers['x-tenant'] }),
      { ...IP, tenantId: 'tenant-2' },
    ],
  ])('%s', async (_name, signInOptions, expected) => {
    expect((await login(signInOptions)).status).toBe(200);
    expect(emulator().signIns.map(({ options }) => options)).toEqual([{ scope: 'openid profile', ...expected }]);
  });

  const canary = new Error('canary-of-the-resolver');
  it.each<[string, () => unknown]>([
    ['throws', () => Promise.reject(canary)],
    ['throws a text', () => Promise.reject('canary-of-the-resolver')],
    ['throws nothing', () => Promise.reject()],
    ['gives no address', () => ({ clientIp: 'canary-of-the-resolver' })],
    ['gives a list of addresses', () => ({ clientIp: ['203.0.113.7'] })],
    ['gives an empty tenant', () => ({ tenantId: '' })],
    ['gives a context that is a number', () => ({ context: 5 })],
    ['gives custom data that is a list', () => ({ customData: [] })],
    ['gives what JSON cannot hold', () => ({ context: { n: 1n } })],
    ['gives what JSON cannot hold at all', () => ({ context: 1n })],
    ['gives what refuses to be JSON', () => ({ customData: { toJSON: () => undefined } })],
    ["gives the wire's own words", () => ({ client_id: 'app' })],
    ["gives the configuration's words", () => ({ appId: 'app' })],
    ['gives a password', () => ({ password: 'p' })],
    ['gives a scope without openid', () => ({ scope: ['profile'] })],
    ['gives an encryption that there is not', () => ({ passwordEncryptType: 'aes' })],
    ['gives a captcha that is a number', () => ({ captchaCode: 1234 })],
    ['gives autoRegister that is a text', () => ({ autoRegister: 'false' })],
    ['gives a text', () => 'canary-of-the-resolver'],
    ['gives a list', () => [{ tenantId: 't' }]],
    ['gives an own __proto__', () => JSON.parse('{"__proto__":{"tenantId":"t"}}') as unknown],
  ])('a function that %s: 500, and GenAuth is not called', async (_name, resolve) => {
    for (const signInOptions of [resolve, async () => resolve()]) {
      const answer = await login(signInOptions);
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        500,
        {
          statusCode: 500,
          error: 'Internal Server Error',
          message: 'This service is not configured correctly. Contact its administrator.',
          code: 'configuration_error',
        },
      ]);
      expect(findLeaks(answer, ['canary-of-the-resolver'])).toEqual([]);
    }
    expect(emulator().requests('signin')).toBe(0);
  });

  it('keeps what the function threw for the operator, sync and async', async () => {
    const sync = (): never => {
      throw canary;
    };
    for (const signInOptions of [sync, () => Promise.reject(canary)]) {
      const strategy = new GenAuthPasswordStrategy({ ...emulator().clientOptions, signInOptions });
      const attempt = await strategy.attempt({ headers: {}, body: ALICE });
      const message = 'The option signInOptions threw an error: read the cause of this error and correct the function.';
      const error = { code: 'invalid_sign_in_options', message, cause: canary };
      expect(attempt).toMatchObject({ kind: 'refusal', refusal: { status: 500, error } });
    }
  });

  it('never reaches another login: 100 tenants at once', async () => {
    const signInOptions = async (req: { headers: Record<string, string | string[] | undefined> }): Promise<object> => {
      const tenantId = String(req.headers['x-tenant']);
      for (let turn = 0; turn < tenantId.length % 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      return { tenantId };
    };
    const url = await start(express, { ...emulator().clientOptions, signInOptions });
    const tenants = Array.from({ length: 100 }, (_, i) => `tenant-${i}`);
    await Promise.all(
      tenants.map((tenant) =>
        ask(url, {
          path: '/login',
          json: { ...ALICE, account: tenant },
          headers: { 'x-tenant': tenant, host: `${tenant}.example` },
        }),
      ),
    );
    expect(emulator().signIns).toHaveLength(100);
    for (const { account, options } of emulator().signIns) expect(options['tenantId']).toBe(account);
  });

  it('is not what somebody has put into Object.prototype', async () => {
    const url = await start(express, emulator().clientOptions);
    const polluted = Object.prototype as Record<string, unknown>;
    const added = {
      tenantId: 'evil',
      customData: { a: 1 },
      context: 'evil',
      clientIp: '198.51.100.9',
      captchaCode: 'evil',
      autoRegister: true,
    };
    try {
      Object.assign(polluted, added);
      await ask(url, { path: '/login', json: ALICE });
    } finally {
      for (const name of Object.keys(added)) delete polluted[name];
    }
    expect(emulator().signIns).toMatchObject([{ connection: 'PASSWORD', account: 'alice' }]);
    expect(emulator().signIns[0]?.options).toEqual({ scope: 'openid profile', ...IP });
  });

  it('is left as it was, and shared by no two clients', async () => {
    const before = structuredClone(FIXED);
    await login(FIXED);
    await login(undefined);
    expect(FIXED).toStrictEqual(before);
    expect(emulator().signIns.map(({ options }) => options['tenantId'])).toEqual(['tenant-1', undefined]);
  });
});
