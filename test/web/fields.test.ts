import type { SignInStrategy } from '../../src/index.js';
import {
  type GenAuthOptions,
  GenAuthAdStrategy,
  GenAuthClient,
  GenAuthPasswordStrategy,
  signInHandler,
} from '../../src/index.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { createLoginApp } from '../support/login-app.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const serve = useWebServer();

const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;
const CANARY = 'canary-password';

/** The sign-in request as it must be on the wire, to the byte; written here by hand, and by nothing of the library. */
function wire(payload: string, options = ''): string {
  const { appSecret } = issuer().clientOptions;
  const rest = `"options":{"scope":"openid profile","clientIp":"127.0.0.1"${options}}`;
  return `{"connection":${payload},${rest},"client_id":"${APP_ID}","client_secret":"${appSecret}"}`;
}
const byPassword = (identifier: string, name: string): string =>
  `"PASSWORD","passwordPayload":{"${identifier}":${JSON.stringify(name)},"password":"${CANARY}"}`;
const byAd = (name: string): string => `"AD","adPayload":{"sAMAccountName":"${name}","password":"${CANARY}"}`;
const sent = (): string[] => issuer().requests.flatMap(({ path, body }) => (path === SIGN_IN_PATH ? [body] : []));

describe.each(EXPRESS_VERSIONS)('the fields of a login on %s', (_version, express) => {
  type Options = Partial<GenAuthOptions>;
  const login = async (text: string, options: Options = {}, kind = 'password'): Promise<WebAnswer> => {
    issuer().reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333 } });
    const client = new GenAuthClient({ ...issuer().clientOptions, ...options });
    const strategies = [new GenAuthPasswordStrategy(client), new GenAuthAdStrategy(client)];
    const authenticate = (_passport: unknown, find: (name: string) => SignInStrategy): unknown =>
      signInHandler(find(`genauth-${kind}`));
    return ask(await serve(createLoginApp(express, { strategies, authenticate })), { path: '/login', text });
  };
  const expect400 = ({ status, text }: WebAnswer, message: RegExp): void => {
    expect(JSON.parse(text)).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message: expect.stringMatching(message),
      code: 'invalid_request',
    });
    expect(status).toBe(400);
    expect(findLeaks(text, [CANARY])).toEqual([]);
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  };
  const write = (members: object): string => JSON.stringify({ ...members, password: CANARY });

  it.each(IDENTIFIERS)('%s goes to GenAuth under that name, as it was written', async (identifier) => {
    for (const name of ['Alice', ' \u00e9 ', '+86 138', 'x'.repeat(256), '__proto__', 'a"b\\']) {
      expect((await login(write({ [identifier]: name }))).status).toBe(401);
      expect(sent().at(-1)).toBe(wire(byPassword(identifier, name)));
    }
  });

  it.each(IDENTIFIERS)('%s that is no text, or too long: 400, and no call', async (identifier) => {
    for (const name of [5, true, [], ['alice'], { $gt: '' }, {}, '']) {
      expect400(await login(write({ [identifier]: name })), new RegExp(`^"${identifier}" must be a string of 1 to `));
    }
    expect400(await login(write({ [identifier]: 'x'.repeat(257) })), / must be a string of 1 to 256 characters\.$/);
  });

  it.each([
    [['account', 'email'], '"account" and "email"'],
    [['email', 'account'], '"account" and "email"'],
    [['account', 'username'], '"account" and "username"'],
    [['account', 'phone'], '"account" and "phone"'],
    [['email', 'username'], '"email" and "username"'],
    [['email', 'phone'], '"email" and "phone"'],
    [['username', 'phone'], '"username" and "phone"'],
    [[...IDENTIFIERS], '"account" and "email" and "username" and "phone"'],
  ])('%j at once: 400, also where they say the same', async (names, shown) => {
    const message = new RegExp(`^Send only one of ${shown}\\.$`);
    expect400(await login(write(Object.fromEntries(names.map((name) => [name, 'alice'])))), message);
    const different = names.map((name, i) => [name, i === 0 ? 'alice' : { $ne: i }]);
    expect400(await login(write(Object.fromEntries(different))), message);
  });

  it.each(IDENTIFIERS)('null beside %s counts as not sent, and null in its place is none', async (identifier) => {
    const others = Object.fromEntries(IDENTIFIERS.map((name) => [name, null]));
    const captcha = { captchaCode: null, captchaToken: null };
    expect((await login(write({ ...others, ...captcha, [identifier]: 'alice' }))).status).toBe(401);
    expect(sent()).toEqual([wire(byPassword(identifier, 'alice'))]);
    issuer().requests.length = 0;
    expect400(await login(write({ [identifier]: null })), /^Send "account" or "email"/);
    expect400(await login(`{"${identifier}":"alice","password":null}`), /^"password" must be a string of 1 to /);
  });

  it('none of them: 400, whatever else there is', async () => {
    const others = { sAMAccountName: 'z', accounts: 'a', Email: 'e', user: 'u', phone_number: 'p', captchaCode: 'c' };
    for (const members of [{}, others]) expect400(await login(write(members)), /^Send "account" or "email"/);
    const names = { account: 'a', email: 'e', username: 'u', phone: 'p' };
    for (const members of [{}, names])
      expect400(await login(write(members), {}, 'ad'), /^Send "sAMAccountName" with the password/);
  });

  describe('under configured names', () => {
    // As JSON.parse makes them, each is a member of its own of the body.
    const NAMES = ['login', 'user.name', 'E-Mail', '账号', ' ', '0', 'length', 'toString', 'hasOwnProperty'];
    it.each([...NAMES, 'constructor', 'prototype', '__proto__'])(
      '%j is read from there, and from nowhere else',
      async (name) => {
        const key = JSON.stringify(name);
        for (const field of [...IDENTIFIERS, 'sAMAccountName'] as const) {
          const kind = field === 'sAMAccountName' ? 'ad' : 'password';
          const expected = wire(kind === 'ad' ? byAd('alice') : byPassword(field, 'alice'));
          const fields = { [field]: name };
          expect((await login(`{${key}:"alice","password":"${CANARY}"}`, { fields }, kind)).status).toBe(401);
          expect(sent()).toEqual([expected]);
          issuer().requests.length = 0;
          // Its own name is one that nobody knows now.
          const other = field === 'account' ? 'account' : 'login';
          expect400(await login(`{"${field}":"alice","password":"${CANARY}"}`, { fields }, kind), /^Send /);
          expect400(
            await login(`{"password":"${CANARY}","${other}":1}`, { fields }, kind),
            /^Send |must be a string of 1 to/,
          );
        }
        const inPassword = `{"account":"alice",${key}:"${CANARY}"}`;
        expect((await login(inPassword, { fields: { password: name } })).status).toBe(401);
        expect(sent()).toEqual([wire(byPassword('account', 'alice'))]);
        issuer().requests.length = 0;
        expect400(await login(write({ account: 'alice' }), { fields: { password: name } }), /must be a string of 1 to/);
        expect(Object.hasOwn(Object.prototype, 'alice')).toBe(false);
      },
    );

    it('two names that changed places', async () => {
      const fields = { account: 'password', password: 'account' };
      await login(`{"password":"alice","account":"${CANARY}"}`, { fields });
      expect(sent()).toEqual([wire(byPassword('account', 'alice'))]);
    });

    it('the person is told the names that the form has', async () => {
      const fields = { account: 'login', email: 'mail', password: 'secret' };
      expect400(await login('{}', { fields }), /^Send "login" or/);
      expect400(await login('{"login":"a"}', { fields }), /^"secret" must be a string of 1 to/);
      expect400(await login('{"login":"a","mail":"e"}', { fields }), /^Send only one of "login" and "mail"\.$/);
    });
  });

  describe.each([
    ['password', { account: 'alice' }, byPassword('account', 'alice')],
    ['ad', { sAMAccountName: 'alice' }, byAd('alice')],
  ] as const)('a captcha beside credentials: %s', (kind, person, payload) => {
    it.each<[string, object, string]>([
      ['both', { captchaCode: 'aB3', captchaToken: 't.1' }, ',"captchaCode":"aB3","captchaToken":"t.1"'],
      ['the code alone', { captchaCode: ' a ' }, ',"captchaCode":" a "'],
      ['the token alone', { captchaToken: 't' }, ',"captchaToken":"t"'],
      ['4096 characters', { captchaCode: 'c'.repeat(4096) }, `,"captchaCode":"${'c'.repeat(4096)}"`],
      ['neither', {}, ''],
      [
        'other spellings',
        { captcha: 'c', captcha_code: 'c', CaptchaCode: 'c', captchacode: 'c', captchatoken: 't' },
        '',
      ],
    ])('%s', async (_name, captcha, options) => {
      expect((await login(write({ ...person, ...captcha }), {}, kind)).status).toBe(401);
      expect(sent()).toEqual([wire(payload, options)]);
    });

    it('under configured names, and under no others', async () => {
      const fields = { captchaCode: '__proto__', captchaToken: 'constructor' };
      const own = `"captchaCode":"evil","captchaToken":"evil","__proto__":"c","constructor":"t"`;
      await login(`{${own},${write(person).slice(1)}`, { fields }, kind);
      await login(write({ ...person, captchaCode: 'evil', captchaToken: 'evil' }), { fields }, kind);
      expect(sent()).toEqual([wire(payload, ',"captchaCode":"c","captchaToken":"t"'), wire(payload)]);
    });

    it.each(['captchaCode', 'captchaToken'] as const)(
      '%s of a wrong type, or too long: 400, and no call',
      async (name) => {
        for (const value of [1234, 0, true, false, [], ['c'], {}, { $ne: 1 }, 'c'.repeat(4097)]) {
          const answer = await login(write({ ...person, [name]: value }), {}, kind);
          expect400(answer, new RegExp(`^"${name}" must be a string of 1 to 4096 characters`));
          expect400(await login(write({ ...person, pic: value }), { fields: { [name]: 'pic' } }, kind), /^"pic" /);
        }
      },
    );

    it("does not replace the server's own", async () => {
      const signInOptions = (): object => ({ captchaCode: 'ours', captchaToken: undefined });
      await login(write({ ...person, captchaCode: 'evil', captchaToken: 't' }), { signInOptions }, kind);
      const [body = '{}'] = sent();
      expect((JSON.parse(body) as { options: object }).options).toMatchObject({
        captchaCode: 'ours',
        captchaToken: 't',
      });
    });
  });

  it.each([
    ['static', { autoRegister: true }],
    ['a function', () => ({ autoRegister: true })],
    ['async', async () => ({ autoRegister: true })],
  ])('autoRegister (%s) goes with email, username and phone, and never with account', async (_name, signInOptions) => {
    for (const identifier of ['email', 'username', 'phone']) {
      await login(write({ [identifier]: 'new' }), { signInOptions });
      expect(sent().splice(-1)).toEqual([wire(byPassword(identifier, 'new'), ',"autoRegister":true')]);
    }
    issuer().requests.length = 0;
    // The person chose what to send, so it is for them to send something else.
    expect400(
      await login(write({ account: 'new' }), { signInOptions }),
      /^"account" cannot be registered: send "email",/,
    );
  });
});
