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
const expectBody = (connection: string, identifier: string, name: string): object => ({
  credentials: { connection, identifier, name, password: CANARY },
  captcha: {},
});
const byPassword = (identifier: string, name: string): object => expectBody('PASSWORD', identifier, name);
const BY_AD = expectBody('AD', 'sAMAccountName', 'alice');
const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;

it.each(IDENTIFIERS)('reads %s and the password as they are', (identifier) => {
  const body = { [identifier]: ' \u00e9 ', password: CANARY, options: { autoRegister: true }, client_id: 'x' };
  expect(parse(body)).toStrictEqual(byPassword(identifier, ' \u00e9 '));
  // The parsers of forms and Fastify make objects without a prototype.
  expect(parse(Object.assign(Object.create(null), body))).toStrictEqual(byPassword(identifier, ' \u00e9 '));
});

it('reads sAMAccountName and the password of an Active Directory login, and refuses other fields', () => {
  expect(parseAd({ sAMAccountName: 'alice', password: CANARY, account: 'bob' })).toStrictEqual(BY_AD);
  expect(() => parseAd({ account: 'alice', password: CANARY })).toThrow('Send "sAMAccountName" with the password.');
});

it('treats null as absent', () => {
  const nulls = { account: null, username: null, phone: null, captchaCode: null, captchaToken: null };
  expect(parse({ ...nulls, password: CANARY, email: 'alice' })).toStrictEqual(byPassword('email', 'alice'));
});

it.each<[string, unknown]>([
  ['undefined', undefined],
  ['null', null],
  ['a string', JSON.stringify({ account: 'alice', password: CANARY })],
])('refuses a body that is %s, with the line to write', (_title, body) => {
  const rest = 'send JSON, and parse it before this route. In Express write app.use(express.json()).';
  const error = catchThrown(() => parse(body));
  expect(error).toEqual(new RequestError(`The request has no parsed body with "account" and "password": ${rest}`));
  const ad = catchThrown(() => parseAd(body, { sAMAccountName: 'login', password: 'secret' }));
  expect(ad).toEqual(new RequestError(`The request has no parsed body with "login" and "secret": ${rest}`));
  expect(findLeaks(error, [CANARY])).toEqual([]);
});

it.each<[string, unknown]>([
  ['that is bytes', Buffer.from(`account=alice&password=${CANARY}`)],
  ['that inherits the fields', Object.create({ account: 'alice', password: CANARY })],
  ['with the fields in __proto__', JSON.parse(`{"__proto__":{"account":"alice","password":"${CANARY}"}}`)],
  ['with a database operator', { account: 'alice', password: { $ne: CANARY } }],
  ['with a repeated field', { account: 'alice', password: [CANARY, CANARY] }],
  ['without a password', { account: 'alice' }],
  ['with the field of Active Directory', { sAMAccountName: 'alice', password: CANARY }],
])('refuses a body %s', (_title, body) => {
  const error = catchThrown(() => parse(body));
  expect(error).toBeInstanceOf(RequestError);
  expect(findLeaks(error, [CANARY])).toEqual([]);
});

it.each(['login', '账号', 'constructor', '__proto__'])('the configured name %j replaces the default name', (name) => {
  const body = (field: string): unknown => JSON.parse(`{${JSON.stringify(field)}:"alice","password":"${CANARY}"}`);
  expect(parse(body(name), { email: name })).toStrictEqual(byPassword('email', 'alice'));
  expect(parseAd(body(name), { sAMAccountName: name })).toStrictEqual(BY_AD);
  expect(catchThrown(() => parse(body('email'), { email: name }))).toBeInstanceOf(RequestError);
  expect(catchThrown(() => parse({ password: CANARY }, { email: name }))).toBeInstanceOf(RequestError);
});

it.each([
  [{}, 'Send "login" or "email" or "username" or "phone" with the password.'],
  [{ login: 'a' }, '"secret" must be a string of 1 to 1024 characters.'],
])('configured field names are named in the error for %j', (body, message) => {
  expect(() => parse(body, { account: 'login', password: 'secret' })).toThrow(message);
});

const CAPTCHA = { captchaCode: ' c', captchaToken: 't' };
const OWN = { captchaCode: 'pic', captchaToken: 'constructor' };
it.each<[string, object, Partial<LoginFields>, object]>([
  ['both fields', CAPTCHA, {}, CAPTCHA],
  ['4,096 characters', { captchaCode: 'c'.repeat(4096) }, {}, { captchaCode: 'c'.repeat(4096) }],
  ['configured fields', { captchaCode: 'x', pic: ' c', constructor: 't' }, OWN, CAPTCHA],
  ['other fields only', { captchaCode: 'x', captchaToken: 'x' }, OWN, {}],
])('a captcha is read with %s', (_title, body, fields, captcha) => {
  expect(parse({ account: 'alice', password: CANARY, ...body }, fields).captcha).toStrictEqual(captcha);
  expect(parseAd({ sAMAccountName: 'alice', password: CANARY, ...body }, fields).captcha).toStrictEqual(captcha);
});

it.each([1234, { $ne: 1 }, '', 'c'.repeat(4097)])('a captcha is refused if a field is %j', (value) => {
  const fault = { code: 'invalid_request', details: { field: 'pic', limit: 4096, unit: 'characters' } };
  const refuse = (name: string): unknown =>
    catchThrown(() => parse({ account: 'alice', password: CANARY, pic: value }, { [name]: 'pic' }));
  expect([refuse('captchaCode'), refuse('captchaToken')]).toMatchObject([fault, fault]);
});

it('reads any JSON body into its own strings, or throws a RequestError', () => {
  const names = fc.constantFrom(...IDENTIFIERS, 'password', 'captchaCode', 'captchaToken', '__proto__', 'constructor');
  const values = fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('alice', null), fc.jsonValue());
  const bodies = fc.oneof(fc.array(fc.tuple(names, values)).map(Object.fromEntries), fc.jsonValue());
  const strings = ({ credentials: { name, password }, captcha }: LoginBody): unknown[] =>
    Object.values({ ...captcha, name, password });
  const attempt = (body: unknown): unknown[] => {
    const result = catchThrown(() => strings(parse(body)));
    return (result instanceof RequestError ? [] : result) as unknown[];
  };
  const property = fc.property(bodies, (body: unknown) =>
    expect(Object.values(Object(body) as object)).toEqual(expect.arrayContaining(attempt(body))),
  );
  fc.assert(property, propertyRuns(300));
  expect(Object.prototype).not.toHaveProperty('account');
});
