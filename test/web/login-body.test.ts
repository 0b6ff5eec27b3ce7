import fc from 'fast-check';
import { RequestError } from '../../src/index.js';
import type { LoginFields } from '../../src/core/options/types.js';
import { resolveOptions } from '../../src/core/options/resolve-options.js';
import { type LoginBody, parseAdLogin, parsePasswordLogin } from '../../src/web/login-body.js';
import { findLeaks } from '../support/leak.js';
import { catchThrown } from '../support/thrown.js';
import { propertyRuns } from '../support/property.js';

const CANARY = 'canary-password';
const nameFields = (fields: Partial<LoginFields>): LoginFields =>
  resolveOptions({ appId: 'a', appSecret: 's', appHost: 'https://a.example', fields }).fields;
const parse = (body: unknown, fields: Partial<LoginFields> = {}): LoginBody =>
  parsePasswordLogin({ headers: {}, body }, nameFields(fields));
const parseAd = (body: unknown, fields: Partial<LoginFields> = {}): LoginBody =>
  parseAdLogin({ headers: {}, body }, nameFields(fields));
const byPassword = (identifier: string, name: string): object => ({
  credentials: { connection: 'PASSWORD', identifier, name, password: CANARY },
  captcha: {},
});
const BY_AD = {
  credentials: { connection: 'AD', identifier: 'sAMAccountName', name: 'alice', password: CANARY },
  captcha: {},
};
const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;

it.each(IDENTIFIERS)('reads %s and the password as they are', (identifier) => {
  const body = { [identifier]: ' \u00e9 ', password: CANARY, options: { autoRegister: true }, client_id: 'x' };
  expect(parse(body)).toStrictEqual(byPassword(identifier, ' \u00e9 '));
  // The parsers of forms and Fastify make objects without a prototype.
  expect(parse(Object.assign(Object.create(null), body))).toStrictEqual(byPassword(identifier, ' \u00e9 '));
});

it('reads sAMAccountName and the password of an Active Directory login', () => {
  expect(parseAd({ sAMAccountName: 'alice', password: CANARY, account: 'bob' })).toStrictEqual(BY_AD);
});

it.each(IDENTIFIERS)('treats null as absent beside %s', (identifier) => {
  const nulls = { account: null, email: null, username: null, phone: null, captchaCode: null, captchaToken: null };
  const body = { ...nulls, password: CANARY, [identifier]: 'alice' };
  expect(parse(body)).toStrictEqual(byPassword(identifier, 'alice'));
});

it.each<[string, unknown]>([
  ['undefined', undefined],
  ['null', null],
  ['a string', JSON.stringify({ account: 'alice', password: CANARY })],
  ['a function', Object.assign(() => '', { account: 'alice', password: CANARY })],
])('refuses a body that is %s, with the line to write', (_title, body) => {
  const rest = 'send JSON, and parse it before this route. In Express write app.use(express.json()).';
  const error = catchThrown(() => parse(body));
  expect(error).toBeInstanceOf(RequestError);
  expect(error).toMatchObject({ message: `The request has no parsed body with "account" and "password": ${rest}` });
  expect(catchThrown(() => parseAd(body, { sAMAccountName: 'login', password: 'secret' }))).toMatchObject({
    message: `The request has no parsed body with "login" and "secret": ${rest}`,
  });
  expect(findLeaks(error, [CANARY])).toEqual([]);
});

it.each<[string, unknown]>([
  ['that is bytes', Buffer.from(`account=alice&password=${CANARY}`)],
  ['that is a Map', new Map(Object.entries({ account: 'alice', password: CANARY }))],
  ['that inherits the fields', Object.create({ account: 'alice', password: CANARY })],
  ['with the fields in __proto__', JSON.parse(`{"__proto__":{"account":"alice","password":"${CANARY}"}}`)],
  ['with String objects', { account: new String('alice'), password: new String(CANARY) }],
  ['with an object that converts to a string', { account: 'alice', password: { toString: () => CANARY } }],
  ['with a database operator', { account: 'alice', password: { $ne: CANARY } }],
  ['without a password', { account: 'alice' }],
  ['with null as the password', { account: 'alice', password: null }],
  ['with names in capitals', { Account: 'alice', PASSWORD: CANARY }],
  ["with GenAuth's names", { passwordPayload: { account: 'alice', password: CANARY } }],
  ['with the field of Active Directory', { sAMAccountName: 'alice', password: CANARY }],
  ['with two identifiers', { account: 'alice', email: 'alice', password: CANARY }],
  ['with an account of 257 characters', { account: 'a'.repeat(257), password: CANARY }],
])('refuses a body %s', (_title, body) => {
  const error = catchThrown(() => parse(body));
  expect(error).toBeInstanceOf(RequestError);
  expect(findLeaks(error, [CANARY])).toEqual([]);
});

it('refuses the fields of a password login for Active Directory', () => {
  expect(() => parseAd({ account: 'alice', password: CANARY })).toThrow('Send "sAMAccountName" with the password.');
});

describe('configured field names', () => {
  const NAMES = ['login', 'user.name', '账号', '0', 'toString', 'constructor', '__proto__'];

  it.each(NAMES)('are read and replace the default names: %j', (name) => {
    const body = (field: string): unknown => JSON.parse(`{${JSON.stringify(field)}:"alice","password":"${CANARY}"}`);
    expect(parse(body(name), { email: name })).toStrictEqual(byPassword('email', 'alice'));
    expect(parseAd(body(name), { sAMAccountName: name })).toStrictEqual(BY_AD);
    expect(catchThrown(() => parse(body('email'), { email: name }))).toBeInstanceOf(RequestError);
    expect(catchThrown(() => parse({ password: CANARY }, { email: name }))).toBeInstanceOf(RequestError);
    const byName = JSON.parse(`{"account":"alice",${JSON.stringify(name)}:"${CANARY}"}`) as object;
    expect(parse(byName, { password: name })).toStrictEqual(byPassword('account', 'alice'));
  });

  it('can change places', () => {
    const body = { password: 'alice', account: CANARY };
    expect(parse(body, { account: 'password', password: 'account' })).toStrictEqual(byPassword('account', 'alice'));
  });

  it.each([
    [{}, 'Send "login" or "mail" or "username" or "phone" with the password.'],
    [{ login: 'a' }, '"secret" must be a string of 1 to 1024 characters.'],
    [{ login: 'a', mail: 'e' }, 'Send only one of "login" and "mail".'],
  ])('are named in the error for %j', (body, message) => {
    const fields = { account: 'login', email: 'mail', password: 'secret' };
    expect(() => parse(body, fields)).toThrow(message);
  });
});

describe('a captcha', () => {
  const read = (captcha: object, fields: Partial<LoginFields> = {}): object =>
    parse({ account: 'alice', password: CANARY, ...captcha }, fields).captcha;

  it.each([
    ['both fields', { captchaCode: ' aB3 ', captchaToken: 't.1' }, { captchaCode: ' aB3 ', captchaToken: 't.1' }],
    ['the code only', { captchaCode: 'c' }, { captchaCode: 'c' }],
    ['the token only', { captchaToken: 't' }, { captchaToken: 't' }],
    ['4,096 characters', { captchaCode: 'c'.repeat(4096) }, { captchaCode: 'c'.repeat(4096) }],
    ['other spellings', { captcha: 'c', captcha_code: 'c', CaptchaCode: 'c', captchatoken: 't' }, {}],
  ])('is read with %s', (_title, body, captcha) => {
    expect(read(body)).toStrictEqual(captcha);
  });

  it('is read for Active Directory too', () => {
    const body = { sAMAccountName: 'alice', password: CANARY, captchaCode: 'c', captchaToken: 't' };
    expect(parseAd(body)).toStrictEqual({ ...BY_AD, captcha: { captchaCode: 'c', captchaToken: 't' } });
  });

  it('is read from configured fields only', () => {
    const fields = { captchaCode: 'pic', captchaToken: 'constructor' };
    const others = { captchaCode: 'evil', captchaToken: 'evil' };
    expect(read({ ...others, pic: 'c', constructor: 't' }, fields)).toStrictEqual({
      captchaCode: 'c',
      captchaToken: 't',
    });
    expect(read(others, fields)).toStrictEqual({});
  });

  it.each([1234, false, [], ['c'], {}, { $ne: 1 }, '', 'c'.repeat(4097)])('is refused if a field is %j', (value) => {
    const fault = { code: 'invalid_request', details: { field: 'pic', limit: 4096, unit: 'characters' } };
    expect(catchThrown(() => read({ pic: value }, { captchaCode: 'pic' }))).toMatchObject(fault);
    expect(catchThrown(() => read({ pic: value }, { captchaToken: 'pic' }))).toMatchObject(fault);
  });
});

it('reads any JSON body into its own strings, or throws a RequestError', () => {
  const names = fc.constantFrom(...IDENTIFIERS, 'password', 'captchaCode', 'captchaToken', '__proto__', 'constructor');
  const values = fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('alice', null), fc.jsonValue());
  const bodies = fc.oneof(fc.array(fc.tuple(names, values)).map(Object.fromEntries), fc.jsonValue());
  const strings = (value: LoginBody): unknown[] => [
    value.credentials.name,
    value.credentials.password,
    ...Object.values(value.captcha),
  ];
  const attempt = (body: unknown): unknown[] => {
    const result = catchThrown(() => strings(parse(body)));
    return (result instanceof RequestError ? [] : result) as unknown[];
  };
  fc.assert(
    fc.property(bodies, (body: unknown) => {
      expect(Object.values(Object(body) as object)).toEqual(expect.arrayContaining(attempt(body)));
    }),
    propertyRuns(300),
  );
  expect(Object.prototype).not.toHaveProperty('account');
});
