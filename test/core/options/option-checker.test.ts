import { ConfigurationError } from '../../../src/core/errors.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const SECRET = 'canary-secret-of-32-bytes-0123456';
const REQUIRED = { appId: 'app-1', appSecret: SECRET, appHost: 'https://example.genauth.ai' };
const USE_RS256 = "choose RS256 in the console, and write idTokenSignedResponseAlg: 'RS256'";
const ALGORITHMS = ['RS256', 'HS256'] as const;

function findMistakes(options: object): string[] {
  const error = catchThrown(() => resolveOptions({ ...REQUIRED, ...options } as GenAuthOptions));
  expect(error).toBeInstanceOf(ConfigurationError);
  expect(findLeaks(error, ['canary'])).toEqual([]);
  return (error as Error).message.split('\n  - ').slice(1);
}

describe('appSecret', () => {
  it('may be a function, which is not asked here', () => {
    const appSecret = (): string => {
      throw new Error('asked');
    };
    expect(resolveOptions({ ...REQUIRED, appSecret }).appSecret).toBe(appSecret);
    expect(resolveOptions({ ...REQUIRED, appSecret, idTokenSignedResponseAlg: 'HS256' }).appSecret).toBe(appSecret);
  });

  it.each<[string, unknown, string]>([
    ['a promise', Promise.resolve('canary'), 'appSecret is of type object: write the string that the console shows.'],
    ['a number', 5, 'appSecret is of type number: write the string that the console shows.'],
    [
      'an object that makes one',
      { get: () => 'canary' },
      'appSecret is of type object: write the string that the console shows.',
    ],
    ['null', null, 'appSecret is of type object: write the string that the console shows.'],
  ])('is not %s', (_name, appSecret, expected) => {
    expect(findMistakes({ appSecret })).toEqual([expected]);
  });

  it("a function beside tokenEndpointAuthMethod 'none' is one too many", () => {
    const appSecret = (): string => SECRET;
    expect(findMistakes({ appSecret, tokenEndpointAuthMethod: 'none' })).toEqual([
      expect.stringContaining('appSecret is set, but'),
    ]);
  });
});

describe.each(['idTokenSignedResponseAlg'] as const)('%s', (name) => {
  it.each(ALGORITHMS)('may be %s', (algorithm) => {
    expect(resolveOptions({ ...REQUIRED, [name]: algorithm })).toMatchObject({ [name]: algorithm });
  });

  it.each([
    'none',
    '',
    'rs256',
    'RS384',
    'RS512',
    'PS256',
    'ES256',
    'RS-256',
    'HS384',
    'HS512',
    'EdDSA',
    'ES256K',
    'RSA256',
    ['RS256'],
    null,
    true,
    /./,
  ])('is not %j', (value) => {
    expect(findMistakes({ [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name} is .+: write one of ${ALGORITHMS.join(', ')}\\.$`)),
    ]);
  });

  it.each<[string, string, number]>([
    ['31 bytes', 'canary'.padEnd(31, 'x'), 31],
    ['16 characters', 'canary'.padEnd(16, 'x'), 16],
    ['15 characters that are 30 bytes', 'ü'.repeat(15), 30],
  ])('HS256 wants a secret of 32 bytes, not %s', (_name, appSecret, bytes) => {
    expect(findMistakes({ [name]: 'HS256', appSecret })).toEqual([
      `appSecret has ${bytes} bytes, but HS256 needs 32 or more: ${USE_RS256}.`,
    ]);
  });

  it.each(['x'.repeat(32), 'ü'.repeat(16), 'x'.repeat(4000)])('HS256 takes the secret %j', (appSecret) => {
    expect(resolveOptions({ ...REQUIRED, [name]: 'HS256', appSecret })).toMatchObject({ [name]: 'HS256', appSecret });
  });

  it('HS256 has no key where there is no secret', () => {
    const options = { appSecret: undefined, tokenEndpointAuthMethod: 'none', [name]: 'HS256' };
    expect(findMistakes(options)).toEqual([
      expect.stringMatching(/^idTokenSignedResponseAlg is HS256, whose key is appSecret, .+ RS256 in the con/),
    ]);
  });
});

describe('the other options of the sign-in page', () => {
  it.each<[string, object, string]>([
    [
      'another encryption',
      { passwordEncryptType: 'aes' },
      'passwordEncryptType is "aes": write one of none, rsa, sm2.',
    ],
    ['an encryption in capitals', { passwordEncryptType: 'SM2' }, 'passwordEncryptType is "SM2": write one of'],
    ['an encryption that is true', { passwordEncryptType: true }, 'passwordEncryptType is true: write one of'],
    ['another language', { language: 'de' }, 'language is "de": write one of en, zh.'],
    ['a language with its country', { language: 'zh-CN' }, 'language is "zh-CN": write one of en, zh.'],
    ['exposeReasons that is a text', { exposeReasons: 'true' }, 'exposeReasons is "true": write true or false.'],
    ['exposeReasons that is a number', { exposeReasons: 1 }, 'exposeReasons is 1: write true or false.'],
    ['an empty name', { name: '' }, 'name is "": write letters, digits'],
    ['a name that begins with a digit', { name: '2nd' }, 'name is "2nd": write letters, digits'],
    ['a name with a space', { name: 'a b' }, 'name is "a b": write letters, digits'],
    ['a name with a line break', { name: 'a\n' }, 'name is "a\\n": write letters, digits'],
    ['a name that is a number', { name: 5 }, 'name is 5: write letters, digits'],
    ['fields in a list', { fields: ['login'] }, 'fields is ["login"]: write an object, fields: { account'],
    ['an unknown field', { fields: { otp: 'x' } }, 'fields.otp is not an option: remove it, or write one of account,'],
    [
      'a field, misspelt',
      { fields: { samAccountName: 'x' } },
      'fields.samAccountName is not an option: write fields.sAM',
    ],
    ['an empty field', { fields: { account: '' } }, 'fields.account is "": write the name of this field'],
    ['a field that is a number', { fields: { password: 0 } }, 'fields.password is 0: write the name of this field'],
    ['a field that is null', { fields: { email: null } }, 'fields.email is null: write the name of this field'],
    [
      'two fields of one name',
      { fields: { account: 'login', email: 'login' } },
      'fields gives two fields the name "login": write',
    ],
    [
      'a field with another’s name',
      { fields: { account: 'password' } },
      'fields gives two fields the name "password": write',
    ],
    ['a static autoRegister that is none', { signInOptions: { autoRegister: 1 } }, 'signInOptions.autoRegister is 1'],
  ])('%s', (_name, options, expected) => {
    expect(findMistakes(options)).toEqual([expect.stringContaining(expected)]);
  });

  it.each<[string, object, object]>([
    ['rsa', { passwordEncryptType: 'rsa' }, { passwordEncryptType: 'rsa' }],
    ['sm2', { passwordEncryptType: 'sm2' }, { passwordEncryptType: 'sm2' }],
    ['Chinese', { language: 'zh' }, { language: 'zh' }],
    ['reasons', { exposeReasons: true }, { exposeReasons: true }],
    ['a name', { name: 'Staff_2-b' }, { name: 'Staff_2-b' }],
    ['two names swapped', { fields: { account: 'email', email: 'account' } }, { fields: { account: 'email' } }],
    ['a field called __proto__', { fields: { account: '__proto__' } }, { fields: { account: '__proto__' } }],
    ['a field that is undefined', { fields: { account: undefined } }, { fields: { account: 'account' } }],
  ])('takes %s', (_name, options, expected) => {
    const resolved = resolveOptions({ ...REQUIRED, ...options });
    expect(resolved).toMatchObject(expected);
    expect(Object.keys(resolved.fields)).toHaveLength(8);
  });
});
