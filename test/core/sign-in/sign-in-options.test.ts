import { ConfigurationError, RequestError } from '../../../src/core/errors.js';
import type { ParsedCredentials } from '../../../src/core/sign-in/credentials.js';
import {
  type SignInOptions,
  checkAutoRegister,
  checkSignInOptions,
  findSignInOptionsMistakes,
  mergeSignInOptions,
} from '../../../src/core/sign-in/sign-in-options.js';
import { catchThrown } from '../../support/thrown.js';

const NAMES =
  'scope clientIp context tenantId customData autoRegister captchaCode captchaToken passwordEncryptType'.split(' ');
const CIRCULAR: Record<string, unknown> = {};
CIRCULAR['self'] = CIRCULAR;
const throwing = {
  toJSON() {
    throw new Error('no');
  },
};

describe('findSignInOptionsMistakes', () => {
  it.each<[keyof SignInOptions, unknown]>([
    ['scope', 'openid  email'],
    ['clientIp', '203.0.113.7'],
    ['clientIp', '[fe80::1%eth0]:443'],
    ['context', {}],
    ['context', Object.create(null)],
    ['context', ''],
    ['tenantId', 't'.repeat(4096)],
    ['customData', {}],
    ['autoRegister', true],
    ['autoRegister', false],
    ['captchaCode', 'a'.repeat(4096)],
    ['captchaToken', 't'.repeat(4096)],
    ['passwordEncryptType', 'sm2'],
  ])('accepts as %s the value %j', (option, value) => {
    expect(findSignInOptionsMistakes({ [option]: value })).toEqual([]);
  });

  it.each<[keyof SignInOptions, string, unknown]>([
    ['scope', 'a string without openid', 'email'],
    ['clientIp', 'a host name', 'localhost'],
    ['clientIp', 'two addresses', '203.0.113.7, 10.0.0.1'],
    ['context', 'an array', ['a']],
    ['context', 'a circular object', CIRCULAR],
    ['context', 'an object with a bigint', { a: 1n }],
    ['context', 'a Date', new Date(0)],
    ['context', 'an object whose toJSON returns undefined', { toJSON() {} }],
    ['context', 'an object whose toJSON returns a string', { toJSON: () => 'x' }],
    ['tenantId', 'an empty string', ''],
    ['tenantId', '4,097 characters', 't'.repeat(4097)],
    ['tenantId', 'a number', 5],
    ['customData', 'a string', '{}'],
    ['customData', 'an object whose toJSON throws', throwing],
    ['autoRegister', 'a string', 'true'],
    ['autoRegister', 'a number', 1],
    ['captchaCode', 'an empty string', ''],
    ['captchaCode', '4,097 characters', 'a'.repeat(4097)],
    ['captchaToken', 'an empty string', ''],
    ['captchaToken', '4,097 characters', 't'.repeat(4097)],
    ['passwordEncryptType', 'a name in capitals', 'RSA'],
  ])('refuses as %s %s', (option, _name, value) => {
    expect(findSignInOptionsMistakes({ [option]: value })).toMatchObject([{ option }]);
  });

  it('states the value and the fix of each option, and refuses null for all of them', () => {
    const mistakes = findSignInOptionsMistakes(Object.fromEntries(NAMES.map((name) => [name, null])));
    expect(mistakes.map(({ option, problem, fix }) => [option, `${problem}: ${fix}`])).toEqual([
      ['scope', "is null: write ['openid', 'email'], with 'openid' among them"],
      ['clientIp', 'is null: write an IP address, "203.0.113.7"'],
      ['context', 'is null: write an object that JSON can hold, { source: "utm" }, or a string'],
      ['tenantId', 'is null: write the tenant ID as a string of 1 to 4096 characters'],
      ['customData', 'is null: write an object that JSON can hold, { school: "pku" }'],
      ['autoRegister', 'is null: write true or false'],
      ['captchaCode', 'is null: write the text of the picture, 1 to 4096 characters'],
      ['captchaToken', 'is null: write the token that came with the picture, 1 to 4096 characters'],
      ['passwordEncryptType', 'is null: write one of none, rsa, sm2'],
    ]);
    expect(findSignInOptionsMistakes(Object.fromEntries(NAMES.map((name) => [name, undefined])))).toEqual([]);
  });

  it.each(['client_id', 'constructor', 'toString', '__proto__'])('refuses the unknown option %s', (option) => {
    const options = Object.defineProperty({}, option, { value: {}, enumerable: true });
    const fix = `remove it, or write one of ${NAMES.join(', ')}`;
    expect(findSignInOptionsMistakes(options)).toEqual([{ option, problem: 'is not a sign-in option', fix }]);
  });
});

describe('mergeSignInOptions', () => {
  it('lets later layers override earlier ones and ignores undefined values', () => {
    const first: SignInOptions = { tenantId: 'a', scope: 'openid', autoRegister: true };
    const second: SignInOptions = { tenantId: 'b', scope: undefined, autoRegister: false };
    const merged = { tenantId: 'b', scope: 'openid', autoRegister: false };
    expect(mergeSignInOptions(first, {}, second, { clientIp: undefined })).toEqual(merged);
    expect(first).toEqual({ tenantId: 'a', scope: 'openid', autoRegister: true });
  });

  it('returns an object without a prototype, also for a layer with an own __proto__', () => {
    const merged = mergeSignInOptions(JSON.parse('{"__proto__":{"autoRegister":true}}') as SignInOptions);
    expect(merged.autoRegister).toBeUndefined();
    expect(Object.getPrototypeOf(merged)).toBeNull();
    expect(Object.keys(merged)).toEqual(['__proto__']);
  });
});

describe('checkSignInOptions', () => {
  it('accepts valid options', () => {
    expect(checkSignInOptions({ tenantId: 't-1' })).toBeUndefined();
  });

  it('reports every mistake in one error', () => {
    const thrown = catchThrown(() => checkSignInOptions({ clientIp: 'x', tenantId: '', tenant: 1 }));
    expect(thrown).toBeInstanceOf(ConfigurationError);
    expect(thrown).toMatchObject({
      code: 'invalid_sign_in_options',
      message: expect.stringMatching(
        /^The sign-in options are wrong: clientIp is "x": write .+\. tenantId is "": .+\.$/,
      ),
      details: { mistakes: [{ option: 'clientIp' }, { option: 'tenantId' }, { option: 'tenant' }] },
    });
  });

  it.each([
    [null, 'null'],
    [undefined, 'undefined'],
    ['openid', '"openid"'],
    [[], '[]'],
  ])('refuses %j as the options', (given, shown) => {
    const mistakes = [{ option: 'signInOptions', problem: `is ${shown}`, fix: 'write an object' }];
    expect(catchThrown(() => checkSignInOptions(given))).toMatchObject({ details: { mistakes } });
  });
});

describe('checkAutoRegister', () => {
  const credentials = (identifier: ParsedCredentials['identifier']): ParsedCredentials => {
    return { connection: 'PASSWORD', identifier, name: 'x', password: 'p' };
  };

  it('refuses autoRegister with account', () => {
    const thrown = catchThrown(() => checkAutoRegister({ autoRegister: true }, credentials('account')));
    expect(thrown).toBeInstanceOf(RequestError);
    expect(thrown).toMatchObject({
      message: '"account" cannot be registered: send "email", "username" or "phone" instead.',
      details: { field: 'account' },
    });
  });

  it.each([
    [true, 'email'],
    [true, 'username'],
    [true, 'phone'],
    [true, 'sAMAccountName'],
    [false, 'account'],
    [undefined, 'account'],
  ] as const)('accepts autoRegister %j with %s', (autoRegister, identifier) => {
    expect(checkAutoRegister({ autoRegister }, credentials(identifier))).toBeUndefined();
  });
});
