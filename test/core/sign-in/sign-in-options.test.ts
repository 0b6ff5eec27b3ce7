import { describeMistake } from '../../../src/core/errors.js';
import { randomUUID } from 'node:crypto';
import { ConfigurationError } from '../../../src/core/errors.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import {
  type SignInOptions,
  findSignInOptionsMistakes as findMistakes,
  mergeSignInOptions,
} from '../../../src/core/sign-in/sign-in-options.js';
import { catchThrown } from '../../support/thrown.js';

const CIRCULAR: Record<string, unknown> = {};
CIRCULAR['self'] = CIRCULAR;
const UNWRITABLE = {
  toJSON() {
    throw new Error('no');
  },
};

const findSignInOptionsMistakes = (options: object): string[] => findMistakes(options).map(describeMistake);

describe('findSignInOptionsMistakes', () => {
  it.each<[string, object]>([
    ['nothing', {}],
    [
      'all undefined',
      Object.fromEntries(
        'scope clientIp context tenantId customData autoRegister captchaCode captchaToken passwordEncryptType'
          .split(' ')
          .map((name) => [name, undefined]),
      ),
    ],
    ['scopes in a text', { scope: 'openid  email' }],
    ['scopes in a list', { scope: ['email', 'openid'] }],
    ['IPv6 with zone and port', { clientIp: '[fe80::1%eth0]:443' }],
    ['an empty context', { context: {} }],
    ['a context deep in itself', { context: { a: { b: [{ c: null }] } } }],
    ['an empty text as context', { context: '' }],
    ['empty custom data', { customData: {} }],
    ['autoRegister true', { autoRegister: true }],
    ['autoRegister false', { autoRegister: false }],
    ['a captcha', { captchaCode: 'aB3d', captchaToken: randomUUID() }],
    ['a captchaToken of 4,096 characters', { captchaToken: 't'.repeat(4096) }],
    ['no encryption', { passwordEncryptType: 'none' }],
    ['RSA', { passwordEncryptType: 'rsa' }],
    ['SM2', { passwordEncryptType: 'sm2' }],
  ])('takes %s', (_name, options) => {
    expect(findSignInOptionsMistakes(options)).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['a scope without openid', { scope: 'email' }, `scope is "email": write ['openid', 'email'], with 'openid'`],
    ['scopes without openid', { scope: ['email'] }, 'scope is ["email"]: write'],
    ['an empty scope', { scope: '' }, 'scope is "": write'],
    ['no scope', { scope: [] }, 'scope is []: write'],
    ['openid in capitals', { scope: 'OpenID' }, 'scope is "OpenID": write'],
    ['openid as a part', { scope: 'openid2 myopenid' }, 'scope is "openid2 myopenid": write'],
    ['a scope that is null', { scope: null }, 'scope is null: write'],
    ['a scope that is a number', { scope: ['openid', 5] }, 'scope is ["openid", 5]: write'],
    ['scopes in a Set', { scope: new Set(['openid']) }, 'scope is an object: write'],
    ['a clientIp that is a name', { clientIp: 'localhost' }, 'clientIp is "localhost": write an IP address'],
    ['a clientIp that is null', { clientIp: null }, 'clientIp is null: write an IP address'],
    ['a list of addresses', { clientIp: '203.0.113.7, 10.0.0.1' }, 'clientIp is "203.0.113.7, 10.0.0.1": write'],
    ['a context that is null', { context: null }, 'context is null: write an object'],
    ['a context that is a list', { context: ['a'] }, 'context is ["a"]: write an object'],
    ['a context that is a number', { context: 5 }, 'context is 5: write an object'],
    ['a context that is circular', { context: CIRCULAR }, 'context is an object: write an object that JSON can hold'],
    ['a context with a bigint', { context: { a: 1n } }, 'context is an object: write an object that JSON can hold'],
    [
      'a context that JSON makes a text of',
      { context: new Date(0) },
      'context is an object: write an object that JSON',
    ],
    ['a context whose toJSON gives nothing', { context: { toJSON() {} } }, 'context is an object: write an object'],
    ['custom data whose toJSON throws', { customData: UNWRITABLE }, 'customData is an object: write an object'],
    ['a context that is a function', { context: () => ({}) }, 'context is a function: write an object'],
    ['an empty tenantId', { tenantId: '' }, 'tenantId is "": write the tenant ID as a string'],
    ['a tenantId that is a number', { tenantId: 5 }, 'tenantId is 5: write the tenant ID as a string'],
    ['custom data that is a text', { customData: '{}' }, 'customData is "{}": write an object'],
    ['custom data that is a list', { customData: [] }, 'customData is []: write an object'],
    ['autoRegister that is a text', { autoRegister: 'true' }, 'autoRegister is "true": write true or false'],
    ['autoRegister that is a number', { autoRegister: 1 }, 'autoRegister is 1: write true or false'],
    ['autoRegister that is null', { autoRegister: null }, 'autoRegister is null: write true or false'],
    ['an empty captchaCode', { captchaCode: '' }, 'captchaCode is "": write the text of the picture'],
    ['a captchaCode that is a number', { captchaCode: 1234 }, 'captchaCode is 1234: write the text of the picture'],
    ['an empty captchaToken', { captchaToken: '' }, 'captchaToken is "": write the token that came with the picture'],
    ['a captchaToken that is a list', { captchaToken: [] }, 'captchaToken is []: write the token that came with'],
    ['an encryption in capitals', { passwordEncryptType: 'RSA' }, 'is "RSA": write one of none, rsa, sm2'],
    ['another encryption', { passwordEncryptType: 'aes' }, 'passwordEncryptType is "aes": write one of none, rsa, sm2'],
    ['an encryption that is false', { passwordEncryptType: false }, 'passwordEncryptType is false: write one of none'],
    [
      "the wire's own words",
      { client_id: 'x' },
      'client_id is not a sign-in option: remove it, or write one of scope, clientIp, con',
    ],
    ['an inherited name', { constructor: 'x' }, 'constructor is not a sign-in option'],
    ['an own __proto__', JSON.parse('{"__proto__":{}}') as object, '__proto__ is not a sign-in option'],
  ])('does not take %s', (_name, options, expected) => {
    expect(findSignInOptionsMistakes(options)).toEqual([expect.stringContaining(expected)]);
  });

  it('tells every mistake', () => {
    expect(findSignInOptionsMistakes({ tenantId: '', autoRegister: 'no', nonsense: 1 } as object)).toHaveLength(3);
  });
});

describe('mergeSignInOptions', () => {
  it('takes the last that is said; undefined takes nothing away', () => {
    const first: SignInOptions = { tenantId: 'a', scope: 'openid', autoRegister: true };
    const second: SignInOptions = { tenantId: 'b', scope: undefined, autoRegister: false };
    expect(mergeSignInOptions(first, {}, second, { clientIp: undefined })).toEqual({
      tenantId: 'b',
      scope: 'openid',
      autoRegister: false,
    });
    expect(first).toEqual({ tenantId: 'a', scope: 'openid', autoRegister: true });
    expect(mergeSignInOptions()).toEqual({});
  });

  it('keeps an own __proto__ as what it is: a name that is found wrong', () => {
    const merged = mergeSignInOptions(JSON.parse('{"__proto__":{"autoRegister":true}}') as SignInOptions);
    expect(merged.autoRegister).toBeUndefined();
    expect(findSignInOptionsMistakes(merged)).toEqual([expect.stringContaining('__proto__ is not a sign-in option')]);
  });
});

describe('at construction', () => {
  const REQUIRED = { appId: 'a', appSecret: 's', appHost: 'https://example.genauth.ai' };

  it.each<[string, object, string]>([
    ['a scope without openid', { scope: 'email' }, 'signInOptions.scope is "email": write'],
    [
      'autoRegister that is a text',
      { autoRegister: 'yes' },
      'signInOptions.autoRegister is "yes": write true or false',
    ],
    ['another encryption', { passwordEncryptType: 'SM2' }, 'signInOptions.passwordEncryptType is "SM2": write one of'],
    ['unknown options', { client_secret: 'x' }, 'signInOptions.client_secret is not a sign-in option'],
  ])('%s is found', (_name, signInOptions, expected) => {
    const thrown = catchThrown(() => resolveOptions({ ...REQUIRED, signInOptions } as GenAuthOptions));
    expect(thrown).toBeInstanceOf(ConfigurationError);
    expect(String(thrown)).toContain(expected);
  });
});
