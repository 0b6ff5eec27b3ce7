import { ConfigurationError } from '../../../src/core/errors.js';
import {
  type SignInOptions,
  checkAutoRegister,
  checkSignInOptions,
  findSignInOptionsMistakes,
  mergeSignInOptions,
} from '../../../src/core/sign-in/sign-in-options.js';
import { catchThrown } from '../../support/thrown.js';

const TEXT = 't'.repeat(4096);
const FIXES: Readonly<Record<keyof SignInOptions, string>> = {
  scope: "write ['openid', 'profile'] or 'openid profile'",
  clientIp: 'write an IP address, "203.0.113.7"',
  context: 'write an object that JSON can hold, { source: "utm" }, or a string',
  tenantId: 'write the tenant ID as a string of 1 to 4096 characters',
  customData: 'write an object that JSON can hold, { school: "pku" }',
  autoRegister: 'write true or false',
  captchaCode: 'write the text of the picture, 1 to 4096 characters',
  captchaToken: 'write the token that came with the picture, 1 to 4096 characters',
  passwordEncryptType: 'write one of none, rsa, sm2',
};
const NAMES = Object.keys(FIXES);

it.each<[SignInOptions]>([
  [{ scope: 'openid  email', clientIp: '203.0.113.7', context: '', passwordEncryptType: 'sm2' }],
  [{ tenantId: TEXT, captchaCode: TEXT, captchaToken: TEXT, autoRegister: false }],
  [{ scope: ['openid'], context: {}, customData: Object.create(null) as object }],
  [Object.fromEntries(NAMES.map((name) => [name, undefined]))],
])('accepts the options %j', (options) => {
  expect(checkSignInOptions(options)).toBeUndefined();
});

it.each<[object]>([
  [{ scope: 'email', clientIp: '203.0.113.7, 10.0.0.1', context: new Date(0), tenantId: ['t'], customData: '{}' }],
  [
    {
      context: { toJSON: () => 'x' },
      tenantId: '',
      customData: { a: 1n },
      autoRegister: 1,
      passwordEncryptType: 'RSA',
    },
  ],
  [{ tenantId: `${TEXT}t` }],
])('refuses each of these options (%#)', (options) => {
  const mistakes = Object.keys(options).map((option) => ({ option }));
  expect(findSignInOptionsMistakes(options)).toMatchObject(mistakes);
});

it('states the value and the fix of every wrong option in one error', () => {
  const mistakes = Object.entries(FIXES).map(([option, fix]) => ({ option, problem: 'is null', fix }));
  const thrown = catchThrown(() => checkSignInOptions(Object.fromEntries(NAMES.map((name) => [name, null]))));
  expect(thrown).toBeInstanceOf(ConfigurationError);
  const lines = mistakes.map(({ option, problem, fix }) => `${option} ${problem}: ${fix}.`);
  const message = `The sign-in options are wrong: ${lines.join(' ')}`;
  expect(thrown).toMatchObject({ code: 'invalid_sign_in_options', message, details: { mistakes } });
});

const LIST = `remove it, or write one of ${NAMES.join(', ')}`;
it.each([
  ['client_id', 'remove it, because the client has the appId'],
  ['tenant_id', 'write tenantId'],
  ['autoRegisters', 'write autoRegister'],
  ['toString', LIST],
  ['__proto__', LIST],
])('refuses the unknown option %s', (option, fix) => {
  const options = Object.defineProperty({}, option, { value: {}, enumerable: true });
  expect(findSignInOptionsMistakes(options)).toEqual([{ option, problem: 'is not a sign-in option', fix }]);
});

it('refuses a list instead of the options', () => {
  const mistakes = [{ option: 'signInOptions', problem: 'is []', fix: 'write an object' }];
  expect(catchThrown(() => checkSignInOptions([]))).toMatchObject({ details: { mistakes } });
});

it('merges layers without a prototype: later ones override earlier ones, and undefined values are ignored', () => {
  const first = JSON.parse('{"tenantId":"a","scope":"openid","__proto__":{"autoRegister":true}}') as SignInOptions;
  const merged = mergeSignInOptions(first, {}, { tenantId: 'b', scope: undefined }, { clientIp: undefined });
  expect([merged.tenantId, merged.scope, merged.autoRegister]).toEqual(['b', 'openid', undefined]);
  expect([Object.getPrototypeOf(merged), 'clientIp' in merged]).toEqual([null, false]);
});

it('refuses autoRegister with account, and with no other identifier', () => {
  const credentials = { connection: 'PASSWORD', name: 'x', password: 'p' } as const;
  const check = (autoRegister: boolean, identifier: 'account' | 'email'): unknown =>
    catchThrown(() => checkAutoRegister({ autoRegister }, { ...credentials, identifier }));
  const message = '"account" cannot be registered: send "email", "username" or "phone" instead.';
  expect(check(true, 'account')).toMatchObject({ code: 'invalid_request', message, details: { field: 'account' } });
  expect([check(true, 'email'), check(false, 'account')]).toEqual([undefined, undefined]);
});
