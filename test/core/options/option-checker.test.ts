import type { OptionMistake } from '../../../src/core/errors.js';
import { OptionChecker } from '../../../src/core/options/option-checker.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';

const { cert } = new CertificateAuthority();

/** Each method of the checker, on an option of the same name or of a similar kind. */
const METHODS = {
  appId: (check: OptionChecker): unknown => check.credential('appId'),
  appSecret: (check: OptionChecker): unknown => check.secret('appSecret'),
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
  appHost: (check: OptionChecker): unknown => check.origin('appHost', 'app-1'),
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
  ['appSecret', source, source],
  ['name', 'Staff_2-b', 'Staff_2-b'],
  ['signInOptions', source, source],
  ['strings', 'api', ['api']],
  ['ca', cert, [cert]],
  ['url', 'https://A.example/x/oidc/', 'https://A.example/x/oidc/'],
  ['appHost', 'https://A.Example:443/', 'https://a.example'],
  ['appHost', 'https://a.example/app-1', 'https://a.example'],
  ['appHost', 'http://localhost:3999/app-1/', 'http://localhost:3999'],
  ['appHost', 'http://localhost:3999', 'http://localhost:3999'],
  ['appHost', 'http://127.8.9.10', 'http://127.8.9.10'],
  ['appHost', 'http://[::1]:3999', 'http://[::1]:3999'],
  ['proxy', 'http://u:p%2f@proxy.example:3128', 'http://u:p%2f@proxy.example:3128'],
  ['group', { max: true }, true],
  ['group', Object.create({ max: true }), false],
])('reads as %s the value %j', (method, value, result) => {
  expect(read(method, value)).toEqual({ result, mistakes: [] });
});

const CONSOLE = "copy the application's address from the console";
const [LOST, FIND] = ['is missing', 'copy it from the console, application → endpoint information'];
const COPY_ID = 'copy the app ID (letters and digits) from the console';
const [SPACE, TRIM] = ['white space around it', 'remove the white space'];
const LETTERS = "write letters, digits, - and _ with a letter first, such as 'staff'";
const INTEGER = 'write a whole number of seconds from 1 to 9';
const LIST = 'write a string, or a list of strings, none of them empty';
const NO_PROXY = 'is not the address of an HTTP proxy';
const PROXY = 'write "http://proxy.example.com:3128", with any % in the password as %25';
const [NO_PEM, READ_PEM] = ['is not PEM text', "write ca: readFileSync('ca.pem', 'utf8')"];
const HTTPS = 'write https://, because http:// sends passwords unencrypted';
const USER = ['contains a user name or a password', 'remove it and the @'] as const;
const QUERY = ['has a query or a fragment', 'remove everything from the ? or # on'] as const;
const ONLY_APP_ID = 'write it without the path, or with the appId as the only path, "https://a.example"';
const SLASHES = 'https://a.example//keys';
const address = (url = 'https://example.genauth.ai'): string => `write a full address, "${url}"`;
const QUOTES = 'remove the quotes';

it.each<[Method, value: unknown, problem: string, fix: string]>([
  ['appId', '', LOST, FIND],
  ['appId', 'AUTHING_APP_ID', 'is still the placeholder AUTHING_APP_ID', 'replace it with the value from the console'],
  ['appId', 'a\n', `is "a\\n" with ${SPACE}`, TRIM],
  ['appId', '应用', 'is "应用"', COPY_ID],
  ['appId', 'a:b', 'is "a:b"', COPY_ID],
  ['appSecret', ['canary'], 'is of type object', 'write the string that the console shows'],
  ['appSecret', ' canary', `has ${SPACE}`, TRIM],
  ['name', 'a\n', 'is "a\\n"', LETTERS],
  ['fields', ['login'], 'is ["login"]', "write an object, fields: { account: 'login' }"],
  ['fields', { email: 'password' }, 'gives two fields the name "password"', 'write a different name for each field'],
  ['oneOf', 'A', 'is "A"', 'write one of a, b'],
  ['integer', 1.5, 'is 1.5', INTEGER],
  ['function', '203.0.113.7', 'is "203.0.113.7"', 'write a function, f: () => {}'],
  ['signInOptions', [], 'is []', 'write an object, or a function (req) => object'],
  ['scope', 5, 'is 5', "write ['openid', 'profile'] or 'openid profile'"],
  ['strings', [], 'is []', LIST],
  ['strings', ['a', ''], 'is ["a", ""]', LIST],
  ['ca', [], NO_PEM, READ_PEM],
  ['ca', [cert, 'ca.pem'], NO_PEM, READ_PEM],
  ['ca', Buffer.from(cert), NO_PEM, READ_PEM],
  ['url', 'file:///etc/passwd', 'is "file:///etc/passwd"', address()],
  ['url', ['https://a.example/?token=canary'], 'is of type array', address()],
  ['url', new URL('https://u:canary@a.example'), 'is of type object', address()],
  ['url', SLASHES, `is "${SLASHES}", whose path begins with two slashes`, 'remove one slash'],
  ['url', 'https://u:canary@a.example/?j', ...USER],
  ['url', 'https://a.example/?', ...QUERY],
  ['url', 'https://a.example/#x', ...QUERY],
  ['appHost', '', LOST, `${CONSOLE}, "https://example.genauth.ai"`],
  ['appHost', 'GENAUTH_APP_HOST', 'is still the placeholder GENAUTH_APP_HOST', CONSOLE],
  ['appHost', 'genauth', 'is "genauth"', address('https://genauth')],
  ['appHost', 'ftp://a.example/x', 'is "ftp://a.example/x"', address('https://a.example/x')],
  ['appHost', 'https:/a.example', 'is "https:/a.example"', address('https://a.example')],
  ['appHost', 'localhost:3999', 'is "localhost:3999"', address('http://localhost:3999')],
  ['appHost', '127.0.0.1:3999/app-1', 'is "127.0.0.1:3999/app-1"', address('http://127.0.0.1:3999/app-1')],
  ['url', 'a.example/oidc/jwks.json', 'is "a.example/oidc/jwks.json"', address('https://a.example/oidc/jwks.json')],
  ['appHost', '"https://a.example"', 'is "\\"https://a.example\\""', `${QUOTES}, write "https://a.example"`],
  ['url', "'localhost:3999/j'", `is "'localhost:3999/j'"`, `${QUOTES}, write "http://localhost:3999/j"`],
  ['url', 'https://a.example ', 'is "https://a.example "', `${TRIM}, write "https://a.example"`],
  ['appId', '"a1"', 'is "\\"a1\\"" with quotes around it', QUOTES],
  ['appSecret', "'canary'", 'has quotes around it', QUOTES],
  ['proxy', '"http://u:canary@proxy.example:3128"', 'has quotes around it', QUOTES],
  ['appHost', 'http://127.0.0.1.a.example', 'is "http://127.0.0.1.a.example"', HTTPS],
  ['appHost', 'https://a.example/x', 'is "https://a.example/x"', ONLY_APP_ID],
  ['appHost', 'https://a.example/app-1/oidc', 'is "https://a.example/app-1/oidc"', ONLY_APP_ID],
  ['appHost', 'https://a.example/App-1', 'is "https://a.example/App-1"', ONLY_APP_ID],
  ['proxy', 'socks5://user:canary@proxy.example', NO_PROXY, PROXY],
  ['proxy', 'http://u:canary%@127.0.0.1:1', NO_PROXY, PROXY],
  ['proxy', 'http://u:canary%ff@127.0.0.1:1', NO_PROXY, PROXY],
  ['proxy', 'http:', NO_PROXY, PROXY],
  ['group', 5, 'is 5', 'write an object, group: { max: 1 }'],
])('refuses as %s the value %j', (method, value, problem, fix) => {
  const { mistakes } = read(method, value);
  expect(mistakes).toEqual([{ option: method, problem, fix }]);
  expect(findLeaks(mistakes, ['canary'])).toEqual([]);
});

it.each<[Method, object, option: string, problem: string, fix: string]>([
  ['fields', { account: '' }, '.account', 'is ""', 'write the name of this field in the login body'],
  ['fields', { samAccountName: 'x' }, '.samAccountName', 'is not an option', 'write fields.sAMAccountName'],
  ['group', { constructor: 1 }, '.constructor', 'is not an option', 'remove it, or write one of max'],
  ['group', { max: 1 }, '.max', 'is 1', 'write true or false'],
  ['fields', { acount: 'x' }, '.acount', 'is not an option', 'write fields.account'],
  ['signInOptions', { autoRegister: 1 }, '.autoRegister', 'is 1', 'write true or false'],
])('names the member of %s that is wrong in %j', (method, value, member, problem, fix) => {
  expect(read(method, value).mistakes).toEqual([{ option: `${method}${member}`, problem, fix }]);
});
