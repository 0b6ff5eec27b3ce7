import type { OptionMistake } from '../../../src/core/errors.js';
import { OptionChecker, findUnknownOptions } from '../../../src/core/options/option-checker.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';

const { cert } = new CertificateAuthority();

/** Each method of the checker, on an option of the same name or of a similar kind. */
const METHODS = {
  appId: (check: OptionChecker): unknown => check.credential('appId'),
  appSecret: (check: OptionChecker): unknown => check.secret('appSecret'),
  boolean: (check: OptionChecker): unknown => check.boolean('boolean'),
  name: (check: OptionChecker): unknown => check.strategyName('name'),
  fields: (check: OptionChecker): unknown => check.fields('fields'),
  oneOf: (check: OptionChecker): unknown => check.oneOf('oneOf', ['a', 'b'], 'a'),
  integer: (check: OptionChecker): unknown => check.integer('integer', 'seconds', 1, 9, 5),
  function: (check: OptionChecker): unknown => check.function('function', 'f: () => {}'),
  signInOptions: (check: OptionChecker): unknown => check.signInOptions('signInOptions'),
  scope: (check: OptionChecker): unknown => check.scope('scope', ['openid']),
  strings: (check: OptionChecker): unknown => check.strings('strings', ['default']),
  ca: (check: OptionChecker): unknown => check.certificates('ca'),
  url: (check: OptionChecker): unknown => check.url('url')?.text,
  appHost: (check: OptionChecker): unknown => check.origin('appHost'),
  proxy: (check: OptionChecker): unknown => check.proxy('proxy'),
  group: (check: OptionChecker): unknown => check.group('group', ['max'], 'group: { max: 1 }').boolean('max'),
};
type Method = keyof typeof METHODS;

function read(method: Method, value: unknown): { result: unknown; mistakes: OptionMistake[] } {
  const mistakes: OptionMistake[] = [];
  return { result: METHODS[method](new OptionChecker({ [method]: value }, mistakes)), mistakes };
}

const source = (): string => 'secret';
it.each<[Method, unknown, unknown]>([
  ['appId', '!~a1', '!~a1'],
  ['appSecret', 's e:c', 's e:c'],
  ['appSecret', source, source],
  ['name', 'Staff_2-b', 'Staff_2-b'],
  ['integer', 1, 1],
  ['integer', 9, 9],
  ['function', source, source],
  ['signInOptions', source, source],
  ['signInOptions', { tenantId: 't' }, { tenantId: 't' }],
  ['scope', ['email', 'openid', 'a:b', '!#[]~'], ['email', 'openid', 'a:b', '!#[]~']],
  ['strings', 'api', ['api']],
  ['ca', cert, cert],
  ['ca', [cert, cert], [cert, cert]],
  ['url', 'https://A.example/x/oidc/', 'https://A.example/x/oidc/'],
  ['appHost', 'https://A.Example/', 'https://a.example'],
  ['appHost', 'https://a.example:443', 'https://a.example'],
  ['appHost', 'http://localhost:3999', 'http://localhost:3999'],
  ['appHost', 'http://127.8.9.10', 'http://127.8.9.10'],
  ['appHost', 'http://[::1]:3999', 'http://[::1]:3999'],
  ['proxy', 'http://u:p%25@proxy.example:3128', 'http://u:p%25@proxy.example:3128'],
  ['proxy', 'https://proxy.example', 'https://proxy.example'],
  ['group', { max: true }, true],
])('reads as %s the value %j', (method, value, result) => {
  expect(read(method, value)).toEqual({ result, mistakes: [] });
});

it('renames login fields and keeps the names of the others', () => {
  const { result, mistakes } = read('fields', { account: 'email', email: 'account', password: '__proto__' });
  expect(result).toMatchObject({
    account: 'email',
    email: 'account',
    password: '__proto__',
    captchaCode: 'captchaCode',
  });
  expect([Object.keys(result as object).length, mistakes]).toEqual([8, []]);
});

const CONSOLE = "copy the application's address from the console";
const COPY = 'copy it from the console, application → endpoint information';
const COPY_ID = 'copy the app ID (letters and digits) from the console';
const REPLACE = 'replace it with the value from the console';
const STRING = 'write the string that the console shows';
const FIELD = 'write the name of this field in the login body';
const LETTERS = "write letters, digits, - and _ with a letter first, such as 'staff'";
const INTEGER = 'write a whole number of seconds from 1 to 9';
const LIST = 'write a string, or a list of strings, none of them empty';
const PROXY = 'write "http://proxy.example.com:3128", with any % in the password as %25';
const NO_PROXY = 'is not the address of an HTTP proxy';
const NO_PEM = 'is not a PEM certificate';
const READ_PEM = `write ca: readFileSync('ca.pem', 'utf8')`;
const HTTPS = 'write https://, because http:// sends passwords unencrypted';
const USER = 'contains a user name or a password';
const QUERY = ['has a query or a fragment', 'remove everything from the ? or # on'] as const;
const address = (host = 'example.genauth.ai'): string => `write a full address, "https://${host}"`;

it.each<[Method, value: unknown, problem: string, fix: string]>([
  ['appId', undefined, 'is missing', COPY],
  ['appId', 'AUTHING_APP_ID', 'is still the placeholder AUTHING_APP_ID', REPLACE],
  ['appId', 'a\n', 'is "a\\n" with white space around it', 'remove the white space'],
  ['appId', '应用', 'is "应用"', COPY_ID],
  ['appId', 'a:b', 'is "a:b"', COPY_ID],
  ['appSecret', null, 'is of type object', STRING],
  ['appSecret', ['canary'], 'is of type object', STRING],
  ['appSecret', 'GENAUTH_APP_SECRET', 'is still the placeholder GENAUTH_APP_SECRET', REPLACE],
  ['appSecret', ' canary', 'has white space around it', 'remove the white space'],
  ['boolean', 'true', 'is "true"', 'write true or false'],
  ['name', 'a\n', 'is "a\\n"', LETTERS],
  ['fields', ['login'], 'is ["login"]', "write an object, fields: { account: 'login' }"],
  ['fields', { account: 'x', email: 'x' }, 'gives two fields the name "x"', 'write a different name for each field'],
  ['fields', { email: 'password' }, 'gives two fields the name "password"', 'write a different name for each field'],
  ['oneOf', 'A', 'is "A"', 'write one of a, b'],
  ['integer', 0, 'is 0', INTEGER],
  ['integer', 10, 'is 10', INTEGER],
  ['integer', 1.5, 'is 1.5', INTEGER],
  ['integer', NaN, 'is NaN', INTEGER],
  ['integer', { valueOf: () => 5 }, 'is an object', INTEGER],
  ['function', '203.0.113.7', 'is "203.0.113.7"', 'write a function, f: () => {}'],
  ['signInOptions', [], 'is []', 'write an object, or a function (req) => object'],
  ['scope', ['openid', 5], 'is ["openid", 5]', "write ['openid', 'profile'] or 'openid profile'"],
  ['strings', [], 'is []', LIST],
  ['strings', ['a', ''], 'is ["a", ""]', LIST],
  ['ca', 'ca.pem', NO_PEM, READ_PEM],
  ['ca', Buffer.from(cert), NO_PEM, READ_PEM],
  ['ca', [cert, 'ca.pem'], NO_PEM, READ_PEM],
  ['url', 'genauth', 'is "genauth"', address('genauth')],
  ['url', 'file:///etc/passwd', 'is "file:///etc/passwd"', address()],
  [
    'url',
    'https://a.example//keys',
    'is "https://a.example//keys", whose path begins with two slashes',
    'remove one slash',
  ],
  ['url', 'http://a.example/j', 'is "http://a.example/j"', HTTPS],
  ['url', 'https://u:canary@a.example/?j', USER, 'remove it and the @'],
  ['appHost', undefined, 'is missing', `${CONSOLE}, "https://example.genauth.ai"`],
  ['appHost', '', 'is missing', `${CONSOLE}, "https://example.genauth.ai"`],
  ['appHost', 'AUTHING_APP_HOST', 'is still the placeholder AUTHING_APP_HOST', CONSOLE],
  ['appHost', 'localhost:3999', 'is "localhost:3999"', address('localhost:3999')],
  ['appHost', 'ftp://a.example', 'is "ftp://a.example"', address('a.example')],
  ['appHost', new URL('https://a.example'), 'is of type object', address()],
  ['appHost', ['https://u:canary@a.example'], 'is of type array', address()],
  ['url', ['https://a.example/?token=canary'], 'is of type array', address()],
  ['appHost', 'user:canary@a.example', USER, 'remove it and the @'],
  ['appHost', 'http://127.0.0.1.a.example', 'is "http://127.0.0.1.a.example"', HTTPS],
  ['appHost', 'http://0.0.0.0', 'is "http://0.0.0.0"', HTTPS],
  ['appHost', 'https://a.example/x', 'is "https://a.example/x"', 'write it without the path, "https://a.example"'],
  ['appHost', 'https://a.example/?', ...QUERY],
  ['appHost', 'https://a.example/#x', ...QUERY],
  ['proxy', 'socks5://user:canary@proxy.example', NO_PROXY, PROXY],
  ['proxy', 'http://u:canary%@127.0.0.1:1', NO_PROXY, PROXY],
  ['proxy', 'http:', NO_PROXY, PROXY],
  ['proxy', true, NO_PROXY, PROXY],
  ['group', 5, 'is 5', 'write an object, group: { max: 1 }'],
])('refuses as %s the value %j', (method, value, problem, fix) => {
  const { mistakes } = read(method, value);
  expect(mistakes).toEqual([{ option: method, problem, fix }]);
  expect(findLeaks(mistakes, ['canary'])).toEqual([]);
});

it.each<[Method, object, OptionMistake]>([
  ['fields', { account: '' }, { option: 'fields.account', problem: 'is ""', fix: FIELD }],
  ['fields', { password: 0 }, { option: 'fields.password', problem: 'is 0', fix: FIELD }],
  [
    'fields',
    { samAccountName: 'x' },
    { option: 'fields.samAccountName', problem: 'is not an option', fix: 'write fields.sAMAccountName' },
  ],
  [
    'group',
    { other: 1 },
    { option: 'group.other', problem: 'is not an option', fix: 'remove it, or write one of max' },
  ],
  ['group', { max: 1 }, { option: 'group.max', problem: 'is 1', fix: 'write true or false' }],
  [
    'signInOptions',
    { autoRegister: 1 },
    { option: 'signInOptions.autoRegister', problem: 'is 1', fix: 'write true or false' },
  ],
])('names the member of %s that is wrong in %j', (method, value, mistake) => {
  expect(read(method, value).mistakes).toEqual([mistake]);
});

it('ignores inherited options', () => {
  const mistakes: OptionMistake[] = [];
  expect(new OptionChecker(Object.create({ name: 'staff' }) as object, mistakes).strategyName('name')).toBe('genauth');
});

it.each<[string, string]>([
  ['maxAge_', 'write jwks.maxAge'],
  ['MAX-AGE', 'write jwks.maxAge'],
  ['t_t_l', 'write jwks.maxAge'],
  ['constructor', 'remove it, or write one of maxAge, cooldown'],
])('suggests for the unknown option %s: %s', (name, fix) => {
  const mistakes = findUnknownOptions({ [name]: 1, cooldown: 1 }, ['maxAge', 'cooldown'], { ttl: 'maxAge' }, 'jwks.');
  expect(mistakes).toEqual([{ option: `jwks.${name}`, problem: 'is not an option', fix }]);
});
