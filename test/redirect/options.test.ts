import fc from 'fast-check';
import { resolveRedirectOptions, type RedirectOptions } from '../../src/redirect/options.js';
import { isLocalPath } from '../../src/redirect/return-to.js';
import { propertyRuns } from '../support/property.js';

const CALLBACK = 'https://app.example.com/auth/genauth/callback';

it('fills in the defaults', () => {
  expect(resolveRedirectOptions({ callbackUrl: CALLBACK })).toEqual({
    callbackUrl: CALLBACK,
    startPath: undefined,
    cookieSecrets: undefined,
    returnTo: '/',
    failurePath: undefined,
  });
});

it.each<[option: string, value: unknown, part: string]>([
  ['callbackUrl', undefined, 'is missing: write the URL that is registered in the console'],
  ['callbackUrl', '/callback', 'is "/callback": write a full address'],
  ['callbackUrl', 'http://app.example.com/callback', 'write https://'],
  ['callbackUrl', 'javascript:alert(1)', 'write a full address'],
  ['callbackUrl', `${CALLBACK}#part`, 'has a query or a fragment'],
  ['callbackUrl', 'https://user:canary@app.example.com/', 'contains a user name or a password'],
  ['callbackUrl', ` ${CALLBACK}`, 'remove the white space'],
  ['startPath', 'https://other.example.com/', "write a path of this application, '/auth/genauth'"],
  ['startPath', '//user:canary@other.example.com', 'contains an @'],
  ['startPath', '/auth/genauth/callback', 'is "/auth/genauth/callback", the path of callbackUrl: use another route'],
  ['startPath', '/AUTH//genauth/callback/', 'the path of callbackUrl'],
  ['returnTo', 'orders', "write a path of this application, '/'"],
  ['returnTo', '/start?a=b', 'the path of startPath'],
  ['returnTo', '/auth/genauth/callback', 'the path of callbackUrl'],
  ['failurePath', '/auth/genauth/callback?a=b', 'the path of callbackUrl'],
  ['failurePath', '/Start/#top', 'the path of startPath'],
  ['failurePath', 'https://other.example.com/', "write a path of this application, '/login'"],
  ['cookieSecret', 'canary-short', 'has 12 characters, but 32 are required: write the output of: openssl rand'],
  ['cookieSecret', [], 'is an empty list'],
  ['cookieSecret', undefined, 'leave the option out'],
  ['cookieSecret', null, 'is of type null'],
  ['cookieSecret', ['c'.repeat(32), 'canary'], '[1] has 6 characters'],
  ['cookieSecret', ' '.repeat(32), 'has 32 characters'],
  ['redirectUri', CALLBACK, 'write callbackUrl'],
  ['loginHint', 'alice', 'is not an option'],
  ['successRedirect', '/', 'write returnTo'],
  ['failureRedirect', '/login', 'write failurePath'],
])('refuses %s: %j', (option, value, part) => {
  const options = { callbackUrl: CALLBACK, startPath: '/start', [option]: value } as RedirectOptions;
  const resolve = (): unknown => resolveRedirectOptions(options);
  expect(resolve).toThrow(expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining(part) }));
  expect(resolve).toThrow(expect.objectContaining({ message: expect.stringMatching(new RegExp(`^${option} `)) }));
  expect(resolve).not.toThrow(/canary/);
});

it('names every mistake', () => {
  const resolve = (): unknown => resolveRedirectOptions({ callbackURL: CALLBACK, returnTo: 'x' } as never);
  expect(resolve).toThrow(
    /^passport-genauth: the options of the hosted page are wrong.\n {2}- callbackURL .*write callb/,
  );
  expect(resolve).toThrow(/\n {2}- callbackUrl is missing.*\n {2}- returnTo is "x"/);
  expect(() => resolveRedirectOptions(undefined as never)).toThrow(/^options of the hosted page are undefined: pass {/);
});

it.each(['/', '/orders', '/a/b?c=d&e=%20#f', '/@user', '/a//b', '/.'])('%s is a path of this application', (path) => {
  expect(isLocalPath(path)).toBe(true);
});

it.each(
  [
    '',
    'orders',
    '//a',
    '/.//a',
    '/a/..//b',
    '/\\a',
    '\\/a',
    '/\t/a',
    '/\n//a',
    'https://a',
    '/a b',
    '/ä',
    `/${'a'.repeat(512)}`,
    null,
    ['/'],
  ].map((path) => [path]),
)('%j is no path of this application', (path) => {
  expect(isLocalPath(path)).toBe(false);
});

/** Also if an application passes the normalized path on. */
function stays(path: string): boolean {
  const { origin, pathname } = new URL(path, 'https://app.example.com/auth');
  return origin === 'https://app.example.com' && new URL(pathname, origin).origin === origin;
}

it('each accepted path stays on the origin of the application, with any characters', () => {
  const character = fc.constantFrom('/', '\\', 'a', ':', '@', '.', '?', '#', '%', '\t', '\n', ' ', '\u0000');
  const check = (rest: string): boolean => {
    const path = `/${rest}`;
    return !isLocalPath(path) || stays(path);
  };
  const runs = { ...propertyRuns(), numRuns: 5000 };
  fc.assert(fc.property(fc.string({ unit: character, maxLength: 12 }), check), runs);
});
