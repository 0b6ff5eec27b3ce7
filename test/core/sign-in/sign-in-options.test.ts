import { ConfigurationError, RequestError } from '../../../src/core/errors.js';
import {
  type SignInOptions,
  checkAutoRegister,
  checkSignInOptions,
  findSignInOptionsMistakes,
  mergeSignInOptions,
} from '../../../src/core/sign-in/sign-in-options.js';
import { catchThrown } from '../../support/thrown.js';

const TEXT = 't'.repeat(4096);
const NAMES =
  'scope clientIp context tenantId customData autoRegister captchaCode captchaToken passwordEncryptType'.split(' ');

it.each<[string, SignInOptions]>([
  ['text', { scope: 'openid  email', clientIp: '203.0.113.7', context: '', passwordEncryptType: 'sm2' }],
  ['the longest texts', { tenantId: TEXT, captchaCode: TEXT, captchaToken: TEXT, autoRegister: false }],
  ['plain objects', { scope: ['openid'], context: {}, customData: Object.create(null) as object }],
  ['no value', Object.fromEntries(NAMES.map((name) => [name, undefined]))],
])('accepts options with %s', (_name, options) => {
  expect(checkSignInOptions(options)).toBeUndefined();
});

it.each<[keyof SignInOptions, string, unknown]>([
  ['scope', 'a string without openid', 'email'],
  ['clientIp', 'two addresses', '203.0.113.7, 10.0.0.1'],
  ['context', 'a Date', new Date(0)],
  ['context', 'an object whose toJSON returns a string', { toJSON: () => 'x' }],
  ['customData', 'a string', '{}'],
  ['customData', 'an object that JSON cannot hold', { a: 1n }],
  ['tenantId', 'a list', ['t']],
  ['tenantId', 'an empty string', ''],
  ['tenantId', '4,097 characters', `${TEXT}t`],
  ['autoRegister', 'a number', 1],
  ['passwordEncryptType', 'a name in capitals', 'RSA'],
])('refuses as %s %s', (option, _name, value) => {
  expect(findSignInOptionsMistakes({ [option]: value })).toMatchObject([{ option }]);
});

it('states the value and the fix of every wrong option in one error', () => {
  const mistakes = [
    ['scope', "write ['openid', 'email'], with 'openid' among them"],
    ['clientIp', 'write an IP address, "203.0.113.7"'],
    ['context', 'write an object that JSON can hold, { source: "utm" }, or a string'],
    ['tenantId', 'write the tenant ID as a string of 1 to 4096 characters'],
    ['customData', 'write an object that JSON can hold, { school: "pku" }'],
    ['autoRegister', 'write true or false'],
    ['captchaCode', 'write the text of the picture, 1 to 4096 characters'],
    ['captchaToken', 'write the token that came with the picture, 1 to 4096 characters'],
    ['passwordEncryptType', 'write one of none, rsa, sm2'],
  ].map(([option, fix]) => ({ option, problem: 'is null', fix }));
  const thrown = catchThrown(() => checkSignInOptions(Object.fromEntries(NAMES.map((name) => [name, null]))));
  expect(thrown).toBeInstanceOf(ConfigurationError);
  const lines = mistakes.map(({ option, problem, fix }) => `${option} ${problem}: ${fix}.`);
  const message = `The sign-in options are wrong: ${lines.join(' ')}`;
  expect(thrown).toMatchObject({ code: 'invalid_sign_in_options', message, details: { mistakes } });
});

it.each(['client_id', 'toString', '__proto__'])('refuses the unknown option %s', (option) => {
  const options = Object.defineProperty({}, option, { value: {}, enumerable: true });
  const fix = `remove it, or write one of ${NAMES.join(', ')}`;
  expect(findSignInOptionsMistakes(options)).toEqual([{ option, problem: 'is not a sign-in option', fix }]);
});

it('refuses a list instead of the options', () => {
  const mistakes = [{ option: 'signInOptions', problem: 'is []', fix: 'write an object' }];
  expect(catchThrown(() => checkSignInOptions([]))).toMatchObject({ details: { mistakes } });
});

it('merges layers: later ones override earlier ones, and undefined values are ignored', () => {
  const first: SignInOptions = Object.freeze({ tenantId: 'a', scope: 'openid', autoRegister: true });
  const second: SignInOptions = { tenantId: 'b', scope: undefined, autoRegister: false };
  const merged = { tenantId: 'b', scope: 'openid', autoRegister: false };
  expect(mergeSignInOptions(first, {}, second, { clientIp: undefined })).toEqual(merged);
});

it('merges layers into an object without a prototype, also from an own __proto__', () => {
  const merged = mergeSignInOptions(JSON.parse('{"__proto__":{"autoRegister":true}}') as SignInOptions);
  expect([merged.autoRegister, Object.getPrototypeOf(merged)]).toEqual([undefined, null]);
});

it('refuses autoRegister with account, and with no other identifier', () => {
  const check = (autoRegister: boolean | undefined, identifier: 'account' | 'email'): unknown =>
    catchThrown(() =>
      checkAutoRegister({ autoRegister }, { connection: 'PASSWORD', identifier, name: 'x', password: 'p' }),
    );
  const message = '"account" cannot be registered: send "email", "username" or "phone" instead.';
  expect(check(true, 'account')).toBeInstanceOf(RequestError);
  expect(check(true, 'account')).toMatchObject({ message, details: { field: 'account' } });
  expect([check(true, 'email'), check(false, 'account'), check(undefined, 'account')]).toEqual(
    Array(3).fill(undefined),
  );
});
